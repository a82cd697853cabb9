/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static cocos__json_doc *parse(const char *text)
{
    cocos__json_doc *doc = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__json_parse(text, strlen(text), 1 << 20, &doc, &err), err);
    return doc;
}

START_TEST(walks_values_of_every_kind)
{
    COCOS__CLEANUP(cocos__json_doc_freep)
    cocos__json_doc *doc = parse(
        "{\"t\": \"x\\u00e4\", \"i\": -5, \"b\": true, \"r\": 1.5, \"n\": null, \"a\": [1, {}]}");
    cocos_error *err = NULL;
    cocos__json root = cocos__json_root(doc);
    cocos__json t = cocos__json_member(&root, "t");
    cocos__json i = cocos__json_member(&root, "i");
    cocos__json b = cocos__json_member(&root, "b");
    cocos__json r = cocos__json_member(&root, "r");
    cocos__json a = cocos__json_member(&root, "a");
    cocos__json first = cocos__json_item(&a, 0);
    const char *text = NULL;
    int64_t number = 0;
    uint64_t positive = 0;
    double real = 0;
    int truth = 0;

    ck_assert_uint_eq(cocos__json_count(&root), 6);
    assert_ok(cocos__json_text(&t, &text, &err), err);
    ck_assert_str_eq(text, "x\xc3\xa4");
    assert_ok(cocos__json_int(&i, &number, &err), err);
    ck_assert_int_eq(number, -5);
    assert_fails(cocos__json_uint(&i, &positive, &err), COCOS_ERR_MALFORMED, "json.range", err);
    assert_ok(cocos__json_bool(&b, &truth, &err), err);
    ck_assert_int_eq(truth, 1);
    assert_ok(cocos__json_number(&r, &real, &err), err);
    ck_assert(real > 1.4 && real < 1.6);
    assert_fails(cocos__json_int(&r, &number, &err), COCOS_ERR_MALFORMED, "json.type", err);
    assert_ok(cocos__json_uint(&first, &positive, &err), err);
    ck_assert_uint_eq(positive, 1);
    ck_assert_uint_eq(cocos__json_count(&a), 2);
}
END_TEST

