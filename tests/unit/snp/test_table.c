/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/table.h"

#include <string.h>

#include "suite.h"

static const uint8_t vcek[16] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
                                 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};

/* One VCEK entry, a terminator, four bytes of blob. */
static void fill(uint8_t table[52], uint32_t offset, uint32_t len)
{
    memset(table, 0, 52);
    memcpy(table, vcek, 16);
    cocos__put_u32le(table + 16, offset);
    cocos__put_u32le(table + 20, len);
    memcpy(table + 48, "blob", 4);
}

START_TEST(finds_blobs_behind_the_header)
{
    uint8_t bytes[52];
    cocos__snp_table t;
    cocos_error *err = NULL;

    fill(bytes, 48, 4);
    assert_ok(cocos__snp_table_parse((cocos__span){bytes, 52}, &t, &err), err);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_int_eq(t.entry[0].kind, COCOS__SNP_TABLE_VCEK);
    ck_assert_mem_eq(t.entry[0].blob.data, "blob", 4);
}
END_TEST

START_TEST(accepts_an_empty_table)
{
    static const uint8_t zero[24];
    cocos__snp_table t;

    ck_assert_int_eq(cocos__snp_table_parse((cocos__span){zero, 24}, &t, NULL), COCOS_OK);
    ck_assert_uint_eq(t.n, 0);
}
END_TEST

START_TEST(refuses_entries_that_point_outside)
{
    static const uint32_t bad[][2] = {
        {8, 4}, {47, 4}, {48, 5}, {53, 0}, {0xfffffff0u, 0x20}, {48, 0xffffffffu}};
    uint8_t bytes[52];
    cocos__snp_table t;
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++) {
        fill(bytes, bad[i][0], bad[i][1]);
        assert_fails(cocos__snp_table_parse((cocos__span){bytes, 52}, &t, &err),
                     COCOS_ERR_MALFORMED, "snp.cert_table", err);
    }
}
END_TEST

START_TEST(refuses_tables_without_end_and_too_long_ones)
{
    uint8_t bytes[24 * 20];
    cocos__snp_table t;
    cocos_error *err = NULL;

    fill(bytes, 48, 4);
    for (size_t len = 0; len < 48; len++)
        assert_fails(cocos__snp_table_parse((cocos__span){bytes, len}, &t, &err),
                     COCOS_ERR_MALFORMED, "snp.cert_table", err);
    memset(bytes, 1, sizeof bytes);
    assert_fails(cocos__snp_table_parse((cocos__span){bytes, sizeof bytes}, &t, &err),
                 COCOS_ERR_EXHAUSTED, "snp.cert_table", err);
}
END_TEST

TEST_MAIN(table,
          finds_blobs_behind_the_header,
          accepts_an_empty_table,
          refuses_entries_that_point_outside,
          refuses_tables_without_end_and_too_long_ones)
