/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_STATEMENT_H
#define COCOS_MANIFEST_STATEMENT_H

/*
 * The result statement, and the closure after it (cocos-v1 section 5), signed by the guest under a
 * key whose evidence has the purpose "statement".
 */

#include <cocos/case.h>

#include "manifest/signed.h"

#define COCOS__STATEMENT_MAX    (1u << 20) /* bytes; with a time-stamp */
#define COCOS__STATEMENT_ASSETS 258        /* algorithm, requirements, data sets */
#define COCOS__STATEMENT_NAMED  1024       /* approvals and withdrawals */

/* One asset that the job was given, or that was wiped (then only kind and index). */
typedef struct cocos__used {
    int kind;              /* enum cocos_asset_kind */
    cocos__span name;      /* 1 to 255 bytes */
    const uint8_t *digest; /* 32 bytes */
    uint64_t size;
} cocos__used;

/* An approval that the run rests on, or a withdrawal that ended it. */
typedef struct cocos__named {
    int withdrawal;
    const uint8_t *signer; /* 32 bytes: thumbprint */
    const uint8_t *digest; /* 32 bytes: cocos__signed.digest of it */
} cocos__named;

typedef struct cocos__moment {
    uint64_t monotonic_ns; /* since the boot */
    int64_t wall_s;        /* since 1970, as the host's clock says; COCOS__NEVER: no such moment */
} cocos__moment;

/* The payload, in its order. Everything is borrowed; of a parsed one, as long as the object lives.
 */
typedef struct cocos__stating {
    cocos__span computation_id; /* 2: 1 to 64 bytes */
    const uint8_t *instance;    /* 3: 16 bytes */
    uint64_t run;               /* 4: 1, 2, … of this boot */
    const uint8_t *manifest;    /* 5: 32 bytes */
    const cocos__used *assets;  /* 6 */
    size_t n_assets;
    const cocos__named *named; /* 7 */
    size_t n_named;
    const uint8_t *result;         /* 8: 32 bytes, SHA3-256; NULL: there is no result */
    const uint8_t *result_sha256;  /* 9: 32 bytes; NULL with it */
    uint64_t result_size;          /* 10: 0 without one, then encoded as null */
    int64_t exit_status;           /* 11: COCOS__NEVER: the job did not end by itself */
    cocos__moment start;           /* 12 */
    cocos__moment end;             /* 13 */
    int limits_enforced;           /* 14 */
    int network_used;              /* 15 */
    cocos__span agent_version;     /* 16: 1 to 64 bytes */
    cocos__span agent_measurement; /* 17: 1 to 64 bytes; empty: not known to itself */
    cocos__span consumer_nonce;    /* 18: 8 to 64 bytes; empty: none */
} cocos__stating;

/* Appends the COSE_Sign1. USAGE "statement.value". */
int cocos__statement_sign(const cocos_key *key,
                          const cocos__stating *s,
                          cocos__buf *out,
                          cocos_error **err);

struct cocos_statement {
    uint8_t *encoded; /* as it came */
    size_t len;
    cocos__signed is;
    cocos__stating says;
    cocos__used *assets;
    cocos__named *named;
};
COCOS__DEFINE_FREEP(cocos__statement_freep, cocos_statement *, cocos_statement_free)

/* As cocos_statement_parse(), passing over unprotected headers that we do not know. */
int cocos__statement_parse(cocos__span data, int lenient, cocos_statement **ret, cocos_error **err);

typedef struct cocos__wiped {
    int kind;
    uint32_t index;
} cocos__wiped;

typedef struct cocos__closing {
    const uint8_t *statement;  /* 2: 32 bytes: cocos__signed.digest of the statement */
    const cocos__wiped *wiped; /* 3 */
    size_t n_wiped;
    int scratch_key_erased; /* 4 */
} cocos__closing;

/* Appends the COSE_Sign1. `manifest`: digest, for the claims. */
int cocos__closure_sign(const cocos_key *key,
                        const uint8_t manifest[32],
                        const cocos__closing *c,
                        cocos__buf *out,
                        cocos_error **err);

struct cocos_closure {
    uint8_t *encoded;
    size_t len;
    cocos__signed is;
    cocos__closing says;
    cocos__wiped *wiped;
};
COCOS__DEFINE_FREEP(cocos__closure_freep, cocos_closure *, cocos_closure_free)

int cocos__closure_parse(cocos__span data,
                         int lenient,
                         const cocos__known *known,
                         cocos_closure **ret,
                         cocos_error **err);

#endif
