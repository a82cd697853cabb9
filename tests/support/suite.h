/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_SUITE_H
#define COCOS_TESTS_SUITE_H

/*
 * Shape of a unit test (Check, one process a test):
 *
 *     START_TEST(refuses_report_of_wrong_length) { ... } END_TEST
 *     TEST_MAIN(report, refuses_report_of_wrong_length, ...)
 *
 * Names are sentences about behaviour.
 */

#include <check.h>
#include <stdlib.h>

#include <cocos/error.h>

/*
 * From one flipped bit to the next: every bit. Under a sanitizer, which is there to see what the code
 * does with a changed byte, at least one bit a byte and in turn each of the eight.
 */
#ifdef __SANITIZE_ADDRESS__
#define BIT_STEP 7
#else
#define BIT_STEP 1
#endif

static inline int run_suite(const char *name, const TTest *const *tests, double timeout_s)
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, timeout_s);
    for (; *tests; tests++)
        tcase_add_test(tc, *tests);
    suite_add_tcase(suite, tc);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TEST_MAIN(name, ...)                                                                       \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__, NULL};                                          \
        return run_suite(#name, tests, 60);                                                        \
    }

/* The call succeeds; shows the error when it does not. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        int assert_ok_status = (call);                                                             \
        ck_assert_msg(assert_ok_status == COCOS_OK, "%s: %s: %s (%s)", #call,                      \
                      cocos_status_name(assert_ok_status), cocos_error_message(err),               \
                      cocos_error_code(err));                                                      \
    } while (0)

/* The call fails with this status and code; frees the error. */
#define assert_fails(call, want_status, want_code, err)                                            \
    do {                                                                                           \
        int assert_fails_status = (call);                                                          \
        ck_assert_msg(assert_fails_status == (want_status), "%s: %s, not %s: %s", #call,           \
                      cocos_status_name(assert_fails_status), cocos_status_name(want_status),      \
                      cocos_error_message(err));                                                   \
        ck_assert_str_eq(cocos_error_code(err), (want_code));                                      \
        cocos_error_free(err);                                                                     \
        (err) = NULL;                                                                              \
    } while (0)

#endif
