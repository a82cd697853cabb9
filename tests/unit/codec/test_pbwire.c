/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pbwire.h"

#include <string.h>

#include "suite.h"

static int next(const char *bytes, size_t len, cocos__pb_field *f, cocos_error **err)
{
    cocos__pb pb;

    cocos__pb_init(&pb, (cocos__span){(const uint8_t *)bytes, len});
    return cocos__pb_next(&pb, f, err);
}

START_TEST(reads_every_type_in_turn)
{
    static const uint8_t message[] = {0x08, 0x96, 0x01,                            /* 1: 150 */
                                      0x12, 0x02, 'h',  'i',                       /* 2: "hi" */
                                      0x1d, 0x01, 0x00, 0x00, 0x80,                /* 3 */
                                      0x21, 0x01, 0,    0,    0,    0, 0, 0, 0x80, /* 4 */
                                      0x2a, 0x00};                                 /* 5: "" */
    cocos__pb pb;
    cocos__pb_field f;
    cocos_error *err = NULL;

    cocos__pb_init(&pb, (cocos__span){message, sizeof message});
    ck_assert_int_eq(cocos__pb_next(&pb, &f, &err), 1);
    ck_assert(f.number == 1 && f.type == COCOS__PB_VARINT && f.value == 150);
    ck_assert_int_eq(cocos__pb_next(&pb, &f, &err), 1);
    ck_assert(f.number == 2 && f.bytes.len == 2 && memcmp(f.bytes.data, "hi", 2) == 0);
    assert_fails(cocos__pb_expect(&f, COCOS__PB_VARINT, &err), COCOS_ERR_MALFORMED, "protobuf.type",
                 err);
    ck_assert_int_eq(cocos__pb_next(&pb, &f, &err), 1);
    ck_assert(f.number == 3 && f.type == COCOS__PB_FIXED32 && f.value == 0x80000001u);
    ck_assert_int_eq(cocos__pb_next(&pb, &f, &err), 1);
    ck_assert(f.number == 4 && f.type == COCOS__PB_FIXED64 &&
              f.value == UINT64_C(0x8000000000000001));
    ck_assert_int_eq(cocos__pb_next(&pb, &f, &err), 1);
    ck_assert(f.number == 5 && f.bytes.len == 0 && f.bytes.data);
    assert_ok(cocos__pb_expect(&f, COCOS__PB_BYTES, &err), err);
    ck_assert_int_eq(cocos__pb_next(&pb, &f, &err), 0);
    ck_assert_int_eq(cocos__pb_next(&pb, &f, &err), 0);
}
END_TEST

START_TEST(reads_the_largest_number)
{
    cocos__pb_field f;

    ck_assert_int_eq(next("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, &f, NULL), 1);
    ck_assert(f.value == UINT64_MAX);
    ck_assert_int_eq(next("\xf8\xff\xff\xff\x0f\x00", 6, &f, NULL), 1);
    ck_assert_uint_eq(f.number, (1u << 29) - 1);
}
END_TEST

START_TEST(refuses_what_is_not_a_field)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x08", 1},                                              /* no value */
        {"\x08\x80", 2},                                          /* number cut */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},     /* 65 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12}, /* 11 bytes */
        {"\x00\x01", 2},                                          /* field 0 */
        {"\x80\x80\x80\x80\x10\x00", 6},                          /* field 2^29 */
        {"\x0b", 1},                                              /* group */
        {"\x0c", 1},
        {"\x0e\x00", 2}, /* types 6 and 7 */
        {"\x0f\x00", 2},
        {"\x12\x02x", 3}, /* longer than the rest */
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
        {"\x1d\x00\x00\x00", 4},
        {"\x21\x00\x00\x00\x00\x00\x00\x00", 8},
    };

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++) {
        cocos_error *err = NULL;
        cocos__pb_field f;
        assert_fails(next(bad[i].bytes, bad[i].len, &f, &err), COCOS_ERR_MALFORMED, "protobuf.form",
                     err);
    }
}
END_TEST

TEST_MAIN(pbwire, reads_every_type_in_turn, reads_the_largest_number, refuses_what_is_not_a_field)
