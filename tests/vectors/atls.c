/* SPDX-License-Identifier: Apache-2.0 */
/* The set "atls": a file for each subject, see its README. Rows about connections: atls_live.c. */
#include "atls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "transport/attest_frame.h"
#include "transport/attest_payload.h"
#include "transport/authenticator_impl.h"

/* ---- Reading ---- */

blob hex_of(const json_t *row, const char *name)
{
    const char *hex = text_of(row, name);
    blob b = {NULL, 0};

    if (!hex)
        return b;
    b.len = strlen(hex) / 2;
    b.data = malloc(b.len + 1);
    if (cocos__hex_decode(hex, strlen(hex), b.data, b.len, NULL) < 0)
        die("not hex", name);
    return b;
}

static int is_hex(const json_t *row, const char *name, const void *data, size_t len)
{
    blob b = hex_of(row, name);
    int same = b.len == len && (len == 0 || memcmp(b.data, data, len) == 0);

    free(b.data);
    return same;
}

identity identity_read(const char *dir, const char *id)
{
    char name[200];
    identity r = {.chain = sk_X509_new_null()};
    X509 *next;

    snprintf(name, sizeof name, "identities/%s.chain.pem", id);
    r.cert_pem = read_blob(dir, name);
    snprintf(name, sizeof name, "identities/%s.key.pem", id);
    r.key_pem = read_blob(dir, name);
    BIO *cert = BIO_new_mem_buf(r.cert_pem.data, (int)r.cert_pem.len);
    BIO *key = BIO_new_mem_buf(r.key_pem.data, (int)r.key_pem.len);
    PKI_NEED(r.leaf = PEM_read_bio_X509(cert, NULL, NULL, NULL));
    while ((next = PEM_read_bio_X509(cert, NULL, NULL, NULL)))
        sk_X509_push(r.chain, next);
    PKI_NEED(r.key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL));
    ERR_clear_error();
    BIO_free(cert);
    BIO_free(key);
    return r;
}

void identity_free(identity *id)
{
    X509_free(id->leaf);
    sk_X509_pop_free(id->chain, X509_free);
    EVP_PKEY_free(id->key);
    free(id->cert_pem.data);
    free(id->key_pem.data);
}

static exporter exporter_from(const json_t *row)
{
    exporter e = {.hash = COCOS__SHA256};
    blob secret = hex_of(row, "exporter_secret");

    if (secret.len == 48)
        e.hash = COCOS__SHA384;
    if (secret.len > sizeof e.secret)
        die("too long", "exporter_secret");
    memcpy(e.secret, secret.data, secret.len);
    free(secret.data);
    return e;
}

exporter exporter_of(const char *dir, const char *session)
{
    json_t *rows = rows_of(dir, "sessions.json");
    json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(rows, i, row)
    {
        const char *id = text_of(row, "id");
        if (!id || strcmp(id, session) != 0)
            continue;
        exporter e = exporter_from(row);
        json_decref(rows);
        return e;
    }
    die("no such session", session);
}

static X509_STORE *roots_of(const char *dir, const json_t *row)
{
    const char *name = text_of(row, "roots_pem");
    X509_STORE *store;
    X509 *root;

    if (!name)
        return NULL;
    blob pem = read_blob(dir, name);
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    store = X509_STORE_new();
    while ((root = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        X509_STORE_add_cert(store, root);
        X509_free(root);
    }
    ERR_clear_error();
    BIO_free(bio);
    free(pem.data);
    return store;
}

/* ---- Comparing ---- */

/* Our code for each kind of error (doc/errors.md). */
static const char *const kinds[][2] = {
    {"truncated", "atls.truncated"},
    {"invalid_length", "atls.length"},
    {"unsupported_handshake_type", "atls.message"},
    {"bad_request", "atls.request"},
    {"context_mismatch", "atls.context"},
    {"unsupported_signature_scheme", "atls.scheme"},
    {"signature_mismatch", "atls.signature"},
    {"finished_mismatch", "atls.finished"},
    {"x509_parse", "atls.certificate"},
    {"x509_verify", "atls.chain"},
    {"context_reuse", "atls.replay"},
    {"missing_attestation", "atls.unattested"},
    {"malformed_payload", "atls.payload"},
    {"missing_statement", "atls.statement"},
    {"missing_binder", "atls.binder"},
    {"unexpected_exporter_label", "atls.label"},
    {"aik_pub_hash_mismatch", "atls.leaf"},
    {"binding_mismatch", "atls.binding"},
    {"evidence_verifier_missing", "atls.verifier"},
    {"evidence_rejected", "test.rejected"},
    {"results_verifier_missing", "atls.results"},
    {"results_rejected", "atls.results"}, /* nobody here takes results */
};

static const char *code_of(const char *kind)
{
    for (size_t i = 0; kind && i < COCOS__ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i][0], kind) == 0)
            return kinds[i][1];
    }
    return NULL; /* "other": of the programs around the library */
}

