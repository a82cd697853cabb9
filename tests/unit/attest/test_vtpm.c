/* SPDX-License-Identifier: Apache-2.0 */
/* Whole verification of TPM evidence of keys made here: one refusal for each reason. */
#include <cocos/key.h>
#include <cocos/verifier.h>

#include <string.h>

#include "suite.h"
#include "tpm_maker.h"

static EVP_PKEY *rsa, *p256, *p384, *other;

/* The same, also where a verifier keeps the key of `kept`. */
static const char *code_kept(const cocos_policy *policy,
                             const cocos_evidence *kept,
                             const cocos_evidence *ev,
                             int64_t time_s)
{
    static char code[80];
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    if (kept)
        assert_ok(cocos_verifier_keep_chain(verifier, kept, &err), err);
    int r =
        cocos_verifier_verify(verifier, ev, time_s * 1000000000, COCOS_TIME_CHOSEN, &verdict, &err);
    ck_assert_ptr_nonnull(verdict);
    ck_assert_int_eq(r == COCOS_OK, cocos_verdict_judgement(verdict) == COCOS_ACCEPTED);
    ck_assert_int_eq(cocos_verdict_simulated(verdict), 0);
    snprintf(code, sizeof code, "%s%s", r == COCOS_ERR_UNDECIDED ? "undecided " : "",
             cocos_verdict_reason(verdict));
    cocos_error_free(err);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    return code;
}

static const char *code_of(const cocos_policy *policy, const cocos_evidence *ev, int64_t time_s)
{
    return code_kept(policy, NULL, ev, time_s);
}

/* Judges the parts under the plan's policy with one more rule (NULL: none); frees them. */
static void
judge(const tpm_plan *p, tpm_parts *t, const char *name, const char *value, const char *code)
{
    cocos_evidence *ev = tpm_evidence(t);
    cocos_policy *policy = tpm_policy(p);

    if (name)
        tpm_rule(policy, name, value);
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), code);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    tpm_parts_free(t);
}

static void expect(const tpm_plan *p, const char *name, const char *value, const char *code)
{
    judge(p, tpm_make(p), name, value, code);
}

START_TEST(accepts_quotes_of_every_kind_of_key)
{
    EVP_PKEY *keys[] = {rsa, p256, p384};

    for (size_t i = 0; i < 3; i++) {
        tpm_plan p = tpm_plan_new(keys[i]);
        expect(&p, NULL, NULL, "");
        p.banks = 0xf;
        p.logged = 0xf;
        expect(&p, NULL, NULL, "");
        p.hash = i == 0 ? 0x000d : 0x000c;
        expect(&p, NULL, NULL, "");
        p.mask = 0x0042ff;
        expect(&p, NULL, NULL, "");
        p.locality = 3;
        expect(&p, NULL, NULL, "");
    }
}
END_TEST

START_TEST(recognises_messages_and_single_quotes)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_parts *t = tpm_make(&p);
    cocos_evidence *ev = NULL;
    cocos_error *err = NULL;
    cocos__buf m;

    cocos__buf_init(&m, 1u << 20);
    tpm_message(t, &m);
    assert_ok(cocos_evidence_new(0, m.data, m.len, &ev, &err), err);
    ck_assert_int_eq(cocos_evidence_kind(ev), COCOS_EVIDENCE_VTPM);
    cocos_evidence_free(ev);
    assert_ok(cocos_evidence_new(0, t->attest[1].data, t->attest[1].len, &ev, &err), err);
    ck_assert_int_eq(cocos_evidence_kind(ev), COCOS_EVIDENCE_VTPM);
    cocos_evidence_free(ev);
    assert_fails(cocos_evidence_new(0, t->log.data + 1, t->log.len - 1, &ev, &err),
                 COCOS_ERR_UNSUPPORTED, "evidence.kind", err);
    cocos__buf_done(&m);
    tpm_parts_free(t);
}
END_TEST

/* A single quote as tpm2-tools write it, its parts beside it. */
static cocos_evidence *single(const tpm_parts *t, const char *extra)
{
    cocos_evidence *ev = NULL;
    cocos__buf json;

    cocos__buf_init(&json, 1u << 16);
    cocos__buf_printf(&json, "{\"sha256\": {");
    for (int i = 0; i < 24; i++) {
        cocos__buf_printf(&json, "%s\"%d\": \"", i ? ", " : "", i);
        for (int k = 0; k < 32; k++)
            cocos__buf_printf(&json, "%02x", t->pcr[1][i][k]);
        cocos__buf_printf(&json, "\"");
    }
    cocos__buf_printf(&json, "}%s}", extra);
    PKI_NEED(cocos_evidence_new(0, t->attest[1].data, t->attest[1].len, &ev, NULL) == COCOS_OK);
    PKI_NEED(!cocos_evidence_add(ev, COCOS_PART_TPM_PUBLIC, t->public.data, t->public.len, NULL));
    PKI_NEED(!cocos_evidence_add(ev, COCOS_PART_TPM_SIGNATURE, t->signature[1].data,
                                 t->signature[1].len, NULL));
    PKI_NEED(!cocos_evidence_add(ev, COCOS_PART_TPM_PCRS, json.data, json.len, NULL));
    PKI_NEED(!cocos_evidence_add(ev, COCOS_PART_EVENT_LOG, t->log.data, t->log.len, NULL));
    cocos__buf_done(&json);
    return ev;
}

