/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/attested.h"

#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "attest/envelope.h"
#include "base/clock.h"
#include "base/fd.h"
#include "transport/attest_frame.h"
#include "transport/attest_payload.h"
#include "transport/internal.h"

#define DEFAULT_NS (20 * COCOS__NS_PER_S) /* atls.md section 9.3, the evidence included */
#define READ_STEP  65536
#define H2_FIRST   'P' /* of the preface of HTTP/2 */

#define EAT_TYPE "application/eat+cwt" /* of version 1 */

/* One exchange on one connection. */
typedef struct exchange {
    cocos__conn *c;
    const cocos__attest_options *o;
    cocos__conn_wait wait;
    cocos__ea_session session;
    cocos__ea_contexts used;
} exchange;

static int export_value(
    void *user, const char *label, cocos__span context, uint8_t *out, size_t len, cocos_error **err)
{
    return cocos__conn_exporter(user, label, context.len ? context.data : NULL, context.len, out,
                                len, err);
}

static int hash_of(const SSL *ssl)
{
    const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));

    switch (md ? EVP_MD_get_type(md) : NID_undef) {
    case NID_sha256:
        return COCOS__SHA256;
    case NID_sha384:
        return COCOS__SHA384;
    default:
        return 0;
    }
}

static int begin(exchange *x,
                 cocos__conn *c,
                 const cocos__attest_options *o,
                 int64_t deadline_ns,
                 const cocos_cancel *cancel,
                 cocos_error **err)
{
    memset(x, 0, sizeof *x);
    if (c->kind != COCOS__CONN_TLS || c->exchanged)
        return cocos__fail(err, COCOS_ERR_USAGE, "atls.connection",
                           "a connection is attested once, right after its TLS handshake");
    c->exchanged = 1;
    x->c = c;
    x->o = o;
    x->wait.deadline_ns = deadline_ns ? deadline_ns : cocos__clock_mono_ns() + DEFAULT_NS;
    x->wait.cancel = cancel;
    x->wait.what = "the exchange of attested TLS";
    x->session.hash = SSL_version(c->ssl) == TLS1_3_VERSION ? hash_of(c->ssl) : 0;
    x->session.exporter = export_value;
    x->session.user = c;
    x->session.used = &x->used;
    return COCOS_OK;
}

/* The peer learns that it is over, not why (atls.md section 9.4). */
static int end(exchange *x, int status)
{
    if (status < 0 && x->c) {
        ERR_clear_error();
        SSL_shutdown(x->c->ssl);
        ERR_clear_error();
        shutdown(x->c->fd, SHUT_WR);
    }
    return status;
}

/* ---- Frames ---- */

static int send_frame(exchange *x, int type, cocos__span payload, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf out;
    uint8_t head[COCOS__FRAME_HEAD];

    cocos__buf_init(&out, COCOS__FRAME_HEAD + payload.len);
    cocos__attest_frame_write(head, type, payload.len);
    cocos__buf_add(&out, head, sizeof head);
    cocos__buf_add(&out, payload.data, payload.len);
    return out.failed ? cocos__fail_memory(err)
                      : cocos__conn_write(x->c, out.data, out.len, &x->wait, err);
}

