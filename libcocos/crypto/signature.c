/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in the form that COSE gives them (RFC 9053 section 2; RFC 8230 section 2). */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "crypto/key_impl.h"
#include "crypto/ossl.h"

#define SIGNATURE_MAX 1024 /* RSA of 8192 bits */
#define DER_MAX       128  /* ECDSA-Sig-Value of P-384 needs 104 */
#define PSS_SALT      32   /* RFC 8230 section 2: as long as the digest */

/* By enum cocos_key_type. ed25519 hashes by itself; coordinate is that of the curve. */
static const struct {
    int64_t cose_alg; /* RFC 9053 tables 1 and 2, RFC 8230 table 1 */
    const char *digest;
    size_t coordinate;
} schemes[] = {
    [COCOS_KEY_ED25519] = {-8, NULL, 0},
    [COCOS_KEY_P256] = {-7, "SHA256", 32},
    [COCOS_KEY_P384] = {-35, "SHA384", 48},
    [COCOS_KEY_RSA] = {-37, "SHA256", 0},
};

static void md_ctx_freep(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

static void sig_freep(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

int64_t cocos__key_cose_alg(const cocos_key *key)
{
    return schemes[key->type].cose_alg;
}

static int set_padding(const cocos_key *key, EVP_PKEY_CTX *pctx)
{
    if (key->type != COCOS_KEY_RSA)
        return 1;
    return EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, PSS_SALT) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(pctx, "SHA256", NULL) == 1;
}

static int begin(const cocos_key *key, int signing, EVP_MD_CTX *ctx, cocos_error **err)
{
    const char *digest = schemes[key->type].digest;
    EVP_PKEY_CTX *pctx = NULL;

    int ok = signing ? EVP_DigestSignInit_ex(ctx, &pctx, digest, NULL, NULL, key->pkey, NULL)
                     : EVP_DigestVerifyInit_ex(ctx, &pctx, digest, NULL, NULL, key->pkey, NULL);
    if (ok != 1 || !set_padding(key, pctx))
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "signature.failed", "cannot begin");
    return COCOS_OK;
}

/* ECDSA-Sig-Value to r || s, each as long as the field (RFC 9053 section 2.1). */
static int
raw_of_der(const uint8_t *der, size_t len, size_t coordinate, cocos__buf *out, cocos_error **err)
{
    const unsigned char *p = der;
    COCOS__CLEANUP(sig_freep) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
    uint8_t *raw = cocos__buf_room(out, 2 * coordinate);

    if (!sig)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "signature.failed", "no ECDSA value");
    if (!raw)
        return cocos__fail_memory(err);
    if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)coordinate) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + coordinate, (int)coordinate) < 0)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "signature.failed", "ECDSA value");
    return COCOS_OK;
}

/* The way back. Length 0: not that of a signature of this key. */
static int der_of_raw(
    cocos__span raw, size_t coordinate, uint8_t der[DER_MAX], size_t *ret, cocos_error **err)
{
    COCOS__CLEANUP(sig_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char *p = der;

    *ret = 0;
    if (!sig)
        return cocos__fail_memory(err);
    if (raw.len != 2 * coordinate)
        return COCOS_OK;

    BIGNUM *r = BN_bin2bn(raw.data, (int)coordinate, NULL);
    BIGNUM *s = BN_bin2bn(raw.data + coordinate, (int)coordinate, NULL);
    if (!r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return cocos__fail_memory(err);
    }

    int len = i2d_ECDSA_SIG(sig, NULL);
    if (len > 0 && len <= DER_MAX)
        len = i2d_ECDSA_SIG(sig, &p);
    if (len <= 0 || len > DER_MAX)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "signature.failed", "no ECDSA value");
    *ret = (size_t)len;
    return COCOS_OK;
}

int cocos__key_sign(
    const cocos_key *key, const uint8_t *data, size_t len, cocos__buf *out, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = NULL;
    uint8_t sig[SIGNATURE_MAX];
    size_t sig_len = sizeof sig;

    if (!key->is_private)
        return cocos__fail(err, COCOS_ERR_USAGE, "key.public", "a public key cannot sign");

    ctx = EVP_MD_CTX_new();
    if (!ctx)
        return cocos__fail_memory(err);

    int r = begin(key, 1, ctx, err);
    if (r < 0)
        return r;

    if (EVP_DigestSign(ctx, sig, &sig_len, data, len) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "signature.failed", "cannot sign");
    if (schemes[key->type].coordinate > 0)
        return raw_of_der(sig, sig_len, schemes[key->type].coordinate, out, err);

    cocos__buf_add(out, sig, sig_len);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

static int verify(
    const cocos_key *key, const uint8_t *data, size_t len, cocos__span sig, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx)
        return cocos__fail_memory(err);
    int r = begin(key, 0, ctx, err);
    if (r < 0)
        return r;

    unsigned long before = ERR_peek_error();
    if (sig.len > 0 && EVP_DigestVerify(ctx, sig.data, sig.len, data, len) == 1)
        return COCOS_OK;
    if (cocos__ossl_out_of_memory(before))
        return cocos__fail_memory(err);
    return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "signature.bad",
                       "the signature does not hold under the key");
}

/*
 * OpenSSL says no, of Ed25519 always without that reason, when it runs out of memory. So a
 * signature is refused only by two attempts.
 */
int cocos__key_verify(
    const cocos_key *key, const uint8_t *data, size_t len, cocos__span sig, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    uint8_t der[DER_MAX];

    if (schemes[key->type].coordinate > 0) {
        int r = der_of_raw(sig, schemes[key->type].coordinate, der, &sig.len, err);
        if (r < 0)
            return r;
        sig.data = der;
    }
    if (verify(key, data, len, sig, NULL) == COCOS_OK)
        return COCOS_OK;
    return verify(key, data, len, sig, err);
}
