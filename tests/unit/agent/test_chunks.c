/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <string.h>

#include "agent/chunks.h"

static const uint8_t mib[1024 * 1024];

static int
add(cocos__chunks *c, const char *id, const char *text, int last, int64_t now, cocos_error **err)
{
    return cocos__chunks_add(c, id, (cocos__span){(const uint8_t *)text, strlen(text)}, last, now,
                             err);
}

START_TEST(joins_pieces_up_to_the_last_which_may_be_empty)
{
    cocos__chunks c;
    cocos_error *err = NULL;

    cocos__chunks_init(&c);
    ck_assert_int_eq(add(&c, "1", "abc", 0, 0, &err), 0);
    ck_assert_int_eq(add(&c, "1", "def", 0, 1, &err), 0);
    ck_assert_int_eq(add(&c, "1", "", 1, 2, &err), 1);
    ck_assert_uint_eq(c.data.len, 6);
    ck_assert_mem_eq(c.data.data, "abcdef", 6);
    cocos__chunks_reset(&c);
    ck_assert_int_eq(add(&c, "2", "whole", 1, 3, &err), 1);
    ck_assert_uint_eq(c.data.len, 5);
    cocos__chunks_done(&c);
}
END_TEST

START_TEST(is_given_up_by_time_and_by_another_id)
{
    cocos__chunks c;
    cocos_error *err = NULL;

    cocos__chunks_init(&c);
    ck_assert(!cocos__chunks_abandoned(&c, NULL, INT64_MAX));
    ck_assert_int_eq(add(&c, "1", "abc", 0, 1000, &err), 0);
    ck_assert(!cocos__chunks_abandoned(&c, "1", 1000 + COCOS__CHUNKS_IDLE_NS - 1));
    ck_assert(cocos__chunks_abandoned(&c, NULL, 1000 + COCOS__CHUNKS_IDLE_NS));
    ck_assert(cocos__chunks_abandoned(&c, "2", 1001));
    ck_assert_int_eq(add(&c, "1", "d", 0, 5000, &err), 0);
    ck_assert(!cocos__chunks_abandoned(&c, NULL, 5000 + COCOS__CHUNKS_IDLE_NS - 1));
    cocos__chunks_done(&c);
}
END_TEST

START_TEST(refuses_a_byte_over_four_mebibytes_once_at_the_end)
{
    cocos__chunks c;
    cocos_error *err = NULL;
    cocos__span piece = {mib, sizeof mib};

    cocos__chunks_init(&c);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cocos__chunks_add(&c, "1", piece, 0, 0, &err), 0);
    ck_assert_int_eq(add(&c, "1", "", 1, 0, &err), 1);
    ck_assert_uint_eq(c.data.len, COCOS__CHUNKS_MAX);
    cocos__chunks_reset(&c);

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cocos__chunks_add(&c, "1", piece, 0, 0, &err), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(add(&c, "1", "x", 0, 0, &err), 0);
    ck_assert_uint_eq(c.data.cap, 0); /* and keeps none of it */
    assert_fails(add(&c, "1", "", 1, 0, &err), COCOS_ERR_EXHAUSTED, "manifest.size", err);
    ck_assert(!c.open);
    ck_assert_int_eq(add(&c, "1", "ok", 1, 0, &err), 1);
    cocos__chunks_done(&c);
}
END_TEST

START_TEST(refuses_ids_that_cannot_be_answered_to)
{
    cocos__chunks c;
    cocos_error *err = NULL;
    char longer[66];

    cocos__chunks_init(&c);
    memset(longer, 'a', 65);
    longer[65] = '\0';
    assert_fails(add(&c, "", "x", 0, 0, &err), COCOS_ERR_MALFORMED, "manifest.id", err);
    assert_fails(add(&c, longer, "x", 0, 0, &err), COCOS_ERR_MALFORMED, "manifest.id", err);
    longer[64] = '\0';
    ck_assert_int_eq(add(&c, longer, "x", 0, 0, &err), 0);
    cocos__chunks_done(&c);
}
END_TEST

TEST_MAIN(chunks,
          joins_pieces_up_to_the_last_which_may_be_empty,
          is_given_up_by_time_and_by_another_id,
          refuses_a_byte_over_four_mebibytes_once_at_the_end,
          refuses_ids_that_cannot_be_answered_to)
