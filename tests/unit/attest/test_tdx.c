/* SPDX-License-Identifier: Apache-2.0 */
/* Whole verification of TDX evidence of a test hierarchy: one refusal for each reason. */
#include <cocos/key.h>
#include <cocos/verifier.h>

#include <string.h>

#include "judged.h"
#include "suite.h"
#include "tdx_maker.h"

static tdx_authority intel, forged;

static void expect(tdx_plan plan, const char *name, const char *value, const char *code)
{
    cocos_evidence *ev = tdx_make(&plan);
    cocos_policy *policy = tdx_policy(plan.ca);
    cocos_error *err = NULL;

    if (name)
        assert_ok(cocos_policy_set(policy, name, value, &err), err);
    ck_assert_str_eq(verdict_code(policy, ev, TDX_NOW, NULL), code);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}

/* A plan with one member changed. */
#define PLAN(...)                                                                                  \
    __extension__({                                                                                \
        tdx_plan p = tdx_plan_new(&intel);                                                         \
        __VA_ARGS__;                                                                               \
        p;                                                                                         \
    })

START_TEST(accepts_every_form_of_quote)
{
    expect(tdx_plan_new(&intel), NULL, NULL, "");
    expect(PLAN(p.version = 5), NULL, NULL, "");
    expect(PLAN(p.version = 5, p.body_type = 3), NULL, NULL, "");
    expect(PLAN(p.processor_ca = 1), NULL, NULL, "");
    expect(PLAN(p.body[0] = 0, p.body[1] = 0), NULL, NULL, ""); /* module version 0 */
}
END_TEST

START_TEST(says_simulated_when_a_test_root_vouches)
{
    tdx_plan plan = tdx_plan_new(&intel);
    cocos_evidence *ev = tdx_make(&plan);
    cocos_policy *policy = tdx_policy(&intel);
    int simulated = 0;

    ck_assert_str_eq(verdict_code(policy, ev, TDX_NOW, &simulated), "");
    ck_assert_int_eq(simulated, 1);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}
END_TEST

START_TEST(refuses_any_root_that_nobody_listed)
{
    tdx_plan plan = tdx_plan_new(&forged);
    cocos_evidence *ev = tdx_make(&plan);
    cocos_policy *vendor = tdx_policy(NULL);
    cocos_policy *other = tdx_policy(&intel);

    ck_assert_str_eq(verdict_code(vendor, ev, TDX_NOW, NULL), "tdx.root_untrusted");
    ck_assert_str_eq(verdict_code(other, ev, TDX_NOW, NULL), "tdx.root_untrusted");
    cocos_policy_free(vendor);
    cocos_policy_free(other);
    cocos_evidence_free(ev);
}
END_TEST

START_TEST(refuses_pck_chains_that_are_not_intels)
{
    expect(PLAN(p.reversed = 1), NULL, NULL, "tdx.pck_chain");
    expect(PLAN(p.bad_extension = 1), NULL, NULL, "tdx.pck_chain");
    expect(PLAN(p.pck_to = TDX_NOW - 1), NULL, NULL, "tdx.cert_expired");
    tdx_plan plan = tdx_plan_new(&intel);
    cocos_evidence *ev = tdx_make(&plan);
    cocos_policy *policy = tdx_policy(&intel);
    ck_assert_str_eq(verdict_code(policy, ev, TDX_FROM - 1, NULL), "tdx.cert_not_yet_valid");
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}
END_TEST

START_TEST(refuses_each_broken_link_to_the_quote)
{
    expect(PLAN(p.qe_signed_by_other = 1), NULL, NULL, "tdx.qe_report_signature");
    expect(PLAN(p.keep_qe_data = 1), NULL, NULL, "tdx.qe_report_data");
    expect(PLAN(p.flip_body = 0xb8), NULL, NULL, "tdx.quote_signature");
    expect(PLAN(p.flip_signature = 5), NULL, NULL, "tdx.quote_signature");
    /* Off the curve, and the QE vouches for these very bytes. */
    expect(PLAN(p.flip_signature = 100), NULL, NULL, "tdx.quote_signature");
}
END_TEST

