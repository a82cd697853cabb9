/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange on live TLS connections: who passes, and the attacks that do not. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "attest_maker.h"
#include "base/thread.h"
#include "suite.h"
#include "tls_pair.h"
#include "transport/attest_frame.h"
#include "transport/attest_payload.h"

static enclave genuine;
static cocos__tls_config *server_config;
static cocos__tls_config *client_config;
static cocos__tls_config *evil_config; /* a server with another key */

static const cocos__attest_options attester = {.make = enclave_make, .user = &genuine};
static const cocos__attest_options party = {.judge = enclave_judge, .user = &genuine};
static const cocos__attest_options both = {
    .make = enclave_make, .judge = enclave_judge, .user = &genuine};

static cocos__span span_of(const cocos__buf *b)
{
    return (cocos__span){b->data, b->len};
}

static cocos__tls_config *own_config(int server)
{
    cocos__tls_config *c = NULL;
    cocos_error *err = NULL;
    cocos__buf cert, key;

    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    assert_ok(cocos__tls_self_signed("x", &cert, &key, &err), err);
    cocos__tls_options o = {
        .cert_pem = span_of(&cert), .key_pem = span_of(&key), .insecure = !server};
    assert_ok(server ? cocos__tls_config_server(&o, &c, &err)
                     : cocos__tls_config_client(&o, &c, &err),
              err);
    cocos__buf_done(&cert);
    cocos__buf_wipe_done(&key);
    return c;
}

static void setup(void)
{
    enclave_init(&genuine);
    server_config = own_config(1);
    evil_config = own_config(1);
    client_config = tls_pair_client_config();
}

static void teardown(void)
{
    enclave_done(&genuine);
    cocos__tls_config_unref(server_config);
    cocos__tls_config_unref(evil_config);
    cocos__tls_config_unref(client_config);
}

/* ---- One end in a thread of its own ---- */

struct side {
    cocos__conn *conn;
    const cocos__attest_options *o;
    int is_client;
    int result;
    int attested;
    cocos_error *err;
    pthread_t t;
};

static void *run_side(void *user)
{
    struct side *s = user;

    s->result = s->is_client
                    ? cocos__conn_attest_client(s->conn, s->o, 0, NULL, &s->err)
                    : cocos__conn_attest_server(s->conn, s->o, 0, NULL, &s->attested, &s->err);
    return NULL;
}

static struct side *begin_side(cocos__conn *conn, const cocos__attest_options *o, int is_client)
{
    struct side *s = calloc(1, sizeof *s);

    *s = (struct side){.conn = conn, .o = o, .is_client = is_client};
    pthread_create(&s->t, NULL, run_side, s);
    return s;
}

static int end_side(struct side *s, char code[64])
{
    pthread_join(s->t, NULL);
    int r = s->result;
    snprintf(code, 64, "%s", r < 0 ? cocos_error_code(s->err) : s->attested ? "attested" : "");
    cocos_error_free(s->err);
    free(s);
    return r;
}

/* Both ends of one connection with these options; what each said. */
static void exchange_ends(const cocos__attest_options *server,
                          const cocos__attest_options *client,
                          char server_code[64],
                          char client_code[64])
{
    tls_pair p = tls_pair_open(server_config, client_config);
    struct side *s = begin_side(p.server, server, 0);
    struct side *c = begin_side(p.client, client, 1);

    end_side(c, client_code);
    end_side(s, server_code);
    tls_pair_close(&p);
}

/* ---- A server that plays by hand ---- */

static int export_live(
    void *user, const char *label, cocos__span context, uint8_t *out, size_t len, cocos_error **err)
{
    return cocos__conn_exporter(user, label, context.len ? context.data : NULL, context.len, out,
                                len, err);
}

static cocos__ea_session session_of(cocos__conn *c)
{
    const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(c->ssl));

    return (cocos__ea_session){.hash = EVP_MD_get_type(md) == NID_sha384 ? COCOS__SHA384
                                                                         : COCOS__SHA256,
                               .exporter = export_live,
                               .user = c};
}

static void read_bytes(cocos__conn *c, cocos__buf *out, size_t n)
{
    cocos__conn_wait w = tls_pair_wait();
    cocos_error *err = NULL;

    assert_ok(cocos__conn_read(c, cocos__buf_room(out, n), n, &w, &err), err);
}

static void read_request(cocos__conn *c, cocos__buf *request)
{
    cocos__buf head;

    cocos__buf_init(&head, 16);
    cocos__buf_init(request, 1024);
    read_bytes(c, &head, COCOS__FRAME_HEAD);
    ck_assert_uint_eq(head.data[0], 1);
    read_bytes(c, request, cocos__u32be(head.data + 1));
    cocos__buf_done(&head);
}

