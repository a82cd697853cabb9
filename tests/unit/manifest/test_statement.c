/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/hex.h"
#include "manifest/statement.h"

#include "statements.h"
#include "suite.h"

static struct parties p;
static cocos_key *guest;
static cocos_error *err;

static void begin(void)
{
    parties_make(&p, "[]");
    assert_ok(cocos_key_generate(COCOS_KEY_P384, &guest, &err), err);
}

static void end(void)
{
    parties_done(&p);
    cocos_key_free(guest);
}

static void sign(const cocos__stating *s, cocos__buf *b)
{
    cocos__buf_init(b, COCOS__STATEMENT_MAX);
    assert_ok(cocos__statement_sign(guest, s, b, &err), err);
}

START_TEST(what_is_stated_is_read_back)
{
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__used assets[2];
    cocos__named named[2] = {{0, a_result, a_sha256}, {1, a_sha256, a_result}};

    begin();
    cocos__stating v = a_statement(p.manifest, assets);
    v.named = named;
    v.n_named = 2;
    sign(&v, &b);
    assert_ok(cocos_statement_parse(b.data, b.len, &s, &err), err);
    assert_ok(cocos__signed_verify(&s->is, COCOS__TYPE_STATEMENT, &err), err);
    ck_assert_uint_eq(s->says.n_assets, 2);
    ck_assert_uint_eq(s->says.assets[1].size, 4096);
    ck_assert_mem_eq(s->says.assets[1].name.data, "a.csv", 5);
    ck_assert_uint_eq(s->says.n_named, 2);
    ck_assert_int_eq(s->says.named[1].withdrawal, 1);
    ck_assert_mem_eq(s->says.named[1].signer, a_sha256, 32);
    ck_assert_mem_eq(cocos_statement_result_digest(s), a_result, 32);
    ck_assert_uint_eq(cocos_statement_result_size(s), 1234);
    ck_assert_int_eq(s->says.exit_status, 0);
    ck_assert_int_eq(s->says.end.wall_s, 1790000004);
    ck_assert_uint_eq(s->says.agent_measurement.len, 0);
    ck_assert_mem_eq(s->is.manifest, cocos_manifest_digest(p.manifest), 32);
    end();
}
END_TEST

START_TEST(a_run_without_result_is_stated_too)
{
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__used assets[2];
    char *json = NULL;

    begin();
    cocos__stating v = a_statement(p.manifest, assets);
    v.n_assets = 0;
    v.result = v.result_sha256 = NULL;
    v.exit_status = COCOS__NEVER;
    v.start.wall_s = v.end.wall_s = COCOS__NEVER;
    v.consumer_nonce = (cocos__span){NULL, 0};
    sign(&v, &b);
    assert_ok(cocos_statement_parse(b.data, b.len, &s, &err), err);
    ck_assert_ptr_null(cocos_statement_result_digest(s));
    assert_ok(cocos_statement_to_json(s, &json, &err), err);
    ck_assert_ptr_nonnull(strstr(json, "\"result_size\": null"));
    ck_assert_ptr_nonnull(strstr(json, "\"exit_status\": null"));
    ck_assert_ptr_nonnull(strstr(json, "\"start\": null"));
    cocos_free_text(json);
    end();
}
END_TEST

START_TEST(refuses_to_state_what_contradicts_itself)
{
    cocos__used assets[2];

    begin();
    for (int i = 0; i < 6; i++) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
        cocos__stating v = a_statement(p.manifest, assets);
        cocos__buf_init(&b, COCOS__STATEMENT_MAX);
        if (i == 0)
            v.run = 0;
        if (i == 1)
            v.result_sha256 = NULL;
        if (i == 2)
            v.end.monotonic_ns = v.start.monotonic_ns - 1;
        if (i == 3)
            v.start.wall_s = COCOS__NEVER;
        if (i == 4)
            assets[1].kind = 4;
        if (i == 5)
            v.n_assets = COCOS__STATEMENT_ASSETS + 1;
        assert_fails(cocos__statement_sign(guest, &v, &b, &err), COCOS_ERR_USAGE, "statement.value",
                     err);
    }
    end();
}
END_TEST

