/* SPDX-License-Identifier: Apache-2.0 */
/* Channels and the client's side of calls. A channel is one connection: what was attested or pinned
 * stays that. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "rpc/call.h"
#include "transport/conn.h"
#include "transport/net.h"

struct cocos__rpc_channel {
    cocos__conn *conn;
    grpc_channel *channel;
    cocos__rpc_queue queue;
    pthread_t pump;
    int has_pump;
    size_t max_message;
    pthread_mutex_t lock; /* guards calls */
    pthread_cond_t changed;
    size_t calls; /* whose memory is in use, also after their end */
};

/* ---- Opening ---- */

static void *pump_thread(void *user)
{
    cocos__rpc_channel *ch = user;

    cocos__conn_limit_headers(ch->conn, COCOS__RPC_MAX_METADATA + COCOS__RPC_HEADERS_SPARE);
    cocos__conn_run(ch->conn, 0);
    return NULL;
}

static int connect_to(const cocos__rpc_channel_options *o,
                      const cocos__net_address *a,
                      cocos__conn **ret,
                      cocos_error **err)
{
    cocos_error *cause = NULL;
    int fd = -1;
    int r = cocos__net_connect(a, o->deadline_ns, o->cancel, &fd, &cause);

    if (r < 0) {
        COCOS__CLEANUP(cocos__error_freep) cocos_error *e = cause;
        return cocos__fail(err, r == COCOS_ERR_NOT_FOUND ? COCOS_ERR_IO : r, "rpc.connect",
                           "cannot connect to %s: %s", o->target, cocos_error_message(e));
    }
    r = cocos__conn_new(fd, ret, err);
    if (r < 0 || !o->tls)
        return r;
    r = cocos__conn_handshake(*ret, o->tls, o->server_name ? o->server_name : a->host,
                              o->deadline_ns, o->cancel, err);
    if (r < 0 || !o->attest)
        return r;
    return cocos__conn_attest_client(*ret, o->attest, o->deadline_ns, o->cancel, err);
}

static grpc_channel *make_channel(const cocos__rpc_channel_options *o, int fd)
{
    int max = (int)(o->max_message ? o->max_message : COCOS__RPC_MAX_MESSAGE);
    const char *authority = o->server_name                   ? o->server_name
                            : strncmp(o->target, "unix:", 5) ? o->target
                                                             : "localhost";
    grpc_arg args[] = {
        {GRPC_ARG_INTEGER, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, {.integer = max}},
        {GRPC_ARG_INTEGER, GRPC_ARG_MAX_METADATA_SIZE, {.integer = (int)COCOS__RPC_MAX_METADATA}},
        {GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, {.integer = 0}},
        {GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, {.integer = 0}},
        {GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_RETRIES, {.integer = 0}},
        {GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_CHANNELZ, {.integer = 0}},
        {GRPC_ARG_STRING, GRPC_ARG_DEFAULT_AUTHORITY, {.string = (char *)authority}},
        {GRPC_ARG_STRING, GRPC_ARG_HTTP2_SCHEME, {.string = o->tls ? "https" : "http"}},
    };
    grpc_channel_args all = {COCOS__ARRAY_LEN(args), args};
    grpc_channel_credentials *creds = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create_from_fd(o->target, fd, creds, &all);

    grpc_channel_credentials_release(creds);
    return channel;
}

static int start(cocos__rpc_channel *ch, const cocos__rpc_channel_options *o, cocos_error **err)
{
    int fd = -1;
    int r = cocos__conn_plaintext_fd(ch->conn, &fd, err);

    if (r < 0)
        return r;
    ch->channel = make_channel(o, fd); /* owns fd from here on */
    r = cocos__rpc_queue_start(&ch->queue, "cocos-channel", err);
    if (r < 0 || !o->tls)
        return r;
    r = cocos__thread_start(&ch->pump, "cocos-pump", pump_thread, ch, err);
    ch->has_pump = r == COCOS_OK;
    return r;
}

int cocos__rpc_channel_open(const cocos__rpc_channel_options *o,
                            cocos__rpc_channel **ret,
                            cocos_error **err)
{
    cocos__net_address a;
    COCOS__CLEANUP(cocos__conn_unrefp) cocos__conn *conn = NULL;
    int r = cocos__net_parse(o->target, &a, err);

    if (r == COCOS_OK && o->attest && !o->tls)
        r = cocos__fail(err, COCOS_ERR_USAGE, "atls.connection",
                        "a connection without TLS cannot be attested");
    if (r == COCOS_OK)
        r = connect_to(o, &a, &conn, err);
    if (r < 0)
        return r;

    cocos__rpc_channel *ch = calloc(1, sizeof *ch);
    if (!ch)
        return cocos__fail_memory(err);
    cocos__rpc_core_init();
    pthread_mutex_init(&ch->lock, NULL);
    cocos__cond_init(&ch->changed);
    ch->conn = COCOS__STEAL(conn);
    ch->max_message = o->max_message ? o->max_message : COCOS__RPC_MAX_MESSAGE;
    r = start(ch, o, err);
    if (r < 0) {
        cocos__rpc_channel_close(ch);
        return r;
    }
    *ret = ch;
    return COCOS_OK;
}

