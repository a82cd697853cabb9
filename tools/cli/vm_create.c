/* SPDX-License-Identifier: Apache-2.0 */
/* cocos vm create, and create-vm with its old names (protocol.md 5.2). */
#include "cli.h"

#include <string.h>

/* Old options whose meaning a strict guest refuses: better said here than dropped there (cocos-v1,
 * preface). */
static const char *const old_options[] = {
    "ca-url",           "aws-access-key-id", "aws-secret-access-key",
    "aws-endpoint-url", "aws-region",        "aa-kbs-params"};

/* Options that go through as they are: option, member of the specification. */
static const char *const plain_options[][2] = {
    {"server-url", "cvms_url"}, {"log-level", "log_level"},  {"ttl", "ttl"},
    {"memory", "memory"},       {"vcpus", "vcpus"},          {"platform", "platform"},
    {"image", "image"},         {"request-id", "request_id"}};

/* Options that name a file whose content goes through. */
static const char *const file_options[][2] = {{"server-ca", "cvms_ca"},
                                              {"client-crt", "cvms_client_cert"},
                                              {"client-key", "cvms_client_key"}};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static int set_file(tool *t, cocos_enclave_spec *spec, const char *path, const char *member)
{
    cocos_error *err = NULL;
    size_t len;
    int code = 0;
    TOOL_CLEANUP(cli_text_freep) char *pem = tool_read_file(t, path, CLI_PEM_MAX, &len, &code);

    if (!pem)
        return code;
    if (strlen(pem) != len)
        return tool_fail(t, COCOS_ERR_MALFORMED, "vm.file", "%s is not a PEM file", path);
    if (cocos_enclave_spec_set(spec, member, pem, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

static int fill_spec(tool *t, cocos_enclave_spec *spec)
{
    cocos_error *err = NULL;
    int code = 0;

    for (size_t i = 0; i < N(old_options); i++) {
        if (tool_args_count(t->args, old_options[i]))
            return tool_fail(
                t, COCOS_ERR_UNSUPPORTED, "vm.option.old",
                "--%s is not supported: a strict guest takes no such setting from its host",
                old_options[i]);
    }
    for (size_t i = 0; i < N(plain_options); i++) {
        const char *value = tool_args_get(t->args, plain_options[i][0]);

        if (value && cocos_enclave_spec_set(spec, plain_options[i][1], value, &err) < 0)
            return tool_fail_error(t, err);
    }
    for (size_t i = 0; i < N(file_options) && code == 0; i++) {
        const char *path = tool_args_get(t->args, file_options[i][0]);

        if (path)
            code = set_file(t, spec, path, file_options[i][1]);
    }
    if (code == 0 &&
        cocos_enclave_spec_set(spec, "wait_ready", tool_args_count(t->args, "no-wait") ? "0" : "1",
                               &err) < 0)
        return tool_fail_error(t, err);
    return code;
}

/* NAME=value for a shell's environment: whatever a shell could take as more than text is left out.
 */
static void print_variable(tool *t, const char *name, const char *value)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:_-[]/";

    if (*value && strspn(value, allowed) == strlen(value))
        tool_print(t, "%s=%s\n", name, value);
}

static void report(tool *t, const cocos_enclave_info *info)
{
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;

    if (t->json) {
        json_t *o = cocos_enclave_info_json(info, &text, NULL) == COCOS_OK
                        ? json_loads(text, JSON_REJECT_DUPLICATES, NULL)
                        : NULL;
        tool_emit(t, o ? o : json_object());
        return;
    }
    const char *address = cocos_enclave_info_text(info, "address");
    const char *colon = strrchr(address, ':');

    tool_say(t, "Virtual machine created successfully with id %s and port %s",
             cocos_enclave_info_text(info, "id"), colon ? colon + 1 : "none");
    print_variable(t, "COCOS_VM_ID", cocos_enclave_info_text(info, "id"));
    print_variable(t, "AGENT_GRPC_URL", address);
    print_variable(t, "AGENT_GRPC_PIN", cocos_enclave_info_text(info, "agent_pin"));
}

int cli_vm_create(tool *t)
{
    TOOL_CLEANUP(cli_host_closep) cocos_host *host = NULL;
    TOOL_CLEANUP(cli_spec_freep) cocos_enclave_spec *spec = NULL;
    TOOL_CLEANUP(cli_vm_freep) cocos_enclave_info *info = NULL;
    cocos_error *err = NULL;
    int code;

    if (!tool_args_get(t->args, "server-url"))
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--server-url is needed: where the guest asks for its computation");
    if (cocos_enclave_spec_new(&spec, &err) < 0)
        return tool_fail_error(t, err);
    if ((code = fill_spec(t, spec)) != 0 || (code = cli_manager_connect(t, &host)) != 0)
        return code;

    tool_say(t, "Creating a new virtual machine");
    if (cocos_enclave_create(host, spec, t->deadline_ns, t->cancel, &info, &err) < 0)
        return tool_fail_error(t, err);
    report(t, info);
    return 0;
}
