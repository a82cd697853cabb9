/* SPDX-License-Identifier: Apache-2.0 */
/* A program of its own: it judges a case once for every byte of it. */
#include "cases.h"
#include "suite.h"

static snp_authority milan;
static struct parties p;
static cocos_error *err;

static int is_refused(const uint8_t *data, size_t len, const cocos_verifier *v)
{
    cocos_case *file = NULL;
    cocos_verdict *verdict = NULL;
    int r = cocos_case_parse(data, len, &file, NULL);

    if (r == COCOS_OK)
        r = cocos_case_verify(file, v, NULL, &verdict, NULL);
    cocos_verdict_free(verdict);
    cocos_case_free(file);
    return r < 0;
}

/* So that the chain is not verified again for every byte that is outside of it. */
static void keep_chain(cocos_verifier *v, const cocos_case *file)
{
    cocos_evidence *ev = NULL;

    assert_ok(cocos_evidence_new(0, file->envelope.data, file->envelope.len, &ev, &err), err);
    for (size_t i = 0; i < file->n_collateral; i++)
        assert_ok(cocos_evidence_add(ev, file->collateral[i].part, file->collateral[i].data.data,
                                     file->collateral[i].data.len, &err),
                  err);
    assert_ok(cocos_verifier_keep_chain(v, ev, &err), err);
    cocos_evidence_free(ev);
}

/* No part of a case is free: approvals, manifest, evidence, collateral, statement, closure. */
START_TEST(refuses_every_changed_byte)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *quick = NULL; /* to check a signature with */

    milan = snp_authority_new("Milan");
    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &quick, &err), err);
    parties_make(&p, "[\"algorithm-provider\"]");
    case_plan c = case_plan_new(&milan, &p, quick);
    c.approvals = 1;
    cocos_case *file = case_make(&c);
    cocos_policy *policy = case_policy(&milan);
    cocos_verifier *v = NULL;
    const uint8_t *borrowed;
    size_t len;

    assert_ok(cocos_verifier_new(policy, &v, &err), err);
    keep_chain(v, file);
    assert_ok(cocos_case_cbor(file, &borrowed, &len, &err), err);
    uint8_t *data = malloc(len);
    memcpy(data, borrowed, len);
    ck_assert_int_eq(is_refused(data, len, v), 0);
    for (size_t i = 0; i < len; i++) {
        data[i] ^= (uint8_t)(1u << i % 8);
        ck_assert_msg(is_refused(data, len, v), "byte %zu of %zu", i, len);
        data[i] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < len; n += 13)
        ck_assert_int_eq(is_refused(data, n, v), 1);
    free(data);
    cocos_verifier_free(v);
    cocos_case_free(file);
    cocos_policy_free(policy);
    parties_done(&p);
    snp_authority_free(&milan);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {refuses_every_changed_byte, NULL};

    return run_suite("case_bytes", tests, 390);
}
