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

#define S_PER_DAY INT64_C(86400)
#define DAYS_400Y 146097 /* in 400 years of the Gregorian calendar */

/* Days since 1970-01-01. Years begin in March here, so that a leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t cycle = (y >= 0 ? y : y - 399) / 400;
    int64_t of_cycle = y - cycle * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return cycle * DAYS_400Y + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719468;
}

int64_t cocos__seconds_of(const struct tm *tm)
{
    return days_of(tm->tm_year + INT64_C(1900), tm->tm_mon + 1, tm->tm_mday) * S_PER_DAY +
           tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

int cocos__date_of(int64_t seconds, struct tm *ret)
{
    if (seconds < days_of(1, 1, 1) * S_PER_DAY || seconds >= days_of(10000, 1, 1) * S_PER_DAY)
        return 0;
    int64_t day = (seconds >= 0 ? seconds : seconds - (S_PER_DAY - 1)) / S_PER_DAY;
    int64_t of_day = seconds - day * S_PER_DAY;

    day += 719468;
    int64_t cycle = day / DAYS_400Y;
    int64_t d = day - cycle * DAYS_400Y;
    int64_t year = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t of_year = d - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March */

    *ret = (struct tm){.tm_year = (int)(year + cycle * 400 + (month > 9) - 1900),
                       .tm_mon = (int)(month > 9 ? month - 10 : month + 2),
                       .tm_mday = (int)(of_year - (153 * month + 2) / 5 + 1),
                       .tm_hour = (int)(of_day / 3600),
                       .tm_min = (int)(of_day / 60 % 60),
                       .tm_sec = (int)(of_day % 60)};
    return 1;
}
