/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: operations, messages and metadata of both sides. */
#include "rpc/call.h"

#include <stdio.h>
#include <string.h>

#include <grpc/support/alloc.h>

#include "base/thread.h"

#define TEXT_MAX 1024 /* of a status text: it travels as metadata, which peers limit to 8 KiB */

/* ---- Life ---- */

static void op_done(cocos__rpc_op *op, int success);

static void init_slots(cocos__rpc_call *c)
{
    for (int i = 0; i < COCOS__RPC_SLOTS; i++) {
        c->slots[i].op.done = op_done;
        c->slots[i].op.user = c;
        cocos__cond_init(&c->slots[i].cond);
    }
}

int cocos__rpc_call_new(grpc_call *call_take,
                        const char *path,
                        const cocos__conn *conn,
                        size_t max_message,
                        cocos__rpc_call **ret,
                        cocos_error **err)
{
    cocos__rpc_call *c = calloc(1, sizeof *c);
    char *copy = strdup(path);

    if (!c || !copy) {
        grpc_call_unref(call_take);
        free(c);
        free(copy);
        return cocos__fail_memory(err);
    }
    c->call = call_take;
    c->path = copy;
    c->conn = conn ? cocos__conn_ref(conn) : NULL;
    c->max_message = max_message;
    c->refs = 1;
    c->details = grpc_empty_slice();
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->gone_lock, NULL);
    grpc_metadata_array_init(&c->initial);
    grpc_metadata_array_init(&c->trailing);
    init_slots(c);
    *ret = c;
    return COCOS_OK;
}

static void free_meta(cocos__rpc_meta_out *m)
{
    for (size_t i = 0; i < m->n; i++) {
        grpc_slice_unref(m->list[i].key);
        grpc_slice_unref(m->list[i].value);
    }
    free(m->list);
}

static void call_destroy(cocos__rpc_call *c)
{
    void (*released)(void *) = c->released;
    void *owner = c->owner;

    grpc_call_unref(c->call);
    if (c->received)
        grpc_byte_buffer_destroy(c->received);
    grpc_metadata_array_destroy(&c->initial);
    grpc_metadata_array_destroy(&c->trailing);
    free_meta(&c->initial_out);
    free_meta(&c->trailing_out);
    grpc_slice_unref(c->details);
    gpr_free((void *)c->error_string);
    for (int i = 0; i < COCOS__RPC_SLOTS; i++)
        pthread_cond_destroy(&c->slots[i].cond);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->gone_lock);
    cocos__conn_unref(c->conn);
    free(c->path);
    free(c);
    if (released)
        released(owner);
}

void cocos__rpc_call_hold(cocos__rpc_call *c)
{
    COCOS__LOCKED(&c->lock);
    c->refs++;
}

void cocos__rpc_call_drop(cocos__rpc_call *c)
{
    pthread_mutex_lock(&c->lock);
    int last = --c->refs == 0;
    pthread_mutex_unlock(&c->lock);
    if (last)
        call_destroy(c);
}

/* ---- Operations ---- */

/* The client went: cancelled, vanished or out of time. Not when it merely got our status. */
static void notice_gone(cocos__rpc_call *c)
{
    COCOS__LOCKED(&c->gone_lock);

    atomic_store(&c->gone, 1);
    if (c->gone_fn)
        c->gone_fn(c->gone_user);
    c->gone_fn = NULL;
}

static void op_done(cocos__rpc_op *op, int success)
{
    cocos__rpc_call *c = op->user;
    cocos__rpc_slot *slot = (cocos__rpc_slot *)op;
    int gone = !c->is_client && slot == &c->slots[COCOS__RPC_CLOSE] && c->close_cancelled;

    if (gone)
        notice_gone(c);
    pthread_mutex_lock(&c->lock);
    slot->done = 1;
    slot->success = success;
    pthread_cond_signal(&slot->cond);
    pthread_mutex_unlock(&c->lock);
    cocos__rpc_call_drop(c);
}

