/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_DIGEST_H
#define COCOS_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum cocos__digest_alg {
    COCOS__SHA1 = 1, /* TPM banks only */
    COCOS__SHA256 = 2,
    COCOS__SHA384 = 3,
    COCOS__SHA512 = 4,
    COCOS__SHA3_256 = 5,
    COCOS__SHA3_384 = 6,
    COCOS__SHA3_512 = 7
};
#define COCOS__DIGEST_MAX 64

size_t cocos__digest_size(int alg);

/* Digest of one run of bytes; out has cocos__digest_size(alg) bytes. */
int cocos__digest(int alg, const void *data, size_t len, uint8_t *out, cocos_error **err);

/* Incremental. finish may be called once; reset starts anew without allocating. */
typedef struct cocos__hasher cocos__hasher;
int cocos__hasher_new(int alg, cocos__hasher **ret, cocos_error **err);
int cocos__hasher_reset(cocos__hasher *h, cocos_error **err);
int cocos__hasher_update(cocos__hasher *h, const void *data, size_t len, cocos_error **err);
int cocos__hasher_finish(cocos__hasher *h, uint8_t *out, cocos_error **err);
/*
 * Step by step, value = digest of (value || more), all as long as the digest: how a TPM extends its
 * registers. Many steps in one call, since what surrounds each call costs as much as a short
 * digest.
 */
typedef struct cocos__extension {
    uint8_t *value;
    const uint8_t *more;
} cocos__extension;
int cocos__hasher_extend(cocos__hasher *h,
                         const cocos__extension *steps,
                         size_t n,
                         cocos_error **err);
void cocos__hasher_free(cocos__hasher *h);
COCOS__DEFINE_FREEP(cocos__hasher_freep, cocos__hasher *, cocos__hasher_free)

#endif
