/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in an envelope: worth something for its one purpose, session and manifest only. */
#include <cocos/key.h>
#include <cocos/verifier.h>

#include <string.h>

#include "attest/envelope.h"
#include "codec/cbor.h"
#include "snp_maker.h"
#include "suite.h"
#include "tpm_maker.h"

static snp_authority milan;
static EVP_PKEY *rsa;

static const uint8_t challenge[32] = {1}, leaf[32] = {2}, instance[16] = {3}, manifest[32] = {4};
static const uint8_t statement_key[32] = {5};

enum { SNP = 1, TPM = 2 };

/* What a test changes; what it does not change is correct. */
typedef struct plan {
    int parts;
    cocos__claims claims;
    cocos__claims expected; /* what the caller says; purpose 0: nothing */
    int other_slot;         /* the report carries the hash of something else */
    int other_quote;        /* so do the quotes */
    int other_ak;           /* the claims name another TPM key */
    int flip_report;
    int no_certificates;
    const char *extra; /* media type of one more part */
    cocos__span extra_data;
    const uint8_t *extended[4]; /* digests of manifests that went into PCR 15, ended by NULL */
} plan;

static plan new_plan(int parts)
{
    plan p = {.parts = parts};

    p.claims = (cocos__claims){.purpose = COCOS__PURPOSE_CHANNEL_SERVER,
                               .challenge = {challenge, 32},
                               .leaf = leaf,
                               .instance_id = instance,
                               .manifest = manifest};
    p.expected = p.claims;
    return p;
}

static cocos__span span(const cocos__buf *b)
{
    return (cocos__span){b->data, b->len};
}

/* PCR 15 as an agent extends it before it acts on a manifest. */
static void extend_manifest(tpm_parts *t, const uint8_t digest[32])
{
    uint8_t text[17 + 32] = "cocos-manifest/1";
    uint8_t event[64];

    memcpy(text + 17, digest, 32);
    for (int k = 0; k < TPM_BANKS; k++) {
        tpm_hash(k, text, sizeof text, event);
        tpm_extend(t, k, 15, event);
    }
}

/* The envelope of a plan, its certificates beside it. */
static cocos_evidence *evidence_of(const plan *p)
{
    cocos__envelope_part parts[4];
    tpm_plan tp = tpm_plan_new(rsa);
    snp_plan s = snp_plan_new(&milan, 3);
    tpm_parts *t = tpm_make(&tp);
    cocos__claims claims = p->claims;
    cocos__buf encoded, message, out;
    cocos_evidence *ev = NULL;
    uint8_t ak[32];
    size_t n = 0;

    cocos__buf_init(&encoded, COCOS__CLAIMS_MAX);
    cocos__buf_init(&message, 1u << 20);
    cocos__buf_init(&out, COCOS__ENVELOPE_MAX);
    tpm_hash(1, t->public.data, t->public.len, ak);
    ak[0] ^= p->other_ak != 0;
    if (p->parts & TPM)
        claims.ak = ak;
    PKI_NEED(cocos__claims_encode(&claims, &encoded, NULL) == COCOS_OK);

    EVP_PKEY *chip = pki_key_ec("P-384");
    PKI_NEED(cocos__claims_report_data(span(&encoded), s.report + 0x50, NULL) == COCOS_OK);
    s.report[0x50] ^= p->other_slot != 0;
    X509 *vcek = snp_leaf(&s, chip);
    snp_sign(chip, s.report);
    s.report[0x90] ^= p->flip_report != 0;
    if (p->parts & SNP)
        parts[n++] = (cocos__envelope_part){COCOS__MEDIA_SNP_REPORT, {s.report, 1184}};
    PKI_NEED(cocos__claims_nonce(span(&encoded), tp.nonce, NULL) == COCOS_OK);
    tp.nonce[0] ^= p->other_quote != 0;
    tp.nonce_len = 32;
    for (size_t i = 0; p->extended[i]; i++)
        extend_manifest(t, p->extended[i]);
    tpm_quote_again(&tp, t);
    tpm_message(t, &message);
    if (p->parts & TPM)
        parts[n++] = (cocos__envelope_part){COCOS__MEDIA_TPM_QUOTES, span(&message)};
    if (p->extra)
        parts[n++] = (cocos__envelope_part){
            p->extra, p->extra_data.len ? p->extra_data : (cocos__span){instance, 16}};
    PKI_NEED(cocos__envelope_encode(span(&encoded), parts, n, &out, NULL) == COCOS_OK);

    PKI_NEED(cocos_evidence_new(0, out.data, out.len, &ev, NULL) == COCOS_OK);
    PKI_NEED(cocos_evidence_kind(ev) == COCOS_EVIDENCE_ENVELOPE);
    if (!p->no_certificates) {
        snp_add_cert(ev, vcek);
        snp_add_cert(ev, milan.ask);
        snp_add_cert(ev, milan.ark);
    }
    for (int c = COCOS_CLAIM_PURPOSE; p->expected.purpose && c <= COCOS_CLAIM_MANIFEST; c++) {
        cocos__span v = cocos__claims_value(&p->expected, c);
        if (v.data)
            PKI_NEED(cocos_evidence_expect(ev, c, v.data, v.len, NULL) == COCOS_OK);
    }
    X509_free(vcek);
    EVP_PKEY_free(chip);
    tpm_parts_free(t);
    cocos__buf_done(&encoded);
    cocos__buf_done(&message);
    cocos__buf_done(&out);
    return ev;
}

