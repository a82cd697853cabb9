/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/request.h"

#include <string.h>

#include "base/fd.h"
#include "codec/cbor.h"
#include "crypto/cose.h"
#include "crypto/key.h"
#include "suite.h"

#define CONTENT_TYPE "application/vnd.cocos.request+cbor"

static const uint8_t manifest[32] = {1};
static const uint8_t binding[32] = {2};
static const uint8_t instance[16] = {3};

static cocos_key *key;

static cocos__request upload(void)
{
    cocos__request rq = {
        .method = "/cocos.v1.Agent/Upload",
        .role = "data-provider",
        .computation_id = "job-1",
        .manifest_digest = manifest,
        .binding = binding,
        .nonce = {4},
        .digest = {5},
        .kind = COCOS_ASSET_DATASET,
        .index = 1,
        .has_index = 1,
        .size = 1000,
        .has_size = 1,
        .offset = 0,
        .has_offset = 1,
        .time_s = 1700000000,
        .instance_id = instance,
    };
    return rq;
}

static cocos__signed_request *sign(const cocos__request *rq)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf out;
    cocos__signed_request *s = NULL;
    cocos_error *err = NULL;

    if (!key)
        assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &key, &err), err);
    cocos__buf_init(&out, COCOS__AUTH_MAX);
    assert_ok(cocos__request_sign(key, rq, &out, &err), err);
    assert_ok(cocos__signed_request_parse(out.data, out.len, &s, &err), err);
    return s;
}

START_TEST(accepts_what_was_signed_for_this_very_call)
{
    cocos__request rq = upload();
    cocos_error *err = NULL;
    cocos__signed_request *s = sign(&rq);

    ck_assert_str_eq(cocos__signed_request_view(s)->role, "data-provider");
    ck_assert_mem_eq(cocos__signed_request_view(s)->nonce, rq.nonce, 16);
    ck_assert_mem_eq(cocos__signed_request_kid(s), cocos_key_thumbprint(key), 32);
    assert_ok(cocos__signed_request_verify(s, key, &rq, &err), err);
    cocos__signed_request_free(s);
}
END_TEST

START_TEST(leaves_out_and_compares_absent_rows)
{
    cocos__request rq = {.method = "/cocos.v1.Agent/Describe",
                         .role = "observer",
                         .binding = binding,
                         .instance_id = instance};
    cocos__request other = rq;
    cocos_error *err = NULL;
    cocos__signed_request *s = sign(&rq);

    ck_assert_ptr_null(cocos__signed_request_view(s)->computation_id);
    ck_assert_ptr_null(cocos__signed_request_view(s)->manifest_digest);
    ck_assert_int_eq(cocos__signed_request_view(s)->has_size, 0);
    assert_ok(cocos__signed_request_verify(s, key, &rq, &err), err);
    other.manifest_digest = manifest;
    assert_fails(cocos__signed_request_verify(s, key, &other, &err), COCOS_ERR_UNAUTHENTICATED,
                 "auth.manifest", err);
    other = rq;
    other.has_offset = 1;
    assert_fails(cocos__signed_request_verify(s, key, &other, &err), COCOS_ERR_UNAUTHENTICATED,
                 "auth.parameters", err);
    cocos__signed_request_free(s);
}
END_TEST

static void refused(cocos__request expected, const char *code)
{
    cocos__request rq = upload();
    cocos_error *err = NULL;
    cocos__signed_request *s = sign(&rq);

    assert_fails(cocos__signed_request_verify(s, key, &expected, &err), COCOS_ERR_UNAUTHENTICATED,
                 code, err);
    cocos__signed_request_free(s);
}

START_TEST(refuses_a_request_made_for_something_else_and_names_the_row)
{
    static const uint8_t other[32] = {9};
    cocos__request rq;

#define CASE(change, code)                                                                         \
    rq = upload();                                                                                 \
    change;                                                                                        \
    refused(rq, code)
    CASE((rq.local = 1, rq.binding = NULL), "auth.domain");
    CASE(rq.method = "/cocos.v1.Agent/Download", "auth.method");
    CASE(rq.computation_id = "job-2", "auth.computation");
    CASE(rq.computation_id = NULL, "auth.computation");
    CASE(rq.manifest_digest = other, "auth.manifest");
    CASE(rq.binding = other, "auth.binding");
    CASE(rq.binding = NULL, "auth.binding");
    CASE(rq.digest[31] = 1, "auth.digest");
    CASE(rq.kind = COCOS_ASSET_ALGORITHM, "auth.parameters");
    CASE(rq.index = 0, "auth.parameters");
    CASE(rq.size++, "auth.parameters");
    CASE(rq.offset = 1, "auth.parameters");
    CASE(rq.instance_id = other, "auth.instance");
#undef CASE
}
END_TEST

