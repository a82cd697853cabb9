/* SPDX-License-Identifier: Apache-2.0 */
/* The event log beside a TDX quote: what its replay proves, and each reason not to believe it. */
#include <cocos/verifier.h>

#include <string.h>

#include "judged.h"
#include "suite.h"
#include "tdx_maker.h"
#include "tpm_maker.h"

#define SHA384      2 /* of tpm_banks */
#define GPT         "EFI PART of a disk"
#define RTMR(i)     (0x148 + 48 * (i))
#define EVENT(d, t) (t), (d), sizeof(d) - 1

static tdx_authority intel;
static EVP_PKEY *unused;

/* An EFI stub's direct boot; register 1 is RTMR0. */
static const tpm_event usual[] = {
    {1, EVENT("firmware blob", 0x8000000a)},
    {1, EVENT("\0\0\0\0", 4)},
    {2, EVENT("Calling EFI Application from Boot Option", 0x80000007)},
    {2, EVENT("\0\0\0\0", 4)},
    {2, EVENT(GPT, 0x80000006)},
    {2, EVENT("kernel image", 0x80000003)},
    {3, EVENT("command line", 6)},
    {3, EVENT("initial file system", 6)},
    {2, EVENT("Exit Boot Services Invocation", 0x80000007)},
    {2, EVENT("Exit Boot Services Returned with Success", 0x80000007)},
};
#define USUAL (sizeof usual / sizeof *usual)

typedef struct machine {
    tpm_plan plan;
    tpm_parts *boot;
    tdx_plan tdx;
} machine;

static void measure(machine *m)
{
    for (int i = 0; i < 4; i++)
        memcpy(m->tdx.body + RTMR(i), m->boot->pcr[SHA384][i + 1], 48);
}

static machine booted(const tpm_event *events, size_t n)
{
    machine m = {.plan = tpm_plan_new(unused), .tdx = tdx_plan_new(&intel)};

    m.plan.logged = 1u << SHA384;
    m.plan.events = events;
    m.plan.n_events = n;
    m.boot = tpm_make(&m.plan);
    measure(&m);
    return m;
}

