/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_STREAM_H
#define COCOS_AGENT_STREAM_H

/*
 * One stream `cvms.Service/Process` that is kept up: connects, reconnects with growing delays,
 * hands what arrives to its owner and sends what its owner has. Nothing of it ever blocks its
 * owner.
 */

#include "base/bytes.h"
#include "base/error.h"
#include "rpc/rpc.h"
#include "transport/tls.h"

typedef struct cocos__stream cocos__stream;

typedef struct cocos__stream_options {
    const char *name;            /* for the log; static */
    const char *target;          /* "host:port"; borrowed for the stream's life, as is the rest */
    const char *job_id;          /* metadata job-id, "" for none */
    const char *connection_type; /* metadata connection-type, NULL for none */
    /* Makes the TLS configuration before each connection, so that renewed files count; NULL in
     * *ret: plaintext. */
    int (*tls)(void *user, cocos__tls_config **ret, cocos_error **err);
    /* A connection stands; called before anything is sent on it. */
    void (*on_up)(void *user);
    /* A message arrived. In the receiving thread: it must not wait. */
    void (*on_message)(void *user, cocos__span message);
    /*
     * The oldest message to send, appended to out, and a number for it: 1, or 0 when there is none.
     * Then sent() once it is on its way.
     */
    int (*peek)(void *user, cocos__buf *out, uint64_t *number);
    void (*sent)(void *user, uint64_t number);
    /* Called now and then in the sending thread, connected or not; returns when to call again
     * (CLOCK_MONOTONIC, 0: no need). */
    int64_t (*tick)(void *user); /* may be NULL */
    void *user;
} cocos__stream_options;

int cocos__stream_start(const cocos__stream_options *o, cocos__stream **ret, cocos_error **err);
/* There is something to send, or tick() has a new time. Any thread, never waits for the network. */
void cocos__stream_wake(cocos__stream *st);
/* Closes the connection; the next comes after at least `delay_ns`. Any thread. */
void cocos__stream_disconnect(cocos__stream *st, int64_t delay_ns);
/* Ends both threads. NULL allowed. */
void cocos__stream_stop(cocos__stream *st);

#endif