/* A policy that judges these parts. */
static cocos_policy *policy_of(int parts)
{
    static const char *const open[] = {"snp.report_data", "vtpm.pcrs"};
    cocos_policy *policy = NULL;

    if (parts & SNP) {
        policy = snp_policy(&milan);
        tpm_rule(policy, open[0], "any");
    } else {
        tpm_plan tp = tpm_plan_new(rsa);
        policy = tpm_policy(&tp);
        tpm_rule(policy, "vtpm.nonce", "any");
    }
    if (parts & TPM)
        tpm_rule(policy, open[1], "any");
    if (parts == (SNP | TPM))
        tpm_rule(policy, "vtpm.ak_trust", "tee");
    return policy;
}

/* Code of the verdict, "" when accepted; frees the policy. */
static const char *judge(cocos_policy *policy, const plan *p)
{
    static char code[80];
    cocos_evidence *ev = evidence_of(p);
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    int r = cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN, &verdict,
                                  &err);
    ck_assert_ptr_nonnull(verdict);
    if (r == COCOS_OK)
        ck_assert_int_eq(cocos_verdict_simulated(verdict), (p->parts & SNP) != 0);
    snprintf(code, sizeof code, "%s%s", r == COCOS_ERR_UNDECIDED ? "undecided " : "",
             cocos_verdict_reason(verdict));
    cocos_error_free(err);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    return code;
}

START_TEST(accepts_what_was_made_for_this_session)
{
    for (int parts = SNP; parts <= (SNP | TPM); parts++) {
        plan p = new_plan(parts);
        ck_assert_msg(strcmp(judge(policy_of(parts), &p), "") == 0, "parts %d: %s", parts,
                      judge(policy_of(parts), &p));
    }
}
END_TEST

START_TEST(refuses_evidence_of_another_session)
{
    static const uint8_t other[64] = {9};

    for (int parts = SNP; parts <= (SNP | TPM); parts++) {
        plan p = new_plan(parts);
        p.expected.challenge.data = other;
        ck_assert_str_eq(judge(policy_of(parts), &p), "envelope.challenge");
        p = new_plan(parts);
        p.expected.leaf = other;
        ck_assert_str_eq(judge(policy_of(parts), &p), "envelope.leaf");
        p = new_plan(parts);
        p.expected.instance_id = other;
        ck_assert_str_eq(judge(policy_of(parts), &p), "envelope.instance");
        p = new_plan(parts);
        p.expected.manifest = other;
        ck_assert_str_eq(judge(policy_of(parts), &p), "envelope.manifest");
        p = new_plan(parts);
        p.claims.manifest = NULL;
        ck_assert_str_eq(judge(policy_of(parts), &p), "envelope.manifest");
        p = new_plan(parts);
        p.expected.statement_key = other;
        ck_assert_str_eq(judge(policy_of(parts), &p), "envelope.statement_key");
        p = new_plan(parts);
        p.expected.dice = other;
        ck_assert_str_eq(judge(policy_of(parts), &p), "envelope.dice");
    }
}
END_TEST

START_TEST(refuses_evidence_of_another_purpose)
{
    plan p = new_plan(SNP);

    p.claims.purpose = COCOS__PURPOSE_CHANNEL_CLIENT;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.purpose");
    p.claims.purpose = COCOS__PURPOSE_RPC;
    p.claims.leaf = NULL;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.purpose");
    p.claims.purpose = COCOS__PURPOSE_CVMS;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.purpose");
}
END_TEST