/* The authenticator of this end with that evidence, as if it were ours to make. */
static void build(cocos__conn *c,
                  const cocos__buf *request,
                  int role,
                  const cocos__ea_identity *other,
                  cocos__span evidence,
                  cocos__buf *out)
{
    cocos__ea_session s = session_of(c);
    cocos__ea_identity id = {.leaf = SSL_get_certificate(c->ssl),
                             .key = SSL_get_privatekey(c->ssl)};
    cocos__ea_binding b;
    cocos__ea_request rq;
    cocos__buf json, extension;
    size_t rest = 0;
    cocos_error *err = NULL;

    if (other)
        id = *other;
    cocos__buf_init(&json, 1 << 20);
    cocos__buf_init(&extension, 1 << 20);
    cocos__buf_init(out, 1 << 20);
    assert_ok(cocos__ea_request_parse(span_of(request), &rq, &rest, &err), err);
    assert_ok(cocos__ea_bind(&s, rq.context, id.leaf, &b, &err), err);
    assert_ok(cocos__ea_payload_write(2, COCOS__ENVELOPE_TYPE, evidence, &b, &json, &err), err);
    assert_ok(cocos__ea_payload_extension(span_of(&json), &extension, &err), err);
    assert_ok(cocos__ea_create(&s, role, &rq, &id, span_of(&extension), out, &err), err);
    cocos__buf_done(&json);
    cocos__buf_done(&extension);
}

static void binding_on(cocos__conn *c, const cocos__buf *request, cocos__ea_binding *b)
{
    cocos__ea_session s = session_of(c);
    cocos__ea_request rq;
    size_t rest = 0;

    ck_assert_int_eq(cocos__ea_request_parse(span_of(request), &rq, &rest, NULL), COCOS_OK);
    ck_assert_int_eq(cocos__ea_bind(&s, rq.context, SSL_get_certificate(c->ssl), b, NULL),
                     COCOS_OK);
}

static void send_raw(cocos__conn *c, const void *data, size_t len)
{
    cocos__conn_wait w = tls_pair_wait();

    (void)cocos__conn_write(c, data, len, &w, NULL);
}

static void send_frame(cocos__conn *c, int type, cocos__span payload)
{
    cocos__buf out;
    uint8_t head[COCOS__FRAME_HEAD];

    cocos__buf_init(&out, 5u << 20);
    cocos__attest_frame_write(head, type, payload.len);
    cocos__buf_add(&out, head, sizeof head);
    cocos__buf_add(&out, payload.data, payload.len);
    send_raw(c, out.data, out.len);
    cocos__buf_done(&out);
}

/* The client's verdict on a server played by `play`. */
static void assert_client_says(void (*play)(cocos__conn *c, const cocos__buf *request),
                               const char *expected)
{
    tls_pair p = tls_pair_open(server_config, client_config);
    struct side *client = begin_side(p.client, &party, 1);
    cocos__conn_wait w = tls_pair_wait();
    cocos__buf request;
    char code[64];
    uint8_t byte;

    read_request(p.server, &request);
    play(p.server, &request);
    end_side(client, code);
    ck_assert_str_eq(code, expected);
    ck_assert_int_eq(cocos__conn_attested(p.client), expected[0] == '\0');
    if (expected[0]) /* it closed, and nothing came behind its request */
        ck_assert_int_lt(cocos__conn_read(p.server, &byte, 1, &w, NULL), 0);
    cocos__buf_done(&request);
    tls_pair_close(&p);
}

static void evidence_for(const cocos__ea_binding *b, int purpose, cocos__buf *out)
{
    cocos_error *err = NULL;

    cocos__buf_init(out, COCOS__ENVELOPE_MAX);
    assert_ok(enclave_report(&genuine, purpose, b->exported, b->leaf, out, &err), err);
}

/* What a good server would send, in bytes. */
static void good_answer(cocos__conn *c, const cocos__buf *request, int role, cocos__buf *out)
{
    cocos__ea_binding b;
    cocos__buf evidence;

    binding_on(c, request, &b);
    evidence_for(&b,
                 role == COCOS__EA_SERVER ? COCOS__PURPOSE_CHANNEL_SERVER
                                          : COCOS__PURPOSE_CHANNEL_CLIENT,
                 &evidence);
    build(c, request, role, NULL, span_of(&evidence), out);
    cocos__buf_done(&evidence);
}

/* ---- Who passes ---- */

START_TEST(attests_the_server_to_the_client)
{
    char server[64], client[64];

    setup();
    exchange_ends(&attester, &party, server, client);
    ck_assert_str_eq(server, "attested");
    ck_assert_str_eq(client, "");
    teardown();
}
END_TEST

START_TEST(carries_evidence_of_every_size_up_to_the_limit)
{
    static const size_t sizes[] = {1000, 48000, 49000, 300000, (3u << 20) - 1000};
    char server[64], client[64];

    setup();
    for (size_t i = 0; i < COCOS__ARRAY_LEN(sizes); i++) {
        genuine.log_bytes = sizes[i];
        exchange_ends(&attester, &party, server, client);
        ck_assert_str_eq(server, "attested");
        ck_assert_str_eq(client, "");
    }
    teardown();
}
END_TEST