int cocos__rpc_slot_start(cocos__rpc_call *c,
                          enum cocos__rpc_slot_kind kind,
                          const grpc_op *ops,
                          size_t n)
{
    cocos__rpc_slot *slot = &c->slots[kind];

    pthread_mutex_lock(&c->lock);
    int was_busy = slot->busy;
    if (!was_busy) {
        slot->busy = 1;
        slot->done = 0;
        c->refs++;
    }
    pthread_mutex_unlock(&c->lock);
    if (was_busy)
        return 0;
    if (cocos__rpc_batch(c->call, ops, n, &slot->op) == GRPC_CALL_OK)
        return 1;
    pthread_mutex_lock(&c->lock);
    slot->busy = 0;
    c->refs--; /* never the last: the caller holds one */
    pthread_mutex_unlock(&c->lock);
    return 0;
}

int cocos__rpc_slot_wait(cocos__rpc_call *c, enum cocos__rpc_slot_kind kind)
{
    cocos__rpc_slot *slot = &c->slots[kind];
    COCOS__LOCKED(&c->lock);

    while (!slot->done)
        pthread_cond_wait(&slot->cond, &c->lock);
    slot->busy = 0;
    return slot->success;
}

int cocos__rpc_slot_is_done(cocos__rpc_call *c, enum cocos__rpc_slot_kind kind)
{
    COCOS__LOCKED(&c->lock);

    return c->slots[kind].done;
}

/* ---- Receiving ---- */

/* 1 once the message or the end is there; 0 when interrupted before. */
static int wait_uninterrupted(cocos__rpc_call *c)
{
    cocos__rpc_slot *slot = &c->slots[COCOS__RPC_RECV];
    COCOS__LOCKED(&c->lock);

    while (!slot->done && !c->interrupted)
        pthread_cond_wait(&slot->cond, &c->lock);
    return slot->done;
}

static int was_interrupted(cocos__rpc_call *c)
{
    COCOS__LOCKED(&c->lock);
    return c->interrupted;
}

grpc_byte_buffer *cocos__rpc_recv_buffer(cocos__rpc_call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->received};

    if (c->recv_ended || !cocos__rpc_slot_start(c, COCOS__RPC_RECV, &op, 1))
        return NULL;
    if (!wait_uninterrupted(c)) {
        c->recv_ended = 1; /* the operation ends with the call, which frees what it gets */
        return NULL;
    }
    int ok = cocos__rpc_slot_wait(c, COCOS__RPC_RECV);
    grpc_byte_buffer *b = COCOS__STEAL(c->received);
    if (!ok && b) {
        grpc_byte_buffer_destroy(b);
        b = NULL;
    }
    c->recv_ended = b == NULL;
    return b;
}

static int fail_gone(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_CANCELLED, "rpc.gone",
                       "the client cancelled, vanished, or its deadline passed");
}

int cocos__rpc_recv(cocos__rpc_call *call, cocos__rpc_msg **ret, cocos_error **err)
{
    grpc_byte_buffer *b = cocos__rpc_recv_buffer(call);

    if (b) {
        int r = cocos__rpc_msg_new(b, call->max_message, ret, err);
        if (r < 0 && call->is_client)
            cocos__rpc_cancel(call);
        return r;
    }
    if (call->is_client) {
        int r = cocos__rpc_verdict(call, err);
        if (r < 0)
            return r;
    } else if (cocos__rpc_call_gone(call)) {
        return fail_gone(err);
    } else if (was_interrupted(call)) {
        return cocos__fail(err, COCOS_ERR_ABORTED, "rpc.interrupted",
                           "the server ended the call before the client did");
    } else if (grpc_call_failed_before_recv_message(call->call)) {
        return fail_gone(err); /* broken, not ended; known a moment before call_gone() */
    }
    *ret = NULL;
    return COCOS_OK;
}

int cocos__rpc_recv_pb(cocos__rpc_call *call,
                       const ProtobufCMessageDescriptor *type,
                       ProtobufCMessage **ret,
                       cocos_error **err)
{
    cocos__rpc_msg *m = NULL;
    ProtobufCMessage *pb = NULL;
    int r = cocos__rpc_recv(call, &m, err);

    if (r == COCOS_OK && m) {
        cocos__span s = cocos__rpc_msg_bytes(m);
        pb = cocos__pb_unpack(type, s, COCOS__PB_MEMORY(s.len));
        if (!pb)
            r = cocos__fail(err, COCOS_ERR_MALFORMED, "rpc.message", "a message is no valid %s",
                            type->name);
    }
    cocos__rpc_msg_free(m);
    if (r == COCOS_OK)
        *ret = pb;
    return r;
}

