/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

START_TEST(carries_status_code_and_message)
{
    cocos_error *err = NULL;

    ck_assert_int_eq(cocos__fail(&err, COCOS_ERR_MALFORMED, "a.b", "value is %d", 7),
                     COCOS_ERR_MALFORMED);
    ck_assert_int_eq(cocos_error_status(err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_code(err), "a.b");
    ck_assert_str_eq(cocos_error_message(err), "value is 7");
    ck_assert_ptr_null(cocos_error_check(err));
    cocos_error_free(err);
}
END_TEST

START_TEST(accepts_a_caller_who_wants_no_error)
{
    ck_assert_int_eq(cocos__fail(NULL, COCOS_ERR_IO, "a", "x"), COCOS_ERR_IO);
    cocos_error_free(NULL);
    ck_assert_int_eq(cocos_error_status(NULL), COCOS_OK);
}
END_TEST

START_TEST(keeps_the_parts_of_a_check)
{
    cocos_error *err = NULL;

    cocos__fail_check(&err, COCOS_ERR_REJECTED, "snp.vmpl", "vmpl", "0", "2", "wrong level");
    ck_assert_str_eq(cocos_error_check(err), "vmpl");
    ck_assert_str_eq(cocos_error_expected(err), "0");
    ck_assert_str_eq(cocos_error_found(err), "2");
    cocos_error_free(err);
}
END_TEST

START_TEST(takes_status_of_the_cause)
{
    cocos_error *cause = NULL;
    cocos_error *err = NULL;

    cocos__fail_errno(&cause, ENOSPC, "io.write", "cannot write %s", "x");
    ck_assert_int_eq(cocos__fail_cause(&err, 0, "outer", COCOS__STEAL(cause), "outer text"),
                     COCOS_ERR_EXHAUSTED);
    ck_assert_str_eq(cocos_error_code(cocos_error_cause(err)), "io.write");
    ck_assert_ptr_nonnull(strstr(cocos_error_message(cocos_error_cause(err)), "No space left"));
    cocos_error_free(err);
}
END_TEST

START_TEST(cleans_what_a_peer_says)
{
    cocos_error *err = NULL;

    cocos__fail_remote(&err, COCOS_ERR_DENIED, "Bad Code!", "line\nforged\x1b[31m");
    ck_assert_str_eq(cocos_error_code(err), "remote.error");
    ck_assert_str_eq(cocos_error_message(err), "line forged [31m");
    cocos__fail_remote(&err, COCOS_ERR_DENIED, "auth.right", "no");
    ck_assert_str_eq(cocos_error_code(err), "auth.right");
    cocos_error_free(err);
}
END_TEST

START_TEST(maps_statuses_to_frozen_exit_codes)
{
    static const int expected[] = {0, 2, 4, 4, 3, 4, 6, 6, 1, 1, 1, 1, 5, 5, 1, 130, 1, 1};

    for (int i = 0; i < (int)COCOS__ARRAY_LEN(expected); i++)
        ck_assert_int_eq(cocos_status_exit_code(-i), expected[i]);
    ck_assert_str_eq(cocos_status_name(COCOS_ERR_REJECTED), "rejected");
    ck_assert_str_eq(cocos_status_name(1), "unknown");
    ck_assert_str_eq(cocos_status_name(-99), "unknown");
}
END_TEST

static void count_free(void *detail)
{
    ++*(int *)detail;
}

static void other_free(void *detail)
{
    --*(int *)detail;
}

START_TEST(carries_a_detail_below_what_wraps_it)
{
    cocos_error *err = NULL;
    cocos_error *cause = NULL;
    int freed = 0;
    int second = 0;

    cocos__fail(&cause, COCOS_ERR_REJECTED, "a.b", "refused");
    ck_assert_ptr_null(cocos__error_attached(cause, count_free));
    cocos__error_attach(cause, &freed, count_free);
    cocos__error_attach(cause, &second, count_free);
    ck_assert_int_eq(second, 1);
    cocos__fail_cause(&err, 0, "c.d", cause, "not connected");
    ck_assert_ptr_eq(cocos__error_attached(err, count_free), &freed);
    ck_assert_ptr_null(cocos__error_attached(err, other_free));
    ck_assert_int_eq(freed, 0);
    cocos_error_free(err);
    ck_assert_int_eq(freed, 1);

    err = NULL;
    cocos__fail_memory(&err);
    cocos__error_attach(err, &freed, count_free);
    cocos__error_attach(NULL, &freed, count_free);
    ck_assert_int_eq(freed, 3);
    ck_assert_ptr_null(cocos__error_attached(NULL, count_free));
    cocos_error_free(err);
}
END_TEST

TEST_MAIN(error,
          carries_status_code_and_message,
          accepts_a_caller_who_wants_no_error,
          keeps_the_parts_of_a_check,
          takes_status_of_the_cause,
          cleans_what_a_peer_says,
          maps_statuses_to_frozen_exit_codes,
          carries_a_detail_below_what_wraps_it)
