/* SPDX-License-Identifier: Apache-2.0 */
/* Whole verification of SEV-SNP evidence of a test hierarchy: one refusal for each reason. */
#include <cocos/key.h>
#include <cocos/verifier.h>

#include <string.h>

#include "judged.h"
#include "snp_maker.h"
#include "suite.h"

static snp_authority milan, genoa, turin, forged;

/* Makes the plan's evidence, sets one more rule (NULL: none), and wants this code. */
static void expect(snp_plan plan, const char *name, const char *value, const char *code)
{
    cocos_evidence *ev = snp_make(&plan);
    cocos_policy *policy = snp_policy(plan.ca);
    cocos_error *err = NULL;

    if (name)
        assert_ok(cocos_policy_set(policy, name, value, &err), err);
    ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), code);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}

/* A report whose bytes at `at` are `value`, signed. */
static snp_plan with(const snp_authority *ca, uint32_t version, size_t at, uint64_t value, size_t n)
{
    snp_plan p = snp_plan_new(ca, version);
    snp_le(p.report + at, value, n);
    return p;
}

/* What the caller expects of this one report, beside what the policy does. */
START_TEST(holds_the_data_slot_to_what_the_caller_expects)
{
    static const struct {
        uint8_t caller;
        const char *policy, *code, *origin;
    } cases[] = {{0xd1, NULL, "", "caller"},
                 {0xd2, NULL, "snp.report_data", "caller"},
                 {0xd1, "any", "", "caller"},
                 {0xd2, "any", "snp.report_data", "caller"},
                 {0xd1, "d2", "snp.report_data", "caller"},
                 {0xd2, "d2", "snp.report_data", "caller"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snp_plan p = snp_plan_new(&milan, 3);
        cocos_evidence *ev = snp_make(&p);
        cocos_policy *policy = snp_policy(&milan);
        cocos_verifier *verifier = NULL;
        cocos_verdict *verdict = NULL;
        cocos_error *err = NULL;
        uint8_t slot[64];

        memset(slot, 0xd2, sizeof slot);
        if (cases[i].policy && cases[i].policy[0] == 'd')
            assert_ok(cocos_policy_set_bytes(policy, "snp.report_data", slot, 64, &err), err);
        else if (cases[i].policy)
            assert_ok(cocos_policy_set(policy, "snp.report_data", "any", &err), err);
        memset(slot, cases[i].caller, sizeof slot);
        assert_ok(cocos_evidence_expect(ev, COCOS_CLAIM_CHALLENGE, slot, 64, &err), err);
        assert_fails(cocos_evidence_expect(ev, COCOS_CLAIM_CHALLENGE, slot, 63, &err),
                     COCOS_ERR_USAGE, "evidence.claim", err);
        assert_fails(cocos_evidence_expect(ev, COCOS_CLAIM_PURPOSE, slot, 3, &err), COCOS_ERR_USAGE,
                     "evidence.claim", err);
        ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), cases[i].code);
        assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
        (void)!cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                     &verdict, NULL);
        const char *origin = NULL;
        for (size_t k = 0; k < cocos_verdict_row_count(verdict); k++) {
            if (strcmp(cocos_verdict_row_text(verdict, k, COCOS_ROW_NAME), "snp.report_data") == 0)
                origin = cocos_verdict_row_text(verdict, k, COCOS_ROW_ORIGIN);
        }
        ck_assert_str_eq(origin, cases[i].origin);
        cocos_verdict_free(verdict);
        cocos_verifier_free(verifier);
        cocos_policy_free(policy);
        cocos_evidence_free(ev);
    }
}
END_TEST

START_TEST(accepts_every_version_line_and_kind_of_key)
{
    for (uint32_t version = 2; version <= 5; version++)
        expect(snp_plan_new(&milan, version), NULL, NULL, "");
    expect(snp_plan_new(&genoa, 3), NULL, NULL, "");
    expect(with(&genoa, 3, 0x189, 0xa0, 1), NULL, NULL, "");
    expect(snp_plan_new(&turin, 3), NULL, NULL, "");
    expect(snp_plan_new(&turin, 5), NULL, NULL, "");

    snp_plan vlek = snp_plan_new(&milan, 3);
    snp_use_vlek(&vlek);
    expect(vlek, NULL, NULL, "");

    snp_plan wrapped = snp_plan_new(&milan, 3);
    wrapped.hwid_wrapped = 1;
    expect(wrapped, NULL, NULL, "");

    snp_plan masked = snp_plan_new(&milan, 3);
    memset(masked.report + 0x1a0, 0, 64);
    expect(masked, NULL, NULL, "");

    /* The policy holds the root, so the evidence need not. */
    snp_plan rootless = snp_plan_new(&milan, 3);
    rootless.send_root = 0;
    expect(rootless, NULL, NULL, "");
}
END_TEST

START_TEST(says_simulated_when_a_test_root_vouches)
{
    snp_plan plan = snp_plan_new(&milan, 3);
    cocos_evidence *ev = snp_make(&plan);
    cocos_policy *policy = snp_policy(&milan);
    int simulated = 0;

    ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, &simulated), "");
    ck_assert_int_eq(simulated, 1);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}
END_TEST

START_TEST(refuses_any_root_that_nobody_listed)
{
    snp_plan plan = snp_plan_new(&forged, 3);
    cocos_evidence *ev = snp_make(&plan);
    cocos_policy *vendor = snp_policy(NULL);
    cocos_policy *other = snp_policy(&milan);

    ck_assert_str_eq(verdict_code(vendor, ev, SNP_NOW, NULL), "snp.root_untrusted");
    ck_assert_str_eq(verdict_code(other, ev, SNP_NOW, NULL), "snp.root_untrusted");
    cocos_policy_free(vendor);
    cocos_policy_free(other);
    cocos_evidence_free(ev);
}
END_TEST

