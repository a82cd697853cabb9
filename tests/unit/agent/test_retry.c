/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include "agent/retry.h"

START_TEST(grows_from_one_second_to_one_minute)
{
    cocos__retry r = {0};
    static const int64_t ceilings_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};

    for (size_t i = 0; i < sizeof ceilings_s / sizeof *ceilings_s; i++) {
        cocos__retry low = r;
        int64_t ceiling = ceilings_s[i] * 1000000000;
        ck_assert_int_eq(cocos__retry_delay(&low, 0, 0), ceiling / 2);
        ck_assert_int_eq(cocos__retry_delay(&r, 0, (uint64_t)ceiling / 2), ceiling);
    }
}
END_TEST

START_TEST(stays_within_bounds_for_any_random_number)
{
    cocos__retry r = {0};

    for (uint64_t i = 0; i < 1000; i++) {
        int64_t d = cocos__retry_delay(&r, 0, i * 0x9e3779b97f4a7c15u);
        ck_assert_int_ge(d, COCOS__RETRY_MIN_NS / 2);
        ck_assert_int_le(d, COCOS__RETRY_MAX_NS);
    }
}
END_TEST

START_TEST(is_short_again_after_a_connection_that_lived)
{
    cocos__retry r = {0};

    for (int i = 0; i < 10; i++)
        cocos__retry_delay(&r, 0, 1);
    ck_assert_int_ge(cocos__retry_delay(&r, COCOS__RETRY_GOOD_NS - 1, 0), COCOS__RETRY_MAX_NS / 2);
    ck_assert_int_eq(cocos__retry_delay(&r, COCOS__RETRY_GOOD_NS, 0), COCOS__RETRY_MIN_NS / 2);
}
END_TEST

TEST_MAIN(retry,
          grows_from_one_second_to_one_minute,
          stays_within_bounds_for_any_random_number,
          is_short_again_after_a_connection_that_lived)
