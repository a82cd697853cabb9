/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/log.h"

#include <string.h>

#include "suite.h"
#include "tpm_maker.h"

static EVP_PKEY *key;
static cocos__replay replay;

static cocos__span span(const cocos__buf *b)
{
    return (cocos__span){b->data, b->len};
}

static tpm_plan plan(unsigned banks)
{
    if (!key)
        key = pki_key_ec("P-256");
    tpm_plan p = tpm_plan_new(key);
    p.logged = banks;
    return p;
}

START_TEST(replays_every_bank_of_a_log)
{
    tpm_plan p = plan(0xf);
    tpm_parts *t = tpm_make(&p);
    cocos_error *err = NULL;

    assert_ok(cocos__log_replay(span(&t->log), 0xf, &replay, &err), err);
    ck_assert_uint_eq(replay.banks, 0xf);
    ck_assert_uint_eq(replay.events, p.n_events);
    for (int b = 0; b < COCOS__BANKS; b++) {
        ck_assert_uint_eq(replay.touched[b], 0x2b3);
        for (int i = 0; i < 10; i++)
            ck_assert_mem_eq(replay.pcr[b][i], t->pcr[b][i], tpm_banks[b].size);
    }
    assert_ok(cocos__log_replay(span(&t->log), 2, &replay, &err), err);
    ck_assert_uint_eq(replay.banks, 2);
    tpm_parts_free(t);
}
END_TEST

START_TEST(begins_pcr_0_at_the_locality_of_the_log)
{
    static const int localities[] = {0, 3, 4};

    for (size_t i = 0; i < 3; i++) {
        tpm_plan p = plan(2);
        p.locality = localities[i];
        tpm_parts *t = tpm_make(&p);
        assert_ok(cocos__log_replay(span(&t->log), 2, &replay, NULL), NULL);
        ck_assert_int_eq(replay.locality, localities[i]);
        ck_assert_mem_eq(replay.pcr[1][0], t->pcr[1][0], 32);
        tpm_parts_free(t);
    }
}
END_TEST

START_TEST(applies_a_locality_that_comes_late)
{
    tpm_plan p = plan(2);
    p.locality = 3;
    tpm_parts *t = tpm_make(&p);
    tpm_plan q = plan(2);
    tpm_parts *late = tpm_make(&q);

    tpm_log_event(&q, &(tpm_event){0, 3, "StartupLocality\0\3", 17}, &late->log);
    assert_ok(cocos__log_replay(span(&late->log), 2, &replay, NULL), NULL);
    ck_assert_mem_eq(replay.pcr[1][0], t->pcr[1][0], 32);
    tpm_parts_free(t);
    tpm_parts_free(late);
}
END_TEST

static void refuse_event(tpm_event e, const char *code)
{
    tpm_plan p = plan(2);
    tpm_parts *t = tpm_make(&p);
    cocos_error *err = NULL;

    tpm_log_event(&p, &e, &t->log);
    assert_fails(cocos__log_replay(span(&t->log), 2, &replay, &err), COCOS_ERR_MALFORMED, code,
                 err);
    tpm_parts_free(t);
}

START_TEST(refuses_events_that_cannot_be)
{
    refuse_event((tpm_event){24, 4, "\0\0\0\0", 4}, "vtpm.log_format");
    refuse_event((tpm_event){0, 3, "StartupLocality\0\1", 17}, "vtpm.log_format");
    refuse_event((tpm_event){0, 3, "StartupLocality\0\3x", 18}, "vtpm.log_format");
}
END_TEST

START_TEST(lets_records_without_action_name_any_register)
{
    tpm_plan p = plan(2);
    tpm_parts *t = tpm_make(&p);

    tpm_log_event(&p, &(tpm_event){0xffffffff, 3, "reference measurements", 22}, &t->log);
    assert_ok(cocos__log_replay(span(&t->log), 2, &replay, NULL), NULL);
    ck_assert_mem_eq(replay.pcr[1][0], t->pcr[1][0], 32);
    tpm_parts_free(t);
}
END_TEST

