/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_CHAIN_H
#define COCOS_CRYPTO_CHAIN_H

/*
 * Certificate chains to pinned roots, and CRLs. Signatures, names and constraints are OpenSSL's
 * work; time is compared apart (cocos__cert_when), so that a chain verified once can be kept and
 * its validity looked at again at every use.
 */

#include "crypto/cert.h"

/* A root by the SHA-256 of its SubjectPublicKeyInfo. */
typedef struct cocos__pin {
    const char *name; /* for people: "ARK-Milan" */
    uint8_t spki_sha256[32];
} cocos__pin;

/* The pin that names this certificate's key, or NULL. */
const cocos__pin *cocos__pin_find(const cocos__pin *pins, size_t n, const cocos__cert *cert);

/*
 * Is root a self-signed certificate, and does leaf chain to it through exactly the given
 * intermediates (leaf's issuer first)? Checks every signature, the root's own too, names, CA bits,
 * path lengths, key usage and critical extensions; not time, not who the root is.
 * COCOS_OK; REJECTED "chain.bad" with OpenSSL's reason; MEMORY.
 */
int cocos__chain_verify(const cocos__cert *leaf,
                        cocos__cert *const *intermediates,
                        size_t n,
                        const cocos__cert *root,
                        cocos_error **err);

/*
 * Finds a chain from leaf through any of `pool` to one of `roots` and checks it like
 * cocos__chain_verify(). `chain` has room for COCOS__CERTS_MAX + 2 and gets leaf … root, borrowed
 * from the arguments; *n says how many.
 * COCOS_OK; REJECTED "chain.bad"; MEMORY.
 */
int cocos__chain_find(const cocos__cert *leaf,
                      const cocos__certs *pool,
                      const cocos__certs *roots,
                      cocos__cert **chain,
                      size_t *n,
                      cocos_error **err);

typedef struct cocos__crl cocos__crl; /* immutable */
#define COCOS__CRL_MAX (4u << 20)     /* bytes of one CRL */

/* One DER or PEM CRL with nothing behind it. MALFORMED "crl.form"; EXHAUSTED "crl.size". */
int cocos__crl_parse(const uint8_t *data, size_t len, cocos__crl **ret, cocos_error **err);
void cocos__crl_free(cocos__crl *crl);
COCOS__DEFINE_FREEP(cocos__crl_freep, cocos__crl *, cocos__crl_free)

int cocos__crl_issued_by(const cocos__crl *crl, const cocos__cert *issuer); /* names are equal */
/* REJECTED "crl.bad": not signed by this issuer, or it has a critical extension we do not know.
 * MEMORY.
 */
int cocos__crl_verify(const cocos__crl *crl, const cocos__cert *issuer, cocos_error **err);
/* -1 before thisUpdate, 0 current, 1 from nextUpdate on, or when there is no nextUpdate. */
int cocos__crl_when(const cocos__crl *crl, int64_t time_s);
int64_t
cocos__crl_next_update(const cocos__crl *crl); /* seconds since 1970; 0 when there is none */
/* 1 when it lists the certificate's serial (and the certificate is this issuer's). */
int cocos__crl_revokes(const cocos__crl *crl, const cocos__cert *cert);

/* What all lists seen so far say of one authority's certificates; the highest state stands. */
enum cocos__crl_state {
    COCOS__CRL_NONE,    /* no list names the authority */
    COCOS__CRL_STALE,   /* none of them is of that time */
    COCOS__CRL_CURRENT, /* one is, and none names a certificate */
    COCOS__CRL_FORGED,  /* one is not signed by the authority that it names */
    COCOS__CRL_REVOKED  /* one names a certificate: an old list does so too */
};

typedef struct cocos__crl_found {
    int state;
    int64_t from_s; /* dates of the list that decided: seconds since 1970; until_s 0: no end */
    int64_t until_s;
    const cocos__cert *revoked; /* borrowed from `certs` */
} cocos__crl_found;

/*
 * Takes one list in. 1 when it names this authority, 0 when it is of no concern; MEMORY. `f` begins
 * as zeros. Entries of `certs` may be NULL.
 */
int cocos__crl_take(cocos__crl_found *f,
                    const cocos__crl *crl,
                    const cocos__cert *issuer,
                    const cocos__cert *const *certs,
                    size_t n,
                    int64_t time_s,
                    cocos_error **err);

#endif
