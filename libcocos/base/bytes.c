/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"

void cocos__reader_init(cocos__reader *r, const uint8_t *data, size_t len)
{
    *r = (cocos__reader){data, len, 0, 0};
}

size_t cocos__reader_left(const cocos__reader *r)
{
    return r->failed ? 0 : r->len - r->pos;
}

const uint8_t *cocos__read_bytes(cocos__reader *r, size_t n)
{
    static const uint8_t nothing[1];

    if (r->failed || n > r->len - r->pos) {
        r->failed = 1;
        return NULL;
    }

    const uint8_t *p = r->data ? r->data + r->pos : nothing;
    r->pos += n;
    return p;
}

cocos__span cocos__read_span(cocos__reader *r, size_t n)
{
    const uint8_t *p = cocos__read_bytes(r, n);
    return (cocos__span){p, p ? n : 0};
}

void cocos__read_copy(cocos__reader *r, uint8_t *out, size_t n)
{
    const uint8_t *p = cocos__read_bytes(r, n);

    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

uint8_t cocos__read_u8(cocos__reader *r)
{
    const uint8_t *p = cocos__read_bytes(r, 1);
    return p ? p[0] : 0;
}

#define READER(type, name, size)                                                                   \
    type cocos__read_##name(cocos__reader *r)                                                      \
    {                                                                                              \
        const uint8_t *p = cocos__read_bytes(r, size);                                             \
        return p ? cocos__##name(p) : 0;                                                           \
    }

READER(uint16_t, u16le, 2)
READER(uint32_t, u32le, 4)
READER(uint64_t, u64le, 8)
READER(uint16_t, u16be, 2)
READER(uint32_t, u32be, 4)
READER(uint64_t, u64be, 8)

uint16_t cocos__u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t cocos__u32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t cocos__u64le(const uint8_t *p)
{
    return cocos__u32le(p) | (uint64_t)cocos__u32le(p + 4) << 32;
}

uint16_t cocos__u16be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t cocos__u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

uint64_t cocos__u64be(const uint8_t *p)
{
    return (uint64_t)cocos__u32be(p) << 32 | cocos__u32be(p + 4);
}

static void put_le(uint8_t *p, uint64_t v, size_t n)
{
    v = htole64(v);
    memcpy(p, &v, n);
}

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
    v = htobe64(v << (64 - 8 * n));
    memcpy(p, &v, n);
}

void cocos__put_u16le(uint8_t *p, uint16_t v)
{
    put_le(p, v, 2);
}

void cocos__put_u32le(uint8_t *p, uint32_t v)
{
    put_le(p, v, 4);
}

void cocos__put_u64le(uint8_t *p, uint64_t v)
{
    put_le(p, v, 8);
}

void cocos__put_u16be(uint8_t *p, uint16_t v)
{
    put_be(p, v, 2);
}

void cocos__put_u32be(uint8_t *p, uint32_t v)
{
    put_be(p, v, 4);
}

void cocos__put_u64be(uint8_t *p, uint64_t v)
{
    put_be(p, v, 8);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight digits of four bytes at once: a verdict is full of digests. */
static uint64_t eight_digits(uint64_t x)
{
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x << 4) & EACH(0x0f);
    uint64_t letters = (x + EACH(6)) >> 4 & EACH(1); /* 1 for each that is 10 or more */
    return x + EACH('0') + letters * ('a' - 10 - '0');
}

void cocos__hex_digits(const uint8_t *data, size_t len, char *out)
{
    uint8_t *p = (uint8_t *)out;
    size_t i = 0;

    for (; len - i >= 4; i += 4)
        cocos__put_u64be(p + 2 * i, eight_digits(cocos__u32be(data + i)));
    for (; i < len; i++)
        cocos__put_u16be(p + 2 * i, (uint16_t)eight_digits(data[i]));
}

void cocos__buf_init(cocos__buf *b, size_t limit)
{
    *b = (cocos__buf){NULL, 0, 0, limit, 0};
}

void cocos__buf_done(cocos__buf *b)
{
    free(b->data);
    *b = (cocos__buf){NULL, 0, 0, b->limit, 0};
}

void cocos__buf_wipe_done(cocos__buf *b)
{
    if (b->data)
        cocos__wipe(b->data, b->cap);
    cocos__buf_done(b);
}

void cocos__buf_reset(cocos__buf *b)
{
    b->len = 0;
    b->failed = 0;
}

/* Makes room for n more bytes and one spare for cocos__buf_cstr(). */
static int reserve(cocos__buf *b, size_t n)
{
    if (b->failed || n > b->limit - b->len) {
        b->failed = 1;
        return 0;
    }
    if (b->len + n < b->cap)
        return 1;

    size_t cap = b->cap ? b->cap : 64;
    while (cap <= b->len + n)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;

    /* Not realloc: the old block may hold a secret and must be wiped by its owner's rules. */
    uint8_t *data = malloc(cap);
    if (!data) {
        b->failed = 1;
        return 0;
    }
    if (b->data) {
        memcpy(data, b->data, b->len);
        cocos__wipe(b->data, b->cap);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
    return 1;
}

uint8_t *cocos__buf_room(cocos__buf *b, size_t n)
{
    if (!reserve(b, n))
        return NULL;

    uint8_t *p = b->data + b->len;
    b->len += n;
    return p;
}

void cocos__buf_add(cocos__buf *b, const void *data, size_t n)
{
    uint8_t *p = cocos__buf_room(b, n);
    if (p && n)
        memcpy(p, data, n);
}

void cocos__buf_add_str(cocos__buf *b, const char *s)
{
    cocos__buf_add(b, s, strlen(s));
}

void cocos__buf_add_u8(cocos__buf *b, uint8_t v)
{
    cocos__buf_add(b, &v, 1);
}

#define ADDER(type, name, size)                                                                    \
    void cocos__buf_add_##name(cocos__buf *b, type v)                                              \
    {                                                                                              \
        uint8_t *p = cocos__buf_room(b, size);                                                     \
        if (p)                                                                                     \
            cocos__put_##name(p, v);                                                               \
    }

ADDER(uint16_t, u16le, 2)
ADDER(uint32_t, u32le, 4)
ADDER(uint64_t, u64le, 8)
ADDER(uint16_t, u16be, 2)
ADDER(uint32_t, u32be, 4)
ADDER(uint64_t, u64be, 8)

void cocos__buf_printf(cocos__buf *b, const char *fmt, ...)
{
    va_list ap;
    va_list again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->failed = 1;
    else if (reserve(b, (size_t)n)) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

char *cocos__buf_cstr(cocos__buf *b)
{
    if (!reserve(b, 0))
        return NULL;
    b->data[b->len] = '\0';
    return (char *)b->data;
}

uint8_t *cocos__buf_steal(cocos__buf *b, size_t *len)
{
    if (!cocos__buf_cstr(b))
        return NULL;

    uint8_t *data = b->data;
    *len = b->len;
    *b = (cocos__buf){NULL, 0, 0, b->limit, 0};
    return data;
}

int cocos__equal_ct(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t diff = 0;

    for (size_t i = 0; i < n; i++)
        diff |= (uint8_t)(x[i] ^ y[i]);
    return diff == 0;
}
