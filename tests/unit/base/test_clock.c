/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>

#include "suite.h"

/* Of the year 1, of 1900, before and after 1970, of leap years, of 2038, 2106 and 9999. */
static const struct {
    int64_t seconds;
    const char *text;
} dates[] = {
    {INT64_C(-62135596800), "0001-01-01T00:00:00"},
    {INT64_C(-2203891201), "1900-02-28T23:59:59"},
    {INT64_C(-2203891200), "1900-03-01T00:00:00"},
    {-1, "1969-12-31T23:59:59"},
    {0, "1970-01-01T00:00:00"},
    {INT64_C(951782400), "2000-02-29T00:00:00"},
    {INT64_C(1750000000), "2025-06-15T15:06:40"},
    {INT64_C(2147483648), "2038-01-19T03:14:08"},
    {INT64_C(4107542399), "2100-02-28T23:59:59"},
    {INT64_C(4107542400), "2100-03-01T00:00:00"},
    {INT64_C(4294967296), "2106-02-07T06:28:16"},
    {INT64_C(253402300799), "9999-12-31T23:59:59"},
};

START_TEST(dates_are_right_beyond_32_bits)
{
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        struct tm tm;
        char text[40];
        ck_assert_msg(cocos__date_of(dates[i].seconds, &tm), "%s", dates[i].text);
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        ck_assert_str_eq(text, dates[i].text);
        ck_assert_int_eq(cocos__seconds_of(&tm), dates[i].seconds);
    }
}
END_TEST

/* Every day of 400 years, at another time of the day each. */
START_TEST(dates_come_back)
{
    int64_t seconds = INT64_C(-3000000000);

    for (int day = 0; day < 146097; day++, seconds += 86400 + 61) {
        struct tm tm;
        ck_assert_int_eq(cocos__date_of(seconds, &tm), 1);
        ck_assert_int_eq(cocos__seconds_of(&tm), seconds);
        ck_assert(tm.tm_mon >= 0 && tm.tm_mon < 12 && tm.tm_mday >= 1 && tm.tm_mday <= 31);
    }
}
END_TEST

START_TEST(years_have_four_digits)
{
    struct tm tm;

    ck_assert_int_eq(cocos__date_of(INT64_C(-62135596801), &tm), 0);
    ck_assert_int_eq(cocos__date_of(INT64_C(253402300800), &tm), 0);
    ck_assert_int_eq(cocos__date_of(INT64_MAX, &tm), 0);
    ck_assert_int_eq(cocos__date_of(INT64_MIN, &tm), 0);
}
END_TEST

TEST_MAIN(clock, dates_are_right_beyond_32_bits, dates_come_back, years_have_four_digits)