START_TEST(judges_a_single_quote_with_its_parts_beside_it)
{
    tpm_plan p = tpm_plan_new(rsa);
    tpm_parts *t = tpm_make(&p);
    cocos_policy *policy = tpm_policy(&p);
    cocos_evidence *ev = single(t, "");

    tpm_rule(policy, "vtpm.require_event_log", "true");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "");
    cocos_evidence_free(ev);
    ev = single(t, ", \"md5\": {}");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "undecided vtpm.format");
    cocos_evidence_free(ev);
    t->pcr[1][4][0] ^= 1;
    ev = single(t, "");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "vtpm.pcr_digest");
    cocos_evidence_free(ev);
    cocos_policy_free(policy);
    tpm_parts_free(t);
}
END_TEST

START_TEST(refuses_keys_that_could_sign_what_the_tpm_did_not_make)
{
    static const uint32_t attributes[] = {0x00070072, 0x00040072, 0x00050070,
                                          0x00050052, 0x00050062, 0x00010072};
    tpm_plan p = tpm_plan_new(p256);

    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        p.attributes = attributes[i];
        expect(&p, NULL, NULL, "vtpm.ak_public");
    }
    EVP_PKEY *small = pki_key_rsa(1024);
    p = tpm_plan_new(small);
    expect(&p, NULL, NULL, "vtpm.ak_public");
    EVP_PKEY_free(small);
    p = tpm_plan_new(rsa);
    p.scheme = 0x0016;
    expect(&p, NULL, NULL, "vtpm.ak_public");
    p = tpm_plan_new(rsa);
    p.hash = 0x0004;
    expect(&p, NULL, NULL, "vtpm.ak_public");
    expect(&p, "vtpm.allow_sha1", "true", "");
    p = tpm_plan_new(p256);
    p.curve = 0x0001;
    expect(&p, NULL, NULL, "vtpm.ak_public");

    p = tpm_plan_new(p256); /* a point that is not on the curve */
    tpm_parts *t = tpm_make(&p);
    t->public.data[t->public.len - 1] ^= 1;
    judge(&p, t, NULL, NULL, "vtpm.ak_public");
}
END_TEST

START_TEST(refuses_another_key_than_the_listed_one)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_plan q = tpm_plan_new(other);

    judge(&p, tpm_make(&q), NULL, NULL, "vtpm.ak_untrusted");
    expect(&p, "vtpm.ak", "any", "");
    expect(&p, "vtpm.ak_trust", "certificate", "vtpm.ak_cert");
    expect(&p, "vtpm.ak_trust", "tee", "vtpm.tee_missing");
}
END_TEST

START_TEST(refuses_signatures_that_do_not_hold)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_plan q = tpm_plan_new(other);
    tpm_parts *t = tpm_make(&p);

    t->signature[2].data[t->signature[2].len - 1] ^= 1; /* the second quote */
    judge(&p, t, NULL, NULL, "vtpm.quote_signature");

    t = tpm_make(&p);
    tpm_sign(&q, &t->attest[1], &t->signature[1]);
    judge(&p, t, NULL, NULL, "vtpm.quote_signature");

    t = tpm_make(&p);
    t->attest[1].data[30] ^= 1;
    judge(&p, t, NULL, NULL, "vtpm.quote_signature");

    t = tpm_make(&p);
    t->signature[1].data[3] = 0x04;
    judge(&p, t, NULL, NULL, "vtpm.signature_algorithm");
    t = tpm_make(&p);
    t->signature[1].data[1] = 0x16;
    judge(&p, t, NULL, NULL, "vtpm.signature_algorithm");
}
END_TEST

START_TEST(refuses_signed_structures_that_are_no_quote)
{
    tpm_plan p = tpm_plan_new(p256);

    p.magic = 0x474354ff;
    expect(&p, NULL, NULL, "vtpm.attest_magic");
    p = tpm_plan_new(p256);
    p.type = 0x8017;
    expect(&p, NULL, NULL, "vtpm.attest_type");
}
END_TEST