static const char *name_of(const json_t *row)
{
    const char *name = text_of(row, "name");

    name = name ? name : text_of(row, "id");
    return name ? name : "row";
}

static int differ(const char *file, const json_t *row, const char *expected, const char *found)
{
    printf("%s %s: expected %s, got %s\n", file, name_of(row), expected, found);
    return 1;
}

/*
 * Accepted by the Go programs, and to be refused here: holes, and forms that the specification lets
 * a strict reader refuse (section 6.2, and the rows' notes).
 */
static const char *refusal_of(const json_t *row)
{
    const char *note = text_of(row, "note");

    if (json_is_true(json_object_get(row, "libcocos_must_reject")))
        return "atls.unattested";
    if (note && strstr(note, "matches JSON member names case-insensitively"))
        return "atls.statement";
    if (note && strstr(note, "does not tie the scheme to the curve"))
        return "atls.scheme";
    return NULL;
}

static int
compare_expect(const char *file, const json_t *row, const json_t *expect, const char *code)
{
    const char *want = json_is_true(json_object_get(expect, "ok"))
                           ? refusal_of(row)
                           : code_of(text_of(expect, "error_kind"));

    if (json_is_true(json_object_get(expect, "ok")) && !want)
        return code[0] ? differ(file, row, "acceptance", code) : 0;
    if (!code[0])
        return differ(file, row, want ? want : "refusal", "acceptance");
    return want && strcmp(want, code) != 0 ? differ(file, row, want, code) : 0;
}

int compare(const char *file, const json_t *row, const char *code)
{
    return compare_expect(file, row, json_object_get(row, "expect"), code);
}

static const char *code_after(int status, cocos_error *err, char out[64])
{
    snprintf(out, 64, "%s", status == COCOS_OK ? "" : cocos_error_code(err));
    cocos_error_free(err);
    return out;
}

/* ---- Rows of one file each: 1 when the row does not agree ---- */

static int run_identity(const char *dir, const json_t *row)
{
    static const char *const names[] = {"aik_pub_hash_sha256", "aik_pub_hash_sha384"};
    static const int hashes[] = {COCOS__SHA256, COCOS__SHA384};
    identity id = identity_read(dir, text_of(row, "id"));
    int failed = 0;

    for (int i = 0; i < 2; i++) {
        exporter e = {.hash = hashes[i]};
        cocos__ea_session s = exporter_session(&e, NULL);
        cocos__ea_binding b;
        if (cocos__ea_bind(&s, (cocos__span){NULL, 0}, id.leaf, &b, NULL) < 0 ||
            !is_hex(row, names[i], b.aik_pub_hash, b.hash_len))
            failed = differ("identities", row, names[i], "another hash");
    }
    identity_free(&id);
    return failed;
}

