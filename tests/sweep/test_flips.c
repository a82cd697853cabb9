/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flipped bits of evidence that the test makes: one bit of every byte of every layout,
 * certificates, lists, collateral and logs included; of one sample a kind every bit (tests of
 * test_snp.c, test_tdx.c and test_vtpm.c do so for reports and quotes with a kept chain). What may
 * be flipped is listed in tests/sweep/uncovered.txt.
 */
#include <stdio.h>
#include <string.h>

#include "flip.h"
#include "snp_maker.h"
#include "suite.h"
#include "tdx_maker.h"
#include "tpm_maker.h"

/* With `whole`, all that stands beside the evidence too; else that is kept, which is quicker. */
static void flip(const char *name,
                 const char *kind,
                 const cocos_policy *policy,
                 cocos_evidence *ev,
                 int64_t time_s,
                 int whole)
{
    static unsigned n; /* another bit of each byte in each sample */
    cocos_verifier *verifier = NULL;

    ck_assert_int_eq(cocos_verifier_new(policy, &verifier, NULL), COCOS_OK);
    if (!whole)
        ck_assert_int_eq(cocos_verifier_keep_chain(verifier, ev, NULL), COCOS_OK);
    flip_sweep(&(flip_case){.name = name,
                            .kind = kind,
                            .verifier = verifier,
                            .evidence = ev,
                            .time_s = time_s,
                            .mask = 1u << (5 * n++ % 8),
                            .main_only = !whole});
    cocos_verifier_free(verifier);
}

static void flip_snp(const char *name, snp_plan plan, int whole)
{
    cocos_policy *policy = snp_policy(plan.ca);
    cocos_evidence *ev = snp_make(&plan);

    if (whole)
        snp_add_crl(ev, plan.ca, SNP_FROM, SNP_TO, 0x7777);
    flip(name, "snp", policy, ev, SNP_NOW, whole);
    cocos_evidence_free(ev);
    cocos_policy_free(policy);
}

START_TEST(refuses_flipped_bits_of_reports_certificates_and_lists)
{
    snp_authority milan = snp_authority_new("Milan");
    snp_authority turin = snp_authority_new("Turin");
    snp_plan vlek = snp_plan_new(&milan, 3);

    snp_use_vlek(&vlek);
    flip_read_table(FLIP_TABLE);
    flip_snp("version 3", snp_plan_new(&milan, 3), 1);
    flip_snp("version 3, VLEK", vlek, 0);
    flip_snp("version 4", snp_plan_new(&milan, 4), 0);
    flip_snp("version 5, Turin", snp_plan_new(&turin, 5), 0);
    ck_assert_uint_eq(flip_report(), 0);
    snp_authority_free(&milan);
    snp_authority_free(&turin);
}
END_TEST

static void flip_tdx(const char *name, tdx_plan plan, int whole)
{
    cocos_policy *policy = tdx_policy(plan.ca);
    cocos_evidence *ev = tdx_make(&plan);

    flip(name, "tdx", policy, ev, TDX_NOW, whole);
    cocos_evidence_free(ev);
    cocos_policy_free(policy);
}

START_TEST(refuses_flipped_bits_of_quotes_and_collateral)
{
    tdx_authority intel = tdx_authority_new();
    tdx_plan five = tdx_plan_new(&intel);

    five.version = 5;
    flip_read_table(FLIP_TABLE);
    flip_tdx("version 4", tdx_plan_new(&intel), 1);
    flip_tdx("version 5, TD 1.0", five, 0);
    ck_assert_uint_eq(flip_report(), 0);
    tdx_authority_free(&intel);
}
END_TEST

static void flip_vtpm(const char *name, tpm_plan plan)
{
    cocos_policy *policy = tpm_policy(&plan);
    tpm_parts *parts = tpm_make(&plan);
    cocos_evidence *ev = tpm_evidence(parts);

    if (!plan.without_log)
        tpm_rule(policy, "vtpm.require_event_log", "true");
    flip(name, "vtpm-made", policy, ev, TPM_NOW, 1);
    cocos_evidence_free(ev);
    tpm_parts_free(parts);
    cocos_policy_free(policy);
}

START_TEST(refuses_flipped_bits_of_tpm_messages_with_their_logs)
{
    EVP_PKEY *keys[] = {pki_key_rsa(2048), pki_key_ec("P-256"), pki_key_ec("P-384")};
    tpm_plan late = tpm_plan_new(keys[1]);

    tpm_plan rsa = tpm_plan_new(keys[0]);
    tpm_plan p384 = tpm_plan_new(keys[2]);

    late.locality = 3;
    rsa.without_log = 1;
    p384.without_log = 1;
    flip_read_table(FLIP_TABLE);
    flip_vtpm("P-256, locality 3", late);
    flip_vtpm("RSA", rsa);
    flip_vtpm("P-384", p384);
    ck_assert_uint_eq(flip_report(), 0);
    for (size_t i = 0; i < 3; i++)
        EVP_PKEY_free(keys[i]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {refuses_flipped_bits_of_reports_certificates_and_lists,
                                  refuses_flipped_bits_of_quotes_and_collateral,
                                  refuses_flipped_bits_of_tpm_messages_with_their_logs, NULL};
    return run_suite("flips", tests, 0); /* no limit but that of meson */
}
