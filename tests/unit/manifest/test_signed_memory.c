/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals, statements and closures when memory runs out: an error each time, never a yes to what
 * is not signed so, nothing left behind. */
#include "allocfail.h"

#include "statements.h"
#include "suite.h"

typedef struct bytes {
    const uint8_t *data;
    size_t len;
} bytes;

static struct parties p, others;
static cocos_key *guest;
static cocos__buf statement, closure;
static cocos_approval *approvals[PARTIES]; /* one for each kind of key */
static cocos_approval *withdrawal;

static void set(cocos_approval_options *o, const char *name, const char *value)
{
    cocos_error *err = NULL;

    assert_ok(cocos_approval_options_set(o, name, value, &err), err);
}

static void begin(void)
{
    cocos__used assets[2];
    static const cocos__wiped wiped[] = {{COCOS_ASSET_ALGORITHM, 0}, {COCOS_ASSET_DATASET, 0}};
    cocos__closing closing = {a_result, wiped, 2, 1};
    cocos_approval_options *o = NULL;
    cocos_error *err = NULL;

    parties_make(&p, "[\"data-provider\"]");
    parties_make(&others, "[]");
    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &guest, &err), err);
    cocos__buf_init(&statement, COCOS__STATEMENT_MAX);
    cocos__buf_init(&closure, COCOS__STATEMENT_MAX);
    cocos__stating says = a_statement(p.manifest, assets);
    assert_ok(cocos__statement_sign(guest, &says, &statement, &err), err);
    assert_ok(cocos__closure_sign(guest, cocos_manifest_digest(p.manifest), &closing, &closure,
                                  &err),
              err);
    assert_ok(cocos_approval_options_new(&o, &err), err);
    set(o, "not_after", "1790000000");
    set(o, "policy", ONES);
    for (int i = 0; i < PARTIES; i++)
        assert_ok(cocos_approval_sign(p.manifest, p.key[i], o, &approvals[i], &err), err);
    set(o, "withdraw", "true");
    assert_ok(cocos_approval_sign(p.manifest, p.key[1], o, &withdrawal, &err), err);
    cocos_approval_options_free(o);
}

static void end(void)
{
    cocos__buf_done(&statement);
    cocos__buf_done(&closure);
    for (int i = 0; i < PARTIES; i++)
        cocos_approval_free(approvals[i]);
    cocos_approval_free(withdrawal);
    cocos_key_free(guest);
    parties_done(&p);
    parties_done(&others);
}

/* ---- options ---- */

static int choose(void *user, cocos_error **err)
{
    static const char *const all[][2] = {
        {"role", "data-provider"}, {"not_after", "1790000000"}, {"not_before", "1"},
        {"max_runs", "3"},         {"policy", ONES},            {"withdraw", "true"},
        {"instance", "000102030405060708090a0b0c0d0e0f"}};
    cocos_approval_options *o = NULL;
    cocos_approval *a = NULL;
    int r = cocos_approval_options_new(&o, err);

    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(all); i++)
        r = cocos_approval_options_set(o, all[i][0], all[i][1], err);
    if (r == COCOS_OK)
        r = cocos_approval_sign(p.manifest, user, o, &a, err);
    cocos_approval_options_free(o);
    cocos_approval_free(a);
    return r;
}

static int never_choose(void *user, cocos_error **err)
{
    cocos_approval_options *o = NULL;
    int r = cocos_approval_options_new(&o, err);

    (void)user;
    if (r < 0)
        return r;
    allocfail_refused(cocos_approval_options_set(o, "role", "boss", err), err);
    allocfail_refused(cocos_approval_options_set(o, "policy", "00", err), err);
    r = allocfail_refused(cocos_approval_options_set(o, "colour", "red", err), err);
    cocos_approval_options_free(o);
    return r;
}

START_TEST(chooses_what_to_approve)
{
    begin();
    ck_assert_uint_gt(allocfail_sweep(choose, p.key[1]), 0);
    ck_assert_uint_gt(allocfail_sweep(never_choose, NULL), 0);
    end();
}
END_TEST

/* ---- reading and showing ---- */

static int read_approval(void *user, cocos_error **err)
{
    const bytes *b = user;
    cocos_approval *a = NULL;
    int r = cocos_approval_parse(b->data, b->len, &a, err);

    cocos_approval_free(a);
    return r;
}

static int read_statement(void *user, cocos_error **err)
{
    const bytes *b = user;
    cocos_statement *s = NULL;
    int r = cocos_statement_parse(b->data, b->len, &s, err);

    cocos_statement_free(s);
    return r;
}