START_TEST(holds_the_nonce_with_its_length)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_plan q = p;

    q.nonce[31] ^= 1;
    judge(&p, tpm_make(&q), NULL, NULL, "vtpm.nonce");
    q = p;
    q.nonce_len = 31;
    judge(&p, tpm_make(&q), NULL, NULL, "vtpm.nonce");
    q.nonce_len = 64;
    judge(&p, tpm_make(&q), NULL, NULL, "vtpm.nonce");
    q.nonce_len = 0;
    judge(&p, tpm_make(&q), NULL, NULL, "vtpm.nonce");

    tpm_parts *t = tpm_make(&q);
    cocos_policy *policy = tpm_policy(&p);
    cocos_evidence *ev = tpm_evidence(t);
    cocos_verifier *verifier = NULL;
    cocos_error *err = NULL;
    tpm_rule(policy, "vtpm.without_nonce", "true");
    assert_fails(cocos_verifier_new(policy, &verifier, &err), COCOS_ERR_USAGE, "policy.conflict",
                 err);
    cocos_policy_free(policy);
    assert_ok(cocos_policy_new(&policy, &err), err);
    static const char *const any[] = {
        "vtpm.pcrs",       "vtpm.ak_trust",         "coverage.firmware",
        "coverage.kernel", "coverage.command_line", "coverage.initrd",
        "coverage.agent"};
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        tpm_rule(policy, any[i], "any");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "undecided policy.missing");
    tpm_rule(policy, "vtpm.without_nonce", "true");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "");
    cocos_evidence_free(ev);
    tpm_parts_free(t);
    t = tpm_make(&p);
    ev = tpm_evidence(t);
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "vtpm.nonce");
    cocos_evidence_free(ev);
    tpm_parts_free(t);
    cocos_policy_free(policy);
}
END_TEST

/* Doubles the selection, or empties it, and signs again. */
static tpm_parts *reselected(const tpm_plan *p, int count)
{
    tpm_parts *t = tpm_make(p);
    cocos__buf *a = &t->attest[1];
    size_t at = a->len - 2 - 32 - 6;
    uint8_t tail[64];
    size_t n = a->len - at;

    memcpy(tail, a->data + at, n);
    a->len = at - 4;
    cocos__buf_add_u32be(a, (uint32_t)count);
    for (int i = 0; i < count; i++)
        cocos__buf_add(a, tail, 6);
    cocos__buf_add(a, tail + 6, n - 6);
    tpm_sign(p, a, &t->signature[1]);
    return t;
}

START_TEST(refuses_values_that_are_not_the_quoted_ones)
{
    tpm_plan p = tpm_plan_new(p256);
    p.banks = 2;

    judge(&p, reselected(&p, 2), NULL, NULL, "vtpm.pcr_selection");
    judge(&p, reselected(&p, 0), NULL, NULL, "vtpm.pcr_selection");
    judge(&p, reselected(&p, 17), NULL, NULL, "vtpm.format");
    judge(&p, reselected(&p, 1), NULL, NULL, "");

    tpm_parts *t = tpm_make(&p);
    t->values &= ~0x80u;
    judge(&p, t, NULL, NULL, "vtpm.pcr_selection");
    t = tpm_make(&p);
    t->label[1] = 0x0c;
    judge(&p, t, NULL, NULL, "vtpm.pcr_selection");
    t = tpm_make(&p);
    t->label[1] = 0x12;
    judge(&p, t, NULL, NULL, "vtpm.format");
    t = tpm_make(&p);
    t->cut_value = 1;
    judge(&p, t, NULL, NULL, "vtpm.pcr_value");
    t = tpm_make(&p);
    t->pcr[1][7][31] ^= 1;
    judge(&p, t, NULL, NULL, "vtpm.pcr_digest");
}
END_TEST

START_TEST(wants_a_strong_bank_and_the_demanded_one)
{
    tpm_plan p = tpm_plan_new(p256);

    expect(&p, "vtpm.bank", "sha384", "");
    expect(&p, "vtpm.bank", "sha512", "vtpm.pcr_bank_missing");
    p.banks = 1;
    expect(&p, NULL, NULL, "vtpm.bank_weak");
    expect(&p, "vtpm.allow_sha1", "true", "");
    p.banks = 0;
    expect(&p, NULL, NULL, "vtpm.no_quote");
}
END_TEST

static void append(cocos__buf *b)
{
    cocos__buf_add_u8(b, 0);
}

START_TEST(refuses_structures_that_are_cut_or_too_long)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_parts *t = tpm_make(&p);

    append(&t->public);
    judge(&p, t, NULL, NULL, "undecided vtpm.format");
    t = tpm_make(&p);
    t->public.len--;
    judge(&p, t, NULL, NULL, "undecided vtpm.format");
    t = tpm_make(&p);
    append(&t->signature[1]);
    judge(&p, t, NULL, NULL, "vtpm.format");
    t = tpm_make(&p);
    t->signature[1].len--;
    judge(&p, t, NULL, NULL, "vtpm.format");
    t = tpm_make(&p);
    append(&t->attest[1]);
    tpm_sign(&p, &t->attest[1], &t->signature[1]);
    judge(&p, t, NULL, NULL, "vtpm.format");
    t = tpm_make(&p);
    t->attest[1].len--;
    tpm_sign(&p, &t->attest[1], &t->signature[1]);
    judge(&p, t, NULL, NULL, "vtpm.format");

    t = tpm_make(&p); /* a field that may stand once */
    tpm_field(&t->more, 1, t->public.data, t->public.len);
    judge(&p, t, NULL, NULL, "undecided vtpm.format");
    t = tpm_make(&p); /* an unknown one */
    tpm_field(&t->more, 99, "later", 5);
    judge(&p, t, NULL, NULL, "");
}
END_TEST

