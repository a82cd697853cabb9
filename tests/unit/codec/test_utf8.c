/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

#include <string.h>

#include "suite.h"

static int valid(const char *s)
{
    return cocos__utf8_valid((const uint8_t *)s, strlen(s));
}

START_TEST(accepts_the_first_and_last_of_each_length)
{
    ck_assert(valid(""));
    ck_assert(valid("\x01\x7f"));
    ck_assert(valid("\xc2\x80\xdf\xbf"));
    ck_assert(valid("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"));
    ck_assert(valid("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    ck_assert(cocos__utf8_valid((const uint8_t *)"\0", 1));
}
END_TEST

START_TEST(refuses_everything_else)
{
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe1\x80",
                                      "\xe1\x80\x41",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xf1\x80\x80"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!valid(bad[i]), "example %zu", i);
}
END_TEST

TEST_MAIN(utf8, accepts_the_first_and_last_of_each_length, refuses_everything_else)