START_TEST(refuses_malformed_reports)
{
    expect(with(&milan, 3, 0x000, 1, 4), NULL, NULL, "snp.version");
    expect(with(&milan, 3, 0x000, 6, 4), NULL, NULL, "snp.version");
    expect(with(&milan, 3, 0x034, 0, 4), NULL, NULL, "snp.signature_algorithm");
    expect(with(&milan, 3, 0x008, 0x10000, 8), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x008, UINT64_C(1) << 26 | 0x30000, 8), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x048, 2 << 2, 4), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x048, 1 << 5, 4), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x04c, 1, 1), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x18b, 1, 1), NULL, NULL, "snp.format");
    expect(with(&milan, 2, 0x188, 1, 1), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x1eb, 1, 1), NULL, NULL, "snp.format");
    expect(with(&milan, 4, 0x1f8, 1, 1), NULL, NULL, "snp.format");
    expect(with(&milan, 5, 0x208, 1, 1), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x330, 1, 1), NULL, NULL, "snp.format");
    expect(with(&milan, 3, 0x048, 7 << 2, 4), NULL, NULL, "snp.key_kind");
}
END_TEST

START_TEST(cannot_tell_about_a_cut_report)
{
    snp_plan plan = snp_plan_new(&milan, 3);
    cocos_evidence *whole = snp_make(&plan);
    cocos_policy *policy = snp_policy(&milan);
    cocos_evidence *cut = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_evidence_new(0, plan.report, 1183, &cut, &err), err);
    ck_assert_int_eq(cocos_evidence_kind(cut), COCOS_EVIDENCE_SNP);
    ck_assert_str_eq(verdict_code(policy, cut, SNP_NOW, NULL), "undecided snp.format");
    cocos_evidence_free(cut);
    cocos_evidence_free(whole);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(refuses_endorsement_certificates_of_another_form)
{
    snp_plan p = snp_plan_new(&milan, 3);
    p.group = "P-256";
    expect(p, NULL, NULL, "snp.cert_profile");

    p = snp_plan_new(&milan, 3);
    p.scheme_set = 1;
    p.leaf_scheme = PKI_PKCS1_SHA384;
    expect(p, NULL, NULL, "snp.cert_profile");

    p = snp_plan_new(&milan, 3);
    p.leaf_cn = "SEV-XCEK";
    expect(p, NULL, NULL, "snp.cert_profile");

    p = snp_plan_new(&milan, 3);
    p.doubled = 1;
    expect(p, NULL, NULL, "snp.cert_extensions");

    p = snp_plan_new(&milan, 3);
    p.without_product = 1;
    expect(p, NULL, NULL, "snp.cert_extensions");

    p = snp_plan_new(&milan, 3);
    p.hwid_len = 63;
    expect(p, NULL, NULL, "snp.cert_extensions");

    p = snp_plan_new(&milan, 3);
    p.with_hwid = 0;
    p.with_csp = 1;
    expect(p, NULL, NULL, "snp.cert_extensions");

    p = snp_plan_new(&milan, 3);
    snp_use_vlek(&p);
    p.with_hwid = 1;
    expect(p, NULL, NULL, "snp.cert_extensions");
}
END_TEST

START_TEST(refuses_chains_that_are_not_amds)
{
    snp_plan p = snp_plan_new(&milan, 3);
    snp_use_vlek(&p);
    p.leaf_issuer = milan.ask;
    p.leaf_issuer_key = milan.ask_key;
    expect(p, NULL, NULL, "snp.cert_chain");

    p = snp_plan_new(&milan, 3);
    p.leaf_issuer = milan.ark;
    p.leaf_issuer_key = milan.ark_key;
    expect(p, NULL, NULL, "snp.cert_chain");

    /* Right names, signed by a key that is not the ASK's. */
    p = snp_plan_new(&milan, 3);
    p.leaf_issuer = milan.ask;
    p.leaf_issuer_key = genoa.ask_key;
    expect(p, NULL, NULL, "snp.cert_chain");

    p = snp_plan_new(&milan, 3);
    p.send_mid = 0;
    expect(p, NULL, NULL, "undecided snp.cert_chain");
}
END_TEST

START_TEST(cannot_tell_without_a_key_of_the_right_kind)
{
    snp_plan p = snp_plan_new(&milan, 3);
    p.report[0x048] |= 1 << 2; /* VLEK, but the certificate is a VCEK */
    expect(p, NULL, NULL, "undecided snp.key_kind");
}
END_TEST

START_TEST(holds_every_certificate_to_the_time)
{
    snp_plan p = snp_plan_new(&milan, 3);
    p.leaf_from = SNP_NOW + 1;
    expect(p, NULL, NULL, "snp.cert_not_yet_valid");

    p = snp_plan_new(&milan, 3);
    p.leaf_to = SNP_NOW - 1;
    expect(p, NULL, NULL, "snp.cert_expired");

    p = snp_plan_new(&milan, 3);
    cocos_evidence *ev = snp_make(&p);
    cocos_policy *policy = snp_policy(&milan);
    ck_assert_str_eq(verdict_code(policy, ev, SNP_TO + 1, NULL), "snp.cert_expired");
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}
END_TEST

