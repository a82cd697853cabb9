/* SPDX-License-Identifier: Apache-2.0 */
/* cocos evidence: look at evidence, and judge it by a policy. Reads files only, never the network.
 */
#include "cli.h"

#include <cocos/verifier.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVIDENCE_MAX (4 * 1024 * 1024)
#define CLAIMS_MAX   65536
#define NS_PER_S     CLI_NS_PER_S

CLI_FREEP(bundle_freep, cocos_bundle, cocos_bundle_free)
CLI_FREEP(evidence_freep, cocos_evidence, cocos_evidence_free)
CLI_FREEP(policy_freep, cocos_policy, cocos_policy_free)
CLI_FREEP(verifier_freep, cocos_verifier, cocos_verifier_free)
CLI_FREEP(verdict_freep, cocos_verdict, cocos_verdict_free)

/* Options whose files are put beside the evidence. */
static const struct {
    const char *option;
    int part;
} parts[] = {
    {"cert", COCOS_PART_CERTIFICATES},
    {"cert-table", COCOS_PART_CERT_TABLE},
    {"crl", COCOS_PART_CRL},
    {"tcb-info", COCOS_PART_TCB_INFO},
    {"qe-identity", COCOS_PART_QE_IDENTITY},
    {"tcb-chain", COCOS_PART_TCB_CHAIN},
    {"event-log", COCOS_PART_EVENT_LOG},
    {"ima-log", COCOS_PART_IMA_LOG},
    {"tpm-public", COCOS_PART_TPM_PUBLIC},
    {"tpm-signature", COCOS_PART_TPM_SIGNATURE},
    {"tpm-pcrs", COCOS_PART_TPM_PCRS},
    {"tee-report", COCOS_PART_TEE_REPORT},
    {"hcl-report", COCOS_PART_HCL_REPORT},
    {"svsm-manifest", COCOS_PART_SVSM_MANIFEST},
    {"ak-certified", COCOS_PART_AK_CERTIFIED},
};

int cli_evidence_kind(const char *name)
{
    if (!name)
        return 0;
    return strcmp(name, "snp") == 0        ? COCOS_EVIDENCE_SNP
           : strcmp(name, "tdx") == 0      ? COCOS_EVIDENCE_TDX
           : strcmp(name, "envelope") == 0 ? COCOS_EVIDENCE_ENVELOPE
                                           : COCOS_EVIDENCE_VTPM;
}

static int is_bundle(const uint8_t *data, size_t len)
{
    TOOL_CLEANUP(bundle_freep) cocos_bundle *bundle = NULL;

    return cocos_bundle_parse(data, len, &bundle, NULL) == COCOS_OK;
}

static int open_evidence(tool *t, cocos_evidence **ret)
{
    size_t len;
    int code = 0;
    const char *path = t->args->operands[0];
    int kind = cli_evidence_kind(tool_args_get(t->args, "kind"));
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text) char *data = tool_read_file(t, path, EVIDENCE_MAX, &len, &code);

    if (!data)
        return code;
    if (cocos_evidence_new(kind, (const uint8_t *)data, len, ret, &err) == COCOS_OK)
        return 0;
    if (is_bundle((const uint8_t *)data, len)) {
        cocos_error_free(err);
        return tool_fail(t, COCOS_ERR_UNSUPPORTED, "evidence.kind",
                         "%s is a bundle of collateral: cocos collateral show lists it", path);
    }
    return tool_fail_file(t, path, err);
}

static int add_file(tool *t, cocos_evidence *evidence, int part, const char *path)
{
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text) char *data = tool_read_file(t, path, EVIDENCE_MAX, &len, &code);

    if (!data)
        return code;
    if (cocos_evidence_add(evidence, part, (const uint8_t *)data, len, &err) < 0)
        return tool_fail_file(t, path, err);
    return 0;
}

static int add_parts(tool *t, cocos_evidence *evidence)
{
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        for (size_t i = 0; i < tool_args_count(t->args, parts[p].option); i++) {
            int code =
                add_file(t, evidence, parts[p].part, tool_args_at(t->args, parts[p].option, i));
            if (code)
                return code;
        }
    }
    return 0;
}

/* --bundle: all that 'cocos collateral bundle' found. */
static int add_bundle(tool *t, cocos_evidence *evidence)
{
    TOOL_CLEANUP(bundle_freep) cocos_bundle *bundle = NULL;
    const char *path = tool_args_get(t->args, "bundle");
    cocos_error *err = NULL;

    int code = path ? tool_read_bundle(t, path, &bundle) : 0;
    if (code || !path)
        return code;
    return cocos_evidence_add_bundle(evidence, bundle, &err) < 0 ? tool_fail_file(t, path, err) : 0;
}

/* One document of the library to stdout. */
static void emit_text(tool *t, const char *text)
{
    if (t->json)
        tool_emit(t, json_loads(text, 0, NULL));
    else
        tool_print(t, "%s", text);
}

int cli_evidence_show(tool *t)
{
    TOOL_CLEANUP(evidence_freep) cocos_evidence *evidence = NULL;
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    cocos_error *err = NULL;

    int code = open_evidence(t, &evidence);
    if (code)
        return code;
    if ((t->json ? cocos_evidence_to_json(evidence, &text, &err)
                 : cocos_evidence_to_table(evidence, &text, &err)) < 0)
        return tool_fail_error(t, err);
    emit_text(t, text);
    return 0;
}

