/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of Linux IMA beside TPM evidence: held to the quoted PCR 10, one refusal for each reason.
 */
#include <cocos/verifier.h>

#include "ima_maker.h"
#include "suite.h"

static EVP_PKEY *key;

/* A machine that measured two files, and what it sends. */
typedef struct machine {
    tpm_plan plan;
    ima_list list;
    tpm_parts *parts;
    cocos__buf *form; /* of the list's two; NULL: none is sent */
    const char *rule; /* set to true; NULL: none */
    int unlike;       /* the quote is not made anew with the PCR 10 that the list leads to */
} machine;

static machine machine_new(void)
{
    machine m = {.plan = tpm_plan_new(key)};

    ima_list_init(&m.list);
    ima_list_add(&m.list, IMA_NG, "boot_aggregate", 0);
    ima_list_add(&m.list, IMA_SIG, "/usr/bin/agent", 0);
    return m;
}

static void quote(machine *m)
{
    m->parts = tpm_make(&m->plan);
    for (int k = 0; !m->unlike && k < TPM_BANKS; k++)
        memcpy(m->parts->pcr[k][10], m->list.pcrs.pcr[k][10], 64);
    tpm_quote_again(&m->plan, m->parts);
}

/* Judges, frees, and gives the reason; "undecided " before it when that is the judgement. */
static const char *reason(machine *m)
{
    static char code[80];
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_policy *policy = tpm_policy(&m->plan);

    if (!m->parts)
        quote(m);
    cocos_evidence *ev = tpm_evidence(m->parts);
    if (m->form)
        ck_assert_int_eq(
            cocos_evidence_add(ev, COCOS_PART_IMA_LOG, m->form->data, m->form->len, NULL),
            COCOS_OK);
    if (m->rule)
        tpm_rule(policy, m->rule, "true");
    ck_assert_int_eq(cocos_verifier_new(policy, &verifier, NULL), COCOS_OK);
    int r = cocos_verifier_verify(verifier, ev, TPM_NOW * 1000000000, COCOS_TIME_CHOSEN, &verdict,
                                  NULL);
    ck_assert_ptr_nonnull(verdict);
    snprintf(code, sizeof code, "%s%s", r == COCOS_ERR_UNDECIDED ? "undecided " : "",
             cocos_verdict_reason(verdict));
    ck_assert_int_eq(r == COCOS_OK, code[0] == '\0');
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    cocos_evidence_free(ev);
    cocos_policy_free(policy);
    tpm_parts_free(m->parts);
    ima_list_done(&m->list);
    return code;
}

START_TEST(accepts_lists_of_both_forms_that_lead_to_the_quoted_register)
{
    machine m = machine_new();

    m.form = &m.list.ascii;
    ck_assert_str_eq(reason(&m), "");
    m = machine_new();
    m.form = &m.list.binary;
    ck_assert_str_eq(reason(&m), "");
}
END_TEST

START_TEST(wants_a_list_only_where_the_policy_does)
{
    machine m = machine_new();

    ck_assert_str_eq(reason(&m), "");
    m = machine_new();
    m.rule = "vtpm.require_ima";
    ck_assert_str_eq(reason(&m), "vtpm.ima_missing");
    m = machine_new();
    m.rule = "vtpm.require_ima";
    m.form = &m.list.ascii;
    ck_assert_str_eq(reason(&m), "");
}
END_TEST

START_TEST(refuses_lists_that_lead_elsewhere)
{
    machine m = machine_new();

    m.form = &m.list.ascii;
    m.unlike = 1;
    ck_assert_str_eq(reason(&m), "vtpm.ima_pcr");
    m = machine_new();
    m.form = &m.list.binary;
    quote(&m);
    ima_list_add(&m.list, IMA_NG, "/usr/bin/added-later", 0);
    ck_assert_str_eq(reason(&m), "vtpm.ima_pcr");
}
END_TEST

START_TEST(refuses_entries_that_were_changed)
{
    machine m = machine_new();

    m.form = &m.list.ascii;
    m.list.ascii.data[m.list.ascii.len - 2 - strlen(" 03020478")] ^= 1; /* of the file's name */
    ck_assert_str_eq(reason(&m), "vtpm.ima_template_hash");
    m = machine_new();
    m.form = &m.list.ascii;
    m.list.ascii.data[5] = 'g'; /* of the hash */
    ck_assert_str_eq(reason(&m), "vtpm.ima_format");
    m = machine_new();
    m.form = &m.list.binary;
    m.list.binary.len -= 1;
    ck_assert_str_eq(reason(&m), "vtpm.ima_format");
}
END_TEST

START_TEST(refuses_violations_unless_they_are_allowed)
{
    machine m = machine_new();

    ima_list_add(&m.list, IMA_NG, "/tmp/changed-while-read", 1);
    m.form = &m.list.ascii;
    ck_assert_str_eq(reason(&m), "vtpm.ima_violation");
    m = machine_new();
    ima_list_add(&m.list, IMA_NG, "/tmp/changed-while-read", 1);
    m.form = &m.list.ascii;
    m.rule = "vtpm.ima_violations";
    ck_assert_str_eq(reason(&m), "");
}
END_TEST

START_TEST(cannot_tell_when_the_register_was_not_quoted)
{
    machine m = machine_new();

    m.plan.mask = TPM_ALL_PCRS & ~(1u << 10);
    m.form = &m.list.ascii;
    ck_assert_str_eq(reason(&m), "undecided vtpm.ima_pcr");
}
END_TEST

/* Kernels before 5.8: SHA-1 and zeros in the other banks. Entries of the ASCII form begin "10
 * HASH". */
static void pad(machine *m)
{
    const char *line = (const char *)m->list.ascii.data;
    tpm_parts *replay = calloc(1, sizeof *replay);

    ck_assert_ptr_nonnull(replay);
    for (const char *end = line + m->list.ascii.len; line < end; line = strchr(line, '\n') + 1) {
        uint8_t digest[64] = {0};
        for (int i = 0; i < 20; i++)
            ck_assert_int_eq(sscanf(line + 3 + 2 * i, "%2hhx", &digest[i]), 1);
        for (int k = 1; k < TPM_BANKS; k++)
            tpm_extend(replay, k, 10, digest);
    }
    for (int k = 1; k < TPM_BANKS; k++)
        memcpy(m->list.pcrs.pcr[k][10], replay->pcr[k][10], 64);
    free(replay);
}

START_TEST(follows_old_kernels_only_where_it_is_told)
{
    machine m = machine_new();

    pad(&m);
    m.form = &m.list.binary;
    ck_assert_str_eq(reason(&m), "vtpm.ima_pcr");
    m = machine_new();
    pad(&m);
    m.form = &m.list.binary;
    m.rule = "vtpm.ima_padded";
    ck_assert_str_eq(reason(&m), "");
}
END_TEST

int main(void)
{
    key = pki_key_ec("P-256");
    const TTest *const tests[] = {accepts_lists_of_both_forms_that_lead_to_the_quoted_register,
                                  wants_a_list_only_where_the_policy_does,
                                  refuses_lists_that_lead_elsewhere,
                                  refuses_entries_that_were_changed,
                                  refuses_violations_unless_they_are_allowed,
                                  cannot_tell_when_the_register_was_not_quoted,
                                  follows_old_kernels_only_where_it_is_told,
                                  NULL};
    int r = run_suite("vtpm_ima", tests, 60);
    EVP_PKEY_free(key);
    return r;
}
