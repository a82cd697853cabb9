/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_KEY_IMPL_H
#define COCOS_CRYPTO_KEY_IMPL_H

/* The inside of a key, for the files of this module only. */

#include <stdatomic.h>

#include <openssl/evp.h>

#include "crypto/key.h"

#define COCOS__SPKI_MAX 4096 /* RSA of RSA_BITS_MAX needs less than 2.1 KiB */

struct cocos_key {
    EVP_PKEY *pkey;
    int type; /* enum cocos_key_type */
    int is_private;
    atomic_uint more; /* holders beyond the first */
    uint8_t *spki;
    size_t spki_len;
    uint8_t thumbprint[32];
};

static inline void cocos__pkey_freep(EVP_PKEY **p)
{
    EVP_PKEY_free(*p);
}

/*
 * Make a key of what OpenSSL read: finds its type, refuses what the protocol does not allow, fills in
 * SubjectPublicKeyInfo and thumbprint. `pkey` stays the caller's; the key takes a reference.
 */
int cocos__key_wrap(EVP_PKEY *pkey, int is_private, cocos_key **ret, cocos_error **err);

#endif
