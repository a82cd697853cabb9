/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <string.h>

#include "agent/record.h"
#include "agent/state.h"

static cocos__record sample(void)
{
    cocos__record r = {.runs = 7,
                       .next_event = 1234567890123,
                       .first_event = 17,
                       .state = COCOS__AGENT_CONSUMING_RESULTS,
                       .assets_wiped = 1,
                       .start_run = 3,
                       .start_mono_ns = 4,
                       .start_wall_s = -5,
                       .complete_boot_ns = 42,
                       .failure = "job.failed"};

    r.result[0] = (cocos__record_file){1, 1u << 30, {0xaa}};
    r.result[1] = (cocos__record_file){0, 0, {0}};
    r.delivered[31] = 0x80;
    return r;
}

static void encode(cocos__buf *b)
{
    cocos__record r = sample();

    cocos__buf_init(b, 4096);
    cocos__record_encode(&r, b);
    ck_assert(!b->failed);
}

START_TEST(gives_back_what_was_stored)
{
    cocos__buf b;
    cocos__record got;
    cocos_error *err = NULL;
    cocos__record want = sample();

    encode(&b);
    assert_ok(cocos__record_decode(b.data, b.len, &got, &err), err);
    ck_assert_uint_eq(got.runs, want.runs);
    ck_assert_uint_eq(got.next_event, want.next_event);
    ck_assert_uint_eq(got.first_event, want.first_event);
    ck_assert_int_eq(got.state, want.state);
    ck_assert_int_eq(got.assets_wiped, 1);
    ck_assert_uint_eq(got.start_run, 3);
    ck_assert_uint_eq(got.start_mono_ns, 4);
    ck_assert_int_eq(got.start_wall_s, -5);
    ck_assert_int_eq(got.complete_boot_ns, 42);
    ck_assert_str_eq(got.failure, "job.failed");
    ck_assert_int_eq(got.result[0].present, 1);
    ck_assert_uint_eq(got.result[0].size, 1u << 30);
    ck_assert_mem_eq(got.result[0].digest, want.result[0].digest, 32);
    ck_assert_int_eq(got.result[1].present, 0);
    ck_assert_mem_eq(got.delivered, want.delivered, sizeof got.delivered);
    cocos__buf_done(&b);
}
END_TEST

START_TEST(refuses_every_changed_byte_and_every_other_length)
{
    cocos__buf b;
    cocos__record got;

    encode(&b);
    for (size_t i = 0; i < b.len; i++) {
        cocos_error *err = NULL;
        b.data[i] ^= 0x21;
        assert_fails(cocos__record_decode(b.data, b.len, &got, &err), COCOS_ERR_MALFORMED,
                     "agent.record", err);
        b.data[i] ^= 0x21;
        assert_fails(cocos__record_decode(b.data, i, &got, &err), COCOS_ERR_MALFORMED,
                     "agent.record", err);
        ck_assert_uint_eq(got.runs, 0);
    }
    cocos__buf_add_u8(&b, 0);
    cocos_error *err = NULL;
    assert_fails(cocos__record_decode(b.data, b.len, &got, &err), COCOS_ERR_MALFORMED,
                 "agent.record", err);
    cocos__buf_done(&b);
}
END_TEST

TEST_MAIN(record, gives_back_what_was_stored, refuses_every_changed_byte_and_every_other_length)