START_TEST(leaves_open_what_nobody_states)
{
    plan p = new_plan(SNP);
    cocos_policy *policy;

    p.expected.purpose = 0;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "undecided policy.missing");
    policy = policy_of(SNP);
    tpm_rule(policy, "envelope.purpose", "channel-server");
    ck_assert_str_eq(judge(policy, &p), "undecided policy.missing");
    policy = policy_of(SNP);
    tpm_rule(policy, "envelope.purpose", "any");
    tpm_rule(policy, "envelope.challenge", "any");
    ck_assert_str_eq(judge(policy, &p), "undecided policy.missing"); /* whose channel? */
    p.claims.purpose = COCOS__PURPOSE_RPC;
    p.claims.leaf = NULL;
    policy = policy_of(SNP);
    tpm_rule(policy, "envelope.purpose", "rpc");
    tpm_rule(policy, "envelope.challenge", "any");
    ck_assert_str_eq(judge(policy, &p), "");
    policy = policy_of(SNP);
    tpm_rule(policy, "envelope.purpose", "cvms");
    tpm_rule(policy, "envelope.challenge", "any");
    ck_assert_str_eq(judge(policy, &p), "envelope.purpose");
}
END_TEST

START_TEST(a_statement_needs_its_key_and_no_challenge)
{
    plan p = new_plan(SNP);

    p.claims = (cocos__claims){.purpose = COCOS__PURPOSE_STATEMENT,
                               .statement_key = statement_key,
                               .instance_id = instance,
                               .manifest = manifest};
    p.expected = p.claims;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "");
    p.expected.statement_key = NULL;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "undecided policy.missing");
    p.expected.statement_key = manifest;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.statement_key");
    p.expected = p.claims;
    p.claims.statement_key = NULL;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.statement_key");
}
END_TEST

START_TEST(believes_no_claim_whose_hash_the_hardware_did_not_sign)
{
    plan p = new_plan(SNP);

    p.other_slot = 1;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "snp.report_data");
    p = new_plan(TPM);
    p.other_quote = 1;
    ck_assert_str_eq(judge(policy_of(TPM), &p), "vtpm.nonce");
    p = new_plan(SNP | TPM);
    p.other_quote = 1;
    ck_assert_str_eq(judge(policy_of(SNP | TPM), &p), "vtpm.nonce");
    p = new_plan(SNP | TPM);
    p.other_slot = 1;
    ck_assert_str_eq(judge(policy_of(SNP | TPM), &p), "snp.report_data");
    p = new_plan(SNP);
    p.flip_report = 1;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "snp.report_signature");
}
END_TEST

START_TEST(without_certificates_nothing_is_decided)
{
    plan p = new_plan(SNP);

    p.no_certificates = 1;
    ck_assert_int_eq(strncmp(judge(policy_of(SNP), &p), "undecided ", 10), 0);
}
END_TEST

START_TEST(any_for_the_slot_does_not_untie_the_claims)
{
    plan p = new_plan(SNP);
    cocos_policy *policy = policy_of(SNP);

    p.other_slot = 1;
    tpm_rule(policy, "snp.report_data", "any");
    ck_assert_str_eq(judge(policy, &p), "snp.report_data");
}
END_TEST

START_TEST(a_slot_that_the_policy_states_must_be_that_of_the_claims)
{
    plan p = new_plan(SNP);
    cocos_policy *policy = policy_of(SNP);
    uint8_t value[64] = {0};

    PKI_NEED(cocos_policy_set_bytes(policy, "snp.report_data", value, 64, NULL) == COCOS_OK);
    ck_assert_str_eq(judge(policy, &p), "envelope.signed");
}
END_TEST

START_TEST(the_tpm_key_is_the_one_that_the_report_names)
{
    plan p = new_plan(SNP | TPM);

    p.other_ak = 1;
    ck_assert_str_eq(judge(policy_of(SNP | TPM), &p), "vtpm.tee_binding");
    p.parts = TPM;
    ck_assert_str_eq(judge(policy_of(TPM), &p), "envelope.ak");
}
END_TEST

START_TEST(what_the_policy_judges_cannot_be_left_out)
{
    plan p = new_plan(TPM);

    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.parts");
    ck_assert_str_eq(judge(policy_of(SNP | TPM), &p), "envelope.parts");
    p = new_plan(SNP);
    ck_assert_str_eq(judge(policy_of(SNP | TPM), &p), "envelope.parts");
    p = new_plan(0);
    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.parts");
    cocos_policy *empty = NULL;
    PKI_NEED(cocos_policy_new(&empty, NULL) == COCOS_OK);
    ck_assert_str_eq(judge(empty, &p), "envelope.parts");
    /* A part more than the policy has a word on is passed over and named. */
    p = new_plan(SNP);
    p.extra = "application/x-other";
    ck_assert_str_eq(judge(policy_of(SNP), &p), "");
}
END_TEST

