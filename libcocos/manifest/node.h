/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_NODE_H
#define COCOS_MANIFEST_NODE_H

/*
 * One place in a manifest that is being read, in JSON or in CBOR: the two forms have the same names
 * and nesting, and differ only in how some values are written (cocos-v1 section 2).
 */

#include "codec/cbor.h"
#include "codec/json.h"
#include "manifest/model.h"

typedef struct cocos__node {
    int is_cbor;
    union {
        cocos__json json;
        cocos__cbor cbor;
        cocos__path path; /* the first member of both */
    };
} cocos__node;

/* Absent, null, "", [], {} and false mean the same: not stated. */
int cocos__node_is_empty(const cocos__node *n);
int cocos__node_expect_map(const cocos__node *n, cocos_error **err);
int cocos__node_expect_list(const cocos__node *n, cocos_error **err);
size_t cocos__node_count(const cocos__node *n);
/* The node must outlive what it gives. */
cocos__node cocos__node_member(const cocos__node *n, const char *name);
cocos__node cocos__node_item(const cocos__node *n, size_t i);

/* A defect for every member that is not in names (ended by NULL). */
void cocos__node_only(const cocos__node *n, const char *const *names, cocos__defects *d);

/* A copy, never with a NUL inside. */
int cocos__node_text(const cocos__node *n, char **ret, cocos_error **err);
int cocos__node_bool(const cocos__node *n, int *ret, cocos_error **err);
int cocos__node_uint(const cocos__node *n, uint64_t *ret, cocos_error **err);
/* JSON: hex; CBOR: bytes. */
int cocos__node_hash(const cocos__node *n, uint8_t ret[COCOS_DIGEST_SIZE], cocos_error **err);
/* JSON: PEM text, or a path when base is given; CBOR: DER. */
int cocos__node_key(const cocos__node *n, const char *base, cocos_key **ret, cocos_error **err);
/* JSON: number, or text with a suffix; CBOR: number. */
int cocos__node_bytes(const cocos__node *n, uint64_t *ret, cocos_error **err);
/* JSON: Go duration; CBOR: milliseconds. */
int cocos__node_duration(const cocos__node *n, uint64_t *ms, cocos_error **err);
/* JSON: cores, also as a fraction; CBOR: thousandths. */
int cocos__node_cpu(const cocos__node *n, uint64_t *milli, cocos_error **err);

/*
 * parse.c: fills the empty m; what is wrong goes to d. base: directory for paths, or NULL. 0 when
 * this is no manifest of our version, so that nothing further can be said about it.
 */
int cocos__manifest_parse(const cocos__node *root,
                          const char *base,
                          cocos_manifest *m,
                          cocos__defects *d);

#endif
