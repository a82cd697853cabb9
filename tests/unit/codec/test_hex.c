/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/hex.h"

#include <string.h>

#include "suite.h"

START_TEST(writes_and_reads_all_bytes)
{
    uint8_t in[256];
    uint8_t back[256];
    char text[513];
    cocos_error *err = NULL;

    for (int i = 0; i < 256; i++)
        in[i] = (uint8_t)i;
    cocos__hex_encode(in, sizeof in, text);
    ck_assert_int_eq(strncmp(text, "000102030405060708090a", 22), 0);
    ck_assert_uint_eq(strlen(text), 512);
    assert_ok(cocos__hex_decode(text, 512, back, 256, &err), err);
    ck_assert_mem_eq(in, back, 256);
    assert_ok(cocos__hex_decode("aAfF", 4, back, 2, &err), err);
    ck_assert_mem_eq(back, "\xaa\xff", 2);
    assert_ok(cocos__hex_decode("", 0, back, 0, &err), err);
}
END_TEST

START_TEST(appends_to_a_buffer)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    cocos__buf_init(&b, 8);
    cocos__buf_add_str(&b, "x=");
    cocos__hex_add(&b, (const uint8_t *)"\x01\xfe", 2);
    ck_assert_str_eq(cocos__buf_cstr(&b), "x=01fe");
    cocos__hex_add(&b, (const uint8_t *)"\x01\xfe", 2);
    ck_assert_int_eq(b.failed, 1);
}
END_TEST

START_TEST(refuses_wrong_length_and_other_characters)
{
    uint8_t out[2] = {1, 2};
    cocos_error *err = NULL;

    assert_fails(cocos__hex_decode("aabbc", 5, out, 2, &err), COCOS_ERR_MALFORMED, "hex.length",
                 err);
    assert_fails(cocos__hex_decode("aa", 2, out, 2, &err), COCOS_ERR_MALFORMED, "hex.length", err);
    assert_fails(cocos__hex_decode("aabbcc", 6, out, 2, &err), COCOS_ERR_MALFORMED, "hex.length",
                 err);
    for (int c = 0; c < 256; c++) {
        char text[4] = {'0', '0', '0', (char)c};
        if (memchr("0123456789abcdefABCDEF", c, 22))
            continue;
        assert_fails(cocos__hex_decode(text, 4, out, 2, &err), COCOS_ERR_MALFORMED, "hex.digit",
                     err);
    }
    ck_assert_int_eq(out[0], 1);
}
END_TEST

TEST_MAIN(hex,
          writes_and_reads_all_bytes,
          appends_to_a_buffer,
          refuses_wrong_length_and_other_characters)