START_TEST(refuses_every_changed_byte)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__used assets[2];

    begin();
    cocos__stating v = a_statement(p.manifest, assets);
    sign(&v, &b);
    for (size_t i = 0; i < b.len; i++) {
        COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = NULL;
        b.data[i] ^= (uint8_t)(1u << i % 8);
        ck_assert_msg(
            cocos__statement_parse((cocos__span){b.data, b.len}, 1, &s, NULL) < 0 ||
                cocos__signed_verify(&s->is, COCOS__TYPE_STATEMENT, NULL) < 0 ||
                memcmp(cocos_key_thumbprint(s->is.key), cocos_key_thumbprint(guest), 32) != 0,
            "byte %zu", i);
        b.data[i] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t len = 0; len < b.len; len++) {
        cocos_statement *s = NULL;
        ck_assert_int_eq(cocos_statement_parse(b.data, len, &s, NULL), COCOS_ERR_MALFORMED);
    }
    end();
}
END_TEST

/* A COSE_Sign1 with this map in place of its empty unprotected one. */
static void with_unprotected(const cocos__buf *signed_, const char *hex, cocos__buf *out)
{
    cocos__cbor root;
    cocos__cbor sign1;
    cocos__cbor item;
    cocos__cbor_iter it;
    uint8_t map[64];
    size_t n = strlen(hex) / 2;

    assert_ok(cocos__hex_decode(hex, 2 * n, map, n, &err), err);
    assert_ok(cocos__cbor_open(signed_->data, signed_->len, COCOS__CBOR_STRICT, &root, &err), err);
    assert_ok(cocos__cbor_untag(&root, 18, &sign1, &err), err);
    cocos__buf_init(out, 1 << 16);
    cocos__buf_add(out, signed_->data, (size_t)(sign1.data - signed_->data) + 1);
    cocos__cbor_each(&it, &sign1);
    for (int i = 0; cocos__cbor_next(&it, NULL, &item); i++)
        cocos__buf_add(out, i == 1 ? map : item.data, i == 1 ? n : item.len);
}

START_TEST(an_extra_never_turns_a_verdict_and_is_not_made)
{
    /* {}; time-stamp; both; unknown; time-stamp of a wrong type; kid out of order; a float. */
    static const struct {
        const char *hex;
        int strict_ok;
        size_t token;
    } maps[] = {{"a0", 1, 0},
                {"a119010e42beef", 1, 2},
                {"a219010e42beef19018a80", 1, 2},
                {"a1186345deadbeef00", 0, 0},
                {"a119010e07", 0, 0},
                {"a219018a8004414b", 0, 0},
                {"a11863f93c00", 0, 0}};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__used assets[2];

    begin();
    cocos__stating v = a_statement(p.manifest, assets);
    sign(&v, &b);
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *plain = NULL;
    assert_ok(cocos_statement_parse(b.data, b.len, &plain, &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(maps); i++) {
        COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = NULL;
        COCOS__CLEANUP(cocos__statement_freep) cocos_statement *strict = NULL;
        COCOS__CLEANUP(cocos__buf_done) cocos__buf x;
        with_unprotected(&b, maps[i].hex, &x);
        assert_ok(cocos__statement_parse((cocos__span){x.data, x.len}, 1, &s, &err), err);
        assert_ok(cocos__signed_verify(&s->is, COCOS__TYPE_STATEMENT, &err), err);
        ck_assert_mem_eq(s->is.digest, plain->is.digest, 32);
        ck_assert_uint_eq(cocos__cose_timestamp(s->is.cose).len, maps[i].token);
        if (maps[i].strict_ok)
            assert_ok(cocos_statement_parse(x.data, x.len, &strict, &err), err);
        else
            assert_fails(cocos_statement_parse(x.data, x.len, &strict, &err), COCOS_ERR_MALFORMED,
                         "cose.unprotected", err);
    }
    end();
}
END_TEST

START_TEST(a_time_stamp_is_put_beside_the_receipts)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf x;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf y;
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = NULL;
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *t = NULL;
    cocos__used assets[2];
    cocos__span token = {(const uint8_t *)"token", 5};

    begin();
    cocos__stating v = a_statement(p.manifest, assets);
    sign(&v, &b);
    with_unprotected(&b, "a119018a8141aa", &x);
    assert_ok(cocos_statement_parse(x.data, x.len, &s, &err), err);
    cocos__buf_init(&y, 1 << 16);
    assert_ok(cocos__cose_encode(s->is.cose, &token, &y, &err), err);
    assert_ok(cocos_statement_parse(y.data, y.len, &t, &err), err);
    ck_assert_mem_eq(cocos__cose_timestamp(t->is.cose).data, "token", 5);
    ck_assert_int_eq(cocos__cose_has_receipts(t->is.cose), 1);
    assert_ok(cocos__signed_verify(&t->is, COCOS__TYPE_STATEMENT, &err), err);
    end();
}
END_TEST

