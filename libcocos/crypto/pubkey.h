/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_PUBKEY_H
#define COCOS_CRYPTO_PUBKEY_H

/*
 * Public keys that come with evidence, and the signature schemes evidence uses. Keys of parties,
 * which cocos-v1 restricts more, are <cocos/key.h>.
 */

#include "base/bytes.h"
#include "base/error.h"

typedef struct cocos__pubkey cocos__pubkey; /* immutable */

enum cocos__key_kind {
    COCOS__KEY_OTHER = 0,
    COCOS__KEY_EC_P256 = 1,
    COCOS__KEY_EC_P384 = 2,
    COCOS__KEY_RSA_ANY = 3
};

/* From big-endian coordinates of the curve's length. MALFORMED "pubkey.point": not on the curve. */
int cocos__pubkey_from_point(
    int kind, const uint8_t *x, const uint8_t *y, cocos__pubkey **ret, cocos_error **err);
/* From a big-endian modulus. MALFORMED "pubkey.rsa". */
int cocos__pubkey_from_rsa(cocos__span n,
                           uint32_t exponent,
                           cocos__pubkey **ret,
                           cocos_error **err);
void cocos__pubkey_free(cocos__pubkey *key);
COCOS__DEFINE_FREEP(cocos__pubkey_freep, cocos__pubkey *, cocos__pubkey_free)

int cocos__pubkey_kind(const cocos__pubkey *key);
size_t cocos__pubkey_bits(const cocos__pubkey *key);
int cocos__pubkey_equal(const cocos__pubkey *a, const cocos__pubkey *b);
/* Uncompressed coordinates of an EC key, each as long as the curve's field. Otherwise USAGE
 * "pubkey.kind". */
int cocos__pubkey_point(const cocos__pubkey *key, uint8_t *x, uint8_t *y, cocos_error **err);

/*
 * Does the signature hold? COCOS_OK; REJECTED "signature.bad"; another status when it could not be
 * tried. `digest` is enum cocos__digest_alg.
 */
enum cocos__endian { COCOS__BIG_ENDIAN = 1, COCOS__LITTLE_ENDIAN = 2 };

/* ECDSA from raw numbers of `size` bytes each; r or s of 0, or not below the order, do not hold. */
typedef struct cocos__ecdsa_raw {
    const uint8_t *r;
    const uint8_t *s;
    size_t r_size;
    size_t s_size;
    int endian;
} cocos__ecdsa_raw;
int cocos__ecdsa_verify(const cocos__pubkey *key,
                        int digest,
                        cocos__span data,
                        const cocos__ecdsa_raw *sig,
                        cocos_error **err);

/* RSA, PKCS #1 v1.5. */
int cocos__rsassa_verify(
    const cocos__pubkey *key, int digest, cocos__span data, cocos__span sig, cocos_error **err);
/* RSASSA-PSS, MGF1 with the same digest; salt_len < 0: any length. */
int cocos__rsapss_verify(const cocos__pubkey *key,
                         int digest,
                         int salt_len,
                         cocos__span data,
                         cocos__span sig,
                         cocos_error **err);

#endif