/* Types of parts that are looked at beside another part only. */
START_TEST(what_is_passed_over_is_named)
{
    static const struct {
        int parts;
        const char *type;
        int named;
    } cases[] = {
        {SNP, COCOS__MEDIA_EVENT_LOG, 1},     {SNP, COCOS__MEDIA_IMA_LOG, 1},
        {SNP, COCOS__MEDIA_EXTENDS, 1},       {SNP, COCOS__MEDIA_AK_CERTIFIED, 1},
        {SNP, COCOS__MEDIA_CCEL, 1},          {SNP, COCOS__MEDIA_TDX_QUOTE, 1},
        {SNP, "application/x-other", 1},      {SNP, COCOS__MEDIA_SNP_CERTS, 0},
        {TPM, COCOS__MEDIA_SVSM_MANIFEST, 1}, {TPM, COCOS__MEDIA_SNP_CERTS, 1},
        {TPM, COCOS__MEDIA_EXTENDS, 0},       {TPM, COCOS__MEDIA_EVENT_LOG, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        COCOS__CLEANUP(cocos__freep) char *text = NULL;
        plan p = new_plan(cases[i].parts);
        char named[128];
        p.extra = cases[i].type;
        cocos_policy *policy = policy_of(cases[i].parts);
        cocos_evidence *ev = evidence_of(&p);
        cocos_verifier *verifier = NULL;
        cocos_verdict *verdict = NULL;
        assert_ok(cocos_verifier_new(policy, &verifier, NULL), NULL);
        (void)!cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                     &verdict, NULL);
        ck_assert_int_eq(cocos_verdict_to_table(verdict, &text, NULL), COCOS_OK);
        snprintf(named, sizeof named, "passed over: %s", cases[i].type);
        ck_assert_msg((strstr(text, named) != NULL) == cases[i].named, "%s", cases[i].type);
        cocos_verdict_free(verdict);
        cocos_verifier_free(verifier);
        cocos_policy_free(policy);
        cocos_evidence_free(ev);
    }
}
END_TEST

/* One list of extends for the manifests of `listed`. */
static void put_list(cocos__buf *b, const uint8_t *const *listed, uint64_t pcr, const char *what)
{
    size_t n = 0;

    while (listed[n])
        n++;
    cocos__buf_reset(b);
    cocos__cbor_put_array(b, n);
    for (size_t i = 0; i < n; i++) {
        cocos__cbor_put_array(b, 3);
        cocos__cbor_put_uint(b, pcr);
        cocos__cbor_put_text(b, what);
        cocos__cbor_put_bytes(b, listed[i], 32);
    }
}

START_TEST(the_list_of_extends_explains_pcr_15)
{
    static const uint8_t other[32] = {9};
    const uint8_t *const one[] = {manifest, NULL}, *const two[] = {other, manifest, NULL};
    const uint8_t *const last[] = {manifest, other, NULL}, *const none[] = {NULL};
    const struct {
        const uint8_t *const *listed;
        const uint8_t *const *extended;
        const char *code;
    } cases[] = {{one, one, ""},
                 {two, two, ""},
                 {one, none, "vtpm.extends"}, /* it says so and did not */
                 {one, two, "vtpm.extends"},  /* it did more than it says */
                 {two, one, "vtpm.extends"},
                 {last, last, "vtpm.extends"}, /* not the manifest of the claims */
                 {none, none, "vtpm.extends"}};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf list;

    cocos__buf_init(&list, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan p = new_plan(TPM);
        for (size_t k = 0; cases[i].extended[k]; k++)
            p.extended[k] = cases[i].extended[k];
        put_list(&list, cases[i].listed, 15, "cocos-manifest/1");
        p.extra = COCOS__MEDIA_EXTENDS;
        p.extra_data = span(&list);
        ck_assert_str_eq(judge(policy_of(TPM), &p), cases[i].code);
    }
    for (int k = 0; k < 4; k++) { /* another register, another thing, cut, something behind */
        plan p = new_plan(TPM);
        p.extended[0] = manifest;
        put_list(&list, one, k == 0 ? 14 : 15, k == 1 ? "cocos-manifest/2" : "cocos-manifest/1");
        if (k == 2)
            list.len--;
        if (k == 3)
            cocos__buf_add_u8(&list, 0);
        p.extra = COCOS__MEDIA_EXTENDS;
        p.extra_data = span(&list);
        ck_assert_str_eq(judge(policy_of(TPM), &p), "vtpm.extends");
    }
}
END_TEST