START_TEST(holds_collateral_to_its_signer)
{
    expect(PLAN(p.tcb_signed_by_other = 1), NULL, NULL, "tdx.tcb_info_signature");
    expect(PLAN(p.identity_signed_by_other = 1), NULL, NULL, "tdx.qe_identity_signature");
    expect(PLAN(p.tcb_json = "{}"), NULL, NULL, "tdx.collateral_format");
    expect(PLAN(p.platform_status = "Fine"), NULL, NULL, "tdx.collateral_format");
    expect(PLAN(p.module_status = "SWHardeningNeeded"), NULL, NULL, "tdx.collateral_format");
    expect(PLAN(p.tcb_next = "2025-06-15T15:06:39Z"), NULL, NULL, "tdx.collateral_expired");
    expect(PLAN(p.tcb_next = "2025-06-15T15:06:40Z"), NULL, NULL, "");
    expect(PLAN(p.issue_date = "2025-06-15T15:06:41Z"), NULL, NULL, "tdx.collateral_expired");
    expect(PLAN(p.qe_next = "2025-06-15T15:06:39Z"), NULL, NULL, "tdx.collateral_expired");
    expect(PLAN(p.without_collateral = 1), NULL, NULL, "undecided tdx.collateral_missing");
    expect(PLAN(p.without_collateral = 1), "tdx.collateral", "any", "");
    /* A status that does not matter is no reason to leave the platform out. */
    expect(PLAN(p.without_collateral = 1), "tdx.tcb_status", "any",
           "undecided tdx.collateral_missing");
    expect(PLAN(p.qe_prod_id = "1"), "tdx.tcb_status", "any", "tdx.qe_identity_mismatch");
    /* What is there is looked at all the same. */
    expect(PLAN(p.qe_prod_id = "1"), "tdx.collateral", "any", "tdx.qe_identity_mismatch");
    expect(PLAN(p.qe_status = "Revoked"), "tdx.collateral", "any", "tdx.tcb_status");
}
END_TEST

/* The signing chain of another authority with the same names. */
START_TEST(refuses_collateral_of_another_root)
{
    tdx_plan plan = tdx_plan_new(&intel);
    plan.without_collateral = 1;
    cocos_evidence *ev = tdx_make(&plan);
    tdx_plan other = tdx_plan_new(&forged);
    cocos_policy *policy = tdx_policy(&intel);

    tdx_add_collateral(ev, &other);
    ck_assert_str_eq(verdict_code(policy, ev, TDX_NOW, NULL), "tdx.tcb_signing_chain");
    /* Trusted or not: it is not the quote's. */
    pki_bytes pem = pki_pem(&forged.root, 1);
    PKI_NEED(cocos_policy_add_root(policy, pem.data, pem.len, NULL) == COCOS_OK);
    free(pem.data);
    ck_assert_str_eq(verdict_code(policy, ev, TDX_NOW, NULL), "tdx.tcb_signing_chain");
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}
END_TEST

