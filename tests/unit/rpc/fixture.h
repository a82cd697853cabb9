/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_RPC_FIXTURE_H
#define COCOS_TESTS_RPC_FIXTURE_H

/* A server with methods of all four kinds, and channels to it over TLS or a Unix socket. */

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cocos/v1/agent.pb-c.h"
#include "rpc/rpc.h"
#include "suite.h"

#define SECOND COCOS__NS_PER_S
#define KNOWN  "known" /* a message to the echo by which its client becomes known */

/* Sums the bytes of an upload: client stream. */
static int on_upload(cocos__rpc_call *call, void *user, cocos_error **err)
{
    Cocos__V1__UploadResponse answer = COCOS__V1__UPLOAD_RESPONSE__INIT;
    cocos__rpc_msg *m = NULL;
    int r;

    (void)user;
    while ((r = cocos__rpc_recv(call, &m, err)) == COCOS_OK && m) {
        cocos__span data;
        if (cocos__pb_only_bytes(cocos__rpc_msg_bytes(m), 2, &data))
            answer.received += data.len;
        cocos__rpc_msg_free(m);
        m = NULL;
    }
    if (r < 0)
        return r;
    answer.complete = 1;
    return cocos__rpc_send_pb(call, &answer.base, err);
}

/* Sends `offset` messages of `part` bytes: server stream. */
static int on_download(cocos__rpc_call *call, void *user, cocos_error **err)
{
    ProtobufCMessage *m = NULL;
    int r = cocos__rpc_recv_pb(call, &cocos__v1__download_request__descriptor, &m, err);

    (void)user;
    if (r < 0 || !m)
        return r;
    Cocos__V1__DownloadRequest *rq = (Cocos__V1__DownloadRequest *)m;
    for (uint64_t i = 0; i < rq->offset && r == COCOS_OK; i++) {
        uint8_t head[16];
        uint8_t *body = malloc(rq->part);
        memset(body, (int)i, rq->part);
        size_t n = cocos__pb_bytes_head(head, 2, rq->part);
        r = cocos__rpc_send_parts(call, head, n, body, rq->part, free, body, err);
    }
    protobuf_c_message_free_unpacked(m, NULL);
    return r;
}

/* Unary; echoes who asks: spki of the peer, or its uid as text. */
static int on_describe(cocos__rpc_call *call, void *user, cocos_error **err)
{
    Cocos__V1__DescribeResponse answer = COCOS__V1__DESCRIBE_RESPONSE__INIT;
    ProtobufCMessage *m = NULL;
    const cocos__conn *conn = cocos__rpc_conn(call);
    const uint8_t *spki = cocos__conn_peer_spki(conn);
    char uid[24];
    size_t len = 0;
    int r = cocos__rpc_recv_pb(call, &cocos__v1__describe_request__descriptor, &m, err);

    (void)user;
    if (r < 0 || !m)
        return r;
    protobuf_c_message_free_unpacked(m, NULL);
    const uint8_t *wish = cocos__rpc_metadata(call, "wish", &len);
    if (wish && len == 6 && memcmp(wish, "refuse", 6) == 0) {
        cocos__rpc_add_trailer(call, "cocos-received", "42", 2);
        return cocos__fail(err, COCOS_ERR_STATE, "test.refused", "offset 0, expected 42");
    }
    const uint8_t *bin = cocos__rpc_metadata(call, "blob-bin", &len);
    if (bin)
        cocos__rpc_add_trailer(call, "blob-bin", bin, len);
    cocos__rpc_add_initial(call, "greeting", "hello", 5);
    snprintf(uid, sizeof uid, "%d", (int)cocos__conn_peer_uid(conn));
    answer.state = uid;
    answer.version = cocos__conn_attested(conn) ? "attested" : "direct";
    if (spki) {
        answer.instance_id.data = (uint8_t *)spki;
        answer.instance_id.len = 32;
    }
    if (cocos__conn_kind(conn) == COCOS__CONN_TLS) {
        static _Thread_local uint8_t exported[32];
        r = cocos__conn_exporter(conn, "EXPORTER-test", NULL, 0, exported, 32, err);
        answer.manifest_digest.data = exported;
        answer.manifest_digest.len = 32;
    }
    return r < 0 ? r : cocos__rpc_send_pb(call, &answer.base, err);
}