static int run_session(const char *dir, const json_t *row)
{
    exporter e = exporter_from(row);
    cocos__ea_session s = exporter_session(&e, NULL);
    cocos__ea_keys keys[2];
    json_t *exports = json_object_get(row, "exports");
    json_t *x = NULL;
    size_t i = 0;

    (void)dir;
    PKI_NEED(cocos__ea_keys_get(&s, COCOS__EA_SERVER, &keys[0], NULL) == COCOS_OK);
    PKI_NEED(cocos__ea_keys_get(&s, COCOS__EA_CLIENT, &keys[1], NULL) == COCOS_OK);
    json_array_foreach(exports, i, x)
    {
        const char *label = text_of(x, "label");
        size_t len = (size_t)json_integer_value(json_object_get(x, "length"));
        blob context = hex_of(x, "context");
        uint8_t out[1024];
        PKI_NEED(len <= sizeof out);
        PKI_NEED(exporter_value(&e, label, span_of(context), out, len, NULL) == COCOS_OK);
        free(context.data);
        if (!is_hex(x, "output", out, len))
            return differ("sessions", row, "the listed output", label);
        const cocos__ea_keys *k = &keys[strstr(label, "EXPORTER-client") != NULL];
        if (strstr(label, "handshake context") && !is_hex(x, "output", k->context, k->len))
            return differ("sessions", row, "the handshake context", label);
        if (strstr(label, "finished key") && !is_hex(x, "output", k->finished, k->len))
            return differ("sessions", row, "the finished key", label);
    }
    return 0;
}

static int is_request(const json_t *expect, const cocos__ea_request *rq, size_t rest)
{
    json_t *list = json_object_get(expect, "extensions");
    json_t *schemes = json_object_get(expect, "signature_schemes");
    size_t n = json_is_array(schemes) ? json_array_size(schemes) : 0;
    int same = rq->type == json_integer_value(json_object_get(expect, "type")) &&
               is_hex(expect, "context", rq->context.data, rq->context.len) &&
               rq->offers == json_is_true(json_object_get(expect, "offers_cmw")) &&
               rq->extensions.n == json_array_size(list) && rq->schemes.len == 2 * n &&
               strlen(text_of(expect, "rest")) == 2 * rest;

    for (size_t i = 0; same && i < rq->extensions.n; i++) {
        const cocos__ea_extension *e = &rq->extensions.at[i];
        uint8_t type[2] = {(uint8_t)(e->type >> 8), (uint8_t)e->type};
        same = is_hex(json_array_get(list, i), "type", type, 2) &&
               is_hex(json_array_get(list, i), "data", e->data.data, e->data.len);
    }
    for (size_t i = 0; same && i < n; i++) {
        char hex[8];
        snprintf(hex, sizeof hex, "%04x", cocos__u16be(rq->schemes.data + 2 * i));
        same = strcmp(hex, json_string_value(json_array_get(schemes, i))) == 0;
    }
    return same;
}

static int run_request(const char *dir, const json_t *row)
{
    blob bytes = hex_of(row, "bytes");
    cocos__ea_request rq;
    cocos_error *err = NULL;
    size_t rest = 0;
    char code[64];

    (void)dir;
    int r = cocos__ea_request_parse(span_of(bytes), &rq, &rest, &err);
    int failed = compare("requests", row, code_after(r, err, code));
    if (!failed && r == COCOS_OK && !is_request(json_object_get(row, "expect"), &rq, rest))
        failed = differ("requests", row, "the listed form", "another");
    if (!failed && r == COCOS_OK && strcmp(name_of(row), "default-32") == 0) {
        cocos__buf own;
        cocos__buf_init(&own, 1024);
        PKI_NEED(cocos__ea_request_write(rq.type, rq.context, 0, &own, NULL) == COCOS_OK);
        if (own.len != bytes.len || memcmp(own.data, bytes.data, own.len) != 0)
            failed = differ("requests", row, "our own request", "other bytes");
        cocos__buf_done(&own);
    }
    free(bytes.data);
    return failed;
}

static int reject(void *user,
                  const cocos__attest_binding *b,
                  int version,
                  cocos__span evidence,
                  cocos_error **err)
{
    (void)user;
    (void)b;
    (void)version;
    (void)evidence;
    return cocos__fail(err, COCOS_ERR_REJECTED, "test.rejected", "the evidence is refused");
}

/* Parses the request of a row; NULL when it has none. */
static const cocos__ea_request *request_of(blob bytes, cocos__ea_request *rq)
{
    size_t rest = 0;

    if (!bytes.data)
        return NULL;
    PKI_NEED(cocos__ea_request_parse(span_of(bytes), rq, &rest, NULL) == COCOS_OK && rest == 0);
    return rq;
}

static int role_of(const json_t *row)
{
    const char *role = text_of(row, "role");

    return role && strcmp(role, "client") == 0 ? COCOS__EA_CLIENT : COCOS__EA_SERVER;
}

