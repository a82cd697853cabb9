/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rows.h"

#include <string.h>

#include "suite.h"

static const cocos__check checks[] = {{"t.first", "T 1"}, {"t.second", "T 2"}, {"t.third", "T 3"}};
static const cocos__said none;

static cocos__rows *begun(void)
{
    cocos__rows *rows = NULL;

    assert_ok(cocos__rows_new(&rows, NULL), NULL);
    cocos__rows_begin(rows, checks, 3);
    return rows;
}

START_TEST(lists_what_was_not_reached)
{
    cocos__rows *rows = begun();

    cocos__row_pass(rows, 0, none, none);
    ck_assert_uint_eq(cocos__rows_count(rows), 3);
    ck_assert_int_eq(cocos__rows_at(rows, 0)->outcome, COCOS__PASSED);
    ck_assert_int_eq(cocos__rows_at(rows, 2)->outcome, COCOS__NOT_CHECKED);
    ck_assert_str_eq(cocos__rows_find(rows, "t.third")->check->source, "T 3");
    ck_assert_ptr_null(cocos__rows_find(rows, "t.fourth"));
    ck_assert_ptr_null(cocos__rows_reason(rows));
    cocos__rows_free(rows);
}
END_TEST

START_TEST(names_the_first_failure_before_any_doubt)
{
    cocos__rows *rows = begun();

    cocos__row_unknown(rows, 0, "t.doubt", none, none);
    ck_assert_str_eq(cocos__rows_reason(rows)->code, "t.doubt");
    ck_assert_int_eq(cocos__row_test(rows, 2, 0, "t.bad", none, none), 0);
    ck_assert_str_eq(cocos__rows_reason(rows)->code, "t.bad");
    cocos__rows_free(rows);
}
END_TEST

START_TEST(keeps_a_failure_against_a_later_pass)
{
    cocos__rows *rows = begun();

    cocos__row_fail(rows, 1, "t.bad", none, none);
    cocos__row_pass(rows, 1, none, none);
    ck_assert_int_eq(cocos__row_outcome(rows, 1), COCOS__FAILED);
    cocos__rows_free(rows);
}
END_TEST

START_TEST(keeps_a_doubt_against_a_later_pass)
{
    cocos__rows *rows = begun();

    cocos__row_unknown(rows, 1, "t.doubt", none, none);
    cocos__row_pass(rows, 1, none, none);
    ck_assert_int_eq(cocos__row_outcome(rows, 1), COCOS__UNKNOWN);
    cocos__row_fail(rows, 1, "t.bad", none, none);
    ck_assert_int_eq(cocos__row_outcome(rows, 1), COCOS__FAILED);
    cocos__rows_free(rows);
}
END_TEST

START_TEST(counts_ids_from_the_open_section)
{
    cocos__rows *rows = begun();

    cocos__rows_begin(rows, checks, 2);
    cocos__row_pass(rows, 1, none, none);
    ck_assert_int_eq(cocos__rows_at(rows, 1)->outcome, COCOS__NOT_CHECKED);
    ck_assert_int_eq(cocos__rows_at(rows, 4)->outcome, COCOS__PASSED);
    cocos__rows_free(rows);
}
END_TEST

START_TEST(refuses_more_rows_than_fit)
{
    cocos__rows *rows = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__rows_new(&rows, NULL), NULL);
    for (int i = 0; i < COCOS__ROWS_MAX; i++)
        cocos__rows_begin(rows, checks, 1);
    assert_ok(cocos__rows_status(rows, &err), err);
    cocos__rows_begin(rows, checks, 3);
    cocos__row_pass(rows, 2, none, none);
    assert_fails(cocos__rows_status(rows, &err), COCOS_ERR_EXHAUSTED, "verdict.rows", err);
    cocos__rows_free(rows);
}
END_TEST

START_TEST(keeps_texts_of_any_length)
{
    cocos__rows *rows = begun();
    uint8_t big[20000];
    const char *first = cocos__rows_printf(rows, "%d and %s", 7, "eight");

    memset(big, 0xab, sizeof big);
    const char *hex = cocos__rows_hex(rows, big, sizeof big);
    for (int i = 0; i < 3000; i++)
        ck_assert_str_eq(cocos__rows_printf(rows, "text %04d", i),
                         cocos__rows_printf(rows, "text %04d", i));
    ck_assert_str_eq(first, "7 and eight");
    ck_assert_uint_eq(strlen(hex), 2 * sizeof big);
    ck_assert_int_eq(strncmp(hex, "abab", 4), 0);
    cocos__rows_free(rows);
}
END_TEST

START_TEST(cleans_and_cuts_foreign_text)
{
    cocos__rows *rows = begun();

    ck_assert_str_eq(cocos__rows_foreign(rows, "a\x1b[1m\n\xff", 7, 64), "a?[1m??");
    ck_assert_str_eq(cocos__rows_foreign(rows, "abcdef", 6, 3), "abc");
    cocos__rows_free(rows);
}
END_TEST

TEST_MAIN(rows,
          lists_what_was_not_reached,
          names_the_first_failure_before_any_doubt,
          keeps_a_failure_against_a_later_pass,
          keeps_a_doubt_against_a_later_pass,
          counts_ids_from_the_open_section,
          refuses_more_rows_than_fit,
          keeps_texts_of_any_length,
          cleans_and_cuts_foreign_text)