static const char *sha384_text(const char *data)
{
    static char text[97];
    uint8_t digest[64];

    tpm_hash(SHA384, data, strlen(data), digest);
    for (int i = 0; i < 48; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

/* Everything of the boot that the policy can know, and layers that only the log covers. */
static cocos_policy *policy_of_boot(void)
{
    cocos_policy *policy = tdx_policy(&intel);

    tpm_rule(policy, "tdx.rtmr1", "any");
    tpm_rule(policy, "tdx.rtmr2", "any");
    tpm_rule(policy, "tdx.kernel", sha384_text("kernel image"));
    tpm_rule(policy, "tdx.command_line", sha384_text("command line"));
    tpm_rule(policy, "tdx.initrd", sha384_text("initial file system"));
    tpm_rule(policy, "coverage.kernel", "tdx.kernel");
    tpm_rule(policy, "coverage.command_line", "tdx.command_line");
    tpm_rule(policy, "coverage.initrd", "tdx.initrd");
    tpm_rule(policy, "coverage.agent", "tdx.initrd");
    return policy;
}

static const char *code_of(cocos_policy *policy, machine *m)
{
    cocos_evidence *ev = tdx_make(&m->tdx);

    if (m->boot->log.len)
        tdx_add(ev, COCOS_PART_EVENT_LOG, m->boot->log.data, m->boot->log.len);
    const char *code = verdict_code(policy, ev, TDX_NOW, NULL);
    cocos_evidence_free(ev);
    return code;
}

static void judge(machine *m, const char *rule, const char *value, const char *code)
{
    cocos_policy *policy = policy_of_boot();

    if (rule)
        tpm_rule(policy, rule, strcmp(value, "other") == 0 ? sha384_text(value) : value);
    ck_assert_str_eq(code_of(policy, m), code);
    cocos_policy_free(policy);
    tpm_parts_free(m->boot);
}

static void expect(const tpm_event *events, size_t n, const char *code)
{
    machine m = booted(events, n);
    judge(&m, NULL, NULL, code);
}

START_TEST(covers_layers_by_what_the_log_proves)
{
    expect(usual, USUAL, "");

    /* The padding of the area in which firmware leaves its log. */
    machine m = booted(usual, USUAL);
    for (int i = 0; i < 100; i++)
        cocos__buf_add_u8(&m.boot->log, 0xff);
    judge(&m, NULL, NULL, "");
    m = booted(usual, USUAL);
    m.tdx.version = 5;
    judge(&m, NULL, NULL, "");
    m = booted(usual, USUAL); /* both may be stated */
    cocos_policy *policy = policy_of_boot();
    PKI_NEED(cocos_policy_set_bytes(policy, "tdx.rtmr1", m.tdx.body + RTMR(1), 48, NULL) ==
             COCOS_OK);
    tpm_rule(policy, "coverage.kernel", "tdx.rtmr1");
    ck_assert_str_eq(code_of(policy, &m), "");
    cocos_policy_free(policy);
    tpm_parts_free(m.boot);
}
END_TEST

START_TEST(wants_a_log_where_a_rule_needs_one)
{
    machine m = booted(usual, USUAL);
    cocos__buf_reset(&m.boot->log);
    judge(&m, NULL, NULL, "tdx.log_missing");

    for (int demanded = 0; demanded < 2; demanded++) {
        tdx_plan plan = tdx_plan_new(&intel);
        cocos_policy *policy = tdx_policy(&intel);
        m = booted(usual, USUAL);
        m.tdx = plan;
        cocos__buf_reset(&m.boot->log);
        if (demanded)
            tpm_rule(policy, "tdx.require_event_log", "true");
        ck_assert_str_eq(code_of(policy, &m), demanded ? "tdx.log_missing" : "");
        cocos_policy_free(policy);
        tpm_parts_free(m.boot);
    }
    m = booted(usual, USUAL); /* the stated layers need it whatever is said of it */
    cocos__buf_reset(&m.boot->log);
    judge(&m, "tdx.require_event_log", "false", "tdx.log_missing");
    m = booted(usual, USUAL);
    cocos__buf_reset(&m.boot->log);
    judge(&m, "tdx.require_event_log", "any", "tdx.log_missing");
}
END_TEST

START_TEST(refuses_logs_that_do_not_fit_the_quote)
{
    machine m = booted(usual, USUAL);
    m.boot->log.len--;
    judge(&m, NULL, NULL, "tdx.log_format");
    m = booted(usual, USUAL); /* SHA-384 announced with 47 bytes */
    m.boot->log.data[32 + 16 + 8 + 4 + 2] = 47;
    judge(&m, NULL, NULL, "tdx.log_algorithm");
    for (int i = 0; i < 3; i++) {
        m = booted(usual, USUAL);
        m.tdx.body[RTMR(i)] ^= 1;
        judge(&m, NULL, NULL, "tdx.log_mismatch");
    }
    m = booted(usual, USUAL);
    tpm_log_event(&m.plan, &(tpm_event){4, EVENT("never", 6)}, &m.boot->log);
    judge(&m, NULL, NULL, "tdx.log_mismatch");
    m = booted(usual, USUAL);
    tpm_log_event(&m.plan, &(tpm_event){5, EVENT("no such register", 6)}, &m.boot->log);
    judge(&m, NULL, NULL, "tdx.log_format");
    m = booted(usual, USUAL); /* a log of other digests */
    m.plan.logged = 1u << 1;
    cocos__buf_reset(&m.boot->log);
    tpm_log_header(&m.plan, &m.boot->log);
    for (size_t i = 0; i < USUAL; i++)
        tpm_log_event(&m.plan, &usual[i], &m.boot->log);
    judge(&m, NULL, NULL, "tdx.log_bank");
}
END_TEST

START_TEST(believes_no_log_of_a_quote_that_does_not_hold)
{
    machine m = booted(usual, USUAL);
    m.tdx.flip_signature = 3;
    judge(&m, NULL, NULL, "tdx.quote_signature");
}
END_TEST

/* The usual boot with one event more, in RTMR1 or RTMR2. */
static void with_event(tpm_event more, const char *code)
{
    tpm_event events[USUAL + 1];

    memcpy(events, usual, sizeof usual);
    events[USUAL] = more;
    expect(events, USUAL + 1, code);
}

START_TEST(finds_what_nobody_listed)
{
    with_event((tpm_event){2, EVENT("another kernel", 0x80000003)}, "tdx.kernel");
    with_event((tpm_event){2, EVENT("another kernel", 0x80000006)}, "tdx.kernel");
    with_event((tpm_event){2, EVENT("another kernel", 4)}, "tdx.kernel");
    with_event((tpm_event){3, EVENT("init=/bin/sh", 6)}, "tdx.command_line");
    with_event((tpm_event){3, EVENT("kernel image", 6)}, "tdx.command_line");
    /* Registers that the policy does not speak of. */
    with_event((tpm_event){1, EVENT("a boot variable", 0x80000002)}, "");
    with_event((tpm_event){4, EVENT("an agent", 6)}, "");
    with_event((tpm_event){2, EVENT(GPT " and another", 0x80000006)}, "");
    with_event((tpm_event){0, EVENT("MRTD is not extended", 6)}, "");

    machine m = booted(usual, USUAL);
    judge(&m, "tdx.kernel", "other", "tdx.kernel");
    m = booted(usual, USUAL);
    judge(&m, "tdx.initrd", "other",
          "tdx.initrd");          /* the command line is there: this is the other */
    m = booted(usual, USUAL - 4); /* before the command line */
    judge(&m, NULL, NULL, "tdx.command_line");
}
END_TEST

/* A digest may be told to be anything: only the one of the data themselves is that of a table. */
START_TEST(takes_no_image_for_a_partition_table)
{
    machine m = booted(usual, USUAL);
    uint8_t digest[64];

    tpm_hash(SHA384, "another kernel", 14, digest);
    tpm_extend(m.boot, SHA384, 2, digest);
    measure(&m);
    size_t at = m.boot->log.len;
    tpm_log_event(&m.plan, &(tpm_event){2, EVENT(GPT, 0x80000006)}, &m.boot->log);
    memcpy(m.boot->log.data + at + 14, digest, 48);
    judge(&m, NULL, NULL, "tdx.kernel");
}
END_TEST

/* A log that is silent about a register proves nothing of what went into it. */
START_TEST(believes_no_register_that_the_log_does_not_explain)
{
    machine m = booted(usual, USUAL);
    cocos__buf_reset(&m.boot->log);
    tpm_log_header(&m.plan, &m.boot->log);
    for (size_t i = 0; i < USUAL; i++) {
        if (usual[i].pcr != 3)
            tpm_log_event(&m.plan, &usual[i], &m.boot->log);
    }
    judge(&m, NULL, NULL, "tdx.command_line");
}
END_TEST

/*
 * Marks bytes of the log that nothing vouches for: types and data of events, and of the header what
 * tells neither form nor algorithms. Everything else leads to the digests.
 */
static void mark_free(const machine *m, uint8_t *is_free)
{
    size_t header = 32 + 16 + 8 + 4 + 4 + 1;
    size_t at = header;

    memset(is_free, 1, 4);           /* the register of the header */
    memset(is_free + 8, 1, 20);      /* its digest */
    memset(is_free + 32 + 16, 1, 8); /* platform class, versions */
    for (size_t i = 0; i < m->plan.n_events; i++) {
        size_t len = m->plan.events[i].len;
        int table = m->plan.events[i].data[0] == 'E' && m->plan.events[i].data[1] == 'F';
        memset(is_free + at + 4, 1, 4);
        if (!table)
            memset(is_free + at + 12 + 2 + 48 + 4, 1, len);
        at += 12 + 2 + 48 + 4 + len;
    }
    ck_assert_uint_eq(at, m->boot->log.len);
}

START_TEST(refuses_each_changed_byte_that_leads_to_a_digest)
{
    machine m = booted(usual, USUAL);
    cocos_policy *policy = policy_of_boot();
    uint8_t is_free[4096] = {0};

    mark_free(&m, is_free);
    for (size_t i = 0; i < m.boot->log.len; i++) {
        if (is_free[i])
            continue;
        m.boot->log.data[i] ^= 0x40;
        ck_assert_msg(code_of(policy, &m)[0] != '\0', "byte %zu does not count", i);
        m.boot->log.data[i] ^= 0x40;
    }
    ck_assert_str_eq(code_of(policy, &m), "");
    cocos_policy_free(policy);
    tpm_parts_free(m.boot);
}
END_TEST

int main(void)
{
    intel = tdx_authority_new();
    unused = pki_key_ec("P-256");
    const TTest *const tests[] = {covers_layers_by_what_the_log_proves,
                                  wants_a_log_where_a_rule_needs_one,
                                  refuses_logs_that_do_not_fit_the_quote,
                                  believes_no_log_of_a_quote_that_does_not_hold,
                                  finds_what_nobody_listed,
                                  takes_no_image_for_a_partition_table,
                                  believes_no_register_that_the_log_does_not_explain,
                                  refuses_each_changed_byte_that_leads_to_a_digest,
                                  NULL};
    int r = run_suite("tdx_log", tests, 60);
    tdx_authority_free(&intel);
    EVP_PKEY_free(unused);
    return r;
}
