/* SPDX-License-Identifier: Apache-2.0 */
/* The server's life, and the way of a call from gRPC to a handler's thread. */
#include "rpc/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define IDLE_NS   (10 * COCOS__NS_PER_S)   /* a handler's thread without work ends after that */
#define GOAWAY_NS (250 * COCOS__NS_PER_MS) /* for clients without calls to leave by themselves */

static const struct {
    const char *path;
    cocos__rpc_handler fn;
    int reflection; /* the others are about health, which is for everybody */
} own_methods[] = {
    {"/grpc.health.v1.Health/Check", cocos__rpc_health_check, 0},
    {"/grpc.health.v1.Health/Watch", cocos__rpc_health_watch, 0},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", cocos__rpc_reflect, 1},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", cocos__rpc_reflect, 1},
};

/* ---- Handlers' threads ---- */

static void call_released(void *owner)
{
    cocos__rpc_server *s = owner;
    COCOS__LOCKED(&s->lock);

    s->memory_calls--;
    pthread_cond_broadcast(&s->changed);
}

static int is_own(const cocos__rpc_server *s, const cocos__rpc_method *m)
{
    return m >= s->methods + s->o.n_methods;
}

static void serve(cocos__rpc_server *s, cocos__rpc_call *c, const cocos__rpc_method *m)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    int r = m->fn(c, is_own(s, m) ? s : s->o.user, &err);

    cocos__rpc_on_gone(c, NULL, NULL);
    if (r < 0)
        cocos__log(COCOS_LOG_DEBUG, "rpc", "%s ended: %s (%s)", c->path, cocos_error_message(err),
                   cocos_error_code(err));
    if (cocos__rpc_finish_start(c, r, err))
        (void)cocos__rpc_slot_wait(c, COCOS__RPC_FINISH);
    if (c->direct_only)
        cocos__rpc_link_leave(s, c->conn);
    pthread_mutex_lock(&s->lock);
    s->calls--;
    cocos__rpc_stranger_remove(s, c);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    cocos__rpc_call_drop(c);
}

/* The next job, or NULL when there was none for a while. Lock held. */
static cocos__rpc_job *next_job(cocos__rpc_server *s)
{
    struct timespec until = cocos__deadline_timespec(cocos__clock_mono_ns() + IDLE_NS);
    int timed_out = 0;

    s->idle++;
    while (!s->jobs_first && !s->quit && !timed_out)
        timed_out = pthread_cond_timedwait(&s->work, &s->lock, &until) != 0;
    s->idle--;
    cocos__rpc_job *job = s->jobs_first;
    if (job) {
        s->jobs_first = job->next;
        if (!s->jobs_first)
            s->jobs_last = NULL;
    }
    return job;
}