const cocos__conn *cocos__rpc_channel_conn(const cocos__rpc_channel *ch)
{
    return ch->conn;
}

int cocos__rpc_channel_alive(const cocos__rpc_channel *ch)
{
    return !cocos__conn_ended(ch->conn);
}

/* A finished call's memory is used until its last operation has come back. */
static void wait_for_calls(cocos__rpc_channel *ch)
{
    COCOS__LOCKED(&ch->lock);

    while (ch->calls > 0)
        pthread_cond_wait(&ch->changed, &ch->lock);
}

void cocos__rpc_channel_close(cocos__rpc_channel *ch)
{
    if (!ch)
        return;
    wait_for_calls(ch);
    if (ch->channel)
        grpc_channel_destroy(ch->channel);
    cocos__rpc_queue_stop(&ch->queue);
    if (ch->has_pump)
        pthread_join(ch->pump, NULL);
    cocos__conn_unref(ch->conn);
    cocos__rpc_core_done();
    pthread_cond_destroy(&ch->changed);
    pthread_mutex_destroy(&ch->lock);
    free(ch);
}

/* ---- Calls ---- */

static void call_released(void *owner)
{
    cocos__rpc_channel *ch = owner;
    COCOS__LOCKED(&ch->lock);

    ch->calls--;
    pthread_cond_broadcast(&ch->changed);
}

static void cancel_by_hook(void *user)
{
    cocos__rpc_cancel(user);
}

static int start_batches(cocos__rpc_call *c)
{
    grpc_op ops[2];
    grpc_op close;

    memset(ops, 0, sizeof ops);
    memset(&close, 0, sizeof close);
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[0].data.send_initial_metadata.metadata = c->initial_out.list;
    ops[0].data.send_initial_metadata.count = c->initial_out.n;
    ops[1].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &c->initial;
    close.op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    close.data.recv_status_on_client.trailing_metadata = &c->trailing;
    close.data.recv_status_on_client.status = &c->status;
    close.data.recv_status_on_client.status_details = &c->details;
    close.data.recv_status_on_client.error_string = &c->error_string;
    return cocos__rpc_slot_start(c, COCOS__RPC_START, ops, 2) &&
           cocos__rpc_slot_start(c, COCOS__RPC_CLOSE, &close, 1);
}

int cocos__rpc_call_start(cocos__rpc_channel *ch,
                          const char *path,
                          const cocos__rpc_meta *meta,
                          size_t n_meta,
                          int64_t deadline_ns,
                          cocos_cancel *cancel,
                          cocos__rpc_call **ret,
                          cocos_error **err)
{
    cocos__rpc_call *c = NULL;
    grpc_slice method = grpc_slice_from_copied_string(path);
    grpc_call *call =
        grpc_channel_create_call(ch->channel, NULL, GRPC_PROPAGATE_DEFAULTS, ch->queue.cq, method,
                                 NULL, cocos__rpc_deadline(deadline_ns), NULL);

    grpc_slice_unref(method);
    int r = cocos__rpc_call_new(call, path, ch->conn, ch->max_message, &c, err);
    if (r < 0)
        return r;
    c->is_client = 1;
    c->owner = ch;
    c->released = call_released;
    pthread_mutex_lock(&ch->lock);
    ch->calls++;
    pthread_mutex_unlock(&ch->lock);

    int ok = 1;
    for (size_t i = 0; i < n_meta && ok; i++)
        ok = cocos__rpc_meta_add(&c->initial_out, meta[i].key, meta[i].value, meta[i].len);
    if (!ok || !start_batches(c)) {
        cocos__rpc_call_free(c);
        return ok ? cocos__fail(err, COCOS_ERR_USAGE, "rpc.call",
                                "%s cannot be called with this metadata", path)
                  : cocos__fail_memory(err);
    }
    c->cancel = cancel;
    c->hook = (cocos__cancel_hook){.fn = cancel_by_hook, .user = c};
    cocos__cancel_hook_add(cancel, &c->hook);
    *ret = c;
    return COCOS_OK;
}

int cocos__rpc_send_end(cocos__rpc_call *call, cocos_error **err)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

    (void)err; /* a server that ended the call already is told by its status */
    if (call->half_closed)
        return COCOS_OK;
    call->half_closed = 1;
    if (cocos__rpc_slot_start(call, COCOS__RPC_SEND, &op, 1))
        (void)cocos__rpc_slot_wait(call, COCOS__RPC_SEND);
    return COCOS_OK;
}

