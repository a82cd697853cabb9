/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include "agent/ring.h"

static void push(cocos__ring *r, uint64_t bytes)
{
    cocos__ring_push(
        r, &(cocos__watch_event){.state = "Running", .what = "x", .bytes = bytes, .ok = 1});
}

START_TEST(gives_events_one_after_the_other)
{
    static cocos__ring r;
    cocos__watch_event e;
    uint64_t lost = 99;

    cocos__ring_init(&r, 5, 5);
    ck_assert(!cocos__ring_after(&r, 0, &e, &lost));
    push(&r, 50);
    push(&r, 60);
    ck_assert(cocos__ring_after(&r, 0, &e, &lost));
    ck_assert_uint_eq(e.sequence, 5);
    ck_assert_uint_eq(e.bytes, 50);
    ck_assert_uint_eq(lost, 0);
    ck_assert(cocos__ring_after(&r, 5, &e, &lost));
    ck_assert_uint_eq(e.sequence, 6);
    ck_assert(!cocos__ring_after(&r, 6, &e, &lost));
    ck_assert(!cocos__ring_after(&r, UINT64_MAX, &e, &lost));
}
END_TEST

START_TEST(counts_what_it_no_longer_has)
{
    static cocos__ring r;
    cocos__watch_event e;
    uint64_t lost = 0;

    cocos__ring_init(&r, 1, 1);
    for (uint64_t i = 1; i <= COCOS__RING_LEN + 10; i++)
        push(&r, i);
    ck_assert(cocos__ring_after(&r, 0, &e, &lost));
    ck_assert_uint_eq(lost, 10);
    ck_assert_uint_eq(e.sequence, 11);
    ck_assert_uint_eq(e.bytes, 11);
    ck_assert(cocos__ring_after(&r, 4, &e, &lost));
    ck_assert_uint_eq(lost, 6);
    ck_assert(cocos__ring_after(&r, COCOS__RING_LEN + 9, &e, &lost));
    ck_assert_uint_eq(lost, 0);
    ck_assert_uint_eq(e.bytes, COCOS__RING_LEN + 10);
}
END_TEST

START_TEST(counts_events_of_the_same_computation_before_a_restart_as_lost)
{
    static cocos__ring r;
    cocos__watch_event e;
    uint64_t lost = 0;

    cocos__ring_init(&r, 10, 20);
    ck_assert(!cocos__ring_after(&r, 0, &e, &lost));
    push(&r, 1);
    ck_assert(cocos__ring_after(&r, 0, &e, &lost));
    ck_assert_uint_eq(lost, 10); /* 10 to 19; those below are another computation's */
    ck_assert(cocos__ring_after(&r, 15, &e, &lost));
    ck_assert_uint_eq(lost, 4);
}
END_TEST

TEST_MAIN(ring,
          gives_events_one_after_the_other,
          counts_what_it_no_longer_has,
          counts_events_of_the_same_computation_before_a_restart_as_lost)
