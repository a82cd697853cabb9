/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_AGENT_FIXTURE_H
#define COCOS_TESTS_AGENT_FIXTURE_H

/*
 * A whole agent in this process, without a computation-management server, and clients that speak
 * with it over real TLS connections and can do everything wrong that a client can do wrong.
 */

#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/service.h"
#include "base/fd.h"
#include "cocos/v1/agent.pb-c.h"
#include "compute/request.h"
#include "crypto/digest.h"

#define UPLOAD    "/cocos.v1.Agent/Upload"
#define STATUS    "/cocos.v1.Agent/UploadStatus"
#define DOWNLOAD  "/cocos.v1.Agent/Download"
#define DESCRIBE  "/cocos.v1.Agent/Describe"
#define WATCH     "/cocos.v1.Agent/Watch"
#define ATTEST    "/cocos.v1.Agent/Attest"
#define APPROVE   "/cocos.v1.Agent/Approve"
#define STATEMENT "/cocos.v1.Agent/Statement"

/* Known bytes and who owns them. */
typedef struct asset {
    uint8_t *data;
    size_t size;
    uint8_t digest[32];
} asset;

typedef struct world {
    char dir[64];
    cocos_agent_service_options *options;
    cocos_agent_service *service;
    cocos_key *alg;
    cocos_key *data[2];
    cocos_key *consumer;
    cocos_key *stranger;
    asset algorithm;
    asset sets[2];
    cocos_manifest *manifest; /* a copy; the agent has its own */
} world;

static inline void make_asset(asset *a, const void *data, size_t size)
{
    a->data = malloc(size ? size : 1);
    a->size = size;
    for (size_t i = 0; i < size; i++)
        a->data[i] = data ? ((const uint8_t *)data)[i] : (uint8_t)(i * 2654435761u >> 13);
    ck_assert_int_eq(cocos__digest(COCOS__SHA3_256, a->data, size, a->digest, NULL), COCOS_OK);
}

static inline void set_option(world *w, const char *name, const char *value)
{
    cocos_error *err = NULL;
    assert_ok(cocos_agent_service_options_set(w->options, name, value, &err), err);
}

static inline void start_agent(world *w)
{
    cocos_error *err = NULL;
    assert_ok(cocos_agent_service_start(w->options, &w->service, &err), err);
}

static inline void world_open(world *w, const char *script, size_t data_size)
{
    cocos_error *err = NULL;
    char state[96];

    memset(w, 0, sizeof *w);
    strcpy(w->dir, "/tmp/cocos-agent-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(w->dir));
    snprintf(state, sizeof state, "%s/state", w->dir);
    assert_ok(cocos_agent_service_options_new(&w->options, &err), err);
    set_option(w, "state_dir", state);
    set_option(w, "listen", "127.0.0.1:0");
    set_option(w, "cvms_url", "");
    set_option(w, "unlimited", "1");
    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &w->alg, &err), err);
    assert_ok(cocos_key_generate(COCOS_KEY_P256, &w->data[0], &err), err);
    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &w->data[1], &err), err);
    assert_ok(cocos_key_generate(COCOS_KEY_P384, &w->consumer, &err), err);
    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &w->stranger, &err), err);
    make_asset(&w->algorithm, script, strlen(script));
    make_asset(&w->sets[0], NULL, data_size);
    make_asset(&w->sets[1], "second", 6);
    start_agent(w);
}

static inline void world_close(world *w)
{
    cocos_agent_service_free(w->service);
    cocos_agent_service_options_free(w->options);
    cocos_key_free(w->alg);
    cocos_key_free(w->data[0]);
    cocos_key_free(w->data[1]);
    cocos_key_free(w->consumer);
    cocos_key_free(w->stranger);
    cocos_manifest_free(w->manifest);
    free(w->algorithm.data);
    free(w->sets[0].data);
    free(w->sets[1].data);
    ck_assert_int_eq(cocos__remove_tree(w->dir, 0, NULL), COCOS_OK);
}

/* A key as a JSON string. */
static inline void add_key(cocos__buf *b, const cocos_key *key)
{
    char *pem = NULL;

    ck_assert_int_eq(cocos_key_to_pem(key, 0, &pem, NULL), COCOS_OK);
    cocos__buf_add_str(b, "\"");
    for (const char *p = pem; *p; p++) {
        if (*p == '\n')
            cocos__buf_add_str(b, "\\n");
        else
            cocos__buf_add_u8(b, (uint8_t)*p);
    }
    cocos__buf_add_str(b, "\"");
    cocos_free_text(pem);
}

