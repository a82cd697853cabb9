/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_CBOR_H
#define COCOS_CODEC_CBOR_H

/*
 * Deterministic CBOR (RFC 8949 section 4.2.1). Reading has two steps: cocos__cbor_open() checks the
 * form of the whole input once, without building a tree; cursors then walk the checked bytes.
 */

#include "base/bytes.h"
#include "base/error.h"
#include "codec/path.h"

/* ---- Writing: appends to a buffer, whose `failed` says at the end whether all went well ---- */

void cocos__cbor_put_uint(cocos__buf *b, uint64_t v);
void cocos__cbor_put_int(cocos__buf *b, int64_t v);
void cocos__cbor_put_bytes(cocos__buf *b, const uint8_t *data, size_t len);
void cocos__cbor_put_text(cocos__buf *b, const char *s);
void cocos__cbor_put_text_n(cocos__buf *b, const char *s, size_t len);
void cocos__cbor_put_bool(cocos__buf *b, int v);
void cocos__cbor_put_null(cocos__buf *b);
void cocos__cbor_put_tag(cocos__buf *b, uint64_t tag);
void cocos__cbor_put_array(cocos__buf *b, size_t n); /* n items follow */

#define COCOS__CBOR_MAP_MAX 48

/*
 * A map whose members may be written in any order: after each key exactly one item. end sorts them
 * and puts the head before them. Maps nest; a doubled key or too many keys fail the buffer.
 */
typedef struct cocos__cbor_map {
    cocos__buf *b;
    size_t start;
    size_t n;
    size_t at[COCOS__CBOR_MAP_MAX];
    size_t key_len[COCOS__CBOR_MAP_MAX];
} cocos__cbor_map;

void cocos__cbor_map_begin(cocos__cbor_map *m, cocos__buf *b);
void cocos__cbor_map_key(cocos__cbor_map *m, int64_t key);
void cocos__cbor_map_name(cocos__cbor_map *m, const char *name);
/* Takes back the last key and what was written behind it. */
void cocos__cbor_map_drop_key(cocos__cbor_map *m);
void cocos__cbor_map_end(cocos__cbor_map *m);

/* ---- Reading ---- */

enum cocos__cbor_kind {
    COCOS__CBOR_ABSENT = 0, /* what looking up a missing member gives */
    COCOS__CBOR_UINT = 1,
    COCOS__CBOR_NEGINT = 2,
    COCOS__CBOR_BYTES = 3,
    COCOS__CBOR_TEXT = 4,
    COCOS__CBOR_ARRAY = 5,
    COCOS__CBOR_MAP = 6,
    COCOS__CBOR_TAG = 7,
    COCOS__CBOR_BOOL = 8,
    COCOS__CBOR_NULL = 9,
    COCOS__CBOR_FLOAT = 10 /* only with COCOS__CBOR_FOREIGN; can be skipped, not read */
};

#define COCOS__CBOR_DEPTH_MAX 16

enum cocos__cbor_flags {
    COCOS__CBOR_STRICT = 0,
    COCOS__CBOR_FOREIGN =
        1 /* made by others: map keys in any order (never doubled), floats allowed */
};

/* One item. data and len are its encoding; borrowed from the input. */
typedef struct cocos__cbor {
    cocos__path path;
    const uint8_t *data;
    size_t len;
} cocos__cbor;

/*
 * Check that the input is one item, all of it in the one form: shortest heads, definite lengths,
 * keys (numbers or strings) sorted and not doubled, UTF-8, no floats, undefined or unassigned
 * values, at most COCOS__CBOR_DEPTH_MAX levels, nothing behind. MALFORMED "cbor.malformed",
 * "cbor.short", "cbor.head", "cbor.indefinite", "cbor.key", "cbor.order", "cbor.double",
 * "cbor.utf8", "cbor.value", "cbor.depth", "cbor.trailing".
 */
int cocos__cbor_open(
    const uint8_t *data, size_t len, int flags, cocos__cbor *root, cocos_error **err);

int cocos__cbor_kind(const cocos__cbor *c);
/* Number of items of an array, of pairs of a map; 0 for others. */
size_t cocos__cbor_count(const cocos__cbor *c);

/*
 * Typed values. MALFORMED "cbor.absent", "cbor.type", "cbor.range", "cbor.length", "cbor.constant"
 * with the pointer as check, and what was expected and found.
 */
int cocos__cbor_uint(const cocos__cbor *c, uint64_t *ret, cocos_error **err);
int cocos__cbor_int(const cocos__cbor *c, int64_t *ret, cocos_error **err);
int cocos__cbor_bool(const cocos__cbor *c, int *ret, cocos_error **err);
int cocos__cbor_bytes(const cocos__cbor *c, cocos__span *ret, cocos_error **err);
int cocos__cbor_bytes_n(const cocos__cbor *c, size_t n, const uint8_t **ret, cocos_error **err);
int cocos__cbor_text(const cocos__cbor *c, cocos__span *ret, cocos_error **err);
int cocos__cbor_text_is(const cocos__cbor *c, const char *expected, cocos_error **err);
int cocos__cbor_expect(const cocos__cbor *c, int kind, cocos_error **err);
/* The item under tag number `tag`; "cbor.tag" when it is another tag. */
int cocos__cbor_untag(const cocos__cbor *c, uint64_t tag, cocos__cbor *ret, cocos_error **err);
/* Any tag. */
int cocos__cbor_tag(const cocos__cbor *c, uint64_t *tag, cocos__cbor *inner, cocos_error **err);

/* Members of a map; absent ones give a cursor of kind ABSENT. `c` must outlive the result. */
cocos__cbor cocos__cbor_member(const cocos__cbor *c, int64_t key);
cocos__cbor cocos__cbor_named(const cocos__cbor *c, const char *name);

/* MALFORMED "cbor.unknown" for the first key that is not an integer from low to high. */
int cocos__cbor_only(const cocos__cbor *c, int64_t low, int64_t high, cocos_error **err);
/* The same for text keys; `names` ends with NULL. */
int cocos__cbor_only_names(const cocos__cbor *c, const char *const *names, cocos_error **err);

/* for (cocos__cbor_each(&it, &array); cocos__cbor_next(&it, NULL, &item);) and, for maps, with key.
 */
typedef struct cocos__cbor_iter {
    const cocos__cbor *of;
    size_t pos;
    size_t index;
    size_t n;
    int is_map;
} cocos__cbor_iter;

void cocos__cbor_each(cocos__cbor_iter *it, const cocos__cbor *c);
int cocos__cbor_next(cocos__cbor_iter *it, cocos__cbor *key, cocos__cbor *value);

#endif
