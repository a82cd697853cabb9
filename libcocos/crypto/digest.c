/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <string.h>

#include <openssl/evp.h>

#include "crypto/ossl.h"

struct cocos__hasher {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
};

static const struct {
    const char *name;
    size_t size;
} algs[] = {
    [COCOS__SHA1] = {"SHA1", 20},         [COCOS__SHA256] = {"SHA256", 32},
    [COCOS__SHA384] = {"SHA384", 48},     [COCOS__SHA512] = {"SHA512", 64},
    [COCOS__SHA3_256] = {"SHA3-256", 32}, [COCOS__SHA3_384] = {"SHA3-384", 48},
    [COCOS__SHA3_512] = {"SHA3-512", 64},
};

size_t cocos__digest_size(int alg)
{
    return alg > 0 && alg < (int)COCOS__ARRAY_LEN(algs) ? algs[alg].size : 0;
}

static int check_alg(int alg, cocos_error **err)
{
    if (cocos__digest_size(alg) > 0)
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_USAGE, "digest.algorithm", "no digest algorithm %d", alg);
}

int cocos__digest(int alg, const void *data, size_t len, uint8_t *out, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    size_t size = 0;

    int r = check_alg(alg, err);
    if (r < 0)
        return r;

    if (EVP_Q_digest(NULL, algs[alg].name, NULL, len ? data : "", len, out, &size) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "digest.failed", algs[alg].name);
    return COCOS_OK;
}

int cocos__hasher_new(int alg, cocos__hasher **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;

    int r = check_alg(alg, err);
    if (r < 0)
        return r;

    h = calloc(1, sizeof *h);
    if (!h)
        return cocos__fail_memory(err);

    h->md = EVP_MD_fetch(NULL, algs[alg].name, NULL);
    if (!h->md)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "digest.failed", algs[alg].name);

    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx)
        return cocos__fail_memory(err);

    r = cocos__hasher_reset(h, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(h);
    return COCOS_OK;
}

int cocos__hasher_reset(cocos__hasher *h, cocos_error **err)
{
    COCOS__OSSL_SCOPE;

    if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "digest.failed", "cannot begin a digest");
    return COCOS_OK;
}

int cocos__hasher_update(cocos__hasher *h, const void *data, size_t len, cocos_error **err)
{
    COCOS__OSSL_SCOPE;

    if (len > 0 && EVP_DigestUpdate(h->ctx, data, len) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "digest.failed", "cannot go on digesting");
    return COCOS_OK;
}

int cocos__hasher_finish(cocos__hasher *h, uint8_t *out, cocos_error **err)
{
    COCOS__OSSL_SCOPE;

    if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "digest.failed", "cannot end a digest");
    return COCOS_OK;
}

static int extend(cocos__hasher *h, uint8_t *value, const uint8_t *more, size_t size)
{
    uint8_t both[2 * COCOS__DIGEST_MAX];

    memcpy(both, value, size);
    memcpy(both + size, more, size);
    return EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1 &&
           EVP_DigestUpdate(h->ctx, both, 2 * size) == 1 &&
           EVP_DigestFinal_ex(h->ctx, value, NULL) == 1;
}

int cocos__hasher_extend(cocos__hasher *h,
                         const cocos__extension *steps,
                         size_t n,
                         cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    size_t size = (size_t)EVP_MD_get_size(h->md);

    for (size_t i = 0; i < n; i++) {
        if (!extend(h, steps[i].value, steps[i].more, size))
            return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "digest.failed",
                                    "cannot extend a digest");
    }
    return COCOS_OK;
}

void cocos__hasher_free(cocos__hasher *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    EVP_MD_free(h->md);
    free(h);
}