/* Memory grows with what has come, not with what was announced. */
static int read_payload(exchange *x, size_t len, cocos__buf *out, cocos_error **err)
{
    cocos__buf_init(out, len);
    while (out->len < len) {
        size_t n = len - out->len < READ_STEP ? len - out->len : READ_STEP;
        uint8_t *room = cocos__buf_room(out, n);
        int r = room ? cocos__conn_read(x->c, room, n, &x->wait, err) : cocos__fail_memory(err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}

static int recv_frame(exchange *x, int type, size_t max, cocos__buf *out, cocos_error **err)
{
    uint8_t head[COCOS__FRAME_HEAD];
    size_t len = 0;

    int r = cocos__conn_read(x->c, head, sizeof head, &x->wait, err);
    if (r == COCOS_OK)
        r = cocos__attest_frame_expect(head, type, max, &len, err);
    return r < 0 ? r : read_payload(x, len, out, err);
}

/* ---- Asking, and judging the answer ---- */

static int ask(exchange *x, int frame, int type, int client, cocos__buf *request, cocos_error **err)
{
    uint8_t own[32];
    cocos__span context = {own, sizeof own};

    cocos__random(own, sizeof own);
    if (frame == COCOS__FRAME_REQUEST && x->o->context.len)
        context = x->o->context;
    int r = cocos__ea_request_write(type, context, client, request, err);
    return r < 0 ? r : send_frame(x, frame, (cocos__span){request->data, request->len}, err);
}

static cocos__attest_binding binding_of(const cocos__ea_binding *b, int role)
{
    return (cocos__attest_binding){
        .server = role == COCOS__EA_SERVER,
        .exported = b->exported,
        .leaf = b->leaf,
        .report_data = b->report_data,
        .nonce = b->nonce,
    };
}

/* The envelope as it was before its carrier was too small for it (cocos-v1 section 1). */
static int make_whole(exchange *x, cocos__span *evidence, cocos__buf *whole, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf rest;
    size_t missing = 0;

    cocos__buf_init(&rest, 0);
    int r = cocos__envelope_detached(*evidence, &missing, err);
    if (r < 0 || missing == 0)
        return r;
    cocos__buf_init(whole, COCOS__ENVELOPE_MAX);
    r = recv_frame(x, COCOS__FRAME_DETACHED, missing, &rest, err);
    if (r == COCOS_OK)
        r = cocos__envelope_attach(*evidence, (cocos__span){rest.data, rest.len}, whole, err);
    *evidence = (cocos__span){whole->data, whole->len};
    return r;
}

static int judge_evidence(exchange *x, const cocos__ea_result *result, int role, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf whole;
    const cocos__ea_payload *p = result->payload;
    cocos__span evidence = {p->evidence.data, p->evidence.len};
    cocos__attest_binding b = binding_of(&result->binding, role);

    cocos__buf_init(&whole, 0);
    if (p->version == 2 && strcmp(p->media_type, COCOS__ENVELOPE_TYPE) == 0) {
        int r = make_whole(x, &evidence, &whole, err);
        if (r < 0)
            return r;
    } else if (p->version != 1 || !x->o->compat) {
        return cocos__ea_fail(err, "atls.version",
                              "the peer sends evidence of version %lld, expected 2",
                              (long long)p->version);
    }
    int r = x->o->judge(x->o->user, &b, (int)p->version, evidence, err);
    if (r > 0)
        r = cocos__fail(err, COCOS_ERR_INTERNAL, "atls.verifier", "the evidence was not judged");
    return r;
}

/* The key of the handshake and that of the evidence have to be one: claims name both by key 3. */
static int check_key(const exchange *x, const cocos__ea_result *result, cocos_error **err)
{
    if (x->c->has_peer && memcmp(x->c->peer_spki, result->binding.leaf, 32) != 0)
        return cocos__ea_fail(err, "atls.key",
                              "the peer's authenticator has another key than its handshake");
    return COCOS_OK;
}

static int
judge_answer(exchange *x, int frame, int role, const cocos__buf *request, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf answer;
    COCOS__CLEANUP(cocos__ea_result_done) cocos__ea_result result = {0};
    cocos__ea_request rq;
    size_t rest = 0;
    X509_STORE *roots = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(x->c->ssl));

    cocos__buf_init(&answer, 0);
    int r = cocos__ea_request_parse((cocos__span){request->data, request->len}, &rq, &rest, err);
    if (r == COCOS_OK)
        r = recv_frame(x, frame, COCOS__FRAME_AUTHENTICATOR_MAX, &answer, err);
    if (r < 0)
        return r;
    cocos__ea_terms terms = {
        .role = role,
        .request = &rq,
        .roots = x->c->has_roots ? roots : NULL,
        .known = SSL_get0_peer_certificate(x->c->ssl),
        .attested = 1,
    };
    r = cocos__ea_validate(&x->session, &terms, (cocos__span){answer.data, answer.len}, &result,
                           err);
    if (r == COCOS_OK)
        r = check_key(x, &result, err);
    return r < 0 ? r : judge_evidence(x, &result, role, err);
}

/* ---- Answering ---- */

/* Evidence that fits beside the rest, and what did not. */
static int fit(int version,
               const cocos__ea_binding *b,
               const cocos__buf *evidence,
               cocos__buf *json,
               cocos__buf *rest,
               cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf head;
    cocos__span whole = {evidence->data, evidence->len};
    const char *type = version == 2 ? COCOS__ENVELOPE_TYPE : EAT_TYPE;
    size_t room = cocos__ea_payload_room(type, b);

    cocos__buf_init(&head, COCOS__ENVELOPE_MAX);
    if (version == 2 && whole.len > room) {
        int r = cocos__envelope_detach(whole, room, &head, rest, err);
        if (r < 0)
            return r;
        whole = (cocos__span){head.data, head.len};
    }
    if (whole.len > room)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "atls.length",
                           "the evidence has %zu bytes, %zu fit", whole.len, room);
    return cocos__ea_payload_write(version, type, whole, b, json, err);
}