START_TEST(refuses_two_quotes_of_one_bank)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_parts *t = tpm_make(&p);
    cocos__buf values, quote;

    cocos__buf_init(&values, 1u << 16);
    cocos__buf_init(&quote, 1u << 16);
    tpm_add_values(t, 1, &values);
    tpm_field(&quote, 1, t->attest[1].data, t->attest[1].len);
    tpm_field(&quote, 2, t->signature[1].data, t->signature[1].len);
    tpm_field(&quote, 3, values.data, values.len);
    tpm_field(&t->more, 2, quote.data, quote.len);
    cocos__buf_done(&values);
    cocos__buf_done(&quote);
    judge(&p, t, NULL, NULL, "vtpm.format");
}
END_TEST

START_TEST(names_parts_that_it_has_no_use_for)
{
    static const int parts[] = {COCOS_PART_TEE_REPORT, COCOS_PART_CRL, COCOS_PART_TPM_PCRS,
                                COCOS_PART_IMA_LOG, COCOS_PART_EVENT_LOG};
    tpm_plan p = tpm_plan_new(p256);

    for (int given = 0; given < 2; given++) {
        COCOS__CLEANUP(cocos__freep) char *text = NULL;
        tpm_parts *t = tpm_make(&p);
        cocos_evidence *ev = tpm_evidence(t);
        cocos_policy *policy = tpm_policy(&p);
        cocos_verifier *verifier = NULL;
        cocos_verdict *verdict = NULL;

        for (size_t i = 0; given && i < sizeof parts / sizeof *parts; i++)
            PKI_NEED(!cocos_evidence_add(ev, parts[i], t->log.data, t->log.len, NULL));
        assert_ok(cocos_verifier_new(policy, &verifier, NULL), NULL);
        (void)!cocos_verifier_verify(verifier, ev, TPM_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                     &verdict, NULL);
        ck_assert_int_eq(cocos_verdict_to_json(verdict, &text, NULL), COCOS_OK);
        ck_assert_int_eq(strstr(text, "\"passed over: TEE report, revocation list, PCR values\"") !=
                             NULL,
                         given);
        cocos_verdict_free(verdict);
        cocos_verifier_free(verifier);
        cocos_policy_free(policy);
        cocos_evidence_free(ev);
        tpm_parts_free(t);
    }
}
END_TEST

START_TEST(compares_the_log_with_what_was_quoted)
{
    tpm_plan p = tpm_plan_new(p256);
    p.without_log = 1;
    expect(&p, NULL, NULL, "");
    expect(&p, "vtpm.require_event_log", "true", "vtpm.log_missing");

    p = tpm_plan_new(p256);
    tpm_parts *t = tpm_make(&p);
    t->log.len--;
    judge(&p, t, NULL, NULL, "vtpm.log_format");
    t = tpm_make(&p);
    t->log.data[t->log.len - 30 - 48] ^= 1; /* a digest of the last event in SHA-384 only */
    judge(&p, t, NULL, NULL, "vtpm.log_mismatch");
    t = tpm_make(&p);
    tpm_log_event(&p, &(tpm_event){2, 4, "\0\0\0\0", 4}, &t->log);
    judge(&p, t, NULL, NULL, "vtpm.log_mismatch");
    t = tpm_make(&p); /* SHA-256 announced with 33 bytes */
    t->log.data[32 + 16 + 8 + 4 + 4 + 2] = 33;
    judge(&p, t, NULL, NULL, "vtpm.log_algorithm");
    t = tpm_make(&p); /* a locality that did not happen */
    tpm_log_event(&p, &(tpm_event){0, 3, "StartupLocality\0\3", 17}, &t->log);
    judge(&p, t, NULL, NULL, "vtpm.log_mismatch");
    p.logged = 8;
    expect(&p, NULL, NULL, "vtpm.log_bank");
    p.logged = 1; /* SHA-1 explains nothing by itself */
    p.banks = 3;
    expect(&p, NULL, NULL, "vtpm.log_bank");
}
END_TEST

/* The plan's policy with the three digests of its boot. */
static void judge_boot(const tpm_plan *p, const char *kernel, const char *code)
{
    tpm_parts *t = tpm_make(p);
    cocos_evidence *ev = tpm_evidence(t);
    cocos_policy *policy = tpm_policy(p);

    tpm_rule(policy, "vtpm.kernel", tpm_digest_text(kernel, strlen(kernel)));
    tpm_rule(policy, "vtpm.command_line", tpm_digest_text("command line", 12));
    tpm_rule(policy, "vtpm.initrd", tpm_digest_text("initial file system", 19));
    tpm_rule(policy, "coverage.kernel", "vtpm.kernel");
    tpm_rule(policy, "coverage.command_line", "vtpm.command_line");
    tpm_rule(policy, "coverage.initrd", "vtpm.initrd");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), code);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    tpm_parts_free(t);
}