/* Both directions at once: every message comes back. */
static int on_echo(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos__rpc_msg *m = NULL;
    int r;

    (void)user;
    while ((r = cocos__rpc_recv(call, &m, err)) == COCOS_OK && m) {
        cocos__span s = cocos__rpc_msg_bytes(m);
        if (s.len == strlen(KNOWN) && memcmp(s.data, KNOWN, s.len) == 0)
            cocos__rpc_call_known(call);
        r = cocos__rpc_send(call, s.data, s.len, err);
        cocos__rpc_msg_free(m);
        m = NULL;
        if (r < 0)
            return r;
    }
    return r;
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    atomic_int gone;
    atomic_int entered;
    atomic_int left;
};

static void waiter_wake(void *user)
{
    struct waiter *w = user;

    pthread_mutex_lock(&w->lock);
    atomic_store(&w->gone, 1);
    pthread_cond_broadcast(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

/* Takes the request and waits until the client goes: how long-lived calls notice. */
static int on_wait(cocos__rpc_call *call, void *user, cocos_error **err)
{
    struct waiter *w = user;
    cocos__rpc_msg *m = NULL;
    int r = cocos__rpc_recv(call, &m, err);

    cocos__rpc_msg_free(m);
    if (r < 0)
        return r;
    atomic_store(&w->entered, 1);
    cocos__rpc_on_gone(call, waiter_wake, w);
    pthread_mutex_lock(&w->lock);
    while (!atomic_load(&w->gone))
        pthread_cond_wait(&w->cond, &w->lock);
    pthread_mutex_unlock(&w->lock);
    atomic_store(&w->left, 1);
    return cocos__fail(err, COCOS_ERR_CANCELLED, "test.gone", "the client went");
}

#define UPLOAD   "/cocos.v1.Agent/Upload"
#define DOWNLOAD "/cocos.v1.Agent/Download"
#define DESCRIBE "/cocos.v1.Agent/Describe"
#define ECHO     "/cocos.v1.Agent/Echo"
#define WAIT     "/cocos.v1.Agent/Watch"
#define CLOSED   "/agent.AgentService/Algo"

static const cocos__rpc_method methods[] = {
    {UPLOAD, on_upload, NULL, 2 << 20},
    {DOWNLOAD, on_download, NULL, 0},
    {DESCRIBE, on_describe, NULL, 0, 1},
    {ECHO, on_echo, NULL, 1 << 20},
    {WAIT, on_wait, NULL, 0},
    {CLOSED, NULL, "served in compat mode only", 0},
};
static const char *const services[] = {"agent", NULL};

struct fixture {
    char dir[64];
    char unix_address[96];
    struct waiter waiter;
    cocos__buf cert, key;   /* server */
    cocos__buf ccert, ckey; /* client */
    cocos__tls_config *server_tls;
    cocos__tls_config *client_tls; /* pins the server */
    cocos__rpc_server *server;
    cocos__rpc_listener *tls;
    cocos__rpc_listener *local;
};

static inline cocos__span span_of(const cocos__buf *b)
{
    return (cocos__span){b->data, b->len};
}

static inline cocos__tls_config *
pinned(const cocos__tls_config *server, const cocos__buf *cert, const cocos__buf *key)
{
    cocos__tls_options o = {.has_pin = 1};
    cocos__tls_config *c = NULL;
    cocos_error *err = NULL;

    ck_assert_int_eq(cocos__tls_config_spki(server, o.pin), COCOS_OK);
    if (cert) {
        o.cert_pem = span_of(cert);
        o.key_pem = span_of(key);
    }
    assert_ok(cocos__tls_config_client(&o, &c, &err), err);
    return c;
}

static inline void fixture_start(struct fixture *f, const cocos__rpc_server_options *wanted)
{
    cocos__rpc_server_options o = wanted ? *wanted : (cocos__rpc_server_options){0};
    cocos_error *err = NULL;

    memset(f, 0, sizeof *f);
    strcpy(f->dir, "/tmp/cocos-rpc-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    snprintf(f->unix_address, sizeof f->unix_address, "unix:%s/s", f->dir);
    pthread_mutex_init(&f->waiter.lock, NULL);
    pthread_cond_init(&f->waiter.cond, NULL);
    cocos__buf_init(&f->cert, 65536);
    cocos__buf_init(&f->key, 65536);
    cocos__buf_init(&f->ccert, 65536);
    cocos__buf_init(&f->ckey, 65536);
    assert_ok(cocos__tls_self_signed("server", &f->cert, &f->key, &err), err);
    assert_ok(cocos__tls_self_signed("client", &f->ccert, &f->ckey, &err), err);
    cocos__tls_options t = {.cert_pem = span_of(&f->cert), .key_pem = span_of(&f->key)};
    assert_ok(cocos__tls_config_server(&t, &f->server_tls, &err), err);
    f->client_tls = pinned(f->server_tls, NULL, NULL);
    o.methods = methods;
    o.n_methods = COCOS__ARRAY_LEN(methods);
    o.user = &f->waiter;
    o.health = services;
    o.reflection = 1;
    assert_ok(cocos__rpc_server_new(&o, &f->server, &err), err);
    assert_ok(cocos__rpc_server_listen(f->server, "127.0.0.1:0", f->server_tls, &f->tls, &err),
              err);
    assert_ok(cocos__rpc_server_listen(f->server, f->unix_address, NULL, &f->local, &err), err);
}

static inline void fixture_stop(struct fixture *f)
{
    struct stat st;

    cocos__rpc_server_free(f->server);
    f->server = NULL;
    ck_assert_int_lt(lstat(f->unix_address + 5, &st), 0); /* the socket file is gone */
    ck_assert_int_eq(rmdir(f->dir), 0);
    cocos__tls_config_unref(f->server_tls);
    cocos__tls_config_unref(f->client_tls);
    cocos__buf_done(&f->cert);
    cocos__buf_done(&f->key);
    cocos__buf_done(&f->ccert);
    cocos__buf_done(&f->ckey);
    pthread_mutex_destroy(&f->waiter.lock);
    pthread_cond_destroy(&f->waiter.cond);
}

static inline int open_with(struct fixture *f,
                            const cocos__tls_config *tls,
                            cocos__rpc_channel **ret,
                            cocos_error **err)
{
    cocos__rpc_channel_options o = {
        .target = tls ? cocos__rpc_listener_address(f->tls) : f->unix_address,
        .tls = tls,
        .deadline_ns = cocos_deadline_in(20 * SECOND),
    };

    return cocos__rpc_channel_open(&o, ret, err);
}

static inline cocos__rpc_channel *open_channel(struct fixture *f, int tls)
{
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    assert_ok(open_with(f, tls ? f->client_tls : NULL, &ch, &err), err);
    return ch;
}

/* Unary Describe; the answer is the caller's. */
static inline int describe(cocos__rpc_channel *ch,
                           const cocos__rpc_meta *meta,
                           size_t n_meta,
                           Cocos__V1__DescribeResponse **ret,
                           cocos_error **err)
{
    Cocos__V1__DescribeRequest rq = COCOS__V1__DESCRIBE_REQUEST__INIT;

    return cocos__rpc_unary(ch, DESCRIBE, meta, n_meta, &rq.base,
                            &cocos__v1__describe_response__descriptor,
                            cocos_deadline_in(20 * SECOND), NULL, (ProtobufCMessage **)ret, err);
}

static inline void assert_alive(cocos__rpc_channel *ch)
{
    Cocos__V1__DescribeResponse *d = NULL;
    cocos_error *err = NULL;

    assert_ok(describe(ch, NULL, 0, &d, &err), err);
    protobuf_c_message_free_unpacked(&d->base, NULL);
}

static inline cocos__rpc_call *
start_call(cocos__rpc_channel *ch, const char *path, int64_t timeout_ns, cocos_cancel *cancel)
{
    cocos__rpc_call *c = NULL;
    cocos_error *err = NULL;

    assert_ok(
        cocos__rpc_call_start(ch, path, NULL, 0, cocos_deadline_in(timeout_ns), cancel, &c, &err),
        err);
    return c;
}

static inline size_t count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static inline void wait_until(atomic_int *flag)
{
    for (int i = 0; i < 2000 && !atomic_load(flag); i++)
        usleep(5000);
    ck_assert(atomic_load(flag));
}

#endif
