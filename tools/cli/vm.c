/* SPDX-License-Identifier: Apache-2.0 */
/* cocos vm list, show, watch, console and destroy. */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *vm_json(const cocos_enclave_info *info)
{
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    json_t *o = NULL;

    if (cocos_enclave_info_json(info, &text, NULL) == COCOS_OK)
        o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    return o ? o : json_object();
}

static void print_text(tool *t, const cocos_enclave_info *info, const char *name)
{
    char clean[512];

    tool_clean(clean, sizeof clean, cocos_enclave_info_text(info, name));
    if (*clean)
        tool_print(t, "%-12s %s\n", name, clean);
}

static void print_vm(tool *t, const cocos_enclave_info *info)
{
    static const char *const names[] = {"id",        "state", "reason",   "address",
                                        "agent_pin", "owner", "platform", "image"};
    char size[32];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        print_text(t, info, names[i]);
    tool_size_text(size, sizeof size, (uint64_t)cocos_enclave_info_number(info, "memory"));
    tool_print(t, "%-12s %s\n%-12s %" PRId64 "\n", "memory", size, "vcpus",
               cocos_enclave_info_number(info, "vcpus"));
    if (*cocos_enclave_info_text(info, "agent_pin"))
        tool_detail(t, "agent_pin is claimed by the host");
}

static void print_line(tool *t, const cocos_enclave_info *info)
{
    char text[4][128];
    static const char *const names[] = {"id", "state", "address", "owner"};

    for (size_t i = 0; i < 4; i++)
        tool_clean(text[i], sizeof text[i], cocos_enclave_info_text(info, names[i]));
    tool_print(t, "%-36s  %-10s  %-21s  %s\n", text[0], text[1], text[2], text[3]);
}

int cli_vm_list(tool *t)
{
    TOOL_CLEANUP(cli_host_closep) cocos_host *host = NULL;
    TOOL_CLEANUP(cli_vms_freep) cocos_enclave_list *list = NULL;
    cocos_error *err = NULL;
    int64_t deadline;
    int code = cli_manager_connect(t, &host);

    if (code != 0 || (code = cli_deadline(t, "manager_grpc_timeout", &deadline)) != 0)
        return code;
    if (cocos_enclave_list_get(host, deadline, t->cancel, &list, &err) < 0)
        return tool_fail_error(t, err);

    json_t *all = t->json ? json_array() : NULL;
    for (size_t i = 0; i < cocos_enclave_list_count(list); i++) {
        if (t->json)
            json_array_append_new(all, vm_json(cocos_enclave_list_at(list, i)));
        else
            print_line(t, cocos_enclave_list_at(list, i));
    }
    if (t->json)
        tool_emit(t, json_pack("{s:o}", "vms", all));
    else if (cocos_enclave_list_count(list) == 0)
        tool_say(t, "no virtual machines");
    return 0;
}

