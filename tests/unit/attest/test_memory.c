/* SPDX-License-Identifier: Apache-2.0 */
/* Showing and judging evidence when memory runs out: an error each time, never a yes to bad
 * evidence nor a no to good, nothing left behind. */
#include <cocos/key.h>
#include <cocos/verifier.h>

#include <string.h>

#include "allocfail.h"
#include "attest/evidence.h"
#include "snp_maker.h"
#include "suite.h"
#include "tdx_maker.h"
#include "tpm_maker.h"

static cocos_verifier *verifiers[3];
static cocos_evidence *good[3], *bad[3];

static void keep(int i, cocos_policy *policy_take)
{
    PKI_NEED(cocos_verifier_new(policy_take, &verifiers[i], NULL) == COCOS_OK);
    cocos_policy_free(policy_take);
}

static void make_evidence(void)
{
    snp_authority amd = snp_authority_new("Milan");
    tdx_authority intel = tdx_authority_new();
    EVP_PKEY *ak = pki_key_ec("P-256");
    tpm_plan quoted = tpm_plan_new(ak);

    keep(0, snp_policy(&amd));
    keep(1, tdx_policy(&intel));
    keep(2, tpm_policy(&quoted));
    for (int wrong = 0; wrong < 2; wrong++) {
        cocos_evidence **made = wrong ? bad : good;
        snp_plan snp = snp_plan_new(&amd, 3);
        tdx_plan tdx = tdx_plan_new(&intel);

        snp.flip_report = wrong ? 0x91 : -1;
        tdx.flip_body = wrong ? 0x60 : -1;
        memset(quoted.nonce, wrong ? 0xd2 : 0xd1, sizeof quoted.nonce);
        made[0] = snp_make(&snp);
        made[1] = tdx_make(&tdx);
        tpm_parts *parts = tpm_make(&quoted);
        made[2] = tpm_evidence(parts);
        tpm_parts_free(parts);
    }
    snp_authority_free(&amd);
    tdx_authority_free(&intel);
    EVP_PKEY_free(ak);
}

static int show(void *user, cocos_error **err)
{
    char *table = NULL;
    char *json = NULL;

    int r = cocos_evidence_to_table(user, &table, err);
    if (r == COCOS_OK)
        r = cocos_evidence_to_json(user, &json, err);
    cocos_free_text(table);
    cocos_free_text(json);
    return r;
}

static int render(const cocos_verdict *verdict, cocos_error **err)
{
    char *table = NULL;
    char *json = NULL;

    int r = cocos_verdict_to_table(verdict, &table, err);
    if (r == COCOS_OK)
        r = cocos_verdict_to_json(verdict, &json, err);
    cocos_free_text(table);
    cocos_free_text(json);
    return r;
}

/* Ends the program at a verdict over good evidence that does not accept it. */
static int judge(int i, const cocos_evidence *ev, cocos_error **err)
{
    cocos_verdict *verdict = NULL;

    int r = cocos_verifier_verify(verifiers[i], ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                  &verdict, err);
    if (r == COCOS_OK && ev == good[i] && cocos_verdict_judgement(verdict) != COCOS_ACCEPTED)
        abort();
    if (r == COCOS_OK)
        r = render(verdict, err);
    cocos_verdict_free(verdict);
    return r;
}

static int accept(void *user, cocos_error **err)
{
    int i = *(int *)user;
    return judge(i, good[i], err);
}

static int never_accept(void *user, cocos_error **err)
{
    int i = *(int *)user;

    return allocfail_refused(judge(i, bad[i], err), err);
}

START_TEST(shows_evidence)
{
    for (int i = 0; i < 3; i++)
        ck_assert_uint_gt(allocfail_sweep_some(show, good[i], 200, 7), 0);
}
END_TEST

START_TEST(shows_what_comes_beside_evidence)
{
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < good[i]->n; k++) {
            cocos_evidence *part = NULL;
            PKI_NEED(cocos_evidence_new(0, good[i]->parts[k].data.data, good[i]->parts[k].data.len,
                                        &part, NULL) == COCOS_OK);
            ck_assert_int_eq(cocos_evidence_kind(part), COCOS_EVIDENCE_PART);
            ck_assert_uint_gt(allocfail_sweep_some(show, part, 40, 23), 0);
            cocos_evidence_free(part);
        }
    }
}
END_TEST

/* Judging takes thousands of allocations, nearly all of them OpenSSL's: all of the first, then
 * some. */
START_TEST(judges_good_evidence)
{
    ck_assert_uint_gt(allocfail_sweep_some(accept, &_i, 50, 13), 0);
}
END_TEST

START_TEST(never_takes_bad_evidence_for_good)
{
    ck_assert_uint_gt(allocfail_sweep_some(never_accept, &_i, 50, 13), 0);
}
END_TEST

int main(void)
{
    TCase *each = tcase_create("each kind");
    Suite *s = suite_create("memory");
    TCase *once = tcase_create("once");

    make_evidence();
    tcase_set_timeout(each, 100);
    tcase_set_timeout(once, 100);
    tcase_add_test(once, shows_evidence);
    tcase_add_test(once, shows_what_comes_beside_evidence);
    tcase_add_loop_test(each, judges_good_evidence, 0, 3);
    tcase_add_loop_test(each, never_takes_bad_evidence_for_good, 0, 3);
    suite_add_tcase(s, once);
    suite_add_tcase(s, each);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    for (int i = 0; i < 3; i++) {
        cocos_verifier_free(verifiers[i]);
        cocos_evidence_free(good[i]);
        cocos_evidence_free(bad[i]);
    }
    return failed != 0;
}