START_TEST(takes_one_minimum_for_the_module)
{
    static const char *const values[] = {"00000000000000000000000000000000",
                                         "ffffffffffffffffffffffffffffffff"};
    cocos_policy *policy = tdx_policy(&intel);
    cocos_error *err = NULL;

    assert_ok(cocos_policy_add(policy, "tdx.min_tee_tcb_svn", values[0], &err), err);
    assert_fails(cocos_policy_add(policy, "tdx.min_tee_tcb_svn", values[1], &err), COCOS_ERR_USAGE,
                 "policy.conflict", err);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(holds_collateral_to_this_platform)
{
    expect(PLAN(p.tcb_id = "SGX"), NULL, NULL, "tdx.tcb_info_mismatch");
    expect(PLAN(p.tcb_fmspc = "00806F050001"), NULL, NULL, "tdx.tcb_info_mismatch");
    expect(PLAN(p.tcb_pce_id = "0001"), NULL, NULL, "tdx.tcb_info_mismatch");
    expect(PLAN(p.module_id = "TDX_02"), NULL, NULL, "tdx.tdx_module");
    expect(PLAN(p.module_signer_digit = "1"), NULL, NULL, "tdx.tdx_module");
    expect(PLAN(p.body[0x70] = 1), NULL, NULL, "tdx.tdx_module");
    expect(PLAN(p.qe_id = "QE"), NULL, NULL, "tdx.qe_identity_mismatch");
    expect(PLAN(p.qe_prod_id = "1"), NULL, NULL, "tdx.qe_identity_mismatch");
    expect(PLAN(p.miscselect = "01000000"), NULL, NULL, "tdx.qe_identity_mismatch");
}
END_TEST

START_TEST(converges_to_the_worst_status_that_matters)
{
    static const char *const worse[] = {
        "SWHardeningNeeded", "ConfigurationNeeded",          "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",         "OutOfDateConfigurationNeeded", "Revoked"};

    for (size_t i = 0; i < sizeof worse / sizeof *worse; i++) {
        expect(PLAN(p.platform_status = worse[i]), NULL, NULL, "tdx.tcb_status");
        expect(PLAN(p.platform_status = worse[i]), "tdx.tcb_status", worse[i], "");
    }
    expect(PLAN(p.module_status = "Revoked"), "tdx.tcb_status", "Revoked", "");
    expect(PLAN(p.qe_status = "Revoked"), "tdx.tcb_status", "Revoked", "");
    expect(PLAN(p.module_svn = 5), "tdx.tcb_status", "OutOfDate", "");
    expect(PLAN(p.qe_svn = 5), "tdx.tcb_status", "OutOfDate", "");
    expect(PLAN(p.status_pce_svn = 12), "tdx.tcb_status", "OutOfDate", "");
    expect(PLAN(p.module_svn = 5, p.platform_status = "ConfigurationNeeded"), "tdx.tcb_status",
           "OutOfDateConfigurationNeeded", "");
    expect(PLAN(p.body[0] = 1), "tdx.tcb_status", "NotSupported", "");
    expect(PLAN(p.pce_svn = 4), "tdx.tcb_status", "NotSupported", "");
    expect(PLAN(p.version = 5, p.body_type = 3, p.body[0] = 2), "tdx.tcb_status",
           "TDRelaunchAdvised", "");
    expect(PLAN(p.version = 5, p.body_type = 3, p.body[0] = 2, p.body[0x248] = 2), "tdx.tcb_status",
           "OutOfDate", "");
}
END_TEST

START_TEST(looks_at_both_revocation_lists)
{
    expect(PLAN(p.revoke_pck_list = 0x20), NULL, NULL, "tdx.revoked");
    expect(PLAN(p.revoke_root_list = 0x11), NULL, NULL, "tdx.revoked");
    expect(PLAN(p.revoke_root_list = 0x13), NULL, NULL, "tdx.revoked");
    expect(PLAN(p.revoke_root_list = 0x12), NULL, NULL, ""); /* the other CA */
    expect(PLAN(p.crl_to = TDX_NOW), NULL, NULL, "tdx.crl_expired");
    expect(PLAN(p.crl_of_other_ca = 1), NULL, NULL, "tdx.crl_issuer");
    expect(PLAN(p.crl_signed_by_other = 1), NULL, NULL, "tdx.crl_signature");
    expect(PLAN(p.without_crls = 1), NULL, NULL, "undecided tdx.crl_missing");
    expect(PLAN(p.without_crls = 1), "tdx.revocation", "any", "");
}
END_TEST

/* The lists of `first`, then those of `second`, beside the quote of `first`. */
static void expect_lists(tdx_plan first, tdx_plan second, const char *want)
{
    cocos_evidence *ev = tdx_make(&first);
    cocos_policy *policy = tdx_policy(&intel);

    tdx_add_crls(ev, &second);
    ck_assert_str_eq(verdict_code(policy, ev, TDX_NOW, NULL), want);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}

START_TEST(judges_lists_together)
{
    expect_lists(PLAN(p.crl_of_other_ca = 1), PLAN(p.crl_of_other_ca = 0), "");
    expect_lists(PLAN(p.crl_of_other_ca = 0), PLAN(p.crl_of_other_ca = 1), "");
    expect_lists(PLAN(p.crl_to = TDX_NOW), PLAN(p.crl_to = TDX_TO), "");
    expect_lists(PLAN(p.crl_to = TDX_TO), PLAN(p.crl_to = TDX_NOW), "");
    expect_lists(PLAN(p.crl_to = TDX_TO), PLAN(p.crl_to = TDX_NOW, p.revoke_root_list = 0x11),
                 "tdx.revoked");
    expect_lists(PLAN(p.crl_signed_by_other = 1), PLAN(p.crl_to = TDX_TO), "tdx.crl_signature");
}
END_TEST

START_TEST(holds_what_the_quote_says)
{
    static const struct {
        const char *name;
        size_t at;
        size_t size;
        const char *code;
    } values[] = {
        {"tdx.mrseam", 0x010, 48, "tdx.mrseam"},
        {"tdx.mrtd", 0x088, 48, "tdx.mrtd"},
        {"tdx.mrconfigid", 0x0b8, 48, "tdx.mrconfigid"},
        {"tdx.mrowner", 0x0e8, 48, "tdx.mrowner"},
        {"tdx.mrownerconfig", 0x118, 48, "tdx.mrownerconfig"},
        {"tdx.rtmr0", 0x148, 48, "tdx.rtmr"},
        {"tdx.rtmr1", 0x178, 48, "tdx.rtmr"},
        {"tdx.rtmr2", 0x1a8, 48, "tdx.rtmr"},
        {"tdx.rtmr3", 0x1d8, 48, "tdx.rtmr"},
        {"tdx.report_data", 0x208, 64, "tdx.report_data"},
        {"tdx.td_attributes", 0x078, 8, "tdx.td_attributes"},
        {"tdx.xfam", 0x080, 8, "tdx.xfam"},
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        tdx_plan p = tdx_plan_new(&intel);
        char hex[129];
        for (size_t k = 0; k < values[i].size; k++)
            snprintf(hex + 2 * k, 3, "%02x", p.body[values[i].at + k]);
        expect(p, values[i].name, hex, "");
        hex[0] = hex[0] == '1' ? '2' : '1';
        expect(p, values[i].name, hex, values[i].code);
    }
    expect(PLAN(p.body[0x078] = 1), NULL, NULL, "tdx.td_debug");
    expect(PLAN(p.body[0x078] = 1), "tdx.permit_debug", "true", "");
    expect(PLAN(p.body[0x07b] = 0x80), NULL, NULL, "tdx.td_attributes");
    expect(PLAN(p.body[0x080] = 0xe4), NULL, NULL, "tdx.xfam");
    expect(PLAN(p.body[0x083] = 0x80), NULL, NULL, "tdx.xfam");
    expect(PLAN(p.body[0x083] = 0x80), "tdx.xfam", "any", "");
    expect(tdx_plan_new(&intel), "tdx.fmspc", "00806f050001", "tdx.fmspc");
    expect(tdx_plan_new(&intel), "tdx.min_tee_tcb_svn", "04010200000000000000000000000000", "");
    expect(tdx_plan_new(&intel), "tdx.min_tee_tcb_svn", "00000300000000000000000000000000",
           "tdx.tee_tcb_svn");
    expect(tdx_plan_new(&intel), "tdx.min_qe_svn", "4", "");
    expect(tdx_plan_new(&intel), "tdx.min_qe_svn", "5", "tdx.qe_svn");
    expect(tdx_plan_new(&intel), "tdx.min_pce_svn", "11", "");
    expect(tdx_plan_new(&intel), "tdx.min_pce_svn", "12", "tdx.pce_svn");
    expect(PLAN(p.version = 5, p.body_type = 3, p.body[0x258] = 1), NULL, NULL, "tdx.mrservicetd");
    expect(PLAN(p.version = 5, p.body_type = 3, p.body[0x258] = 1), "tdx.mrservicetd", "any", "");
    /* The extended body also has what was bound at first, and the hash and attributes of now. */
    expect(PLAN(p.version = 5, p.body_type = 4), NULL, NULL, "");
    static const size_t service[] = {0x258, 0x288 + 81, 0x288 + 81 + 55, 0x288 + 181, 884};
    for (size_t i = 0; i < sizeof service / sizeof *service; i++) {
        expect(PLAN(p.version = 5, p.body_type = 4, p.body[service[i]] = 1), NULL, NULL,
               "tdx.mrservicetd");
        expect(PLAN(p.version = 5, p.body_type = 4, p.body[service[i]] = 1), "tdx.mrservicetd",
               "any", "");
    }
    static const size_t others[] = {0x288, 0x288 + 80, 0x288 + 137, 0x288 + 180};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect(PLAN(p.version = 5, p.body_type = 4, p.body[others[i]] = 1), NULL, NULL, "");
    expect(tdx_plan_new(&intel), "coverage.kernel", "tdx.rtmr3", "undecided coverage.unverified");
}
END_TEST

static const char *code_of_bytes(const cocos_policy *policy, const uint8_t *data, size_t len)
{
    cocos_evidence *ev = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_evidence_new(COCOS_EVIDENCE_TDX, data, len, &ev, &err), err);
    const char *code = verdict_code(policy, ev, TDX_NOW, NULL);
    cocos_evidence_free(ev);
    return code;
}

