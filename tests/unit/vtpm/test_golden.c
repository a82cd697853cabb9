/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/golden.h"

#include <string.h>

#include "suite.h"

#define V20 "\"00112233445566778899aabbccddeeff00112233\""
#define V32 "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""

static cocos__pcr_values values;

static int read_text(const char *text, int wrapped, cocos_error **err)
{
    return cocos__pcr_values_read((cocos__span){(const uint8_t *)text, strlen(text)}, wrapped,
                                  &values, err);
}

START_TEST(reads_values_of_every_bank)
{
    cocos_error *err = NULL;

    assert_ok(read_text("{\"pcr_values\":{\"sha1\":{\"0\":" V20 "},\"sha256\":{\"23\":" V32
                        ",\"7\":" V32 "}}}",
                        1, &err),
              err);
    ck_assert_uint_eq(values.mask[COCOS__BANK_SHA1], 1);
    ck_assert_uint_eq(values.mask[COCOS__BANK_SHA256], 1u << 23 | 1u << 7);
    ck_assert_uint_eq(values.mask[COCOS__BANK_SHA384], 0);
    ck_assert_uint_eq(values.value[COCOS__BANK_SHA256][23][31], 0xff);
    assert_ok(read_text("{\"sha256\":{}}", 0, &err), err);
}
END_TEST

START_TEST(refuses_everything_else)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"pcr_values\":[]}",
        "{\"pcr_values\":{\"sha3\":{}}}",
        "{\"pcr_values\":{\"sha256\":[]}}",
        "{\"pcr_values\":{\"sha256\":{\"24\":" V32 "}}}",
        "{\"pcr_values\":{\"sha256\":{\"00\":" V32 "}}}",
        "{\"pcr_values\":{\"sha256\":{\"\":" V32 "}}}",
        "{\"pcr_values\":{\"sha256\":{\"-1\":" V32 "}}}",
        "{\"pcr_values\":{\"sha256\":{\"1\":" V20 "}}}",
        "{\"pcr_values\":{\"sha256\":{\"1\":7}}}",
        "{\"pcr_values\":{\"sha256\":{\"1\":" V32 ",\"1\":" V32 "}}}",
        "{\"pcr_values\":{},\"policy\":{}}",
    };
    cocos_error *err = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(read_text(bad[i], 1, &err), COCOS_ERR_MALFORMED, "vtpm.pcr_policy_format",
                     err);
}
END_TEST

TEST_MAIN(golden, reads_values_of_every_bank, refuses_everything_else)