START_TEST(names_the_place_of_a_wrong_value)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = parse("{\"a\": [{\"b/c\": 1}]}");
    cocos_error *err = NULL;
    cocos__json root = cocos__json_root(doc);
    cocos__json a = cocos__json_member(&root, "a");
    cocos__json item = cocos__json_item(&a, 0);
    cocos__json b = cocos__json_member(&item, "b/c");
    cocos__json gone = cocos__json_member(&item, "gone");
    const char *text = NULL;

    ck_assert_int_eq(cocos__json_text(&b, &text, &err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_code(err), "json.type");
    ck_assert_str_eq(cocos_error_check(err), "/a/0/b~1c");
    ck_assert_str_eq(cocos_error_expected(err), "a text");
    ck_assert_str_eq(cocos_error_found(err), "a number");
    cocos_error_free(err);
    err = NULL;
    ck_assert_int_eq(cocos__json_text(&gone, &text, &err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_message(err), "/a/0/gone: expected a text, found nothing");
    ck_assert_str_eq(cocos_error_code(err), "json.absent");
    cocos_error_free(err);
}
END_TEST

START_TEST(knows_what_is_empty)
{
    COCOS__CLEANUP(cocos__json_doc_freep)
    cocos__json_doc *doc = parse("[null, false, \"\", [], {}, true, 0, \"x\", [0], {\"a\":0}]");
    cocos__json root = cocos__json_root(doc);

    for (size_t i = 0; i < 11; i++) {
        cocos__json item = cocos__json_item(&root, i);
        ck_assert_int_eq(cocos__json_is_empty(&item), i < 5 || i == 10);
    }
}
END_TEST

START_TEST(finds_every_unknown_name)
{
    static const char *const names[] = {"a", "c", NULL};
    COCOS__CLEANUP(cocos__json_doc_freep)
    cocos__json_doc *doc = parse("{\"a\": 1, \"b\": 2, \"c\": 3, \"d\": 4}");
    cocos__json root = cocos__json_root(doc);
    cocos_error *err = NULL;
    cocos__json member;
    void *state = NULL;

    ck_assert_int_eq(cocos__json_unknown(&root, names, &state, &member), 1);
    ck_assert_str_eq(member.path.name, "b");
    ck_assert_int_eq(cocos__json_unknown(&root, names, &state, &member), 1);
    ck_assert_str_eq(member.path.name, "d");
    ck_assert_int_eq(cocos__json_unknown(&root, names, &state, &member), 0);

    ck_assert_int_eq(cocos__json_only(&root, names, &err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_check(err), "/b");
    cocos_error_free(err);
}
END_TEST

static void refuse(const char *text, const char *code, const char *pointer)
{
    cocos__json_doc *doc = NULL;
    cocos_error *err = NULL;

    ck_assert_msg(cocos__json_parse(text, strlen(text), 1 << 20, &doc, &err) == COCOS_ERR_MALFORMED,
                  "%s", text);
    ck_assert_str_eq(cocos_error_code(err), code);
    if (pointer)
        ck_assert_str_eq(cocos_error_check(err), pointer);
    cocos_error_free(err);
}

START_TEST(refuses_doubled_names_with_their_pointer)
{
    refuse("{\"a\": 1, \"a\": 2}", "json.double", "/a");
    refuse("{\"x\": [0, {\"y\": {\"a/b\": 1, \"c\": [1,2], \"a/b\": 2}}]}", "json.double",
           "/x/1/y/a~1b");
    refuse("{\"a\": 1, \"\\u0061\": 2}", "json.double", NULL);
}
END_TEST

START_TEST(refuses_what_is_not_json)
{
    refuse("", "json.syntax", NULL);
    refuse("{", "json.syntax", NULL);
    refuse("{\"a\": }", "json.syntax", "/a");
    refuse("{} x", "json.syntax", NULL);
    refuse("[1,]", "json.syntax", NULL);
    refuse("{'a': 1}", "json.syntax", NULL);
    refuse("[01]", "json.syntax", NULL);
    refuse("[\"\xff\"]", "json.utf8", NULL);
    refuse("[\"\xc0\x80\"]", "json.utf8", NULL);
    refuse("[\"\\u0000\"]", "json.utf8", NULL);
    refuse("{\"a\\u0000b\": 1}", "json.utf8", NULL);
    refuse("[\"\\ud800\"]", "json.syntax", NULL);
    refuse("[9223372036854775808]", "json.number", "/0");
    refuse("[1e999]", "json.number", NULL);
}
END_TEST

START_TEST(bounds_size_and_depth)
{
    char text[2 * COCOS__JSON_DEPTH_MAX + 8] = "";
    cocos__json_doc *doc = NULL;
    cocos_error *err = NULL;

    for (int i = 0; i < COCOS__JSON_DEPTH_MAX; i++)
        strcat(text, "[");
    for (int i = 0; i < COCOS__JSON_DEPTH_MAX; i++)
        strcat(text, "]");
    cocos__json_doc_free(parse(text));
    memmove(text + 1, text, strlen(text) + 1);
    refuse(text, "json.depth", NULL);
    cocos__json_doc_free(parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ \\\" {{{{{{{\""));
    assert_fails(cocos__json_parse("[100]", 5, 4, &doc, &err), COCOS_ERR_MALFORMED, "json.size",
                 err);
}
END_TEST

START_TEST(writes_in_the_order_of_the_calls)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
    COCOS__CLEANUP(cocos__freep) char *line = NULL;
    COCOS__CLEANUP(cocos__freep) char *text = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__json_out_new(&o, &err), err);
    cocos__json_put_object(o, NULL);
    cocos__json_put_text(o, "z", "\"\n\x01");
    cocos__json_put_int(o, "i", INT64_MIN);
    cocos__json_put_array(o, "list");
    cocos__json_put_bool(o, NULL, 1);
    cocos__json_put_null(o, NULL);
    cocos__json_put_text(o, NULL, NULL);
    cocos__json_put_real(o, NULL, 0.5);
    cocos__json_put_end(o);
    cocos__json_put_hex(o, "h", (const uint8_t *)"\x01\xff", 2);
    cocos__json_put_end(o);
    assert_ok(cocos__json_finish(o, 0, &line, &err), err);
    ck_assert_str_eq(line, "{\"z\":\"\\\"\\n\\u0001\",\"i\":-9223372036854775808,"
                           "\"list\":[true,null,null,0.5],\"h\":\"01ff\"}");
    assert_ok(cocos__json_finish(o, 1, &text, &err), err);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
}
END_TEST

START_TEST(refuses_to_write_what_is_not_json)
{
    cocos_error *err = NULL;
    char *text = NULL;

    for (int i = 0; i < 6; i++) {
        COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
        assert_ok(cocos__json_out_new(&o, &err), err);
        if (i > 0)
            cocos__json_put_object(o, NULL);
        if (i == 2)
            cocos__json_put_text(o, "x", "\xff");
        if (i == 3)
            cocos__json_put_int(o, NULL, 1);
        if (i == 4)
            cocos__json_put_end(o);
        if (i >= 2)
            cocos__json_put_end(o);
        if (i == 5)
            cocos__json_put_int(o, NULL, 1);
        assert_fails(cocos__json_finish(o, 0, &text, &err), COCOS_ERR_INTERNAL, "json.encode", err);
    }
}
END_TEST

TEST_MAIN(json,
          walks_values_of_every_kind,
          names_the_place_of_a_wrong_value,
          knows_what_is_empty,
          finds_every_unknown_name,
          refuses_doubled_names_with_their_pointer,
          refuses_what_is_not_json,
          bounds_size_and_depth,
          writes_in_the_order_of_the_calls,
          refuses_to_write_what_is_not_json)