static inline void add_hash(cocos__buf *b, const asset *a, int with_size)
{
    cocos__buf_add_str(b, "\"hash\": \"");
    for (size_t i = 0; i < 32; i++)
        cocos__buf_printf(b, "%02x", a->digest[i]);
    cocos__buf_add_str(b, "\"");
    if (with_size)
        cocos__buf_printf(b, ", \"size\": %zu", a->size);
}

/* `more`: further members of the manifest, each with a comma before it. */
static inline cocos_manifest *
make_manifest(world *w, const char *id, int with_size, const char *more)
{
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;
    cocos__buf b;

    cocos__buf_init(&b, 65536);
    cocos__buf_printf(
        &b, "{\"version\": 1, \"id\": \"%s\", \"algorithm\": {\"algo_type\": \"bin\", ", id);
    add_hash(&b, &w->algorithm, with_size);
    cocos__buf_add_str(&b, ", \"user_key\": ");
    add_key(&b, w->alg);
    cocos__buf_add_str(&b, "}, \"datasets\": [");
    for (int i = 0; i < 2; i++) {
        cocos__buf_printf(&b, "%s{\"filename\": \"set%d\", ", i ? ", " : "", i);
        add_hash(&b, &w->sets[i], with_size);
        cocos__buf_add_str(&b, ", \"user_key\": ");
        add_key(&b, w->data[i]);
        cocos__buf_add_str(&b, "}");
    }
    cocos__buf_add_str(&b, "], \"result_consumers\": [{\"user_key\": ");
    add_key(&b, w->consumer);
    cocos__buf_printf(&b, "}]%s}", more);
    assert_ok(cocos_manifest_from_json(cocos__buf_cstr(&b), b.len, NULL, &m, &err), err);
    cocos__buf_done(&b);
    return m;
}

static inline void give_manifest(world *w, const char *id, const char *more)
{
    cocos_error *err = NULL;

    cocos_manifest_free(w->manifest);
    w->manifest = make_manifest(w, id, 1, more);
    assert_ok(cocos__machine_accept(w->service, make_manifest(w, id, 1, more), &err), err);
}

/* ---- A client ---- */

static inline cocos__rpc_channel *dial(const world *w)
{
    cocos__tls_options t = {.insecure = 1};
    cocos__tls_config *tls = NULL;
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__tls_config_client(&t, &tls, &err), err);
    cocos__rpc_channel_options o = {.target = cocos_agent_service_address(w->service),
                                    .tls = tls,
                                    .deadline_ns = cocos_deadline_in(10000000000)};
    assert_ok(cocos__rpc_channel_open(&o, &ch, &err), err);
    cocos__tls_config_unref(tls);
    return ch;
}

/* A right request, to be spoiled by the caller before it is signed. */
static inline cocos__request right_request(const world *w,
                                           const cocos__rpc_channel *ch,
                                           const char *method,
                                           const char *role,
                                           uint8_t binding[32])
{
    cocos__request rq = {.method = method,
                         .role = role,
                         .computation_id = cocos_manifest_id(w->manifest),
                         .manifest_digest = cocos_manifest_digest(w->manifest),
                         .binding = binding,
                         .time_s = 1,
                         .instance_id = w->service->identity.instance_id};

    cocos__random(rq.nonce, sizeof rq.nonce);
    ck_assert_int_eq(cocos__conn_exporter(cocos__rpc_channel_conn(ch), COCOS__EXPORTER_LABEL, NULL,
                                          0, binding, 32, NULL),
                     COCOS_OK);
    return rq;
}

static inline cocos__rpc_call *
start_signed(cocos__rpc_channel *ch, const cocos_key *key, const cocos__request *rq)
{
    cocos__rpc_call *call = NULL;
    cocos_error *err = NULL;
    cocos__buf b;

    cocos__buf_init(&b, COCOS__AUTH_MAX);
    assert_ok(cocos__request_sign(key, rq, &b, &err), err);
    cocos__rpc_meta meta = {COCOS__AUTH_KEY, b.data, b.len};
    assert_ok(cocos__rpc_call_start(ch, rq->method, &meta, 1, cocos_deadline_in(60000000000), NULL,
                                    &call, &err),
              err);
    cocos__buf_done(&b);
    return call;
}

