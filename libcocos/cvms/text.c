/* SPDX-License-Identifier: Apache-2.0 */
#include "cvms/text.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at p, 0 when there is none (also for overlong forms and surrogates).
 */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    unsigned char c = p[0];
    size_t n = c < 0x80                ? 1
               : c >= 0xc2 && c < 0xe0 ? 2
               : (c & 0xf0) == 0xe0    ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static int is_control(const unsigned char *p, size_t n)
{
    if (n == 1)
        return (p[0] < 0x20 && p[0] != '\n') || p[0] == 0x7f;
    return n == 2 && p[0] == 0xc2 && p[1] < 0xa0; /* C1 controls */
}

char *cocos__cvms_text(const char *s, size_t max)
{
    size_t len = s ? strnlen(s, max) : 0;
    char *out = malloc(len + 1);
    size_t at = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < len;) {
        const unsigned char *p = (const unsigned char *)s + i;
        size_t n = utf8_len(p, len - i);
        if (n == 0 || is_control(p, n)) {
            out[at++] = n == 0 ? '?' : ' ';
            i += n ? n : 1;
            continue;
        }
        memcpy(out + at, p, n);
        at += n;
        i += n;
    }
    out[at] = '\0';
    return out;
}
