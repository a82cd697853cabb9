/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to a connection with an agent or a manager, and what is said about trust. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_key_open(tool *t, const char *path, int want_private, cocos_key **ret)
{
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    cocos_error *err = NULL;
    int code = 0;

    if (strcmp(path, "-") == 0) {
        size_t len = 0;
        TOOL_CLEANUP(cli_text_freep) char *pem = tool_read_file(t, path, CLI_PEM_MAX, &len, &code);

        if (!pem)
            return code;
        if (cocos_key_from_pem((const uint8_t *)pem, len, &key, &err) < 0)
            return tool_fail_error(t, err);
    } else if (cocos_key_from_file(path, &key, &err) < 0) {
        return tool_fail_error(t, err);
    }
    if (want_private && !cocos_key_is_private(key))
        return tool_fail(t, COCOS_ERR_USAGE, "key.private",
                         "%s holds a public key; a private one is needed here", path);

    *ret = key;
    key = NULL;
    return 0;
}

int cli_deadline(tool *t, const char *setting, int64_t *deadline_ns)
{
    const char *text;
    int64_t ns;

    if (tool_setting_get(t, setting, &text, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    if (!text || tool_duration_parse(text, &ns) < 0 || ns <= 0)
        return tool_fail(t, COCOS_ERR_USAGE, "config.value", "%s is a time such as 60s, not '%s'",
                         setting, text ? text : "");

    *deadline_ns = cocos_deadline_in(ns);
    if (t->deadline_ns && t->deadline_ns < *deadline_ns)
        *deadline_ns = t->deadline_ns;
    return 0;
}

/* A setting that names a PEM file: its text, NULL when not set. */
static int pem_setting(tool *t, const char *name, char **pem, size_t *len)
{
    const char *path;
    int code = 0;

    *len = 0;
    if (tool_setting_get(t, name, &path, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    if (path) {
        *pem = tool_read_file(t, path, 16 * CLI_PEM_MAX, len, &code);
        if (!*pem)
            return code;
    }
    return 0;
}

static int set_client_cert(tool *t, cocos_agent_options *o)
{
    TOOL_CLEANUP(cli_text_freep) char *cert = NULL;
    TOOL_CLEANUP(cli_text_freep) char *key = NULL;
    size_t cert_len, key_len;
    cocos_error *err = NULL;
    int code = pem_setting(t, "agent_grpc_client_cert", &cert, &cert_len);

    if (code == 0)
        code = pem_setting(t, "agent_grpc_client_key", &key, &key_len);
    if (code != 0 || (!cert && !key))
        return code;
    if (!cert || !key)
        return tool_fail(t, COCOS_ERR_USAGE, "config.value",
                         "client certificate and client key go together; one is not set");
    if (cocos_agent_options_set_client_cert(o, (const uint8_t *)cert, cert_len,
                                            (const uint8_t *)key, key_len, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

static int set_ca(tool *t, cocos_agent_options *o)
{
    TOOL_CLEANUP(cli_text_freep) char *ca = NULL;
    size_t len;
    cocos_error *err = NULL;
    int code = pem_setting(t, "agent_grpc_server_ca_certs", &ca, &len);

    if (code == 0 && ca && cocos_agent_options_set_ca(o, (const uint8_t *)ca, len, &err) < 0)
        return tool_fail_error(t, err);
    return code;
}

static int set_address_and_pin(tool *t, cocos_agent_options *o)
{
    const char *url, *pin;
    cocos_error *err = NULL;

    if (tool_setting_get(t, "agent_grpc_url", &url, NULL) < 0 ||
        tool_setting_get(t, "agent_grpc_pin", &pin, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    if (cocos_agent_options_set_address(o, url, &err) < 0 ||
        (pin && cocos_agent_options_set_pin(o, pin, &err) < 0))
        return tool_fail_error(t, err);

    cocos_agent_options_set_insecure(o, tool_args_count(t->args, "insecure-no-verify") > 0);
    return 0;
}

static int set_bundle(tool *t, cocos_agent_options *o)
{
    TOOL_CLEANUP(cli_bundle_freep) cocos_bundle *bundle = NULL;
    const char *path;
    cocos_error *err = NULL;

    if (tool_setting_get(t, "agent_grpc_attestation_bundle", &path, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    int code = path ? tool_read_bundle(t, path, &bundle) : 0;
    if (bundle && cocos_agent_options_set_bundle(o, bundle, &err) < 0)
        return tool_fail_error(t, err);
    return code;
}

/*
 * What is accepted, or the typed wish to do without. Of the old settings a policy counts, and
 * "true"; nothing but the option switches attestation off.
 */
static int set_attestation(tool *t, cocos_agent_options *o)
{
    TOOL_CLEANUP(cli_policy_freep) cocos_policy *policy = NULL;
    enum tool_origin origin;
    const char *path, *attested;
    cocos_error *err = NULL;

    if (tool_setting_get(t, "agent_grpc_attestation_policy", &path, &origin) < 0 ||
        tool_setting_get(t, "agent_grpc_attested_tls", &attested, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    if (tool_args_count(t->args, "insecure-no-attestation")) {
        if (path && origin == TOOL_FROM_OPTION)
            return tool_fail(t, COCOS_ERR_USAGE, "agent.policy.conflict",
                             "--policy and --insecure-no-attestation exclude each other");
        cocos_agent_options_set_insecure_no_attestation(o, 1);
        return 0;
    }
    int code = path ? cli_policy_open(t, path, &policy) : 0;
    if (policy && cocos_agent_options_set_policy(o, policy, &err) < 0)
        return tool_fail_error(t, err);
    return code ? code : set_bundle(t, o);
}

/* The digest that the person names; -1 when it is none. *named 0: none was given. */
static int set_manifest_digest(tool *t, cocos_agent_options *o)
{
    const char *hex = tool_args_get(t->args, "manifest-digest");
    uint8_t digest[COCOS_DIGEST_SIZE];

    if (!hex)
        return 0;
    if (tool_hex_parse(hex, digest, sizeof digest) < 0)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                         "--manifest-digest is 64 hex digits, not '%s'", hex);
    cocos_agent_options_set_manifest_digest(o, digest);
    return 0;
}

int cli_agent_connect(tool *t, cocos_agent_conn **ret)
{
    TOOL_CLEANUP(cli_agent_options_freep) cocos_agent_options *o = NULL;
    cocos_error *err = NULL;
    int64_t deadline;
    int code;

    if (cocos_agent_options_new(&o, &err) < 0)
        return tool_fail_error(t, err);
    if ((code = set_address_and_pin(t, o)) != 0 || (code = set_ca(t, o)) != 0 ||
        (code = set_client_cert(t, o)) != 0 || (code = set_attestation(t, o)) != 0 ||
        (code = set_manifest_digest(t, o)) != 0 ||
        (code = cli_deadline(t, "agent_grpc_timeout", &deadline)) != 0 ||
        (code = tool_stop_start(t)) != 0)
        return code;
    if (cocos_agent_connect(o, deadline, t->cancel, ret, &err) < 0)
        return tool_fail_error(t, err);
    if (tool_args_count(t->args, "insecure-no-verify"))
        tool_warn(t, "--insecure-no-verify: nobody knows who answered");
    return 0;
}

/* Asks a person at a terminal; anybody else has to name the digest. */
static int ask_manifest(tool *t, const uint8_t *digest)
{
    char hex[TOOL_HEX_SIZE], answer[16];

    if (t->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return tool_fail(t, COCOS_ERR_USAGE, "agent.manifest.unnamed",
                         "nothing says which manifest is meant: --manifest-digest is needed");
    tool_hex(hex, digest, COCOS_DIGEST_SIZE);
    fprintf(
        stderr,
        "The agent works on the manifest with the digest\n  %s\nIs it the one that is meant? [y/N] ",
        hex);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return 0;
    return tool_fail(t, COCOS_ERR_CANCELLED, "agent.manifest.unconfirmed",
                     "the manifest was not confirmed; nothing was sent");
}

int cli_manifest_confirm(tool *t, cocos_agent_conn *c)
{
    TOOL_CLEANUP(cli_info_freep) cocos_agent_info *info = NULL;
    cocos_error *err = NULL;
    int64_t deadline;

    if (!cocos_agent_conn_verdict(c) || tool_args_count(t->args, "manifest-digest"))
        return 0; /* whoever has no evidence confirms nothing; a named digest is compared below */
    int code = cli_deadline(t, "agent_grpc_timeout", &deadline);
    if (code != 0)
        return code;
    if (cocos_agent_describe(c, NULL, deadline, t->cancel, &info, &err) < 0)
        return tool_fail_error(t, err);
    const uint8_t *digest = cocos_agent_info_manifest_digest(info);
    if (!digest)
        return tool_fail(t, COCOS_ERR_STATE, "agent.manifest.none",
                         "the agent has no computation yet; its state is %s",
                         cocos_agent_info_state(info));
    code = ask_manifest(t, digest);
    if (code == 0 && cocos_agent_confirm_manifest(c, digest, &err) < 0)
        return tool_fail_error(t, err);
    return code;
}

/* Root's manager listens below /run, a user's below $XDG_RUNTIME_DIR (cocos-v1 section 6). */
static void default_manager(char *address, size_t cap)
{
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    int n = 0;

    if (getuid() != 0 && runtime && *runtime == '/') {
        n = snprintf(address, cap, "unix:%s/cocos/manager.sock", runtime);
        if (n > 0 && (size_t)n < cap && access(address + strlen("unix:"), F_OK) == 0)
            return;
    }
    snprintf(address, cap, "unix:/run/cocos/manager.sock");
}

int cli_manager_connect(tool *t, cocos_host **ret)
{
    static const char *const names[][2] = {{"ca", "manager_grpc_server_ca_certs"},
                                           {"cert", "manager_grpc_client_cert"},
                                           {"key", "manager_grpc_client_key"}};
    TOOL_CLEANUP(cli_host_options_freep) cocos_host_options *o = NULL;
    cocos_error *err = NULL;
    char address[512];
    const char *value;
    int64_t deadline;
    int code;

    if (tool_setting_get(t, "manager_grpc_url", &value, NULL) < 0)
        return cocos_status_exit_code(COCOS_ERR_USAGE);
    default_manager(address, sizeof address);
    if (cocos_host_options_new(&o, &err) < 0 ||
        cocos_host_options_set(o, "manager", value ? value : address, &err) < 0)
        return tool_fail_error(t, err);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (tool_setting_get(t, names[i][1], &value, NULL) < 0)
            return cocos_status_exit_code(COCOS_ERR_USAGE);
        if (value && cocos_host_options_set(o, names[i][0], value, &err) < 0)
            return tool_fail_error(t, err);
    }
    if ((code = cli_deadline(t, "manager_grpc_timeout", &deadline)) != 0 ||
        (code = tool_stop_start(t)) != 0)
        return code;
    if (cocos_host_open(o, deadline, t->cancel, ret, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

#define SIMULATED "NOT CONFIDENTIAL: the evidence is simulated"

/* NULL when the connection is confidential. */
static const char *warning(const cocos_agent_conn *c)
{
    const cocos_verdict *v = cocos_agent_conn_verdict(c);

    return !v ? TOOL_NOT_CONFIDENTIAL : cocos_verdict_simulated(v) ? SIMULATED : NULL;
}

void cli_say_confidential(const tool *t, const cocos_agent_conn *c)
{
    if (warning(c))
        tool_warn(t, "%s", warning(c));
}

void cli_mark_confidential(json_t *document, const cocos_agent_conn *c)
{
    json_object_set_new(document, "confidential", json_boolean(!warning(c)));
    if (warning(c))
        json_object_set_new(document, "warning", json_string(warning(c)));
}
