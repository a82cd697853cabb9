/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "codec/hex.h"
#include "manifest/approval.h"

#include "statements.h"
#include "suite.h"

static struct parties p;
static cocos_error *err;

static void setup(const char *approvals)
{
    parties_make(&p, approvals);
}

static cocos_approval *
approve(int party, const char *name, const char *value, const char *name2, const char *value2)
{
    cocos_approval_options *o = NULL;
    cocos_approval *a = NULL;

    assert_ok(cocos_approval_options_new(&o, &err), err);
    if (name)
        assert_ok(cocos_approval_options_set(o, name, value, &err), err);
    if (name2)
        assert_ok(cocos_approval_options_set(o, name2, value2, &err), err);
    assert_ok(cocos_approval_sign(p.manifest, p.key[party], o, &a, &err), err);
    cocos_approval_options_free(o);
    return a;
}

START_TEST(what_is_signed_is_read_back)
{
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *back = NULL;
    size_t len;

    setup("[\"data-provider\"]");
    COCOS__CLEANUP(cocos__approval_freep)
    cocos_approval *a = approve(1, "max_runs", "3", "instance", "000102030405060708090a0b0c0d0e0f");
    const uint8_t *data = cocos_approval_cbor(a, &len);
    assert_ok(cocos_approval_parse(data, len, &back, &err), err);
    assert_ok(cocos_approval_verify(back, p.manifest, &err), err);
    ck_assert_str_eq(cocos_approval_role(back), "data-provider");
    ck_assert_int_eq(cocos_approval_is_withdrawal(back), 0);
    ck_assert_mem_eq(cocos_approval_signer(back), cocos_key_thumbprint(p.key[1]), 32);
    ck_assert_mem_eq(cocos_approval_manifest_digest(back), cocos_manifest_digest(p.manifest), 32);
    ck_assert_int_eq(back->says.max_runs, 3);
    ck_assert_uint_eq(back->says.instance[15], 15);
    ck_assert_ptr_null(back->says.policy);
    parties_done(&p);
}
END_TEST

START_TEST(a_withdrawal_is_no_approval)
{
    cocos__required *list = NULL;
    size_t n = 0;

    setup("[\"data-provider\"]");
    COCOS__CLEANUP(cocos__approval_freep)
    cocos_approval *a = approve(1, "withdraw", "true", NULL, NULL);
    ck_assert_int_eq(cocos_approval_is_withdrawal(a), 1);
    assert_ok(cocos_approval_verify(a, p.manifest, &err), err);
    assert_ok(cocos__manifest_required(p.manifest, &list, &n, &err), err);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(cocos__approval_answers(a, &list[0]), 0);
    free(list);
    parties_done(&p);
}
END_TEST

START_TEST(a_role_stands_for_every_key_that_has_it)
{
    COCOS__CLEANUP(cocos__freep) cocos__required *list = NULL;
    char approvals[200];
    char hex[65];
    size_t n = 0;

    setup("[]");
    assert_ok(cocos__manifest_required(p.manifest, &list, &n, &err), err);
    ck_assert_uint_eq(n, 0);
    free(list);
    parties_done(&p);

    snprintf(approvals, sizeof approvals, "[\"consumer\",\"" ONES "\",\"algorithm-provider\"]");
    setup(approvals);
    assert_ok(cocos__manifest_required(p.manifest, &list, &n, &err), err);
    ck_assert_uint_eq(n, 3);
    ck_assert_str_eq(list[0].role, "consumer");
    ck_assert_mem_eq(list[0].signer, cocos_key_thumbprint(p.key[2]), 32);
    ck_assert_ptr_null(list[1].role);
    cocos__hex_encode(list[1].signer, 32, hex);
    ck_assert_str_eq(hex, ONES);
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = approve(2, NULL, NULL, NULL, NULL);
    ck_assert_int_eq(cocos__approval_answers(a, &list[0]), 1);
    ck_assert_int_eq(cocos__approval_answers(a, &list[1]), 0);
    ck_assert_int_eq(cocos__approval_answers(a, &list[2]), 0);
    parties_done(&p);
}
END_TEST

