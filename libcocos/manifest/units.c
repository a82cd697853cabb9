/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units, as people write them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/model.h"

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Moves *p behind the digits; 0 when there is none or the number is too large. */
static int take_number(const char **p, uint64_t *v)
{
    const char *s = *p;

    for (*v = 0; is_digit(*s); s++) {
        if (__builtin_mul_overflow(*v, (uint64_t)10, v) ||
            __builtin_add_overflow(*v, (uint64_t)(*s - '0'), v))
            return 0;
    }
    int ok = s > *p;
    *p = s;
    return ok;
}

int cocos__bytes_parse(const char *text, uint64_t *bytes)
{
    static const char suffixes[] = "KMG";
    uint64_t v;

    if (!take_number(&text, &v))
        return 0;
    const char *suffix = *text ? strchr(suffixes, *text) : NULL;
    if (*text && (!suffix || text[1]))
        return 0;

    unsigned shift = suffix ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
    if (v > UINT64_MAX >> shift)
        return 0;
    *bytes = v << shift;
    return 1;
}

/* Units of Go's time.ParseDuration, in nanoseconds; longer names first where one begins another. */
static const struct {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000},
    {"ms", 1000000},
    {"s", UINT64_C(1000000000)},
    {"m", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
};

static uint64_t take_unit(const char **p)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(units); i++) {
        size_t n = strlen(units[i].name);
        if (strncmp(*p, units[i].name, n) == 0) {
            *p += n;
            return units[i].ns;
        }
    }
    return 0;
}

/* One number with its unit, such as 1.5h. */
static int take_part(const char **p, uint64_t *ns)
{
    uint64_t whole = 0;
    uint64_t fraction = 0;
    uint64_t scale = 1;
    int digits = is_digit(**p);

    if (digits && !take_number(p, &whole))
        return 0;
    if (**p == '.') {
        for (++*p; is_digit(**p); ++*p, digits = 1) {
            if (scale < UINT64_C(1000000000)) { /* below a nanosecond: no matter */
                fraction = 10 * fraction + (uint64_t)(**p - '0');
                scale *= 10;
            }
        }
    }

    uint64_t unit = digits ? take_unit(p) : 0;
    if (unit == 0 || __builtin_mul_overflow(whole, unit, ns))
        return 0;
    /* fraction * unit / scale in two steps that fit 64 bits: fraction < scale <= 1e9. */
    uint64_t part = fraction * (unit / scale) + fraction * (unit % scale) / scale;
    return !__builtin_add_overflow(*ns, part, ns);
}

int cocos__duration_parse(const char *text, uint64_t *ms)
{
    uint64_t total = 0;

    if (!*text)
        return 0;
    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return 1;
    }
    while (*text) {
        uint64_t ns;
        if (!take_part(&text, &ns) || __builtin_add_overflow(total, ns, &total))
            return 0;
    }
    if (total % 1000000 != 0 || total > INT64_MAX) /* Go's durations end there */
        return 0;
    *ms = total / 1000000;
    return 1;
}

void cocos__duration_print(uint64_t ms, char *out, size_t size)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } parts[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t at = 0;

    snprintf(out, size, "0");
    for (size_t i = 0; i < COCOS__ARRAY_LEN(parts) && at < size; i++) {
        if (ms >= parts[i].ms)
            at += (size_t)snprintf(out + at, size - at, "%" PRIu64 "%s", ms / parts[i].ms,
                                   parts[i].name);
        ms %= parts[i].ms;
    }
}