START_TEST(refuses_malformed_quotes_and_doubts_cut_ones)
{
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{0, 3},
               {0, 6},
               {2, 3},
               {4, 0},
               {12, 0},
               {636 + 128, 5},
               {636 + 130, 0xff},
               {636 + 582, 0xff},
               {636 + 583, 0x40},
               {636 + 616, 7},
               {636 + 618, 0xff},
               {632, 0x10}};
    tdx_plan plan = tdx_plan_new(&intel);
    pki_bytes q = tdx_quote(&plan);
    cocos_policy *policy = tdx_policy(&intel);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t old = q.data[bad[i].at];
        q.data[bad[i].at] = bad[i].value;
        ck_assert_msg(strstr(code_of_bytes(policy, q.data, q.len), "tdx.format") != NULL, "%zu", i);
        q.data[bad[i].at] = old;
    }
    for (size_t len = 0; len < q.len; len += len < 700 ? 1 : 97)
        ck_assert_str_eq(code_of_bytes(policy, q.data, len), "undecided tdx.format");
    /* Padding behind the signature data is allowed. */
    ck_assert_str_eq(code_of_bytes(policy, q.data, q.len + 100),
                     "undecided tdx.collateral_missing");
    cocos_policy_free(policy);
    free(q.data);
}
END_TEST

