/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include <string.h>

#include "suite.h"

/* RFC 4648 section 10, and bytes that show the two alphabets. */
static const struct {
    const char *data;
    const char *padded;
    const char *url;
} examples[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbe", "+/++", "-_--"},
};

static void check(int variant, const char *data, const char *text)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf back;
    cocos_error *err = NULL;

    cocos__buf_init(&b, 100);
    cocos__buf_init(&back, 100);
    cocos__base64_add(&b, variant, (const uint8_t *)data, strlen(data));
    ck_assert_str_eq(cocos__buf_cstr(&b), text);
    assert_ok(cocos__base64_decode(variant, text, strlen(text), &back, &err), err);
    ck_assert_str_eq(cocos__buf_cstr(&back), data);
}

START_TEST(agrees_with_the_published_examples)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(examples); i++) {
        check(COCOS__BASE64, examples[i].data, examples[i].padded);
        check(COCOS__BASE64_URL, examples[i].data, examples[i].url);
    }
}
END_TEST

static void refuse(int variant, const char *text)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos_error *err = NULL;

    cocos__buf_init(&b, 100);
    cocos__buf_add_str(&b, "kept");
    assert_fails(cocos__base64_decode(variant, text, strlen(text), &b, &err), COCOS_ERR_MALFORMED,
                 "base64.form", err);
    ck_assert_str_eq(cocos__buf_cstr(&b), "kept");
}

START_TEST(refuses_every_second_form_of_a_value)
{
    static const char *const padded[] = {
        "Zg",    "Zg=",    "Zg===", "Z===", "====",     "Zh==", "Zm9=",  "Zm9v ",
        " Zm9v", "Zm9v\n", "Zm-v",  "Zm_v", "Zg==Zg==", "Z",    "Zm9v=", "Zm9vYg==="};
    static const char *const url[] = {"Zg==", "Zh", "Zm9", "Z", "Zm+v", "Zm/v", "Zm9v "};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(padded); i++)
        refuse(COCOS__BASE64, padded[i]);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(url); i++)
        refuse(COCOS__BASE64_URL, url[i]);
}
END_TEST

START_TEST(says_when_the_buffer_is_full)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos_error *err = NULL;

    cocos__buf_init(&b, 2);
    ck_assert_int_eq(cocos__base64_decode(COCOS__BASE64, "Zm9v", 4, &b, &err), COCOS_ERR_MEMORY);
    cocos_error_free(err);
}
END_TEST

TEST_MAIN(base64,
          agrees_with_the_published_examples,
          refuses_every_second_form_of_a_value,
          says_when_the_buffer_is_full)
