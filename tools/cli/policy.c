/* SPDX-License-Identifier: Apache-2.0 */
/* cocos policy: write, check and explain what evidence has to show. */
#include "cli.h"

#include <cocos/policy.h>

#include <stdlib.h>
#include <string.h>

CLI_FREEP(policy_freep, cocos_policy, cocos_policy_free)
CLI_FREEP(verifier_freep, cocos_verifier, cocos_verifier_free)

#define ROOT_MAX   (1024 * 1024)
#define POLICY_MAX (4 * 1024 * 1024)

/* RULE=VALUE; the same rule again adds one more value. */
static int set_one(tool *t, cocos_policy *policy, const char *text, size_t index)
{
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : 0;
    cocos_error *err = NULL;
    char name[64];
    int again = 0;

    if (!equals || len >= sizeof name)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value", "--set wants RULE=VALUE, not %s",
                         text);
    memcpy(name, text, len);
    name[len] = '\0';
    for (size_t i = 0; i < index; i++)
        again |= strncmp(tool_args_at(t->args, "set", i), text, len + 1) == 0;
    if ((again ? cocos_policy_add(policy, name, equals + 1, &err)
               : cocos_policy_set(policy, name, equals + 1, &err)) < 0)
        return tool_fail_error(t, err);
    return 0;
}

static int add_root(tool *t, cocos_policy *policy, const char *path)
{
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text) char *data = tool_read_file(t, path, ROOT_MAX, &len, &code);

    if (!data)
        return code;
    return cocos_policy_add_root(policy, (const uint8_t *)data, len, &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

static void emit(tool *t, const char *text)
{
    if (t->json)
        tool_emit(t, json_loads(text, 0, NULL));
    else
        tool_print(t, "%s", text);
}

/* What --measurement and --product mean for each kind. */
static const struct {
    const char *kind, *measurement, *product;
} kinds[] = {
    {"snp", "snp.measurement", "snp.products"},
    {"tdx", "tdx.mrtd", "tdx.fmspc"},
};

static int set_from_option(tool *t, cocos_policy *policy, const char *option, const char *rule)
{
    cocos_error *err = NULL;

    for (size_t i = 0; i < tool_args_count(t->args, option); i++) {
        const char *value = tool_args_at(t->args, option, i);
        if ((i ? cocos_policy_add(policy, rule, value, &err)
               : cocos_policy_set(policy, rule, value, &err)) < 0)
            return tool_fail_error(t, err);
    }
    return 0;
}

/* The options that only a KIND gives a meaning. */
static int set_kind(tool *t, cocos_policy *policy)
{
    const char *kind = t->args->n_operands ? t->args->operands[0] : NULL;
    size_t measurements = tool_args_count(t->args, "measurement");
    size_t products = tool_args_count(t->args, "product");
    size_t i = 0;

    if (!kind && (measurements || products))
        return tool_fail(t, COCOS_ERR_USAGE, "usage.arguments",
                         "--measurement and --product need a KIND: snp or tdx");
    if (!kind)
        return 0;
    while (i < sizeof kinds / sizeof *kinds && strcmp(kind, kinds[i].kind) != 0)
        i++;
    if (i == sizeof kinds / sizeof *kinds)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.arguments",
                         "KIND is snp or tdx, not '%s'; for a TPM leave it away and use "
                         "--kernel, --boot-log and --set",
                         kind);
    if (!measurements || !products)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--measurement and --product are needed, each a value or the word any");
    int code = set_from_option(t, policy, "measurement", kinds[i].measurement);
    return code ? code : set_from_option(t, policy, "product", kinds[i].product);
}

static int set_coverage(tool *t, cocos_policy *policy)
{
    static const char *const layers[] = {"coverage.kernel", "coverage.command_line",
                                         "coverage.initrd", "coverage.agent"};
    int code = 0;

    for (size_t i = 0; i < sizeof layers / sizeof *layers && code == 0; i++)
        code = set_from_option(t, policy, "covered-by", layers[i]);
    return code;
}

/* Before --covered-by and --set, which have the last word. */
static int set_boot(tool *t, cocos_policy *policy)
{
    TOOL_CLEANUP(cli_boot_freep) cocos_boot *boot = NULL;
    const char *bank = tool_args_get(t->args, "bank");
    cocos_error *err = NULL;

    int code = cli_boot_open(t, &boot);
    if (code)
        return code;
    return cocos_policy_add_boot(policy, boot, bank ? bank : "sha256", &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

static int set_all(tool *t, cocos_policy *policy)
{
    int code = set_kind(t, policy);

    if (code == 0)
        code = set_boot(t, policy);
    if (code == 0)
        code = set_coverage(t, policy);
    for (size_t i = 0; code == 0 && i < tool_args_count(t->args, "set"); i++)
        code = set_one(t, policy, tool_args_at(t->args, "set", i), i);
    for (size_t i = 0; code == 0 && i < tool_args_count(t->args, "root"); i++)
        code = add_root(t, policy, tool_args_at(t->args, "root", i));
    return code;
}

int cli_policy_new(tool *t)
{
    TOOL_CLEANUP(policy_freep) cocos_policy *policy = NULL;
    TOOL_CLEANUP(policy_freep) cocos_policy *checked = NULL;
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    cocos_error *err = NULL;
    int code = 0;

    if (cocos_policy_new(&policy, &err) < 0)
        return tool_fail_error(t, err);
    if ((code = set_all(t, policy)) != 0)
        return code;
    /* Read back: what is written is a policy that will be taken. */
    if (cocos_policy_to_json(policy, &text, &err) < 0 ||
        cocos_policy_from_json(text, strlen(text), &checked, &err) < 0)
        return tool_fail_error(t, err);
    emit(t, text);
    return 0;
}

int cli_policy_check(tool *t)
{
    TOOL_CLEANUP(policy_freep) cocos_policy *policy = NULL;
    TOOL_CLEANUP(verifier_freep) cocos_verifier *verifier = NULL;
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text)
    char *text = tool_read_file(t, t->args->operands[0], POLICY_MAX, &len, &code);

    if (!text)
        return code;
    if (cocos_policy_from_json(text, len, &policy, &err) < 0)
        return cli_report_defects(t, err);
    if (cocos_verifier_new(policy, &verifier, &err) < 0) /* rules that cannot hold together */
        return tool_fail_error(t, err);
    if (t->json)
        tool_emit(t, json_pack("{s:b}", "well_formed", 1));
    else
        tool_say(t, "well formed");
    return 0;
}

int cli_policy_explain(tool *t)
{
    TOOL_CLEANUP(policy_freep) cocos_policy *policy = NULL;
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    cocos_error *err = NULL;

    int code = cli_policy_open(t, t->args->operands[0], &policy);
    if (code)
        return code;
    if ((t->json ? cocos_policy_explain_json(policy, &text, &err)
                 : cocos_policy_explain(policy, &text, &err)) < 0)
        return tool_fail_error(t, err);
    emit(t, text);
    return 0;
}