/* Nobody who sends no log may thereby choose what is looked at. */
START_TEST(wants_a_log_where_a_layer_is_stated)
{
    static const char *const layers[] = {"vtpm.kernel", "vtpm.command_line", "vtpm.initrd"};
    static const char *const words[] = {"false", "any", "true"};
    tpm_plan p = tpm_plan_new(p256);

    p.without_log = 1;
    for (size_t i = 0; i < 9; i++) {
        tpm_parts *t = tpm_make(&p);
        cocos_evidence *ev = tpm_evidence(t);
        cocos_policy *policy = tpm_policy(&p);
        tpm_rule(policy, layers[i / 3], tpm_digest_text("kernel image", 12));
        tpm_rule(policy, "vtpm.require_event_log", words[i % 3]);
        ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "vtpm.log_missing");
        cocos_policy_free(policy);
        cocos_evidence_free(ev);
        tpm_parts_free(t);
    }
}
END_TEST

/* The usual events with one replaced, or (at the end) one more. */
static tpm_plan booted(tpm_event *room, size_t at, tpm_event e)
{
    size_t n = sizeof tpm_usual / sizeof *tpm_usual;
    tpm_plan p = tpm_plan_new(p256);

    memcpy(room, tpm_usual, sizeof tpm_usual);
    room[at] = e;
    p.events = room;
    p.n_events = at < n ? n : n + 1;
    return p;
}

START_TEST(finds_kernel_command_line_and_initrd_and_nothing_else)
{
    size_t n = sizeof tpm_usual / sizeof *tpm_usual;
    tpm_event e[16];
    tpm_plan p = tpm_plan_new(p256);

    judge_boot(&p, "kernel image", "");
    judge_boot(&p, "another kernel", "vtpm.kernel");

    /* Another image ran before, however its event is called, and the listed one was extended too.
     */
    p = booted(e, n, (tpm_event){4, 0x80000003, "boot loader", 11});
    judge_boot(&p, "kernel image", "vtpm.kernel");
    p = booted(e, n, (tpm_event){4, 0x80000007, "boot loader", 11});
    judge_boot(&p, "kernel image", "vtpm.kernel");
    p = booted(e, n, (tpm_event){4, 4, "\xff\xff\xff\xff", 4});
    judge_boot(&p, "kernel image", "vtpm.kernel");
    p = booted(e, n, (tpm_event){9, 0xd, "another initrd", 14});
    judge_boot(&p, "kernel image", "vtpm.command_line");
    p = booted(e, n, (tpm_event){8, 0xd, "kernel_cmdline: x", 17});
    judge_boot(&p, "kernel image", "vtpm.command_line");
    p = booted(e, 10, (tpm_event){9, 6, "another initrd", 14});
    judge_boot(&p, "kernel image", "vtpm.initrd");
    p = booted(e, 9, (tpm_event){9, 6, "another line", 12});
    judge_boot(&p, "kernel image", "vtpm.command_line");
    p = booted(e, 9, (tpm_event){9, 6, "initial file system", 19});
    judge_boot(&p, "kernel image", "vtpm.command_line");
    p = booted(e, 10, (tpm_event){9, 6, "command line", 12});
    judge_boot(&p, "kernel image", "vtpm.initrd");

    p = tpm_plan_new(p256);
    p.without_log = 1;
    judge_boot(&p, "kernel image", "vtpm.log_missing");
    p = tpm_plan_new(p256);
    p.mask = 0xff;
    judge_boot(&p, "kernel image", "vtpm.command_line");
    p.mask = 0xf;
    judge_boot(&p, "kernel image", "vtpm.kernel");
}
END_TEST

/* PCR 8 was extended, but the log does not tell with what. */
START_TEST(believes_no_pcr_that_the_log_does_not_explain)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_parts *t = tpm_make(&p);
    cocos_policy *policy = tpm_policy(&p);

    tpm_rule(policy, "vtpm.command_line", tpm_digest_text("command line", 12));
    tpm_rule(policy, "vtpm.initrd", tpm_digest_text("initial file system", 19));
    for (int hidden = 0; hidden < 2; hidden++) {
        if (hidden)
            memset(t->pcr[1][8], 0x88, 32);
        tpm_quote_again(&p, t);
        cocos_evidence *ev = tpm_evidence(t);
        ck_assert_str_eq(code_of(policy, ev, TPM_NOW), hidden ? "vtpm.command_line" : "");
        cocos_evidence_free(ev);
    }
    cocos_policy_free(policy);
    tpm_parts_free(t);
}
END_TEST