/* Opens the manager and asks for the virtual machine that the first operand names. */
static int get_vm(tool *t, cocos_host **host, cocos_enclave_info **info)
{
    cocos_error *err = NULL;
    int64_t deadline;
    int code = cli_manager_connect(t, host);

    if (code != 0 || (code = cli_deadline(t, "manager_grpc_timeout", &deadline)) != 0)
        return code;
    if (cocos_enclave_get(*host, t->args->operands[0], deadline, t->cancel, info, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

static void show_vm(tool *t, const cocos_enclave_info *info)
{
    if (t->json)
        tool_emit(t, vm_json(info));
    else
        print_vm(t, info);
}

int cli_vm_show(tool *t)
{
    TOOL_CLEANUP(cli_host_closep) cocos_host *host = NULL;
    TOOL_CLEANUP(cli_vm_freep) cocos_enclave_info *info = NULL;
    int code = get_vm(t, &host, &info);

    if (code == 0)
        show_vm(t, info);
    return code;
}

typedef struct watcher {
    tool *t;
    const char *until;
} watcher;

static int on_event(void *user,
                    uint64_t sequence,
                    int64_t time_ns,
                    const char *id,
                    const char *state,
                    const char *reason)
{
    const watcher *w = user;
    char text[3][256];

    if (w->t->json) {
        tool_emit_line(w->t,
                       json_pack("{s:I, s:I, s:o, s:o, s:o}", "sequence", (json_int_t)sequence,
                                 "time_ns", (json_int_t)time_ns, "id", tool_json_text(id), "state",
                                 tool_json_text(state), "reason", tool_json_text(reason)));
    } else {
        tool_clean(text[0], sizeof text[0], id ? id : "");
        tool_clean(text[1], sizeof text[1], state ? state : "");
        tool_clean(text[2], sizeof text[2], reason ? reason : "");
        tool_print(w->t, "%6" PRIu64 "  %-36s  %-10s  %s\n", sequence, text[0], text[1], text[2]);
        fflush(stdout);
    }
    return (w->until && state && strcmp(w->until, state) == 0) || ferror(stdout);
}

int cli_vm_watch(tool *t)
{
    TOOL_CLEANUP(cli_host_closep) cocos_host *host = NULL;
    const char *since = tool_args_get(t->args, "since");
    watcher w = {.t = t, .until = tool_args_get(t->args, "until")};
    cocos_error *err = NULL;
    uint64_t first = 0;
    int code;

    if (since && tool_number_parse(since, UINT64_MAX, &first) < 0)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                         "--since is the number of an event, not '%s'", since);
    if ((code = cli_manager_connect(t, &host)) != 0)
        return code;
    if (cocos_enclave_watch(host, t->args->n_operands ? t->args->operands[0] : NULL, first,
                            on_event, &w, t->deadline_ns, t->cancel, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

/* A guest may write escape sequences; a terminal must not obey them. */
static int on_console(void *user, const uint8_t *data, size_t len)
{
    const int *filter = user;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        int safe = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';

        if (!*filter || safe)
            putchar(c);
        else if (c != '\r')
            putchar('?');
    }
    fflush(stdout);
    return ferror(stdout);
}

typedef struct console_text {
    char *data;
    size_t len;
} console_text;

#define CONSOLE_JSON_MAX (1024 * 1024)

/* For --json: the beginning of the console as one text. */
static int on_console_json(void *user, const uint8_t *data, size_t len)
{
    console_text *c = user;
    size_t room = CONSOLE_JSON_MAX - c->len;
    size_t n = len < room ? len : room;

    for (size_t i = 0; i < n; i++)
        c->data[c->len++] =
            (char)((data[i] >= 0x20 && data[i] < 0x7f) || data[i] == '\n' || data[i] == '\t'
                       ? data[i]
                       : '?');
    return c->len == CONSOLE_JSON_MAX;
}

int cli_vm_console(tool *t)
{
    TOOL_CLEANUP(cli_host_closep) cocos_host *host = NULL;
    int filter = isatty(STDOUT_FILENO) && !tool_args_count(t->args, "raw");
    TOOL_CLEANUP(tool_free_text) char *memory = t->json ? malloc(CONSOLE_JSON_MAX) : NULL;
    console_text text = {.data = memory};
    cocos_error *err = NULL;
    int code = cli_manager_connect(t, &host);

    if (code != 0)
        return code;
    if (t->json && !memory)
        return tool_fail(t, COCOS_ERR_MEMORY, "memory", "out of memory");
    if (cocos_enclave_console(host, t->args->operands[0], tool_args_count(t->args, "follow") > 0,
                              t->json ? on_console_json : on_console,
                              t->json ? (void *)&text : (void *)&filter, t->deadline_ns, t->cancel,
                              &err) < 0)
        return tool_fail_error(t, err);
    if (t->json)
        tool_emit(t, json_pack("{s:s, s:s#, s:b}", "id", t->args->operands[0], "console", text.data,
                               (int)text.len, "cut", text.len == CONSOLE_JSON_MAX));
    return 0;
}

/* Asks only a person at a terminal; scripts and the old name are not held up. */
static int confirmed(tool *t)
{
    char answer[16];

    if (t->json || tool_args_count(t->args, "yes") ||
        strcmp(t->args->command->name, "remove-vm") == 0 || !isatty(STDIN_FILENO) ||
        !isatty(STDERR_FILENO))
        return 1;
    fprintf(stderr, "Destroy virtual machine %s? [y/N] ", t->args->operands[0]);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int write_record(tool *t, const char *record)
{
    const char *path = tool_args_get(t->args, "record");
    FILE *f = path ? fopen(path, "we") : NULL;

    if (!path)
        return 0;
    int bad = !f || fputs(record, f) < 0;
    bad |= f && fclose(f) != 0;
    return bad ? tool_fail(t, COCOS_ERR_IO, "io.write",
                           "the virtual machine is destroyed, but %s could not be written", path)
               : 0;
}

static int report_destroyed(tool *t, const char *record)
{
    TOOL_CLEANUP(tool_json_freep)
    json_t *o = record ? json_loads(record, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int complete = json_is_true(json_object_get(o, "complete"));
    int code = record ? write_record(t, record) : 0;

    if (code != 0)
        return code;
    if (t->json)
        tool_emit(t, json_pack("{s:s, s:b, s:O?}", "destroyed", t->args->operands[0], "complete",
                               complete, "record", o));
    else if (complete)
        tool_say(t, "Virtual machine removed successfully");
    if (complete)
        return 0;
    tool_warn(
        t,
        "the host could not remove everything, or does not say so; see its record (--json or --record FILE)");
    return cocos_status_exit_code(COCOS_ERR_STATE);
}

int cli_vm_destroy(tool *t)
{
    TOOL_CLEANUP(cli_host_closep) cocos_host *host = NULL;
    TOOL_CLEANUP(cli_vm_freep) cocos_enclave_info *info = NULL;
    TOOL_CLEANUP(cli_text_freep) char *record = NULL;
    cocos_error *err = NULL;
    int code;

    if (tool_args_count(t->args, "dry-run")) {
        code = get_vm(t, &host, &info);
        if (code == 0)
            show_vm(t, info);
        return code;
    }
    if (!confirmed(t))
        return tool_fail(t, COCOS_ERR_CANCELLED, "usage.declined", "nothing was destroyed");
    if ((code = cli_manager_connect(t, &host)) != 0)
        return code;

    tool_say(t, "Removing virtual machine");
    if (cocos_enclave_destroy(host, t->args->operands[0], t->deadline_ns, t->cancel, &record,
                              &err) < 0)
        return tool_fail_error(t, err);
    return report_destroyed(t, record);
}
