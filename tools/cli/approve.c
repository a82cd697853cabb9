/* SPDX-License-Identifier: Apache-2.0 */
/* cocos manifest approve: sign an approval, or take it back, with no network at all. */
#include "cli.h"

#include <cocos/case.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

CLI_FREEP(options_freep, cocos_approval_options, cocos_approval_options_free)
CLI_FREEP(approval_freep, cocos_approval, cocos_approval_free)

static int set(tool *t, cocos_approval_options *o, const char *name, const char *value)
{
    cocos_error *err = NULL;

    return value && cocos_approval_options_set(o, name, value, &err) < 0 ? tool_fail_error(t, err)
                                                                         : 0;
}

static int set_not_after(tool *t, cocos_approval_options *o)
{
    const char *value = tool_args_get(t->args, "not-after");
    char seconds[24];
    int64_t time_ns;

    int code = value ? cli_time_parse(t, "not-after", value, &time_ns) : 0;
    if (code || !value)
        return code;
    snprintf(seconds, sizeof seconds, "%" PRId64, time_ns / CLI_NS_PER_S);
    return set(t, o, "not_after", seconds);
}

static int set_policy(tool *t, cocos_approval_options *o)
{
    const char *path = tool_args_get(t->args, "policy");
    uint8_t digest[COCOS_DIGEST_SIZE];
    char hex[TOOL_HEX_SIZE];
    cocos_error *err = NULL;
    uint64_t size;

    if (!path)
        return 0;
    if (cocos_checksum(path, digest, &size, NULL, &err) < 0)
        return tool_fail_error(t, err);
    tool_hex(hex, digest, sizeof digest);
    return set(t, o, "policy", hex);
}

static int make_options(tool *t, cocos_approval_options *o)
{
    int code = set(t, o, "role", tool_args_get(t->args, "role"));

    if (!code)
        code = set(t, o, "max_runs", tool_args_get(t->args, "max-runs"));
    if (!code)
        code = set(t, o, "instance", tool_args_get(t->args, "instance"));
    if (!code)
        code = set(t, o, "withdraw", tool_args_count(t->args, "withdraw") ? "true" : NULL);
    if (!code)
        code = set_not_after(t, o);
    return code ? code : set_policy(t, o);
}

int cli_manifest_approve(tool *t)
{
    TOOL_CLEANUP(cli_manifest_freep) cocos_manifest *m = NULL;
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    TOOL_CLEANUP(options_freep) cocos_approval_options *o = NULL;
    TOOL_CLEANUP(approval_freep) cocos_approval *a = NULL;
    TOOL_CLEANUP(cli_text_freep) char *json = NULL;
    const char *path = tool_args_get(t->args, "output");
    cocos_error *err = NULL;
    size_t len;
    int code;

    if (!path)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--output is needed: the file to write");
    if (cocos_manifest_from_file(t->args->operands[0], &m, &err) < 0)
        return cli_report_defects(t, err);
    if ((code = cli_key_open(t, t->args->operands[1], 1, &key)) != 0)
        return code;
    if (cocos_approval_options_new(&o, &err) < 0)
        return tool_fail_error(t, err);
    if ((code = make_options(t, o)) != 0)
        return code;
    if (cocos_approval_sign(m, key, o, &a, &err) < 0)
        return tool_fail_error(t, err);
    const uint8_t *data = cocos_approval_cbor(a, &len);
    if ((code = cli_write_file(t, path, data, len)) != 0)
        return code;
    if (cocos_approval_to_json(a, &json, &err) < 0)
        return tool_fail_error(t, err);
    if (t->json)
        tool_emit(t, json_loads(json, 0, NULL));
    tool_say(t, "%s as %s: manifest %s, %s",
             cocos_approval_is_withdrawal(a) ? "withdrawn" : "approved", cocos_approval_role(a),
             cocos_manifest_id(m), cocos_manifest_fingerprint(m));
    return 0;
}