static const char *with_crl(const snp_authority *signer, int64_t from, int64_t to, long serial)
{
    snp_plan p = snp_plan_new(&milan, 3);
    cocos_evidence *ev = snp_make(&p);
    cocos_policy *whole = snp_policy(&milan);
    const char *code = NULL;

    snp_add_crl(ev, signer, from, to, serial);
    code = verdict_code(whole, ev, SNP_NOW, NULL);
    cocos_policy_free(whole);
    cocos_evidence_free(ev);
    return code;
}

START_TEST(looks_at_every_revocation_list_it_is_given)
{
    ck_assert_str_eq(with_crl(&milan, SNP_FROM, SNP_TO, 0), "");
    ck_assert_str_eq(with_crl(&milan, SNP_FROM, SNP_TO, 0x101), "snp.revoked");
    ck_assert_str_eq(with_crl(&milan, SNP_FROM, SNP_TO, 0x100), "snp.revoked");
    ck_assert_str_eq(with_crl(&milan, SNP_FROM, SNP_TO, 0x102), "");
    ck_assert_str_eq(with_crl(&milan, SNP_FROM, SNP_NOW, 0), "snp.crl_expired");
    ck_assert_str_eq(with_crl(&milan, SNP_NOW + 1, SNP_TO, 0), "snp.crl_expired");
    ck_assert_str_eq(with_crl(&forged, SNP_FROM, SNP_TO, 0), "snp.crl_signature");
    ck_assert_str_eq(with_crl(&genoa, SNP_FROM, SNP_TO, 0), "snp.crl_signature");
}
END_TEST

START_TEST(takes_of_several_keys_the_one_that_was_made_for_the_report)
{
    for (int where = -1; where <= 1; where += 2) {
        snp_plan p = snp_plan_new(&milan, 3);
        p.stale_leaf = where;
        expect(p, NULL, NULL, "");

        /* Both certificates again, and a chain that was kept for the other key. */
        cocos_policy *policy = snp_policy(&milan);
        cocos_verifier *verifier = NULL;
        cocos_verdict *verdict = NULL;
        cocos_error *err = NULL;
        cocos_evidence *ev = snp_make(&p);
        assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
        assert_ok(cocos_verifier_keep_chain(verifier, ev, &err), err);
        assert_ok(cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                        &verdict, &err),
                  err);
        cocos_verdict_free(verdict);
        cocos_verifier_free(verifier);
        cocos_policy_free(policy);
        cocos_evidence_free(ev);
    }
    snp_plan p = snp_plan_new(&milan, 3); /* the stale one alone is told of */
    snp_put_tcb(&(snp_plan){.tcb = {2, 5, 1, 24, 0xdb}}, p.report + 0x180);
    expect(p, NULL, NULL, "snp.tcb_mismatch");
}
END_TEST

/* A second list, before and behind the first. */
static void
expect_lists(const snp_authority *second, int64_t from, int64_t to, long serial, const char *want)
{
    for (int order = 0; order < 2; order++) {
        snp_plan p = snp_plan_new(&milan, 3);
        cocos_evidence *ev = snp_make(&p);
        cocos_policy *policy = snp_policy(&milan);

        if (order)
            snp_add_crl(ev, &milan, SNP_FROM, SNP_TO, 0);
        snp_add_crl(ev, second, from, to, serial);
        if (!order)
            snp_add_crl(ev, &milan, SNP_FROM, SNP_TO, 0);
        ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), want);
        cocos_policy_free(policy);
        cocos_evidence_free(ev);
    }
}

START_TEST(judges_lists_together)
{
    expect_lists(&genoa, SNP_FROM, SNP_TO, 0x101, ""); /* of no concern */
    expect_lists(&milan, SNP_FROM, SNP_NOW, 0, "");    /* an older one */
    expect_lists(&milan, SNP_FROM, SNP_NOW, 0x101, "snp.revoked");
    expect_lists(&milan, SNP_NOW + 1, SNP_TO, 0x100, "snp.revoked");
    expect_lists(&forged, SNP_FROM, SNP_TO, 0, "snp.crl_signature");
    expect_lists(&forged, SNP_FROM, SNP_TO, 0x101, "snp.crl_signature");
}
END_TEST

/* The policy of the maker minus the word that lets a missing list pass. */
START_TEST(cannot_tell_without_a_list_or_with_an_unreadable_one)
{
    snp_plan p = snp_plan_new(&milan, 3);
    cocos_evidence *ev = snp_make(&p);
    cocos_policy *policy = NULL;
    pki_bytes pem = pki_pem(&milan.ark, 1);

    ck_assert_int_eq(cocos_policy_new(&policy, NULL), COCOS_OK);
    ck_assert_int_eq(cocos_policy_add_root(policy, pem.data, pem.len, NULL), COCOS_OK);
    static const char *const any[] = {
        "snp.products",    "snp.measurement",       "snp.report_data", "coverage.firmware",
        "coverage.kernel", "coverage.command_line", "coverage.initrd", "coverage.agent"};
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        ck_assert_int_eq(cocos_policy_set(policy, any[i], "any", NULL), COCOS_OK);
    ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), "undecided snp.crl_missing");
    ck_assert_int_eq(cocos_evidence_add(ev, COCOS_PART_CRL, (const uint8_t *)"no list", 7, NULL),
                     COCOS_OK);
    ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), "undecided snp.crl_format");
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    free(pem.data);
}
END_TEST

START_TEST(refuses_a_report_that_was_changed_or_signed_by_another_chip)
{
    snp_plan p = snp_plan_new(&milan, 3);
    p.flip_report = 0x095;
    expect(p, NULL, NULL, "snp.report_signature");
    p = snp_plan_new(&milan, 3);
    p.flip_report = 0x2a5;
    expect(p, NULL, NULL, "snp.report_signature");
    p = snp_plan_new(&milan, 3);
    p.flip_report = 0x2a0 + 60; /* above the 48 significant bytes of R */
    expect(p, NULL, NULL, "snp.report_signature");
}
END_TEST