START_TEST(refuses_a_log_cut_anywhere_but_between_records)
{
    tpm_plan p = plan(6);
    tpm_parts *t = tpm_make(&p);
    size_t whole = 0;

    for (size_t n = 0; n < t->log.len; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, t->log.data, n);
        int r = cocos__log_replay((cocos__span){copy, n}, 6, &replay, NULL);
        ck_assert(r == COCOS_OK || r == COCOS_ERR_MALFORMED);
        /* A record of PCR 0 that is cut within its first four bytes looks like padding. */
        whole += r == COCOS_OK;
        free(copy);
    }
    ck_assert_uint_le(whole, p.n_events * 5);
    tpm_parts_free(t);
}
END_TEST

START_TEST(ends_at_padding)
{
    static const uint8_t fill[] = {0x00, 0xff};

    for (size_t i = 0; i < 2; i++) {
        tpm_plan p = plan(2);
        tpm_parts *t = tpm_make(&p);
        memset(cocos__buf_room(&t->log, 100), fill[i], 100);
        assert_ok(cocos__log_replay(span(&t->log), 2, &replay, NULL), NULL);
        ck_assert_uint_eq(replay.events, p.n_events);
        cocos__buf_add_u8(&t->log, 1);
        ck_assert_int_ne(cocos__log_replay(span(&t->log), 2, &replay, NULL), COCOS_OK);
        tpm_parts_free(t);
    }
}
END_TEST

/* As some firmware ends its log area; anything behind the zeros makes it a bad record again. */
START_TEST(ends_at_a_register_that_there_is_not)
{
    tpm_plan p = plan(2);
    tpm_parts *t = tpm_make(&p);

    memset(cocos__buf_room(&t->log, 4), 0xff, 4);
    memset(cocos__buf_room(&t->log, 96), 0, 96);
    assert_ok(cocos__log_replay(span(&t->log), 2, &replay, NULL), NULL);
    ck_assert_uint_eq(replay.events, p.n_events);
    ck_assert_mem_eq(replay.pcr[1][0], t->pcr[1][0], 32);
    cocos__buf_add_u8(&t->log, 1);
    ck_assert_int_ne(cocos__log_replay(span(&t->log), 2, &replay, NULL), COCOS_OK);
    tpm_parts_free(t);
}
END_TEST

START_TEST(refuses_a_record_that_extends_nothing)
{
    for (unsigned type = 3; type <= 4; type++) {
        tpm_plan p = plan(2);
        tpm_parts *t = tpm_make(&p);
        cocos_error *err = NULL;
        const uint32_t words[] = {1, type, 0, 0}; /* register, type, no digest, no data */

        for (size_t i = 0; i < 4; i++)
            cocos__buf_add_u32le(&t->log, words[i]);
        int r = cocos__log_replay(span(&t->log), 2, &replay, &err);
        ck_assert_int_eq(r, type == 3 ? COCOS_OK : COCOS_ERR_MALFORMED);
        cocos_error_free(err);
        tpm_parts_free(t);
    }
}
END_TEST

/* Where the header of a log of SHA-1 and SHA-256 keeps its list. */
#define OFF_COUNT (32 + 16 + 8)
#define OFF_ALGS  (OFF_COUNT + 4)

static void refuse_header(size_t at, uint8_t value, const char *code)
{
    tpm_plan p = plan(3);
    tpm_parts *t = tpm_make(&p);
    cocos_error *err = NULL;

    t->log.data[at] = value;
    assert_fails(cocos__log_replay(span(&t->log), 2, &replay, &err), COCOS_ERR_MALFORMED, code,
                 err);
    tpm_parts_free(t);
}

