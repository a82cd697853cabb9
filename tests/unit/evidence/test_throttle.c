/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/throttle.h"
#include "suite.h"

#define S INT64_C(1000000000)

START_TEST(lets_a_burst_through_and_then_one_at_a_time)
{
    cocos__throttle t;
    int64_t now = 5 * S;

    cocos__throttle_init(&t, 3, S);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cocos__throttle_take(&t, now), 0);
    ck_assert_int_eq(cocos__throttle_take(&t, now), S);
    ck_assert_int_eq(cocos__throttle_take(&t, now + S / 4), 3 * S / 4);
    ck_assert_int_eq(cocos__throttle_take(&t, now + S), 0);
    ck_assert_int_eq(cocos__throttle_take(&t, now + S), S);
    cocos__throttle_done(&t);
}
END_TEST

START_TEST(keeps_no_more_than_a_burst_however_long_nobody_asks)
{
    cocos__throttle t;
    int64_t now = 1000000 * S;

    cocos__throttle_init(&t, 2, S);
    ck_assert_int_eq(cocos__throttle_take(&t, 1), 0);
    ck_assert_int_eq(cocos__throttle_take(&t, now), 0);
    ck_assert_int_eq(cocos__throttle_take(&t, now), 0);
    ck_assert_int_gt(cocos__throttle_take(&t, now), 0);
    cocos__throttle_done(&t);
}
END_TEST

START_TEST(a_refusal_costs_no_token)
{
    cocos__throttle t;

    cocos__throttle_init(&t, 1, S);
    ck_assert_int_eq(cocos__throttle_take(&t, S), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(cocos__throttle_take(&t, S), S);
    ck_assert_int_eq(cocos__throttle_take(&t, 2 * S), 0);
    cocos__throttle_done(&t);
}
END_TEST

TEST_MAIN(throttle,
          lets_a_burst_through_and_then_one_at_a_time,
          keeps_no_more_than_a_burst_however_long_nobody_asks,
          a_refusal_costs_no_token)
