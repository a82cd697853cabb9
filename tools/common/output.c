/* SPDX-License-Identifier: Apache-2.0 */
/* What a program says: messages and errors on stderr, results on stdout. */
#include "tool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cocos/key.h>

#include "text.h"

#define MESSAGE_MAX 4608 /* the library cuts foreign messages at 4 KiB */

static void line(const tool *t, const char *color, const char *prefix, const char *text)
{
    char clean[MESSAGE_MAX];

    tool_clean(clean, sizeof clean, text);
    fprintf(stderr, "%s%s%s%s\n", t->color ? color : "", prefix,
            t->color && *color ? "\033[0m" : "", clean);
}

#define FORMATTED(buf, fmt)                                                                        \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, fmt);                                                                         \
        vsnprintf(buf, sizeof buf, fmt, ap);                                                       \
        va_end(ap);                                                                                \
    } while (0)

void tool_say(const tool *t, const char *fmt, ...)
{
    char text[MESSAGE_MAX];

    if (t->quiet || t->json)
        return;
    FORMATTED(text, fmt);
    line(t, "", "", text);
}

void tool_detail(const tool *t, const char *fmt, ...)
{
    char text[MESSAGE_MAX];

    if (t->quiet || t->json || !t->verbose)
        return;
    FORMATTED(text, fmt);
    line(t, "", "", text);
}

void tool_warn(const tool *t, const char *fmt, ...)
{
    char text[MESSAGE_MAX];

    FORMATTED(text, fmt);
    line(t, "\033[33m", "warning: ", text);
}

void tool_print(tool *t, const char *fmt, ...)
{
    va_list ap;

    (void)t;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
}

void tool_emit(tool *t, json_t *take)
{
    json_dumpf(take, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(take);
    t->exit_code_json_done = 1;
}

void tool_emit_line(tool *t, json_t *take)
{
    json_dumpf(take, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    putchar('\n');
    fflush(stdout);
    json_decref(take);
    t->exit_code_json_done = 1;
}

json_t *tool_json_text(const char *text)
{
    char clean[MESSAGE_MAX];

    tool_clean(clean, sizeof clean, text ? text : "");
    return json_string(clean);
}

static void json_member(json_t *o, const char *name, const char *text)
{
    json_object_set_new(o, name, text ? tool_json_text(text) : json_null());
}

static const char *hint_for(const tool *t, const char *code)
{
    for (const tool_hint *h = t->program->hints; h && h->code; h++) {
        size_t len = strlen(h->code);

        if (strcmp(h->code, code) == 0 ||
            (h->code[len - 1] == '.' && strncmp(h->code, code, len) == 0))
            return h->text;
    }
    return NULL;
}

static json_t *causes_json(const cocos_error *first)
{
    json_t *all = json_array();

    for (const cocos_error *c = first; c; c = cocos_error_cause(c)) {
        json_t *e = json_object();

        json_member(e, "code", cocos_error_code(c));
        json_member(e, "message", cocos_error_message(c));
        json_member(e, "check", cocos_error_check(c));
        json_array_append_new(all, e);
    }
    return all;
}

static json_t *verdict_json(const cocos_verdict *verdict)
{
    char *text = NULL;

    if (!verdict || cocos_verdict_to_json(verdict, &text, NULL) < 0)
        return json_null();
    json_t *v = json_loads(text, 0, NULL);
    cocos_free_text(text);
    return v ? v : json_null();
}

/* Every check of a refusal that did not hold, but for the one that the error names. */
static void other_rows(const tool *t, const tool_problem *p)
{
    char text[MESSAGE_MAX];

    for (size_t i = 0; i < cocos_verdict_row_count(p->verdict); i++) {
        int outcome = cocos_verdict_row_outcome(p->verdict, i);
        const char *name = cocos_verdict_row_text(p->verdict, i, COCOS_ROW_NAME);
        if ((outcome != COCOS_OUTCOME_FAILED && outcome != COCOS_OUTCOME_UNKNOWN) ||
            (p->check && strcmp(p->check, name) == 0))
            continue;
        snprintf(text, sizeof text, "%s: %s, not %s", name,
                 cocos_verdict_row_text(p->verdict, i, COCOS_ROW_FOUND),
                 cocos_verdict_row_text(p->verdict, i, COCOS_ROW_EXPECTED));
        line(t, "", outcome == COCOS_OUTCOME_FAILED ? "  also: " : "  open: ", text);
    }
}

static void report_json(tool *t, const tool_problem *p)
{
    json_t *e = json_object();

    json_member(e, "code", p->code);
    json_member(e, "kind", cocos_status_name(p->status));
    json_member(e, "message", p->message);
    json_member(e, "check", p->check);
    json_member(e, "expected", p->expected);
    json_member(e, "found", p->found);
    json_member(e, "hint", p->hint);
    json_object_set_new(e, "causes", causes_json(p->causes));
    json_object_set_new(e, "verdict", verdict_json(p->verdict));
    tool_emit_line(t, json_pack("{s:o}", "error", e));
}

int tool_report(tool *t, const tool_problem *problem)
{
    tool_problem p = *problem;

    if (!p.hint || !*p.hint)
        p.hint = hint_for(t, p.code);
    if (t->json) {
        report_json(t, &p);
        return cocos_status_exit_code(p.status);
    }

    line(t, "\033[31m", "error: ", p.message);
    if (p.check)
        line(t, "", "  check: ", p.check);
    if (p.expected)
        line(t, "", "  expected: ", p.expected);
    if (p.found)
        line(t, "", "  found: ", p.found);
    if (p.verdict)
        other_rows(t, &p);
    if (p.hint)
        line(t, "", "  try: ", p.hint);
    line(t, "", "  code: ", p.code);
    return cocos_status_exit_code(p.status);
}

int tool_fail(tool *t, int status, const char *code, const char *fmt, ...)
{
    char text[MESSAGE_MAX];

    FORMATTED(text, fmt);
    return tool_report(t, &(tool_problem){.status = status, .code = code, .message = text});
}

int tool_fail_error(tool *t, cocos_error *take)
{
    return tool_fail_file(t, NULL, take);
}

int tool_fail_file(tool *t, const char *path, cocos_error *take)
{
    char message[MESSAGE_MAX];

    snprintf(message, sizeof message, "%s%s%s", path ? path : "", path ? ": " : "",
             cocos_error_message(take));
    int code = tool_report(t, &(tool_problem){
                                  .status = take ? cocos_error_status(take) : COCOS_ERR_INTERNAL,
                                  .code = cocos_error_code(take),
                                  .message = message,
                                  .check = cocos_error_check(take),
                                  .expected = cocos_error_expected(take),
                                  .found = cocos_error_found(take),
                                  .verdict = cocos_verdict_of_error(take),
                                  .causes = cocos_error_cause(take),
                              });

    for (const cocos_error *c = cocos_error_cause(take); c && t->debug && !t->json;
         c = cocos_error_cause(c)) {
        char text[MESSAGE_MAX];

        snprintf(text, sizeof text, "%s (%s)", cocos_error_message(c), cocos_error_code(c));
        line(t, "", "  because: ", text);
    }
    cocos_error_free(take);
    return code;
}

void tool_free_text(char **text)
{
    free(*text);
}

void tool_json_freep(json_t **object)
{
    json_decref(*object);
}
