/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of kind vtpm. Messages and quotes go through the public verifier. What has no verdict of its
 * own (a log, an IMA list, a list of golden values) goes to the module that reads it.
 */
#include "run_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "crypto/digest.h"
#include "vtpm/golden.h"
#include "vtpm/ima.h"
#include "vtpm/log.h"
#include "vtpm/message.h"
#include "vtpm/verify.h"

static const char *const layers[] = {"coverage.firmware", "coverage.kernel",
                                     "coverage.command_line", "coverage.initrd", "coverage.agent"};

#define BANKS     "sha1|sha256|sha384|sha512"
#define VTPM_CASE CASE, TEXT(MUST, "kind"), TEXT(MAY, "checked_with"), TEXT(MAY, "time")

static const shape attestation_files[] = {TEXT(MUST, "attestation"), TEXT(MAY, "roots"),
                                          TEXT(MAY, "policy"), END};
static const shape attestation_options[] = {TEXT(MAY, "nonce"),
                                            ONE_OF(MAY, "ak", "unpinned|pinned|cert|tee"),
                                            TEXT(MAY, "ak_sha256"),
                                            TEXT(MAY, "tee_nonce"),
                                            ONE_OF(MAY, "tee_signature", "skip"),
                                            ONE_OF(MAY, "bank", BANKS),
                                            FLAG(MAY, "allow_sha1"),
                                            FLAG(MAY, "require_event_log"),
                                            END};
static const shape attestation_shape[] = {VTPM_CASE, OBJECT(MUST, "files", attestation_files),
                                          OBJECT(MUST, "options", attestation_options), END};

static const shape quote_files[] = {TEXT(MUST, "ak_pub"), TEXT(MUST, "attest"),
                                    TEXT(MUST, "signature"), END};
static const shape quote_options[] = {TEXT(MAY, "nonce"), ONE_OF(MAY, "bank", BANKS),
                                      OBJECT(MUST, "pcrs", NULL), FLAG(MAY, "allow_sha1"), END};
static const shape quote_shape[] = {VTPM_CASE, OBJECT(MUST, "files", quote_files),
                                    OBJECT(MUST, "options", quote_options),
                                    TEXT(MAY, "tpm2_checkquote"), END};

static const shape log_files[] = {TEXT(MUST, "event_log"), END};
static const shape log_options[] = {ONE_OF(MAY, "form", "tcg|ccel"), ONE_OF(MUST, "bank", BANKS),
                                    OBJECT(MAY, "pcrs", NULL), FLAG(MAY, "allow_sha1"), END};
static const shape rtmr_shape[] = {TEXT(MAY, "0"), TEXT(MAY, "1"), TEXT(MAY, "2"), TEXT(MAY, "3"),
                                   END};
static const shape log_expected[] = {OBJECT(MAY, "replayed", NULL), OBJECT(MAY, "rtmr", rtmr_shape),
                                     NUMBER(MAY, "startup_locality"), NUMBER(MAY, "events"), END};
static const shape log_shape[] = {VTPM_CASE, OBJECT(MUST, "files", log_files),
                                  OBJECT(MUST, "options", log_options),
                                  OBJECT(MAY, "expected", log_expected), END};

static const shape ima_files[] = {TEXT(MUST, "ima_log"), END};
static const shape ima_options[] = {ONE_OF(MUST, "form", "ascii|binary"),
                                    ONE_OF(MUST, "bank", BANKS),
                                    TEXT(MUST, "pcr10"),
                                    FLAG(MAY, "allow_violations"),
                                    ONE_OF(MAY, "other_bank_rule", "per-bank|padded"),
                                    END};
static const shape ima_expected[] = {TEXT(MAY, "pcr10"), NUMBER(MAY, "entries"),
                                     LIST(MAY, "violations", NULL), END};
static const shape ima_shape[] = {VTPM_CASE, OBJECT(MUST, "files", ima_files),
                                  OBJECT(MUST, "options", ima_options),
                                  OBJECT(MAY, "expected", ima_expected), END};

static const shape golden_files[] = {TEXT(MUST, "policy"), END};
static const shape golden_options[] = {ONE_OF(MUST, "operation", "policy"),
                                       OBJECT(MUST, "pcrs", NULL), END};
static const shape golden_shape[] = {VTPM_CASE, OBJECT(MUST, "files", golden_files),
                                     OBJECT(MUST, "options", golden_options), END};