START_TEST(holds_report_and_certificate_to_one_machine)
{
    expect(with(&milan, 3, 0x189, 0x11, 1), NULL, NULL, "snp.product_mismatch");
    snp_plan p = snp_plan_new(&milan, 3);
    p.product = "Genoa";
    expect(p, NULL, NULL, "snp.product_mismatch");
    expect(with(&milan, 3, 0x1a0, 0, 1), NULL, NULL, "snp.chip_id");
    expect(with(&turin, 3, 0x1a8, 1, 1), NULL, NULL, "snp.chip_id");
    p = snp_plan_new(&milan, 3);
    p.tcb[4]++;
    expect(p, NULL, NULL, "snp.tcb_mismatch");
    p = snp_plan_new(&turin, 5);
    p.tcb[0]++;
    expect(p, NULL, NULL, "snp.tcb_mismatch");
}
END_TEST

START_TEST(holds_firmware_versions_to_their_order_and_minimum)
{
    expect(with(&milan, 3, 0x1e0, 5, 1), NULL, NULL, "snp.tcb_inconsistent");
    expect(with(&milan, 3, 0x1e0, 3, 1), NULL, NULL, "snp.provisional_firmware");
    expect(with(&milan, 3, 0x1e0, 3, 1), "snp.permit_provisional", "true", "");
    expect(with(&milan, 3, 0x1ec, 6, 1), NULL, NULL, "snp.provisional_firmware");
    expect(with(&milan, 3, 0x1ec, 8, 1), "snp.permit_provisional", "true", "snp.firmware_version");
    expect(snp_plan_new(&milan, 3), "snp.min_tcb", "0xdb18000000000104", "");
    expect(snp_plan_new(&milan, 3), "snp.min_tcb", "0x0000000000000005", "snp.tcb_too_old");
    expect(snp_plan_new(&turin, 3), "snp.min_tcb", "0x0000000000000003", "snp.tcb_too_old");
    /* By name, whatever the layout. */
    static const struct {
        const char *least, *milan, *turin;
    } named[] = {{"bootloader=4,tee=1,snp=24,microcode=219", "", ""},
                 {"bootloader=5", "snp.tcb_too_old", "snp.tcb_too_old"},
                 {"tee=2", "snp.tcb_too_old", "snp.tcb_too_old"},
                 {"snp=25", "snp.tcb_too_old", "snp.tcb_too_old"},
                 {"microcode=220", "snp.tcb_too_old", "snp.tcb_too_old"},
                 {"fmc=0", "snp.tcb_too_old", ""}, /* it has none */
                 {"fmc=2,tee=0", "snp.tcb_too_old", ""},
                 {"fmc=3", "snp.tcb_too_old", "snp.tcb_too_old"}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        const char *launch = "snp.launch_tcb_too_old";
        expect(snp_plan_new(&milan, 3), "snp.min_tcb", named[i].least, named[i].milan);
        expect(snp_plan_new(&turin, 3), "snp.min_tcb", named[i].least, named[i].turin);
        expect(snp_plan_new(&milan, 3), "snp.min_launch_tcb", named[i].least,
               named[i].milan[0] ? launch : "");
        expect(snp_plan_new(&turin, 3), "snp.min_launch_tcb", named[i].least,
               named[i].turin[0] ? launch : "");
    }
    expect(snp_plan_new(&milan, 3), "snp.min_launch_tcb", "0xdc00000000000000",
           "snp.launch_tcb_too_old");
    expect(snp_plan_new(&milan, 3), "snp.min_build", "8", "snp.firmware_version");
    expect(snp_plan_new(&milan, 3), "snp.min_version", "0x138", "snp.firmware_version");
    expect(snp_plan_new(&milan, 3), "snp.min_guest_svn", "1", "snp.guest_svn");
}
END_TEST