/* Validation with the row's verifiers: what attested.c does, without a connection. */
static int validate(const cocos__ea_session *s,
                    const cocos__ea_terms *base,
                    const json_t *verifiers,
                    cocos__span authenticator,
                    cocos__ea_result *result,
                    cocos_error **err)
{
    const char *verifier = text_of(verifiers, "evidence_verifier");
    const char *results = text_of(verifiers, "results_verifier");
    cocos__ea_terms terms = *base;

    if (!verifier)
        die("missing", "evidence_verifier");
    terms.attested = strcmp(verifier, "none") != 0 || (results && strcmp(results, "none") != 0);
    int r = cocos__ea_validate(s, &terms, authenticator, result, err);
    if (r < 0 || !result->payload || strcmp(verifier, "accept") == 0)
        return r;
    if (strcmp(verifier, "reject") == 0)
        return reject(NULL, NULL, 1, (cocos__span){NULL, 0}, err);
    return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "atls.verifier",
                       "nobody judges the evidence");
}

static int is_result(const json_t *row, const cocos__ea_result *r)
{
    const json_t *expect = json_object_get(row, "expect");
    const json_t *mid = json_object_get(row, "intermediate");

    if (r->empty != json_is_true(json_object_get(expect, "empty")) ||
        (json_int_t)r->chain_len != json_integer_value(json_object_get(expect, "chain_len")) ||
        !is_hex(expect, "cmw", r->cmw.data, r->cmw.len) ||
        !is_hex(expect, "context", r->context.data, r->context.len))
        return 0;
    if (r->payload &&
        !is_hex(expect, "evidence", r->payload->evidence.data, r->payload->evidence.len))
        return 0;
    if (r->empty || !mid)
        return 1;
    return is_hex(mid, "exported_value", r->binding.exported, sizeof r->binding.exported) &&
           is_hex(mid, "aik_pub_hash", r->binding.aik_pub_hash, r->binding.hash_len) &&
           is_hex(mid, "binding", r->binding.binding, r->binding.hash_len);
}

static int run_authenticator(const char *dir, const json_t *row)
{
    exporter e = exporter_of(dir, text_of(row, "session"));
    cocos__ea_session s = exporter_session(&e, NULL);
    blob request = hex_of(row, "request");
    blob authenticator = hex_of(row, "authenticator");
    cocos__ea_request rq;
    cocos__ea_result result = {0};
    cocos_error *err = NULL;
    char code[64];
    cocos__ea_terms terms = {.role = role_of(row), .roots = roots_of(dir, row)};

    terms.request = request_of(request, &rq);
    int r = validate(&s, &terms, row, span_of(authenticator), &result, &err);
    int failed = compare("authenticators", row, code_after(r, err, code));
    if (!failed && r == COCOS_OK && !is_result(row, &result))
        failed = differ("authenticators", row, "the listed result", "another");
    cocos__ea_result_done(&result);
    X509_STORE_free(terms.roots);
    free(request.data);
    free(authenticator.data);
    return failed;
}

/* The extensions of a row, encoded one behind the other. */
static void add_extensions(const json_t *row, cocos__buf *out)
{
    json_t *list = json_object_get(row, "leaf_extensions");
    json_t *e = NULL;
    size_t i = 0;

    json_array_foreach(list, i, e)
    {
        blob type = hex_of(e, "type");
        blob data = hex_of(e, "data");
        cocos__buf_add(out, type.data, type.len);
        cocos__buf_add_u16be(out, (uint16_t)data.len);
        cocos__buf_add(out, data.data, data.len);
        free(type.data);
        free(data.data);
    }
}