static const shape no_files[] = {END};
static const shape extend_options[] = {ONE_OF(MUST, "operation", "extend"),
                                       ONE_OF(MUST, "bank", "sha256|sha384"),
                                       NUMBER(MAY, "index"),
                                       TEXT(MUST, "initial"),
                                       TEXT(MUST, "data"),
                                       END};
static const shape extend_expected[] = {TEXT(MUST, "value"), END};
static const shape extend_shape[] = {VTPM_CASE, OBJECT(MAY, "files", no_files),
                                     OBJECT(MUST, "options", extend_options),
                                     OBJECT(MUST, "expected", extend_expected), END};

static const json_t *options_of(const json_t *row)
{
    return json_object_get(row, "options");
}

static const char *file_of(const json_t *row, const char *name)
{
    return text_of(json_object_get(row, "files"), name);
}

static int is_true(const json_t *row, const char *option)
{
    return json_is_true(json_object_get(options_of(row), option));
}

static int says(const json_t *row, const char *option, const char *value)
{
    const char *text = text_of(options_of(row), option);
    return text && strcmp(text, value) == 0;
}

/* A member of "expected" differs from what came out. */
static int unexpected(const json_t *row, const char *what, const char *found)
{
    printf("%s: %s is not as expected: %s\n", text_of(row, "id"), what, found);
    return 1;
}

static int bank_of(const json_t *row)
{
    const char *name = text_of(options_of(row), "bank");
    return name ? cocos__bank_by_name(name, strlen(name)) : COCOS__BANK_NONE;
}

static void set_nonce(cocos_policy *policy, const json_t *row)
{
    const char *nonce = text_of(options_of(row), "nonce");

    if (nonce && !nonce[0])
        rule(policy, "vtpm.without_nonce", "true");
    else
        rule(policy, "vtpm.nonce", nonce ? nonce : "any");
}

static void set_trust(cocos_policy *policy, const json_t *row)
{
    if (says(row, "ak", "pinned"))
        rule(policy, "vtpm.ak", text_of(options_of(row), "ak_sha256"));
    else if (says(row, "ak", "cert"))
        rule(policy, "vtpm.ak_trust", "certificate");
    else if (says(row, "ak", "tee"))
        rule(policy, "vtpm.ak_trust", "tee");
    else
        rule(policy, "vtpm.ak_trust", "any");
    if (text_of(options_of(row), "tee_nonce")) {
        rule(policy, "vtpm.binding", "legacy");
        rule(policy, "vtpm.tee_nonce", text_of(options_of(row), "tee_nonce"));
    }
}

static cocos_policy *policy_of(const char *dir, const json_t *row)
{
    cocos_policy *policy = NULL;

    if (cocos_policy_new(&policy, NULL) < 0)
        abort();
    set_nonce(policy, row);
    set_trust(policy, row);
    rule(policy, "vtpm.pcrs", "any");
    rule(policy, "vtpm.allow_sha1", is_true(row, "allow_sha1") ? "true" : "false");
    rule(policy, "vtpm.require_event_log", is_true(row, "require_event_log") ? "true" : "false");
    rule_or_any(policy, "vtpm.bank", options_of(row), "bank");
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        rule(policy, layers[i], "any");
    if (file_of(row, "roots"))
        add_roots(policy, dir, file_of(row, "roots"), "");
    return policy;
}

/* Golden values of a file, as rules. */
static int add_golden(cocos_policy *policy, const char *dir, const json_t *row)
{
    cocos_error *err = NULL;

    if (!file_of(row, "policy"))
        return 0;
    blob b = read_blob(dir, file_of(row, "policy"));
    int r = cocos_policy_add_pcrs(policy, (const char *)b.data, b.len, &err);
    free(b.data);
    int failed = r < 0 && judge_code(row, cocos_error_code(err));
    cocos_error_free(err);
    return r < 0 ? (failed ? 1 : -1) : 0;
}

static int64_t time_of(const json_t *row)
{
    return seconds_of(text_of(row, "time") ? text_of(row, "time") : "2025-06-01T00:00:00Z");
}

/* Bytes of a text in hex; `at_most` fit. */
static size_t bytes_of(const json_t *options, const char *name, uint8_t *out, size_t at_most)
{
    const char *text = text_of(options, name);
    size_t n = text ? strlen(text) / 2 : 0;

    if (!text || n > at_most || cocos__hex_decode(text, strlen(text), out, n, NULL) < 0)
        die("no bytes in hex, or too many", name);
    return n;
}

