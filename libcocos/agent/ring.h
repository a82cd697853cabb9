/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_RING_H
#define COCOS_AGENT_RING_H

/* The last events of one computation, for Watch. Pure; its owner locks. */

#include <stdint.h>

#define COCOS__RING_LEN 256

typedef struct cocos__watch_event {
    uint64_t sequence;
    int64_t time_ns;
    const char *state; /* static texts */
    const char *what;
    uint64_t bytes;
    int ok;
} cocos__watch_event;

typedef struct cocos__ring {
    uint64_t first; /* number of this computation's first event */
    uint64_t next;  /* number of the next event */
    uint64_t kept;  /* the oldest that is still here; == next when there is none */
    cocos__watch_event events[COCOS__RING_LEN];
} cocos__ring;

/* Events `first` to `next - 1` happened before (in an earlier process) and are not kept. */
void cocos__ring_init(cocos__ring *r, uint64_t first, uint64_t next);
/* Takes the event under the next number. */
void cocos__ring_push(cocos__ring *r, const cocos__watch_event *e);
/*
 * The first event after `since`, and how many of those between are no longer kept. 0 when there is
 * none yet.
 */
int cocos__ring_after(const cocos__ring *r, uint64_t since, cocos__watch_event *e, uint64_t *lost);

#endif
