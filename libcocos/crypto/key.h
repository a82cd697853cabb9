/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_KEY_H
#define COCOS_CRYPTO_KEY_H

#include <cocos/key.h>

#include "base/bytes.h"

COCOS__DEFINE_FREEP(cocos__key_freep, cocos_key *, cocos_key_free)

/* One more holder, who frees it too. */
cocos_key *cocos__key_ref(const cocos_key *key);

/* Signature in COSE form (raw r ‖ s for ECDSA, PS256 with a 32-byte salt), appended to out. */
int cocos__key_sign(const cocos_key *key, const uint8_t *data, size_t len, cocos__buf *out, cocos_error **err);
/* UNAUTHENTICATED "signature.bad" when it does not hold. */
int cocos__key_verify(const cocos_key *key, const uint8_t *data, size_t len, cocos__span sig, cocos_error **err);
/* SHA-256 over the deterministic COSE_Key with its required members (RFC 9679 section 3). */
int cocos__key_cose_thumbprint(const cocos_key *key, uint8_t out[32], cocos_error **err);
int64_t cocos__key_cose_alg(const cocos_key *key); /* -8, -7, -35, -37 */
int cocos__key_equal(const cocos_key *a, const cocos_key *b); /* same public key; NULLs are unequal */

#endif