/*
 * Rows whose TEE report is made up: only the binding is under test, so the section of the TPM is
 * judged alone, with the report's data slot as the message has it.
 */
static int judge_binding(const json_t *row, blob b)
{
    static cocos__vtpm_policy p;
    cocos__vtpm_evidence ev = {.main = {b.data, b.len}, .tee_name = "made up", .tee_rows = "none"};
    COCOS__CLEANUP(cocos__rows_freep) cocos__rows *rows = NULL;
    cocos__vtpm_message m;
    uint8_t nonce[256];
    size_t len = bytes_of(options_of(row), "tee_nonce", nonce, sizeof nonce);
    uint64_t vmpl = 0;

    p = (cocos__vtpm_policy){.nonce = {.state = COCOS__RULE_ANY}};
    p.ak_trust = (cocos__number){COCOS__RULE_GIVEN, COCOS__AK_TEE};
    p.binding = (cocos__number){COCOS__RULE_GIVEN, COCOS__BINDING_LEGACY};
    p.pcrs.state = COCOS__RULE_ANY;
    if (cocos__match_add(&p.tee_nonce, nonce, len, NULL) < 0 || cocos__rows_new(&rows, NULL) < 0)
        abort();
    if (cocos__vtpm_message_read(ev.main, &m, NULL) == COCOS_OK &&
        cocos__vtpm_snp_slot(m.snp, &ev.tee_slot, &vmpl, NULL) == COCOS_OK && !ev.tee_slot.len)
        (void)!cocos__vtpm_tdx_slot(m.tdx, &ev.tee_slot, NULL);
    if (cocos__vtpm_verify(&ev, &p, NULL, NULL, 0, rows, NULL) < 0)
        abort();
    const cocos__row *reason = cocos__rows_reason(rows);
    cocos__match_done(&p.tee_nonce);
    return judge_code(row, reason ? reason->code : "");
}

static int run_attestation(const char *dir, const json_t *row)
{
    blob b = read_blob(dir, file_of(row, "attestation"));
    cocos_evidence *evidence = NULL;

    if (says(row, "tee_signature", "skip")) {
        int failed = judge_binding(row, b);
        free(b.data);
        return failed;
    }
    cocos_policy *policy = policy_of(dir, row);
    int done = add_golden(policy, dir, row);
    if (cocos_evidence_new(COCOS_EVIDENCE_VTPM, b.data, b.len, &evidence, NULL) < 0)
        die("no evidence", file_of(row, "attestation"));
    int failed = done ? done > 0 : judge(row, policy, evidence, time_of(row));
    cocos_evidence_free(evidence);
    cocos_policy_free(policy);
    free(b.data);
    return failed;
}

static int run_quote(const char *dir, const json_t *row)
{
    blob attest = read_blob(dir, file_of(row, "attest"));
    char *pcrs = json_dumps(json_object_get(options_of(row), "pcrs"), 0);
    cocos_policy *policy = policy_of(dir, row);
    cocos_evidence *evidence = NULL;

    if (cocos_evidence_new(COCOS_EVIDENCE_VTPM, attest.data, attest.len, &evidence, NULL) < 0 ||
        cocos_evidence_add(evidence, COCOS_PART_TPM_PCRS, (const uint8_t *)pcrs, strlen(pcrs),
                           NULL) < 0)
        die("no evidence", file_of(row, "attest"));
    add_part(evidence, COCOS_PART_TPM_PUBLIC, dir, file_of(row, "ak_pub"));
    add_part(evidence, COCOS_PART_TPM_SIGNATURE, dir, file_of(row, "signature"));
    int failed = judge(row, policy, evidence, time_of(row));
    cocos_evidence_free(evidence);
    cocos_policy_free(policy);
    free(attest.data);
    free(pcrs);
    return failed;
}

/* Values in JSON, or none. */
static void read_values(const json_t *json, cocos__pcr_values *v)
{
    char *text = json ? json_dumps(json, 0) : NULL;

    memset(v, 0, sizeof *v);
    if (text &&
        cocos__pcr_values_read((cocos__span){(const uint8_t *)text, strlen(text)}, 0, v, NULL) < 0)
        die("no PCR values", text);
    free(text);
}

