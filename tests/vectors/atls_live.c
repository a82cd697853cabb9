/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about a peer on a live connection: ours, against bytes that the Go programs met. */
#include "atls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/tls_pair.h"
#include "transport/attest_frame.h"
#include "transport/internal.h"

static cocos__tls_config *server_config(const char *dir)
{
    identity id = identity_read(dir, "p256");
    cocos__tls_options o = {.cert_pem = span_of(id.cert_pem), .key_pem = span_of(id.key_pem)};
    cocos__tls_config *c = NULL;

    PKI_NEED(cocos__tls_config_server(&o, &c, NULL) == COCOS_OK);
    identity_free(&id);
    return c;
}

static tls_pair connect_pair(const char *dir)
{
    cocos__tls_config *server = server_config(dir);
    cocos__tls_config *client = tls_pair_client_config();
    tls_pair p = tls_pair_open(server, client);

    cocos__tls_config_unref(server);
    cocos__tls_config_unref(client);
    return p;
}

struct serving {
    cocos__conn *conn;
    int result;
    int attested;
};

static void *serve(void *user)
{
    static const cocos__attest_options o = {.make = make_stub, .compat = 1};
    struct serving *s = user;

    s->result = cocos__conn_attest_server(s->conn, &o, 0, NULL, &s->attested, NULL);
    return NULL;
}

/* Everything that comes until the server closes. */
static void read_all(cocos__conn *c, cocos__buf *out)
{
    cocos__conn_wait w = tls_pair_wait();
    uint8_t byte;

    while (cocos__conn_read(c, &byte, 1, &w, NULL) == COCOS_OK)
        cocos__buf_add_u8(out, byte);
}

static int is_reply(const json_t *expect, const struct serving *s, const cocos__buf *reply)
{
    int type = 0;
    size_t len = 0;

    if (!json_is_true(json_object_get(expect, "ok")))
        return !s->attested && reply->len == 0;
    /* How long it is depends on the certificate, which the row does not name. */
    return s->result == COCOS_OK && s->attested && reply->len > COCOS__FRAME_HEAD &&
           cocos__attest_frame_read(reply->data, &type, &len, NULL) == COCOS_OK &&
           type == json_integer_value(json_object_get(expect, "reply_frame_type")) &&
           len == reply->len - COCOS__FRAME_HEAD;
}

int run_live_server(const char *dir, const json_t *row)
{
    tls_pair p = connect_pair(dir);
    struct serving s = {.conn = p.server};
    cocos__conn_wait w = tls_pair_wait();
    blob plain = hex_of(row, "client_plaintext");
    size_t step = strcmp(text_of(row, "name"), "good-split-bytes") == 0 ? 1 : plain.len;
    cocos__buf reply;
    pthread_t t;

    cocos__buf_init(&reply, 1 << 20);
    PKI_NEED(pthread_create(&t, NULL, serve, &s) == 0);
    for (size_t at = 0; at < plain.len; at += step) {
        if (cocos__conn_write(p.client, plain.data + at, step, &w, NULL) < 0)
            break; /* a server may refuse before it has seen everything */
    }
    SSL_shutdown(p.client->ssl);
    pthread_join(t, NULL);
    shutdown(p.server->fd, SHUT_WR);
    read_all(p.client, &reply);
    int ok = is_reply(json_object_get(row, "expect"), &s, &reply);
    if (!ok)
        printf("live-server %s: result %d, attested %d, %zu bytes\n", text_of(row, "name"),
               s.result, s.attested, reply.len);
    cocos__buf_done(&reply);
    free(plain.data);
    tls_pair_close(&p);
    return !ok;
}

/* ---- Our client, and a server that answers what the row's name says ---- */

struct answering {
    cocos__conn *conn;
    const char *name;
};

static int export_live(
    void *user, const char *label, cocos__span context, uint8_t *out, size_t len, cocos_error **err)
{
    return cocos__conn_exporter(user, label, context.len ? context.data : NULL, context.len, out,
                                len, err);
}

