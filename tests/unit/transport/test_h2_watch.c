/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks of every length, in frames cut anywhere. */
#include <string.h>

#include "base/bytes.h"
#include "suite.h"
#include "transport/h2_watch.h"

#define MAX 1000

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void add_frame(cocos__buf *b, uint8_t type, size_t len)
{
    cocos__buf_add_u8(b, (uint8_t)(len >> 16));
    cocos__buf_add_u8(b, (uint8_t)(len >> 8));
    cocos__buf_add_u8(b, (uint8_t)len);
    for (int i = 0; i < 6; i++)
        cocos__buf_add_u8(b, i == 0 ? type : 0);
    for (size_t i = 0; i < len; i++)
        cocos__buf_add_u8(b, 0xff); /* what would be a frame of 16 MiB if it were read as one */
}

/* Fed in pieces of `step` bytes: how many were taken. */
static size_t feed(const cocos__buf *b, size_t step, int from_client, size_t max)
{
    cocos__h2_watch w;

    cocos__h2_watch_init(&w, max, from_client);
    for (size_t at = 0; at < b->len; at += step) {
        size_t n = step < b->len - at ? step : b->len - at;
        if (!cocos__h2_watch_feed(&w, b->data + at, n))
            return at;
    }
    return b->len;
}

static void good_stream(cocos__buf *b)
{
    cocos__buf_init(b, 1 << 20);
    cocos__buf_add(b, preface, sizeof preface - 1);
    add_frame(b, 4, 0);
    for (int i = 0; i < 20; i++) {
        add_frame(b, 1, MAX - 9);
        add_frame(b, 0, 16384); /* data has no limit here */
        add_frame(b, 1, 500);
        add_frame(b, 9, MAX - 500 - 18);
        add_frame(b, 8, 4);
    }
}

START_TEST(lets_everything_through_whose_header_blocks_are_small)
{
    cocos__buf b;

    good_stream(&b);
    for (size_t step = 1; step < 40; step++)
        ck_assert_uint_eq(feed(&b, step, 1, MAX), b.len);
    ck_assert_uint_eq(feed(&b, b.len, 1, MAX), b.len);
    cocos__buf_done(&b);
}
END_TEST

START_TEST(ends_a_header_block_that_is_a_byte_too_long_however_it_is_cut)
{
    static const struct {
        size_t first;
        size_t next;
    } blocks[] = {{MAX - 8, 0}, {0, MAX - 17}, {500, MAX - 517}, {16384, 0}, {0xffffff - 4, 0}};
    cocos__buf b;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(blocks); i++) {
        good_stream(&b);
        size_t good = b.len;
        add_frame(&b, 1, blocks[i].first < 20000 ? blocks[i].first : 0);
        if (blocks[i].first >= 20000)
            memset(b.data + good, 0xff, 3); /* announced is enough */
        if (blocks[i].next)
            add_frame(&b, 9, blocks[i].next);
        for (size_t step = 1; step < 30; step++)
            ck_assert_uint_lt(feed(&b, step, 1, MAX), b.len);
        ck_assert_uint_ge(feed(&b, 1, 1, MAX), good);
        cocos__buf_done(&b);
    }
}
END_TEST

START_TEST(ends_a_block_of_empty_frames)
{
    cocos__buf b;

    cocos__buf_init(&b, 1 << 20);
    add_frame(&b, 1, 0); /* from a server: without a preface */
    for (int i = 0; i < MAX; i++)
        add_frame(&b, 9, 0);
    ck_assert_uint_lt(feed(&b, 1, 0, MAX), MAX + 10);
    cocos__buf_done(&b);
}
END_TEST

START_TEST(watches_nothing_without_a_limit)
{
    cocos__buf b;

    cocos__buf_init(&b, 1 << 20);
    add_frame(&b, 1, 60000);
    ck_assert_uint_eq(feed(&b, 7, 0, 0), b.len);
    cocos__buf_done(&b);
}
END_TEST

TEST_MAIN(h2_watch,
          lets_everything_through_whose_header_blocks_are_small,
          ends_a_header_block_that_is_a_byte_too_long_however_it_is_cut,
          ends_a_block_of_empty_frames,
          watches_nothing_without_a_limit)