/* PCR 4 listed in SHA-1, which does not count, and in SHA-256. */
static void expect_both(const tpm_plan *p, const char *sha1, const char *sha256, const char *code)
{
    tpm_parts *t = tpm_make(p);
    cocos_evidence *ev = tpm_evidence(t);
    cocos_policy *policy = tpm_policy(p);

    tpm_rule(policy, "vtpm.pcr.sha1.4", sha1);
    tpm_rule(policy, "vtpm.pcr.sha256.4", sha256);
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), code);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    tpm_parts_free(t);
}

START_TEST(holds_golden_values_bank_by_bank)
{
    tpm_plan p = tpm_plan_new(p256);
    tpm_parts *t = tpm_make(&p);
    cocos_evidence *ev = tpm_evidence(t);
    cocos_policy *policy = tpm_policy(&p);
    cocos_error *err = NULL;
    char json[400];
    char hex[3][129];

    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < tpm_banks[k].size; i++)
            snprintf(hex[k] + 2 * i, 3, "%02x", t->pcr[k][4][i]);
    }
    snprintf(json, sizeof json,
             "{\"pcr_values\":{\"sha256\":{\"4\":\"%s\"},\"sha384\":{\"4\":\"%s\"}}}", hex[1],
             hex[2]);
    assert_ok(cocos_policy_add_pcrs(policy, json, strlen(json), &err), err);
    tpm_rule(policy, "coverage.kernel", "vtpm.pcr.4");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "");
    /* They agree with themselves, or with the policy, and measure nothing. */
    static const char *const none[] = {"vtpm.digest", "vtpm.nonce", "vtpm.ak.trust", "vtpm.pcr.16",
                                       "coverage.agent"};
    for (size_t i = 0; i < COCOS__ARRAY_LEN(none); i++) {
        tpm_rule(policy, "coverage.kernel", none[i]);
        ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "undecided coverage.register");
    }
    tpm_rule(policy, "coverage.kernel", "vtpm.pcr.9");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "undecided coverage.unverified");
    tpm_rule(policy, "coverage.kernel", "vtpm.pcr.4");
    hex[2][0] = hex[2][0] == '0' ? '1' : '0';
    tpm_rule(policy, "vtpm.pcr.sha384.4", hex[2]);
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "vtpm.pcr_policy");
    tpm_rule(policy, "vtpm.pcr.sha384.4", "any");
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "");
    tpm_rule(policy, "vtpm.pcr.sha1.4", hex[0]);
    ck_assert_str_eq(code_of(policy, ev, TPM_NOW), "vtpm.pcr_bank_missing");
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    tpm_parts_free(t);

    p.mask = 0xf0;
    expect(&p, "vtpm.pcr.sha256.4", hex[1], "");
    expect(&p, "vtpm.pcr.sha256.0", hex[1], "vtpm.pcr_policy");
    p.mask = TPM_ALL_PCRS;
    p.banks = 3;
    expect(&p, "vtpm.pcr.sha1.4", hex[0], "undecided vtpm.bank_weak");
    expect_both(&p, hex[0], hex[1], "");
    hex[0][0] = hex[0][0] == '0' ? '1' : '0';
    expect_both(&p, hex[0], hex[1], "vtpm.pcr_policy");
    hex[0][0] = hex[0][0] == '0' ? '1' : '0';
    hex[1][0] = hex[1][0] == '0' ? '1' : '0';
    expect_both(&p, hex[0], hex[1], "vtpm.pcr_policy");
}
END_TEST

START_TEST(cannot_tell_what_the_policy_leaves_out)
{
    static const char *const needed[] = {"vtpm.pcrs", "vtpm.nonce", "vtpm.ak_trust"};
    static const char *const layers[] = {"coverage.firmware", "coverage.kernel",
                                         "coverage.command_line", "coverage.initrd",
                                         "coverage.agent"};
    tpm_plan p = tpm_plan_new(p256);
    tpm_parts *t = tpm_make(&p);
    cocos_evidence *ev = tpm_evidence(t);

    for (size_t left_out = 0; left_out <= 3; left_out++) {
        cocos_policy *policy = NULL;
        ck_assert_int_eq(cocos_policy_new(&policy, NULL), COCOS_OK);
        for (size_t i = 0; i < 5; i++)
            tpm_rule(policy, layers[i], "any");
        for (size_t i = 0; i < 3; i++) {
            if (i != left_out)
                tpm_rule(policy, needed[i], "any");
        }
        ck_assert_str_eq(code_of(policy, ev, TPM_NOW),
                         left_out < 3 ? "undecided policy.missing" : "");
        cocos_policy_free(policy);
    }
    cocos_evidence_free(ev);
    tpm_parts_free(t);
}
END_TEST

/* ---- certificates ---- */

