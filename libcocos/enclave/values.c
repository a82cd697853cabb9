/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "codec/hex.h"

int cocos__value_printable(const char *s, size_t min, size_t max)
{
    size_t n = strnlen(s, max + 1);

    if (n < min || n > max)
        return 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e)
            return 0;
    return 1;
}

/* Digits at *s into *ret; moves *s behind them; 0 when there are none or the value does not fit. */
static int take_digits(const char **s, uint64_t *ret)
{
    uint64_t v = 0;
    const char *p = *s;

    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned d = (unsigned)(*p - '0');
        if (v > (UINT64_MAX - d) / 10)
            return 0;
        v = v * 10 + d;
    }
    if (p == *s)
        return 0;
    *s = p;
    *ret = v;
    return 1;
}

int cocos__value_number(const char *s, uint64_t max, uint64_t *ret)
{
    uint64_t v;

    if (!take_digits(&s, &v) || *s != '\0' || v > max)
        return 0;
    *ret = v;
    return 1;
}

int cocos__value_size(const char *s, uint64_t *bytes)
{
    static const char letters[] = "KMGT";
    uint64_t v;
    unsigned shift = 0;

    if (!take_digits(&s, &v))
        return 0;
    const char *letter = *s ? strchr(letters, toupper((unsigned char)*s)) : NULL;
    if (letter) {
        shift = 10 * (unsigned)(letter - letters + 1);
        s++;
        if (strcmp(s, "iB") == 0 || strcmp(s, "B") == 0)
            s += strlen(s);
    }
    if (*s != '\0' || v > UINT64_MAX >> shift)
        return 0;
    *bytes = v << shift;
    return 1;
}

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    /* longer names before those they begin with */
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60 * INT64_C(1000000000)},
    {"h", 3600 * INT64_C(1000000000)},
};

static const struct unit *take_unit(const char **s)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(units); i++) {
        size_t n = strlen(units[i].name);
        if (strncmp(*s, units[i].name, n) == 0) {
            *s += n;
            return &units[i];
        }
    }
    return NULL;
}

/* Digits behind the point; what is below one nanosecond is cut, as Go does. */
static int take_fraction(const char **s, double *fraction)
{
    const char *start = *s;
    double scale = 0.1;

    for (; **s >= '0' && **s <= '9'; ++*s, scale /= 10)
        *fraction += (**s - '0') * scale;
    return *s != start;
}

/* One "1.5h". */
static int take_part(const char **s, int64_t *ns)
{
    uint64_t whole = 0;
    double fraction = 0;
    int has_digits = **s >= '0' && **s <= '9';

    if (has_digits && !take_digits(s, &whole))
        return 0;
    if (**s == '.') {
        ++*s;
        has_digits |= take_fraction(s, &fraction);
    }
    const struct unit *unit = has_digits ? take_unit(s) : NULL;
    if (!unit || whole > (uint64_t)(INT64_MAX / unit->ns - 1))
        return 0;
    *ns = (int64_t)whole * unit->ns + (int64_t)(fraction * (double)unit->ns + 1e-6);
    return 1;
}

int cocos__value_duration(const char *s, int64_t *ns)
{
    int64_t total = 0;

    if (strcmp(s, "0") == 0) {
        *ns = 0;
        return 1;
    }
    do {
        int64_t part;
        if (!take_part(&s, &part) || __builtin_add_overflow(total, part, &total))
            return 0;
    } while (*s != '\0');
    *ns = total;
    return 1;
}

int cocos__value_port_range(const char *s, uint16_t *low, uint16_t *high)
{
    uint64_t a;
    uint64_t b;

    if (!take_digits(&s, &a) || *s++ != '-' || !take_digits(&s, &b) || *s != '\0')
        return 0;
    if (a < 1 || a > b || b > 65535)
        return 0;
    *low = (uint16_t)a;
    *high = (uint16_t)b;
    return 1;
}

int cocos__value_ipv4(const char *s)
{
    struct in_addr a;
    return inet_pton(AF_INET, s, &a) == 1;
}

static int in_name(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

int cocos__value_name(const char *s)
{
    size_t n = strnlen(s, 65);

    if (n < 1 || n > 64 || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!in_name(s[i]))
            return 0;
    return 1;
}

void cocos__value_uuid(char out[37])
{
    uint8_t u[16];
    char hex[33];

    cocos__random(u, sizeof u);
    u[6] = (uint8_t)((u[6] & 0x0f) | 0x40); /* RFC 9562 section 5.4: version 4, variant 10 */
    u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
    cocos__hex_encode(u, sizeof u, hex);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

int cocos__value_is_uuid(const char *s)
{
    if (strnlen(s, 37) != 36)
        return 0;
    for (int i = 0; i < 36; i++) {
        int dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !strchr("0123456789abcdef", s[i]))
            return 0;
    }
    return 1;
}

int cocos__value_endpoint(const char *s)
{
    const char *colon = strrchr(s, ':');
    uint64_t port;

    if (!cocos__value_printable(s, 3, 1024) || !colon || colon == s)
        return 0;
    if (!cocos__value_number(colon + 1, 65535, &port) || port == 0)
        return 0;
    for (const char *c = s; c < colon; c++)
        if (!in_name(*c) && !strchr("[]:%", *c))
            return 0;
    return 1;
}
