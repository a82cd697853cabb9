/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stream.h"

#include <string.h>

#include "agent/retry.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"

#define PATH       "/cvms.Service/Process"
#define CONNECT_NS (10 * COCOS__NS_PER_S)
#define RECEIVE_MAX                                                                                \
    (8u * 1024 *                                                                                   \
     1024) /* a run request may come whole (protocol.md 3.3): 4 MiB and its old fields */
#define SEND_MAX ((3u << 20) + 4096) /* evidence; run_res has up to 64 KiB of text */

struct cocos__stream {
    cocos__stream_options o;
    cocos_cancel *cancel; /* ends connecting and the call at stop */
    pthread_t receiver;
    pthread_t sender;
    int receiver_started;
    int sender_started;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    cocos__rpc_call *call; /* while connected */
    int sending;           /* the sender uses `call` */
    int stopping;
    unsigned wakes;
    int64_t not_before_ns; /* of the next connection */
};

/* ---- Sending ---- */

/* Waits until there may be something to do. The call to send on, marked as used, or NULL. 0 at the
 * end. */
static int
wait_for_work(cocos__stream *st, unsigned *seen, int64_t again_ns, cocos__rpc_call **call)
{
    COCOS__LOCKED(&st->lock);

    while (!st->stopping && st->wakes == *seen) {
        if (again_ns == 0) {
            pthread_cond_wait(&st->changed, &st->lock);
        } else {
            struct timespec t = cocos__deadline_timespec(again_ns);
            if (pthread_cond_timedwait(&st->changed, &st->lock, &t) != 0)
                break;
        }
    }
    *seen = st->wakes;
    *call = st->call;
    st->sending = st->call != NULL;
    return !st->stopping;
}

static void send_done(cocos__stream *st)
{
    COCOS__LOCKED(&st->lock);
    st->sending = 0;
    pthread_cond_broadcast(&st->changed);
}

static void send_all(cocos__stream *st, cocos__rpc_call *call)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    uint64_t number = 0;

    cocos__buf_init(&b, SEND_MAX);
    while (st->o.peek(st->o.user, &b, &number)) {
        if (cocos__rpc_send(call, b.data, b.len, NULL) < 0)
            return; /* the receiver sees the loss too */
        st->o.sent(st->o.user, number);
        cocos__buf_reset(&b);
    }
}

static void *send_loop(void *user)
{
    cocos__stream *st = user;
    cocos__rpc_call *call = NULL;
    unsigned seen = 0;
    int64_t again = 0;

    while (wait_for_work(st, &seen, again, &call)) {
        again = st->o.tick ? st->o.tick(st->o.user) : 0;
        if (call)
            send_all(st, call);
        send_done(st);
    }
    send_done(st);
    return NULL;
}

/* ---- Connecting and receiving ---- */

static int open_channel(const cocos__stream *st, cocos__rpc_channel **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *tls = NULL;
    int r = st->o.tls(st->o.user, &tls, err);
    if (r < 0)
        return r;

    cocos__rpc_channel_options o = {.target = st->o.target,
                                    .tls = tls,
                                    .max_message = RECEIVE_MAX,
                                    .deadline_ns = cocos_deadline_in(CONNECT_NS),
                                    .cancel = st->cancel};
    return cocos__rpc_channel_open(&o, ret, err);
}

static int start_call(const cocos__stream *st,
                      cocos__rpc_channel *ch,
                      cocos__rpc_call **ret,
                      cocos_error **err)
{
    cocos__rpc_meta meta[2];
    size_t n = 0;

    if (*st->o.job_id)
        meta[n++] = (cocos__rpc_meta){"job-id", st->o.job_id, strlen(st->o.job_id)};
    /* Also without a job id: a server could not tell the two streams apart otherwise. */
    if (st->o.connection_type)
        meta[n++] = (cocos__rpc_meta){"connection-type", st->o.connection_type,
                                      strlen(st->o.connection_type)};
    return cocos__rpc_call_start(ch, PATH, meta, n, 0, st->cancel, ret, err);
}

static void publish(cocos__stream *st, cocos__rpc_call *call)
{
    COCOS__LOCKED(&st->lock);

    st->call = call;
    st->wakes++;
    if (st->not_before_ns != 0) /* a disconnect was asked for while this connection was made */
        cocos__rpc_cancel(call);
    pthread_cond_broadcast(&st->changed);
}

/* The sender may be waiting for flow control on the call: it is cancelled, then left alone. */
static void retract(cocos__stream *st, cocos__rpc_call *call)
{
    cocos__rpc_cancel(call);

    COCOS__LOCKED(&st->lock);
    st->call = NULL;
    while (st->sending)
        pthread_cond_wait(&st->changed, &st->lock);
}

