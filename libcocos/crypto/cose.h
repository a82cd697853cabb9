/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_COSE_H
#define COCOS_CRYPTO_COSE_H

/*
 * COSE_Sign1 (RFC 9052) as cocos-v1 has it: protected alg, kid (SHA-256 thumbprint of the SPKI) and
 * content type, nothing unprotected unless asked for, tag 18 present, attached payload. With CWT
 * claims (protected header 15, RFC 9597) it is the shape of a SCITT signed statement (RFC 9943).
 */

#include <cocos/key.h>

#include "base/bytes.h"

/* Appends the COSE_Sign1 to out. content_type e.g. "application/vnd.cocos.request+cbor". */
int cocos__cose_sign(const cocos_key *key,
                     const char *content_type,
                     const uint8_t *payload,
                     size_t len,
                     cocos__buf *out,
                     cocos_error **err);

/* The same with CWT claims: an encoded map. */
int cocos__cose_sign_claims(const cocos_key *key,
                            const char *content_type,
                            cocos__span claims,
                            cocos__span payload,
                            cocos__buf *out,
                            cocos_error **err);

typedef struct cocos__cose cocos__cose; /* parsed, not yet trusted; holds a copy */
int cocos__cose_parse(const uint8_t *data, size_t len, cocos__cose **ret, cocos_error **err);

/* Headers that may come along without protection. */
#define COCOS__COSE_TIMESTAMP 270 /* 3161-ctt, RFC 9921: bstr of a TimeStampToken */
#define COCOS__COSE_RECEIPTS  394 /* SCITT receipts */

/*
 * With CWT claims. `lenient`: unprotected headers other than these two, or of another type than
 * they should have, are passed over (where a verdict is made) instead of "cose.unprotected".
 */
int cocos__cose_parse_claims(
    const uint8_t *data, size_t len, int lenient, cocos__cose **ret, cocos_error **err);
cocos__span cocos__cose_claims(const cocos__cose *c);    /* encoded; empty without */
cocos__span cocos__cose_timestamp(const cocos__cose *c); /* token; empty when there is none */
int cocos__cose_has_receipts(const cocos__cose *c);
/* Appends the encoding without anything unprotected, as it was signed first; or with this token,
 * and the receipts that it has. */
int cocos__cose_encode(const cocos__cose *c,
                       const cocos__span *token,
                       cocos__buf *out,
                       cocos_error **err);
/* Appends the signature as a CBOR bstr: what a time-stamp is over (RFC 9921 section 3.1). */
void cocos__cose_put_signature(const cocos__cose *c, cocos__buf *out);

int64_t cocos__cose_alg(const cocos__cose *c);
const uint8_t *cocos__cose_kid(const cocos__cose *c); /* 32 bytes */
const char *cocos__cose_content_type(const cocos__cose *c);
cocos__span cocos__cose_payload(const cocos__cose *c);
/* kid, alg and content type must be those of key and expectation, then the signature must hold:
 * UNAUTHENTICATED "cose.…" otherwise. */
int cocos__cose_verify(const cocos__cose *c,
                       const cocos_key *key,
                       const char *content_type,
                       cocos_error **err);
void cocos__cose_free(cocos__cose *c);
COCOS__DEFINE_FREEP(cocos__cose_freep, cocos__cose *, cocos__cose_free)

#endif
