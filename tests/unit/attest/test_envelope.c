/* SPDX-License-Identifier: Apache-2.0 */
/* Claims and the envelope around them: one form, and each purpose its own. */
#include <string.h>

#include "attest/envelope.h"
#include "crypto/digest.h"
#include "suite.h"

static const uint8_t bytes[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static cocos__claims channel(void)
{
    return (cocos__claims){.purpose = COCOS__PURPOSE_CHANNEL_SERVER,
                           .challenge = {bytes, 32},
                           .leaf = bytes + 1,
                           .instance_id = bytes + 2,
                           .manifest = bytes + 3};
}

static void encode(const cocos__claims *c, cocos__buf *out)
{
    cocos_error *err = NULL;

    cocos__buf_init(out, COCOS__CLAIMS_MAX);
    assert_ok(cocos__claims_encode(c, out, &err), err);
}

static cocos__span span(const cocos__buf *b)
{
    return (cocos__span){b->data, b->len};
}

START_TEST(claims_come_back_as_they_were)
{
    cocos__claims in = channel(), out;
    cocos__buf b;
    cocos_error *err = NULL;

    in.dice = bytes;
    in.ak = bytes + 4;
    in.statement_key = bytes + 5;
    in.compat = 1;
    encode(&in, &b);
    assert_ok(cocos__claims_parse(span(&b), &out, &err), err);
    ck_assert_int_eq(out.purpose, in.purpose);
    ck_assert_uint_eq(out.challenge.len, 32);
    ck_assert_mem_eq(out.challenge.data, bytes, 32);
    ck_assert_mem_eq(out.leaf, bytes + 1, 32);
    ck_assert_mem_eq(out.dice, bytes, 64);
    ck_assert_mem_eq(out.ak, bytes + 4, 32);
    ck_assert_mem_eq(out.statement_key, bytes + 5, 32);
    ck_assert_mem_eq(out.instance_id, bytes + 2, 16);
    ck_assert_mem_eq(out.manifest, bytes + 3, 32);
    ck_assert_int_eq(out.compat, 1);
    cocos__buf_done(&b);
}
END_TEST

START_TEST(null_members_come_back_as_null)
{
    cocos__claims in = {.purpose = COCOS__PURPOSE_STATEMENT, .instance_id = bytes}, out;
    cocos__buf b;
    cocos_error *err = NULL;

    encode(&in, &b);
    assert_ok(cocos__claims_parse(span(&b), &out, &err), err);
    ck_assert_uint_eq(out.challenge.len, 0);
    ck_assert(!out.leaf && !out.dice && !out.ak && !out.statement_key && !out.manifest);
    ck_assert_int_eq(out.compat, 0);
    cocos__buf_done(&b);
}
END_TEST

static void refuses(cocos__claims c)
{
    cocos__buf b;
    cocos_error *err = NULL;

    cocos__buf_init(&b, COCOS__CLAIMS_MAX);
    assert_fails(cocos__claims_encode(&c, &b, &err), COCOS_ERR_USAGE, "claims.form", err);
    cocos__buf_done(&b);
}

START_TEST(a_purpose_has_its_own_members_and_no_others)
{
    cocos__claims c = channel();

    c.challenge.len = 31;
    refuses(c);
    c = channel();
    c.leaf = NULL;
    refuses(c);
    c.purpose = COCOS__PURPOSE_RPC;
    c.leaf = bytes;
    refuses(c);
    c.leaf = NULL;
    c.challenge.len = 7;
    refuses(c);
    c.purpose = COCOS__PURPOSE_CVMS;
    c.challenge.len = 15;
    refuses(c);
    c.purpose = COCOS__PURPOSE_STATEMENT;
    refuses(c);
    c = channel();
    c.instance_id = NULL;
    refuses(c);
    c = channel();
    c.purpose = 0;
    refuses(c);
    c.purpose = 6;
    refuses(c);
}
END_TEST

/* Published so that others can check their own: claims of one purpose and their two hashes. */
START_TEST(slots_are_hashes_over_tag_and_encoding)
{
    cocos__claims c = {.purpose = COCOS__PURPOSE_STATEMENT, .instance_id = bytes};
    uint8_t data[64], nonce[32], again[64];
    cocos__buf b, tagged;
    cocos_error *err = NULL;

    encode(&c, &b);
    cocos__buf_init(&tagged, 1024);
    cocos__buf_add(&tagged, "cocos-claims/1", 15); /* with its NUL */
    cocos__buf_add(&tagged, b.data, b.len);
    assert_ok(cocos__claims_report_data(span(&b), data, &err), err);
    assert_ok(cocos__claims_nonce(span(&b), nonce, &err), err);
    assert_ok(cocos__digest(COCOS__SHA512, tagged.data, tagged.len, again, &err), err);
    ck_assert_mem_eq(data, again, 64);
    assert_ok(cocos__digest(COCOS__SHA256, tagged.data, tagged.len, again, &err), err);
    ck_assert_mem_eq(nonce, again, 32);
    cocos__buf_done(&tagged);
    cocos__buf_done(&b);
}
END_TEST

static uint8_t big[300];

static void envelope(cocos__buf *out)
{
    cocos__claims c = channel();
    const cocos__envelope_part parts[] = {{COCOS__MEDIA_SNP_REPORT, {big, 200}},
                                          {COCOS__MEDIA_SNP_CERTS, {big, 300}},
                                          {COCOS__MEDIA_IMA_LOG, {big, 0}}};
    cocos__buf b;
    cocos_error *err = NULL;

    memset(big, 7, sizeof big);
    encode(&c, &b);
    cocos__buf_init(out, COCOS__ENVELOPE_MAX);
    assert_ok(cocos__envelope_encode(span(&b), parts, 3, out, &err), err);
    cocos__buf_done(&b);
}

START_TEST(an_envelope_comes_back_as_it_was)
{
    cocos__envelope e;
    cocos__buf b;
    cocos_error *err = NULL;

    envelope(&b);
    assert_ok(cocos__envelope_parse(span(&b), &e, &err), err);
    ck_assert_uint_eq(e.n, 3);
    ck_assert_str_eq(e.parts[1].media_type, COCOS__MEDIA_SNP_CERTS);
    ck_assert_uint_eq(e.parts[1].data.len, 300);
    ck_assert_uint_eq(e.parts[2].data.len, 0);
    cocos__buf_done(&b);
}
END_TEST

/* Whatever the room: head and rest make the same envelope again, and the head fits. */
START_TEST(what_is_detached_is_put_back)
{
    cocos__buf b, head, rest, whole;
    cocos_error *err = NULL;
    size_t one_out = 0;

    envelope(&b);
    cocos__buf_init(&head, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&rest, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&whole, COCOS__ENVELOPE_MAX);
    for (size_t room = b.len + 1; room > 420; room--) {
        assert_ok(cocos__envelope_detach(span(&b), room, &head, &rest, &err), err);
        ck_assert_uint_le(head.len, room);
        if (rest.len == 300)
            one_out = head.len;
        ck_assert_uint_eq(rest.len, room >= b.len ? 0 : room >= one_out ? 300 : 500);
        cocos__buf_reset(&whole);
        assert_ok(cocos__envelope_attach(span(&head), span(&rest), &whole, &err), err);
        ck_assert_uint_eq(whole.len, b.len);
        ck_assert_mem_eq(whole.data, b.data, b.len);
    }
    assert_fails(cocos__envelope_detach(span(&b), 300, &head, &rest, &err), COCOS_ERR_EXHAUSTED,
                 "envelope.size", err);
    cocos__buf_done(&whole);
    cocos__buf_done(&rest);
    cocos__buf_done(&head);
    cocos__buf_done(&b);
}
END_TEST

START_TEST(detached_parts_must_be_exactly_those_of_the_head)
{
    cocos__buf b, head, rest, whole;
    cocos__envelope e;
    cocos_error *err = NULL;

    envelope(&b);
    cocos__buf_init(&head, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&rest, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&whole, COCOS__ENVELOPE_MAX);
    assert_ok(cocos__envelope_detach(span(&b), b.len - 1, &head, &rest, &err), err);
    assert_fails(cocos__envelope_parse(span(&head), &e, &err), COCOS_ERR_MALFORMED, "cbor.type",
                 err);
    for (size_t i = 0; i < rest.len; i++) {
        rest.data[i] ^= 1;
        assert_fails(cocos__envelope_attach(span(&head), span(&rest), &whole, &err),
                     COCOS_ERR_MALFORMED, "envelope.detached", err);
        rest.data[i] ^= 1;
    }
    rest.len--;
    assert_fails(cocos__envelope_attach(span(&head), span(&rest), &whole, &err),
                 COCOS_ERR_MALFORMED, "envelope.detached", err);
    rest.len++;
    cocos__buf_add_u8(&rest, 0);
    assert_fails(cocos__envelope_attach(span(&head), span(&rest), &whole, &err),
                 COCOS_ERR_MALFORMED, "envelope.detached", err);
    ck_assert_uint_eq(whole.len, 0);
    cocos__buf_done(&whole);
    cocos__buf_done(&rest);
    cocos__buf_done(&head);
    cocos__buf_done(&b);
}
END_TEST

START_TEST(a_media_type_cannot_come_twice)
{
    const cocos__envelope_part parts[] = {{"a/b", {bytes, 1}}, {"a/b", {bytes, 2}}};
    cocos__claims c = channel();
    cocos__envelope e;
    cocos__buf b, out;
    cocos_error *err = NULL;

    encode(&c, &b);
    cocos__buf_init(&out, COCOS__ENVELOPE_MAX);
    assert_ok(cocos__envelope_encode(span(&b), parts, 2, &out, &err), err);
    assert_fails(cocos__envelope_parse(span(&out), &e, &err), COCOS_ERR_MALFORMED, "envelope.form",
                 err);
    cocos__buf_done(&out);
    cocos__buf_done(&b);
}
END_TEST

/* Deterministic: any other bytes are refused, or are another envelope. */
START_TEST(a_changed_byte_is_refused_or_seen)
{
    cocos__envelope was, e;
    cocos__buf b, out;
    cocos_error *err = NULL;
    int accepted = 0;

    envelope(&b);
    cocos__buf_init(&out, COCOS__ENVELOPE_MAX);
    assert_ok(cocos__envelope_parse(span(&b), &was, &err), err);
    for (size_t i = 0; i < b.len * 8; i++) {
        b.data[i / 8] ^= (uint8_t)(1u << i % 8);
        if (cocos__envelope_parse(span(&b), &e, NULL) == COCOS_OK) {
            cocos__envelope_part parts[COCOS__ENVELOPE_PARTS];
            for (size_t k = 0; k < e.n; k++)
                parts[k] = (cocos__envelope_part){e.parts[k].media_type, e.parts[k].data};
            cocos__buf_reset(&out);
            assert_ok(cocos__envelope_encode(e.claims, parts, e.n, &out, &err), err);
            ck_assert_uint_eq(out.len, b.len);
            ck_assert_mem_eq(out.data, b.data, b.len);
            accepted++;
        }
        b.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    ck_assert_int_gt(accepted, 500 * 8); /* the bytes of the parts are anybody's */
    cocos__buf_done(&out);
    cocos__buf_done(&b);
}
END_TEST

START_TEST(too_large_an_envelope_is_refused)
{
    static uint8_t much[COCOS__ENVELOPE_MAX];
    const cocos__envelope_part part = {"a/b", {much, sizeof much}};
    cocos__claims c = channel();
    cocos__envelope e;
    cocos__buf b, out;
    cocos_error *err = NULL;

    encode(&c, &b);
    cocos__buf_init(&out, 2 * COCOS__ENVELOPE_MAX);
    assert_fails(cocos__envelope_encode(span(&b), &part, 1, &out, &err), COCOS_ERR_EXHAUSTED,
                 "envelope.size", err);
    assert_fails(cocos__envelope_parse((cocos__span){much, sizeof much + 1}, &e, &err),
                 COCOS_ERR_EXHAUSTED, "envelope.size", err);
    cocos__buf_done(&out);
    cocos__buf_done(&b);
}
END_TEST

TEST_MAIN(envelope,
          claims_come_back_as_they_were,
          null_members_come_back_as_null,
          a_purpose_has_its_own_members_and_no_others,
          slots_are_hashes_over_tag_and_encoding,
          an_envelope_comes_back_as_it_was,
          what_is_detached_is_put_back,
          detached_parts_must_be_exactly_those_of_the_head,
          a_media_type_cannot_come_twice,
          a_changed_byte_is_refused_or_seen,
          too_large_an_envelope_is_refused)
