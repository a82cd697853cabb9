/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_COSE_H
#define COCOS_CRYPTO_COSE_H

/*
 * COSE_Sign1 (RFC 9052) as cocos-v1 has it: protected alg, kid (SHA-256 thumbprint of the SPKI) and
 * content type, nothing unprotected unless asked for, tag 18 present, attached payload.
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

typedef struct cocos__cose cocos__cose; /* parsed, not yet trusted; holds a copy */
int cocos__cose_parse(const uint8_t *data, size_t len, cocos__cose **ret, cocos_error **err);
const uint8_t *cocos__cose_kid(const cocos__cose *c); /* 32 bytes */
const char *cocos__cose_content_type(const cocos__cose *c);
cocos__span cocos__cose_payload(const cocos__cose *c);
/* kid, alg and content type must be those of key and expectation, then the signature must hold: UNAUTHENTICATED "cose.…" otherwise. */
int cocos__cose_verify(const cocos__cose *c, const cocos_key *key, const char *content_type, cocos_error **err);
void cocos__cose_free(cocos__cose *c);
COCOS__DEFINE_FREEP(cocos__cose_freep, cocos__cose *, cocos__cose_free)

#endif
