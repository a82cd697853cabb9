/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/cbor.h"

#include <string.h>

#include "codec/hex.h"

#include "suite.h"

static size_t bytes_of(const char *hex, uint8_t *out)
{
    cocos_error *err = NULL;
    size_t n = strlen(hex) / 2;

    assert_ok(cocos__hex_decode(hex, strlen(hex), out, n, &err), err);
    return n;
}

static int open_flags(const char *hex, int flags, cocos_error **err)
{
    uint8_t data[512];
    cocos__cbor root;

    return cocos__cbor_open(data, bytes_of(hex, data), flags, &root, err);
}

#define assert_encodes(b, hex)                                                                     \
    do {                                                                                           \
        char text[512];                                                                            \
        ck_assert_int_eq((b)->failed, 0);                                                          \
        cocos__hex_encode((b)->data, (b)->len, text);                                              \
        ck_assert_str_eq(text, hex);                                                               \
    } while (0)

/* RFC 8949 appendix A. */
START_TEST(writes_numbers_as_the_rfc_does)
{
    static const struct {
        int64_t v;
        const char *hex;
    } examples[] = {{0, "00"},
                    {23, "17"},
                    {24, "1818"},
                    {255, "18ff"},
                    {256, "190100"},
                    {65535, "19ffff"},
                    {65536, "1a00010000"},
                    {1000000000000, "1b000000e8d4a51000"},
                    {-1, "20"},
                    {-100, "3863"},
                    {-1000, "3903e7"},
                    {INT64_MIN, "3b7fffffffffffffff"}};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(examples); i++) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
        cocos__buf_init(&b, 64);
        cocos__cbor_put_int(&b, examples[i].v);
        assert_encodes(&b, examples[i].hex);

        cocos__cbor root;
        int64_t back;
        ck_assert_int_eq(cocos__cbor_open(b.data, b.len, COCOS__CBOR_STRICT, &root, NULL),
                         COCOS_OK);
        ck_assert_int_eq(cocos__cbor_int(&root, &back, NULL), COCOS_OK);
        ck_assert_int_eq(back, examples[i].v);
    }
}
END_TEST

START_TEST(sorts_the_keys_of_maps_bytewise)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__cbor_map outer;
    cocos__cbor_map inner;

    cocos__buf_init(&b, 200);
    cocos__cbor_map_begin(&outer, &b);
    cocos__cbor_map_name(&outer, "aa");
    cocos__cbor_put_null(&b);
    cocos__cbor_map_name(&outer, "z");
    cocos__cbor_map_begin(&inner, &b);
    cocos__cbor_map_key(&inner, -1);
    cocos__cbor_put_bool(&b, 1);
    cocos__cbor_map_key(&inner, 100);
    cocos__cbor_put_bool(&b, 0);
    cocos__cbor_map_key(&inner, 10);
    cocos__cbor_put_bytes(&b, (const uint8_t *)"\x01", 1);
    cocos__cbor_map_end(&inner);
    cocos__cbor_map_key(&outer, 5);
    cocos__cbor_put_tag(&b, 18);
    cocos__cbor_put_array(&b, 1);
    cocos__cbor_put_uint(&b, UINT64_MAX);
    cocos__cbor_map_end(&outer);
    /* RFC 8949 section 4.2.1: 10, 100, -1, "z", "aa". */
    assert_encodes(&b, "a305d2811bffffffffffffffff617aa30a41011864f420f5626161f6");
    ck_assert_int_eq(
        open_flags("a305d2811bffffffffffffffff617aa30a41011864f420f5626161f6", 0, NULL), COCOS_OK);
}
END_TEST

START_TEST(fails_the_buffer_for_a_doubled_key)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__cbor_map m;

    cocos__buf_init(&b, 200);
    cocos__cbor_map_begin(&m, &b);
    cocos__cbor_map_key(&m, 1);
    cocos__cbor_put_uint(&b, 1);
    cocos__cbor_map_key(&m, 2);
    cocos__cbor_put_uint(&b, 1);
    cocos__cbor_map_key(&m, 1);
    cocos__cbor_put_uint(&b, 2);
    cocos__cbor_map_end(&m);
    ck_assert_int_eq(b.failed, 1);
}
END_TEST

