/* SPDX-License-Identifier: Apache-2.0 */
/* Order before a device: one at a time, no more waiting than there is room for. */
#include <poll.h>
#include <pthread.h>

#include "base/clock.h"
#include "evidence/lane.h"
#include "suite.h"

static cocos_error *err;

/* A device that serves when it is let, and counts who is with it. */
static atomic_int let, inside, most, served;

static int
slow_open(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **e)
{
    (void)c;
    (void)how;
    (void)e;
    *state = &let;
    return COCOS_OK;
}

static int slow_collect(void *state, cocos__ask *ask, cocos_error **e)
{
    (void)state;
    int now = atomic_fetch_add(&inside, 1) + 1;
    if (now > atomic_load(&most))
        atomic_store(&most, now);
    while (atomic_load(&let) == 0)
        poll(NULL, 0, 1);
    atomic_fetch_sub(&let, 1);
    atomic_fetch_add(&served, 1);
    atomic_fetch_sub(&inside, 1);
    if (ask->nonce[0] == 'x')
        return cocos__fail(e, COCOS_ERR_IO, "evidence.device", "this one fails");
    cocos__buf_add(cocos__ask_part(ask, "test/nonce", 32), ask->nonce, 32);
    return COCOS_OK;
}

static void slow_close(void *state)
{
    (void)state;
}

static const cocos__provider slow = {
    .name = "slow", .open = slow_open, .collect = slow_collect, .close = slow_close};

static cocos__lane *lane_new(void)
{
    cocos__lane *lane = NULL;
    cocos__buf how;

    cocos__buf_init(&how, 100);
    assert_ok(cocos__lane_open(&slow, calloc(1, sizeof(cocos__evidence_config)),
                               60 * COCOS__NS_PER_S, 60 * COCOS__NS_PER_S, &how, &lane, &err),
              err);
    cocos__buf_done(&how);
    return lane;
}

static cocos__errand *send_one(cocos__lane *lane, uint8_t nonce, int64_t deadline_ns)
{
    cocos__ask ask = {.nonce = {nonce}};
    cocos__errand *errand = NULL;

    assert_ok(cocos__lane_send(lane, &ask, deadline_ns, NULL, &errand, &err), err);
    return errand;
}

static void wait_inside(void)
{
    while (atomic_load(&inside) == 0)
        poll(NULL, 0, 1);
}

START_TEST(serves_one_after_the_other_each_its_own_answer)
{
    cocos__lane *lane = lane_new();
    cocos__errand *errand[8];

    for (uint8_t i = 0; i < 8; i++)
        errand[i] = send_one(lane, i, 0);
    atomic_store(&let, 8);
    for (uint8_t i = 0; i < 8; i++) {
        cocos__ask *answer = NULL;
        assert_ok(cocos__errand_wait(errand[i], &answer, &err), err);
        ck_assert_uint_eq(answer->n, 1);
        ck_assert_uint_eq(answer->part[0].data.data[0], i);
        cocos__errand_free(errand[i]);
    }
    ck_assert_int_eq(atomic_load(&most), 1);
    cocos__lane_close(lane);
}
END_TEST

START_TEST(refuses_one_more_than_there_is_room_for)
{
    cocos__lane *lane = lane_new();
    cocos__errand *errand[COCOS__LANE_WAITING_MAX];
    cocos__errand *more = NULL;
    cocos__ask ask = {.n = 0};
    cocos__ask *answer = NULL;

    for (size_t i = 0; i < COCOS__LANE_WAITING_MAX; i++)
        errand[i] = send_one(lane, 1, 0);
    assert_fails(cocos__lane_send(lane, &ask, 0, NULL, &more, &err), COCOS_ERR_BUSY,
                 "evidence.busy", err);
    /* One that gives up makes room, and is never put to the device. */
    cocos__errand_free(errand[COCOS__LANE_WAITING_MAX - 1]);
    errand[COCOS__LANE_WAITING_MAX - 1] = send_one(lane, 2, 0);
    atomic_store(&let, COCOS__LANE_WAITING_MAX + 1);
    for (size_t i = 0; i < COCOS__LANE_WAITING_MAX; i++) {
        assert_ok(cocos__errand_wait(errand[i], &answer, &err), err);
        cocos__errand_free(errand[i]);
    }
    ck_assert_int_eq(atomic_load(&served), COCOS__LANE_WAITING_MAX);
    cocos__lane_close(lane);
}
END_TEST

START_TEST(gives_up_from_the_middle_of_the_queue_and_its_ends)
{
    cocos__lane *lane = lane_new();
    cocos__errand *errand[6];
    cocos__ask *answer = NULL;

    for (uint8_t i = 0; i < 6; i++)
        errand[i] = send_one(lane, i, 0);
    wait_inside();
    cocos__errand_free(errand[3]);
    cocos__errand_free(errand[1]);
    cocos__errand_free(errand[5]);
    cocos__errand *last = send_one(lane, 6, 0);
    atomic_store(&let, 6);
    static const uint8_t left[] = {0, 2, 4};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(cocos__errand_wait(errand[left[i]], &answer, &err), err);
        ck_assert_uint_eq(answer->part[0].data.data[0], left[i]);
        cocos__errand_free(errand[left[i]]);
    }
    assert_ok(cocos__errand_wait(last, &answer, &err), err);
    ck_assert_uint_eq(answer->part[0].data.data[0], 6);
    cocos__errand_free(last);
    ck_assert_int_eq(atomic_load(&served), 4);
    cocos__lane_close(lane);
}
END_TEST

START_TEST(a_failure_is_that_of_one_caller_only)
{
    cocos__lane *lane = lane_new();
    cocos__errand *bad = send_one(lane, 'x', 0);
    cocos__errand *good = send_one(lane, 'y', 0);
    cocos__ask *answer = NULL;

    atomic_store(&let, 2);
    assert_fails(cocos__errand_wait(bad, &answer, &err), COCOS_ERR_IO, "evidence.device", err);
    assert_ok(cocos__errand_wait(good, &answer, &err), err);
    cocos__errand_free(bad);
    cocos__errand_free(good);
    cocos__lane_close(lane);
}
END_TEST

START_TEST(one_that_waits_in_vain_behind_others_is_told_so)
{
    cocos__lane *lane = lane_new();
    cocos__errand *first = send_one(lane, 1, 0);
    cocos__ask *answer = NULL;

    wait_inside();
    cocos__errand *second = send_one(lane, 2, cocos_deadline_in(1));
    assert_fails(cocos__errand_wait(second, &answer, &err), COCOS_ERR_TIMEOUT, "evidence.timeout",
                 err);
    cocos__errand_free(second);
    ck_assert_int_eq(cocos__lane_abandoned(lane), 0); /* somebody waits for the first */
    cocos__errand_free(first);
    ck_assert_int_eq(cocos__lane_abandoned(lane), 1);
    atomic_store(&let, 1);
    cocos__lane_close(lane);
    ck_assert_int_eq(atomic_load(&served), 1);
}
END_TEST

TEST_MAIN(lane,
          serves_one_after_the_other_each_its_own_answer,
          refuses_one_more_than_there_is_room_for,
          gives_up_from_the_middle_of_the_queue_and_its_ends,
          a_failure_is_that_of_one_caller_only,
          one_that_waits_in_vain_behind_others_is_told_so)