START_TEST(attests_the_client_too_when_both_sides_want_it)
{
    char server[64], client[64];

    setup();
    cocos__tls_config_unref(client_config);
    client_config = own_config(0); /* with a certificate: otherwise it has no key to attest */
    /* client certificates are not asked for here: its authenticator alone shows its key */
    exchange_ends(&both, &both, server, client);
    ck_assert_str_eq(server, "attested");
    ck_assert_str_eq(client, "");
    ck_assert_int_eq(atomic_load(&genuine.judged), 2);
    /* Who offers and is not asked goes on; who is asked and does not offer is refused. */
    exchange_ends(&attester, &both, server, client);
    ck_assert_str_eq(server, "attested");
    ck_assert_str_eq(client, "");
    exchange_ends(&both, &party, server, client);
    ck_assert_str_eq(server, "atls.client");
    ck_assert_str_eq(client, "tls.lost");
    teardown();
}
END_TEST

static void play_byte_by_byte(cocos__conn *c, const cocos__buf *request)
{
    cocos__buf out;
    uint8_t head[COCOS__FRAME_HEAD];

    good_answer(c, request, COCOS__EA_SERVER, &out);
    cocos__attest_frame_write(head, 2, out.len);
    for (size_t i = 0; i < sizeof head; i++)
        send_raw(c, head + i, 1);
    for (size_t i = 0; i < out.len; i++)
        send_raw(c, out.data + i, 1);
    cocos__buf_done(&out);
}

