/* SPDX-License-Identifier: Apache-2.0 */
/* Taking evidence, asking it, and keeping its chain when memory runs out: an error each time, no
 * chain kept that does not hold, what was kept before still there, nothing left behind. */
#include <cocos/verifier.h>

#include <string.h>

#include "allocfail.h"
#include "envelope_maker.h"
#include "snp_maker.h"
#include "suite.h"
#include "tdx_maker.h"
#include "tpm_maker.h"

enum { SNP, TDX, TPM, ENVELOPE, KINDS };

static snp_authority amd, forged_amd;
static tdx_authority intel, forged_intel;
static EVP_PKEY *ak;
static cocos_verifier *verifiers[KINDS];
static cocos_evidence *good[KINDS], *bad[KINDS];
static const uint8_t instance[16] = {3};

/* A report and quotes in one envelope, certificates of `ca` beside it. */
static cocos_evidence *envelope(const snp_authority *ca, const tpm_parts *quotes)
{
    cocos__claims claims = {.purpose = COCOS__PURPOSE_STATEMENT, .instance_id = instance};
    snp_plan s = snp_plan_new(ca, 3);
    EVP_PKEY *chip = pki_key_ec("P-384");
    X509 *vcek = snp_leaf(&s, chip);
    cocos__buf message;

    cocos__buf_init(&message, 1u << 20);
    snp_sign(chip, s.report);
    tpm_message(quotes, &message);
    cocos__envelope_part parts[] = {{COCOS__MEDIA_SNP_REPORT, {s.report, 1184}},
                                    {COCOS__MEDIA_TPM_QUOTES, {message.data, message.len}}};
    cocos_evidence *ev = envelope_of(&claims, parts, 2);
    snp_add_cert(ev, vcek);
    snp_add_cert(ev, ca->ask);
    snp_add_cert(ev, ca->ark);
    X509_free(vcek);
    EVP_PKEY_free(chip);
    cocos__buf_done(&message);
    return ev;
}

/* Chains that end at roots of others; a TPM key that could sign anything. */
static void make_evidence(void)
{
    amd = snp_authority_new("Milan");
    forged_amd = snp_authority_new("Milan");
    intel = tdx_authority_new();
    forged_intel = tdx_authority_new();
    ak = pki_key_ec("P-256");
    for (int wrong = 0; wrong < 2; wrong++) {
        cocos_evidence **made = wrong ? bad : good;
        snp_plan snp = snp_plan_new(wrong ? &forged_amd : &amd, 3);
        tdx_plan tdx = tdx_plan_new(wrong ? &forged_intel : &intel);
        tpm_plan tpm = tpm_plan_new(ak);

        if (wrong)
            tpm.attributes = 0x00070072;
        tpm_parts *parts = tpm_make(&tpm);
        made[SNP] = snp_make(&snp);
        made[TDX] = tdx_make(&tdx);
        made[TPM] = tpm_evidence(parts);
        made[ENVELOPE] = envelope(wrong ? &forged_amd : &amd, parts);
        tpm_parts_free(parts);
    }
}

static void make_verifiers(void)
{
    tpm_plan plan = tpm_plan_new(ak);
    cocos_policy *policies[KINDS] = {snp_policy(&amd), tdx_policy(&intel), tpm_policy(&plan),
                                     snp_policy(&amd)};

    for (int i = 0; i < KINDS; i++) {
        PKI_NEED(cocos_verifier_new(policies[i], &verifiers[i], NULL) == COCOS_OK);
        cocos_policy_free(policies[i]);
    }
}

static void done(void)
{
    for (int i = 0; i < KINDS; i++) {
        cocos_verifier_free(verifiers[i]);
        cocos_evidence_free(good[i]);
        cocos_evidence_free(bad[i]);
    }
    EVP_PKEY_free(ak);
    snp_authority_free(&amd);
    snp_authority_free(&forged_amd);
    tdx_authority_free(&intel);
    tdx_authority_free(&forged_intel);
}

/* ---- taking and asking ---- */

static int take(void *user, cocos_error **err)
{
    static const uint8_t digest[64] = {4};
    cocos_evidence *ev = NULL;
    size_t len;
    const uint8_t *data = cocos_evidence_data(user, &len);
    int r = cocos_evidence_new(0, data, len, &ev, err);

    if (r == COCOS_OK)
        r = cocos_evidence_add(ev, COCOS_PART_CRL, data, len, err);
    /* Said again it replaces. */
    for (int i = 0; r == COCOS_OK && i < 2; i++)
        r = cocos_evidence_kind(ev) == COCOS_EVIDENCE_ENVELOPE
                ? cocos_evidence_expect(ev, COCOS_CLAIM_MANIFEST, digest, 32, err)
                : cocos_evidence_expect(ev, COCOS_CLAIM_CHALLENGE, digest, 64, err);
    cocos_evidence_free(ev);
    return r;
}

