/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_BYTES_H
#define COCOS_BASE_BYTES_H

/*
 * The bounded reader and writer through which all foreign bytes go (style.md 2.5). Neither ever
 * reads or writes outside its bounds; both remember the first failure, so that a caller may read a
 * run of fields and ask once at the end.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* A view of bytes that somebody else owns. */
typedef struct cocos__span {
    const uint8_t *data;
    size_t len;
} cocos__span;

/* Reader over borrowed bytes. After a failed read `failed` is 1 and every read gives zeros. */
typedef struct cocos__reader {
    const uint8_t *data;
    size_t len;
    size_t pos;
    int failed;
} cocos__reader;

void cocos__reader_init(cocos__reader *r, const uint8_t *data, size_t len);
size_t cocos__reader_left(const cocos__reader *r);
uint8_t cocos__read_u8(cocos__reader *r);
uint16_t cocos__read_u16le(cocos__reader *r);
uint32_t cocos__read_u32le(cocos__reader *r);
uint64_t cocos__read_u64le(cocos__reader *r);
uint16_t cocos__read_u16be(cocos__reader *r);
uint32_t cocos__read_u32be(cocos__reader *r);
uint64_t cocos__read_u64be(cocos__reader *r);
const uint8_t *cocos__read_bytes(cocos__reader *r, size_t n); /* NULL when fewer are left */
cocos__span cocos__read_span(cocos__reader *r, size_t n);     /* {NULL, 0} when fewer are left */
void cocos__read_copy(cocos__reader *r, uint8_t *out, size_t n);

/* Loads from a place whose size the caller has checked. */
uint16_t cocos__u16le(const uint8_t *p);
uint32_t cocos__u32le(const uint8_t *p);
uint64_t cocos__u64le(const uint8_t *p);
uint16_t cocos__u16be(const uint8_t *p);
uint32_t cocos__u32be(const uint8_t *p);
uint64_t cocos__u64be(const uint8_t *p);
void cocos__put_u16le(uint8_t *p, uint16_t v);
void cocos__put_u32le(uint8_t *p, uint32_t v);
void cocos__put_u64le(uint8_t *p, uint64_t v);
void cocos__put_u16be(uint8_t *p, uint16_t v);
void cocos__put_u32be(uint8_t *p, uint32_t v);
void cocos__put_u64be(uint8_t *p, uint64_t v);

/* Lower case, no NUL: out has room for 2 * len. */
void cocos__hex_digits(const uint8_t *data, size_t len, char *out);

/*
 * Growing buffer with a limit. After a failed append (limit or memory) `failed` is 1, the content
 * stays as it was and later appends do nothing.
 */
typedef struct cocos__buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t limit;
    int failed;
} cocos__buf;

void cocos__buf_init(cocos__buf *b, size_t limit);
void cocos__buf_done(cocos__buf *b);               /* frees; cleanup function */
void cocos__buf_wipe_done(cocos__buf *b);          /* wipes, then frees */
void cocos__buf_reset(cocos__buf *b);              /* empty again, memory kept */
uint8_t *cocos__buf_room(cocos__buf *b, size_t n); /* n new bytes to be filled, or NULL */
void cocos__buf_add(cocos__buf *b, const void *data, size_t n);
void cocos__buf_add_str(cocos__buf *b, const char *s);
void cocos__buf_add_u8(cocos__buf *b, uint8_t v);
void cocos__buf_add_u16le(cocos__buf *b, uint16_t v);
void cocos__buf_add_u32le(cocos__buf *b, uint32_t v);
void cocos__buf_add_u64le(cocos__buf *b, uint64_t v);
void cocos__buf_add_u16be(cocos__buf *b, uint16_t v);
void cocos__buf_add_u32be(cocos__buf *b, uint32_t v);
void cocos__buf_add_u64be(cocos__buf *b, uint64_t v);
void cocos__buf_printf(cocos__buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *cocos__buf_cstr(cocos__buf *b); /* NUL-terminated view, or NULL when failed */
uint8_t *cocos__buf_steal(cocos__buf *b,
                          size_t *len); /* caller frees; NULL when failed; never NULL else */

/* 1 when equal; time does not depend on content. */
int cocos__equal_ct(const void *a, const void *b, size_t n);

#endif