/* ---- Sending ---- */

/* The send did not pass: on a client the server has ended the call, and its status says why. */
static int fail_send(cocos__rpc_call *c, cocos_error **err)
{
    if (!c->is_client)
        return fail_gone(err);

    pthread_mutex_lock(&c->lock);
    int receiving = c->slots[COCOS__RPC_RECV].busy;
    pthread_mutex_unlock(&c->lock);
    int r = receiving ? COCOS_OK : cocos__rpc_finish(c, err);
    return r < 0 ? r
                 : cocos__fail(err, COCOS_ERR_STATE, "rpc.ended",
                               "the server ended the call before it had everything");
}

int cocos__rpc_send_buffer(cocos__rpc_call *c, grpc_byte_buffer *take, int last, cocos_error **err)
{
    grpc_op ops[3];
    size_t n = 0;

    if (!take)
        return cocos__fail_memory(err);
    memset(ops, 0, sizeof ops);
    if (!c->is_client && !c->initial_sent) {
        ops[n].op = GRPC_OP_SEND_INITIAL_METADATA;
        ops[n].data.send_initial_metadata.metadata = c->initial_out.list;
        ops[n++].data.send_initial_metadata.count = c->initial_out.n;
        c->initial_sent = 1;
    }
    ops[n].op = GRPC_OP_SEND_MESSAGE;
    ops[n++].data.send_message.send_message = take;
    if (last) {
        ops[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
        c->half_closed = 1;
    }
    int ok = cocos__rpc_slot_start(c, COCOS__RPC_SEND, ops, n) &&
             cocos__rpc_slot_wait(c, COCOS__RPC_SEND);
    grpc_byte_buffer_destroy(take);
    return ok ? COCOS_OK : fail_send(c, err);
}

int cocos__rpc_send(cocos__rpc_call *call, const void *data, size_t len, cocos_error **err)
{
    return cocos__rpc_send_buffer(call, cocos__rpc_buffer_copy(data, len), 0, err);
}

int cocos__rpc_send_pb(cocos__rpc_call *call, const ProtobufCMessage *msg, cocos_error **err)
{
    return cocos__rpc_send_buffer(call, cocos__rpc_buffer_pack(msg), 0, err);
}

int cocos__rpc_send_parts(cocos__rpc_call *call,
                          const void *head,
                          size_t head_len,
                          uint8_t *body_take,
                          size_t body_len,
                          void (*free_fn)(void *user),
                          void *user,
                          cocos_error **err)
{
    grpc_slice parts[2] = {grpc_slice_from_copied_buffer(head, head_len),
                           grpc_slice_new_with_user_data(body_take, body_len, free_fn, user)};
    grpc_byte_buffer *b = grpc_raw_byte_buffer_create(parts, 2);

    grpc_slice_unref(parts[0]);
    grpc_slice_unref(parts[1]);
    return cocos__rpc_send_buffer(call, b, 0, err);
}

/* ---- Metadata and identity ---- */

static size_t count_in(const grpc_metadata_array *a, const char *key, const grpc_slice **value)
{
    size_t n = 0;

    for (size_t i = 0; i < a->count; i++) {
        if (grpc_slice_str_cmp(a->metadata[i].key, key) != 0)
            continue;
        if (n++ == 0)
            *value = &a->metadata[i].value;
    }
    return n;
}

/* What has arrived only: the arrays belong to gRPC until their operations are done. */
static size_t find(const cocos__rpc_call *call, const char *key, const grpc_slice **value)
{
    cocos__rpc_call *c = (cocos__rpc_call *)call;
    COCOS__LOCKED(&c->lock);
    size_t n = 0;

    if (!c->is_client || c->slots[COCOS__RPC_START].done)
        n += count_in(&c->initial, key, value);
    if (c->is_client && c->slots[COCOS__RPC_CLOSE].done) {
        const grpc_slice *second = NULL;
        n += count_in(&c->trailing, key, &second);
        if (!*value)
            *value = second;
    }
    return n;
}

const uint8_t *cocos__rpc_metadata(const cocos__rpc_call *call, const char *key, size_t *len)
{
    const grpc_slice *value = NULL;

    if (find(call, key, &value) == 0)
        return NULL;
    if (len)
        *len = GRPC_SLICE_LENGTH(*value);
    return GRPC_SLICE_START_PTR(*value);
}

size_t cocos__rpc_metadata_count(const cocos__rpc_call *call, const char *key)
{
    const grpc_slice *value = NULL;

    return find(call, key, &value);
}

int cocos__rpc_meta_add(cocos__rpc_meta_out *m, const char *key, const void *value, size_t len)
{
    grpc_metadata *list = realloc(m->list, (m->n + 1) * sizeof *list);

    if (!list)
        return 0;
    m->list = list;
    memset(&list[m->n], 0, sizeof list[m->n]);
    list[m->n].key = grpc_slice_from_copied_string(key);
    list[m->n].value = grpc_slice_from_copied_buffer(value, len);
    m->n++;
    return 1;
}

void cocos__rpc_add_trailer(cocos__rpc_call *call, const char *key, const void *value, size_t len)
{
    (void)cocos__rpc_meta_add(&call->trailing_out, key, value, len);
}

void cocos__rpc_add_initial(cocos__rpc_call *call, const char *key, const void *value, size_t len)
{
    (void)cocos__rpc_meta_add(&call->initial_out, key, value, len);
}

const cocos__conn *cocos__rpc_conn(const cocos__rpc_call *call)
{
    return call->conn;
}

const char *cocos__rpc_method_path(const cocos__rpc_call *call)
{
    return call->path;
}

void cocos__rpc_cancel(cocos__rpc_call *call)
{
    atomic_store(&call->cancelled, 1);
    grpc_call_cancel(call->call, NULL);
}

/* ---- Server ---- */

void cocos__rpc_interrupt(cocos__rpc_call *call)
{
    COCOS__LOCKED(&call->lock);

    call->interrupted = 1;
    pthread_cond_signal(&call->slots[COCOS__RPC_RECV].cond);
}

void cocos__rpc_kill_conn(const cocos__rpc_call *call)
{
    cocos__conn_kill(call->conn);
}

void cocos__rpc_watch_close(cocos__rpc_call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                  .data.recv_close_on_server.cancelled = &c->close_cancelled};

    (void)cocos__rpc_slot_start(c, COCOS__RPC_CLOSE, &op, 1);
}

