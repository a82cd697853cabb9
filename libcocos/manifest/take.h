/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_TAKE_H
#define COCOS_MANIFEST_TAKE_H

/*
 * Reading the members of a map keyed 1, 2, … in which absent is null: the first failure stays, so
 * that a run of members is asked about once at its end.
 */

#include "codec/cbor.h"

typedef struct cocos__take {
    cocos__cbor map;
    int status; /* COCOS_OK or of the first failure */
    cocos_error **err;
} cocos__take;

enum cocos__need { COCOS__REQUIRED = 0, COCOS__OPTIONAL = 1 };

/* Exactly n bytes; NULL for null, or after a failure. */
const uint8_t *cocos__take_bytes(cocos__take *t, int64_t key, size_t n, int need);
/* min to max bytes; empty for null. */
cocos__span cocos__take_span(cocos__take *t, int64_t key, size_t min, size_t max, int need);
/* Text of 1 to max bytes without control characters, which people will see. */
cocos__span cocos__take_text(cocos__take *t, int64_t key, size_t max);
uint64_t cocos__take_uint(cocos__take *t, int64_t key);
/* `null` for null. */
int64_t cocos__take_int(cocos__take *t, int64_t key, int64_t null, int need);
int cocos__take_bool(cocos__take *t, int64_t key);
/* A list of at most max items; "signed.count". */
cocos__cbor cocos__take_list(cocos__take *t, int64_t key, size_t max);
/* The same for a list that is a tuple of n items, to be read with keys 0 to n - 1. */
void cocos__take_tuple(cocos__take *t, const cocos__cbor *list, size_t n, cocos__take *ret);
/* Passes on what went wrong in a part. */
void cocos__take_join(cocos__take *t, const cocos__take *part);

/* Writing the other way round. */
void cocos__put_bytes_or_null(cocos__buf *b, const uint8_t *data, size_t len);
void cocos__put_int_or_null(cocos__buf *b, int64_t v, int64_t null);

#endif