/* Every listed value is the replayed one; PCRs without events are no failure. */
static int values_agree(const cocos__replay *r, const cocos__pcr_values *v, int all)
{
    for (int b = 0; b < COCOS__BANKS; b++) {
        for (int i = 0; (r->banks & 1u << b) && i < COCOS__PCRS; i++) {
            uint32_t listed = v->mask[b] & UINT32_C(1) << i;
            if (listed && (all || (r->touched[b] & UINT32_C(1) << i)) &&
                memcmp(r->pcr[b][i], v->value[b][i], cocos__bank_size(b)) != 0)
                return 0;
        }
    }
    return 1;
}

/* The registers of a CCEL log: 1 to 4 are RTMR 0 to 3. */
static int rtmrs_agree(const cocos__replay *r, const json_t *rtmr)
{
    for (int i = 0; i < 4; i++) {
        char name[2] = {(char)('0' + i), 0};
        char hex[97];
        const char *want = text_of(rtmr, name);
        cocos__hex_encode(r->pcr[COCOS__BANK_SHA384][i + 1], 48, hex);
        if (want && strcmp(want, hex) != 0)
            return 0;
    }
    return 1;
}

static int check_log_facts(const json_t *row, const cocos__replay *r)
{
    const json_t *expected = json_object_get(row, "expected");
    const json_t *events = json_object_get(expected, "events");
    const json_t *locality = json_object_get(expected, "startup_locality");
    cocos__pcr_values v;

    read_values(json_object_get(expected, "replayed"), &v);
    if (!values_agree(r, &v, 1))
        return unexpected(row, "replayed", "other values");
    if (!rtmrs_agree(r, json_object_get(expected, "rtmr")))
        return unexpected(row, "rtmr", "other values");
    if (events && (size_t)json_integer_value(events) != r->events)
        return unexpected(row, "events", "another number");
    if (locality && json_integer_value(locality) != r->locality)
        return unexpected(row, "startup_locality", "another one");
    return 0;
}

static const char *log_code(const json_t *row, const cocos__replay *r)
{
    int bank = bank_of(row);
    cocos__pcr_values v;

    if (!(r->banks & 1u << bank))
        return "vtpm.log_bank";
    if (bank == COCOS__BANK_SHA1 && !is_true(row, "allow_sha1"))
        return "vtpm.bank_weak";
    read_values(json_object_get(options_of(row), "pcrs"), &v);
    return values_agree(r, &v, 0) ? "" : "vtpm.log_mismatch";
}

static int run_eventlog(const char *dir, const json_t *row)
{
    static cocos__replay replay;
    blob b = read_blob(dir, file_of(row, "event_log"));
    cocos_error *err = NULL;
    int failed;

    if (cocos__log_replay((cocos__span){b.data, b.len}, (1u << COCOS__BANKS) - 1, &replay, &err) <
        0)
        failed = judge_code(row, cocos_error_code(err));
    else
        failed = judge_code(row, log_code(row, &replay)) || check_log_facts(row, &replay);
    cocos_error_free(err);
    free(b.data);
    return failed;
}

static int check_ima_facts(const json_t *row, const cocos__ima_result *r)
{
    const json_t *expected = json_object_get(row, "expected");
    const json_t *entries = json_object_get(expected, "entries");
    const json_t *violations = json_object_get(expected, "violations");
    char hex[2 * COCOS__PCR_MAX + 1];

    cocos__hex_encode(r->pcr10[bank_of(row)], cocos__bank_size(bank_of(row)), hex);
    if (text_of(expected, "pcr10") && strcmp(text_of(expected, "pcr10"), hex) != 0)
        return unexpected(row, "pcr10", hex);
    if (entries && (size_t)json_integer_value(entries) != r->entries)
        return unexpected(row, "entries", "another number");
    if (violations && json_array_size(violations) != r->violations)
        return unexpected(row, "violations", "another number");
    for (size_t i = 0; i < json_array_size(violations) && i < COCOS__IMA_VIOLATIONS_MAX; i++) {
        const json_t *at = json_array_get(violations, i);
        if (!json_is_integer(at) || (size_t)json_integer_value(at) != r->violation[i])
            return unexpected(row, "violations", "other entries");
    }
    return 0;
}

static const char *ima_code(const json_t *row, const cocos__ima_result *r)
{
    const char *pcr10 = text_of(options_of(row), "pcr10");
    char hex[2 * COCOS__PCR_MAX + 1];

    if (r->violations && !is_true(row, "allow_violations"))
        return "vtpm.ima_violation";
    cocos__hex_encode(r->pcr10[bank_of(row)], cocos__bank_size(bank_of(row)), hex);
    return strcmp(pcr10, hex) == 0 ? "" : "vtpm.ima_pcr";
}

