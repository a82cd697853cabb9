/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cose.h"

#include <string.h>

#include "codec/cbor.h"
#include "crypto/key.h"

#include "suite.h"

#define TYPE "application/vnd.cocos.test+cbor"

static cocos_key *make(int type)
{
    cocos_error *err = NULL;
    cocos_key *key = NULL;

    assert_ok(cocos_key_generate(type, &key, &err), err);
    return key;
}

static void sign(const cocos_key *key, const char *payload, cocos__buf *out)
{
    cocos_error *err = NULL;

    cocos__buf_init(out, 1 << 16);
    assert_ok(cocos__cose_sign(key, TYPE, (const uint8_t *)payload, strlen(payload), out, &err),
              err);
}

START_TEST(verifies_what_it_signed_with_every_kind_of_key)
{
    static const int types[] = {COCOS_KEY_ED25519, COCOS_KEY_P256, COCOS_KEY_P384, COCOS_KEY_RSA};
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(types); i++) {
        COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(types[i]);
        COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
        COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = NULL;

        sign(key, "payload", &b);
        ck_assert_mem_eq(b.data, "\xd2\x84", 2); /* tag 18, array of 4 */
        assert_ok(cocos__cose_parse(b.data, b.len, &c, &err), err);
        ck_assert_mem_eq(cocos__cose_kid(c), cocos_key_thumbprint(key), 32);
        ck_assert_str_eq(cocos__cose_content_type(c), TYPE);
        ck_assert_uint_eq(cocos__cose_payload(c).len, 7);
        ck_assert_mem_eq(cocos__cose_payload(c).data, "payload", 7);
        assert_ok(cocos__cose_verify(c, key, TYPE, &err), err);
    }
}
END_TEST

START_TEST(signs_an_empty_payload)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_ED25519);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = NULL;
    cocos_error *err = NULL;

    sign(key, "", &b);
    assert_ok(cocos__cose_parse(b.data, b.len, &c, &err), err);
    assert_ok(cocos__cose_verify(c, key, TYPE, &err), err);
}
END_TEST

START_TEST(refuses_another_key_and_another_type)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_P256);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *other = make(COCOS_KEY_P256);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = NULL;
    cocos_error *err = NULL;

    sign(key, "payload", &b);
    assert_ok(cocos__cose_parse(b.data, b.len, &c, &err), err);
    assert_fails(cocos__cose_verify(c, other, TYPE, &err), COCOS_ERR_UNAUTHENTICATED, "cose.kid",
                 err);
    assert_fails(cocos__cose_verify(c, key, "application/other", &err), COCOS_ERR_UNAUTHENTICATED,
                 "cose.type", err);
}
END_TEST

/* Every bit counts: either the form breaks, or a header, or the signature. */
START_TEST(refuses_every_changed_bit)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_ED25519);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    sign(key, "payload", &b);
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = NULL;
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (cocos__cose_parse(b.data, b.len, &c, NULL) == COCOS_OK)
            ck_assert_int_eq(cocos__cose_verify(c, key, TYPE, NULL), COCOS_ERR_UNAUTHENTICATED);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < b.len; len++) {
        cocos__cose *c = NULL;
        ck_assert_int_eq(cocos__cose_parse(b.data, len, &c, NULL), COCOS_ERR_MALFORMED);
    }
}
END_TEST

enum shape {
    AS_IT_IS,
    NO_TAG,
    FIVE_PARTS,
    UNPROTECTED,
    NO_KID,
    CRITICAL,
    SHORT_KID,
    TEXT_ALG,
    NUL_TYPE
};

static void put_shape(cocos__buf *b, enum shape shape)
{
    cocos__buf headers;
    cocos__cbor_map m;

    cocos__buf_init(&headers, 500);
    cocos__cbor_map_begin(&m, &headers);
    cocos__cbor_map_key(&m, 1);
    if (shape == TEXT_ALG)
        cocos__cbor_put_text(&headers, "EdDSA");
    else
        cocos__cbor_put_int(&headers, -8);
    if (shape == CRITICAL) {
        cocos__cbor_map_key(&m, 2);
        cocos__cbor_put_array(&headers, 0);
    }
    cocos__cbor_map_key(&m, 3);
    cocos__cbor_put_text_n(&headers, "a\0b", shape == NUL_TYPE ? 3 : 1);
    if (shape != NO_KID) {
        cocos__cbor_map_key(&m, 4);
        cocos__cbor_put_bytes(&headers, (const uint8_t *)TYPE "xxxxxxxx",
                              shape == SHORT_KID ? 31 : 32);
    }
    cocos__cbor_map_end(&m);

    if (shape != NO_TAG)
        cocos__cbor_put_tag(b, 18);
    cocos__cbor_put_array(b, shape == FIVE_PARTS ? 5 : 4);
    cocos__cbor_put_bytes(b, headers.data, headers.len);
    cocos__cbor_map_begin(&m, b);
    if (shape == UNPROTECTED) {
        cocos__cbor_map_key(&m, 4);
        cocos__cbor_put_null(b);
    }
    cocos__cbor_map_end(&m);
    for (int i = 0; i < (shape == FIVE_PARTS ? 3 : 2); i++)
        cocos__cbor_put_bytes(b, (const uint8_t *)"x", 1);
    cocos__buf_done(&headers);
}

START_TEST(refuses_other_shapes)
{
    static const char *const codes[] = {
        [NO_TAG] = "cbor.type",   [FIVE_PARTS] = "cose.form",  [UNPROTECTED] = "cose.unprotected",
        [NO_KID] = "cbor.absent", [CRITICAL] = "cose.headers", [SHORT_KID] = "cbor.length",
        [TEXT_ALG] = "cbor.type", [NUL_TYPE] = "cose.headers",
    };
    cocos_error *err = NULL;

    for (int shape = AS_IT_IS; shape <= NUL_TYPE; shape++) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
        COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = NULL;

        cocos__buf_init(&b, 1000);
        put_shape(&b, (enum shape)shape);
        if (shape == AS_IT_IS)
            assert_ok(cocos__cose_parse(b.data, b.len, &c, &err), err);
        else
            assert_fails(cocos__cose_parse(b.data, b.len, &c, &err), COCOS_ERR_MALFORMED,
                         codes[shape], err);
    }
}
END_TEST

TEST_MAIN(cose,
          verifies_what_it_signed_with_every_kind_of_key,
          signs_an_empty_payload,
          refuses_another_key_and_another_type,
          refuses_every_changed_bit,
          refuses_other_shapes)