static int make_evidence(exchange *x,
                         const cocos__ea_binding *bound,
                         int role,
                         cocos__buf *extension,
                         cocos__buf *rest,
                         cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf evidence;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf json;
    cocos__attest_binding b = binding_of(bound, role);
    int version = 2;

    cocos__buf_init(&evidence, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&json, 1u << 17);
    int r = x->o->make(x->o->user, &b, x->wait.deadline_ns, &version, &evidence, err);
    if (r == COCOS_OK && (evidence.failed || (version != 2 && (version != 1 || !x->o->compat))))
        r = cocos__fail(err, COCOS_ERR_INTERNAL, "atls.version",
                        "the evidence has version %d, or is too long", version);
    if (r == COCOS_OK)
        r = fit(version, bound, &evidence, &json, rest, err);
    return r < 0 ? r
                 : cocos__ea_payload_extension((cocos__span){json.data, json.len}, extension, err);
}

/* What can be refused without evidence is refused before any is made. */
static int
check_request(const cocos__ea_request *rq, size_t rest, const EVP_PKEY *key, cocos_error **err)
{
    uint16_t scheme;

    if (rest > 0)
        return cocos__ea_fail(err, "atls.length", "%zu bytes follow the request", rest);
    if (!rq->offers || rq->doubled)
        return cocos__ea_fail(err, "atls.request",
                              "the request takes no evidence, or has an extension twice");
    return cocos__ea_scheme(rq, key, &scheme, err);
}

static int answer(exchange *x, int frame, int role, const cocos__ea_request *rq, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf extension;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf rest;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf out;
    cocos__ea_identity id = {.leaf = SSL_get_certificate(x->c->ssl),
                             .key = SSL_get_privatekey(x->c->ssl)};
    cocos__ea_binding bound;

    cocos__buf_init(&extension, 1u << 17);
    cocos__buf_init(&rest, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&out, COCOS__FRAME_AUTHENTICATOR_MAX);
    SSL_get0_chain_certs(x->c->ssl, &id.chain);
    int r = cocos__ea_bind(&x->session, rq->context, id.leaf, &bound, err);
    if (r == COCOS_OK)
        r = make_evidence(x, &bound, role, &extension, &rest, err);
    if (r == COCOS_OK)
        r = cocos__ea_create(&x->session, role, rq, &id,
                             (cocos__span){extension.data, extension.len}, &out, err);
    if (r == COCOS_OK)
        r = send_frame(x, frame, (cocos__span){out.data, out.len}, err);
    if (r == COCOS_OK && rest.len > 0)
        r = send_frame(x, COCOS__FRAME_DETACHED, (cocos__span){rest.data, rest.len}, err);
    return r;
}

/* Reads a request, checks it, answers. *client: it has COCOS__EA_EXT_CLIENT. */
static int serve_request(
    exchange *x, const cocos__buf *request, int frame, int role, int *client, cocos_error **err)
{
    const EVP_PKEY *key = SSL_get_privatekey(x->c->ssl);
    cocos__ea_request rq;
    size_t rest = 0;

    if (!key || !SSL_get_certificate(x->c->ssl))
        return cocos__fail(err, COCOS_ERR_USAGE, "atls.connection",
                           "a side without certificate cannot attest itself");
    int r = cocos__ea_request_parse((cocos__span){request->data, request->len}, &rq, &rest, err);
    if (r == COCOS_OK)
        r = check_request(&rq, rest, key, err);
    if (r == COCOS_OK && x->o->judge && role == COCOS__EA_SERVER &&
        !cocos__ea_find(&rq.extensions, COCOS__EA_EXT_CLIENT))
        r = cocos__ea_fail(err, "atls.client", "the client does not attest itself");
    if (r < 0)
        return r;
    *client = cocos__ea_find(&rq.extensions, COCOS__EA_EXT_CLIENT) != NULL;
    return answer(x, frame, role, &rq, err);
}