static void *handler_thread(void *user)
{
    cocos__rpc_server *s = user;

    pthread_mutex_lock(&s->lock);
    for (cocos__rpc_job *job; (job = next_job(s));) {
        pthread_mutex_unlock(&s->lock);
        serve(s, job->call, job->method);
        free(job);
        pthread_mutex_lock(&s->lock);
    }
    s->threads--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static size_t waiting_jobs(const cocos__rpc_server *s)
{
    size_t n = 0;

    for (const cocos__rpc_job *j = s->jobs_first; j; j = j->next)
        n++;
    return n;
}

/* Lock held. */
static int enqueue(cocos__rpc_server *s, cocos__rpc_job *job, cocos_error **err)
{
    pthread_t t;

    if (s->idle <= waiting_jobs(s)) {
        int r = cocos__thread_start(&t, "cocos-call", handler_thread, s, err);
        if (r < 0)
            return r;
        pthread_detach(t);
        s->threads++;
    }
    job->next = NULL;
    if (s->jobs_last)
        s->jobs_last->next = job;
    else
        s->jobs_first = job;
    s->jobs_last = job;
    pthread_cond_signal(&s->work);
    return COCOS_OK;
}

/* ---- Arrival of calls, in the queue's thread: nothing here may block ---- */

struct request {
    cocos__rpc_op op;
    cocos__rpc_server *server;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array meta;
};

static const cocos__rpc_method *find_method(const cocos__rpc_server *s, const char *path)
{
    for (size_t i = 0; i < s->n_methods; i++) {
        if (strcmp(s->methods[i].path, path) == 0)
            return &s->methods[i];
    }
    return NULL;
}

/* Whether the call may run, and then in which thread. *victim is the one that has to end for it. */
static int admit(cocos__rpc_server *s,
                 cocos__rpc_call *c,
                 const cocos__rpc_method *m,
                 cocos__rpc_call **victim,
                 cocos_error **err)
{
    if (c->direct_only && (!m || !m->direct))
        return cocos__fail(err, COCOS_ERR_STATE, "rpc.attested",
                           "this server takes that call on an attested connection only");
    if (!m || !m->fn)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "rpc.unimplemented", "%s",
                           m && m->why ? m->why : "this server does not serve that method");

    cocos__rpc_job *job = calloc(1, sizeof *job);
    if (!job)
        return cocos__fail_memory(err);
    job->call = c;
    job->method = m;

    COCOS__LOCKED(&s->lock);
    int r = COCOS_OK;
    if (s->stopping)
        r = cocos__fail(err, COCOS_ERR_BUSY, "rpc.stopping", "the server is being stopped");
    else if (s->calls >= s->o.max_calls)
        r = cocos__fail(err, COCOS_ERR_EXHAUSTED, "rpc.calls", "the server runs %zu calls already",
                        s->calls);
    else
        r = enqueue(s, job, err);
    if (r < 0) {
        free(job);
        return r;
    }
    s->calls++;
    *victim = cocos__rpc_stranger_add(s, c);
    return r;
}

static void oust(cocos__rpc_call *victim)
{
    if (!victim)
        return;
    cocos__rpc_cancel(victim);
    cocos__rpc_call_drop(victim);
}

static void refuse(cocos__rpc_server *s, cocos__rpc_call *c, int status, const cocos_error *e)
{
    (void)cocos__rpc_finish_start(c, status, e);
    if (c->direct_only)
        cocos__rpc_link_leave(s, c->conn);
    cocos__rpc_call_drop(c);
}

static void receive(cocos__rpc_server *s, struct request *rq)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    int direct_only = 0;
    COCOS__CLEANUP(cocos__conn_unrefp)
    cocos__conn *conn = cocos__rpc_link_find(s, rq->call, &direct_only);
    char path[256] = "";
    cocos__rpc_call *c = NULL;

    if (GRPC_SLICE_LENGTH(rq->details.method) < sizeof path)
        memcpy(path, GRPC_SLICE_START_PTR(rq->details.method),
               GRPC_SLICE_LENGTH(rq->details.method));
    const cocos__rpc_method *m = find_method(s, path);
    size_t max = m && m->max_message ? m->max_message : 65536;

    if (cocos__rpc_call_new(COCOS__STEAL(rq->call), path, conn, max, &c, &err) < 0)
        return;
    c->initial = rq->meta; /* the memory moves to the call */
    grpc_metadata_array_init(&rq->meta);
    c->owner = s;
    c->direct_only = direct_only;
    c->released = call_released;
    pthread_mutex_lock(&s->lock);
    s->memory_calls++;
    pthread_mutex_unlock(&s->lock);
    cocos__rpc_watch_close(c);

    /* Without its connection nobody could say who calls. */
    cocos__rpc_call *victim = NULL;
    int r = conn ? admit(s, c, m, &victim, &err)
                 : cocos__fail(&err, COCOS_ERR_IO, "rpc.gone", "the connection is gone");
    if (r < 0)
        refuse(s, c, r, err);
    oust(victim);
}

static void request_clear(struct request *rq)
{
    grpc_call_details_destroy(&rq->details);
    grpc_metadata_array_destroy(&rq->meta);
}

/* One request serves all calls, one after the other, so that no lack of memory can end the server.
 */