/* The bytes of an authenticator without evidence, or of the empty one. */
static void make_bare(cocos__conn *c, cocos__span request, int empty, cocos__buf *out)
{
    cocos__ea_session s = {
        .hash = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(c->ssl)) == EVP_sha384()
                    ? COCOS__SHA384
                    : COCOS__SHA256,
        .exporter = export_live,
        .user = c};
    cocos__ea_identity id = {.leaf = SSL_get_certificate(c->ssl),
                             .key = SSL_get_privatekey(c->ssl)};
    cocos__ea_request rq;
    size_t rest = 0;

    PKI_NEED(cocos__ea_request_parse(request, &rq, &rest, NULL) == COCOS_OK);
    PKI_NEED(cocos__ea_create(&s, COCOS__EA_SERVER, &rq, empty ? NULL : &id, (cocos__span){NULL, 0},
                              out, NULL) == COCOS_OK);
}

static void send_bytes(cocos__conn *c, int type, const uint8_t *data, size_t len, size_t announced)
{
    uint8_t head[COCOS__FRAME_HEAD];
    cocos__conn_wait w = tls_pair_wait();

    cocos__attest_frame_write(head, type, announced);
    PKI_NEED(cocos__conn_write(c, head, sizeof head, &w, NULL) == COCOS_OK);
    if (len)
        PKI_NEED(cocos__conn_write(c, data, len, &w, NULL) == COCOS_OK);
}

static void *answer_row(void *user)
{
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    struct answering *a = user;
    cocos__conn_wait w = tls_pair_wait();
    uint8_t frame[5 + 51];
    cocos__buf out;

    cocos__buf_init(&out, 1 << 20);
    PKI_NEED(cocos__conn_read(a->conn, frame, sizeof frame, &w, NULL) == COCOS_OK);
    cocos__span request = {frame + 5, sizeof frame - 5};
    make_bare(a->conn, request, strcmp(a->name, "DANGER-empty-authenticator") == 0, &out);
    if (strcmp(a->name, "frame-type-1") == 0)
        send_bytes(a->conn, 1, out.data, out.len, out.len);
    else if (strcmp(a->name, "frame-type-0") == 0)
        send_bytes(a->conn, 0, out.data, out.len, out.len);
    else if (strcmp(a->name, "oversize") == 0)
        send_bytes(a->conn, 2, NULL, 0, COCOS__FRAME_MAX + 1);
    else if (strcmp(a->name, "empty-frame") == 0)
        send_bytes(a->conn, 2, NULL, 0, 0);
    else if (strcmp(a->name, "cut") == 0)
        send_bytes(a->conn, 2, out.data, out.len / 2, out.len);
    else if (strcmp(a->name, "h2-settings-at-once") == 0)
        PKI_NEED(cocos__conn_write(a->conn, settings, sizeof settings, &w, NULL) == COCOS_OK);
    else
        send_bytes(a->conn, 2, out.data, out.len, out.len);
    SSL_shutdown(a->conn->ssl);
    shutdown(a->conn->fd, SHUT_WR);
    cocos__buf_done(&out);
    return NULL;
}

static int accept_stub(void *user,
                       const cocos__attest_binding *b,
                       int version,
                       cocos__span evidence,
                       cocos_error **err)
{
    cocos__buf expected;

    (void)user;
    (void)err;
    cocos__buf_init(&expected, 4096);
    PKI_NEED(make_stub(NULL, b, 0, &(int){2}, &expected, NULL) == COCOS_OK);
    int same = version == 1 && evidence.len == expected.len &&
               memcmp(evidence.data, expected.data, expected.len) == 0;
    cocos__buf_done(&expected);
    return same ? COCOS_OK : COCOS_ERR_REJECTED;
}

int run_live_client(const char *dir, const json_t *row)
{
    static const cocos__attest_options o = {.judge = accept_stub, .compat = 1};
    const char *name = text_of(row, "name");
    tls_pair p = connect_pair(dir);
    struct answering a = {p.server, name};
    struct serving s = {.conn = p.server};
    int good = strcmp(name, "good") == 0;
    cocos_error *err = NULL;
    char code[64] = "";
    pthread_t t;

    PKI_NEED(pthread_create(&t, NULL, good ? serve : answer_row, good ? (void *)&s : &a) == 0);
    int r = cocos__conn_attest_client(p.client, &o, 0, NULL, &err);
    pthread_join(t, NULL);
    if (r < 0)
        snprintf(code, sizeof code, "%s", cocos_error_code(err));
    cocos_error_free(err);
    int failed = compare("live-client", row, code);
    if (!failed && cocos__conn_attested(p.client) != (r == COCOS_OK))
        failed = 1;
    tls_pair_close(&p);
    return failed;
}