/* ---- The client attests itself, if both sides want it ---- */

static int judge_client(exchange *x, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf request;

    cocos__buf_init(&request, COCOS__FRAME_REQUEST_MAX);
    if (!x->o->judge)
        return send_frame(x, COCOS__FRAME_ASK_CLIENT, (cocos__span){NULL, 0}, err);
    int r = ask(x, COCOS__FRAME_ASK_CLIENT, COCOS__EA_REQUEST_BY_SERVER, 0, &request, err);
    if (r == COCOS_OK)
        r = judge_answer(x, COCOS__FRAME_CLIENT, COCOS__EA_CLIENT, &request, err);
    if (r == COCOS_OK)
        x->c->client_attested = 1;
    return r;
}

/* After the server is known to be the right one: nobody else sees our evidence. */
static int attest_self(exchange *x, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf request;
    int client = 0;

    cocos__buf_init(&request, 0);
    int r = recv_frame(x, COCOS__FRAME_ASK_CLIENT, COCOS__FRAME_REQUEST_MAX, &request, err);
    if (r < 0 || request.len == 0)
        return r;
    r = serve_request(x, &request, COCOS__FRAME_CLIENT, COCOS__EA_CLIENT, &client, err);
    if (r == COCOS_OK)
        x->c->client_attested = 1;
    return r;
}

/* ---- Both sides ---- */

static int run_client(exchange *x, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf request;

    cocos__buf_init(&request, COCOS__FRAME_REQUEST_MAX);
    int r = ask(x, COCOS__FRAME_REQUEST, COCOS__EA_REQUEST_BY_CLIENT, x->o->make != NULL, &request,
                err);
    if (r == COCOS_OK)
        r = judge_answer(x, COCOS__FRAME_AUTHENTICATOR, COCOS__EA_SERVER, &request, err);
    return r < 0 || !x->o->make ? r : attest_self(x, err);
}

int cocos__conn_attest_client(cocos__conn *c,
                              const cocos__attest_options *o,
                              int64_t deadline_ns,
                              const cocos_cancel *cancel,
                              cocos_error **err)
{
    exchange x;

    if (!o->judge)
        return cocos__fail(err, COCOS_ERR_USAGE, "atls.verifier",
                           "a client has to say who judges the server's evidence");
    int r = begin(&x, c, o, deadline_ns, cancel, err);
    if (r == COCOS_OK)
        r = run_client(&x, err);
    if (r == COCOS_OK)
        c->attested = 1;
    return end(&x, r);
}

static int run_server(exchange *x, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf request;
    int client = 0;

    cocos__buf_init(&request, 0);
    int r = recv_frame(x, COCOS__FRAME_REQUEST, COCOS__FRAME_REQUEST_MAX, &request, err);
    if (r == COCOS_OK)
        r = serve_request(x, &request, COCOS__FRAME_AUTHENTICATOR, COCOS__EA_SERVER, &client, err);
    return r < 0 || !client ? r : judge_client(x, err);
}

int cocos__conn_attest_server(cocos__conn *c,
                              const cocos__attest_options *o,
                              int64_t deadline_ns,
                              const cocos_cancel *cancel,
                              int *attested,
                              cocos_error **err)
{
    exchange x;
    uint8_t first = 0;

    *attested = 0;
    if (!o->make)
        return cocos__fail(err, COCOS_ERR_USAGE, "atls.connection",
                           "a server has to say who makes its evidence");
    int r = begin(&x, c, o, deadline_ns, cancel, err);
    if (r == COCOS_OK)
        r = cocos__conn_peek(c, &first, &x.wait, err);
    if (r == COCOS_OK && first == H2_FIRST)
        return COCOS_OK;
    if (r == COCOS_OK)
        r = run_server(&x, err);
    if (r == COCOS_OK)
        c->attested = *attested = 1;
    return end(&x, r);
}

int cocos__conn_attested(const cocos__conn *c)
{
    return c->attested;
}

int cocos__conn_client_attested(const cocos__conn *c)
{
    return c->client_attested;
}