START_TEST(an_empty_policy_accepts_nothing)
{
    plan p = new_plan(SNP | TPM);
    cocos_policy *empty = NULL;

    PKI_NEED(cocos_policy_new(&empty, NULL) == COCOS_OK);
    ck_assert_str_eq(judge(empty, &p), "snp.root_untrusted");
}
END_TEST

START_TEST(compat_is_accepted_only_by_name)
{
    plan p = new_plan(SNP);
    cocos_policy *policy = policy_of(SNP);

    p.claims.compat = 1;
    ck_assert_str_eq(judge(policy_of(SNP), &p), "envelope.compat");
    tpm_rule(policy, "envelope.compat", "true");
    ck_assert_str_eq(judge(policy, &p), "");
}
END_TEST

START_TEST(a_kept_chain_serves_envelopes)
{
    static const int parts[] = {SNP, TPM, SNP | TPM};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        plan p = new_plan(parts[i]);
        cocos_evidence *ev = evidence_of(&p);
        cocos_policy *policy = policy_of(parts[i]);
        cocos_verifier *verifier = NULL;
        cocos_verdict *verdict = NULL;
        cocos_error *err = NULL;

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
}
END_TEST

START_TEST(claims_and_parts_can_be_asked_for)
{
    plan p = new_plan(SNP | TPM);
    cocos_evidence *ev = evidence_of(&p);
    const uint8_t *data;
    size_t len;
    char *text = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_evidence_claim(ev, COCOS_CLAIM_PURPOSE, &data, &len, &err), err);
    ck_assert_uint_eq(len, strlen("channel-server"));
    assert_ok(cocos_evidence_claim(ev, COCOS_CLAIM_MANIFEST, &data, &len, &err), err);
    ck_assert_mem_eq(data, manifest, 32);
    assert_fails(cocos_evidence_claim(ev, COCOS_CLAIM_DICE, &data, &len, &err), COCOS_ERR_NOT_FOUND,
                 "evidence.claim", err);
    assert_fails(cocos_evidence_claim(ev, 9, &data, &len, &err), COCOS_ERR_USAGE, "evidence.claim",
                 err);
    assert_ok(cocos_evidence_find(ev, COCOS__MEDIA_SNP_REPORT, &data, &len, &err), err);
    ck_assert_uint_eq(len, 1184);
    assert_fails(cocos_evidence_find(ev, "a/b", &data, &len, &err), COCOS_ERR_NOT_FOUND,
                 "evidence.part", err);
    assert_fails(cocos_evidence_expect(ev, COCOS_CLAIM_MANIFEST, manifest, 31, &err),
                 COCOS_ERR_USAGE, "evidence.claim", err);
    assert_ok(cocos_evidence_to_table(ev, &text, &err), err);
    ck_assert_ptr_nonnull(strstr(text, "channel-server"));
    ck_assert_ptr_nonnull(strstr(text, "measurement"));
    cocos_free_text(text);
    assert_ok(cocos_evidence_to_json(ev, &text, &err), err);
    cocos_free_text(text);
    cocos_evidence_free(ev);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {accepts_what_was_made_for_this_session,
                                  refuses_evidence_of_another_session,
                                  refuses_evidence_of_another_purpose,
                                  leaves_open_what_nobody_states,
                                  a_statement_needs_its_key_and_no_challenge,
                                  believes_no_claim_whose_hash_the_hardware_did_not_sign,
                                  without_certificates_nothing_is_decided,
                                  any_for_the_slot_does_not_untie_the_claims,
                                  a_slot_that_the_policy_states_must_be_that_of_the_claims,
                                  the_tpm_key_is_the_one_that_the_report_names,
                                  what_the_policy_judges_cannot_be_left_out,
                                  what_is_passed_over_is_named,
                                  the_list_of_extends_explains_pcr_15,
                                  an_empty_policy_accepts_nothing,
                                  compat_is_accepted_only_by_name,
                                  a_kept_chain_serves_envelopes,
                                  claims_and_parts_can_be_asked_for,
                                  NULL};

    milan = snp_authority_new("Milan");
    rsa = pki_key_rsa(2048);
    int status = run_suite("judge", tests, 60);
    EVP_PKEY_free(rsa);
    snp_authority_free(&milan);
    return status;
}