static void request_next(struct request *rq)
{
    cocos__rpc_server *s = rq->server;

    rq->call = NULL;
    grpc_call_details_init(&rq->details);
    grpc_metadata_array_init(&rq->meta);
    if (cocos__rpc_request(s->server, &rq->call, &rq->details, &rq->meta, &s->queue, &rq->op) ==
        GRPC_CALL_OK)
        return;
    request_clear(rq);
    free(rq);
}

static void request_done(cocos__rpc_op *op, int success)
{
    struct request *rq = op->user;

    if (success)
        receive(rq->server, rq);
    request_clear(rq);
    if (success)
        request_next(rq);
    else
        free(rq); /* the server is shutting down */
}

/* ---- Making ---- */

static void set_defaults(cocos__rpc_server_options *o)
{
    o->max_metadata = o->max_metadata ? o->max_metadata : COCOS__RPC_MAX_METADATA;
    o->max_calls = o->max_calls ? o->max_calls : 256;
    o->max_calls_per_conn = o->max_calls_per_conn ? o->max_calls_per_conn : 64;
    o->max_connections = o->max_connections ? o->max_connections : 1024;
    o->handshake_ns = o->handshake_ns ? o->handshake_ns : 20 * COCOS__NS_PER_S;
    o->idle_ns = o->idle_ns ? o->idle_ns : 300 * COCOS__NS_PER_S;
}

static int add_methods(cocos__rpc_server *s, cocos_error **err)
{
    const cocos__rpc_server_options *o = &s->o;

    s->methods = calloc(o->n_methods + COCOS__ARRAY_LEN(own_methods), sizeof *s->methods);
    if (!s->methods)
        return cocos__fail_memory(err);
    if (o->n_methods)
        memcpy(s->methods, o->methods, o->n_methods * sizeof *s->methods);
    s->n_methods = o->n_methods;
    for (size_t i = 0; i < COCOS__ARRAY_LEN(own_methods); i++) {
        if (!own_methods[i].reflection || o->reflection)
            s->methods[s->n_methods++] = (cocos__rpc_method){.path = own_methods[i].path,
                                                             .fn = own_methods[i].fn,
                                                             .direct = !own_methods[i].reflection};
    }
    return COCOS_OK;
}

/* gRPC refuses what is larger than any method takes; the exact limit of a method is ours to hold.
 */
static int largest_message(const cocos__rpc_server *s)
{
    size_t max = 65536;

    for (size_t i = 0; i < s->n_methods; i++)
        max = s->methods[i].max_message > max ? s->methods[i].max_message : max;
    return (int)(max + 65536);
}

static int start_core(cocos__rpc_server *s, cocos_error **err)
{
    const cocos__rpc_server_options *o = &s->o;
    grpc_arg args[] = {
        {GRPC_ARG_INTEGER, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, {.integer = largest_message(s)}},
        {GRPC_ARG_INTEGER, GRPC_ARG_MAX_METADATA_SIZE, {.integer = (int)o->max_metadata}},
        {GRPC_ARG_INTEGER,
         GRPC_ARG_MAX_CONCURRENT_STREAMS,
         {.integer = (int)o->max_calls_per_conn}},
        {GRPC_ARG_INTEGER,
         GRPC_ARG_MAX_CONNECTION_IDLE_MS,
         {.integer = (int)(o->idle_ns / COCOS__NS_PER_MS)}},
        {GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, {.integer = 0}},
        {GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, {.integer = 0}},
        {GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_CHANNELZ, {.integer = 0}},
    };
    grpc_channel_args all = {COCOS__ARRAY_LEN(args), args};

    struct request *rq = calloc(1, sizeof *rq);
    if (!rq)
        return cocos__fail_memory(err);
    int r = cocos__rpc_queue_start(&s->queue, "cocos-server", err);
    if (r < 0) {
        free(rq);
        return r;
    }
    s->server = grpc_server_create(&all, NULL);
    grpc_server_register_completion_queue(s->server, s->queue.cq, NULL);
    grpc_server_start(s->server);
    rq->op = (cocos__rpc_op){.done = request_done, .user = rq};
    rq->server = s;
    request_next(rq);
    return COCOS_OK;
}

