/* SPDX-License-Identifier: Apache-2.0 */
/* cocos measure: what the event log of a machine will hold, from the files that it boots. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define KERNEL_MAX (256u << 20)
#define INITRD_MAX (1u << 30)
#define LOG_MAX    (4u << 20)

static const struct {
    const char *option;
    int part;
    size_t max;
} files[] = {
    {"kernel", COCOS_BOOT_KERNEL, KERNEL_MAX},
    {"initrd", COCOS_BOOT_INITRD, INITRD_MAX},
    {"boot-log", COCOS_BOOT_EVENT_LOG, LOG_MAX},
};

static int add_files(tool *t, cocos_boot *boot, size_t which)
{
    for (size_t i = 0; i < tool_args_count(t->args, files[which].option); i++) {
        cocos_error *err = NULL;
        size_t len;
        int code = 0;
        TOOL_CLEANUP(tool_free_text)
        char *data = tool_read_file(t, tool_args_at(t->args, files[which].option, i),
                                    files[which].max, &len, &code);

        if (!data)
            return code;
        if (cocos_boot_add(boot, files[which].part, (const uint8_t *)data, len, &err) < 0)
            return tool_fail_error(t, err);
    }
    return 0;
}

/* "512M": digits, and K, M or G; 0 for anything else. */
static uint64_t size_of(const char *text)
{
    static const char letters[] = "KMG";
    char *end;
    uint64_t n = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    const char *letter = n && *end ? strchr(letters, *end) : NULL;

    if (!n || (*end && (!letter || end[1])) || n > UINT64_MAX >> 30)
        return 0;
    return letter ? n << 10 * (letter - letters + 1) : n;
}

static int add_memory(tool *t, cocos_boot *boot)
{
    for (size_t i = 0; i < tool_args_count(t->args, "memory"); i++) {
        const char *text = tool_args_at(t->args, "memory", i);
        uint64_t bytes = size_of(text);
        cocos_error *err = NULL;

        if (!bytes)
            return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                             "--memory wants a size such as 512M, not %s", text);
        if (cocos_boot_add_memory(boot, bytes, &err) < 0)
            return tool_fail_error(t, err);
    }
    return 0;
}

static int add_line(tool *t, cocos_boot *boot)
{
    const char *line = tool_args_get(t->args, "cmdline");
    cocos_error *err = NULL;

    if (line && cocos_boot_add(boot, COCOS_BOOT_COMMAND_LINE, (const uint8_t *)line, strlen(line),
                               &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

int cli_boot_open(tool *t, cocos_boot **ret)
{
    TOOL_CLEANUP(cli_boot_freep) cocos_boot *boot = NULL;
    cocos_error *err = NULL;

    if (cocos_boot_new(&boot, &err) < 0)
        return tool_fail_error(t, err);
    int code = add_memory(t, boot);
    if (code == 0)
        code = add_line(t, boot);
    for (size_t i = 0; code == 0 && i < sizeof files / sizeof *files; i++)
        code = add_files(t, boot, i);
    if (code)
        return code;
    *ret = boot;
    boot = NULL;
    return 0;
}

static void print_digests(tool *t, const char *what, json_t *one)
{
    const char *form = json_string_value(json_object_get(one, "form"));
    json_t *memory = json_object_get(one, "memory");
    static const char *const banks[] = {"sha256", "sha384", "sha512"};
    char where[64] = "";

    if (memory)
        snprintf(where, sizeof where, ", memory %lldM",
                 (long long)(json_integer_value(memory) >> 20));
    tool_print(t, "%s%s%s%s\n", what, form ? ": " : "", form ? form : "", where);
    if (json_object_get(one, "text"))
        tool_print(t, "    %s\n", json_string_value(json_object_get(one, "text")));
    for (size_t i = 0; i < sizeof banks / sizeof *banks; i++) {
        const char *hex = json_string_value(json_object_get(one, banks[i]));
        if (hex)
            tool_print(t, "    %s %s\n", banks[i], hex);
    }
}

static void print_all(tool *t, json_t *document)
{
    static const char *const parts[][2] = {{"kernel", "kernel (PCR 4)"},
                                           {"command_line", "command line (PCR 9)"},
                                           {"initrd", "initrd, with the agent (PCR 9)"},
                                           {"firmware", "firmware (value of PCR 0)"}};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_t *part = json_object_get(document, parts[i][0]);
        json_t *one;
        size_t n;

        if (json_is_object(part))
            print_digests(t, parts[i][1], part);
        json_array_foreach(part, n, one) print_digests(t, parts[i][1], one);
    }
}

int cli_measure(tool *t)
{
    TOOL_CLEANUP(cli_boot_freep) cocos_boot *boot = NULL;
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    cocos_error *err = NULL;

    int code = cli_boot_open(t, &boot);
    if (code)
        return code;
    if (cocos_boot_to_json(boot, &text, &err) < 0)
        return tool_fail_error(t, err);
    json_t *document = json_loads(text, 0, NULL);
    if (t->json) {
        tool_emit(t, document);
        return 0;
    }
    print_all(t, document);
    json_decref(document);
    return 0;
}
