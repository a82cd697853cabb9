/* SPDX-License-Identifier: Apache-2.0 */
/* cocos attestation get, cocos ima-measurements: evidence that anybody may ask an agent for. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define NONCE_LEN 32
#define NONCE_MAX 64
#define IMA_LOG   "application/vnd.cocos.ima-log"
#define IMA_ROW   "vtpm.ima.pcr"
#define NS_PER_S  INT64_C(1000000000)

CLI_FREEP(evidence_freep, cocos_evidence, cocos_evidence_free)
CLI_FREEP(verifier_freep, cocos_verifier, cocos_verifier_free)
CLI_FREEP(verdict_freep, cocos_verdict, cocos_verdict_free)

/* --nonce, or a random one. */
static int make_nonce(tool *t, uint8_t nonce[NONCE_MAX], size_t *len)
{
    const char *hex = tool_args_get(t->args, "nonce");

    *len = hex ? strlen(hex) / 2 : NONCE_LEN;
    if (!hex)
        return getrandom(nonce, NONCE_LEN, 0) == NONCE_LEN
                   ? 0
                   : tool_fail(t, COCOS_ERR_IO, "io.random", "no random bytes: %s",
                               strerror(errno));
    if (*len < 8 || *len > NONCE_MAX || strlen(hex) % 2 || tool_hex_parse(hex, nonce, *len) < 0)
        return tool_fail(t, COCOS_ERR_USAGE, "attest.nonce",
                         "--nonce is 16 to 128 hex digits, not '%s'", hex);
    return 0;
}

static int write_file(tool *t, const char *path, const uint8_t *data, size_t len)
{
    FILE *f = fopen(path, "we");
    int bad = !f || fwrite(data, 1, len, f) != len;

    bad |= f && fclose(f) != 0;
    return bad ? tool_fail(t, COCOS_ERR_IO, "io.write", "cannot write %s: %s", path,
                           strerror(errno))
               : 0;
}

/* Connects, and asks over a nonce that is given or made. */
static int ask(tool *t, uint8_t nonce[NONCE_MAX], size_t *len, cocos_evidence **ret)
{
    TOOL_CLEANUP(cli_conn_closep) cocos_agent_conn *conn = NULL;
    cocos_error *err = NULL;
    int64_t deadline;
    int code;

    if ((code = make_nonce(t, nonce, len)) != 0 || (code = cli_agent_connect(t, &conn)) != 0 ||
        (code = cli_deadline(t, "agent_grpc_timeout", &deadline)) != 0)
        return code;
    if (cocos_agent_attest(conn, nonce, *len, deadline, t->cancel, ret, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

int cli_attestation_get(tool *t)
{
    TOOL_CLEANUP(evidence_freep) cocos_evidence *evidence = NULL;
    const char *path = tool_args_get(t->args, "output");
    uint8_t nonce[NONCE_MAX];
    char hex[TOOL_HEX_SIZE];
    size_t len = 0, size = 0;

    if (!path)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--output is needed: where to write the evidence");
    int code = ask(t, nonce, &len, &evidence);
    if (code)
        return code;
    const uint8_t *data = cocos_evidence_data(evidence, &size);
    if ((code = write_file(t, path, data, size)) != 0)
        return code;
    tool_hex(hex, nonce, len);
    if (t->json)
        tool_emit(t, json_pack("{s:o, s:I, s:s}", "path", tool_json_text(path), "size",
                               (json_int_t)size, "nonce", hex));
    else
        tool_print(t, "%s\nnonce %s\n", path, hex);
    return 0;
}

/* The row of the list's replay; -1 when there is none. */
static int ima_row(const cocos_verdict *v, size_t *row)
{
    for (size_t i = 0; i < cocos_verdict_row_count(v); i++) {
        if (strcmp(cocos_verdict_row_text(v, i, COCOS_ROW_NAME), IMA_ROW) == 0) {
            *row = i;
            return 0;
        }
    }
    return -1;
}

static int judge(tool *t, cocos_evidence *evidence, const char *policy_path, cocos_verdict **ret)
{
    TOOL_CLEANUP(cli_policy_freep) cocos_policy *policy = NULL;
    TOOL_CLEANUP(cli_bundle_freep) cocos_bundle *bundle = NULL;
    TOOL_CLEANUP(verifier_freep) cocos_verifier *verifier = NULL;
    cocos_error *err = NULL;
    const char *path;

    if (tool_setting_get(t, "agent_grpc_attestation_bundle", &path, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    int code = cli_policy_open(t, policy_path, &policy);
    if (code == 0 && path)
        code = tool_read_bundle(t, path, &bundle);
    if (code)
        return code;
    if ((bundle && cocos_evidence_add_bundle(evidence, bundle, &err) < 0) ||
        cocos_verifier_new(policy, &verifier, &err) < 0)
        return tool_fail_error(t, err);
    int r = cocos_verifier_verify(verifier, evidence, (int64_t)time(NULL) * NS_PER_S,
                                  COCOS_TIME_CLOCK, ret, &err);
    return r < 0 ? tool_fail_error(t, err) : 0;
}

/* The list is believed when the evidence is, and its replay gives the quoted register. */
static int check_ima(tool *t, cocos_evidence *evidence, const char *path)
{
    TOOL_CLEANUP(verdict_freep) cocos_verdict *verdict = NULL;
    const char *policy;
    char pcr[512];
    size_t row = 0;

    if (tool_setting_get(t, "agent_grpc_attestation_policy", &policy, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    if (tool_args_count(t->args, "insecure-no-attestation") || !policy)
        return tool_fail(t, COCOS_ERR_UNDECIDED, "ima.unverified",
                         "%s is saved, but nothing vouches for it: there is no policy", path);
    int code = judge(t, evidence, policy, &verdict);
    if (code)
        return code;
    if (ima_row(verdict, &row) < 0 ||
        cocos_verdict_row_outcome(verdict, row) != COCOS_OUTCOME_PASSED)
        return tool_fail(t, COCOS_ERR_UNDECIDED, "ima.unverified",
                         "Measurements file not verified: the policy has no word on the TPM");
    tool_clean(pcr, sizeof pcr, cocos_verdict_row_text(verdict, row, COCOS_ROW_FOUND));
    if (t->json)
        tool_emit(t, json_pack("{s:o, s:s, s:b}", "path", tool_json_text(path), "pcr10", pcr,
                               "verified", 1));
    else
        tool_print(t,
                   "Linux IMA measurements saved successfully as %s! PCR10 = %s\n"
                   "Measurements file verified!\n",
                   path, pcr);
    return 0;
}

int cli_ima_measurements(tool *t)
{
    TOOL_CLEANUP(evidence_freep) cocos_evidence *evidence = NULL;
    const char *path = t->args->n_operands ? t->args->operands[0] : "ima_measurements";
    uint8_t nonce[NONCE_MAX];
    const uint8_t *list = NULL;
    size_t len = 0, size = 0;
    cocos_error *err = NULL;

    int code = ask(t, nonce, &len, &evidence);
    if (code)
        return code;
    if (cocos_evidence_find(evidence, IMA_LOG, &list, &size, &err) < 0)
        return tool_fail_error(t, err);
    code = write_file(t, path, list, size);
    return code ? code : check_ima(t, evidence, path);
}