START_TEST(holds_the_guest_policy_bit_by_bit)
{
    static const struct {
        uint64_t report;
        const char *most;
        const char *code;
    } cases[] = {
        {0xb0000, "0x30000", "snp.policy_debug"},
        {0xb0000, "0xb0000", ""},
        {0x70000, "0x30000", "snp.policy_migrate_ma"},
        {0x30000, "0x20000", "snp.policy_smt"},
        {0x230000, "0x30000", "snp.policy_cxl"},
        {0x30000, "0x130000", "snp.policy_single_socket"},
        {0x30000, "0x430000", "snp.policy_aes256"},
        {0x30000, "0x830000", "snp.policy_rapl"},
        {0x30000, "0x1030000", "snp.policy_ciphertext_hiding"},
        {0x30000, "0x2030000", "snp.policy_page_swap"},
        {0x3d30000, "0x3d30000", ""},
        {0x30001, "0x30100", "snp.policy_abi"},
        {0x2b0000, "any", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(with(&milan, 3, 0x008, cases[i].report, 8), "snp.guest_policy", cases[i].most,
               cases[i].code);
    expect(with(&milan, 3, 0x008, 0xb0000, 8), NULL, NULL, "snp.policy_debug");
    expect(with(&milan, 3, 0x008, 0x70000, 8), NULL, NULL, "snp.policy_migrate_ma");
}
END_TEST

START_TEST(holds_every_stated_value)
{
    static const struct {
        const char *name;
        size_t at;
        size_t size;
        const char *code;
    } values[] = {
        {"snp.measurement", 0x090, 48, "snp.measurement"},
        {"snp.report_data", 0x050, 64, "snp.report_data"},
        {"snp.host_data", 0x0c0, 32, "snp.host_data"},
        {"snp.family_id", 0x010, 16, "snp.family_id"},
        {"snp.image_id", 0x020, 16, "snp.image_id"},
        {"snp.report_id", 0x140, 32, "snp.report_id"},
        {"snp.report_id_ma", 0x160, 32, "snp.report_id_ma"},
        {"snp.chip_id", 0x1a0, 64, "snp.chip_id"},
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snp_plan p = snp_plan_new(&milan, 3);
        char hex[129];
        for (size_t k = 0; k < values[i].size; k++)
            snprintf(hex + 2 * k, 3, "%02x", p.report[values[i].at + k]);
        expect(p, values[i].name, hex, "");
        hex[0] = hex[0] == '1' ? '2' : '1';
        expect(p, values[i].name, hex, values[i].code);
    }
    expect(with(&milan, 3, 0x030, 1, 4), NULL, NULL, "snp.vmpl");
    expect(with(&milan, 3, 0x030, 1, 4), "snp.vmpl", "1", "");
    expect(with(&milan, 3, 0x030, 2, 4), "snp.vmpl", "any", "");
    expect(with(&milan, 3, 0x040, 1, 8), "snp.platform_info", "0", "snp.platform_info");
    expect(with(&milan, 3, 0x040, 1, 8), "snp.platform_info", "0x21", "snp.platform_info");
    expect(with(&milan, 3, 0x040, 0x41, 8), "snp.platform_info", "0x41", "snp.platform_info");
    expect(with(&milan, 3, 0x040, 0x21, 8), "snp.platform_info", "0x21", "");
    expect(snp_plan_new(&milan, 3), "snp.products", "Genoa", "snp.product_refused");
    expect(snp_plan_new(&milan, 3), "snp.products", "Milan", "");
    expect(snp_plan_new(&milan, 5), "snp.launch_mitigations", "4", "snp.mitigation_vector");
    expect(with(&milan, 5, 0x200, 6, 8), "snp.current_mitigations", "4", "");
}
END_TEST

START_TEST(trusts_listed_id_and_author_keys_only)
{
    static const char digest[] =
        "e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1";
    snp_plan p = snp_plan_new(&milan, 3);

    expect(p, "snp.id_keys", digest, "snp.id_key");
    expect(p, "snp.require_id_block", "true", "snp.id_key");
    memset(p.report + 0x0e0, 0xe1, 48);
    expect(p, "snp.id_keys", digest, "");
    expect(p, "snp.require_author_key", "true", "snp.author_key");

    p = snp_plan_new(&milan, 3);
    memset(p.report + 0x110, 0xe1, 48);
    expect(p, "snp.author_keys", digest, "snp.id_key"); /* AUTHOR_KEY_EN is 0 */
    p.report[0x048] |= 1;
    expect(p, "snp.author_keys", digest, "");
}
END_TEST

/* Digest of AMD's form of a key, made here from the numbers of OpenSSL. */
static void amd_digest(EVP_PKEY *key, uint8_t *out)
{
    uint8_t point[96];
    uint8_t form[0x404] = {2};

    pki_point(key, point, 48);
    for (size_t i = 0; i < 48; i++) {
        form[0x04 + i] = point[47 - i];
        form[0x4c + i] = point[95 - i];
    }
    PKI_NEED(EVP_Digest(form, sizeof form, out, NULL, EVP_sha384(), NULL));
}

/* A certificate for the key by whatever authority; expired, since only the key counts. */
static X509 *some_certificate(EVP_PKEY *key)
{
    pki_spec s = {.cn = "signer of ID blocks",
                  .key = key,
                  .scheme = PKI_ECDSA_SHA384,
                  .not_before = SNP_FROM,
                  .not_after = SNP_FROM + 1,
                  .serial = 7};
    return pki_cert(&s);
}

static char *key_pem(EVP_PKEY *key, int private_part)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;

    PKI_NEED(bio && (private_part ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                                  : PEM_write_bio_PUBKEY(bio, key)));
    size_t len = (size_t)BIO_get_mem_data(bio, &data);
    char *text = strndup(data, len);
    PKI_NEED(text);
    BIO_free(bio);
    return text;
}

START_TEST(takes_id_and_author_keys_as_keys_and_certificates)
{
    EVP_PKEY *key = pki_key_ec("P-384");
    EVP_PKEY *other = pki_key_ec("P-384");
    X509 *cert = some_certificate(key);
    X509 *certs[] = {cert, cert};
    pki_bytes pem = pki_pem(certs, 1);
    pki_bytes two = pki_pem(certs, 2);
    pki_bytes der = pki_der(cert);
    char *texts[] = {key_pem(key, 0), strndup((char *)pem.data, pem.len)};
    char *wrong = key_pem(other, 0);
    char *several = strndup((char *)two.data, two.len);
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;

    for (size_t i = 0; i < 2; i++) {
        snp_plan p = snp_plan_new(&milan, 3);
        amd_digest(key, p.report + 0x0e0);
        expect(p, "snp.id_keys", texts[i], "");
        expect(p, "snp.id_keys", wrong, "snp.id_key");
        p = snp_plan_new(&milan, 3);
        amd_digest(key, p.report + 0x110);
        p.report[0x048] |= 1;
        expect(p, "snp.author_keys", texts[i], "");
        expect(p, "snp.author_keys", wrong, "snp.id_key");
    }
    assert_ok(cocos_policy_new(&policy, &err), err);
    assert_ok(cocos_policy_set_bytes(policy, "snp.id_keys", der.data, der.len, &err), err);
    assert_fails(cocos_policy_set(policy, "snp.id_keys", several, &err), COCOS_ERR_USAGE,
                 "policy.key", err);
    assert_fails(cocos_policy_set_bytes(policy, "snp.id_keys", der.data, der.len - 1, &err),
                 COCOS_ERR_USAGE, "policy.key", err);
    assert_fails(cocos_policy_set(policy, "snp.host_data", texts[0], &err), COCOS_ERR_USAGE,
                 "policy.value", err);
    cocos_policy_free(policy);
    free(texts[0]);
    free(texts[1]);
    free(wrong);
    free(several);
    free(pem.data);
    free(two.data);
    free(der.data);
    X509_free(cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}
END_TEST

START_TEST(gives_no_two_keys_the_same_digest)
{
    EVP_PKEY *key = pki_key_ec("P-384");
    cocos_policy *policy = NULL;
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(key, &spki);
    char *before = NULL;
    char *after = NULL;

    PKI_NEED(len > 0);
    assert_ok(cocos_policy_new(&policy, NULL), NULL);
    assert_ok(cocos_policy_set_bytes(policy, "snp.id_keys", spki, (size_t)len, NULL), NULL);
    assert_ok(cocos_policy_to_json(policy, &before, NULL), NULL);
    for (int bit = 0; bit < 8 * len; bit++) {
        spki[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (cocos_policy_set_bytes(policy, "snp.id_keys", spki, (size_t)len, NULL) == COCOS_OK) {
            assert_ok(cocos_policy_to_json(policy, &after, NULL), NULL);
            ck_assert_str_ne(before, after);
            cocos_free_text(after);
        }
        spki[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cocos_free_text(before);
    cocos_policy_free(policy);
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(refuses_keys_that_sign_no_id_block)
{
    EVP_PKEY *const keys[] = {pki_key_ec("P-256"), pki_key_rsa(2048), pki_key_rsa(3072),
                              EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), pki_key_ec("P-521")};
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_policy_new(&policy, &err), err);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *text = key_pem(keys[i], 0);
        assert_fails(cocos_policy_set(policy, "snp.id_keys", text, &err), COCOS_ERR_USAGE,
                     "policy.key", err);
        free(text);
    }
    X509 *cert = some_certificate(keys[0]);
    pki_bytes der = pki_der(cert);
    assert_fails(cocos_policy_set_bytes(policy, "snp.author_keys", der.data, der.len, &err),
                 COCOS_ERR_USAGE, "policy.key", err);
    free(der.data);
    X509_free(cert);

    EVP_PKEY *p384 = pki_key_ec("P-384");
    char *secret = key_pem(p384, 1);
    assert_fails(cocos_policy_set(policy, "snp.id_keys", secret, &err), COCOS_ERR_USAGE,
                 "policy.key", err);
    assert_fails(cocos_policy_set(policy, "snp.id_keys",
                                  "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
                                  &err),
                 COCOS_ERR_USAGE, "policy.key", err);
    /* What is as long as a digest is one, and what is shorter nothing. */
    assert_fails(cocos_policy_set(policy, "snp.id_keys", "abcd", &err), COCOS_ERR_USAGE,
                 "policy.length", err);
    free(secret);
    EVP_PKEY_free(p384);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        EVP_PKEY_free(keys[i]);
    cocos_policy_free(policy);
}
END_TEST

/* Keys and digest that sev-snp-measure publishes with its tests. */
START_TEST(agrees_with_a_published_digest)
{
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEsg/RocK9K2UYOnbiOQrIBfbY5eKvcl5a\n"
                              "jpPPh+wCn51F6zJrBLkr63FOFPqYb4qaLJSguKswzHY1JnWUSHaJHpVP9u9YJqYj\n"
                              "G6bW1/br+2jOMw4eWTlO+3CAiD3caTZL\n"
                              "-----END PUBLIC KEY-----\n";
    static const char digest[] =
        "870b7e35c53f8a72d0d322f75ab2af8262792aaf6579622ce4131c3f21f289e77cb0560a5e3b90b3932e674ec709cb14";
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;
    char *json = NULL;

    assert_ok(cocos_policy_new(&policy, &err), err);
    assert_ok(cocos_policy_add(policy, "snp.id_keys", pem, &err), err);
    assert_ok(cocos_policy_to_json(policy, &json, &err), err);
    ck_assert_ptr_nonnull(strstr(json, digest));
    cocos_free_text(json);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(cannot_tell_what_the_policy_leaves_out)
{
    static const char *const needed[] = {
        "snp.products",    "snp.measurement",       "snp.report_data", "snp.revocation",
        "coverage.kernel", "coverage.command_line", "coverage.initrd", "coverage.agent"};
    static const char *const codes[] = {"policy.missing",   "policy.missing",   "policy.missing",
                                        "snp.crl_missing",  "coverage.missing", "coverage.missing",
                                        "coverage.missing", "coverage.missing"};
    snp_plan plan = snp_plan_new(&milan, 3);
    cocos_evidence *ev = snp_make(&plan);
    pki_bytes pem = pki_pem(&milan.ark, 1);

    for (size_t left_out = 0; left_out < sizeof needed / sizeof *needed; left_out++) {
        cocos_policy *policy = NULL;
        char want[64];
        ck_assert_int_eq(cocos_policy_new(&policy, NULL), COCOS_OK);
        ck_assert_int_eq(cocos_policy_add_root(policy, pem.data, pem.len, NULL), COCOS_OK);
        ck_assert_int_eq(cocos_policy_set(policy, "coverage.firmware", "any", NULL), COCOS_OK);
        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
            if (i != left_out)
                ck_assert_int_eq(cocos_policy_set(policy, needed[i], "any", NULL), COCOS_OK);
        }
        snprintf(want, sizeof want, "undecided %s", codes[left_out]);
        ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), want);
        cocos_policy_free(policy);
    }
    cocos_evidence_free(ev);
    free(pem.data);
}
END_TEST

START_TEST(counts_no_register_that_was_not_held_to_a_value)
{
    expect(snp_plan_new(&milan, 3), "snp.measurement", "any", "undecided coverage.unverified");
    expect(snp_plan_new(&milan, 3), "coverage.kernel", "tdx.rtmr1", "undecided coverage.register");
    expect(snp_plan_new(&milan, 3), "coverage.kernel", "any", "");
}
END_TEST

START_TEST(binds_claims_by_their_hash)
{
    /* SHA-512 of "cocos-claims/1", 0x00, 0xa0 */
    snp_plan plan = snp_plan_new(&milan, 3);
    uint8_t text[16] = "cocos-claims/1";
    unsigned len = 64;
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;
    pki_bytes pem = pki_pem(&milan.ark, 1);
    static const char *const any[] = {
        "snp.products",    "snp.measurement",       "snp.revocation",  "coverage.firmware",
        "coverage.kernel", "coverage.command_line", "coverage.initrd", "coverage.agent"};

    text[15] = 0xa0;
    PKI_NEED(EVP_Digest(text, 16, plan.report + 0x050, &len, EVP_sha512(), NULL));
    cocos_evidence *ev = snp_make(&plan);
    ck_assert_int_eq(cocos_policy_new(&policy, NULL), COCOS_OK);
    ck_assert_int_eq(cocos_policy_add_root(policy, pem.data, pem.len, NULL), COCOS_OK);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        ck_assert_int_eq(cocos_policy_set(policy, any[i], "any", NULL), COCOS_OK);
    assert_ok(cocos_policy_set(policy, "claims", "a0", &err), err);
    ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), "");
    assert_ok(cocos_policy_set(policy, "claims", "a1", &err), err);
    ck_assert_str_eq(verdict_code(policy, ev, SNP_NOW, NULL), "snp.report_data");

    cocos_verifier *verifier = NULL;
    assert_ok(cocos_policy_set(policy, "snp.report_data", "any", &err), err);
    assert_fails(cocos_verifier_new(policy, &verifier, &err), COCOS_ERR_USAGE, "policy.conflict",
                 err);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    free(pem.data);
}
END_TEST

