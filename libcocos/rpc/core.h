/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_RPC_CORE_H
#define COCOS_RPC_CORE_H

/* gRPC core as this module uses it: start and stop, one completion queue with its thread, statuses.
 */

#include <pthread.h>
#include <stdatomic.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>

#include "rpc/rpc.h"

#define COCOS__RPC_MAX_MESSAGE  ((size_t)4 << 20)
#define COCOS__RPC_MAX_METADATA ((size_t)64 << 10)
/* Of a block on the wire, above the limit of gRPC, which answers where it can. */
#define COCOS__RPC_HEADERS_SPARE ((size_t)64 << 10)
#define COCOS__RPC_TRAILER      "cocos-error"

/* Every user of gRPC core calls both, in pairs. */
void cocos__rpc_core_init(void);
void cocos__rpc_core_done(void);

/*
 * What a completion queue hands back. done() runs in the queue's thread and must not block.
 * The address is the tag.
 */
typedef struct cocos__rpc_op {
    void (*done)(struct cocos__rpc_op *op, int success);
    void *user;
} cocos__rpc_op;

typedef struct cocos__rpc_queue {
    grpc_completion_queue *cq;
    pthread_t thread;
} cocos__rpc_queue;

int cocos__rpc_queue_start(cocos__rpc_queue *q, const char *name, cocos_error **err);
/* Ends the thread once every tag has come back. */
void cocos__rpc_queue_stop(cocos__rpc_queue *q);

/* grpc_call_start_batch and grpc_server_request_call with what the thread sanitizer must know. */
grpc_call_error cocos__rpc_batch(grpc_call *call, const grpc_op *ops, size_t n, cocos__rpc_op *op);
grpc_call_error cocos__rpc_request(grpc_server *server,
                                   grpc_call **call,
                                   grpc_call_details *details,
                                   grpc_metadata_array *meta,
                                   cocos__rpc_queue *q,
                                   cocos__rpc_op *op);
void cocos__rpc_tag_release(cocos__rpc_op *op);

gpr_timespec cocos__rpc_deadline(int64_t deadline_ns);

/* doc/errors.md, both directions. */
grpc_status_code cocos__rpc_status_to_grpc(int status);
int cocos__rpc_status_from_grpc(grpc_status_code code);

#endif
