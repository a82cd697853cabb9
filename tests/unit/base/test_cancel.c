/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cancel.h"

#include <poll.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/thread.h"
#include "suite.h"

static void count(void *user)
{
    ++*(int *)user;
}

START_TEST(tells_flag_descriptor_and_hooks)
{
    int calls = 0;
    cocos__cancel_hook hook = {count, &calls, NULL};
    cocos_cancel *c = cocos_cancel_new();
    struct pollfd p = {cocos__cancel_fd(c), POLLIN, 0};

    ck_assert_int_eq(poll(&p, 1, 0), 0);
    cocos__cancel_hook_add(c, &hook);
    cocos_cancel_trigger(c);
    cocos_cancel_trigger(c);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(cocos_cancel_triggered(c), 1);
    ck_assert_int_eq(poll(&p, 1, 0), 1);
    cocos__cancel_unhook(c, &hook);
    cocos_cancel_free(c);
}
END_TEST

START_TEST(calls_a_late_hook_at_once)
{
    int calls = 0;
    cocos__cancel_hook hook = {count, &calls, NULL};
    cocos_cancel *c = cocos_cancel_new();

    cocos_cancel_trigger(c);
    cocos__cancel_hook_add(c, &hook);
    ck_assert_int_eq(calls, 1);
    cocos__cancel_unhook(c, &hook);
    cocos_cancel_free(c);
}
END_TEST

START_TEST(leaves_a_removed_hook_alone)
{
    int calls = 0;
    int other = 0;
    cocos__cancel_hook hook = {count, &calls, NULL};
    cocos__cancel_hook second = {count, &other, NULL};
    cocos_cancel *c = cocos_cancel_new();

    cocos__cancel_hook_add(c, &hook);
    cocos__cancel_hook_add(c, &second);
    cocos__cancel_unhook(c, &hook);
    cocos_cancel_trigger(c);
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(other, 1);
    cocos__cancel_unhook(c, &second);
    cocos_cancel_free(c);
}
END_TEST

START_TEST(does_nothing_for_no_switch)
{
    int calls = 0;
    cocos__cancel_hook hook = {count, &calls, NULL};

    cocos__cancel_hook_add(NULL, &hook);
    cocos__cancel_unhook(NULL, &hook);
    cocos_cancel_trigger(NULL);
    cocos_cancel_free(NULL);
    ck_assert_int_eq(cocos_cancel_triggered(NULL), 0);
    ck_assert_int_eq(cocos__cancel_fd(NULL), -1);
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(turns_deadlines_into_what_is_left)
{
    ck_assert_int_eq(cocos__deadline_left_ms(0), -1);
    ck_assert_int_eq(cocos__deadline_left_ms(cocos_deadline_in(0)), 0);
    ck_assert_int_eq(cocos__deadline_left_ms(cocos_deadline_in(-5)), 0);
    int ms = cocos__deadline_left_ms(cocos_deadline_in(10 * COCOS__NS_PER_S));
    ck_assert_int_gt(ms, 9000);
    ck_assert_int_le(ms, 10001);
    ck_assert_int_eq(cocos_deadline_in(INT64_MAX), INT64_MAX);
    ck_assert_int_eq(cocos__deadline_min(0, 5), 5);
    ck_assert_int_eq(cocos__deadline_min(5, 0), 5);
    ck_assert_int_eq(cocos__deadline_min(4, 5), 4);
}
END_TEST

static void *run(void *user)
{
    ++*(int *)user;
    return NULL;
}

START_TEST(starts_threads_that_take_no_signals)
{
    cocos_error *err = NULL;
    pthread_t t;
    int ran = 0;

    assert_ok(cocos__thread_start(&t, "test", run, &ran, &err), err);
    pthread_join(t, NULL);
    ck_assert_int_eq(ran, 1);
}
END_TEST

TEST_MAIN(cancel,
          tells_flag_descriptor_and_hooks,
          calls_a_late_hook_at_once,
          leaves_a_removed_hook_alone,
          does_nothing_for_no_switch,
          turns_deadlines_into_what_is_left,
          starts_threads_that_take_no_signals)
