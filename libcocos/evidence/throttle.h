/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EVIDENCE_THROTTLE_H
#define COCOS_EVIDENCE_THROTTLE_H

/* How often strangers may ask for evidence: a bucket of tokens that fills at a steady rate. */

#include <pthread.h>
#include <stdint.h>

typedef struct cocos__throttle {
    pthread_mutex_t lock;
    int64_t interval_ns; /* between two tokens */
    int64_t room_ns;     /* burst tokens */
    int64_t full_ns;     /* when the bucket is, or was, full */
} cocos__throttle;

/* At most `burst` at once, then one every interval_ns. Both above 0. */
void cocos__throttle_init(cocos__throttle *t, unsigned burst, int64_t interval_ns);
void cocos__throttle_done(cocos__throttle *t);

/* 0: go on, a token is taken; else nanoseconds until there is one. Thread-safe. */
int64_t cocos__throttle_take(cocos__throttle *t, int64_t now_ns);

#endif
