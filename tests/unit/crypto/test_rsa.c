/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "crypto/pubkey.h"

#include <string.h>

#include "pki.h"
#include "suite.h"

static EVP_PKEY *key;
static cocos__pubkey *pub;

static size_t sign(int scheme, uint8_t out[256])
{
    size_t len = 256;
    EVP_MD_CTX *ctx = pki_signer(key, scheme);

    PKI_NEED(EVP_DigestSign(ctx, out, &len, (const uint8_t *)"text", 4) > 0);
    EVP_MD_CTX_free(ctx);
    return len;
}

static const cocos__span text = {(const uint8_t *)"text", 4};

START_TEST(tells_the_two_rsa_schemes_apart)
{
    uint8_t v15[256];
    uint8_t pss[256];
    cocos__span s15 = {v15, sign(PKI_PKCS1_SHA384, v15)};
    cocos__span sps = {pss, sign(PKI_PSS_SHA384, pss)};
    cocos_error *err = NULL;

    assert_ok(cocos__rsassa_verify(pub, COCOS__SHA384, text, s15, &err), err);
    assert_ok(cocos__rsapss_verify(pub, COCOS__SHA384, 48, text, sps, &err), err);
    assert_ok(cocos__rsapss_verify(pub, COCOS__SHA384, -1, text, sps, &err), err);
    assert_fails(cocos__rsassa_verify(pub, COCOS__SHA384, text, sps, &err), COCOS_ERR_REJECTED,
                 "signature.bad", err);
    assert_fails(cocos__rsapss_verify(pub, COCOS__SHA384, 48, text, s15, &err), COCOS_ERR_REJECTED,
                 "signature.bad", err);
    assert_fails(cocos__rsapss_verify(pub, COCOS__SHA384, 32, text, sps, &err), COCOS_ERR_REJECTED,
                 "signature.bad", err);
    assert_fails(cocos__rsassa_verify(pub, COCOS__SHA256, text, s15, &err), COCOS_ERR_REJECTED,
                 "signature.bad", err);
}
END_TEST

START_TEST(refuses_flipped_and_cut_signatures)
{
    uint8_t v15[256];
    cocos__span sig = {v15, sign(PKI_PKCS1_SHA384, v15)};

    for (size_t i = 0; i < sig.len; i++) {
        v15[i] ^= 1;
        ck_assert_int_eq(cocos__rsassa_verify(pub, COCOS__SHA384, text, sig, NULL),
                         COCOS_ERR_REJECTED);
        v15[i] ^= 1;
    }
    sig.len--;
    ck_assert_int_eq(cocos__rsassa_verify(pub, COCOS__SHA384, text, sig, NULL), COCOS_ERR_REJECTED);
}
END_TEST

START_TEST(refuses_keys_that_are_none)
{
    static const uint8_t small[64] = {0x80};
    uint8_t n[256];
    cocos_error *err = NULL;
    cocos__pubkey *made = NULL;

    memset(n, 0xff, sizeof n);
    assert_fails(cocos__pubkey_from_rsa((cocos__span){small, 64}, 65537, &made, &err),
                 COCOS_ERR_MALFORMED, "pubkey.rsa", err);
    assert_fails(cocos__pubkey_from_rsa((cocos__span){n, 256}, 2, &made, &err), COCOS_ERR_MALFORMED,
                 "pubkey.rsa", err);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {tells_the_two_rsa_schemes_apart,
                                  refuses_flipped_and_cut_signatures, refuses_keys_that_are_none,
                                  NULL};
    uint8_t n[256];
    BIGNUM *bn = NULL;

    key = pki_key_rsa(2048);
    PKI_NEED(EVP_PKEY_get_bn_param(key, "n", &bn) && BN_bn2binpad(bn, n, sizeof n) == sizeof n);
    PKI_NEED(cocos__pubkey_from_rsa((cocos__span){n, sizeof n}, 65537, &pub, NULL) == COCOS_OK);
    int failed = run_suite("rsa", tests, 60);
    cocos__pubkey_free(pub);
    BN_free(bn);
    EVP_PKEY_free(key);
    return failed;
}
