/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pack.h"

#include <string.h>

#include "suite.h"

static cocos__span text(const char *s)
{
    return (cocos__span){(const uint8_t *)s, strlen(s)};
}

START_TEST(knows_the_runs_it_was_made_of)
{
    cocos__span runs[] = {text("one"), text(""), text("three")};
    cocos__pack pack = {NULL, 0};
    cocos_error *err = NULL;

    ck_assert_int_eq(cocos__pack_is(&pack, runs, 0), 0);
    assert_ok(cocos__pack_make(runs, 3, &pack, &err), err);
    ck_assert_int_eq(cocos__pack_is(&pack, runs, 3), 1);
    cocos__pack_done(&pack);
    ck_assert_int_eq(cocos__pack_is(&pack, runs, 3), 0);
}
END_TEST

START_TEST(tells_other_runs_of_the_same_bytes_apart)
{
    cocos__span runs[] = {text("one"), text("two")};
    cocos__span other[][3] = {{text("on"), text("etwo"), text("")},
                              {text("onet"), text("wo"), text("")},
                              {text("one"), text("twp"), text("")},
                              {text("two"), text("one"), text("")},
                              {text("one"), text("tw"), text("")}};
    cocos__pack pack;
    cocos_error *err = NULL;

    assert_ok(cocos__pack_make(runs, 2, &pack, &err), err);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        ck_assert_int_eq(cocos__pack_is(&pack, other[i], 2), 0);
    ck_assert_int_eq(cocos__pack_is(&pack, runs, 1), 0);
    other[0][0] = runs[0];
    other[0][1] = runs[1];
    ck_assert_int_eq(cocos__pack_is(&pack, other[0], 3), 0);
    cocos__pack_done(&pack);
}
END_TEST

TEST_MAIN(pack, knows_the_runs_it_was_made_of, tells_other_runs_of_the_same_bytes_apart)