static X509 *make_cert(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, int ca)
{
    pki_spec s = {.cn = cn,
                  .key = key,
                  .issuer = issuer,
                  .issuer_key = issuer_key,
                  .scheme = PKI_ECDSA_SHA256,
                  .not_before = TPM_NOW - 1000,
                  .not_after = TPM_NOW + 1000,
                  .serial = 1 + ca,
                  .ca = ca};
    return pki_cert(&s);
}

static const char *with_cert(const tpm_plan *p, X509 *leaf, X509 *mid, X509 *root, int64_t time_s)
{
    tpm_parts *t = tpm_make(p);
    cocos_policy *policy = tpm_policy(p);
    pki_bytes b = pki_der(leaf);

    tpm_field(&t->more, 6, b.data, b.len);
    free(b.data);
    if (mid) {
        b = pki_der(mid);
        tpm_field(&t->more, 7, b.data, b.len);
        free(b.data);
    }
    if (root) {
        b = pki_pem(&root, 1);
        PKI_NEED(cocos_policy_add_root(policy, b.data, b.len, NULL) == COCOS_OK);
        free(b.data);
    }
    tpm_rule(policy, "vtpm.ak_trust", "certificate");
    cocos_evidence *ev = tpm_evidence(t);
    const char *code = code_of(policy, ev, time_s);
    cocos_evidence_free(ev);
    cocos_policy_free(policy);
    tpm_parts_free(t);
    return code;
}

START_TEST(follows_the_keys_certificate_to_a_listed_root)
{
    tpm_plan p = tpm_plan_new(p256);
    EVP_PKEY *root_key = pki_key_ec("P-256");
    EVP_PKEY *mid_key = pki_key_ec("P-256");
    X509 *root = make_cert("root", root_key, NULL, NULL, 1);
    X509 *twin = make_cert("root", mid_key, NULL, NULL, 1);
    X509 *mid = make_cert("mid", mid_key, root, root_key, 1);
    X509 *leaf = make_cert("AK", p256, mid, mid_key, 0);
    X509 *foreign = make_cert("AK", p256, mid, root_key, 0);
    X509 *not_ours = make_cert("AK", other, mid, mid_key, 0);
    X509 *direct = make_cert("AK", p256, root, root_key, 0);

    ck_assert_str_eq(with_cert(&p, leaf, mid, root, TPM_NOW), "");
    ck_assert_str_eq(with_cert(&p, direct, NULL, root, TPM_NOW), "");
    ck_assert_str_eq(with_cert(&p, leaf, NULL, root, TPM_NOW), "vtpm.ak_cert");
    ck_assert_str_eq(with_cert(&p, leaf, mid, twin, TPM_NOW), "vtpm.ak_cert");
    ck_assert_str_eq(with_cert(&p, leaf, mid, NULL, TPM_NOW), "undecided vtpm.ak_cert");
    ck_assert_str_eq(with_cert(&p, foreign, mid, root, TPM_NOW), "vtpm.ak_cert");
    ck_assert_str_eq(with_cert(&p, not_ours, mid, root, TPM_NOW), "vtpm.ak_cert");
    ck_assert_str_eq(with_cert(&p, leaf, mid, root, TPM_NOW + 1001), "vtpm.cert_expired");
    ck_assert_str_eq(with_cert(&p, leaf, mid, root, TPM_NOW - 1001), "vtpm.cert_not_yet_valid");
    X509 *all[] = {root, twin, mid, leaf, foreign, not_ours, direct};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        X509_free(all[i]);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(mid_key);
}
END_TEST

/*
 * Every byte of a message with one bit changed, the log left out: no signature covers a log's types
 * and texts, and its digests are compared as far as they were quoted. What may change without a
 * refusal is listed: nothing but field numbers of the message's own framing would turn a part into
 * an unknown field, and then the part is missing.
 */