int cocos__rpc_finish_start(cocos__rpc_call *c, int status, const cocos_error *e)
{
    char text[TEXT_MAX];
    grpc_op ops[2];
    size_t n = 0;

    memset(ops, 0, sizeof ops);
    if (!c->initial_sent) {
        ops[n].op = GRPC_OP_SEND_INITIAL_METADATA;
        ops[n].data.send_initial_metadata.metadata = c->initial_out.list;
        ops[n++].data.send_initial_metadata.count = c->initial_out.n;
        c->initial_sent = 1;
    }
    ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[n].data.send_status_from_server.status = cocos__rpc_status_to_grpc(status);
    if (status < 0) {
        const char *code = cocos_error_code(e);
        snprintf(text, sizeof text, "%s", cocos_error_message(e));
        c->details = grpc_slice_from_copied_string(text);
        ops[n].data.send_status_from_server.status_details = &c->details;
        cocos__rpc_add_trailer(c, COCOS__RPC_TRAILER, code, strlen(code));
    }
    ops[n].data.send_status_from_server.trailing_metadata = c->trailing_out.list;
    ops[n++].data.send_status_from_server.trailing_metadata_count = c->trailing_out.n;
    return cocos__rpc_slot_start(c, COCOS__RPC_FINISH, ops, n);
}

int cocos__rpc_call_gone(const cocos__rpc_call *call)
{
    return atomic_load(&call->gone);
}

void cocos__rpc_on_gone(cocos__rpc_call *call, void (*fn)(void *user), void *user)
{
    COCOS__LOCKED(&call->gone_lock);

    if (fn && cocos__rpc_call_gone(call)) {
        fn(user);
        fn = NULL;
    }
    call->gone_fn = fn;
    call->gone_user = user;
}
