/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_CLOCK_H
#define COCOS_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define COCOS__NS_PER_S  INT64_C(1000000000)
#define COCOS__NS_PER_MS INT64_C(1000000)

int64_t cocos__clock_mono_ns(void); /* CLOCK_MONOTONIC: deadlines */
int64_t cocos__clock_boot_ns(void); /* CLOCK_BOOTTIME: counts suspend too */
int64_t cocos__clock_wall_ns(void); /* CLOCK_REALTIME: informative only */

/*
 * Seconds since 1970 of a date in UTC (year to second of `tm`), and back: 0 when the year is not one
 * of four digits. Unlike timegm() and gmtime_r() also beyond 2038 where time_t has 32 bits.
 */
int64_t cocos__seconds_of(const struct tm *tm);
int cocos__date_of(int64_t seconds, struct tm *ret);

/* Nanoseconds until the deadline, at least 0; INT64_MAX when there is none (0). */
int64_t cocos__deadline_left_ns(int64_t deadline_ns);

/* The same for poll(2): milliseconds rounded up, -1 when there is none. */
int cocos__deadline_left_ms(int64_t deadline_ns);

/* The earlier of two deadlines, either of which may be 0 (none). */
int64_t cocos__deadline_min(int64_t a, int64_t b);

/* For pthread_cond_timedwait on a condition made by cocos__cond_init() (thread.h). */
struct timespec cocos__deadline_timespec(int64_t deadline_ns);

#endif