START_TEST(refuses_the_signature_of_another_key)
{
    cocos__request rq = upload();
    cocos_error *err = NULL;
    cocos_key *other = NULL;
    cocos__signed_request *s = sign(&rq);

    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &other, &err), err);
    assert_fails(cocos__signed_request_verify(s, other, &rq, &err), COCOS_ERR_UNAUTHENTICATED,
                 "auth.signature", err);
    cocos_key_free(other);
    cocos__signed_request_free(s);
}
END_TEST

/* Every bit counts: either the form breaks, or the signature, or a row that is compared. */
START_TEST(refuses_every_changed_bit)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf out;
    cocos__request rq = upload();
    cocos_error *err = NULL;

    cocos__signed_request_free(sign(&rq));
    cocos__buf_init(&out, COCOS__AUTH_MAX);
    assert_ok(cocos__request_sign(key, &rq, &out, &err), err);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        cocos__signed_request *s = NULL;
        out.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        int r = cocos__signed_request_parse(out.data, out.len, &s, NULL);
        if (r == COCOS_OK)
            r = cocos__signed_request_verify(s, key, &rq, NULL);
        ck_assert_msg(r < 0, "bit %zu does not count", bit);
        cocos__signed_request_free(s);
        out.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}
END_TEST

static void refuse_payload(const uint8_t *payload, size_t len, int status, const char *code)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf out;
    cocos__signed_request *s = NULL;
    cocos_error *err = NULL;

    cocos__buf_init(&out, 65536);
    assert_ok(cocos__cose_sign(key, CONTENT_TYPE, payload, len, &out, &err), err);
    assert_fails(cocos__signed_request_parse(out.data, out.len, &s, &err), status, code, err);
}

START_TEST(refuses_payloads_of_another_form)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__cbor_map m;
    cocos__request rq = upload();

    cocos__signed_request_free(sign(&rq));
    cocos__buf_init(&b, 65536);
    cocos__cbor_put_uint(&b, 1);
    refuse_payload(b.data, b.len, COCOS_ERR_MALFORMED, "cbor.type");

    cocos__buf_reset(&b);
    cocos__cbor_map_begin(&m, &b);
    cocos__cbor_map_key(&m, 1);
    cocos__cbor_put_text(&b, "cocos.approval/1");
    cocos__cbor_map_end(&m);
    refuse_payload(b.data, b.len, COCOS_ERR_UNAUTHENTICATED, "auth.domain");

    cocos__buf_reset(&b);
    cocos__cbor_map_begin(&m, &b);
    cocos__cbor_map_key(&m, 12);
    cocos__cbor_put_null(&b);
    cocos__cbor_map_end(&m);
    refuse_payload(b.data, b.len, COCOS_ERR_MALFORMED, "cbor.unknown");

    cocos__buf_reset(&b);
    cocos__cbor_map_begin(&m, &b);
    cocos__cbor_map_key(&m, 1);
    cocos__cbor_put_text(&b, "cocos.request/1");
    cocos__cbor_map_end(&m);
    refuse_payload(b.data, b.len, COCOS_ERR_MALFORMED, "cbor.absent");
}
END_TEST

START_TEST(refuses_requests_over_their_size)
{
    static uint8_t big[COCOS__AUTH_MAX + 1];
    static char method[2048];
    COCOS__CLEANUP(cocos__buf_done) cocos__buf out;
    cocos__request rq = upload();
    cocos__signed_request *s = NULL;
    cocos_error *err = NULL;

    assert_fails(cocos__signed_request_parse(big, sizeof big, &s, &err), COCOS_ERR_MALFORMED,
                 "auth.size", err);
    cocos__signed_request_free(sign(&rq));
    memset(method, 'x', sizeof method - 1);
    rq.method = method;
    cocos__buf_init(&out, 65536);
    assert_fails(cocos__request_sign(key, &rq, &out, &err), COCOS_ERR_USAGE, "auth.size", err);
}
END_TEST

TEST_MAIN(request,
          accepts_what_was_signed_for_this_very_call,
          leaves_out_and_compares_absent_rows,
          refuses_a_request_made_for_something_else_and_names_the_row,
          refuses_the_signature_of_another_key,
          refuses_every_changed_bit,
          refuses_payloads_of_another_form,
          refuses_requests_over_their_size)
