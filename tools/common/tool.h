/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_TOOL_H
#define COCOS_TOOLS_TOOL_H

/*
 * What every program of libcocos does alike: settings, output, errors, exit codes, interruption.
 * A program is a table (command.h) and a list of settings; tool_main() does the rest.
 * Data goes to stdout, everything else to stderr. With --json exactly one JSON document is written
 * to stdout, be it the result or {"error": ...}; commands that follow something write one line an
 * event.
 */

#include <jansson.h>

#include <cocos/collateral.h>
#include <cocos/error.h>
#include <cocos/verifier.h>

#include "command.h"

#define TOOL_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Printed wherever data moves while the peer's evidence is not checked (design decision 14). */
#define TOOL_NOT_CONFIDENTIAL "NOT CONFIDENTIAL: peer not attested"

/* ---- Settings: option, else environment, else files, else default ---- */

typedef struct tool_setting {
    const char *name;     /* key in config files, e.g. "agent_grpc_url"; NULL ends the table */
    const char *env;      /* environment variable */
    const char *option;   /* long option of the same meaning, or NULL */
    const char *fallback; /* default, or NULL */
    const char *help;
} tool_setting;

enum tool_origin {
    TOOL_FROM_DEFAULT,
    TOOL_FROM_SYSTEM,
    TOOL_FROM_USER,
    TOOL_FROM_ENV,
    TOOL_FROM_OPTION
};

/* Lines `name = value` of a configuration file, checked against the table. */
typedef struct tool_config {
    char *path;    /* NULL when there is no such file */
    char **values; /* one for each setting of the table, NULL where the file says nothing */
} tool_config;

struct tool {
    const tool_program *program;
    const tool_setting *settings;
    const tool_args *args;
    tool_config files[2]; /* system, user; read on first use */
    int files_read;       /* 1 done, -1 refused */
    int json;
    int quiet;
    int verbose;
    int debug;
    int color;               /* for stderr */
    int exit_code_json_done; /* a document was written */
    cocos_cancel *cancel;    /* NULL until tool_stop_start() */
    int64_t deadline_ns;     /* of --timeout; 0: none */
};

/*
 * Value of a setting, NULL when it has none; "" counts as not set. Borrowed.
 * @return 0, or -1 when a configuration file is refused (reported already).
 */
int tool_setting_get(tool *t, const char *name, const char **value, enum tool_origin *origin);
const char *tool_origin_text(
    const tool *t, enum tool_origin origin, const tool_setting *s, char *buf, size_t cap);
/* Read one file: strict, `problem` names line and reason. A missing file is an empty one. */
int tool_config_read(
    tool_config *c, const char *path, const tool_setting *table, char *problem, size_t cap);
void tool_config_done(tool_config *c, const tool_setting *table);

/* ---- Output ---- */

void tool_say(const tool *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* stderr; not with --quiet or --json */
void tool_detail(const tool *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* the same, with -v only */
void tool_warn(const tool *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* stderr, always */
/* stdout; checked at the end. */
void tool_print(tool *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tool_emit(tool *t, json_t *take);      /* one document, indented */
void tool_emit_line(tool *t, json_t *take); /* one line of a stream, flushed */
/* Foreign text for JSON: what is not UTF-8 or is a control character becomes '?'. */
json_t *tool_json_text(const char *text);

typedef struct tool_problem {
    int status; /* enum cocos_status, gives kind and exit code */
    const char *code;
    const char *message;
    const char *check;
    const char *expected;
    const char *found;
    const char *hint;
    const cocos_verdict *verdict; /* behind a refusal, NULL: none; its rows are shown */
    const cocos_error *causes; /* what led to it, or the further defects of an input; only in JSON
                                  and with --debug */
} tool_problem;

/* Report and give the exit code. */
int tool_report(tool *t, const tool_problem *p);
int tool_fail(tool *t, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for what the library said; takes the error. */
int tool_fail_error(tool *t, cocos_error *take);
/* The same over what is wrong with a file; `path` NULL: with none. */
int tool_fail_file(tool *t, const char *path, cocos_error *take);

/* ---- Interruption ---- */

/*
 * From now on SIGINT and SIGTERM trigger t->cancel, a second one ends the process at once with 130.
 * Starts a thread: called by commands that wait for something, not by all.
 */
int tool_stop_start(tool *t);

/* ---- Files ---- */

/* A whole file of at most `limit` bytes, NUL-terminated; "-" is stdin. NULL: reported, exit code in
 * *code. */
char *tool_read_file(tool *t, const char *path, size_t limit, size_t *len, int *code);
/* A file that 'cocos collateral bundle' wrote. @return 0 or the exit code, reported. */
int tool_read_bundle(tool *t, const char *path, cocos_bundle **ret);

void tool_free_text(char **text);      /* cleanup: plain free */
void tool_json_freep(json_t **object); /* cleanup */

int tool_main(const tool_program *p, const tool_setting *settings, int argc, char **argv);

/* Options that tool_main() itself obeys; to be included in a program's table of global options. */
#define TOOL_GLOBAL_OPTIONS                                                                         \
    {"json", 0, NULL, "write one JSON document to stdout", 0, NULL},                                \
        {"quiet", 'q', NULL, "say nothing but results, warnings and errors", 0, NULL},              \
        {"verbose", 'v', NULL, "say more; twice: also messages of the library", TOOL_REPEAT, NULL}, \
        {"debug", 0, NULL, "show the causes of an error and all messages of the library", 0, NULL}, \
        {"color", 0, "WHEN", "colour on stderr (default: auto)", 0, "auto|always|never"},           \
        {"timeout", 0, "DURATION", "give up after this time, e.g. 90s or 5m", 0, NULL},             \
        {"help", 'h', NULL, "show what a command does", 0, NULL},                                   \
    {                                                                                               \
        "version", 'V', NULL, "show the versions of program, library and ABI", 0, NULL              \
    }

#endif