int cocos__rpc_server_new(const cocos__rpc_server_options *o,
                          cocos__rpc_server **ret,
                          cocos_error **err)
{
    cocos__rpc_server *s = calloc(1, sizeof *s);
    if (!s)
        return cocos__fail_memory(err);

    cocos__rpc_core_init();
    s->o = *o;
    set_defaults(&s->o);
    if (o->attest) {
        s->attest = *o->attest;
        s->o.attest = &s->attest;
    }
    s->epoll = s->wake = -1;
    pthread_mutex_init(&s->lock, NULL);
    cocos__cond_init(&s->changed);
    cocos__cond_init(&s->work);
    int r = add_methods(s, err);
    if (r == COCOS_OK)
        r = start_core(s, err);
    if (r == COCOS_OK)
        r = cocos__rpc_accept_start(s, err);
    if (r < 0) {
        cocos__rpc_server_free(s);
        return r;
    }
    *ret = s;
    return COCOS_OK;
}

/* ---- Ending ---- */

static void shutdown_done(cocos__rpc_op *op, int success)
{
    cocos__rpc_server *s = op->user;
    COCOS__LOCKED(&s->lock);

    (void)success;
    s->shut_down = 1;
    pthread_cond_broadcast(&s->changed);
}

/* Returns whether the condition came true in time. Lock held. */
static int wait_changed(cocos__rpc_server *s, int64_t deadline_ns)
{
    if (!deadline_ns)
        return pthread_cond_wait(&s->changed, &s->lock) == 0;
    struct timespec until = cocos__deadline_timespec(deadline_ns);
    return pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0;
}

static void begin_shutdown(cocos__rpc_server *s)
{
    s->shutdown_op = (cocos__rpc_op){.done = shutdown_done, .user = s};
    cocos__rpc_accept_wake(s);
    cocos__rpc_links_kill(s, 1);
    cocos__rpc_tag_release(&s->shutdown_op);
    grpc_server_shutdown_and_notify(s->server, s->queue.cq, &s->shutdown_op);
}

void cocos__rpc_server_shutdown(cocos__rpc_server *s, int64_t deadline_ns)
{
    pthread_mutex_lock(&s->lock);
    int begun = s->shutdown_begun;
    s->stopping = s->shutdown_begun = 1;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (!s->server)
        return;
    if (!begun)
        begin_shutdown(s);

    pthread_mutex_lock(&s->lock);
    while (s->calls > 0 && !s->shut_down && wait_changed(s, deadline_ns))
        ;
    int64_t grace = cocos__deadline_min(deadline_ns, cocos__clock_mono_ns() + GOAWAY_NS);
    while (!s->shut_down && wait_changed(s, grace))
        ;
    int left = !s->shut_down;
    pthread_mutex_unlock(&s->lock);
    if (left)
        grpc_server_cancel_all_calls(s->server);
}

/* Every tag, handler and connection is gone. */
static void wait_for_all(cocos__rpc_server *s)
{
    int64_t patience = cocos__clock_mono_ns() + COCOS__NS_PER_S;

    pthread_mutex_lock(&s->lock);
    s->quit = 1;
    pthread_cond_broadcast(&s->work);
    while (!s->shut_down || s->calls > 0 || s->memory_calls > 0 || s->threads > 0)
        (void)wait_changed(s, 0);
    while (s->n_links > 0 && wait_changed(s, patience))
        ;
    pthread_mutex_unlock(&s->lock);
    cocos__rpc_links_kill(s, 0); /* peers that do not read what was sent last */
    pthread_mutex_lock(&s->lock);
    while (s->n_links > 0)
        (void)wait_changed(s, 0);
    pthread_mutex_unlock(&s->lock);
}

void cocos__rpc_server_free(cocos__rpc_server *s)
{
    if (!s)
        return;
    if (s->server) {
        cocos__rpc_server_shutdown(s, cocos__clock_mono_ns());
        wait_for_all(s);
    }
    cocos__rpc_accept_stop(s);
    if (s->server)
        grpc_server_destroy(s->server);
    cocos__rpc_queue_stop(&s->queue);
    cocos__rpc_core_done();
    pthread_cond_destroy(&s->changed);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s->methods);
    free(s);
}
