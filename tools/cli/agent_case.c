/* SPDX-License-Identifier: Apache-2.0 */
/* cocos agent statement, cocos result --case: what the agent testifies, as a case file. */
#include "cli.h"

#include <cocos/case.h>

#include <errno.h>
#include <string.h>

CLI_FREEP(case_freep, cocos_case, cocos_case_free)
CLI_FREEP(testimony_freep, cocos_agent_testimony, cocos_agent_testimony_free)

static int add_approvals(const cocos_agent_testimony *a, cocos_case *file, cocos_error **err)
{
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < cocos_agent_testimony_approval_count(a); i++) {
        size_t len = 0;
        const uint8_t *data = cocos_approval_cbor(cocos_agent_testimony_approval(a, i), &len);
        r = cocos_case_add_approval(file, data, len, err);
    }
    return r;
}

static int add_closure(const cocos_agent_testimony *a, cocos_case *file, cocos_error **err)
{
    size_t len = 0;

    if (!cocos_agent_testimony_closure(a))
        return COCOS_OK;
    const uint8_t *data = cocos_closure_cbor(cocos_agent_testimony_closure(a), &len);
    return cocos_case_set_closure(file, data, len, err);
}

/* The collateral with which the connection was judged is that of the time of signing. */
static int add_bundle(tool *t, cocos_case *file)
{
    TOOL_CLEANUP(cli_bundle_freep) cocos_bundle *bundle = NULL;
    const char *path;
    cocos_error *err = NULL;

    if (tool_setting_get(t, "agent_grpc_attestation_bundle", &path, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    int code = path ? tool_read_bundle(t, path, &bundle) : 0;
    for (size_t i = 0; code == 0 && bundle && i < cocos_bundle_count(bundle); i++) {
        size_t len = 0;
        const uint8_t *data = cocos_bundle_data(bundle, i, &len);
        if (cocos_case_add_collateral(file, cocos_bundle_part(bundle, i), data, len, &err) < 0)
            return tool_fail_error(t, err);
    }
    return code;
}

static int build(tool *t, const cocos_manifest *m, const cocos_agent_testimony *a, cocos_case **ret)
{
    size_t len = 0, envelope_len = 0;
    const uint8_t *envelope = cocos_agent_testimony_evidence(a, &envelope_len);
    const uint8_t *statement = cocos_statement_cbor(cocos_agent_testimony_statement(a), &len);
    cocos_error *err = NULL;

    if (!envelope)
        return tool_fail(t, COCOS_ERR_UNSUPPORTED, "case.evidence",
                         "the agent has no evidence for its statement, so that there is no case");
    if (cocos_case_new(m, envelope, envelope_len, statement, len, ret, &err) < 0 ||
        add_approvals(a, *ret, &err) < 0 || add_closure(a, *ret, &err) < 0)
        return tool_fail_error(t, err);
    return add_bundle(t, *ret);
}

static int write_case(tool *t, cocos_case *file, const char *path)
{
    const uint8_t *data;
    size_t len;
    cocos_error *err = NULL;

    if (cocos_case_cbor(file, &data, &len, &err) < 0)
        return tool_fail_error(t, err);
    FILE *f = fopen(path, "we");
    int bad = !f || fwrite(data, 1, len, f) != len;
    bad |= f && fclose(f) != 0;
    return bad ? tool_fail(t, COCOS_ERR_IO, "io.write", "cannot write %s: %s", path,
                           strerror(errno))
               : 0;
}

int cli_case_fetch(tool *t, cocos_agent_conn *conn, const cocos_key *key, const char *path)
{
    TOOL_CLEANUP(cli_info_freep) cocos_agent_info *info = NULL;
    TOOL_CLEANUP(testimony_freep) cocos_agent_testimony *a = NULL;
    TOOL_CLEANUP(case_freep) cocos_case *file = NULL;
    cocos_error *err = NULL;
    int64_t deadline;

    int code = cli_deadline(t, "agent_grpc_timeout", &deadline);
    if (code)
        return code;
    if (cocos_agent_describe(conn, key, deadline, t->cancel, &info, &err) < 0 ||
        cocos_agent_statement(conn, key, deadline, t->cancel, &a, &err) < 0)
        return tool_fail_error(t, err);
    if (!cocos_agent_info_manifest(info))
        return tool_fail(t, COCOS_ERR_STATE, "agent.manifest.none",
                         "the agent shows no manifest to this key");
    code = build(t, cocos_agent_info_manifest(info), a, &file);
    if (code == 0)
        code = write_case(t, file, path);
    if (code == 0)
        tool_say(t, "Case file written to %s, %s closure", path,
                 cocos_case_closure(file) ? "with" : "without");
    return code;
}

int cli_agent_statement(tool *t)
{
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    TOOL_CLEANUP(cli_conn_closep) cocos_agent_conn *conn = NULL;
    const char *output = tool_args_get(t->args, "output");
    const char *path = output ? output : "results.case";
    int code;

    if ((code = cli_key_open(t, t->args->operands[0], 1, &key)) != 0 ||
        (code = cli_agent_connect(t, &conn)) != 0 || (code = cli_manifest_confirm(t, conn)) != 0)
        return code;
    cli_say_confidential(t, conn);
    code = cli_case_fetch(t, conn, key, path);
    if (code == 0 && t->json)
        tool_emit(t, json_pack("{s:o}", "case", tool_json_text(path)));
    return code;
}