START_TEST(refuses_every_flipped_bit_of_quotes_and_values)
{
    tpm_plan p = tpm_plan_new(p256);
    p.banks = 2;
    p.without_log = 1;
    tpm_parts *t = tpm_make(&p);
    cocos_policy *policy = tpm_policy(&p);
    cocos_verifier *verifier = NULL;
    cocos__buf m;

    ck_assert_int_eq(cocos_verifier_new(policy, &verifier, NULL), COCOS_OK);
    cocos__buf_init(&m, 1u << 20);
    tpm_message(t, &m);
    for (size_t bit = 0; bit < 8 * m.len; bit++) {
        cocos_evidence *ev = NULL;
        cocos_verdict *verdict = NULL;
        m.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(cocos_evidence_new(COCOS_EVIDENCE_VTPM, m.data, m.len, &ev, NULL), 0);
        int r = cocos_verifier_verify(verifier, ev, TPM_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                      &verdict, NULL);
        ck_assert_msg(r == COCOS_ERR_REJECTED || r == COCOS_ERR_UNDECIDED, "bit %zu: %d", bit, r);
        cocos_verdict_free(verdict);
        cocos_evidence_free(ev);
        m.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cocos__buf_done(&m);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    tpm_parts_free(t);
}
END_TEST

START_TEST(judges_alike_with_a_kept_key)
{
    EVP_PKEY *keys[] = {rsa, p256, p384, other};
    cocos_evidence *evs[4];

    for (size_t i = 0; i < 4; i++) {
        tpm_plan p = tpm_plan_new(keys[i]);
        tpm_parts *t = tpm_make(&p);
        evs[i] = tpm_evidence(t);
        tpm_parts_free(t);
    }
    for (size_t i = 0; i < 4; i++) {
        tpm_plan p = tpm_plan_new(keys[i]);
        cocos_policy *policy = tpm_policy(&p);
        for (size_t k = 0; k < 4; k++) {
            ck_assert_str_eq(code_kept(policy, evs[k], evs[i], TPM_NOW), "");
            ck_assert_str_eq(code_kept(policy, evs[i], evs[k], TPM_NOW),
                             i == k ? "" : "vtpm.ak_untrusted");
        }
        cocos_policy_free(policy);
    }
    for (size_t i = 0; i < 4; i++)
        cocos_evidence_free(evs[i]);
}
END_TEST

/* Whatever is changed in the public area: not the kept key, and refused as without one. */
START_TEST(takes_a_kept_key_for_the_same_bytes_alone)
{
    tpm_plan p = tpm_plan_new(p256);
    cocos_policy *policy = tpm_policy(&p);
    tpm_parts *t = tpm_make(&p);
    cocos_evidence *kept = single(t, "");
    char without[80];

    tpm_rule(policy, "vtpm.ak", "any");
    tpm_rule(policy, "vtpm.ak_trust", "any");
    ck_assert_str_eq(code_kept(policy, kept, kept, TPM_NOW), "");
    for (size_t bit = 0; bit < 8 * t->public.len; bit++) {
        t->public.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cocos_evidence *ev = single(t, "");
        strcpy(without, code_of(policy, ev, TPM_NOW));
        ck_assert_str_eq(code_kept(policy, kept, ev, TPM_NOW), without);
        cocos_evidence_free(ev);
        t->public.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cocos_evidence_free(kept);
    cocos_policy_free(policy);
    tpm_parts_free(t);
}
END_TEST

START_TEST(keeps_no_key_that_could_sign_anything_else)
{
    tpm_plan p = tpm_plan_new(p256);
    cocos_policy *policy = tpm_policy(&p);
    cocos_verifier *verifier = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    p.attributes = 0x00070072;
    tpm_parts *t = tpm_make(&p);
    cocos_evidence *ev = single(t, "");
    assert_fails(cocos_verifier_keep_chain(verifier, ev, &err), COCOS_ERR_MALFORMED,
                 "vtpm.ak_public", err);
    cocos_evidence_free(ev);
    t->public.len -= 1;
    ev = single(t, "");
    assert_fails(cocos_verifier_keep_chain(verifier, ev, &err), COCOS_ERR_MALFORMED, "vtpm.format",
                 err);
    cocos_evidence_free(ev);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    tpm_parts_free(t);
}
END_TEST

int main(void)
{
    rsa = pki_key_rsa(2048);
    p256 = pki_key_ec("P-256");
    p384 = pki_key_ec("P-384");
    other = pki_key_ec("P-256");
    const TTest *const tests[] = {accepts_quotes_of_every_kind_of_key,
                                  recognises_messages_and_single_quotes,
                                  judges_a_single_quote_with_its_parts_beside_it,
                                  refuses_keys_that_could_sign_what_the_tpm_did_not_make,
                                  refuses_another_key_than_the_listed_one,
                                  refuses_signatures_that_do_not_hold,
                                  refuses_signed_structures_that_are_no_quote,
                                  holds_the_nonce_with_its_length,
                                  refuses_values_that_are_not_the_quoted_ones,
                                  wants_a_strong_bank_and_the_demanded_one,
                                  refuses_structures_that_are_cut_or_too_long,
                                  refuses_two_quotes_of_one_bank,
                                  names_parts_that_it_has_no_use_for,
                                  compares_the_log_with_what_was_quoted,
                                  wants_a_log_where_a_layer_is_stated,
                                  finds_kernel_command_line_and_initrd_and_nothing_else,
                                  believes_no_pcr_that_the_log_does_not_explain,
                                  holds_golden_values_bank_by_bank,
                                  cannot_tell_what_the_policy_leaves_out,
                                  follows_the_keys_certificate_to_a_listed_root,
                                  refuses_every_flipped_bit_of_quotes_and_values,
                                  judges_alike_with_a_kept_key,
                                  takes_a_kept_key_for_the_same_bytes_alone,
                                  keeps_no_key_that_could_sign_anything_else,
                                  NULL};
    int r = run_suite("vtpm", tests, 60);
    EVP_PKEY *keys[] = {rsa, p256, p384, other};
    for (size_t i = 0; i < 4; i++)
        EVP_PKEY_free(keys[i]);
    return r;
}
