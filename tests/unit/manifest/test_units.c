/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/model.h"

#include "suite.h"

START_TEST(reads_bytes_with_suffixes_of_1024)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"12", 12},
                {"1K", 1024},
                {"512M", UINT64_C(512) << 20},
                {"3G", UINT64_C(3) << 30},
                {"18446744073709551615", UINT64_MAX},
                {"17179869183G", UINT64_C(17179869183) << 30}};
    static const char *const bad[] = {"",
                                      "K",
                                      "1k",
                                      "1KB",
                                      "1T",
                                      "-1",
                                      " 1",
                                      "1 ",
                                      "1.5G",
                                      "0x1",
                                      "1KK",
                                      "18446744073709551616",
                                      "17179869184G"};
    uint64_t v;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(good); i++) {
        ck_assert_msg(cocos__bytes_parse(good[i].text, &v), "%s", good[i].text);
        ck_assert_uint_eq(v, good[i].bytes);
    }
    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        ck_assert_msg(!cocos__bytes_parse(bad[i], &v), "%s", bad[i]);
}
END_TEST

START_TEST(reads_durations_as_go_does)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0", 0},           {"0s", 0},
                {"10m", 600000},    {"1h30m", 5400000},
                {"1.5h", 5400000},  {"1.5s", 1500},
                {".5s", 500},       {"1.s", 1000},
                {"250ms", 250},     {"1000us", 1},
                {"2000000ns", 2},   {"1\xc2\xb5s999us", 1},
                {"30m1h", 5400000}, {"2562047h", UINT64_C(9223369200000)}};
    static const char *const bad[] = {"",
                                      "10",
                                      "m",
                                      "-1m",
                                      "+1m",
                                      "1 m",
                                      "1M",
                                      ".s",
                                      "1d",
                                      "1.5ms5us",
                                      "1ns",
                                      "9999999h",
                                      "99999999999999999999h",
                                      "1m "};
    uint64_t v;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(good); i++) {
        ck_assert_msg(cocos__duration_parse(good[i].text, &v), "%s", good[i].text);
        ck_assert_uint_eq(v, good[i].ms);
    }
    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        ck_assert_msg(!cocos__duration_parse(bad[i], &v), "%s", bad[i]);
}
END_TEST

START_TEST(reads_back_the_durations_it_prints)
{
    static const uint64_t values[] = {1,       999,     1000,    60000,
                                      3600000, 5400000, 3661001, INT64_MAX / 1000000};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(values); i++) {
        char text[64];
        uint64_t v = 0;
        cocos__duration_print(values[i], text, sizeof text);
        ck_assert_msg(cocos__duration_parse(text, &v), "%s", text);
        ck_assert_uint_eq(v, values[i]);
    }
}
END_TEST

TEST_MAIN(units,
          reads_bytes_with_suffixes_of_1024,
          reads_durations_as_go_does,
          reads_back_the_durations_it_prints)
