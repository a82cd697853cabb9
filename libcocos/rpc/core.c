/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/core.h"

#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

/*
 * A tag is handed over through the queue, whose happens-before lies in uninstrumented code; without
 * these the thread sanitizer reports every hand-over.
 */
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define TAG_RELEASE(p) __tsan_release(p)
#define TAG_ACQUIRE(p) __tsan_acquire(p)
#else
#define TAG_RELEASE(p) ((void)(p))
#define TAG_ACQUIRE(p) ((void)(p))
#endif

/* A library does not print: what gRPC core has to say goes to the log callback, if there is one. */
static void log_to_callback(gpr_log_func_args *args)
{
    cocos__log(COCOS_LOG_DEBUG, "grpc", "%s", args->message);
}

/*
 * The first reference is never given back: the last grpc_shutdown() joins a thread that may sit in a
 * poll of ten seconds (its backup poller), so that closing a lost connection would wait that long.
 */
static void start_once(void)
{
    gpr_set_log_function(log_to_callback);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
    grpc_init();
}

void cocos__rpc_core_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, start_once);
    grpc_init();
}

void cocos__rpc_core_done(void)
{
    grpc_shutdown();
}

static void *queue_thread(void *user)
{
    cocos__rpc_queue *q = user;

    for (;;) {
        grpc_event e = grpc_completion_queue_next(q->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (e.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (e.type != GRPC_OP_COMPLETE)
            continue;
        cocos__rpc_op *op = e.tag;
        TAG_ACQUIRE(op);
        op->done(op, e.success);
    }
}

int cocos__rpc_queue_start(cocos__rpc_queue *q, const char *name, cocos_error **err)
{
    q->cq = grpc_completion_queue_create_for_next(NULL);
    int r = cocos__thread_start(&q->thread, name, queue_thread, q, err);
    if (r < 0) {
        grpc_completion_queue_shutdown(q->cq);
        grpc_completion_queue_destroy(q->cq);
        q->cq = NULL;
    }
    return r;
}

void cocos__rpc_queue_stop(cocos__rpc_queue *q)
{
    if (!q->cq)
        return;
    grpc_completion_queue_shutdown(q->cq);
    pthread_join(q->thread, NULL);
    grpc_completion_queue_destroy(q->cq);
    q->cq = NULL;
}

void cocos__rpc_tag_release(cocos__rpc_op *op)
{
    TAG_RELEASE(op);
}

grpc_call_error cocos__rpc_batch(grpc_call *call, const grpc_op *ops, size_t n, cocos__rpc_op *op)
{
    TAG_RELEASE(op);
    return grpc_call_start_batch(call, ops, n, op, NULL);
}

grpc_call_error cocos__rpc_request(grpc_server *server,
                                   grpc_call **call,
                                   grpc_call_details *details,
                                   grpc_metadata_array *meta,
                                   cocos__rpc_queue *q,
                                   cocos__rpc_op *op)
{
    TAG_RELEASE(op);
    return grpc_server_request_call(server, call, details, meta, q->cq, q->cq, op);
}

gpr_timespec cocos__rpc_deadline(int64_t deadline_ns)
{
    gpr_timespec t = {deadline_ns / COCOS__NS_PER_S, (int32_t)(deadline_ns % COCOS__NS_PER_S),
                      GPR_CLOCK_MONOTONIC};

    return deadline_ns ? t : gpr_inf_future(GPR_CLOCK_MONOTONIC);
}
