/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/throttle.h"

#include "base/thread.h"

void cocos__throttle_init(cocos__throttle *t, unsigned burst, int64_t interval_ns)
{
    pthread_mutex_init(&t->lock, NULL);
    t->interval_ns = interval_ns;
    t->room_ns = (int64_t)burst * interval_ns;
    t->full_ns = INT64_MIN;
}

void cocos__throttle_done(cocos__throttle *t)
{
    pthread_mutex_destroy(&t->lock);
}

/* Tokens need no counting: each moves the time at which the bucket is full by one interval. */
int64_t cocos__throttle_take(cocos__throttle *t, int64_t now_ns)
{
    COCOS__LOCKED(&t->lock);
    int64_t full = (t->full_ns > now_ns ? t->full_ns : now_ns) + t->interval_ns;
    int64_t over = full - now_ns - t->room_ns;

    if (over > 0)
        return over;
    t->full_ns = full;
    return 0;
}