static int read_closure(void *user, cocos_error **err)
{
    const bytes *b = user;
    cocos_closure *c = NULL;
    int r = cocos_closure_parse(b->data, b->len, &c, err);

    cocos_closure_free(c);
    return r;
}

static int show_approval(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_approval_to_json(user, &text, err);

    cocos_free_text(text);
    return r;
}

static int show_statement(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_statement_to_json(user, &text, err);

    cocos_free_text(text);
    return r;
}

static int show_closure(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_closure_to_json(user, &text, err);

    cocos_free_text(text);
    return r;
}

static bytes of_approval(const cocos_approval *a)
{
    bytes b;

    b.data = cocos_approval_cbor(a, &b.len);
    return b;
}

START_TEST(reads_and_shows_signed_objects)
{
    cocos_statement *s = NULL;
    cocos_closure *c = NULL;
    cocos_error *err = NULL;

    begin();
    bytes good[] = {of_approval(approvals[0]), of_approval(approvals[1]), of_approval(withdrawal),
                    {statement.data, statement.len}, {closure.data, closure.len}};
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_gt(allocfail_sweep_some(read_approval, &good[i], 100, 3), 0);
    ck_assert_uint_gt(allocfail_sweep(read_statement, &good[3]), 0);
    ck_assert_uint_gt(allocfail_sweep(read_closure, &good[4]), 0);
    assert_ok(cocos_statement_parse(statement.data, statement.len, &s, &err), err);
    assert_ok(cocos_closure_parse(closure.data, closure.len, &c, &err), err);
    ck_assert_uint_gt(allocfail_sweep(show_approval, approvals[1]), 0);
    ck_assert_uint_gt(allocfail_sweep(show_statement, s), 0);
    ck_assert_uint_gt(allocfail_sweep(show_closure, c), 0);
    cocos_statement_free(s);
    cocos_closure_free(c);
    end();
}
END_TEST

/* Cut, and one taken for the other. */
static int never_read(void *user, cocos_error **err)
{
    const bytes *all = user;
    bytes cut[] = {{all[0].data, all[0].len - 1}, {all[1].data, all[1].len - 1},
                   {all[2].data, all[2].len - 1}};

    allocfail_refused(read_approval(&cut[0], err), err);
    allocfail_refused(read_statement(&cut[1], err), err);
    allocfail_refused(read_closure(&cut[2], err), err);
    allocfail_refused(read_approval((void *)(uintptr_t)&all[1], err), err);
    allocfail_refused(read_statement((void *)(uintptr_t)&all[2], err), err);
    return allocfail_refused(read_closure((void *)(uintptr_t)&all[0], err), err);
}

START_TEST(never_reads_what_has_another_form)
{
    begin();
    bytes all[] = {of_approval(approvals[0]), {statement.data, statement.len},
                   {closure.data, closure.len}};
    ck_assert_uint_gt(allocfail_sweep(never_read, all), 0);
    end();
}
END_TEST

/* ---- signatures ---- */

static int verify(void *user, cocos_error **err)
{
    return allocfail_judged(cocos_approval_verify(user, p.manifest, err));
}

START_TEST(lack_of_memory_is_no_judgement_on_a_signature)
{
    begin();
    for (int i = 0; i < PARTIES; i++)
        ck_assert_uint_gt(allocfail_sweep(verify, approvals[i]), 0);
    end();
}
END_TEST

static int never_verify(void *user, cocos_error **err)
{
    return allocfail_refused(cocos_approval_verify(user, p.manifest, err), err);
}

static int never_verify_for_another(void *user, cocos_error **err)
{
    return allocfail_refused(cocos_approval_verify(user, others.manifest, err), err);
}

/* Its last byte is one of the signature. */
START_TEST(never_takes_a_bad_signature_for_a_good_one)
{
    cocos_error *err = NULL;

    begin();
    for (int i = 0; i < PARTIES; i++) {
        cocos_approval *forged = NULL;
        bytes b = of_approval(approvals[i]);
        uint8_t *copy = malloc(b.len);
        memcpy(copy, b.data, b.len);
        copy[b.len - 1] ^= 1;
        assert_ok(cocos_approval_parse(copy, b.len, &forged, &err), err);
        ck_assert_uint_gt(allocfail_sweep(never_verify, forged), 0);
        ck_assert_uint_gt(allocfail_sweep(never_verify_for_another, approvals[i]), 0);
        cocos_approval_free(forged);
        free(copy);
    }
    end();
}
END_TEST

TEST_MAIN(signed_memory,
          chooses_what_to_approve,
          reads_and_shows_signed_objects,
          never_reads_what_has_another_form,
          lack_of_memory_is_no_judgement_on_a_signature,
          never_takes_a_bad_signature_for_a_good_one)