static int never_take(void *user, cocos_error **err)
{
    static const uint8_t junk[64] = {0xff};
    cocos_evidence *ev = NULL;

    allocfail_refused(cocos_evidence_new(0, junk, sizeof junk, &ev, err), err);
    allocfail_refused(cocos_evidence_add(user, 99, junk, sizeof junk, err), err);
    return allocfail_refused(
        cocos_evidence_expect(user, COCOS_CLAIM_MANIFEST, junk, sizeof junk, err), err);
}

static int ask(void *user, cocos_error **err)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    int r = cocos_evidence_claim(user, COCOS_CLAIM_INSTANCE, &data, &len, err);

    if (r == COCOS_OK && (len != sizeof instance || memcmp(data, instance, len) != 0))
        abort();
    if (r == COCOS_OK)
        r = cocos_evidence_find(user, COCOS__MEDIA_SNP_REPORT, &data, &len, err);
    if (r == COCOS_OK && len != 1184)
        abort();
    return r;
}

/* Of an envelope that ends too soon, and for what this one does not have. */
static int never_answer(void *user, cocos_error **err)
{
    const uint8_t *data;
    size_t len;

    allocfail_refused(cocos_evidence_claim(user, COCOS_CLAIM_INSTANCE, &data, &len, err), err);
    allocfail_refused(cocos_evidence_find(user, COCOS__MEDIA_SNP_REPORT, &data, &len, err), err);
    allocfail_refused(cocos_evidence_claim(good[ENVELOPE], COCOS_CLAIM_AK, &data, &len, err), err);
    return allocfail_refused(cocos_evidence_find(good[ENVELOPE], "a/b", &data, &len, err), err);
}

START_TEST(takes_evidence_and_answers_what_it_claims)
{
    cocos_evidence *cut = NULL;
    cocos_error *err = NULL;
    size_t len;
    const uint8_t *data = cocos_evidence_data(good[ENVELOPE], &len);

    assert_ok(cocos_evidence_new(COCOS_EVIDENCE_ENVELOPE, data, len - 1, &cut, &err), err);
    for (int i = 0; i < KINDS; i++)
        ck_assert_uint_gt(allocfail_sweep(take, good[i]), 0);
    ck_assert_uint_gt(allocfail_sweep(never_take, good[SNP]), 0);
    /* To ask needs no memory where it succeeds. */
    (void)allocfail_sweep(ask, good[ENVELOPE]);
    ck_assert_uint_gt(allocfail_sweep(never_answer, cut), 0);
    cocos_evidence_free(cut);
}
END_TEST

/* ---- keeping ---- */

static int judge(int i, const cocos_evidence *ev, cocos_error **err)
{
    cocos_verdict *verdict = NULL;
    int r = cocos_verifier_verify(verifiers[i], ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                  &verdict, err);

    cocos_verdict_free(verdict);
    return r;
}

/* Over what was kept before: of a failure the verifier knows nothing. */
static int keep(void *user, cocos_error **err)
{
    int i = *(int *)user;
    int r = cocos_verifier_keep_chain(verifiers[i], good[i], err);

    if (r < 0 && i != ENVELOPE && judge(i, good[i], NULL) < 0)
        abort();
    return r;
}

static int never_keep(void *user, cocos_error **err)
{
    int i = *(int *)user;

    return allocfail_refused(cocos_verifier_keep_chain(verifiers[i], bad[i], err), err);
}

START_TEST(keeps_a_chain_or_what_was_kept_before)
{
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_keep_chain(verifiers[_i], good[_i], &err), err);
    ck_assert_uint_gt(allocfail_sweep_some(keep, &_i, 50, 13), 0);
}
END_TEST

START_TEST(never_keeps_a_chain_that_does_not_hold)
{
    cocos_evidence *bare = NULL;
    cocos_error *err = NULL;
    size_t len;
    const uint8_t *data = cocos_evidence_data(bad[_i], &len);

    ck_assert_uint_gt(allocfail_sweep_some(never_keep, &_i, 50, 13), 0);
    assert_ok(cocos_evidence_new(cocos_evidence_kind(bad[_i]), data, len, &bare, &err), err);
    ck_assert_int_ne(judge(_i, bare, NULL), COCOS_OK);
    ck_assert_int_ne(judge(_i, bad[_i], NULL), COCOS_OK);
    cocos_evidence_free(bare);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("evidence_memory");
    TCase *once = tcase_create("once");
    TCase *each = tcase_create("each kind");

    make_evidence();
    make_verifiers();
    tcase_set_timeout(once, 100);
    tcase_set_timeout(each, 100);
    tcase_add_test(once, takes_evidence_and_answers_what_it_claims);
    tcase_add_loop_test(each, keeps_a_chain_or_what_was_kept_before, 0, KINDS);
    tcase_add_loop_test(each, never_keeps_a_chain_that_does_not_hold, 0, KINDS);
    suite_add_tcase(s, once);
    suite_add_tcase(s, each);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    done();
    return failed != 0;
}
