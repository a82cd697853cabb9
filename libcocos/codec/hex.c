/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/hex.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

void cocos__hex_encode(const uint8_t *data, size_t len, char *out)
{
    cocos__hex_digits(data, len, out);
    out[2 * len] = '\0';
}

void cocos__hex_add(cocos__buf *b, const uint8_t *data, size_t len)
{
    if (len > SIZE_MAX / 2) {
        b->failed = 1;
        return;
    }

    uint8_t *room = cocos__buf_room(b, 2 * len);
    if (room)
        cocos__hex_digits(data, len, (char *)room);
}

int cocos__hex_decode(
    const char *text, size_t text_len, uint8_t *out, size_t out_len, cocos_error **err)
{
    if (text_len % 2 != 0 || text_len / 2 != out_len) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "hex.length",
                           "%zu hex digits are needed, not %zu", 2 * out_len, text_len);
    }

    for (size_t i = 0; i < text_len; i++) {
        if (digit(text[i]) < 0) {
            return cocos__fail(err, COCOS_ERR_MALFORMED, "hex.digit",
                               "character %zu is not a hex digit", i + 1);
        }
    }
    for (size_t i = 0; i < out_len; i++)
        out[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return COCOS_OK;
}
