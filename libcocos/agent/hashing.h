/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_HASHING_H
#define COCOS_AGENT_HASHING_H

/*
 * A thread that digests what its owner writes to a file, one short queue behind it: SHA3-256 costs
 * more than TLS, gRPC and the disk together, so it overlaps with all of them.
 */

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/digest.h"

typedef struct cocos__hashing cocos__hashing;

/* Bytes that arrived, and how to let go of them. */
typedef struct cocos__chunk {
    cocos__span bytes;
    void (*free_fn)(void *user);
    void *user;
} cocos__chunk;

void cocos__chunk_free(cocos__chunk *c);

/*
 * Digests into `hasher` (borrowed), which has seen *hashed bytes of the file. What the file holds
 * from there to `upto` is read from `fd` (borrowed) first: that is an upload resumed after a
 * restart. *hashed follows; read it only after stop or drain.
 */
int cocos__hashing_start(cocos__hasher *hasher,
                         uint64_t *hashed,
                         int fd,
                         uint64_t upto,
                         cocos__hashing **ret,
                         cocos_error **err);
/* Takes the chunk, also on failure. Waits while the queue is full. */
int cocos__hashing_push(cocos__hashing *h, cocos__chunk chunk, cocos_error **err);
/* Waits until everything pushed was digested. */
int cocos__hashing_drain(cocos__hashing *h, cocos_error **err);
/* Makes waiting and later calls fail with ABORTED "computation.stopped"; from any thread. */
void cocos__hashing_abort(cocos__hashing *h);
/* Digests what is queued, then ends the thread. NULL allowed. */
void cocos__hashing_stop(cocos__hashing *h);

#endif
