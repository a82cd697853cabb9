/* SPDX-License-Identifier: Apache-2.0 */
/* What may be put beside evidence of each kind: nothing that nobody would look at. */
#include <cocos/verifier.h>

#include <check.h>

#include "suite.h"

static const uint8_t some[1184] = {3};

static cocos_evidence *of_kind(int kind)
{
    cocos_evidence *ev = NULL;

    ck_assert_int_eq(cocos_evidence_new(kind, some, sizeof some, &ev, NULL), COCOS_OK);
    return ev;
}

START_TEST(takes_only_parts_that_its_kind_has_a_use_for)
{
    static const struct {
        int part;
        const char *kinds; /* S, T, V, E: report, quote, TPM quotes, envelope */
    } all[] = {
        {COCOS_PART_CERTIFICATES, "SVE"}, {COCOS_PART_CERT_TABLE, "SVE"},
        {COCOS_PART_CRL, "STVE"},         {COCOS_PART_TCB_INFO, "TVE"},
        {COCOS_PART_QE_IDENTITY, "TVE"},  {COCOS_PART_TCB_CHAIN, "TVE"},
        {COCOS_PART_EVENT_LOG, "TV"},     {COCOS_PART_IMA_LOG, "V"},
        {COCOS_PART_TPM_PUBLIC, "V"},     {COCOS_PART_TPM_SIGNATURE, "V"},
        {COCOS_PART_TPM_PCRS, "V"},       {COCOS_PART_TEE_REPORT, "V"},
        {COCOS_PART_HCL_REPORT, "V"},     {COCOS_PART_SVSM_MANIFEST, "SV"},
        {COCOS_PART_AK_CERTIFIED, "V"},
    };
    static const char letters[] = "-STVE";
    cocos_error *err = NULL;

    for (int kind = COCOS_EVIDENCE_SNP; kind <= COCOS_EVIDENCE_ENVELOPE; kind++) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            cocos_evidence *ev = of_kind(kind);
            int list = all[i].part == COCOS_PART_CERTIFICATES || all[i].part == COCOS_PART_CRL;
            if (!strchr(all[i].kinds, letters[kind])) {
                assert_fails(cocos_evidence_add(ev, all[i].part, some, 1, &err), COCOS_ERR_USAGE,
                             "evidence.part", err);
            } else {
                assert_fails(cocos_evidence_add(ev, all[i].part, some, 0, &err), COCOS_ERR_USAGE,
                             "evidence.part", err);
                for (int k = 0; k < (list ? 32 : 1); k++)
                    assert_ok(cocos_evidence_add(ev, all[i].part, some, 1, &err), err);
                assert_fails(cocos_evidence_add(ev, all[i].part, some, 1, &err),
                             COCOS_ERR_EXHAUSTED, "evidence.parts", err);
            }
            cocos_evidence_free(ev);
        }
    }
}
END_TEST

START_TEST(puts_nothing_beside_a_part)
{
    cocos_evidence *ev = of_kind(COCOS_EVIDENCE_PART);
    cocos_error *err = NULL;

    for (int part = COCOS_PART_CERTIFICATES; part <= COCOS_PART_AK_CERTIFIED; part++)
        assert_fails(cocos_evidence_add(ev, part, some, 1, &err), COCOS_ERR_UNSUPPORTED,
                     "evidence.kind", err);
    cocos_evidence_free(ev);
}
END_TEST

START_TEST(refuses_parts_that_there_are_not)
{
    static const int none[] = {-1, 0, 7, 31, 41, 1000};
    cocos_evidence *ev = of_kind(COCOS_EVIDENCE_VTPM);
    cocos_error *err = NULL;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_fails(cocos_evidence_add(ev, none[i], some, 1, &err), COCOS_ERR_USAGE,
                     "evidence.part", err);
    assert_fails(cocos_evidence_add(ev, COCOS_PART_CRL, NULL, 1, &err), COCOS_ERR_USAGE,
                 "evidence.part", err);
    assert_fails(cocos_evidence_add(NULL, COCOS_PART_CRL, some, 1, &err), COCOS_ERR_USAGE,
                 "evidence.part", err);
    cocos_evidence_free(ev);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {takes_only_parts_that_its_kind_has_a_use_for,
                                  puts_nothing_beside_a_part, refuses_parts_that_there_are_not,
                                  NULL};
    return run_suite("evidence", tests, 60);
}
