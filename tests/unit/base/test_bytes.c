/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

START_TEST(reads_fields_in_both_byte_orders)
{
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    cocos__reader r;

    cocos__reader_init(&r, data, sizeof data);
    ck_assert_uint_eq(cocos__read_u8(&r), 1);
    ck_assert_uint_eq(cocos__read_u16le(&r), 0x0302);
    ck_assert_uint_eq(cocos__read_u32be(&r), 0x04050607);
    ck_assert_uint_eq(cocos__read_u64le(&r), UINT64_C(0x0f0e0d0c0b0a0908));
    ck_assert_uint_eq(cocos__reader_left(&r), 0);
    ck_assert_int_eq(r.failed, 0);
}
END_TEST

START_TEST(stops_for_good_at_the_first_read_past_the_end)
{
    const uint8_t data[] = {1, 2, 3};
    uint8_t out[4] = {9, 9, 9, 9};
    cocos__reader r;

    cocos__reader_init(&r, data, sizeof data);
    ck_assert_uint_eq(cocos__read_u32le(&r), 0);
    ck_assert_int_eq(r.failed, 1);
    ck_assert_uint_eq(cocos__read_u8(&r), 0);
    cocos__read_copy(&r, out, 4);
    ck_assert_mem_eq(out, "\0\0\0\0", 4);
    ck_assert_ptr_null(cocos__read_bytes(&r, SIZE_MAX));
    ck_assert_uint_eq(cocos__reader_left(&r), 0);
}
END_TEST

START_TEST(reads_nothing_from_nothing)
{
    cocos__reader r;

    cocos__reader_init(&r, NULL, 0);
    ck_assert_ptr_nonnull(cocos__read_bytes(&r, 0));
    ck_assert_int_eq(r.failed, 0);
    ck_assert_uint_eq(cocos__read_u8(&r), 0);
    ck_assert_int_eq(r.failed, 1);
}
END_TEST

START_TEST(grows_up_to_its_limit_and_keeps_what_it_had)
{
    cocos__buf b;

    cocos__buf_init(&b, 100);
    for (int i = 0; i < 100; i++)
        cocos__buf_add_u8(&b, (uint8_t)i);
    ck_assert_int_eq(b.failed, 0);
    cocos__buf_add_u8(&b, 1);
    ck_assert_int_eq(b.failed, 1);
    ck_assert_uint_eq(b.len, 100);
    ck_assert_uint_eq(b.data[99], 99);
    ck_assert_ptr_null(cocos__buf_cstr(&b));
    cocos__buf_reset(&b);
    cocos__buf_add(&b, "again", 5);
    ck_assert_str_eq(cocos__buf_cstr(&b), "again");
    cocos__buf_done(&b);
}
END_TEST

START_TEST(writes_fields_in_both_byte_orders)
{
    cocos__buf b;

    cocos__buf_init(&b, 64);
    cocos__buf_add_u16be(&b, 0x0102);
    cocos__buf_add_u32le(&b, 0x03040506);
    cocos__buf_add_u64be(&b, UINT64_C(0x0708090a0b0c0d0e));
    cocos__buf_printf(&b, "%s-%d", "x", 42);
    ck_assert_uint_eq(b.len, 18);
    ck_assert_mem_eq(b.data, "\x01\x02\x06\x05\x04\x03\x07\x08\x09\x0a\x0b\x0c\x0d\x0ex-42", 18);
    cocos__buf_wipe_done(&b);
    ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(gives_an_empty_buffer_away_as_a_pointer)
{
    size_t len = 1;
    cocos__buf b;

    cocos__buf_init(&b, 8);
    uint8_t *data = cocos__buf_steal(&b, &len);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(len, 0);
    free(data);
}
END_TEST

START_TEST(tells_equal_from_unequal_bytes)
{
    uint8_t a[64];
    uint8_t b[64];

    memset(a, 7, sizeof a);
    memcpy(b, a, sizeof b);
    ck_assert_int_eq(cocos__equal_ct(a, b, sizeof a), 1);
    for (size_t i = 0; i < sizeof a * 8; i++) {
        b[i / 8] ^= (uint8_t)(1u << (i % 8));
        ck_assert_int_eq(cocos__equal_ct(a, b, sizeof a), 0);
        b[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    ck_assert_int_eq(cocos__equal_ct(a, b, 0), 1);
}
END_TEST

START_TEST(writes_hex_digits_of_any_length)
{
    uint8_t data[256 + 8];
    char text[2 * sizeof data + 1];
    char want[3];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    for (size_t from = 0; from < 256; from++) {
        for (size_t len = 0; len <= 8; len++) {
            memset(text, '.', sizeof text);
            cocos__hex_digits(data + from, len, text);
            for (size_t i = 0; i < len; i++) {
                snprintf(want, sizeof want, "%02x", data[from + i]);
                ck_assert_mem_eq(text + 2 * i, want, 2);
            }
            ck_assert_int_eq(text[2 * len], '.');
        }
    }
}
END_TEST

TEST_MAIN(bytes,
          reads_fields_in_both_byte_orders,
          stops_for_good_at_the_first_read_past_the_end,
          reads_nothing_from_nothing,
          grows_up_to_its_limit_and_keeps_what_it_had,
          writes_fields_in_both_byte_orders,
          gives_an_empty_buffer_away_as_a_pointer,
          tells_equal_from_unequal_bytes,
          writes_hex_digits_of_any_length)
