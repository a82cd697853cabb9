/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticators without a connection: what is taken, and that nothing else is. */
#include <string.h>

#include "base/fd.h"
#include "exporter.h"
#include "suite.h"
#include "transport/attest_frame.h"
#include "transport/attest_payload.h"

/* A session, an identity, a request and the authenticator that answers it. */
struct world {
    exporter e;
    cocos__ea_session s;
    X509 *cert;
    EVP_PKEY *key;
    cocos__buf request;
    cocos__ea_request rq;
    cocos__buf answer;
};

static const char evidence[] = "evidence";

static X509 *self_signed(EVP_PKEY *key, int64_t not_after)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);

    PKI_NEED(X509_set_version(x, X509_VERSION_3) && X509_set_pubkey(x, key));
    PKI_NEED(ASN1_INTEGER_set(X509_get_serialNumber(x), 7));
    PKI_NEED(X509_gmtime_adj(X509_getm_notBefore(x), -3600));
    PKI_NEED(X509_gmtime_adj(X509_getm_notAfter(x), (long)not_after));
    PKI_NEED(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"peer", -1, -1, 0));
    PKI_NEED(X509_set_issuer_name(x, name));
    PKI_NEED(
        X509_sign(x, key, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
    return x;
}

static cocos__span span_of(const cocos__buf *b)
{
    return (cocos__span){b->data, b->len};
}

static void parse_request(struct world *w)
{
    cocos_error *err = NULL;
    size_t rest = 0;

    assert_ok(cocos__ea_request_parse(span_of(&w->request), &w->rq, &rest, &err), err);
    ck_assert_uint_eq(rest, 0);
}

static int answer_as(struct world *w, int role, cocos__buf *out, cocos_error **err)
{
    cocos__ea_identity id = {.leaf = w->cert, .key = w->key};
    cocos__ea_binding b;
    cocos__buf json, extension;

    cocos__buf_init(&json, 1 << 17);
    cocos__buf_init(&extension, 1 << 17);
    cocos__buf_init(out, 1 << 20);
    ck_assert_int_eq(cocos__ea_bind(&w->s, w->rq.context, w->cert, &b, NULL), COCOS_OK);
    ck_assert_int_eq(cocos__ea_payload_write(2, "application/x",
                                             (cocos__span){(const uint8_t *)evidence, 8}, &b, &json,
                                             NULL),
                     COCOS_OK);
    ck_assert_int_eq(cocos__ea_payload_extension(span_of(&json), &extension, NULL), COCOS_OK);
    int r = cocos__ea_create(&w->s, role, &w->rq, &id, span_of(&extension), out, err);
    cocos__buf_done(&json);
    cocos__buf_done(&extension);
    return r;
}

static void world_new(struct world *w, int hash, EVP_PKEY *key, uint16_t scheme)
{
    uint8_t context[32];
    cocos_error *err = NULL;

    memset(w, 0, sizeof *w);
    w->e.hash = hash;
    cocos__random(w->e.secret, sizeof w->e.secret);
    w->s = exporter_session(&w->e, NULL);
    w->key = key;
    w->cert = self_signed(key, 3600);
    cocos__random(context, sizeof context);
    cocos__buf_init(&w->request, 1 << 10);
    assert_ok(cocos__ea_request_write(COCOS__EA_REQUEST_BY_CLIENT, (cocos__span){context, 32}, 0,
                                      &w->request, &err),
              err);
    cocos__put_u16be(w->request.data + 4 + 1 + 32 + 2 + 6, scheme);
    parse_request(w);
    assert_ok(answer_as(w, COCOS__EA_SERVER, &w->answer, &err), err);
}

static void world_free(struct world *w)
{
    X509_free(w->cert);
    EVP_PKEY_free(w->key);
    cocos__buf_done(&w->request);
    cocos__buf_done(&w->answer);
}

static void world_p256(struct world *w)
{
    world_new(w, COCOS__SHA256, pki_key_ec("P-256"), COCOS__EA_ECDSA_P256);
}

static int validate_on(const struct world *w,
                       const cocos__ea_session *s,
                       int role,
                       cocos__span bytes,
                       cocos_error **err)
{
    cocos__ea_terms terms = {.role = role, .request = &w->rq, .attested = 1};
    cocos__ea_result result = {0};

    int r = cocos__ea_validate(s, &terms, bytes, &result, err);
    if (r == COCOS_OK) {
        ck_assert_uint_eq(result.payload->evidence.len, 8);
        ck_assert_int_eq(result.payload->version, 2);
    }
    cocos__ea_result_done(&result);
    return r;
}

static int validate(const struct world *w, cocos__span bytes, cocos_error **err)
{
    return validate_on(w, &w->s, COCOS__EA_SERVER, bytes, err);
}

#define assert_refused(call, code, err) assert_fails(call, COCOS_ERR_UNAUTHENTICATED, code, err)

START_TEST(takes_its_own_authenticators_of_every_key_and_hash)
{
    cocos_error *err = NULL;
    EVP_PKEY *keys[2][3];
    static const uint16_t schemes[] = {COCOS__EA_ECDSA_P256, COCOS__EA_RSA_PSS, COCOS__EA_ED25519};

    for (int h = 0; h < 2; h++) {
        keys[h][0] = pki_key_ec("P-256");
        keys[h][1] = pki_key_rsa(2048);
        keys[h][2] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        for (int k = 0; k < 3; k++) {
            struct world w;
            world_new(&w, h ? COCOS__SHA384 : COCOS__SHA256, keys[h][k], schemes[k]);
            assert_ok(validate(&w, span_of(&w.answer), &err), err);
            world_free(&w);
        }
    }
}
END_TEST

START_TEST(refuses_an_authenticator_with_any_byte_changed_cut_or_added)
{
    struct world w;
    cocos_error *err = NULL;

    world_p256(&w);
    uint8_t *copy = malloc(2 * w.answer.len);
    for (size_t i = 0; i < w.answer.len; i++) {
        memcpy(copy, w.answer.data, w.answer.len);
        copy[i] ^= (uint8_t)(1 << (i % 8));
        ck_assert_msg(validate(&w, (cocos__span){copy, w.answer.len}, NULL) < 0, "byte %zu", i);
    }
    for (size_t n = 0; n < w.answer.len; n++)
        ck_assert_msg(validate(&w, (cocos__span){w.answer.data, n}, NULL) < 0, "%zu bytes", n);
    memcpy(copy, w.answer.data, w.answer.len);
    copy[w.answer.len] = 0;
    assert_refused(validate(&w, (cocos__span){copy, w.answer.len + 1}, &err), "atls.length", err);
    memcpy(copy + w.answer.len, w.answer.data, w.answer.len);
    assert_refused(validate(&w, (cocos__span){copy, 2 * w.answer.len}, &err), "atls.length", err);
    free(copy);
    world_free(&w);
}
END_TEST

/* Where the message that begins at `at` ends. */
static size_t message_end(const uint8_t *data, size_t at)
{
    return at + 4 + ((size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3]);
}

START_TEST(refuses_messages_in_another_order)
{
    struct world w;
    cocos_error *err = NULL;
    cocos__buf other;

    world_p256(&w);
    size_t cut[4] = {0};
    for (int i = 0; i < 3; i++)
        cut[i + 1] = message_end(w.answer.data, cut[i]);
    ck_assert_uint_eq(cut[3], w.answer.len);
    static const struct {
        int order[3];
        const char *code;
    } rows[] = {
        {{0, 2, 1}, "atls.message"}, {{1, 0, 2}, "atls.message"}, {{2, 1, 0}, "atls.message"},
        {{0, 0, 1}, "atls.message"}, {{0, 1, 1}, "atls.length"},
    };
    for (size_t i = 0; i < COCOS__ARRAY_LEN(rows); i++) {
        cocos__buf_init(&other, 1 << 20);
        for (int k = 0; k < 3; k++) {
            int m = rows[i].order[k];
            cocos__buf_add(&other, w.answer.data + cut[m], cut[m + 1] - cut[m]);
        }
        assert_refused(validate(&w, span_of(&other), &err), rows[i].code, err);
        cocos__buf_done(&other);
    }
    world_free(&w);
}
END_TEST

START_TEST(refuses_what_was_made_on_another_connection_or_by_the_other_side)
{
    struct world w, other;
    cocos_error *err = NULL;
    cocos__buf swapped;

    world_p256(&w);
    world_p256(&other);
    assert_refused(validate_on(&w, &other.s, COCOS__EA_SERVER, span_of(&w.answer), &err),
                   "atls.signature", err);
    assert_refused(validate(&w, span_of(&other.answer), &err), "atls.context", err);
    assert_refused(validate_on(&w, &w.s, COCOS__EA_CLIENT, span_of(&w.answer), &err),
                   "atls.signature", err);
    assert_ok(answer_as(&w, COCOS__EA_CLIENT, &swapped, &err), err);
    assert_refused(validate(&w, span_of(&swapped), &err), "atls.signature", err);
    assert_ok(validate_on(&w, &w.s, COCOS__EA_CLIENT, span_of(&swapped), &err), err);
    cocos__buf_done(&swapped);
    world_free(&w);
    world_free(&other);
}
END_TEST

START_TEST(takes_a_context_once_only_also_when_the_evidence_was_refused_later)
{
    struct world w;
    cocos__ea_contexts made = {0};
    cocos__ea_contexts taken = {0};
    cocos_error *err = NULL;
    cocos__buf again;

    world_p256(&w);
    w.s.used = &taken;
    assert_ok(validate(&w, span_of(&w.answer), &err), err);
    assert_refused(validate(&w, span_of(&w.answer), &err), "atls.replay", err);
    w.s.used = &made;
    assert_ok(answer_as(&w, COCOS__EA_SERVER, &again, &err), err);
    cocos__buf_done(&again);
    assert_refused(answer_as(&w, COCOS__EA_SERVER, &again, &err), "atls.replay", err);
    cocos__buf_done(&again);
    world_free(&w);
}
END_TEST

START_TEST(never_takes_the_empty_authenticator_for_a_proof)
{
    struct world w;
    cocos__ea_result result = {0};
    cocos_error *err = NULL;
    cocos__buf empty;

    world_p256(&w);
    cocos__buf_init(&empty, 1 << 10);
    assert_ok(
        cocos__ea_create(&w.s, COCOS__EA_SERVER, &w.rq, NULL, (cocos__span){NULL, 0}, &empty, &err),
        err);
    assert_refused(validate(&w, span_of(&empty), &err), "atls.unattested", err);
    cocos__ea_terms terms = {.role = COCOS__EA_SERVER, .request = &w.rq, .roots = X509_STORE_new()};
    assert_refused(cocos__ea_validate(&w.s, &terms, span_of(&empty), &result, &err),
                   "atls.unattested", err);
    X509_STORE_free(terms.roots);
    cocos__buf_done(&empty);
    world_free(&w);
}
END_TEST

START_TEST(checks_chain_and_dates_when_there_are_roots)
{
    struct world w;
    cocos__ea_result result = {0};
    cocos_error *err = NULL;

    world_p256(&w);
    cocos__ea_terms terms = {
        .role = COCOS__EA_SERVER, .request = &w.rq, .roots = X509_STORE_new(), .attested = 1};
    assert_refused(cocos__ea_validate(&w.s, &terms, span_of(&w.answer), &result, &err),
                   "atls.chain", err);
    X509_STORE_add_cert(terms.roots, w.cert);
    assert_ok(cocos__ea_validate(&w.s, &terms, span_of(&w.answer), &result, &err), err);
    cocos__ea_result_done(&result);
    X509_STORE_free(terms.roots);

    X509_free(w.cert);
    w.cert = self_signed(w.key, -60);
    cocos__buf_done(&w.answer);
    assert_ok(answer_as(&w, COCOS__EA_SERVER, &w.answer, &err), err);
    terms.roots = X509_STORE_new();
    X509_STORE_add_cert(terms.roots, w.cert);
    assert_refused(cocos__ea_validate(&w.s, &terms, span_of(&w.answer), &result, &err),
                   "atls.chain", err);
    X509_STORE_free(terms.roots);
    world_free(&w);
}
END_TEST

START_TEST(answers_only_with_a_key_and_extensions_that_were_asked_for)
{
    struct world w;
    cocos__ea_identity id = {.key = pki_key_ec("P-384")};
    cocos_error *err = NULL;
    uint16_t scheme;
    uint8_t twice[] = {0xff, 0x00, 0, 1, 'x', 0xff, 0x00, 0, 1, 'x'};
    cocos__buf out;

    world_p256(&w);
    cocos__buf_init(&out, 1 << 16);
    assert_refused(cocos__ea_scheme(&w.rq, id.key, &scheme, &err), "atls.scheme", err);
    EVP_PKEY_free(id.key);
    id = (cocos__ea_identity){.leaf = w.cert, .key = w.key};
    assert_refused(cocos__ea_create(&w.s, COCOS__EA_SERVER, &w.rq, &id,
                                    (cocos__span){twice, sizeof twice}, &out, &err),
                   "atls.request", err);
    w.rq.doubled = 1; /* as the parser says of an extension that is there twice */
    assert_refused(
        cocos__ea_create(&w.s, COCOS__EA_SERVER, &w.rq, &id, (cocos__span){NULL, 0}, &out, &err),
        "atls.request", err);
    assert_refused(validate(&w, span_of(&w.answer), &err), "atls.request", err);
    cocos__buf_done(&out);
    world_free(&w);
}
END_TEST

START_TEST(reads_requests_exactly)
{
    struct world w;
    cocos__ea_request rq;
    size_t rest = 0;
    cocos__buf many;
    cocos_error *err = NULL;

    world_p256(&w);
    for (size_t n = 0; n < w.request.len; n++)
        ck_assert_int_lt(
            cocos__ea_request_parse((cocos__span){w.request.data, n}, &rq, &rest, NULL), 0);
    /* More extensions than anybody needs: refused before they cost anything. */
    cocos__buf_init(&many, 1 << 16);
    cocos__buf_add(&many, "\x11\x00\x02\x03\x00\x02\x00", 7);
    for (int i = 0; i < 128; i++)
        cocos__buf_add_u32be(&many, (uint32_t)i << 16);
    assert_refused(cocos__ea_request_parse(span_of(&many), &rq, &rest, &err), "atls.length", err);
    cocos__buf_done(&many);
    world_free(&w);
}
END_TEST

/* ---- The document ---- */

static int parse_text(const char *text, cocos_error **err)
{
    cocos__ea_payload *p = NULL;
    int r = cocos__ea_payload_parse((cocos__span){(const uint8_t *)text, strlen(text)}, &p, err);

    cocos__ea_payload_free(p);
    return r;
}

#define WRITTEN "{\"version\":2,\"media_type\":\"t\",\"evidence\":\""
#define BINDER  "\"binder\":{\"aik_pub_hash\":\"AAAA\",\"binding\":\"AAAA\"}"

START_TEST(reads_the_document_with_exact_names_once_each)
{
    static const char *const refused[][2] = {
        {"", "atls.payload"},
        {"[]", "atls.payload"},
        {"null", "atls.statement"},
        {"{\"version\":2,\"EVIDENCE\":\"AAAA\"," BINDER "}", "atls.statement"},
        {"{\"version\":2,\"evidence\":\"AAAA\",\"evidence\":\"AAAA\"," BINDER "}", "atls.payload"},
        {"{\"version\":2,\"evidence\":[0,1]," BINDER "}", "atls.payload"},
        {WRITTEN "AAAA\",\"evidence\":\"AAAA\"," BINDER "}", "atls.payload"},
        {WRITTEN "AA\\u0041A\"," BINDER "}", NULL},
        {WRITTEN "AAA\"," BINDER "}", "atls.payload"},
        {WRITTEN "AAAA", "atls.payload"},
        {WRITTEN "AAAA\"} " BINDER "}", "atls.payload"},
        {WRITTEN "\"," BINDER "}", "atls.statement"},
        {"{\"version\":2,\"evidence\":\"AAA\"," BINDER "}", "atls.payload"},
        {"{\"version\":2,\"evidence\":\"AA\\nAA\"," BINDER "}", "atls.payload"},
        {"{\"version\":2.0,\"evidence\":\"AAAA\"," BINDER "}", "atls.payload"},
        {"{\"version\":2,\"evidence\":\"AAAA\",\"binder\":7}", "atls.payload"},
        {"{\"version\":2,\"evidence\":\"AAAA\"}", "atls.binder"},
        {"{\"version\":2,\"evidence\":\"AAAA\"," BINDER "} x", "atls.payload"},
        {"\xef\xbb\xbf{\"version\":2,\"evidence\":\"AAAA\"," BINDER "}", "atls.payload"},
    };
    cocos_error *err = NULL;

    assert_ok(parse_text(" {\"x\":1,\"version\":2,\"evidence\":\"AAAA\"," BINDER "}\n", &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(refused); i++) {
        if (refused[i][1])
            assert_refused(parse_text(refused[i][0], &err), refused[i][1], err);
        else /* an escape is JSON's affair: the same text */
            assert_ok(parse_text(refused[i][0], &err), err);
    }
}
END_TEST

START_TEST(counts_the_room_for_evidence_to_the_byte)
{
    static uint8_t much[65536];
    struct world w;
    cocos__ea_binding b;
    cocos__ea_identity id;
    cocos_error *err = NULL;

    world_new(&w, COCOS__SHA384, pki_key_ec("P-256"), COCOS__EA_ECDSA_P256);
    id = (cocos__ea_identity){.leaf = w.cert, .key = w.key};
    assert_ok(cocos__ea_bind(&w.s, w.rq.context, w.cert, &b, &err), err);
    size_t room = cocos__ea_payload_room("application/x", &b);
    for (size_t n = room; n <= room + 1; n++) {
        cocos__buf json, extension, out;
        cocos__buf_init(&json, 1 << 20);
        cocos__buf_init(&extension, 1 << 20);
        cocos__buf_init(&out, 1 << 20);
        assert_ok(
            cocos__ea_payload_write(2, "application/x", (cocos__span){much, n}, &b, &json, &err),
            err);
        assert_ok(cocos__ea_payload_extension(span_of(&json), &extension, &err), err);
        int r =
            cocos__ea_create(&w.s, COCOS__EA_SERVER, &w.rq, &id, span_of(&extension), &out, NULL);
        ck_assert_int_eq(r == COCOS_OK, n == room);
        cocos__buf_done(&json);
        cocos__buf_done(&extension);
        cocos__buf_done(&out);
    }
    world_free(&w);
}
END_TEST

START_TEST(takes_a_frame_only_of_the_type_and_size_that_must_come)
{
    static const struct {
        uint8_t head[5];
        int ok;
    } rows[] = {
        {{2, 0, 0, 0, 9}, 1},           {{2, 0, 4, 0, 0}, 1}, {{2, 0, 4, 0, 1}, 0},
        {{2, 1, 0, 0, 0}, 0},           {{2, 1, 0, 0, 1}, 0}, {{1, 0, 0, 0, 9}, 0},
        {{3, 0, 0, 0, 9}, 0},           {{0, 0, 0, 0, 9}, 0}, {{2, 0xff, 0xff, 0xff, 0xff}, 0},
        {{'P', 'R', 'I', ' ', '*'}, 0},
    };
    size_t len = 0;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(rows); i++)
        ck_assert_int_eq(cocos__attest_frame_expect(rows[i].head, 2, 256 << 10, &len, NULL) ==
                             COCOS_OK,
                         rows[i].ok);
}
END_TEST

TEST_MAIN(authenticator,
          takes_its_own_authenticators_of_every_key_and_hash,
          refuses_an_authenticator_with_any_byte_changed_cut_or_added,
          refuses_messages_in_another_order,
          refuses_what_was_made_on_another_connection_or_by_the_other_side,
          takes_a_context_once_only_also_when_the_evidence_was_refused_later,
          never_takes_the_empty_authenticator_for_a_proof,
          checks_chain_and_dates_when_there_are_roots,
          answers_only_with_a_key_and_extensions_that_were_asked_for,
          reads_requests_exactly,
          reads_the_document_with_exact_names_once_each,
          counts_the_room_for_evidence_to_the_byte,
          takes_a_frame_only_of_the_type_and_size_that_must_come)