START_TEST(fails_the_buffer_for_too_many_keys)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__cbor_map m;

    cocos__buf_init(&b, 2000);
    cocos__cbor_map_begin(&m, &b);
    for (int i = 0; i <= COCOS__CBOR_MAP_MAX; i++) {
        cocos__cbor_map_key(&m, i);
        cocos__cbor_put_null(&b);
    }
    cocos__cbor_map_end(&m);
    ck_assert_int_eq(b.failed, 1);
}
END_TEST

START_TEST(refuses_every_form_but_one)
{
    static const struct {
        const char *hex;
        const char *code;
    } bad[] = {
        {"", "cbor.short"},
        {"18", "cbor.short"},
        {"4201", "cbor.short"},
        {"820001ff", "cbor.trailing"},
        {"8201", "cbor.short"},
        {"a101", "cbor.short"},
        {"9bffffffffffffffff00", "cbor.short"},
        {"bbffffffffffffffff0000", "cbor.short"},
        {"5bffffffffffffffff00", "cbor.short"},
        {"0000", "cbor.trailing"},
        {"1817", "cbor.head"},
        {"1900ff", "cbor.head"},
        {"1a0000ffff", "cbor.head"},
        {"1b00000000ffffffff", "cbor.head"},
        {"3817", "cbor.head"},
        {"580101", "cbor.head"},
        {"780161", "cbor.head"},
        {"980100", "cbor.head"},
        {"b8010000", "cbor.head"},
        {"d80100", "cbor.head"},
        {"9f00ff", "cbor.indefinite"},
        {"bf0000ff", "cbor.indefinite"},
        {"5f4100ff", "cbor.indefinite"},
        {"7f6161ff", "cbor.indefinite"},
        {"ff", "cbor.indefinite"},
        {"a201000100", "cbor.double"},
        {"a202000100", "cbor.order"},
        {"a220000100", "cbor.order"},
        {"a18000", "cbor.key"},
        {"a1f600", "cbor.key"},
        {"61ff", "cbor.utf8"},
        {"62c080", "cbor.utf8"},
        {"f7", "cbor.value"},
        {"f93c00", "cbor.value"},
        {"fa47c35000", "cbor.value"},
        {"fb3ff199999999999a", "cbor.value"},
        {"f800", "cbor.malformed"},
        {"e0", "cbor.malformed"},
        {"1c", "cbor.malformed"},
        {"5c", "cbor.malformed"},
        {"fc", "cbor.malformed"},
    };

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++) {
        cocos_error *err = NULL;
        int r = open_flags(bad[i].hex, COCOS__CBOR_STRICT, &err);
        ck_assert_msg(r == COCOS_ERR_MALFORMED, "%s", bad[i].hex);
        ck_assert_msg(strcmp(cocos_error_code(err), bad[i].code) == 0, "%s: %s", bad[i].hex,
                      cocos_error_code(err));
        cocos_error_free(err);
    }
}
END_TEST

START_TEST(takes_foreign_order_but_no_doubled_keys)
{
    cocos_error *err = NULL;

    assert_ok(open_flags("a3020001006161a22000187800", COCOS__CBOR_FOREIGN, &err), err);
    assert_ok(open_flags("83f93c00fa47c35000fb3ff199999999999a", COCOS__CBOR_FOREIGN, &err), err);
    assert_fails(open_flags("a3020001000200", COCOS__CBOR_FOREIGN, &err), COCOS_ERR_MALFORMED,
                 "cbor.double", err);
    assert_fails(open_flags("a10180ff", COCOS__CBOR_FOREIGN, &err), COCOS_ERR_MALFORMED,
                 "cbor.trailing", err);
    assert_fails(open_flags("a1019f00ff", COCOS__CBOR_FOREIGN, &err), COCOS_ERR_MALFORMED,
                 "cbor.indefinite", err);
}
END_TEST

