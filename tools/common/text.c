/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 48 /* of words that are compared for did-you-mean */

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *p)
{
    size_t n = p[0] < 0x80                     ? 1
               : (p[0] >= 0xc2 && p[0] < 0xe0) ? 2
               : (p[0] & 0xf0) == 0xe0         ? 3
               : (p[0] >= 0xf0 && p[0] < 0xf5) ? 4
                                               : 0;

    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* C0, DEL, and the C1 range in its two-byte form: all that a terminal may obey. */
static int is_control(const unsigned char *p)
{
    return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0);
}

void tool_clean(char *out, size_t cap, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t used = 0;

    while (*p) {
        size_t n = utf8_length(p);
        int bad = n == 0 || is_control(p);
        size_t step = n == 0 ? 1 : n;

        if (used + (bad ? 1 : n) >= cap)
            break;
        if (bad)
            out[used++] = *p == '\n' || *p == '\t' ? ' ' : '?';
        else
            memcpy(out + used, p, n), used += n;
        p += step;
    }
    out[used] = '\0';
}

static const struct {
    const char *unit;
    int64_t ns;
} units[] = {
    {"ns", 1},           {"us", 1000},         {"\xc2\xb5s", 1000},    {"ms", 1000000},
    {"s", 1000000000LL}, {"m", 60000000000LL}, {"h", 3600000000000LL},
};

/* The unit at p: letters up to the next digit or the end. */
static int64_t unit_at(const char **p)
{
    size_t len = strcspn(*p, "0123456789.");

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].unit) == len && strncmp(*p, units[i].unit, len) == 0) {
            *p += len;
            return units[i].ns;
        }
    }
    return 0;
}

/* Digits at p as a number; the count of digits in *n. -1 on overflow. */
static int64_t digits_at(const char **p, int *n, int64_t *scale)
{
    int64_t v = 0;

    *scale = 1;
    for (*n = 0; **p >= '0' && **p <= '9'; (*p)++, (*n)++) {
        if (v > (INT64_MAX - 9) / 10 || *scale > INT64_MAX / 10)
            return -1;
        v = v * 10 + (**p - '0');
        *scale *= 10;
    }
    return v;
}

int tool_duration_parse(const char *text, int64_t *ns)
{
    int64_t total = 0;
    const char *p = text;

    if (strcmp(text, "0") == 0) {
        *ns = 0;
        return 0;
    }
    do {
        int whole_digits, part_digits = 0;
        int64_t scale = 1, ignored, part = 0;
        int64_t whole = digits_at(&p, &whole_digits, &ignored);

        if (*p == '.') {
            p++;
            part = digits_at(&p, &part_digits, &scale);
        }
        int64_t unit = unit_at(&p);
        int64_t product, sum;

        if (whole < 0 || part < 0 || whole_digits + part_digits == 0 || unit == 0 ||
            __builtin_mul_overflow(whole, unit, &product) ||
            __builtin_add_overflow(total, product, &sum) ||
            __builtin_add_overflow(sum, (int64_t)((double)part / (double)scale * (double)unit),
                                   &total))
            return -1;
    } while (*p);

    *ns = total;
    return 0;
}

void tool_duration_text(char *out, size_t cap, int64_t ns)
{
    int64_t s = ns / 1000000000;

    if (ns < 0)
        snprintf(out, cap, "0 s");
    else if (s < 10)
        snprintf(out, cap, "%.1f s", (double)ns / 1e9);
    else if (s < 60)
        snprintf(out, cap, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(out, cap, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        snprintf(out, cap, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
}

void tool_size_text(char *out, size_t cap, uint64_t bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    size_t i = 0;

    while (v >= 1023.95 && i < 6) {
        v /= 1024;
        i++;
    }
    snprintf(out, cap, i == 0 ? "%.0f %s" : "%.1f %s", v, names[i]);
}

int tool_number_parse(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;

    if (!*text)
        return -1;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || v > (max - (uint64_t)(*p - '0')) / 10)
            return -1;
        v = v * 10 + (uint64_t)(*p - '0');
    }
    if (v > max)
        return -1;
    *value = v;
    return 0;
}

void tool_hex(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int tool_hex_parse(const char *text, uint8_t *out, size_t len)
{
    if (strlen(text) != 2 * len)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void tool_base64(char *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16;

        if (i + 1 < len)
            v |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < len)
            v |= data[i + 2];
        *out++ = base64_digits[v >> 18];
        *out++ = base64_digits[v >> 12 & 63];
        *out++ = i + 1 < len ? base64_digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < len ? base64_digits[v & 63] : '=';
    }
    *out = '\0';
}

long tool_base64_parse(const char *text, uint8_t *out, size_t cap)
{
    size_t len = strlen(text), used = 0;
    uint32_t v = 0;

    if (len % 4 != 0)
        return -1;
    size_t pad = len && text[len - 1] == '=' ? (text[len - 2] == '=' ? 2 : 1) : 0;

    for (size_t i = 0; i < len; i++) {
        const char *d = i >= len - pad ? base64_digits : strchr(base64_digits, text[i]);

        if (!d || !text[i])
            return -1;
        v = v << 6 | (uint32_t)(d - base64_digits);
        if (i % 4 != 3)
            continue;
        size_t n = i + 1 == len ? 3 - pad : 3;
        if (used + n > cap || (n < 3 && (v & ((UINT32_C(1) << (8 * (3 - n))) - 1)) != 0))
            return -1;
        for (size_t k = 0; k < n; k++)
            out[used++] = (uint8_t)(v >> (16 - 8 * k));
        v = 0;
    }
    return (long)used;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Optimal string alignment distance. */
size_t tool_distance(const char *a, const char *b)
{
    size_t row[3][WORD_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > WORD_MAX || lb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = row[i % 3], *before = row[(i - 1) % 3], *earlier = row[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            now[j] = min3(before[j] + 1, now[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                earlier[j - 2] + 1 < now[j])
                now[j] = earlier[j - 2] + 1;
        }
    }
    return row[la % 3][lb];
}