/* Every bit of one report of each layout: refused, whichever check sees it. */
START_TEST(refuses_every_flipped_bit_of_a_report)
{
    static const uint32_t versions[] = {2, 3, 5};
    cocos_policy *policy = snp_policy(&milan);
    cocos_verifier *verifier = NULL;

    ck_assert_int_eq(cocos_verifier_new(policy, &verifier, NULL), COCOS_OK);
    for (size_t v = 0; v < 3; v++) {
        snp_plan plan = snp_plan_new(&milan, versions[v]);
        cocos_evidence *good = snp_make(&plan);
        ck_assert_int_eq(cocos_verifier_keep_chain(verifier, good, NULL), COCOS_OK);
        for (size_t bit = 0; bit < sizeof plan.report * 8; bit += BIT_STEP) {
            cocos_evidence *ev = NULL;
            cocos_verdict *verdict = NULL;
            plan.report[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_int_eq(
                cocos_evidence_new(COCOS_EVIDENCE_SNP, plan.report, sizeof plan.report, &ev, NULL),
                COCOS_OK);
            int r = cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                          &verdict, NULL);
            ck_assert_msg(r == COCOS_ERR_REJECTED || r == COCOS_ERR_UNDECIDED,
                          "version %u, bit %zu: %d", versions[v], bit, r);
            plan.report[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cocos_verdict_free(verdict);
            cocos_evidence_free(ev);
        }
        cocos_evidence_free(good);
    }
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(judges_alike_with_a_kept_chain)
{
    snp_plan plan = snp_plan_new(&milan, 3);
    cocos_evidence *ev = snp_make(&plan);
    snp_plan stranger = snp_plan_new(&forged, 3);
    cocos_evidence *other = snp_make(&stranger);
    cocos_evidence *bare = NULL;
    cocos_policy *policy = snp_policy(&milan);
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    assert_ok(cocos_verifier_keep_chain(verifier, ev, &err), err);
    assert_fails(cocos_verifier_keep_chain(verifier, other, &err), COCOS_ERR_REJECTED,
                 "snp.cert_chain", err);
    assert_ok(cocos_evidence_new(0, plan.report, sizeof plan.report, &bare, &err), err);

    assert_ok(
        cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CLOCK, &verdict, &err),
        err);
    cocos_verdict_free(verdict);
    assert_ok(cocos_verifier_verify(verifier, bare, SNP_NOW * 1000000000, COCOS_TIME_CLOCK,
                                    &verdict, &err),
              err);
    cocos_verdict_free(verdict);
    assert_fails(cocos_verifier_verify(verifier, bare, (SNP_TO + 1) * 1000000000, COCOS_TIME_CLOCK,
                                       &verdict, &err),
                 COCOS_ERR_REJECTED, "snp.cert_expired", err);
    cocos_verdict_free(verdict);
    assert_fails(cocos_verifier_verify(verifier, other, SNP_NOW * 1000000000, COCOS_TIME_CLOCK,
                                       &verdict, &err),
                 COCOS_ERR_REJECTED, "snp.root_untrusted", err);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    cocos_evidence_free(other);
    cocos_evidence_free(bare);
}
END_TEST

START_TEST(lists_every_check_even_of_what_it_accepts)
{
    snp_plan plan = snp_plan_new(&milan, 3);
    cocos_evidence *ev = snp_make(&plan);
    cocos_policy *policy = snp_policy(&milan);
    cocos_verifier *verifier = NULL;
    cocos_verdict *good = NULL;
    cocos_verdict *bad = NULL;
    cocos_evidence *cut = NULL;
    char *table = NULL;
    char *json = NULL;

    ck_assert_int_eq(cocos_verifier_new(policy, &verifier, NULL), COCOS_OK);
    ck_assert_int_eq(
        cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN, &good, NULL),
        COCOS_OK);
    ck_assert_int_eq(cocos_evidence_new(COCOS_EVIDENCE_SNP, plan.report, 100, &cut, NULL),
                     COCOS_OK);
    ck_assert_int_eq(
        cocos_verifier_verify(verifier, cut, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN, &bad, NULL),
        COCOS_ERR_UNDECIDED);

    ck_assert_uint_eq(cocos_verdict_row_count(good), cocos_verdict_row_count(bad));
    for (size_t i = 0; i < cocos_verdict_row_count(good); i++) {
        ck_assert_str_eq(cocos_verdict_row_text(good, i, COCOS_ROW_NAME),
                         cocos_verdict_row_text(bad, i, COCOS_ROW_NAME));
        ck_assert_str_ne(cocos_verdict_row_text(good, i, COCOS_ROW_SOURCE), "");
        if (cocos_verdict_row_outcome(good, i) != COCOS_OUTCOME_PASSED)
            continue;
        ck_assert_str_ne(cocos_verdict_row_text(good, i, COCOS_ROW_EXPECTED), "");
        ck_assert_str_ne(cocos_verdict_row_text(good, i, COCOS_ROW_ORIGIN), "");
        ck_assert_str_ne(cocos_verdict_row_text(good, i, COCOS_ROW_SIGNER), "");
    }
    ck_assert_int_eq(cocos_verdict_row_outcome(good, 9999), COCOS_OUTCOME_UNKNOWN);
    ck_assert_int_eq(cocos_verdict_to_table(good, &table, NULL), COCOS_OK);
    ck_assert_ptr_nonnull(strstr(table, "ACCEPTED (SIMULATED"));
    ck_assert_ptr_nonnull(strstr(table, "chosen by the caller"));
    ck_assert_int_eq(cocos_verdict_to_json(bad, &json, NULL), COCOS_OK);
    ck_assert_ptr_nonnull(strstr(json, "\"verdict\": \"undecided\""));
    ck_assert_ptr_nonnull(strstr(json, "\"reason\": \"snp.format\""));
    cocos_free_text(json);
    ck_assert_int_eq(cocos_evidence_to_json(ev, &json, NULL), COCOS_OK);
    ck_assert_ptr_nonnull(strstr(json, "microcode 219"));
    cocos_free_text(json);
    ck_assert_int_eq(cocos_evidence_to_table(cut, &json, NULL), COCOS_ERR_MALFORMED);
    cocos_free_text(table);
    cocos_verdict_free(good);
    cocos_verdict_free(bad);
    cocos_evidence_free(cut);
    cocos_evidence_free(ev);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {holds_the_data_slot_to_what_the_caller_expects,
                                  accepts_every_version_line_and_kind_of_key,
                                  says_simulated_when_a_test_root_vouches,
                                  refuses_any_root_that_nobody_listed,
                                  refuses_malformed_reports,
                                  cannot_tell_about_a_cut_report,
                                  refuses_endorsement_certificates_of_another_form,
                                  refuses_chains_that_are_not_amds,
                                  cannot_tell_without_a_key_of_the_right_kind,
                                  holds_every_certificate_to_the_time,
                                  looks_at_every_revocation_list_it_is_given,
                                  judges_lists_together,
                                  takes_of_several_keys_the_one_that_was_made_for_the_report,
                                  cannot_tell_without_a_list_or_with_an_unreadable_one,
                                  refuses_a_report_that_was_changed_or_signed_by_another_chip,
                                  holds_report_and_certificate_to_one_machine,
                                  holds_firmware_versions_to_their_order_and_minimum,
                                  holds_the_guest_policy_bit_by_bit,
                                  holds_every_stated_value,
                                  trusts_listed_id_and_author_keys_only,
                                  takes_id_and_author_keys_as_keys_and_certificates,
                                  gives_no_two_keys_the_same_digest,
                                  refuses_keys_that_sign_no_id_block,
                                  agrees_with_a_published_digest,
                                  cannot_tell_what_the_policy_leaves_out,
                                  counts_no_register_that_was_not_held_to_a_value,
                                  binds_claims_by_their_hash,
                                  refuses_every_flipped_bit_of_a_report,
                                  judges_alike_with_a_kept_chain,
                                  lists_every_check_even_of_what_it_accepts,
                                  NULL};

    milan = snp_authority_new("Milan");
    genoa = snp_authority_new("Genoa");
    turin = snp_authority_new("Turin");
    forged = snp_authority_new("Milan");
    int failed = run_suite("snp", tests, 120);
    snp_authority_free(&milan);
    snp_authority_free(&genoa);
    snp_authority_free(&turin);
    snp_authority_free(&forged);
    return failed;
}
