/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys from the raw numbers that evidence carries. */
#include "crypto/pubkey.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>

#include "crypto/cert_impl.h"
#include "crypto/ossl.h"

COCOS__DEFINE_FREEP(pkey_freep, EVP_PKEY *, EVP_PKEY_free)
COCOS__DEFINE_FREEP(pkey_ctx_freep, EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
COCOS__DEFINE_FREEP(bn_freep, BIGNUM *, BN_free)

#define FIELD_MAX 48
#define RSA_MAX   1024

static size_t field_size(int kind)
{
    return kind == COCOS__KEY_EC_P256 ? 32 : kind == COCOS__KEY_EC_P384 ? 48 : 0;
}

int cocos__pkey_kind(const EVP_PKEY *pkey)
{
    char group[32];

    if (EVP_PKEY_is_a(pkey, "RSA"))
        return COCOS__KEY_RSA_ANY;
    if (!EVP_PKEY_is_a(pkey, "EC") || !EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL))
        return COCOS__KEY_OTHER;
    if (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0)
        return COCOS__KEY_EC_P256;
    if (strcmp(group, "secp384r1") == 0 || strcmp(group, "P-384") == 0)
        return COCOS__KEY_EC_P384;
    return COCOS__KEY_OTHER;
}

static int wrap(EVP_PKEY *pkey_take, int kind, cocos__pubkey **ret, cocos_error **err)
{
    cocos__pubkey *key = malloc(sizeof *key);
    if (!key) {
        EVP_PKEY_free(pkey_take);
        return cocos__fail_memory(err);
    }
    *key = (cocos__pubkey){pkey_take, kind};
    *ret = key;
    return COCOS_OK;
}

static EVP_PKEY *make_curve(int kind)
{
    char *group = kind == COCOS__KEY_EC_P256 ? "prime256v1" : "secp384r1";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_end(),
    };
    COCOS__CLEANUP(pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;

    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEY_PARAMETERS, params) <= 0)
        return NULL;
    return pkey;
}

/*
 * A key of the curve without a point, made at its first use and kept as long as the process: to
 * set up a curve takes OpenSSL four times as long as to copy one. Never changed, so threads share
 * it; of two that make one at once the second gives way.
 */
static EVP_PKEY *curve_of(int kind)
{
    static _Atomic(EVP_PKEY *) kept[2];
    _Atomic(EVP_PKEY *) *at = &kept[kind == COCOS__KEY_EC_P384];
    EVP_PKEY *curve = atomic_load(at);
    EVP_PKEY *none = NULL;

    if (curve)
        return curve;
    curve = make_curve(kind);
    if (!curve || atomic_compare_exchange_strong(at, &none, curve))
        return curve;
    EVP_PKEY_free(curve);
    return none;
}

int cocos__pubkey_from_point(
    int kind, const uint8_t *x, const uint8_t *y, cocos__pubkey **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    size_t n = field_size(kind);
    if (n == 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "pubkey.kind", "no curve of kind %d", kind);

    uint8_t point[1 + 2 * FIELD_MAX];
    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, x, n);
    memcpy(point + 1 + n, y, n);
    EVP_PKEY *curve = curve_of(kind);
    EVP_PKEY *pkey = curve ? EVP_PKEY_dup(curve) : NULL;
    if (!pkey)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "pubkey.failed", "no EC keys");
    if (EVP_PKEY_set1_encoded_public_key(pkey, point, 1 + 2 * n) <= 0) {
        EVP_PKEY_free(pkey);
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "pubkey.point",
                                "the public key is no point of its curve");
    }
    return wrap(pkey, kind, ret, err);
}

int cocos__pubkey_from_rsa(cocos__span n, uint32_t exponent, cocos__pubkey **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    if (n.len < 128 || n.len > RSA_MAX || exponent < 3 || exponent % 2 == 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "pubkey.rsa",
                           "an RSA key of %zu bytes with exponent %u", n.len, exponent);

    /* Written out: OpenSSL's builder of parameters would take a fifth more time for the key. */
    uint8_t native[RSA_MAX];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native, n.len),
        OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent),
        OSSL_PARAM_construct_end(),
    };
    COCOS__CLEANUP(bn_freep) BIGNUM *modulus = BN_bin2bn(n.data, (int)n.len, NULL);
    COCOS__CLEANUP(pkey_ctx_freep)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    if (!modulus || BN_bn2nativepad(modulus, native, (int)n.len) < 0 || !ctx ||
        EVP_PKEY_fromdata_init(ctx) <= 0)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "pubkey.failed", "no RSA keys");
    if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "pubkey.rsa", "not an RSA key");
    return wrap(pkey, COCOS__KEY_RSA_ANY, ret, err);
}

void cocos__pubkey_free(cocos__pubkey *key)
{
    if (key)
        EVP_PKEY_free(key->pkey);
    free(key);
}

int cocos__pubkey_kind(const cocos__pubkey *key)
{
    return key->kind;
}

size_t cocos__pubkey_bits(const cocos__pubkey *key)
{
    return (size_t)EVP_PKEY_get_bits(key->pkey);
}

int cocos__pubkey_equal(const cocos__pubkey *a, const cocos__pubkey *b)
{
    COCOS__OSSL_SCOPE;
    return a && b && EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

int cocos__pubkey_point(const cocos__pubkey *key, uint8_t *x, uint8_t *y, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    size_t n = field_size(key->kind);
    COCOS__CLEANUP(bn_freep) BIGNUM *bx = NULL;
    COCOS__CLEANUP(bn_freep) BIGNUM *by = NULL;

    if (n == 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "pubkey.kind", "the key is not on P-256 or P-384");
    if (!EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, &bx) ||
        !EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &by) ||
        BN_bn2binpad(bx, x, (int)n) < 0 || BN_bn2binpad(by, y, (int)n) < 0)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "pubkey.failed",
                                "the key gives no coordinates");
    return COCOS_OK;
}