static int receive_all(const cocos__stream *st, cocos__rpc_call *call, cocos_error **err)
{
    for (;;) {
        COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *msg = NULL;
        int r = cocos__rpc_recv(call, &msg, err);
        if (r < 0 || !msg)
            return r;
        st->o.on_message(st->o.user, cocos__rpc_msg_bytes(msg));
    }
}

/* One connection from beginning to end. *lived_ns: how long it stood. */
static int connect_once(cocos__stream *st, int64_t *lived_ns, cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_channel_closep) cocos__rpc_channel *ch = NULL;
    cocos__rpc_call *call = NULL;
    int64_t begin = cocos__clock_mono_ns();

    int r = open_channel(st, &ch, err);
    if (r == COCOS_OK)
        r = start_call(st, ch, &call, err);
    if (r < 0)
        return r;
    st->o.on_up(st->o.user);
    publish(st, call);
    r = receive_all(st, call, err);
    retract(st, call);
    if (r == COCOS_OK)
        r = cocos__rpc_finish(call, err);
    cocos__rpc_call_free(call);
    *lived_ns = cocos__clock_mono_ns() - begin;
    return r;
}

static int wait_until(cocos__stream *st, int64_t deadline_ns)
{
    COCOS__LOCKED(&st->lock);

    while (!st->stopping) {
        if (st->not_before_ns > deadline_ns)
            deadline_ns = st->not_before_ns;
        if (cocos__clock_mono_ns() >= deadline_ns)
            break;
        struct timespec t = cocos__deadline_timespec(deadline_ns);
        pthread_cond_timedwait(&st->changed, &st->lock, &t);
    }
    st->not_before_ns = 0;
    return !st->stopping;
}

static void *receive_loop(void *user)
{
    cocos__stream *st = user;
    cocos__retry retry = {0};
    int64_t wait_ns;

    do {
        cocos_error *err = NULL;
        int64_t lived_ns = 0;
        uint64_t random;
        int r = connect_once(st, &lived_ns, &err);

        cocos__random(&random, sizeof random);
        wait_ns = cocos__retry_delay(&retry, lived_ns, random);
        if (!cocos_cancel_triggered(st->cancel))
            cocos__log_fields(COCOS_LOG_INFO, "agent",
                              "no connection to the computation-management server", "stream",
                              st->o.name, "code", r < 0 ? cocos_error_code(err) : "end", NULL);
        cocos_error_free(err);
    } while (wait_until(st, cocos_deadline_in(wait_ns)));
    return NULL;
}

/* ---- The object ---- */

int cocos__stream_start(const cocos__stream_options *o, cocos__stream **ret, cocos_error **err)
{
    cocos__stream *st = calloc(1, sizeof *st);

    if (!st)
        return cocos__fail_memory(err);
    st->o = *o;
    pthread_mutex_init(&st->lock, NULL);
    cocos__cond_init(&st->changed);
    st->cancel = cocos_cancel_new();
    *ret = st; /* the callbacks may use it from their first moment */
    int r = st->cancel ? COCOS_OK : cocos__fail_memory(err);
    if (r == COCOS_OK) {
        r = cocos__thread_start(&st->sender, "cocos-cvms-tx", send_loop, st, err);
        st->sender_started = r == COCOS_OK;
    }
    if (r == COCOS_OK) {
        r = cocos__thread_start(&st->receiver, "cocos-cvms-rx", receive_loop, st, err);
        st->receiver_started = r == COCOS_OK;
    }
    if (r < 0) {
        cocos__stream_stop(st);
        *ret = NULL;
    }
    return r;
}

void cocos__stream_wake(cocos__stream *st)
{
    COCOS__LOCKED(&st->lock);
    st->wakes++;
    pthread_cond_broadcast(&st->changed);
}

void cocos__stream_disconnect(cocos__stream *st, int64_t delay_ns)
{
    COCOS__LOCKED(&st->lock);

    st->not_before_ns = cocos_deadline_in(delay_ns);
    if (st->call)
        cocos__rpc_cancel(st->call);
    pthread_cond_broadcast(&st->changed);
}

static void end(cocos__stream *st)
{
    COCOS__LOCKED(&st->lock);
    st->stopping = 1;
    pthread_cond_broadcast(&st->changed);
}

void cocos__stream_stop(cocos__stream *st)
{
    if (!st)
        return;
    end(st);
    if (st->cancel)
        cocos_cancel_trigger(st->cancel);
    if (st->receiver_started)
        pthread_join(st->receiver, NULL);
    if (st->sender_started)
        pthread_join(st->sender, NULL);
    cocos_cancel_free(st->cancel);
    pthread_cond_destroy(&st->changed);
    pthread_mutex_destroy(&st->lock);
    free(st);
}