/* What was made and is not the same at every try has to be taken by our own judgement. */
static int run_create(const char *dir, const json_t *row)
{
    exporter e = exporter_of(dir, text_of(row, "session"));
    cocos__ea_session s = exporter_session(&e, NULL);
    const char *id_name = text_of(row, "identity");
    blob request = hex_of(row, "request");
    cocos__ea_request rq;
    cocos__ea_result result = {0};
    cocos__ea_terms terms = {.role = role_of(row), .request = request_of(request, &rq)};
    cocos__buf extensions;
    cocos__buf out;
    cocos_error *err = NULL;
    char code[64];
    identity id = {0};

    cocos__buf_init(&extensions, 1 << 17);
    cocos__buf_init(&out, 1 << 20);
    add_extensions(row, &extensions);
    if (*id_name)
        id = identity_read(dir, id_name);
    cocos__ea_identity own = {.leaf = id.leaf, .chain = id.chain, .key = id.key};
    int r = cocos__ea_create(&s, terms.role, terms.request, *id_name ? &own : NULL,
                             (cocos__span){extensions.data, extensions.len}, &out, &err);
    int failed = compare("create", row, code_after(r, err, code));
    if (!failed && r == COCOS_OK && json_is_true(json_object_get(row, "deterministic")) &&
        !is_hex(row, "authenticator", out.data, out.len))
        failed = differ("create", row, "the listed bytes", "others");
    if (!failed && r == COCOS_OK &&
        cocos__ea_validate(&s, &terms, (cocos__span){out.data, out.len}, &result, NULL) < 0)
        failed = differ("create", row, "what we take ourselves", "a refusal");
    cocos__ea_result_done(&result);
    cocos__buf_done(&extensions);
    cocos__buf_done(&out);
    identity_free(&id);
    free(request.data);
    return failed;
}

int make_stub(void *user,
              const cocos__attest_binding *b,
              int64_t deadline_ns,
              int *version,
              cocos__buf *evidence,
              cocos_error **err)
{
    (void)user;
    (void)deadline_ns;
    (void)err;
    *version = 1;
    cocos__buf_add_str(evidence, "STUBEV01");
    cocos__buf_add(evidence, b->report_data, 64);
    cocos__buf_add(evidence, b->nonce, 32);
    return COCOS_OK;
}

/* Evidence of each size: document, extension, authenticator. */
static int run_limit(const char *dir, const json_t *row, const json_t *one)
{
    static const uint8_t context[] = "context";
    identity id = identity_read(dir, "p256");
    exporter e = {.hash = COCOS__SHA256};
    cocos__ea_session s = exporter_session(&e, NULL);
    cocos__ea_identity own = {.leaf = id.leaf, .key = id.key};
    cocos__ea_binding b;
    cocos__ea_request rq;
    cocos_error *err = NULL;
    cocos__buf json, extension, request, out;
    size_t len = (size_t)json_integer_value(json_object_get(one, "evidence_len"));
    size_t want = (size_t)json_integer_value(json_object_get(one, "extension_data_len"));
    size_t rest = 0;
    uint8_t *evidence = calloc(1, len + 1);
    char code[64];

    cocos__buf_init(&json, 1 << 20);
    cocos__buf_init(&extension, 1 << 20);
    cocos__buf_init(&request, 1 << 10);
    cocos__buf_init(&out, 1 << 20);
    PKI_NEED(cocos__ea_request_write(17, (cocos__span){context, 7}, 0, &request, NULL) ==
                 COCOS_OK &&
             cocos__ea_request_parse((cocos__span){request.data, request.len}, &rq, &rest, NULL) ==
                 COCOS_OK &&
             cocos__ea_bind(&s, rq.context, id.leaf, &b, NULL) == COCOS_OK);
    int r = cocos__ea_payload_write(1, "application/eat+cwt", (cocos__span){evidence, len}, &b,
                                    &json, &err);
    if (r == COCOS_OK)
        r = cocos__ea_payload_extension((cocos__span){json.data, json.len}, &extension, &err);
    int failed =
        compare_expect("provider", row, json_object_get(one, "expect"), code_after(r, err, code));
    err = NULL;
    if (!failed && r == COCOS_OK && extension.len != want + 4)
        failed = differ("provider", row, "the listed length", "another");
    const json_t *create = json_object_get(one, "create");
    if (!failed && r == COCOS_OK && create) {
        r = cocos__ea_create(&s, COCOS__EA_SERVER, &rq, &own,
                             (cocos__span){extension.data, extension.len}, &out, &err);
        failed = compare_expect("provider", row, create, code_after(r, err, code));
        /* What our own carrier counts with. */
        if (!failed &&
            (r == COCOS_OK) != (len <= cocos__ea_payload_room("application/eat+cwt", &b)))
            failed = differ("provider", row, "the room we count with", "another");
    }
    cocos__buf_done(&json);
    cocos__buf_done(&extension);
    cocos__buf_done(&request);
    cocos__buf_done(&out);
    free(evidence);
    identity_free(&id);
    return failed;
}

