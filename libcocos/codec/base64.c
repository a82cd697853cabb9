/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static char letter(int variant, unsigned v)
{
    if (v < 62)
        return common[v];
    if (variant == COCOS__BASE64_URL)
        return v == 62 ? '-' : '_';
    return v == 62 ? '+' : '/';
}

static int value(int variant, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == letter(variant, 62))
        return 62;
    if (c == letter(variant, 63))
        return 63;
    return -1;
}

/* n is 1 to 3 bytes; writes 4 characters, or n + 1 where there is no padding. Returns the end. */
static uint8_t *put_group(uint8_t *to, int variant, const uint8_t *p, size_t n)
{
    unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

    for (size_t i = 0; i <= n; i++)
        *to++ = (uint8_t)letter(variant, v >> (18 - 6 * i) & 63);
    for (size_t i = n; i < 3 && variant == COCOS__BASE64; i++)
        *to++ = '=';
    return to;
}

void cocos__base64_add(cocos__buf *b, int variant, const uint8_t *data, size_t len)
{
    size_t last = len % 3;
    size_t size = len / 3 * 4 + (last == 0 ? 0 : variant == COCOS__BASE64 ? 4 : last + 1);
    uint8_t *to = cocos__buf_room(b, size);

    for (size_t i = 0; to && i < len; i += 3)
        to = put_group(to, variant, data + i, len - i < 3 ? len - i : 3);
}

/* n is 2 to 4 characters without padding. 0 when a character or an unused bit is wrong. */
static int take_group(uint8_t *to, int variant, const char *p, size_t n)
{
    unsigned v = 0;

    for (size_t i = 0; i < n; i++) {
        int d = value(variant, p[i]);
        if (d < 0)
            return 0;
        v |= (unsigned)d << (18 - 6 * i);
    }
    if (v & (0xffffffu >> (8 * (n - 1))))
        return 0;
    for (size_t i = 0; i + 1 < n; i++)
        to[i] = (uint8_t)(v >> (16 - 8 * i));
    return 1;
}

static int strip_padding(int variant, const char *text, size_t *len)
{
    if (variant == COCOS__BASE64_URL)
        return 1;
    if (*len % 4 != 0)
        return 0;
    for (int i = 0; i < 2 && *len > 0 && text[*len - 1] == '='; i++)
        --*len;
    return 1;
}

int cocos__base64_decode(
    int variant, const char *text, size_t len, cocos__buf *out, cocos_error **err)
{
    size_t before = out->len;
    int ok = strip_padding(variant, text, &len) && len % 4 != 1;
    uint8_t *to = ok ? cocos__buf_room(out, len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0)) : NULL;

    if (ok && !to)
        return cocos__fail_memory(err);
    for (size_t i = 0; ok && i < len; i += 4, to += 3)
        ok = take_group(to, variant, text + i, len - i < 4 ? len - i : 4);
    if (ok)
        return COCOS_OK;

    out->len = before;
    return cocos__fail(err, COCOS_ERR_MALFORMED, "base64.form", "not base64%s text",
                       variant == COCOS__BASE64_URL ? "url" : "");
}
