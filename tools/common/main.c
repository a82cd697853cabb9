/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to a running command and its exit code. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cocos/version.h>

#include "text.h"

#define BUNDLE_MAX   (16 * 1024 * 1024)
#define STRINGIFY(x) #x
#define TEXT_OF(x)   STRINGIFY(x)

static void on_log(void *user,
                   int level,
                   const char *module,
                   const char *message,
                   const cocos_log_field *fields,
                   size_t n)
{
    static const char *const names[] = {"", "error", "warn", "info", "debug"};
    const tool *t = user;
    char clean[1024];

    (void)t;
    tool_clean(clean, sizeof clean, message);
    flockfile(stderr);
    fprintf(stderr, "%s: %s: %s", names[level], module, clean);
    for (size_t i = 0; i < n; i++) {
        tool_clean(clean, sizeof clean, fields[i].value ? fields[i].value : "");
        fprintf(stderr, " %s=%s", fields[i].name, clean);
    }
    fputc('\n', stderr);
    funlockfile(stderr);
}

/* Colour only for a terminal that can, unless asked for (no-color.org). */
static int want_color(const tool_args *a)
{
    const char *when = tool_args_get(a, "color");
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (when && strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return !(no && *no) && term && strcmp(term, "dumb") != 0 && isatty(STDERR_FILENO);
}

static int apply_globals(tool *t)
{
    const char *timeout = tool_args_get(t->args, "timeout");
    int64_t ns;

    t->json = tool_args_count(t->args, "json") > 0;
    t->quiet = tool_args_count(t->args, "quiet") > 0;
    t->verbose = (int)tool_args_count(t->args, "verbose");
    t->debug = tool_args_count(t->args, "debug") > 0;
    t->color = want_color(t->args);
    if (timeout) {
        if (tool_duration_parse(timeout, &ns) < 0 || ns <= 0)
            return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                             "--timeout takes a time such as 90s, not '%s'", timeout);
        t->deadline_ns = cocos_deadline_in(ns);
    }
    if (t->debug || t->verbose > 1)
        cocos_log_set(on_log, t->debug ? COCOS_LOG_DEBUG : COCOS_LOG_INFO, t);
    return 0;
}

static int show_version(tool *t)
{
    if (t->json) {
        tool_emit(t, json_pack("{s:s, s:s, s:s}", "program", COCOS_VERSION_STRING, "library",
                               cocos_version(), "abi", "libcocos.so." TEXT_OF(COCOS_TOOLS_ABI)));
    } else {
        tool_print(t, "%s %s\nlibrary %s, ABI libcocos.so.%s\n", t->program->name,
                   COCOS_VERSION_STRING, cocos_version(), TEXT_OF(COCOS_TOOLS_ABI));
    }
    return 0;
}

static int usage_problem(tool *t, const tool_usage *u)
{
    char hint[200];

    snprintf(hint, sizeof hint, "%s%s", u->hint, u->hint[0] ? "" : "see --help");
    return tool_report(
        t, &(tool_problem){
               .status = COCOS_ERR_USAGE, .code = u->code, .message = u->message, .hint = hint});
}

static int no_command(tool *t)
{
    if (t->args->group)
        tool_help_group(t->program, t->args->group, stdout);
    else
        tool_help_program(t->program, stdout);
    return 0;
}

static int run(tool *t)
{
    tool_usage usage = {0};

    if (tool_args_count(t->args, "version"))
        return show_version(t);
    if (!t->args->command && (tool_args_count(t->args, "help") || !t->json))
        return no_command(t);
    if (!t->args->command)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.command", "no command was given");
    if (tool_args_count(t->args, "help")) {
        tool_help_command(t->program, t->args->command, stdout);
        return 0;
    }
    if (tool_check_operands(t->program, t->args, &usage) < 0)
        return usage_problem(t, &usage);

    return t->args->command->run(t);
}

/* A result that could not be written is no result: "cocos ... >/dev/full" must not exit with 0. */
static int finish_output(tool *t, int code)
{
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
        if (errno == EPIPE)
            return cocos_status_exit_code(COCOS_ERR_IO);
        t->json = 0;
        return tool_fail(t, COCOS_ERR_IO, "output.write", "the result could not be written: %s",
                         strerror(errno ? errno : EIO));
    }
    return code;
}

int tool_main(const tool_program *p, const tool_setting *settings, int argc, char **argv)
{
    tool_args args;
    tool_usage usage;
    tool t = {.program = p, .settings = settings, .args = &args};
    int code;

    signal(SIGPIPE, SIG_IGN);
    int parsed = tool_parse(p, argc, argv, &args, &usage);
    code = apply_globals(&t);
    if (code == 0)
        code = parsed < 0 && !tool_args_count(&args, "help") ? usage_problem(&t, &usage) : run(&t);
    code = finish_output(&t, code);

    cocos_log_set(NULL, 0, NULL);
    for (int f = 0; f < 2; f++)
        tool_config_done(&t.files[f], settings);
    tool_args_done(&args);
    return code; /* t.cancel stays: the signal thread may still use it */
}

static char *read_all(int fd, size_t limit, size_t *len)
{
    size_t cap = limit < 65536 ? limit + 2 : 65536;
    char *text = malloc(cap);
    ssize_t n = 1;

    for (*len = 0; text && n > 0 && *len <= limit; *len += n > 0 ? (size_t)n : 0) {
        if (*len + 1 >= cap) {
            cap = cap * 2 > limit + 2 ? limit + 2 : cap * 2;
            char *grown = realloc(text, cap);
            if (!grown) {
                free(text);
                return NULL;
            }
            text = grown;
        }
        do
            n = read(fd, text + *len, cap - 1 - *len);
        while (n < 0 && errno == EINTR);
    }
    if (text && n < 0) {
        free(text);
        return NULL;
    }
    if (text)
        text[*len] = '\0';
    return text;
}

static int status_of_errno(int number)
{
    return number == ENOENT || number == ENOTDIR ? COCOS_ERR_NOT_FOUND
           : number == EACCES || number == EPERM ? COCOS_ERR_DENIED
                                                 : COCOS_ERR_IO;
}

char *tool_read_file(tool *t, const char *path, size_t limit, size_t *len, int *code)
{
    int is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text = fd >= 0 ? read_all(fd, limit, len) : NULL;
    int number = errno;

    if (fd >= 0 && !is_stdin)
        close(fd);
    if (text && *len <= limit)
        return text;

    *code =
        text ? tool_fail(t, COCOS_ERR_EXHAUSTED, "file.size", "%s has more than %zu bytes", path,
                         limit)
             : tool_fail(t, status_of_errno(number), "io.read", "%s: %s", path, strerror(number));
    free(text);
    return NULL;
}

int tool_read_bundle(tool *t, const char *path, cocos_bundle **ret)
{
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text) char *data = tool_read_file(t, path, BUNDLE_MAX, &len, &code);

    if (!data)
        return code;
    return cocos_bundle_parse((const uint8_t *)data, len, ret, &err) < 0
               ? tool_fail_file(t, path, err)
               : 0;
}