/* ---- The server's verdict ---- */

static int fail_lost(const cocos__rpc_call *c, const char *text, cocos_error **err)
{
    int r = cocos__conn_loss(c->conn, err);

    return r < 0 ? r
                 : cocos__fail(err, COCOS_ERR_IO, "rpc.lost", "the connection was lost: %s", text);
}

/* Statuses that gRPC itself made, or servers that know nothing of our codes. */
static int fail_plain(const cocos__rpc_call *c, const char *text, cocos_error **err)
{
    switch (c->status) {
    case GRPC_STATUS_CANCELLED:
        return cocos__fail(err, COCOS_ERR_CANCELLED, "rpc.cancelled", "the call was cancelled");
    case GRPC_STATUS_DEADLINE_EXCEEDED:
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "rpc.deadline", "%s did not end in time",
                           c->path);
    case GRPC_STATUS_UNAVAILABLE:
        return fail_lost(c, text, err);
    case GRPC_STATUS_UNIMPLEMENTED:
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "rpc.unimplemented",
                           "the server does not serve %s: %s", c->path, text);
    case GRPC_STATUS_RESOURCE_EXHAUSTED:
        if (strstr(text, "larger than max"))
            return cocos__fail(err, COCOS_ERR_EXHAUSTED, "rpc.message.size", "%s", text);
        if (strstr(text, "metadata size"))
            return cocos__fail(err, COCOS_ERR_EXHAUSTED, "rpc.metadata.size", "%s", text);
        break;
    default:
        break;
    }
    return cocos__fail_remote(err, cocos__rpc_status_from_grpc(c->status), NULL, text);
}

static int judge(const cocos__rpc_call *c, cocos_error **err)
{
    const grpc_slice *value = NULL;
    char code[80] = "";
    char text[4096];

    if (c->status == GRPC_STATUS_OK)
        return COCOS_OK;
    snprintf(text, sizeof text, "%.*s", (int)GRPC_SLICE_LENGTH(c->details),
             (const char *)GRPC_SLICE_START_PTR(c->details));
    for (size_t i = 0; i < c->trailing.count && !value; i++) {
        if (grpc_slice_str_cmp(c->trailing.metadata[i].key, COCOS__RPC_TRAILER) == 0)
            value = &c->trailing.metadata[i].value;
    }
    if (!value)
        return fail_plain(c, text, err);
    snprintf(code, sizeof code, "%.*s", (int)GRPC_SLICE_LENGTH(*value),
             (const char *)GRPC_SLICE_START_PTR(*value));
    return cocos__fail_remote(err, cocos__rpc_status_from_grpc(c->status), code, text);
}

int cocos__rpc_verdict(cocos__rpc_call *c, cocos_error **err)
{
    (void)cocos__rpc_slot_wait(c, COCOS__RPC_CLOSE);
    return judge(c, err);
}

int cocos__rpc_finish(cocos__rpc_call *call, cocos_error **err)
{
    grpc_byte_buffer *b;

    (void)cocos__rpc_send_end(call, NULL);
    /* The status comes behind the last message, so those that nobody wants are taken first. */
    while ((b = cocos__rpc_recv_buffer(call)))
        grpc_byte_buffer_destroy(b);
    return cocos__rpc_verdict(call, err);
}

void cocos__rpc_call_free(cocos__rpc_call *call)
{
    if (!call)
        return;
    cocos__cancel_unhook(call->cancel, &call->hook);
    if (!cocos__rpc_slot_is_done(call, COCOS__RPC_CLOSE))
        grpc_call_cancel(call->call, NULL);
    cocos__rpc_call_drop(call);
}

static int no_answer(const char *path, cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "rpc.message", "%s gave no answer", path);
}

int cocos__rpc_unary(cocos__rpc_channel *ch,
                     const char *path,
                     const cocos__rpc_meta *meta,
                     size_t n_meta,
                     const ProtobufCMessage *request,
                     const ProtobufCMessageDescriptor *response_type,
                     int64_t deadline_ns,
                     cocos_cancel *cancel,
                     ProtobufCMessage **ret,
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *c = NULL;
    ProtobufCMessage *answer = NULL;
    int r = cocos__rpc_call_start(ch, path, meta, n_meta, deadline_ns, cancel, &c, err);

    if (r == COCOS_OK)
        r = cocos__rpc_send_buffer(c, cocos__rpc_buffer_pack(request), 1, err);
    if (r == COCOS_OK)
        r = cocos__rpc_recv_pb(c, response_type, &answer, err);
    if (r == COCOS_OK)
        r = cocos__rpc_finish(c, err);
    if (r == COCOS_OK && !answer)
        r = no_answer(path, err);
    if (r == COCOS_OK)
        *ret = answer;
    else if (answer)
        protobuf_c_message_free_unpacked(answer, NULL);
    return r;
}