static inline void send_header(cocos__rpc_call *call,
                               int kind,
                               uint32_t index,
                               const uint8_t *digest,
                               uint64_t size,
                               uint64_t offset)
{
    Cocos__V1__UploadRequest m = COCOS__V1__UPLOAD_REQUEST__INIT;
    Cocos__V1__UploadHeader h = COCOS__V1__UPLOAD_HEADER__INIT;

    h.kind = (Cocos__V1__AssetKind)kind;
    h.index = index;
    h.digest = (ProtobufCBinaryData){32, (uint8_t *)(uintptr_t)digest};
    h.size = size;
    h.offset = offset;
    m.part_case = COCOS__V1__UPLOAD_REQUEST__PART_HEADER;
    m.header = &h;
    (void)!cocos__rpc_send_pb(call, &m.base, NULL); /* the verdict tells why it failed */
}

static inline int send_data(cocos__rpc_call *call, const uint8_t *data, size_t n)
{
    uint8_t *message = malloc(n + 16);
    size_t head = cocos__pb_bytes_head(message, 2, n);

    memcpy(message + head, data, n);
    int r = cocos__rpc_send(call, message, head + n, NULL);
    free(message);
    return r;
}

static inline const char *role_for(int kind)
{
    return kind == COCOS_ASSET_DATASET ? "data-provider" : "algorithm-provider";
}

static inline cocos__rpc_call *start_upload(const world *w,
                                            cocos__rpc_channel *ch,
                                            const cocos_key *key,
                                            int kind,
                                            uint32_t index,
                                            const asset *a,
                                            uint64_t offset)
{
    uint8_t binding[32];
    cocos__request rq = right_request(w, ch, UPLOAD, role_for(kind), binding);

    rq.kind = kind;
    rq.index = index;
    rq.has_index = rq.has_size = rq.has_offset = 1;
    rq.size = a->size;
    rq.offset = offset;
    memcpy(rq.digest, a->digest, 32);
    cocos__rpc_call *call = start_signed(ch, key, &rq);
    send_header(call, kind, index, a->digest, a->size, offset);
    return call;
}

/* The end of an upload: its answer, or the error. Frees the call. */
static inline int
finish_upload(cocos__rpc_call *call, uint64_t *received, int *complete, cocos_error **err)
{
    ProtobufCMessage *m = NULL;

    (void)!cocos__rpc_send_end(call, NULL);
    int r = cocos__rpc_recv_pb(call, &cocos__v1__upload_response__descriptor, &m, err);
    if (r == COCOS_OK && m) {
        *received = ((Cocos__V1__UploadResponse *)m)->received;
        *complete = ((Cocos__V1__UploadResponse *)m)->complete;
        protobuf_c_message_free_unpacked(m, NULL);
    }
    if (r == COCOS_OK)
        r = cocos__rpc_finish(call, err);
    cocos__rpc_call_free(call);
    return r;
}

/* Everything from offset on, in pieces. */
static inline int upload_from(const world *w,
                              cocos__rpc_channel *ch,
                              const cocos_key *key,
                              int kind,
                              uint32_t index,
                              const asset *a,
                              uint64_t offset,
                              cocos_error **err)
{
    cocos__rpc_call *call = start_upload(w, ch, key, kind, index, a, offset);
    uint64_t received = 0;
    int complete = 0;

    for (size_t at = offset; at < a->size;) {
        size_t n = a->size - at < 1048576 ? a->size - at : 1048576;
        if (send_data(call, a->data + at, n) < 0)
            break;
        at += n;
    }
    int r = finish_upload(call, &received, &complete, err);
    if (r == COCOS_OK) {
        ck_assert_uint_eq(received, a->size);
        ck_assert(complete);
    }
    return r;
}

static inline void
upload(const world *w, const cocos_key *key, int kind, uint32_t index, const asset *a)
{
    cocos__rpc_channel *ch = dial(w);
    cocos_error *err = NULL;

    assert_ok(upload_from(w, ch, key, kind, index, a, 0, &err), err);
    cocos__rpc_channel_close(ch);
}