START_TEST(refuses_to_nest_deeper_than_sixteen)
{
    cocos_error *err = NULL;
    uint8_t data[COCOS__CBOR_DEPTH_MAX + 2];
    cocos__cbor root;

    for (size_t i = 0; i < 2; i++) {
        static const uint8_t heads[] = {0x81, 0xc1}; /* array of one, tag 1 */
        memset(data, heads[i], sizeof data);
        data[COCOS__CBOR_DEPTH_MAX] = 0;
        assert_ok(cocos__cbor_open(data, sizeof data - 1, COCOS__CBOR_STRICT, &root, &err), err);
        data[COCOS__CBOR_DEPTH_MAX] = heads[i];
        data[COCOS__CBOR_DEPTH_MAX + 1] = 0;
        assert_fails(cocos__cbor_open(data, sizeof data, COCOS__CBOR_STRICT, &root, &err),
                     COCOS_ERR_MALFORMED, "cbor.depth", err);
    }
}
END_TEST

/* {1: "text", 2: [10, -3, h'0102'], "name": true} */
static const char sample[] = "a301647465787402830a22420102646e616d65f5";

START_TEST(walks_members_and_items)
{
    uint8_t data[64];
    cocos_error *err = NULL;
    cocos__cbor root;
    cocos__span s;
    int64_t i;
    uint64_t u;
    int truth;
    const uint8_t *bytes;

    assert_ok(cocos__cbor_open(data, bytes_of(sample, data), 0, &root, &err), err);
    ck_assert_int_eq(cocos__cbor_kind(&root), COCOS__CBOR_MAP);
    ck_assert_uint_eq(cocos__cbor_count(&root), 3);

    cocos__cbor text = cocos__cbor_member(&root, 1);
    assert_ok(cocos__cbor_text(&text, &s, &err), err);
    ck_assert(s.len == 4 && memcmp(s.data, "text", 4) == 0);
    assert_ok(cocos__cbor_text_is(&text, "text", &err), err);
    assert_fails(cocos__cbor_text_is(&text, "other", &err), COCOS_ERR_MALFORMED, "cbor.constant",
                 err);

    cocos__cbor list = cocos__cbor_member(&root, 2);
    cocos__cbor_iter it;
    cocos__cbor item;
    cocos__cbor_each(&it, &list);
    ck_assert_int_eq(cocos__cbor_next(&it, NULL, &item), 1);
    assert_ok(cocos__cbor_uint(&item, &u, &err), err);
    ck_assert_uint_eq(u, 10);
    ck_assert_int_eq(cocos__cbor_next(&it, NULL, &item), 1);
    assert_ok(cocos__cbor_int(&item, &i, &err), err);
    ck_assert_int_eq(i, -3);
    assert_fails(cocos__cbor_uint(&item, &u, &err), COCOS_ERR_MALFORMED, "cbor.type", err);
    ck_assert_int_eq(cocos__cbor_next(&it, NULL, &item), 1);
    assert_ok(cocos__cbor_bytes_n(&item, 2, &bytes, &err), err);
    ck_assert_mem_eq(bytes, "\x01\x02", 2);
    ck_assert_int_eq(cocos__cbor_bytes_n(&item, 3, &bytes, &err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_code(err), "cbor.length");
    ck_assert_str_eq(cocos_error_check(err), "/2/2");
    cocos_error_free(err);
    err = NULL;
    ck_assert_int_eq(cocos__cbor_next(&it, NULL, &item), 0);

    cocos__cbor name = cocos__cbor_named(&root, "name");
    assert_ok(cocos__cbor_bool(&name, &truth, &err), err);
    ck_assert_int_eq(truth, 1);
}
END_TEST

START_TEST(names_what_is_missing_or_unknown)
{
    static const char *const names[] = {"name", NULL};
    uint8_t data[64];
    cocos_error *err = NULL;
    cocos__cbor root;
    cocos__span s;

    assert_ok(cocos__cbor_open(data, bytes_of(sample, data), 0, &root, &err), err);
    cocos__cbor none = cocos__cbor_member(&root, 9);
    ck_assert_int_eq(cocos__cbor_kind(&none), COCOS__CBOR_ABSENT);
    ck_assert_int_eq(cocos__cbor_bytes(&none, &s, &err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_code(err), "cbor.absent");
    ck_assert_str_eq(cocos_error_message(err), "/9: expected bytes, found nothing");
    cocos_error_free(err);
    err = NULL;

    none = cocos__cbor_named(&none, "deeper");
    assert_fails(cocos__cbor_bytes(&none, &s, &err), COCOS_ERR_MALFORMED, "cbor.absent", err);
    assert_fails(cocos__cbor_only(&root, 1, 2, &err), COCOS_ERR_MALFORMED, "cbor.unknown", err);
    assert_fails(cocos__cbor_only_names(&root, names, &err), COCOS_ERR_MALFORMED, "cbor.unknown",
                 err);

    assert_ok(cocos__cbor_open(data, bytes_of("a2010018ff00", data), 0, &root, &err), err);
    assert_ok(cocos__cbor_only(&root, 1, 255, &err), err);
    assert_fails(cocos__cbor_only(&root, 1, 254, &err), COCOS_ERR_MALFORMED, "cbor.unknown", err);
}
END_TEST

START_TEST(opens_tags_by_number)
{
    uint8_t data[64];
    cocos_error *err = NULL;
    cocos__cbor root;
    cocos__cbor inner;
    uint64_t u;

    assert_ok(cocos__cbor_open(data, bytes_of("d205", data), 0, &root, &err), err);
    assert_ok(cocos__cbor_untag(&root, 18, &inner, &err), err);
    assert_ok(cocos__cbor_uint(&inner, &u, &err), err);
    ck_assert_uint_eq(u, 5);
    assert_fails(cocos__cbor_untag(&root, 17, &inner, &err), COCOS_ERR_MALFORMED, "cbor.tag", err);
    assert_fails(cocos__cbor_untag(&inner, 17, &inner, &err), COCOS_ERR_MALFORMED, "cbor.type",
                 err);
}
END_TEST

START_TEST(refuses_numbers_that_do_not_fit)
{
    uint8_t data[64];
    cocos_error *err = NULL;
    cocos__cbor root;
    int64_t i;

    assert_ok(cocos__cbor_open(data, bytes_of("1b8000000000000000", data), 0, &root, &err), err);
    assert_fails(cocos__cbor_int(&root, &i, &err), COCOS_ERR_MALFORMED, "cbor.range", err);
    assert_ok(cocos__cbor_open(data, bytes_of("3b8000000000000000", data), 0, &root, &err), err);
    assert_fails(cocos__cbor_int(&root, &i, &err), COCOS_ERR_MALFORMED, "cbor.range", err);
}
END_TEST

/* Whatever a changed bit makes of it, it is refused, or it is another value in its one form. */
START_TEST(walks_whatever_the_check_lets_through)
{
    uint8_t data[64];
    size_t len = bytes_of(sample, data);

    for (size_t bit = 0; bit < 8 * len; bit++) {
        cocos__cbor root;
        cocos__cbor_iter it;
        cocos__cbor key;
        cocos__cbor value;
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (cocos__cbor_open(data, len, 0, &root, NULL) == COCOS_OK) {
            size_t total = 0;
            for (cocos__cbor_each(&it, &root); cocos__cbor_next(&it, &key, &value);)
                total += value.len + (it.is_map ? key.len : 0);
            ck_assert_uint_lt(total, len + 1);
        }
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

TEST_MAIN(cbor,
          writes_numbers_as_the_rfc_does,
          sorts_the_keys_of_maps_bytewise,
          fails_the_buffer_for_a_doubled_key,
          fails_the_buffer_for_too_many_keys,
          refuses_every_form_but_one,
          takes_foreign_order_but_no_doubled_keys,
          refuses_to_nest_deeper_than_sixteen,
          walks_members_and_items,
          names_what_is_missing_or_unknown,
          opens_tags_by_number,
          refuses_numbers_that_do_not_fit,
          walks_whatever_the_check_lets_through)