/* A key that owns nothing here but that the manifest names by its thumbprint: an auditor, say. */
START_TEST(a_stranger_named_by_thumbprint_may_approve)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *auditor = NULL;
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = NULL;
    char approvals[80];
    char hex[65];

    assert_ok(cocos_key_generate(COCOS_KEY_RSA, &auditor, &err), err);
    cocos__hex_encode(cocos_key_thumbprint(auditor), 32, hex);
    snprintf(approvals, sizeof approvals, "[\"%s\"]", hex);
    setup(approvals);
    assert_ok(cocos_approval_sign(p.manifest, auditor, NULL, &a, &err), err);
    ck_assert_str_eq(cocos_approval_role(a), "approver");
    parties_done(&p);

    setup("[]");
    cocos_approval *none = NULL;
    assert_fails(cocos_approval_sign(p.manifest, auditor, NULL, &none, &err), COCOS_ERR_DENIED,
                 "approval.signer", err);
    assert_fails(cocos_approval_verify(a, p.manifest, &err), COCOS_ERR_UNAUTHENTICATED,
                 "approval.manifest", err);
    parties_done(&p);
}
END_TEST

START_TEST(refuses_a_role_that_the_key_does_not_have)
{
    cocos_approval_options *o = NULL;
    cocos_approval *a = NULL;

    setup("[]");
    assert_ok(cocos_approval_options_new(&o, &err), err);
    assert_ok(cocos_approval_options_set(o, "role", "consumer", &err), err);
    assert_fails(cocos_approval_sign(p.manifest, p.key[0], o, &a, &err), COCOS_ERR_DENIED,
                 "approval.signer", err);
    cocos_approval_options_free(o);
    parties_done(&p);
}
END_TEST

START_TEST(bounds_hold_to_the_last_and_not_beyond)
{
    setup("[\"data-provider\"]");
    COCOS__CLEANUP(cocos__approval_freep)
    cocos_approval *a = approve(1, "max_runs", "2", "not_after", "1000");
    cocos__start start = {an_instance, 2, 1000};
    assert_ok(cocos__approval_holds(a, &start, &err), err);
    start.run = 3;
    assert_fails(cocos__approval_holds(a, &start, &err), COCOS_ERR_DENIED, "approval.runs", err);
    start = (cocos__start){NULL, 1, 1001};
    assert_fails(cocos__approval_holds(a, &start, &err), COCOS_ERR_DENIED, "approval.time", err);
    start.time_s = COCOS__NEVER;
    assert_ok(cocos__approval_holds(a, &start, &err), err);

    COCOS__CLEANUP(cocos__approval_freep)
    cocos_approval *b =
        approve(1, "not_before", "500", "instance", "000102030405060708090a0b0c0d0e0f");
    start = (cocos__start){an_instance, 1, 500};
    assert_fails(cocos__approval_holds(b, &start, &err), COCOS_ERR_DENIED, "approval.instance",
                 err);
    start = (cocos__start){NULL, 1, 499};
    assert_fails(cocos__approval_holds(b, &start, &err), COCOS_ERR_DENIED, "approval.time", err);
    parties_done(&p);
}
END_TEST

