/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rule.h"

#include <string.h>

#include "suite.h"

static const cocos__check checks[] = {{"t.value", "T 1"}};

static cocos__rows *begun(void)
{
    cocos__rows *rows = NULL;

    assert_ok(cocos__rows_new(&rows, NULL), NULL);
    cocos__rows_begin(rows, checks, 1);
    return rows;
}

static void
check_match(const cocos__match *rule, int unset, const char *value, int outcome, const char *code)
{
    cocos__rows *rows = begun();

    int ok = cocos__match_check(rows, 0, "t.bad", rule, unset, (const uint8_t *)value,
                                strlen(value), "key");
    const cocos__row *row = cocos__rows_at(rows, 0);
    ck_assert_int_eq(ok, outcome != COCOS__FAILED);
    ck_assert_int_eq(row->outcome, outcome);
    ck_assert_str_eq(row->code ? row->code : "", code);
    ck_assert_str_eq(row->found.by, "key");
    cocos__rows_free(rows);
}

START_TEST(matches_one_of_the_given_values)
{
    cocos__match m = {0};

    assert_ok(cocos__match_add(&m, (const uint8_t *)"abc", 3, NULL), NULL);
    assert_ok(cocos__match_add(&m, (const uint8_t *)"def", 3, NULL), NULL);
    check_match(&m, COCOS__UNSET_FREE, "abc", COCOS__PASSED, "");
    check_match(&m, COCOS__UNSET_FREE, "def", COCOS__PASSED, "");
    check_match(&m, COCOS__UNSET_FREE, "abd", COCOS__FAILED, "t.bad");
    check_match(&m, COCOS__UNSET_FREE, "ab", COCOS__FAILED, "t.bad");
    cocos__match_done(&m);
}
END_TEST

START_TEST(never_passes_what_nobody_expected)
{
    cocos__match any = {0};
    cocos__match unset = {0};

    cocos__match_any(&any);
    check_match(&any, COCOS__UNSET_MISSING, "abc", COCOS__NOT_CHECKED, "");
    check_match(&unset, COCOS__UNSET_FREE, "abc", COCOS__NOT_CHECKED, "");
    check_match(&unset, COCOS__UNSET_MISSING, "abc", COCOS__UNKNOWN, "policy.missing");
}
END_TEST

START_TEST(refuses_values_of_unequal_length_and_too_many)
{
    cocos__match m = {0};
    cocos_error *err = NULL;

    assert_fails(cocos__match_add(&m, (const uint8_t *)"", 0, &err), COCOS_ERR_USAGE,
                 "policy.length", err);
    for (int i = 0; i < COCOS__MATCH_MAX; i++)
        assert_ok(cocos__match_add(&m, (const uint8_t *)"abc", 3, &err), err);
    assert_fails(cocos__match_add(&m, (const uint8_t *)"ab", 2, &err), COCOS_ERR_USAGE,
                 "policy.length", err);
    assert_fails(cocos__match_add(&m, (const uint8_t *)"abc", 3, &err), COCOS_ERR_EXHAUSTED,
                 "policy.count", err);
    cocos__match_any(&m);
    ck_assert_int_eq(m.state, COCOS__RULE_ANY);
    ck_assert_ptr_null(m.values);
}
END_TEST

START_TEST(holds_numbers_against_a_minimum)
{
    const cocos__number least = {COCOS__RULE_GIVEN, 5};
    const cocos__number free_one = {COCOS__RULE_UNSET, 0};
    cocos__rows *rows = begun();

    ck_assert_int_eq(cocos__least_check(rows, 0, "t.low", &free_one, 0, "key"), 1);
    ck_assert_int_eq(cocos__row_outcome(rows, 0), COCOS__NOT_CHECKED);
    ck_assert_int_eq(cocos__least_check(rows, 0, "t.low", &least, 5, "key"), 1);
    ck_assert_int_eq(cocos__row_outcome(rows, 0), COCOS__PASSED);
    ck_assert_int_eq(cocos__least_check(rows, 0, "t.low", &least, 4, "key"), 0);
    ck_assert_str_eq(cocos__rows_reason(rows)->code, "t.low");
    ck_assert_str_eq(cocos__rows_reason(rows)->expected.text, "at least 5");
    cocos__rows_free(rows);
}
END_TEST

TEST_MAIN(rule,
          matches_one_of_the_given_values,
          never_passes_what_nobody_expected,
          refuses_values_of_unequal_length_and_too_many,
          holds_numbers_against_a_minimum)