START_TEST(refuses_headers_that_lie)
{
    refuse_header(OFF_COUNT, 0, "vtpm.log_format");
    refuse_header(OFF_COUNT, 1, "vtpm.log_format");
    refuse_header(OFF_COUNT, 17, "vtpm.log_format");
    refuse_header(OFF_ALGS + 2, 21, "vtpm.log_algorithm");
    refuse_header(OFF_ALGS + 4, 0x04, "vtpm.log_algorithm");
    refuse_header(OFF_ALGS + 4, 0x12, "vtpm.log_algorithm");
    refuse_header(OFF_ALGS + 8, 1, "vtpm.log_format");
    /* The first event: one digest more than announced, the second algorithm twice. */
    refuse_header(OFF_ALGS + 9 + 8, 3, "vtpm.log_format");
    refuse_header(OFF_ALGS + 9 + 12 + 22, 0x04, "vtpm.log_algorithm");
    refuse_header(OFF_ALGS + 9 + 12 + 22, 0x0c, "vtpm.log_algorithm");
}
END_TEST

static void old_event(cocos__buf *b, const tpm_event *e)
{
    uint8_t digest[20];

    tpm_hash(0, e->data, e->len, digest);
    cocos__buf_add_u32le(b, e->pcr);
    cocos__buf_add_u32le(b, e->type);
    cocos__buf_add(b, digest, 20);
    cocos__buf_add_u32le(b, (uint32_t)e->len);
    cocos__buf_add(b, e->data, e->len);
}

START_TEST(reads_the_sha1_form_with_and_without_header)
{
    tpm_plan p = plan(1);
    tpm_parts *t = tpm_make(&p);

    for (int header = 0; header < 2; header++) {
        cocos__buf b;
        cocos__buf_init(&b, 1u << 16);
        if (header)
            old_event(&b, &(tpm_event){0, 3, "Spec ID Event00\0\0\0\0\0\0\2\1\0\2\0", 25});
        for (size_t i = 0; i < p.n_events; i++)
            old_event(&b, &p.events[i]);
        assert_ok(cocos__log_replay(span(&b), 0xf, &replay, NULL), NULL);
        ck_assert_uint_eq(replay.banks, 1);
        ck_assert_uint_eq(replay.events, p.n_events);
        ck_assert_mem_eq(replay.pcr[0][4], t->pcr[0][4], 20);
        b.len--;
        ck_assert_int_eq(cocos__log_replay(span(&b), 1, &replay, NULL), COCOS_ERR_MALFORMED);
        cocos__buf_done(&b);
    }
    tpm_parts_free(t);
}
END_TEST

START_TEST(believes_data_only_where_their_digest_is_the_logged_one)
{
    tpm_plan p = plan(2);
    tpm_parts *t = tpm_make(&p);
    cocos__log log;
    cocos__event ev;
    cocos_error *err = NULL;

    assert_ok(cocos__log_open(&log, span(&t->log), &err), err);
    while (cocos__log_next(&log, &ev, &err) > 0) {
        int hashed = ev.type != EV_EFI_BOOT_SERVICES_APPLICATION && ev.type != EV_EVENT_TAG &&
                     ev.type != 0x8000000a;
        ck_assert_int_eq(cocos__log_data_measured(&ev, COCOS__BANK_SHA256, &err), hashed);
        ck_assert_int_eq(cocos__log_data_measured(&ev, COCOS__BANK_SHA384, &err), 0);
        ev.data.len--;
        ck_assert_int_eq(cocos__log_data_measured(&ev, COCOS__BANK_SHA256, &err), 0);
    }
    tpm_parts_free(t);
}
END_TEST

TEST_MAIN(log,
          replays_every_bank_of_a_log,
          begins_pcr_0_at_the_locality_of_the_log,
          applies_a_locality_that_comes_late,
          refuses_events_that_cannot_be,
          lets_records_without_action_name_any_register,
          refuses_a_log_cut_anywhere_but_between_records,
          ends_at_padding,
          ends_at_a_register_that_there_is_not,
          refuses_a_record_that_extends_nothing,
          refuses_headers_that_lie,
          reads_the_sha1_form_with_and_without_header,
          believes_data_only_where_their_digest_is_the_logged_one)