/* What OpenSSL sends on its own between records of data. */
static void play_between_tickets_and_key_updates(cocos__conn *c, const cocos__buf *request)
{
    cocos__buf out;

    SSL_clear_options(c->ssl, SSL_OP_NO_TICKET);
    ck_assert_int_eq(SSL_new_session_ticket(c->ssl), 1);
    ck_assert_int_eq(SSL_do_handshake(c->ssl), 1);
    ck_assert_int_eq(SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    ck_assert_int_eq(SSL_do_handshake(c->ssl), 1);
    good_answer(c, request, COCOS__EA_SERVER, &out);
    send_frame(c, 2, span_of(&out));
    cocos__buf_done(&out);
}

START_TEST(needs_no_record_boundaries_and_meets_tickets_and_key_updates)
{
    setup();
    assert_client_says(play_byte_by_byte, "");
    assert_client_says(play_between_tickets_and_key_updates, "");
    teardown();
}
END_TEST

static void *run_pump(void *user)
{
    cocos__conn_run(user, 0);
    return NULL;
}

/* What comes out of a connection whose pump runs now. */
static void assert_plaintext(cocos__conn *c, const char *expected)
{
    struct pollfd f = {.events = POLLIN};
    char found[64] = "";
    size_t n = 0;
    pthread_t t;

    ck_assert_int_eq(cocos__conn_plaintext_fd(c, &f.fd, NULL), COCOS_OK);
    pthread_create(&t, NULL, run_pump, c);
    while (n < strlen(expected) && poll(&f, 1, 20000) > 0) {
        ssize_t got = recv(f.fd, found + n, sizeof found - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    ck_assert_str_eq(found, expected);
    close(f.fd);
    pthread_join(t, NULL);
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

START_TEST(keeps_what_comes_right_behind_the_exchange_for_the_pump)
{
    tls_pair p;
    char code[64];
    cocos__buf request, answer;
    uint8_t context[32] = {7};

    setup();
    /* Server: the preface in the same record as the request. */
    p = tls_pair_open(server_config, client_config);
    cocos__buf_init(&request, 1024);
    uint8_t head[COCOS__FRAME_HEAD];
    cocos__attest_frame_write(head, 1, 51);
    cocos__buf_add(&request, head, sizeof head);
    ck_assert_int_eq(cocos__ea_request_write(17, (cocos__span){context, 32}, 0, &request, NULL),
                     COCOS_OK);
    cocos__buf_add_str(&request, PREFACE);
    send_raw(p.client, request.data, request.len);
    end_side(begin_side(p.server, &attester, 0), code);
    ck_assert_str_eq(code, "attested");
    assert_plaintext(p.server, PREFACE);
    cocos__buf_done(&request);
    tls_pair_close(&p);

    /* Client: the server's first bytes right behind its answer. */
    p = tls_pair_open(server_config, client_config);
    struct side *client = begin_side(p.client, &party, 1);
    read_request(p.server, &request);
    good_answer(p.server, &request, COCOS__EA_SERVER, &answer);
    cocos__buf both_parts;
    cocos__buf_init(&both_parts, 1 << 20);
    cocos__attest_frame_write(head, 2, answer.len);
    cocos__buf_add(&both_parts, head, sizeof head);
    cocos__buf_add(&both_parts, answer.data, answer.len);
    cocos__buf_add_str(&both_parts, "settings");
    send_raw(p.server, both_parts.data, both_parts.len);
    end_side(client, code);
    ck_assert_str_eq(code, "");
    assert_plaintext(p.client, "settings");
    cocos__buf_done(&request);
    cocos__buf_done(&answer);
    cocos__buf_done(&both_parts);
    tls_pair_close(&p);

    /* Direct: not a byte is lost. */
    p = tls_pair_open(server_config, client_config);
    send_raw(p.client, PREFACE, strlen(PREFACE));
    struct side *s = begin_side(p.server, &attester, 0);
    ck_assert_int_eq(end_side(s, code), COCOS_OK);
    ck_assert_str_eq(code, "");
    ck_assert_int_eq(cocos__conn_attested(p.server), 0);
    assert_plaintext(p.server, PREFACE);
    tls_pair_close(&p);
    teardown();
}
END_TEST

/* ---- Attacks on the client ---- */

static void play_cut(cocos__conn *c, const cocos__buf *request)
{
    cocos__buf out;
    uint8_t head[COCOS__FRAME_HEAD];

    good_answer(c, request, COCOS__EA_SERVER, &out);
    cocos__attest_frame_write(head, 2, out.len);
    send_raw(c, head, sizeof head);
    send_raw(c, out.data, out.len - 1);
    SSL_shutdown(c->ssl);
    cocos__buf_done(&out);
}

static void play_doubled(cocos__conn *c, const cocos__buf *request)
{
    cocos__buf out, twice;

    good_answer(c, request, COCOS__EA_SERVER, &out);
    cocos__buf_init(&twice, 1 << 20);
    cocos__buf_add(&twice, out.data, out.len);
    cocos__buf_add(&twice, out.data, out.len);
    send_frame(c, 2, span_of(&twice));
    cocos__buf_done(&out);
    cocos__buf_done(&twice);
}

static void play_16_megabytes(cocos__conn *c, const cocos__buf *request)
{
    uint8_t head[COCOS__FRAME_HEAD];

    (void)request;
    cocos__attest_frame_write(head, 2, COCOS__FRAME_MAX);
    send_raw(c, head, sizeof head);
}

static void play_empty(cocos__conn *c, const cocos__buf *request)
{
    cocos__ea_session s = session_of(c);
    cocos__ea_request rq;
    cocos__buf out;
    size_t rest = 0;

    cocos__buf_init(&out, 1024);
    ck_assert_int_eq(cocos__ea_request_parse(span_of(request), &rq, &rest, NULL), COCOS_OK);
    ck_assert_int_eq(
        cocos__ea_create(&s, COCOS__EA_SERVER, &rq, NULL, (cocos__span){NULL, 0}, &out, NULL),
        COCOS_OK);
    send_frame(c, 2, span_of(&out));
    cocos__buf_done(&out);
}

/* Its own request back, as a server that reflects would do. */
static void play_mirror(cocos__conn *c, const cocos__buf *request)
{
    send_frame(c, 1, span_of(request));
}

static void play_client_role(cocos__conn *c, const cocos__buf *request)
{
    cocos__buf out;

    good_answer(c, request, COCOS__EA_CLIENT, &out);
    send_frame(c, 2, span_of(&out));
    cocos__buf_done(&out);
}

/* A server's authenticator with evidence that was made for a client. */
static void play_client_evidence(cocos__conn *c, const cocos__buf *request)
{
    cocos__ea_binding b;
    cocos__buf evidence, out;

    binding_on(c, request, &b);
    evidence_for(&b, COCOS__PURPOSE_CHANNEL_CLIENT, &evidence);
    build(c, request, COCOS__EA_SERVER, NULL, span_of(&evidence), &out);
    send_frame(c, 2, span_of(&out));
    cocos__buf_done(&evidence);
    cocos__buf_done(&out);
}

/* The Attestation RPC signs any nonce: also this connection's value, but for another purpose. */
static void play_oracle(cocos__conn *c, const cocos__buf *request)
{
    cocos__ea_binding b;
    cocos__buf evidence, out;

    binding_on(c, request, &b);
    cocos__buf_init(&evidence, 1 << 16);
    ck_assert_int_eq(
        enclave_report(&genuine, COCOS__PURPOSE_RPC, b.exported, NULL, &evidence, NULL), COCOS_OK);
    build(c, request, COCOS__EA_SERVER, NULL, span_of(&evidence), &out);
    send_frame(c, 2, span_of(&out));
    cocos__buf_done(&evidence);
    cocos__buf_done(&out);
}

/* Genuine evidence of an earlier connection. */
static void play_old_evidence(cocos__conn *c, const cocos__buf *request)
{
    cocos__ea_binding b;
    cocos__buf evidence, out;

    binding_on(c, request, &b);
    b.exported[0] ^= 1;
    evidence_for(&b, COCOS__PURPOSE_CHANNEL_SERVER, &evidence);
    build(c, request, COCOS__EA_SERVER, NULL, span_of(&evidence), &out);
    send_frame(c, 2, span_of(&out));
    cocos__buf_done(&evidence);
    cocos__buf_done(&out);
}

/* The evidence names a key, and so does the handshake: not the same. */
static void play_other_key(cocos__conn *c, const cocos__buf *request)
{
    tls_pair q = tls_pair_open(evil_config, client_config);
    cocos__ea_identity id = {.leaf = SSL_get_certificate(q.server->ssl),
                             .key = SSL_get_privatekey(q.server->ssl)};
    cocos__ea_session s = session_of(c);
    cocos__ea_binding b;
    cocos__ea_request rq;
    cocos__buf evidence, out;
    size_t rest = 0;

    ck_assert_int_eq(cocos__ea_request_parse(span_of(request), &rq, &rest, NULL), COCOS_OK);
    ck_assert_int_eq(cocos__ea_bind(&s, rq.context, id.leaf, &b, NULL), COCOS_OK);
    evidence_for(&b, COCOS__PURPOSE_CHANNEL_SERVER, &evidence);
    build(c, request, COCOS__EA_SERVER, &id, span_of(&evidence), &out);
    send_frame(c, 2, span_of(&out));
    cocos__buf_done(&evidence);
    cocos__buf_done(&out);
    tls_pair_close(&q);
}

/* Detached parts with one byte changed, cut, or longer than announced in what is signed. */
static void play_detached(cocos__conn *c, const cocos__buf *request, int how)
{
    cocos__ea_binding b;
    cocos__buf evidence, head, rest, out;

    binding_on(c, request, &b);
    genuine.log_bytes = 100000;
    evidence_for(&b, COCOS__PURPOSE_CHANNEL_SERVER, &evidence);
    cocos__buf_init(&head, 1 << 20);
    cocos__buf_init(&rest, 1 << 20);
    ck_assert_int_eq(cocos__envelope_detach(span_of(&evidence), 40000, &head, &rest, NULL),
                     COCOS_OK);
    build(c, request, COCOS__EA_SERVER, NULL, span_of(&head), &out);
    send_frame(c, 2, span_of(&out));
    if (how == 1)
        rest.data[50000] ^= 1;
    if (how == 2)
        rest.len--;
    if (how == 3)
        cocos__buf_add_u8(&rest, 0);
    send_frame(c, how == 4 ? 2 : 3, span_of(&rest));
    cocos__buf_done(&evidence);
    cocos__buf_done(&head);
    cocos__buf_done(&rest);
    cocos__buf_done(&out);
}

static void play_detached_whole(cocos__conn *c, const cocos__buf *request)
{
    play_detached(c, request, 0);
}

static void play_detached_changed(cocos__conn *c, const cocos__buf *request)
{
    play_detached(c, request, 1);
}

static void play_detached_short(cocos__conn *c, const cocos__buf *request)
{
    play_detached(c, request, 2);
}

static void play_detached_long(cocos__conn *c, const cocos__buf *request)
{
    play_detached(c, request, 3);
}

static void play_detached_as_other(cocos__conn *c, const cocos__buf *request)
{
    play_detached(c, request, 4);
}

START_TEST(refuses_what_is_no_answer_to_its_request)
{
    setup();
    assert_client_says(play_cut, "tls.lost");
    assert_client_says(play_doubled, "atls.length");
    assert_client_says(play_16_megabytes, "atls.frame");
    assert_client_says(play_empty, "atls.unattested");
    assert_client_says(play_mirror, "atls.frame");
    assert_client_says(play_client_role, "atls.signature");
    assert_client_says(play_other_key, "atls.key");
    ck_assert_int_eq(atomic_load(&genuine.judged), 0); /* it never came to the evidence */
    teardown();
}
END_TEST

START_TEST(refuses_genuine_evidence_that_is_of_something_else)
{
    setup();
    assert_client_says(play_client_evidence, "test.rejected");
    ck_assert_str_eq(genuine.refusal, "purpose");
    assert_client_says(play_oracle, "test.rejected");
    ck_assert_str_eq(genuine.refusal, "purpose");
    assert_client_says(play_old_evidence, "test.rejected");
    ck_assert_str_eq(genuine.refusal, "challenge");
    teardown();
}
END_TEST

START_TEST(takes_detached_parts_only_as_the_signed_head_has_them)
{
    setup();
    assert_client_says(play_detached_whole, "");
    assert_client_says(play_detached_changed, "envelope.detached");
    assert_client_says(play_detached_short, "envelope.detached");
    assert_client_says(play_detached_long, "atls.frame");
    assert_client_says(play_detached_as_other, "atls.frame");
    teardown();
}
END_TEST

/* ---- A machine in the middle, which owns the network and can reach the genuine enclave ---- */

static void copy_frame(cocos__conn *from, cocos__conn *to, cocos__buf *payload)
{
    cocos__buf head;

    cocos__buf_init(&head, 16);
    cocos__buf_init(payload, 1 << 20);
    read_bytes(from, &head, COCOS__FRAME_HEAD);
    read_bytes(from, payload, cocos__u32be(head.data + 1));
    if (to)
        send_frame(to, head.data[0], span_of(payload));
    cocos__buf_done(&head);
}

START_TEST(refuses_a_relayed_authenticator_and_relayed_evidence)
{
    setup();
    for (int resign = 0; resign < 2; resign++) {
        tls_pair near = tls_pair_open(evil_config, client_config);  /* client to the middle */
        tls_pair far = tls_pair_open(server_config, client_config); /* the middle to the enclave */
        struct side *client = begin_side(near.client, &party, 1);
        struct side *server = begin_side(far.server, &attester, 0);
        cocos__buf request, answer, own;
        char code[64];

        copy_frame(near.server, far.client, &request);
        copy_frame(far.client, resign ? NULL : near.server, &answer);
        end_side(server, code);
        ck_assert_str_eq(code, "attested");
        if (resign) { /* the genuine evidence in an authenticator of the middle's own */
            cocos__ea_binding b;
            cocos__buf evidence;
            binding_on(far.server, &request, &b);
            evidence_for(&b, COCOS__PURPOSE_CHANNEL_SERVER, &evidence);
            build(near.server, &request, COCOS__EA_SERVER, NULL, span_of(&evidence), &own);
            send_frame(near.server, 2, span_of(&own));
            cocos__buf_done(&evidence);
            cocos__buf_done(&own);
        }
        end_side(client, code);
        ck_assert_str_eq(code, resign ? "test.rejected" : "atls.signature");
        if (resign)
            ck_assert_str_eq(genuine.refusal, "challenge");
        cocos__buf_done(&request);
        cocos__buf_done(&answer);
        tls_pair_close(&near);
        tls_pair_close(&far);
    }
    teardown();
}
END_TEST

START_TEST(refuses_the_answer_to_an_earlier_connection)
{
    tls_pair p;
    cocos__buf request, old, again;
    char code[64];
    uint8_t context[32] = {1, 2, 3};
    cocos__attest_options fixed = party;

    /* Even where the client's context is the same on both. */
    setup();
    fixed.context = (cocos__span){context, sizeof context};
    p = tls_pair_open(server_config, client_config);
    struct side *client = begin_side(p.client, &fixed, 1);
    read_request(p.server, &request);
    good_answer(p.server, &request, COCOS__EA_SERVER, &old);
    send_frame(p.server, 2, span_of(&old));
    end_side(client, code);
    ck_assert_str_eq(code, "");
    tls_pair_close(&p);

    p = tls_pair_open(server_config, client_config);
    client = begin_side(p.client, &fixed, 1);
    read_request(p.server, &again);
    ck_assert_mem_eq(again.data, request.data, request.len);
    send_frame(p.server, 2, span_of(&old));
    end_side(client, code);
    ck_assert_str_eq(code, "atls.signature");
    tls_pair_close(&p);
    cocos__buf_done(&request);
    cocos__buf_done(&again);
    cocos__buf_done(&old);
    teardown();
}
END_TEST

/* ---- Attacks on the server ---- */

static void assert_server_says(cocos__span bytes, const char *expected)
{
    tls_pair p = tls_pair_open(server_config, client_config);
    cocos__conn_wait w = tls_pair_wait();
    char code[64];
    uint8_t byte;

    send_raw(p.client, bytes.data, bytes.len);
    SSL_shutdown(p.client->ssl);
    end_side(begin_side(p.server, &attester, 0), code);
    ck_assert_str_eq(code, expected);
    ck_assert_int_lt(cocos__conn_read(p.client, &byte, 1, &w, NULL), 0); /* not a byte */
    tls_pair_close(&p);
}

static void assert_server_refuses(int type, size_t announced, const char *hex, const char *code)
{
    cocos__buf b;
    uint8_t head[COCOS__FRAME_HEAD];

    cocos__buf_init(&b, 1 << 16);
    cocos__attest_frame_write(head, type, announced);
    cocos__buf_add(&b, head, sizeof head);
    for (; *hex; hex += 2) {
        unsigned v = 0;
        ck_assert_int_eq(sscanf(hex, "%2x", &v), 1);
        cocos__buf_add_u8(&b, (uint8_t)v);
    }
    assert_server_says(span_of(&b), code);
    cocos__buf_done(&b);
}

START_TEST(answers_nothing_but_a_good_request)
{
    setup();
    assert_server_refuses(2, 19, "1100000f00000c000d000400020403ff000000", "atls.frame");
    assert_server_refuses(0, 19, "1100000f00000c000d000400020403ff000000", "atls.frame");
    assert_server_refuses(1, COCOS__FRAME_MAX, "", "atls.frame");
    assert_server_refuses(1, COCOS__FRAME_REQUEST_MAX + 1, "", "atls.frame");
    assert_server_refuses(1, 0, "", "atls.truncated");
    assert_server_refuses(1, 19, "1100000f00000c000d0004", "tls.lost");
    assert_server_refuses(1, 20, "1100000f00000c000d000400020403ff00000000", "atls.length");
    /* No offer; no scheme for our key; an extension twice. */
    assert_server_refuses(1, 15, "1100000b000008000d000400020403", "atls.request");
    assert_server_refuses(1, 19, "1100000f00000c000d000400020804ff000000", "atls.scheme");
    assert_server_refuses(1, 23, "11000013000010000d000400020403ff000000ff000000", "atls.request");
    ck_assert_int_eq(atomic_load(&genuine.made), 0); /* no evidence was made for any of them */
    teardown();
}
END_TEST

START_TEST(gives_up_on_a_silent_client_and_on_one_that_only_keeps_it_busy)
{
    cocos_error *err = NULL;
    int attested = 0;

    setup();
    tls_pair p = tls_pair_open(server_config, client_config);
    assert_fails(cocos__conn_attest_server(p.server, &attester, cocos_deadline_in(50000000), NULL,
                                           &attested, &err),
                 COCOS_ERR_TIMEOUT, "net.timeout", err);
    tls_pair_close(&p);

    /* Key updates without end: the socket is always readable, and no plaintext comes. */
    p = tls_pair_open(server_config, client_config);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(SSL_key_update(p.client->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        ck_assert_int_eq(SSL_do_handshake(p.client->ssl), 1);
    }
    ck_assert_int_lt(cocos__conn_attest_server(p.server, &attester, cocos_deadline_in(50000000),
                                               NULL, &attested, &err),
                     0);
    cocos_error_free(err);
    tls_pair_close(&p);
    teardown();
}
END_TEST

START_TEST(ends_by_cancel_while_it_waits_for_the_server)
{
    cocos_cancel *cancel = NULL;
    cocos_error *err = NULL;

    setup();
    cancel = cocos_cancel_new();
    ck_assert_ptr_nonnull(cancel);
    tls_pair p = tls_pair_open(server_config, client_config);
    cocos_cancel_trigger(cancel);
    assert_fails(cocos__conn_attest_client(p.client, &party, 0, cancel, &err), COCOS_ERR_CANCELLED,
                 "net.cancelled", err);
    tls_pair_close(&p);
    cocos_cancel_free(cancel);
    teardown();
}
END_TEST

/* ---- Errors of the callbacks, and versions ---- */

static int make_old(void *user,
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
    cocos__buf_add(evidence, b->report_data, 64);
    return COCOS_OK;
}

static int judge_old(void *user,
                     const cocos__attest_binding *b,
                     int version,
                     cocos__span evidence,
                     cocos_error **err)
{
    (void)user;
    if (version == 1 && evidence.len == 64 && memcmp(evidence.data, b->report_data, 64) == 0)
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_REJECTED, "test.rejected", "another");
}

START_TEST(takes_the_old_form_only_where_both_sides_say_so)
{
    cocos__attest_options old_maker = {.make = make_old, .compat = 1};
    cocos__attest_options old_judge = {.judge = judge_old, .compat = 1};
    char server[64], client[64];

    setup();
    exchange_ends(&old_maker, &old_judge, server, client);
    ck_assert_str_eq(client, "");
    exchange_ends(&old_maker, &party, server, client);
    ck_assert_str_eq(client, "atls.version");
    old_maker.compat = 0;
    exchange_ends(&old_maker, &old_judge, server, client);
    ck_assert_str_eq(server, "atls.version");
    ck_assert_str_eq(client, "tls.lost");
    teardown();
}
END_TEST

START_TEST(sends_nothing_when_the_evidence_cannot_be_made)
{
    char server[64], client[64];

    setup();
    genuine.reason = "the device is stuck";
    exchange_ends(&attester, &party, server, client);
    ck_assert_str_eq(server, "test.device");
    ck_assert_str_eq(client, "tls.lost");
    teardown();
}
END_TEST

START_TEST(attests_a_connection_once_and_only_over_tls)
{
    cocos_error *err = NULL;
    cocos__conn *plain = NULL;
    char code[64];
    int attested = 0;
    int fd[2];

    setup();
    tls_pair p = tls_pair_open(server_config, client_config);
    struct side *s = begin_side(p.server, &attester, 0);
    assert_ok(cocos__conn_attest_client(p.client, &party, 0, NULL, &err), err);
    end_side(s, code);
    assert_fails(cocos__conn_attest_client(p.client, &party, 0, NULL, &err), COCOS_ERR_USAGE,
                 "atls.connection", err);
    assert_fails(cocos__conn_attest_client(p.client, &attester, 0, NULL, &err), COCOS_ERR_USAGE,
                 "atls.verifier", err);
    assert_fails(cocos__conn_attest_server(p.server, &party, 0, NULL, &attested, &err),
                 COCOS_ERR_USAGE, "atls.connection", err);
    tls_pair_close(&p);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    assert_ok(cocos__conn_new(fd[0], &plain, &err), err);
    assert_fails(cocos__conn_attest_client(plain, &party, 0, NULL, &err), COCOS_ERR_USAGE,
                 "atls.connection", err);
    cocos__conn_unref(plain);
    close(fd[1]);
    teardown();
}
END_TEST

/* ---- With certificates of an authority ---- */

static X509 *issue(const char *cn, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
    pki_spec spec = {.cn = cn,
                     .key = key,
                     .issuer = ca,
                     .issuer_key = ca_key,
                     .scheme = PKI_ECDSA_SHA256,
                     .not_before = cocos__clock_wall_ns() / COCOS__NS_PER_S - 3600,
                     .not_after = cocos__clock_wall_ns() / COCOS__NS_PER_S + 3600,
                     .serial = ca ? 2 : 1,
                     .ca = !ca};
    pki_ext san = {
        .oid = "2.5.29.17", .value = (const uint8_t *)"\x30\x0b\x82\x09localhost", .len = 13};

    spec.exts = &san;
    spec.n_exts = ca ? 1 : 0;
    return pki_cert(&spec);
}

static pki_bytes key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p = NULL;
    pki_bytes b = {NULL, 0};

    PKI_NEED(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    b.len = (size_t)BIO_get_mem_data(bio, &p);
    b.data = malloc(b.len);
    memcpy(b.data, p, b.len);
    BIO_free(bio);
    return b;
}

START_TEST(works_with_an_authority_and_client_certificates_and_tells_who_lacks_one)
{
    EVP_PKEY *keys[3] = {pki_key_ec("P-256"), pki_key_ec("P-256"), pki_key_ec("P-256")};
    X509 *certs[3];
    pki_bytes pem[3], pems[3];
    cocos_error *err = NULL;
    char server[64], client[64];

    enclave_init(&genuine);
    certs[0] = issue("ca", keys[0], NULL, NULL);
    certs[1] = issue("localhost", keys[1], certs[0], keys[0]);
    certs[2] = issue("party", keys[2], certs[0], keys[0]);
    for (int i = 0; i < 3; i++) {
        pem[i] = pki_pem(&certs[i], 1);
        pems[i] = key_pem(keys[i]);
    }
    cocos__span ca = {pem[0].data, pem[0].len};
    cocos__tls_options so = {.cert_pem = {pem[1].data, pem[1].len},
                             .key_pem = {pems[1].data, pems[1].len},
                             .ca_pem = ca};
    cocos__tls_options co = {.cert_pem = {pem[2].data, pem[2].len},
                             .key_pem = {pems[2].data, pems[2].len},
                             .ca_pem = ca};
    cocos__tls_options none = {.ca_pem = ca};
    assert_ok(cocos__tls_config_server(&so, &server_config, &err), err);
    assert_ok(cocos__tls_config_client(&co, &client_config, &err), err);
    evil_config = own_config(1);
    exchange_ends(&attester, &party, server, client);
    ck_assert_str_eq(server, "attested");
    ck_assert_str_eq(client, "");
    exchange_ends(&both, &both, server, client); /* the client's chain is looked at as well */
    ck_assert_str_eq(server, "attested");
    ck_assert_str_eq(client, "");

    /* A client ends its handshake before the server has judged its certificate. */
    cocos__tls_config_unref(client_config);
    assert_ok(cocos__tls_config_client(&none, &client_config, &err), err);
    struct tls_pair_shake ends[2] = {{.config = server_config}, {.config = client_config}};
    int fd[2];
    pthread_t t;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    for (int i = 0; i < 2; i++)
        assert_ok(cocos__conn_new(fd[i], &ends[i].conn, &err), err);
    pthread_create(&t, NULL, tls_pair_shake, &ends[0]);
    tls_pair_shake(&ends[1]);
    pthread_join(t, NULL);
    ck_assert_int_eq(ends[1].result, COCOS_OK);
    ck_assert_int_lt(ends[0].result, 0);
    assert_fails(cocos__conn_attest_client(ends[1].conn, &party, 0, NULL, &err),
                 COCOS_ERR_UNAUTHENTICATED, "tls.refused", err);
    for (int i = 0; i < 2; i++)
        cocos__conn_unref(ends[i].conn);
    for (int i = 0; i < 3; i++) {
        free(pem[i].data);
        free(pems[i].data);
        X509_free(certs[i]);
        EVP_PKEY_free(keys[i]);
    }
    teardown();
}
END_TEST

TEST_MAIN(attested,
          attests_the_server_to_the_client,
          carries_evidence_of_every_size_up_to_the_limit,
          attests_the_client_too_when_both_sides_want_it,
          needs_no_record_boundaries_and_meets_tickets_and_key_updates,
          keeps_what_comes_right_behind_the_exchange_for_the_pump,
          refuses_what_is_no_answer_to_its_request,
          refuses_genuine_evidence_that_is_of_something_else,
          takes_detached_parts_only_as_the_signed_head_has_them,
          refuses_a_relayed_authenticator_and_relayed_evidence,
          refuses_the_answer_to_an_earlier_connection,
          answers_nothing_but_a_good_request,
          gives_up_on_a_silent_client_and_on_one_that_only_keeps_it_busy,
          ends_by_cancel_while_it_waits_for_the_server,
          takes_the_old_form_only_where_both_sides_say_so,
          sends_nothing_when_the_evidence_cannot_be_made,
          attests_a_connection_once_and_only_over_tls,
          works_with_an_authority_and_client_certificates_and_tells_who_lacks_one)