static int run_limits(const char *dir, const json_t *row)
{
    json_t *cases = json_object_get(row, "cases");
    json_t *one = NULL;
    size_t i = 0;
    int failed = 0;

    json_array_foreach(cases, i, one) failed |= run_limit(dir, row, one);
    return failed;
}

static int run_provider(const char *dir, const json_t *row)
{
    if (json_object_get(row, "cases"))
        return run_limits(dir, row);

    exporter e = exporter_of(dir, text_of(row, "session"));
    cocos__ea_session s = exporter_session(&e, NULL);
    identity id = identity_read(dir, text_of(row, "identity"));
    blob context = hex_of(row, "context");
    const char *text = text_of(row, "payload_json");
    cocos__ea_binding b;
    cocos__buf evidence, json, extension;
    int version = 2;

    cocos__buf_init(&evidence, 4096);
    cocos__buf_init(&json, 1 << 20);
    cocos__buf_init(&extension, 1 << 20);
    PKI_NEED(cocos__ea_bind(&s, span_of(context), id.leaf, &b, NULL) == COCOS_OK);
    cocos__attest_binding ab = {1, b.exported, b.leaf, b.report_data, b.nonce};
    PKI_NEED(make_stub(NULL, &ab, 0, &version, &evidence, NULL) == COCOS_OK);
    PKI_NEED(cocos__ea_payload_write(1, "application/eat+cwt",
                                     (cocos__span){evidence.data, evidence.len}, &b, &json,
                                     NULL) == COCOS_OK);
    PKI_NEED(cocos__ea_payload_extension((cocos__span){json.data, json.len}, &extension, NULL) ==
             COCOS_OK);
    int same = is_hex(row, "exported_value", b.exported, 32) &&
               is_hex(row, "aik_pub_hash", b.aik_pub_hash, b.hash_len) &&
               is_hex(row, "binding", b.binding, b.hash_len) &&
               is_hex(row, "report_data", b.report_data, 64) && is_hex(row, "nonce", b.nonce, 32) &&
               is_hex(row, "evidence", evidence.data, evidence.len) &&
               is_hex(row, "extension", extension.data, extension.len) &&
               strlen(text) == json.len && memcmp(text, json.data, json.len) == 0;
    cocos__buf_done(&evidence);
    cocos__buf_done(&json);
    cocos__buf_done(&extension);
    free(context.data);
    identity_free(&id);
    return same ? 0 : differ("provider", row, "the listed values", "others");
}

static int is_payload(const json_t *expect, const cocos__ea_payload *p)
{
    return p->version == json_integer_value(json_object_get(expect, "version")) &&
           strcmp(p->media_type, text_of(expect, "media_type")) == 0 &&
           is_hex(expect, "evidence", p->evidence.data, p->evidence.len) &&
           is_hex(expect, "aik_pub_hash", p->aik_pub_hash.data, p->aik_pub_hash.len) &&
           is_hex(expect, "binding", p->binding.data, p->binding.len);
}

/* Two lenient forms that no writer produces: an array of numbers, base64 with bits left over. */
static int is_lenient(blob raw)
{
    static const char *const forms[] = {"\"evidence\":[", "\"AAEC+h==\""};
    int found = 0;

    raw.data[raw.len] = '\0';
    for (size_t i = 0; i < COCOS__ARRAY_LEN(forms); i++)
        found |= strstr((const char *)raw.data, forms[i]) != NULL;
    return found;
}

