/* SPDX-License-Identifier: Apache-2.0 */
/* cocos case: make, anchor, judge and explain case files. Files only, but for 'anchor --tsa'. */
#include "cli.h"

#include <cocos/case.h>

#include <stdlib.h>
#include <string.h>

#define CASE_MAX (16 * 1024 * 1024)
#define PART_MAX (4 * 1024 * 1024)
#define ROOT_MAX (1024 * 1024)

CLI_FREEP(case_freep, cocos_case, cocos_case_free)
CLI_FREEP(terms_freep, cocos_case_terms, cocos_case_terms_free)
CLI_FREEP(verifier_freep, cocos_verifier, cocos_verifier_free)
CLI_FREEP(verdict_freep, cocos_verdict, cocos_verdict_free)

typedef int add_fn(void *object, int part, const uint8_t *data, size_t len, cocos_error **err);

static int add_approval(void *file, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    (void)part;
    return cocos_case_add_approval(file, data, len, err);
}

static int add_closure(void *file, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    (void)part;
    return cocos_case_set_closure(file, data, len, err);
}

static int add_collateral(void *file, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    return cocos_case_add_collateral(file, part, data, len, err);
}

static int add_root(void *terms, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    (void)part;
    return cocos_case_terms_add_tsa_root(terms, data, len, err);
}

/* Every file that an option names. */
static int add_files(tool *t, void *object, const char *option, add_fn *add, int part)
{
    for (size_t i = 0; i < tool_args_count(t->args, option); i++) {
        size_t len;
        int code = 0;
        cocos_error *err = NULL;
        TOOL_CLEANUP(tool_free_text)
        char *data = tool_read_file(t, tool_args_at(t->args, option, i), PART_MAX, &len, &code);
        if (!data)
            return code;
        if (add(object, part, (const uint8_t *)data, len, &err) < 0)
            return tool_fail_error(t, err);
    }
    return 0;
}

static int add_bundle(tool *t, cocos_case *file)
{
    TOOL_CLEANUP(cli_bundle_freep) cocos_bundle *bundle = NULL;
    const char *path = tool_args_get(t->args, "bundle");
    cocos_error *err = NULL;
    size_t len;

    int code = path ? tool_read_bundle(t, path, &bundle) : 0;
    if (code || !path)
        return code;
    for (size_t i = 0; i < cocos_bundle_count(bundle); i++) {
        const uint8_t *data = cocos_bundle_data(bundle, i, &len);
        if (cocos_case_add_collateral(file, cocos_bundle_part(bundle, i), data, len, &err) < 0)
            return tool_fail_error(t, err);
    }
    return 0;
}

static int write_case(tool *t, cocos_case *file, const char *path)
{
    const uint8_t *data;
    cocos_error *err = NULL;
    size_t len;

    if (cocos_case_cbor(file, &data, &len, &err) < 0)
        return tool_fail_error(t, err);
    int code = cli_write_file(t, path, data, len);
    if (code)
        return code;
    if (t->json)
        tool_emit(t, json_pack("{s:o, s:I, s:I, s:b}", "file", tool_json_text(path), "size",
                               (json_int_t)len, "approvals",
                               (json_int_t)cocos_case_approval_count(file), "closure",
                               cocos_case_closure(file) != NULL));
    tool_say(t, "%s: %zu bytes, %zu approval(s), %s closure", path, len,
             cocos_case_approval_count(file), cocos_case_closure(file) ? "with" : "without");
    return 0;
}