/* Tagged CBOR: a CoRIM (500, 501), or one that is signed (COSE_Sign1, 18). */
static int is_corim(const char *text, size_t len)
{
    static const char *const heads[] = {"\xd9\x01\xf4", "\xd9\x01\xf5", "\xd2\x84"};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (len >= strlen(heads[i]) && memcmp(text, heads[i], strlen(heads[i])) == 0)
            return 1;
    }
    return 0;
}

int cli_policy_open(tool *t, const char *path, cocos_policy **ret)
{
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text) char *text = tool_read_file(t, path, EVIDENCE_MAX, &len, &code);

    if (!text)
        return code;
    if (is_corim(text, len))
        return tool_fail(t, COCOS_ERR_UNSUPPORTED, "policy.corim",
                         "%s is a CoRIM, which this version does not take; a policy is JSON", path);
    return cocos_policy_from_json(text, len, ret, &err) < 0 ? tool_fail_file(t, path, err) : 0;
}

/* Claims are what the guest hashed; the library hashes them again. */
static int set_claims(tool *t, cocos_policy *policy)
{
    const char *path = tool_args_get(t->args, "claims");
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text)
    char *data = path ? tool_read_file(t, path, CLAIMS_MAX, &len, &code) : NULL;

    if (!data)
        return code;
    return cocos_policy_set_bytes(policy, "claims", (const uint8_t *)data, len, &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

/* What evidence in an envelope has to claim, and any evidence has to answer. */
static int expect_claims(tool *t, cocos_evidence *evidence)
{
    static const struct {
        const char *option;
        int claim;
        int is_text;
    } all[] = {
        {"purpose", COCOS_CLAIM_PURPOSE, 1},
        {"nonce", COCOS_CLAIM_CHALLENGE, 0},
        {"instance", COCOS_CLAIM_INSTANCE, 0},
        {"manifest", COCOS_CLAIM_MANIFEST, 0},
        {"statement-key", COCOS_CLAIM_STATEMENT_KEY, 0},
    };
    uint8_t bytes[64];
    cocos_error *err = NULL;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *value = tool_args_get(t->args, all[i].option);
        const uint8_t *data = (const uint8_t *)value;
        size_t len = value ? strlen(value) : 0;
        if (!value)
            continue;
        if (!all[i].is_text) {
            len /= 2;
            if (len > sizeof bytes || tool_hex_parse(value, bytes, len) < 0)
                return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                                 "--%s wants at most 64 bytes in hex", all[i].option);
            data = bytes;
        }
        if (cocos_evidence_expect(evidence, all[i].claim, data, len, &err) < 0)
            return tool_fail_error(t, err);
    }
    return 0;
}

int cli_time_parse(tool *t, const char *option, const char *text, int64_t *time_ns)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t seconds = end && !*end ? timegm(&tm) : -1;

    if (seconds < 0 || seconds > INT64_MAX / NS_PER_S)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                         "--%s wants a time such as 2026-01-31T12:00:00Z", option);
    *time_ns = seconds * NS_PER_S;
    return 0;
}

static int time_of(tool *t, int64_t *time_ns, int *source)
{
    const char *at = tool_args_get(t->args, "at");
    struct timespec now;

    *source = at ? COCOS_TIME_CHOSEN : COCOS_TIME_CLOCK;
    if (!at) {
        clock_gettime(CLOCK_REALTIME, &now);
        *time_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
        return 0;
    }
    return cli_time_parse(t, "at", at, time_ns);
}

/* The verdict is the result, whatever it says; the exit code tells which. */
static int show_verdict(tool *t, const cocos_verdict *verdict, int status, cocos_error *err_take)
{
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    cocos_error *err = NULL;

    cocos_error_free(err_take);
    if ((t->json ? cocos_verdict_to_json(verdict, &text, &err)
                 : cocos_verdict_to_table(verdict, &text, &err)) < 0)
        return tool_fail_error(t, err);
    if (cocos_verdict_simulated(verdict))
        tool_warn(t, "SIMULATED: a test root, no hardware vouches for this evidence");
    emit_text(t, text);
    return cocos_status_exit_code(status);
}

int cli_evidence_verify(tool *t)
{
    TOOL_CLEANUP(evidence_freep) cocos_evidence *evidence = NULL;
    TOOL_CLEANUP(policy_freep) cocos_policy *policy = NULL;
    TOOL_CLEANUP(verifier_freep) cocos_verifier *verifier = NULL;
    TOOL_CLEANUP(verdict_freep) cocos_verdict *verdict = NULL;
    const char *path = tool_args_get(t->args, "policy");
    cocos_error *err = NULL;
    int64_t time_ns = 0;
    int source = 0;
    int code = 0;

    if (!path)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--policy is needed: without one nothing is acceptable");
    if ((code = open_evidence(t, &evidence)) != 0 || (code = add_parts(t, evidence)) != 0 ||
        (code = add_bundle(t, evidence)) != 0 || (code = cli_policy_open(t, path, &policy)) != 0 ||
        (code = expect_claims(t, evidence)) != 0 || (code = set_claims(t, policy)) != 0 ||
        (code = time_of(t, &time_ns, &source)) != 0)
        return code;
    if (cocos_verifier_new(policy, &verifier, &err) < 0)
        return tool_fail_error(t, err);
    int r = cocos_verifier_verify(verifier, evidence, time_ns, source, &verdict, &err);
    return verdict ? show_verdict(t, verdict, r, err) : tool_fail_error(t, err);
}