START_TEST(refuses_options_that_are_none)
{
    static const char *const bad[][2] = {
        {"role", "boss"},      {"role", ""},
        {"not_after", "soon"}, {"not_after", "-1"},
        {"max_runs", "0"},     {"max_runs", "1x"},
        {"policy", "00"},      {"instance", ONES},
        {"withdraw", "maybe"}, {"max_runs", "99999999999999999999"}};
    cocos_approval_options *o = NULL;

    assert_ok(cocos_approval_options_new(&o, &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        assert_fails(cocos_approval_options_set(o, bad[i][0], bad[i][1], &err), COCOS_ERR_USAGE,
                     "option.value", err);
    assert_fails(cocos_approval_options_set(o, "colour", "red", &err), COCOS_ERR_USAGE,
                 "option.name", err);
    cocos_approval_options_free(o);
}
END_TEST

/* Each made with a good signature, so that it is the form that refuses. */
static void put_member(cocos__buf *b, int64_t key, int variant)
{
    static const uint8_t bytes[33];

    switch (key) {
    case 1:
        cocos__cbor_put_text(b, variant == 1 ? "cocos.approval/2" : "cocos.approval/1");
        break;
    case 2:
        if (variant == 2)
            cocos__cbor_put_bytes(b, bytes, 32);
        else
            cocos__cbor_put_bytes(b, cocos_manifest_digest(p.manifest), 32);
        break;
    case 3:
        cocos__cbor_put_text(b, variant == 3 ? "boss" : variant == 4 ? "a\n" : "data-provider");
        break;
    case 4:
        if (variant == 5)
            cocos__cbor_put_int(b, 7);
        else
            cocos__cbor_put_null(b);
        break;
    case 5:
        cocos__cbor_put_int(b, variant == 6 ? 0 : variant == 7 ? -1 : 1);
        break;
    case 6:
        cocos__cbor_put_bytes(b, bytes, variant == 8 ? 33 : 32);
        break;
    default:
        if (variant == 9)
            cocos__cbor_put_text(b, "x");
        else
            cocos__cbor_put_null(b);
    }
}

static void make_variant(int variant, cocos__buf *out)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__cbor_map m;
    cocos__cwt cwt = {COCOS__NEVER, COCOS__NEVER, {an_instance, variant == 12 ? 0 : 16}};

    cocos__buf_init(&b, 1000);
    cocos__cbor_map_begin(&m, &b);
    for (int64_t key = 1; key <= (variant == 10 ? 8 : variant == 11 ? 6 : 7); key++) {
        cocos__cbor_map_key(&m, key);
        put_member(&b, key, variant);
    }
    cocos__cbor_map_end(&m);
    assert_ok(cocos__signed_make(
                  p.key[1], variant == 13 ? COCOS__TYPE_STATEMENT : COCOS__TYPE_APPROVAL,
                  cocos_manifest_digest(p.manifest), &cwt, (cocos__span){b.data, b.len}, out, &err),
              err);
}

START_TEST(refuses_each_wrong_member)
{
    static const char *const codes[] = {
        NULL,          "signed.tag",    "approval.form", "approval.form",
        "signed.form", "approval.form", "approval.form", "signed.form",
        "cbor.length", "cbor.type",     "cbor.unknown",  "signed.form",
        NULL,          "signed.type"};

    setup("[]");
    for (size_t i = 0; i < COCOS__ARRAY_LEN(codes); i++) {
        COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = NULL;
        COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
        cocos__buf_init(&b, 4000);
        make_variant((int)i, &b);
        int r = cocos_approval_parse(b.data, b.len, &a, &err);
        ck_assert_str_eq(r == COCOS_OK ? "" : cocos_error_code(err), codes[i] ? codes[i] : "");
        cocos_error_free(err);
        err = NULL;
    }
    parties_done(&p);
}
END_TEST

START_TEST(refuses_every_changed_byte)
{
    size_t len;

    setup("[\"data-provider\"]");
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = approve(1, NULL, NULL, NULL, NULL);
    uint8_t *data = (uint8_t *)(uintptr_t)cocos_approval_cbor(a, &len);
    for (size_t i = 0; i < len; i++) {
        COCOS__CLEANUP(cocos__approval_freep) cocos_approval *b = NULL;
        data[i] ^= (uint8_t)(1u << i % 8);
        ck_assert_msg(cocos_approval_parse(data, len, &b, NULL) < 0 ||
                          cocos_approval_verify(b, p.manifest, NULL) < 0,
                      "byte %zu", i);
        data[i] ^= (uint8_t)(1u << i % 8);
    }
    parties_done(&p);
}
END_TEST

START_TEST(is_shown_as_json)
{
    char *json = NULL;

    setup("[\"data-provider\"]");
    COCOS__CLEANUP(cocos__approval_freep)
    cocos_approval *a = approve(1, "policy", ONES, NULL, NULL);
    assert_ok(cocos_approval_to_json(a, &json, &err), err);
    ck_assert_ptr_nonnull(strstr(json, "\"policy_digest\": \"" ONES "\""));
    ck_assert_ptr_nonnull(strstr(json, "\"max_runs\": null"));
    cocos_free_text(json);
    parties_done(&p);
}
END_TEST

TEST_MAIN(approval,
          what_is_signed_is_read_back,
          a_withdrawal_is_no_approval,
          a_role_stands_for_every_key_that_has_it,
          a_stranger_named_by_thumbprint_may_approve,
          refuses_a_role_that_the_key_does_not_have,
          bounds_hold_to_the_last_and_not_beyond,
          refuses_options_that_are_none,
          refuses_each_wrong_member,
          refuses_every_changed_byte,
          is_shown_as_json)