static int begin_case(tool *t, cocos_case **ret)
{
    TOOL_CLEANUP(cli_manifest_freep) cocos_manifest *m = NULL;
    const char *path = tool_args_get(t->args, "evidence");
    cocos_error *err = NULL;
    size_t len;
    size_t envelope_len;
    int code = 0;

    if (cocos_manifest_from_file(t->args->operands[0], &m, &err) < 0)
        return cli_report_defects(t, err);
    TOOL_CLEANUP(tool_free_text)
    char *statement = tool_read_file(t, t->args->operands[1], PART_MAX, &len, &code);
    if (!statement)
        return code;
    TOOL_CLEANUP(tool_free_text)
    char *envelope = tool_read_file(t, path, PART_MAX, &envelope_len, &code);
    if (!envelope)
        return code;
    return cocos_case_new(m, (const uint8_t *)envelope, envelope_len, (const uint8_t *)statement,
                          len, ret, &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

int cli_case_make(tool *t)
{
    static const struct {
        const char *option;
        int part;
    } collateral[] = {
        {"cert", COCOS_PART_CERTIFICATES},
        {"cert-table", COCOS_PART_CERT_TABLE},
        {"crl", COCOS_PART_CRL},
        {"tcb-info", COCOS_PART_TCB_INFO},
        {"qe-identity", COCOS_PART_QE_IDENTITY},
        {"tcb-chain", COCOS_PART_TCB_CHAIN},
    };
    TOOL_CLEANUP(case_freep) cocos_case *file = NULL;
    const char *path = tool_args_get(t->args, "output");

    if (!path || !tool_args_get(t->args, "evidence"))
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--evidence and --output are needed");
    int code = begin_case(t, &file);
    if (!code)
        code = add_files(t, file, "approval", add_approval, 0);
    if (!code)
        code = add_files(t, file, "closure", add_closure, 0);
    for (size_t i = 0; !code && i < sizeof collateral / sizeof *collateral; i++)
        code = add_files(t, file, collateral[i].option, add_collateral, collateral[i].part);
    if (!code)
        code = add_bundle(t, file);
    return code ? code : write_case(t, file, path);
}

static int open_case(tool *t, cocos_case **ret)
{
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text)
    char *data = tool_read_file(t, t->args->operands[0], CASE_MAX, &len, &code);

    if (!data)
        return code;
    return cocos_case_parse((const uint8_t *)data, len, ret, &err) < 0 ? tool_fail_error(t, err)
                                                                       : 0;
}

static int write_request(tool *t, cocos_case *file, const char *path)
{
    const uint8_t *data;
    cocos_error *err = NULL;
    size_t len;

    if (cocos_case_anchor_request(file, &data, &len, &err) < 0)
        return tool_fail_error(t, err);
    int code = cli_write_file(t, path, data, len);
    if (code)
        return code;
    if (t->json)
        tool_emit(t, json_pack("{s:o}", "request", tool_json_text(path)));
    tool_say(t,
             "send %s to a time-stamp authority (application/timestamp-query), then: "
             "cocos case anchor --reply REPLY",
             path);
    return 0;
}

static int take_reply(tool *t, cocos_case *file, const char *path)
{
    cocos_error *err = NULL;
    size_t len;
    int code = 0;
    TOOL_CLEANUP(tool_free_text) char *data = tool_read_file(t, path, PART_MAX, &len, &code);

    if (!data)
        return code;
    return cocos_case_anchor(file, (const uint8_t *)data, len, &err) < 0 ? tool_fail_error(t, err)
                                                                         : 0;
}

static int ask_authority(tool *t, cocos_case *file, const char *url)
{
    TOOL_CLEANUP(cli_fetching_freep) cocos_collateral_options *o = NULL;
    cocos_error *err = NULL;

    int code = tool_stop_start(t);
    if (!code)
        code = cli_fetching_options(t, &o);
    if (code)
        return code;
    return cocos_case_anchor_fetch(file, url, o, t->deadline_ns, t->cancel, &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

int cli_case_anchor(tool *t)
{
    TOOL_CLEANUP(case_freep) cocos_case *file = NULL;
    const char *tsa = tool_args_get(t->args, "tsa");
    const char *request = tool_args_get(t->args, "request");
    const char *reply = tool_args_get(t->args, "reply");
    const char *output = tool_args_get(t->args, "output");
    int code;

    if (!!tsa + !!request + !!reply != 1)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "one of --tsa, --request and --reply is needed");
    if ((code = open_case(t, &file)) != 0)
        return code;
    if (request)
        return write_request(t, file, request);
    code = tsa ? ask_authority(t, file, tsa) : take_reply(t, file, reply);
    return code ? code : write_case(t, file, output ? output : t->args->operands[0]);
}

static int set_result(tool *t, cocos_case_terms *terms)
{
    const char *path = tool_args_get(t->args, "result");
    uint8_t digest[COCOS_DIGEST_SIZE];
    cocos_error *err = NULL;
    uint64_t size = 0;

    if (!path)
        return 0;
    return cocos_checksum(path, digest, &size, t->cancel, &err) < 0 ||
                   cocos_case_terms_set_result(terms, digest, size, &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

static int make_terms(tool *t, cocos_case_terms **ret)
{
    const char *at = tool_args_get(t->args, "at");
    cocos_error *err = NULL;
    int64_t time_ns;

    if (cocos_case_terms_new(ret, &err) < 0)
        return tool_fail_error(t, err);
    int code = at ? cli_time_parse(t, "at", at, &time_ns) : 0;
    if (!code && at && cocos_case_terms_set_time(*ret, time_ns, &err) < 0)
        return tool_fail_error(t, err);
    if (!code)
        code = add_files(t, *ret, "tsa-roots", add_root, 0);
    return code ? code : set_result(t, *ret);
}

/* With a policy the verdict, without one NULL. */
static int judge(tool *t, const cocos_case *file, cocos_verdict **ret, int *status)
{
    TOOL_CLEANUP(cli_policy_freep) cocos_policy *policy = NULL;
    TOOL_CLEANUP(verifier_freep) cocos_verifier *verifier = NULL;
    TOOL_CLEANUP(terms_freep) cocos_case_terms *terms = NULL;
    const char *path = tool_args_get(t->args, "policy");
    cocos_error *err = NULL;
    int code = 0;

    if (!path)
        return 0;
    if ((code = cli_policy_open(t, path, &policy)) != 0 || (code = make_terms(t, &terms)) != 0)
        return code;
    if (cocos_verifier_new(policy, &verifier, &err) < 0)
        return tool_fail_error(t, err);
    *status = cocos_case_verify(file, verifier, terms, ret, &err);
    if (!*ret)
        return tool_fail_error(t, err);
    cocos_error_free(err);
    if (cocos_verdict_simulated(*ret))
        tool_warn(t, "SIMULATED: a test root, no hardware vouches for this evidence");
    return 0;
}

static void emit(tool *t, const char *text)
{
    if (t->json)
        tool_emit(t, json_loads(text, 0, NULL));
    else
        tool_print(t, "%s", text);
}

int cli_case_verify(tool *t)
{
    TOOL_CLEANUP(case_freep) cocos_case *file = NULL;
    TOOL_CLEANUP(verdict_freep) cocos_verdict *verdict = NULL;
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    cocos_error *err = NULL;
    int status = 0;
    int code;

    if (!tool_args_get(t->args, "policy"))
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--policy is needed: without one nothing is acceptable");
    if ((code = open_case(t, &file)) != 0 || (code = judge(t, file, &verdict, &status)) != 0)
        return code;
    if ((t->json ? cocos_verdict_to_json(verdict, &text, &err)
                 : cocos_verdict_to_table(verdict, &text, &err)) < 0)
        return tool_fail_error(t, err);
    emit(t, text);
    return cocos_status_exit_code(status);
}

int cli_case_explain(tool *t)
{
    TOOL_CLEANUP(case_freep) cocos_case *file = NULL;
    TOOL_CLEANUP(verdict_freep) cocos_verdict *verdict = NULL;
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    cocos_error *err = NULL;
    int status = 0;
    int code;

    if ((code = open_case(t, &file)) != 0 || (code = judge(t, file, &verdict, &status)) != 0)
        return code;
    if ((t->json ? cocos_case_explain_json(file, verdict, &text, &err)
                 : cocos_case_explain(file, verdict, &text, &err)) < 0)
        return tool_fail_error(t, err);
    emit(t, text);
    return cocos_status_exit_code(status);
}
