/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COLLATERAL_BUNDLE_H
#define COCOS_COLLATERAL_BUNDLE_H

/* Bundles from inside: what fetching fills, and the one way to a finished object. */

#include <cocos/collateral.h>

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__BUNDLE_MAX     (16u << 20) /* bytes */
#define COCOS__BUNDLE_ITEMS   16
#define COCOS__BUNDLE_SUBJECT 256  /* bytes of text */
#define COCOS__BUNDLE_SOURCE  1024 /* bytes of text */

typedef struct cocos__bundle_item {
    int part;         /* enum cocos_evidence_part */
    cocos__span data; /* owned by a draft, within the bytes of a bundle */
    char *source;     /* owned */
    int64_t until_s;  /* of a bundle */
} cocos__bundle_item;

struct cocos_bundle {
    uint8_t *cbor;
    size_t len;
    int kind;
    char subject[COCOS__BUNDLE_SUBJECT + 1];
    cocos__bundle_item items[COCOS__BUNDLE_ITEMS];
    size_t n;
};

COCOS__DEFINE_FREEP(cocos__bundle_freep, cocos_bundle *, cocos_bundle_free)

typedef struct cocos__bundle_draft {
    int kind;
    char subject[COCOS__BUNDLE_SUBJECT + 1];
    cocos__bundle_item items[COCOS__BUNDLE_ITEMS];
    size_t n;
} cocos__bundle_draft;

void cocos__bundle_draft_done(cocos__bundle_draft *d); /* empty again */
/* Copies. */
int cocos__bundle_draft_add(
    cocos__bundle_draft *d, int part, cocos__span data, const char *source, cocos_error **err);
/* Written and read back, so that what we make is held to what we take. */
int cocos__bundle_finish(cocos__bundle_draft *d, cocos_bundle **ret, cocos_error **err);

int cocos__bundle_copy(const cocos_bundle *bundle, cocos_bundle **ret, cocos_error **err);

#endif
