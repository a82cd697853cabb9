/* SPDX-License-Identifier: Apache-2.0 */
/* Judging cases when memory runs out: a good one gets its one verdict or an error, a bad one never a
 * yes, and nothing is left behind. */
#include "allocfail.h"

#include "cases.h"
#include "suite.h"

static snp_authority milan;
static struct parties p;
static authority tsa;
static cocos_verifier *verifier;
static cocos_key *guest;

typedef struct judged {
    const cocos_case *file;
    const cocos_case_terms *terms;
    char *json; /* the verdict as it is with memory */
} judged;

static int judge(void *user, cocos_error **err)
{
    judged *j = user;
    cocos_verdict *verdict = NULL;
    char *json = NULL;
    int r = cocos_case_verify(j->file, verifier, j->terms, &verdict, err);

    if (r == COCOS_OK)
        r = cocos_verdict_to_json(verdict, &json, err);
    if (r == COCOS_OK && !j->json) {
        j->json = json;
        json = NULL;
    } else if (r == COCOS_OK && strcmp(j->json, json) != 0) {
        abort();
    }
    cocos_free_text(json);
    cocos_verdict_free(verdict);
    return r;
}

static int never_accept(void *user, cocos_error **err)
{
    judged *j = user;
    cocos_verdict *verdict = NULL;
    int r = cocos_case_verify(j->file, verifier, j->terms, &verdict, err);

    cocos_verdict_free(verdict);
    return allocfail_refused(r, err);
}

static cocos_case *begin(void)
{
    milan = snp_authority_new("Milan");
    parties_make(&p, "[\"algorithm-provider\"]");
    PKI_NEED(cocos_key_generate(COCOS_KEY_ED25519, &guest, NULL) == COCOS_OK);
    cocos_policy *policy = case_policy(&milan);
    PKI_NEED(cocos_verifier_new(policy, &verifier, NULL) == COCOS_OK);
    cocos_policy_free(policy);
    tsa = authority_new("critical,timeStamping");
    case_plan c = case_plan_new(&milan, &p, guest);
    return case_make(&c);
}

static void end(cocos_case *file)
{
    cocos_case_free(file);
    cocos_verifier_free(verifier);
    cocos_key_free(guest);
    authority_free(&tsa);
    parties_done(&p);
    snp_authority_free(&milan);
}

/* Later than the guest says: which of the two times counts shows in the verdict. */
static void anchor(cocos_case *file)
{
    const uint8_t *data;
    size_t len;

    PKI_NEED(cocos_case_anchor_request(file, &data, &len, NULL) == COCOS_OK);
    pki_bytes answer = authority_answer(&tsa, data, len, SNP_NOW + 100);
    PKI_NEED(cocos_case_anchor(file, answer.data, answer.len, NULL) == COCOS_OK);
    free(answer.data);
}

START_TEST(a_good_case_has_one_verdict_or_none)
{
    cocos_case *file = begin();
    cocos_case_terms *terms = NULL;
    cocos_error *err = NULL;
    pki_bytes root = pki_pem(&tsa.root, 1);

    anchor(file);
    assert_ok(cocos_case_terms_new(&terms, &err), err);
    assert_ok(cocos_case_terms_add_tsa_root(terms, root.data, root.len, &err), err);
    assert_ok(cocos_case_terms_set_result(terms, a_result, 1234, &err), err);
    judged with = {file, terms, NULL};
    ck_assert_uint_gt(allocfail_sweep_some(judge, &with, 30, 19), 0);
    cocos_free_text(with.json);
    free(root.data);
    cocos_case_terms_free(terms);
    end(file);
}
END_TEST

/* Bad in one thing each: the evidence, the closure's key, the result at hand. */
START_TEST(never_takes_a_bad_case_for_a_good_one)
{
    cocos_case *file = begin();
    cocos_key *other = NULL;
    cocos_case_terms *terms = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_key_generate(COCOS_KEY_P256, &other, &err), err);
    assert_ok(cocos_case_terms_new(&terms, &err), err);
    assert_ok(cocos_case_terms_set_result(terms, a_sha256, 1234, &err), err);
    case_plan c = case_plan_new(&milan, &p, guest);
    c.claims.statement_key = cocos_key_thumbprint(other);
    cocos_case *strange = case_make(&c);
    c = case_plan_new(&milan, &p, guest);
    c.closure_key = other;
    cocos_case *closed = case_make(&c);
    judged bad[] = {{strange, NULL, NULL}, {closed, NULL, NULL}, {file, terms, NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_uint_gt(allocfail_sweep_some(never_accept, &bad[i], 20, 31), 0);
    cocos_case_free(strange);
    cocos_case_free(closed);
    cocos_case_terms_free(terms);
    cocos_key_free(other);
    end(file);
}
END_TEST

TEST_MAIN(case_judge_memory,
          a_good_case_has_one_verdict_or_none,
          never_takes_a_bad_case_for_a_good_one)