static int run_payload(const char *dir, const json_t *row)
{
    blob raw = hex_of(row, "raw_hex");
    cocos__ea_payload *p = NULL;
    cocos_error *err = NULL;
    char code[64];
    int failed = 0;

    (void)dir;
    int r = cocos__ea_payload_parse(span_of(raw), &p, &err);
    code_after(r, err, code);
    if (is_lenient(raw) && json_is_true(json_object_get(json_object_get(row, "expect"), "ok")))
        failed = strcmp(code, "atls.payload") == 0 ? 0 : differ("payloads", row, "refusal", code);
    else
        failed = compare("payloads", row, code);
    if (!failed && p && !is_payload(json_object_get(row, "expect"), p))
        failed = differ("payloads", row, "the listed values", "others");
    cocos__ea_payload_free(p);
    free(raw.data);
    return failed;
}

static int run_step(const json_t *step,
                    cocos__ea_session *s,
                    const cocos__ea_identity *id,
                    const cocos__ea_request *rq,
                    cocos__span extensions,
                    cocos__span authenticator)
{
    cocos_error *err = NULL;
    char code[64];
    int r;

    if (strcmp(text_of(step, "op"), "create") == 0) {
        cocos__buf out;
        cocos__buf_init(&out, 1 << 20);
        r = cocos__ea_create(s, COCOS__EA_SERVER, rq, id, extensions, &out, &err);
        cocos__buf_done(&out);
    } else {
        cocos__ea_terms terms = {.role = COCOS__EA_SERVER, .request = rq};
        cocos__ea_result result = {0};
        uint8_t *copy = malloc(authenticator.len);
        memcpy(copy, authenticator.data, authenticator.len);
        if (text_of(step, "tamper"))
            copy[authenticator.len - 1] ^= 1;
        r = validate(s, &terms, step, (cocos__span){copy, authenticator.len}, &result, &err);
        cocos__ea_result_done(&result);
        free(copy);
    }
    return compare("sequences", step, code_after(r, err, code));
}

static int run_sequence(const char *dir, const json_t *row)
{
    exporter e = exporter_of(dir, text_of(row, "session"));
    cocos__ea_contexts stores[26] = {0};
    identity id = identity_read(dir, text_of(row, "identity"));
    cocos__ea_identity own = {.leaf = id.leaf, .chain = id.chain, .key = id.key};
    blob request = hex_of(row, "request");
    blob authenticator = hex_of(row, "authenticator");
    cocos__ea_request rq;
    cocos__buf extensions;
    json_t *steps = json_object_get(row, "steps");
    json_t *step = NULL;
    size_t i = 0;
    int failed = 0;

    cocos__buf_init(&extensions, 1 << 17);
    add_extensions(row, &extensions);
    request_of(request, &rq);
    json_array_foreach(steps, i, step)
    {
        cocos__ea_session s = exporter_session(&e, &stores[text_of(step, "store")[0] - 'A']);
        failed |= run_step(step, &s, &own, &rq, (cocos__span){extensions.data, extensions.len},
                           span_of(authenticator));
    }
    cocos__buf_done(&extensions);
    free(request.data);
    free(authenticator.data);
    identity_free(&id);
    return failed;
}

static int run_frame(const char *dir, const json_t *row)
{
    blob bytes = hex_of(row, "bytes");
    int type = 0;
    size_t len = 0;

    (void)dir;
    int ok = cocos__attest_frame_read(bytes.data, &type, &len, NULL) == COCOS_OK;
    int same = ok == json_is_true(json_object_get(row, "ok")) &&
               (!ok || (type == bytes.data[0] && (bytes.len == 5 || len == bytes.len - 5)));
    free(bytes.data);
    return same ? 0 : differ("frames", row, text_of(row, "note"), ok ? "acceptance" : "refusal");
}

/* ---- The whole set ---- */

void run_atls(const char *dir, tally *count)
{
    static const struct {
        const char *file;
        int (*run)(const char *dir, const json_t *row);
    } files[] = {
        {"identities.json", run_identity},
        {"sessions.json", run_session},
        {"requests.json", run_request},
        {"create.json", run_create},
        {"authenticators.json", run_authenticator},
        {"provider.json", run_provider},
        {"payloads.json", run_payload},
        {"sequences.json", run_sequence},
        {"frames.json", run_frame},
        {"transcripts.json", run_transcript},
        {"live-server.json", run_live_server},
        {"live-client.json", run_live_client},
    };

    for (size_t f = 0; f < COCOS__ARRAY_LEN(files); f++)
        run_rows(dir, files[f].file, files[f].run, atls_shape, count);
}
