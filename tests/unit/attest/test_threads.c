/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verifier, one policy and the same evidence in the hands of eight threads, as a server uses
 * them; tests/run.sh runs this under the thread sanitizer too.
 */
#include <cocos/key.h>
#include <cocos/verifier.h>

#include <pthread.h>
#include <string.h>

#include "snp_maker.h"
#include "suite.h"
#include "tdx_maker.h"
#include "tpm_maker.h"

#define THREADS 8
#define ROUNDS  6
#define SHOWN   4

/* What every thread shares; nothing of it changes while they run. */
typedef struct task {
    const cocos_verifier *verifier;
    const cocos_policy *policy;
    const cocos_evidence *evidence[SHOWN];
    const char *code[SHOWN]; /* "" is accepted */
    size_t n;
    int64_t time_s;
    pthread_barrier_t start;
} task;

static int agrees(const task *t, size_t i)
{
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;
    char *text = NULL;
    int r = cocos_verifier_verify(t->verifier, t->evidence[i], t->time_s * 1000000000,
                                  COCOS_TIME_CHOSEN, &verdict, &err);
    int ok = verdict && (r == COCOS_OK) == (*t->code[i] == '\0') &&
             strcmp(cocos_verdict_reason(verdict), t->code[i]) == 0 &&
             cocos_verdict_to_json(verdict, &text, NULL) == COCOS_OK;

    cocos_free_text(text);
    cocos_verdict_free(verdict);
    cocos_error_free(err);
    return ok;
}

static int shows(const task *t, size_t i)
{
    char *text = NULL;
    int r = cocos_evidence_to_json(t->evidence[i], &text, NULL);

    cocos_free_text(text);
    text = NULL;
    if (r == COCOS_OK)
        r = cocos_policy_explain(t->policy, &text, NULL);
    cocos_free_text(text);
    return r == COCOS_OK;
}

/* Number of judgements that were not as expected. */
static void *work(void *user)
{
    task *t = user;
    uintptr_t wrong = 0;

    pthread_barrier_wait(&t->start);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < t->n; i++)
            wrong += !agrees(t, i) + !shows(t, i);
    }
    return (void *)wrong;
}

static void run(task *t)
{
    pthread_t threads[THREADS];
    uintptr_t wrong = 0;

    for (size_t i = 0; i < t->n; i++)
        ck_assert_msg(agrees(t, i), "evidence %zu, not %s", i, t->code[i]);
    ck_assert_int_eq(pthread_barrier_init(&t->start, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, t), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        wrong += (uintptr_t)result;
    }
    ck_assert_uint_eq(wrong, 0);
    pthread_barrier_destroy(&t->start);
}

/* Of the first evidence, when `keep`. */
static cocos_verifier *verifier_of(const cocos_policy *policy, const cocos_evidence *keep)
{
    cocos_verifier *verifier = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    if (keep)
        assert_ok(cocos_verifier_keep_chain(verifier, keep, &err), err);
    return verifier;
}

static cocos_evidence *bare(int kind, const uint8_t *data, size_t len)
{
    cocos_evidence *ev = NULL;

    ck_assert_int_eq(cocos_evidence_new(kind, data, len, &ev, NULL), COCOS_OK);
    return ev;
}