START_TEST(a_closure_is_read_back_and_refused_when_changed)
{
    COCOS__CLEANUP(cocos__closure_freep) cocos_closure *c = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__wiped wiped[] = {{COCOS_ASSET_ALGORITHM, 0}, {COCOS_ASSET_DATASET, 7}};
    cocos__closing v = {a_result, wiped, 2, 1};
    char *json = NULL;

    begin();
    cocos__buf_init(&b, 4096);
    assert_ok(cocos__closure_sign(guest, cocos_manifest_digest(p.manifest), &v, &b, &err), err);
    assert_ok(cocos_closure_parse(b.data, b.len, &c, &err), err);
    ck_assert_uint_eq(c->says.n_wiped, 2);
    ck_assert_uint_eq(c->says.wiped[1].index, 7);
    ck_assert_mem_eq(c->says.statement, a_result, 32);
    ck_assert_int_eq(c->says.scratch_key_erased, 1);
    assert_ok(cocos_closure_to_json(c, &json, &err), err);
    ck_assert_ptr_nonnull(strstr(json, "\"kind\": \"closure\""));
    cocos_free_text(json);
    for (size_t i = 0; i < b.len; i++) {
        COCOS__CLEANUP(cocos__closure_freep) cocos_closure *x = NULL;
        b.data[i] ^= 1;
        ck_assert(cocos_closure_parse(b.data, b.len, &x, NULL) < 0 ||
                  cocos__signed_verify(&x->is, COCOS__TYPE_CLOSURE, NULL) < 0);
        b.data[i] ^= 1;
    }
    end();
}
END_TEST

/* RFC 9679 section 6: key, thumbprint and its URI. */
START_TEST(the_issuer_is_the_thumbprint_of_the_rfc)
{
    static const char spki[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
                               "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
                               "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c";
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = NULL;
    uint8_t der[91];
    uint8_t thumbprint[32];
    char hex[65];

    assert_ok(cocos__hex_decode(spki, 182, der, 91, &err), err);
    assert_ok(cocos_key_from_spki(der, sizeof der, &key, &err), err);
    assert_ok(cocos__key_cose_thumbprint(key, thumbprint, &err), err);
    cocos__hex_encode(thumbprint, 32, hex);
    ck_assert_str_eq(hex, "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec");
}
END_TEST

TEST_MAIN(statement,
          what_is_stated_is_read_back,
          a_run_without_result_is_stated_too,
          refuses_to_state_what_contradicts_itself,
          refuses_every_changed_byte,
          an_extra_never_turns_a_verdict_and_is_not_made,
          a_time_stamp_is_put_beside_the_receipts,
          a_closure_is_read_back_and_refused_when_changed,
          the_issuer_is_the_thumbprint_of_the_rfc)
