/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_THREAD_H
#define COCOS_BASE_THREAD_H

#include <pthread.h>

#include "base/error.h"

/* Condition whose timed waits take CLOCK_MONOTONIC (cocos__deadline_timespec()). */
void cocos__cond_init(pthread_cond_t *cond);

/* A thread with all signals blocked, so that the program's own threads receive them. */
int cocos__thread_start(
    pthread_t *t, const char *name, void *(*fn)(void *), void *user, cocos_error **err);

/* Scoped lock: COCOS__LOCKED(&m); held to the end of the block. */
static inline pthread_mutex_t *cocos__lock(pthread_mutex_t *m)
{
    pthread_mutex_lock(m);
    return m;
}

static inline void cocos__unlockp(pthread_mutex_t **m)
{
    if (*m)
        pthread_mutex_unlock(*m);
}

#define COCOS__LOCKED(m)                                                                           \
    COCOS__CLEANUP(cocos__unlockp)                                                                 \
    pthread_mutex_t *cocos__held __attribute__((unused)) = cocos__lock(m)

#endif
