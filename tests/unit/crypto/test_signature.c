/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "crypto/key.h"

#include "suite.h"

static const struct {
    int type;
    int64_t alg;
    size_t size;
} kinds[] = {
    {COCOS_KEY_ED25519, -8, 64},
    {COCOS_KEY_P256, -7, 64},
    {COCOS_KEY_P384, -35, 96},
    {COCOS_KEY_RSA, -37, 512},
};

static cocos_key *make(int type)
{
    cocos_error *err = NULL;
    cocos_key *key = NULL;

    assert_ok(cocos_key_generate(type, &key, &err), err);
    return key;
}

static int holds(const cocos_key *key, const char *text, const uint8_t *sig, size_t len)
{
    cocos_error *err = NULL;
    int r =
        cocos__key_verify(key, (const uint8_t *)text, strlen(text), (cocos__span){sig, len}, &err);

    if (r != COCOS_OK) {
        ck_assert_int_eq(r, COCOS_ERR_UNAUTHENTICATED);
        ck_assert_str_eq(cocos_error_code(err), "signature.bad");
        cocos_error_free(err);
    }
    return r == COCOS_OK;
}

START_TEST(verifies_what_was_signed_and_nothing_else)
{
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(kinds); i++) {
        COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(kinds[i].type);
        COCOS__CLEANUP(cocos__key_freep) cocos_key *other = make(kinds[i].type);
        COCOS__CLEANUP(cocos__buf_done) cocos__buf sig;

        cocos__buf_init(&sig, 4096);
        assert_ok(cocos__key_sign(key, (const uint8_t *)"message", 7, &sig, &err), err);
        ck_assert_int_eq(cocos__key_cose_alg(key), kinds[i].alg);
        ck_assert_uint_eq(sig.len, kinds[i].size);
        ck_assert(holds(key, "message", sig.data, sig.len));
        ck_assert(!holds(key, "messagf", sig.data, sig.len));
        ck_assert(!holds(other, "message", sig.data, sig.len));
        ck_assert(!holds(key, "message", sig.data, sig.len - 1));
        ck_assert(!holds(key, "message", sig.data, 0));
        for (size_t at = 0; at < sig.len; at++) {
            sig.data[at] ^= 0x10;
            ck_assert(!holds(key, "message", sig.data, sig.len));
            sig.data[at] ^= 0x10;
        }
    }
}
END_TEST

/* A leading zero in r or s must stay: COSE has fixed width, DER has not. One in 128 signatures. */
START_TEST(keeps_leading_zeros_of_ecdsa)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_P256);
    cocos_error *err = NULL;
    int seen = 0;

    for (int i = 0; i < 5000 && seen < 2; i++) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf sig;
        cocos__buf_init(&sig, 4096);
        assert_ok(cocos__key_sign(key, (const uint8_t *)"x", 1, &sig, &err), err);
        ck_assert_uint_eq(sig.len, 64);
        if (sig.data[0] && sig.data[32])
            continue;
        seen++;
        ck_assert(holds(key, "x", sig.data, sig.len));
    }
    ck_assert_int_eq(seen, 2);
}
END_TEST

START_TEST(refuses_zero_as_ecdsa_signature)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_P256);
    uint8_t zero[64] = {0};

    ck_assert(!holds(key, "x", zero, sizeof zero));
}
END_TEST

START_TEST(signs_with_private_keys_only)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_ED25519);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *public = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf sig;
    cocos_error *err = NULL;
    size_t len;
    const uint8_t *spki = cocos_key_spki(key, &len);

    cocos__buf_init(&sig, 4096);
    assert_ok(cocos_key_from_spki(spki, len, &public, &err), err);
    assert_fails(cocos__key_sign(public, (const uint8_t *)"x", 1, &sig, &err), COCOS_ERR_USAGE,
                 "key.public", err);
    assert_ok(cocos__key_sign(key, (const uint8_t *)"x", 1, &sig, &err), err);
    ck_assert(holds(public, "x", sig.data, sig.len));
}
END_TEST

TEST_MAIN(signature,
          verifies_what_was_signed_and_nothing_else,
          keeps_leading_zeros_of_ecdsa,
          refuses_zero_as_ecdsa_signature,
          signs_with_private_keys_only)