static int run_ima(const char *dir, const json_t *row)
{
    blob b = read_blob(dir, file_of(row, "ima_log"));
    int form = says(row, "form", "binary") ? COCOS__IMA_BINARY : COCOS__IMA_ASCII;
    cocos__ima_result r;
    cocos_error *err = NULL;
    int failed;

    if (b.len && cocos__ima_form_of((cocos__span){b.data, b.len}) != form)
        failed = unexpected(row, "form", "recognised as the other one");
    else if (cocos__ima_replay((cocos__span){b.data, b.len}, form, 1u << bank_of(row),
                               says(row, "other_bank_rule", "padded"), &r, &err) < 0)
        failed = judge_code(row, cocos_error_code(err));
    else
        failed = judge_code(row, ima_code(row, &r)) || check_ima_facts(row, &r);
    cocos_error_free(err);
    free(b.data);
    return failed;
}

/* Golden values against the values of the row. */
static const char *golden_code(const cocos__pcr_values *golden, const cocos__pcr_values *found)
{
    for (int b = 0; b < COCOS__BANKS; b++) {
        if (golden->mask[b] && !found->mask[b])
            return "vtpm.pcr_bank_missing";
        if (golden->mask[b] & ~found->mask[b])
            return "vtpm.pcr_policy";
        for (int i = 0; i < COCOS__PCRS; i++) {
            if ((golden->mask[b] & UINT32_C(1) << i) &&
                memcmp(golden->value[b][i], found->value[b][i], cocos__bank_size(b)) != 0)
                return "vtpm.pcr_policy";
        }
    }
    return "";
}

/* The rule of the Go agent: the bank is extended with the SHA-3 digest of its size. */
static int run_extend(const char *dir, const json_t *row)
{
    const json_t *o = options_of(row);
    int bank = bank_of(row);
    size_t size = cocos__bank_size(bank);
    uint8_t value[COCOS__PCR_MAX];
    uint8_t digest[COCOS__PCR_MAX];
    uint8_t bytes[4096];
    size_t len = bytes_of(o, "data", bytes, sizeof bytes);
    char hex[2 * COCOS__PCR_MAX + 1];

    (void)dir;
    if (bytes_of(o, "initial", value, sizeof value) != size)
        die("not the length of the bank", "initial");
    if (cocos__digest(bank == COCOS__BANK_SHA256 ? COCOS__SHA3_256 : COCOS__SHA3_384, bytes, len,
                      digest, NULL) < 0 ||
        cocos__pcr_extend(bank, value, digest, NULL) < 0)
        abort();
    cocos__hex_encode(value, size, hex);
    if (strcmp(hex, text_of(json_object_get(row, "expected"), "value")) != 0)
        return unexpected(row, "value", hex);
    return judge_code(row, "");
}

static int run_golden(const char *dir, const json_t *row)
{
    static cocos__pcr_values golden;
    static cocos__pcr_values found;
    cocos_error *err = NULL;
    blob b = read_blob(dir, file_of(row, "policy"));
    read_values(json_object_get(options_of(row), "pcrs"), &found);
    int r = cocos__pcr_values_read((cocos__span){b.data, b.len}, 1, &golden, &err);
    int failed = judge_code(row, r < 0 ? cocos_error_code(err) : golden_code(&golden, &found));
    cocos_error_free(err);
    free(b.data);
    return failed;
}

int run_vtpm(const char *dir, const json_t *row)
{
    static const struct {
        const char *kind;
        const shape *shapes;
        int (*run)(const char *dir, const json_t *row);
    } kinds[] = {{"attestation", attestation_shape, run_attestation},
                 {"quote", quote_shape, run_quote},
                 {"eventlog", log_shape, run_eventlog},
                 {"ima", ima_shape, run_ima},
                 {"pcr", golden_shape, run_golden},
                 {"extend", extend_shape, run_extend}};
    const char *kind = text_of(row, "kind");

    /* Two things under one name. */
    if (kind && strcmp(kind, "pcr") == 0 && says(row, "operation", "extend"))
        kind = "extend";
    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].kind, kind) != 0)
            continue;
        return shape_fits(row, kinds[i].shapes) ? kinds[i].run(dir, row) : 1;
    }
    printf("%s: no such kind of row: %s\n", row_name(), kind ? kind : "none");
    return 1;
}
