/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_CHUNKS_H
#define COCOS_AGENT_CHUNKS_H

/*
 * A run request that arrives in pieces (protocol.md 3.3): one buffer of at most 4 MiB, given up 30
 * s after the last piece (cocos-v1 section 2). Pure; time is an argument.
 */

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__CHUNKS_MAX     (4u * 1024 * 1024)
#define COCOS__CHUNKS_IDLE_NS INT64_C(30000000000)
#define COCOS__CHUNKS_ID_MAX  64

typedef struct cocos__chunks {
    int open;
    int overflow; /* the rest is passed over up to the last piece, then refused */
    char id[COCOS__CHUNKS_ID_MAX + 1];
    cocos__buf data;
    int64_t expires_ns; /* CLOCK_MONOTONIC, while open */
} cocos__chunks;

void cocos__chunks_init(cocos__chunks *c);
void cocos__chunks_done(cocos__chunks *c);
/* Begin anew; frees what was collected. */
void cocos__chunks_reset(cocos__chunks *c);

/*
 * Adds a piece. 1: complete in c->data, for the caller to use and then reset. 0: more to come.
 * Refused, and reset: MALFORMED "manifest.id" (no id that one could answer to); EXHAUSTED
 * "manifest.size" (with the last piece, so that it is said once).
 */
int cocos__chunks_add(cocos__chunks *c,
                      const char *id,
                      cocos__span data,
                      int is_last,
                      int64_t now_ns,
                      cocos_error **err);
/* 1 when pieces of another id were begun and are given up by a piece of `id`, or time is over: the
 * caller tells, then resets. */
int cocos__chunks_abandoned(const cocos__chunks *c, const char *id, int64_t now_ns);

#endif
