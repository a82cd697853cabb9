/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

#include "suite.h"

static void cleans_to(const char *in, const char *want)
{
    char out[64];

    tool_clean(out, sizeof out, in);
    ck_assert_str_eq(out, want);
}

START_TEST(makes_foreign_text_safe_for_a_terminal)
{
    cleans_to("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x97",
              "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x97");
    cleans_to("\033]0;owned\007", "?]0;owned?");
    cleans_to("a\nb\tc\r", "a b c?");
    cleans_to("c1 \xc2\x9b"
              "31m",
              "c1 ?31m");
    cleans_to("\xff\xc0\x80\xed\xa0\x80 x", "?????? x");
    cleans_to("cut \xe2\x82", "cut ??");
}
END_TEST

START_TEST(cuts_between_characters)
{
    char out[4];

    tool_clean(out, sizeof out, "ab\xc3\xa4");
    ck_assert_str_eq(out, "ab");
    tool_clean(out, sizeof out, "a\xc3\xa4");
    ck_assert_str_eq(out, "a\xc3\xa4");
}
END_TEST

START_TEST(reads_durations_as_go_writes_them)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"0", 0},
                {"90s", 90000000000},
                {"1h0m0s", 3600000000000},
                {"1.5h", 5400000000000},
                {"250ms", 250000000},
                {".5s", 500000000},
                {"1\xc2\xb5s", 1000},
                {"7ns", 7}};
    static const char *const bad[] = {"",    "5",  "s",     "1x",           "-1s", "1s ",
                                      " 1s", ".s", "1h-1m", "99999999999h", "1s2", "1..5s"};
    int64_t ns;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(tool_duration_parse(good[i].text, &ns) == 0, "%s", good[i].text);
        ck_assert_int_eq(ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(tool_duration_parse(bad[i], &ns) < 0, "'%s'", bad[i]);
}
END_TEST

START_TEST(reads_numbers_within_their_limit)
{
    uint64_t v;

    ck_assert_int_eq(tool_number_parse("18446744073709551615", UINT64_MAX, &v), 0);
    ck_assert_uint_eq(v, UINT64_MAX);
    ck_assert_int_eq(tool_number_parse("18446744073709551616", UINT64_MAX, &v), -1);
    ck_assert_int_eq(tool_number_parse("10", 10, &v), 0);
    ck_assert_int_eq(tool_number_parse("11", 10, &v), -1);
    ck_assert_int_eq(tool_number_parse("7", 3, &v), -1);
    ck_assert_int_eq(tool_number_parse("", 10, &v), -1);
    ck_assert_int_eq(tool_number_parse("+1", 10, &v), -1);
    ck_assert_int_eq(tool_number_parse("1 ", 10, &v), -1);
}
END_TEST

START_TEST(turns_hex_and_base64_there_and_back)
{
    uint8_t data[5] = {0, 0xff, 0x10, 0x80, 0x7f}, back[5];
    char text[16];

    tool_hex(text, data, 5);
    ck_assert_str_eq(text, "00ff10807f");
    ck_assert_int_eq(tool_hex_parse(text, back, 5), 0);
    ck_assert_mem_eq(back, data, 5);
    ck_assert_int_eq(tool_hex_parse("00ff10807", back, 5), -1);
    ck_assert_int_eq(tool_hex_parse("00ff10807g", back, 5), -1);
    for (size_t len = 0; len <= 5; len++) {
        memset(back, 0xaa, sizeof back);
        tool_base64(text, data, len);
        ck_assert_int_eq(tool_base64_parse(text, back, sizeof back), (long)len);
        ck_assert_mem_eq(back, data, len);
    }
    ck_assert_int_eq(tool_base64_parse("AAA", back, 5), -1);
    ck_assert_int_eq(tool_base64_parse("A=AA", back, 5), -1);
    ck_assert_int_eq(tool_base64_parse("AAAAAAAAAAAA", back, 5), -1);
    ck_assert_int_eq(tool_base64_parse("AB==", back, 5), -1); /* bits behind the end */
    ck_assert_int_eq(tool_base64_parse("=", back, 5), -1);
}
END_TEST

START_TEST(measures_how_far_words_are_apart)
{
    ck_assert_uint_eq(tool_distance("data", "data"), 0);
    ck_assert_uint_eq(tool_distance("dta", "data"), 1);
    ck_assert_uint_eq(tool_distance("daat", "data"), 1);
    ck_assert_uint_eq(tool_distance("", "abc"), 3);
    ck_assert_uint_eq(tool_distance("result", "data"), 6);
}
END_TEST

START_TEST(writes_sizes_and_times_for_people)
{
    char out[32];

    tool_size_text(out, sizeof out, 1023);
    ck_assert_str_eq(out, "1023 B");
    tool_size_text(out, sizeof out, 1536);
    ck_assert_str_eq(out, "1.5 KiB");
    tool_size_text(out, sizeof out, UINT64_MAX);
    ck_assert_str_eq(out, "16.0 EiB");
    tool_duration_text(out, sizeof out, 2500000000);
    ck_assert_str_eq(out, "2.5 s");
    tool_duration_text(out, sizeof out, 200000000000);
    ck_assert_str_eq(out, "3 min 20 s");
    tool_duration_text(out, sizeof out, 3840000000000);
    ck_assert_str_eq(out, "1 h 4 min");
}
END_TEST

TEST_MAIN(text,
          makes_foreign_text_safe_for_a_terminal,
          cuts_between_characters,
          reads_durations_as_go_writes_them,
          reads_numbers_within_their_limit,
          turns_hex_and_base64_there_and_back,
          measures_how_far_words_are_apart,
          writes_sizes_and_times_for_people)
