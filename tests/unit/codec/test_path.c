/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/path.h"

#include <string.h>

#include "suite.h"

START_TEST(prints_a_json_pointer)
{
    cocos__path root = {0};
    cocos__path a = {&root, "a/b~c\n", 6, 0};
    cocos__path b = {&a, NULL, 0, 12};
    char text[COCOS__POINTER_MAX];

    cocos__path_print(&root, text, sizeof text);
    ck_assert_str_eq(text, "");
    cocos__path_print(&b, text, sizeof text);
    ck_assert_str_eq(text, "/a~1b~0c?/12");
}
END_TEST

START_TEST(cuts_what_does_not_fit)
{
    cocos__path root = {0};
    cocos__path a = {&root, "abcdef", 6, 0};
    cocos__path b = {&a, "g", 1, 0};
    char text[5];

    cocos__path_print(&b, text, sizeof text);
    ck_assert_str_eq(text, "/abc");
}
END_TEST

TEST_MAIN(path, prints_a_json_pointer, cuts_what_does_not_fit)