static void judge_snp(int keep)
{
    snp_authority milan = snp_authority_new("Milan");
    snp_plan plan = snp_plan_new(&milan, 3);
    snp_plan changed = snp_plan_new(&milan, 3);
    snp_plan old = snp_plan_new(&milan, 2);
    changed.flip_report = 0x90;
    cocos_evidence *good = snp_make(&plan);
    cocos_evidence *bad = snp_make(&changed);
    cocos_evidence *other = snp_make(&old);
    cocos_evidence *alone = bare(COCOS_EVIDENCE_SNP, plan.report, sizeof plan.report);
    cocos_policy *policy = snp_policy(&milan);

    snp_add_crl(good, &milan, SNP_FROM, SNP_TO, 0x7777);
    snp_add_crl(bad, &milan, SNP_FROM, SNP_TO, 0x7777);
    snp_add_crl(other, &milan, SNP_FROM, SNP_TO, 0x101);
    snp_add_crl(alone, &milan, SNP_FROM, SNP_TO, 0x7777);
    cocos_verifier *verifier = verifier_of(policy, keep ? good : NULL);
    task t = {.verifier = verifier,
              .policy = policy,
              .evidence = {good, bad, other, alone},
              .code = {"", "snp.report_signature", "snp.revoked", keep ? "" : "snp.key_kind"},
              .n = 4,
              .time_s = SNP_NOW};
    run(&t);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(good);
    cocos_evidence_free(bad);
    cocos_evidence_free(other);
    cocos_evidence_free(alone);
    snp_authority_free(&milan);
}

static void judge_tdx(int keep)
{
    tdx_authority intel = tdx_authority_new();
    tdx_plan plan = tdx_plan_new(&intel);
    tdx_plan later = tdx_plan_new(&intel);
    tdx_plan changed = tdx_plan_new(&intel);
    later.version = 5;
    changed.flip_body = 0xb8;
    cocos_evidence *good = tdx_make(&plan);
    cocos_evidence *five = tdx_make(&later);
    cocos_evidence *bad = tdx_make(&changed);
    pki_bytes q = tdx_quote(&plan);
    cocos_evidence *alone = bare(COCOS_EVIDENCE_TDX, q.data, q.len);
    cocos_policy *policy = tdx_policy(&intel);

    tdx_add_crls(alone, &plan);
    cocos_verifier *verifier = verifier_of(policy, keep ? good : NULL);
    task t = {.verifier = verifier,
              .policy = policy,
              .evidence = {good, five, bad, alone},
              .code = {"", "", "tdx.quote_signature", keep ? "" : "tdx.collateral_missing"},
              .n = 4,
              .time_s = TDX_NOW};
    run(&t);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(good);
    cocos_evidence_free(five);
    cocos_evidence_free(bad);
    cocos_evidence_free(alone);
    free(q.data);
    tdx_authority_free(&intel);
}

static void judge_vtpm(const char *group)
{
    EVP_PKEY *key = group ? pki_key_ec(group) : pki_key_rsa(2048);
    tpm_plan plan = tpm_plan_new(key);
    tpm_parts *parts = tpm_make(&plan);
    cocos_evidence *good = tpm_evidence(parts);
    parts->pcr[1][3][0] ^= 1;
    cocos_evidence *bad = tpm_evidence(parts);
    cocos_policy *policy = tpm_policy(&plan);
    cocos_verifier *verifier = verifier_of(policy, NULL);
    task t = {.verifier = verifier,
              .policy = policy,
              .evidence = {good, bad},
              .code = {"", "vtpm.pcr_digest"},
              .n = 2,
              .time_s = TPM_NOW};

    run(&t);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(good);
    cocos_evidence_free(bad);
    tpm_parts_free(parts);
    EVP_PKEY_free(key);
}

START_TEST(eight_threads_judge_reports_alike)
{
    judge_snp(0);
}
END_TEST

START_TEST(eight_threads_judge_reports_alike_with_a_kept_chain)
{
    judge_snp(1);
}
END_TEST

START_TEST(eight_threads_judge_quotes_alike)
{
    judge_tdx(0);
}
END_TEST

START_TEST(eight_threads_judge_quotes_alike_with_kept_collateral)
{
    judge_tdx(1);
}
END_TEST

START_TEST(eight_threads_judge_tpm_messages_alike)
{
    judge_vtpm("P-256");
    judge_vtpm(NULL);
}
END_TEST

TEST_MAIN(threads,
          eight_threads_judge_reports_alike,
          eight_threads_judge_reports_alike_with_a_kept_chain,
          eight_threads_judge_quotes_alike,
          eight_threads_judge_quotes_alike_with_kept_collateral,
          eight_threads_judge_tpm_messages_alike)
