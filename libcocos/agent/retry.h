/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_RETRY_H
#define COCOS_AGENT_RETRY_H

#include <stdint.h>

/*
 * How long to wait before the next connection: doubling from 1 s to 60 s, each time a random point
 * in the upper half of the interval, so that many agents do not return at the same instant. Pure.
 */
typedef struct cocos__retry {
    unsigned failures; /* in a row */
} cocos__retry;

#define COCOS__RETRY_MIN_NS INT64_C(1000000000)
#define COCOS__RETRY_MAX_NS INT64_C(60000000000)
/* A connection that lived this long counts as good: the next wait is short again. */
#define COCOS__RETRY_GOOD_NS INT64_C(10000000000)

/*
 * Delay after a connection that failed at once (lived_ns 0) or lived for a while. `random` is any
 * number, all of whose bits are used.
 */
int64_t cocos__retry_delay(cocos__retry *r, int64_t lived_ns, uint64_t random);

#endif