START_TEST(shows_every_field_without_believing_it)
{
    tdx_plan plan = tdx_plan_new(&forged);
    cocos_evidence *ev = tdx_make(&plan);
    cocos_evidence *cut = NULL;
    cocos_error *err = NULL;
    char *text = NULL;
    pki_bytes q = tdx_quote(&plan);

    assert_ok(cocos_evidence_to_table(ev, &text, &err), err);
    ck_assert_ptr_nonnull(strstr(text, "NOT VERIFIED"));
    ck_assert_ptr_nonnull(strstr(text, "00806f050000"));
    cocos_free_text(text);
    assert_ok(cocos_evidence_to_json(ev, &text, &err), err);
    ck_assert_ptr_nonnull(strstr(text, "\"verified\": false"));
    cocos_free_text(text);
    assert_ok(cocos_evidence_new(0, q.data, 100, &cut, &err), err);
    assert_fails(cocos_evidence_to_json(cut, &text, &err), COCOS_ERR_MALFORMED, "tdx.format", err);
    cocos_evidence_free(cut);
    cocos_evidence_free(ev);
    free(q.data);
}
END_TEST

/* Every bit of one quote of each version, up to its certificates, which have a test of their own.
 */
START_TEST(refuses_every_flipped_bit_of_a_quote)
{
    cocos_policy *policy = tdx_policy(&intel);
    cocos_verifier *verifier = NULL;

    ck_assert_int_eq(cocos_policy_set(policy, "tdx.revocation", "any", NULL), COCOS_OK);
    ck_assert_int_eq(cocos_verifier_new(policy, &verifier, NULL), COCOS_OK);
    for (int version = 4; version <= 5; version++) {
        tdx_plan plan = tdx_plan_new(&intel);
        plan.version = version;
        plan.body_type = version == 5 ? 3 : 2;
        cocos_evidence *good = tdx_make(&plan);
        pki_bytes q = tdx_quote(&plan);
        ck_assert_int_eq(cocos_verifier_keep_chain(verifier, good, NULL), COCOS_OK);
        size_t end = (version == 5 ? 54 + 648u : 48 + 584u) + 4 + 622;
        for (size_t bit = 0; bit < end * 8; bit += BIT_STEP) {
            cocos_evidence *ev = NULL;
            cocos_verdict *verdict = NULL;
            q.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_int_eq(cocos_evidence_new(COCOS_EVIDENCE_TDX, q.data, q.len, &ev, NULL),
                             COCOS_OK);
            int r = cocos_verifier_verify(verifier, ev, TDX_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                          &verdict, NULL);
            ck_assert_msg(r == COCOS_ERR_REJECTED || r == COCOS_ERR_UNDECIDED,
                          "version %d, bit %zu: %d", version, bit, r);
            q.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cocos_verdict_free(verdict);
            cocos_evidence_free(ev);
        }
        cocos_evidence_free(good);
        free(q.data);
    }
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(judges_alike_with_kept_collateral)
{
    tdx_plan plan = tdx_plan_new(&intel);
    cocos_evidence *ev = tdx_make(&plan);
    tdx_plan bare_plan = tdx_plan_new(&intel);
    bare_plan.without_collateral = 1;
    cocos_evidence *bare = tdx_make(&bare_plan);
    tdx_plan stranger = tdx_plan_new(&forged);
    cocos_evidence *other = tdx_make(&stranger);
    cocos_policy *policy = tdx_policy(&intel);
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    assert_ok(cocos_verifier_keep_chain(verifier, ev, &err), err);
    assert_fails(cocos_verifier_keep_chain(verifier, other, &err), COCOS_ERR_REJECTED,
                 "tdx.pck_chain", err);
    assert_ok(
        cocos_verifier_verify(verifier, ev, TDX_NOW * 1000000000, COCOS_TIME_CLOCK, &verdict, &err),
        err);
    cocos_verdict_free(verdict);
    assert_ok(cocos_verifier_verify(verifier, bare, TDX_NOW * 1000000000, COCOS_TIME_CLOCK,
                                    &verdict, &err),
              err);
    cocos_verdict_free(verdict);
    assert_fails(cocos_verifier_verify(verifier, bare, (TDX_NOW + 86400 * 30) * 1000000000,
                                       COCOS_TIME_CLOCK, &verdict, &err),
                 COCOS_ERR_REJECTED, "tdx.collateral_expired", err);
    cocos_verdict_free(verdict);
    assert_fails(cocos_verifier_verify(verifier, other, TDX_NOW * 1000000000, COCOS_TIME_CLOCK,
                                       &verdict, &err),
                 COCOS_ERR_REJECTED, "tdx.root_untrusted", err);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    cocos_evidence_free(bare);
    cocos_evidence_free(other);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {accepts_every_form_of_quote,
                                  says_simulated_when_a_test_root_vouches,
                                  refuses_any_root_that_nobody_listed,
                                  refuses_pck_chains_that_are_not_intels,
                                  refuses_each_broken_link_to_the_quote,
                                  holds_collateral_to_its_signer,
                                  refuses_collateral_of_another_root,
                                  takes_one_minimum_for_the_module,
                                  holds_collateral_to_this_platform,
                                  converges_to_the_worst_status_that_matters,
                                  looks_at_both_revocation_lists,
                                  judges_lists_together,
                                  holds_what_the_quote_says,
                                  refuses_malformed_quotes_and_doubts_cut_ones,
                                  shows_every_field_without_believing_it,
                                  refuses_every_flipped_bit_of_a_quote,
                                  judges_alike_with_kept_collateral,
                                  NULL};

    intel = tdx_authority_new();
    forged = tdx_authority_new();
    int failed = run_suite("tdx", tests, 120);
    tdx_authority_free(&intel);
    tdx_authority_free(&forged);
    return failed;
}