/* A call whose one message is signed; ended on our side. */
static inline cocos__rpc_call *ask(const world *w,
                                   cocos__rpc_channel *ch,
                                   const cocos_key *key,
                                   const char *method,
                                   const char *role,
                                   const ProtobufCMessage *m,
                                   void (*adapt)(cocos__request *rq, void *user),
                                   void *user)
{
    uint8_t binding[32];
    uint8_t packed[512];
    cocos__request rq = right_request(w, ch, method, role, binding);
    size_t n = protobuf_c_message_pack(m, packed);

    ck_assert_int_eq(cocos__digest(COCOS__SHA3_256, packed, n, rq.digest, NULL), COCOS_OK);
    if (adapt)
        adapt(&rq, user);
    cocos__rpc_call *call = start_signed(ch, key, &rq);
    (void)!cocos__rpc_send(call, packed, n, NULL);
    (void)!cocos__rpc_send_end(call, NULL);
    return call;
}

static inline void adapt_status(cocos__request *rq, void *user)
{
    const Cocos__V1__UploadStatusRequest *m = user;
    rq->kind = (int)m->kind;
    rq->index = m->index;
    rq->has_index = 1;
}

static inline int status_of(const world *w,
                            cocos__rpc_channel *ch,
                            const cocos_key *key,
                            int kind,
                            uint32_t index,
                            uint64_t *received,
                            int *complete,
                            cocos_error **err)
{
    Cocos__V1__UploadStatusRequest m = COCOS__V1__UPLOAD_STATUS_REQUEST__INIT;
    ProtobufCMessage *got = NULL;

    m.kind = (Cocos__V1__AssetKind)kind;
    m.index = index;
    cocos__rpc_call *call = ask(w, ch, key, STATUS, role_for(kind), &m.base, adapt_status, &m);
    int r = cocos__rpc_recv_pb(call, &cocos__v1__upload_status_response__descriptor, &got, err);
    if (r == COCOS_OK && got) {
        *received = ((Cocos__V1__UploadStatusResponse *)got)->received;
        *complete = ((Cocos__V1__UploadStatusResponse *)got)->complete;
        protobuf_c_message_free_unpacked(got, NULL);
    }
    if (r == COCOS_OK)
        r = cocos__rpc_finish(call, err);
    cocos__rpc_call_free(call);
    return r;
}

static inline void adapt_download(cocos__request *rq, void *user)
{
    rq->offset = ((Cocos__V1__DownloadRequest *)user)->offset;
    rq->has_offset = 1;
}

/* What came, appended to out; *size as the header said. The verdict of the call. */
static inline int download(const world *w,
                           cocos__rpc_channel *ch,
                           const cocos_key *key,
                           const char *role,
                           uint32_t part,
                           uint64_t offset,
                           cocos__buf *out,
                           uint64_t *size,
                           uint8_t digest[32],
                           cocos_error **err)
{
    Cocos__V1__DownloadRequest m = COCOS__V1__DOWNLOAD_REQUEST__INIT;
    ProtobufCMessage *got = NULL;
    int r;

    m.part = part;
    m.offset = offset;
    cocos__rpc_call *call = ask(w, ch, key, DOWNLOAD, role, &m.base, adapt_download, &m);
    while ((r = cocos__rpc_recv_pb(call, &cocos__v1__download_response__descriptor, &got, err)) ==
               COCOS_OK &&
           got) {
        Cocos__V1__DownloadResponse *d = (Cocos__V1__DownloadResponse *)got;
        if (d->part_case == COCOS__V1__DOWNLOAD_RESPONSE__PART_HEADER) {
            *size = d->header->size;
            memcpy(digest, d->header->digest.data, 32);
        } else {
            ck_assert_uint_le(d->data.len, 1048576);
            cocos__buf_add(out, d->data.data, d->data.len);
        }
        protobuf_c_message_free_unpacked(got, NULL);
    }
    if (r == COCOS_OK)
        r = cocos__rpc_finish(call, err);
    cocos__rpc_call_free(call);
    return r;
}

static inline void wait_for_state(const world *w, int state)
{
    for (int i = 0; i < 1500 && cocos__machine_state(w->service) != state; i++)
        usleep(20000);
    ck_assert_str_eq(cocos__agent_state_name(cocos__machine_state(w->service)),
                     cocos__agent_state_name(state));
}

#endif
