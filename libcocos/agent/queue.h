/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_QUEUE_H
#define COCOS_AGENT_QUEUE_H

/*
 * Messages that wait for the computation-management server: bounded, in memory, with a copy on disk
 * that survives kill -9 of the agent. Pushing never waits for the server and never fails: when the
 * bound is reached the oldest go and are counted; when the disk is full the copy lags and is caught
 * up later.
 *
 * The file: a header of 40 bytes, then records `u32 length ‖ u32 CRC-32 ‖ u64 sequence ‖ bytes`,
 * all little-endian. A record is taken only when its checksum holds and its sequence number is
 * higher than the one before; from the first that is not, the rest is dropped.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__QUEUE_MESSAGE_MAX 4096
#define COCOS__QUEUE_BYTES_MAX   (256 * 1024)

typedef struct cocos__queue cocos__queue;

/* Takes over what the file holds; a damaged or missing file gives what can be read of it. max_bytes
 * 0: the default. */
int cocos__queue_open(const char *path, size_t max_bytes, cocos__queue **ret, cocos_error **err);
void cocos__queue_close(cocos__queue *q); /* NULL allowed; the file stays */
COCOS__DEFINE_FREEP(cocos__queue_closep, cocos__queue *, cocos__queue_close)

/* Called after each push, from the pushing thread, without the queue's lock. Set before use. */
void cocos__queue_on_push(cocos__queue *q, void (*fn)(void *user), void *user);

/* The number that the next message will have; numbers never repeat, also after a restart. */
uint64_t cocos__queue_next(cocos__queue *q);
/* Appends a copy; returns its number. Messages over COCOS__QUEUE_MESSAGE_MAX are counted as lost.
 */
uint64_t cocos__queue_push(cocos__queue *q, const void *data, size_t len);
/*
 * A copy of the oldest message appended to `out`. 1, or 0 when there is none. `lost`: how many were
 * dropped before it since the last drop() of the counter.
 */
int cocos__queue_peek(cocos__queue *q, cocos__buf *out, uint64_t *sequence, uint64_t *lost);
/* The message `sequence` has been delivered: removes it if it is still the oldest, and what was
 * counted lost before it. */
void cocos__queue_drop(cocos__queue *q, uint64_t sequence, uint64_t lost);
size_t cocos__queue_count(cocos__queue *q);

#endif
