/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures over evidence, in the forms that evidence has them. */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "crypto/cert_impl.h"
#include "crypto/digest.h"
#include "crypto/ossl.h"

COCOS__DEFINE_FREEP(md_ctx_freep, EVP_MD_CTX *, EVP_MD_CTX_free)
COCOS__DEFINE_FREEP(sig_freep, ECDSA_SIG *, ECDSA_SIG_free)

/* An ECDSA-Sig-Value with two numbers of 72 bytes, the longest that we are given. */
#define ECDSA_DER_MAX 160

static const EVP_MD *md_of(int digest)
{
    switch (digest) {
    case COCOS__SHA1:
        return EVP_sha1();
    case COCOS__SHA256:
        return EVP_sha256();
    case COCOS__SHA384:
        return EVP_sha384();
    case COCOS__SHA512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static int no_setup(cocos_error **err)
{
    return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "signature.failed", "cannot begin to verify");
}

static int bad(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_REJECTED, "signature.bad", "the signature does not hold");
}

/* salt_len: as OpenSSL has it, or 0 for no PSS. */
static int verify(const cocos__pubkey *key,
                  int digest,
                  int salt_len,
                  cocos__span data,
                  cocos__span sig,
                  cocos_error **err)
{
    COCOS__CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = md_of(digest);
    EVP_PKEY_CTX *pctx = NULL; /* owned by ctx */

    if (!ctx || !md || EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key->pkey) <= 0)
        return no_setup(err);
    if (salt_len != 0 && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) <= 0 ||
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt_len) <= 0))
        return no_setup(err);
    unsigned long before = ERR_peek_error();
    if (EVP_DigestVerify(ctx, sig.data, sig.len, data.data, data.len) == 1)
        return COCOS_OK;
    return cocos__ossl_out_of_memory(before) ? cocos__fail_memory(err) : bad(err);
}

static BIGNUM *number(const uint8_t *p, size_t n, int endian)
{
    return endian == COCOS__LITTLE_ENDIAN ? BN_lebin2bn(p, (int)n, NULL)
                                          : BN_bin2bn(p, (int)n, NULL);
}

int cocos__ecdsa_verify(const cocos__pubkey *key,
                        int digest,
                        cocos__span data,
                        const cocos__ecdsa_raw *sig,
                        cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    uint8_t der[ECDSA_DER_MAX];
    uint8_t *end = der;

    if (key->kind != COCOS__KEY_EC_P256 && key->kind != COCOS__KEY_EC_P384)
        return cocos__fail(err, COCOS_ERR_USAGE, "pubkey.kind", "the key is not on P-256 or P-384");
    /* Longer numbers than any curve's are refused here, so that `der` is large enough. */
    if (sig->r_size > 72 || sig->s_size > 72)
        return bad(err);

    COCOS__CLEANUP(sig_freep) ECDSA_SIG *made = ECDSA_SIG_new();
    BIGNUM *r = number(sig->r, sig->r_size, sig->endian);
    BIGNUM *s = number(sig->s, sig->s_size, sig->endian);
    if (!made || !r || !s || !ECDSA_SIG_set0(made, r, s)) {
        BN_free(r);
        BN_free(s);
        return cocos__fail_memory(err);
    }
    int len = i2d_ECDSA_SIG(made, &end);
    if (len <= 0)
        return no_setup(err);
    return verify(key, digest, 0, data, (cocos__span){der, (size_t)len}, err);
}

int cocos__rsassa_verify(
    const cocos__pubkey *key, int digest, cocos__span data, cocos__span sig, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    if (key->kind != COCOS__KEY_RSA_ANY)
        return cocos__fail(err, COCOS_ERR_USAGE, "pubkey.kind", "the key is not an RSA key");
    return verify(key, digest, 0, data, sig, err);
}

int cocos__rsapss_verify(const cocos__pubkey *key,
                         int digest,
                         int salt_len,
                         cocos__span data,
                         cocos__span sig,
                         cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    if (key->kind != COCOS__KEY_RSA_ANY)
        return cocos__fail(err, COCOS_ERR_USAGE, "pubkey.kind", "the key is not an RSA key");
    return verify(key, digest, salt_len < 0 ? RSA_PSS_SALTLEN_AUTO : salt_len, data, sig, err);
}
