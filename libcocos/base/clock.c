/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <cocos/common.h>
#include <limits.h>

static int64_t now(clockid_t id)
{
    struct timespec ts = {0, 0};
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * COCOS__NS_PER_S + ts.tv_nsec;
}

int64_t cocos__clock_mono_ns(void)
{
    return now(CLOCK_MONOTONIC);
}

int64_t cocos__clock_boot_ns(void)
{
    return now(CLOCK_BOOTTIME);
}

int64_t cocos__clock_wall_ns(void)
{
    return now(CLOCK_REALTIME);
}

int64_t cocos_deadline_in(int64_t timeout_ns)
{
    int64_t t = now(CLOCK_MONOTONIC);

    if (timeout_ns <= 0)
        return t > 1 ? t - 1 : 1;
    return timeout_ns > INT64_MAX - t ? INT64_MAX : t + timeout_ns;
}

int64_t cocos__deadline_left_ns(int64_t deadline_ns)
{
    if (deadline_ns == 0)
        return INT64_MAX;

    int64_t left = deadline_ns - now(CLOCK_MONOTONIC);
    return left > 0 ? left : 0;
}

int cocos__deadline_left_ms(int64_t deadline_ns)
{
    if (deadline_ns == 0)
        return -1;

    int64_t left = cocos__deadline_left_ns(deadline_ns) / COCOS__NS_PER_MS;
    if (left >= INT_MAX)
        return INT_MAX;
    return cocos__deadline_left_ns(deadline_ns) > 0 ? (int)left + 1 : 0;
}

int64_t cocos__deadline_min(int64_t a, int64_t b)
{
    if (a == 0)
        return b;
    if (b == 0)
        return a;
    return a < b ? a : b;
}

struct timespec cocos__deadline_timespec(int64_t deadline_ns)
{
    struct timespec ts = {(time_t)(deadline_ns / COCOS__NS_PER_S),
                          (long)(deadline_ns % COCOS__NS_PER_S)};
    return ts;
}
