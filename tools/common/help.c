/* SPDX-License-Identifier: Apache-2.0 */
/* --help, from the table. */
#include "command.h"

#include <string.h>

#define COLUMN 30 /* where explanations begin */
#define WIDTH  96

/* Text from column `indent`, broken at blanks; the cursor stands at column `at`. */
static void wrapped(FILE *out, const char *text, int indent, int at)
{
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, " \n");

        if (at > indent && at + 1 + (int)len > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)len, p);
        at += (int)len;
        p += len;
        if (*p == '\n') {
            fprintf(out, "\n%*s", p[1] ? indent : 0, "");
            at = indent;
        }
        if (*p)
            p++;
    }
    fputc('\n', out);
}

static void entry(FILE *out, const char *left, const char *text)
{
    int at = fprintf(out, "  %s", left);

    if (at >= COLUMN - 1) {
        fputc('\n', out);
        at = 0;
    }
    fprintf(out, "%*s", COLUMN - at, "");
    wrapped(out, text, COLUMN, COLUMN);
}

static void options(FILE *out, const tool_option *table)
{
    for (const tool_option *o = table; o && o->name; o++) {
        char left[96];
        const char *value = o->choices ? o->choices : o->value;
        char letter[8] = "    ";

        if (o->flags & TOOL_HIDDEN)
            continue;
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s%s", letter, o->name, value ? " " : "",
                 value ? value : "", o->flags & TOOL_REPEAT && o->value ? " ..." : "");
        entry(out, left, o->help);
    }
}

static void commands(FILE *out, const tool_program *p, const char *group)
{
    for (const tool_command *c = p->commands; c->name; c++) {
        char left[96];
        size_t len = group ? strlen(group) : 0;

        if (c->flags & TOOL_HIDDEN ||
            (group && (strncmp(c->name, group, len) != 0 || c->name[len] != ' ')))
            continue;
        snprintf(left, sizeof left, "%s%s%s", c->name, c->args[0] ? " " : "", c->args);
        entry(out, left, c->summary);
    }
}

void tool_help_program(const tool_program *p, FILE *out)
{
    fprintf(out, "Usage: %s [OPTIONS] COMMAND ...\n\n%s\n\nCommands:\n", p->name, p->summary);
    commands(out, p, NULL);
    fputs("\nOptions of every command:\n", out);
    options(out, p->globals);
    if (p->text) {
        fputc('\n', out);
        wrapped(out, p->text, 0, 0);
    }
}

int tool_help_group(const tool_program *p, const char *group, FILE *out)
{
    size_t len = strlen(group);
    int found = 0;

    for (const tool_command *c = p->commands; c->name; c++)
        found |= strncmp(c->name, group, len) == 0 && c->name[len] == ' ';
    if (!found)
        return -1;

    fprintf(out, "Usage: %s %s COMMAND ...\n\nCommands:\n", p->name, group);
    commands(out, p, group);
    return 0;
}

void tool_help_command(const tool_program *p, const tool_command *c, FILE *out)
{
    fprintf(out, "Usage: %s %s%s[OPTIONS]%s%s\n\n", p->name, c->name, c->name[0] ? " " : "",
            c->args[0] ? " " : "", c->args);
    wrapped(out, c->summary, 0, 0);
    if (c->text) {
        fputc('\n', out);
        wrapped(out, c->text, 0, 0);
    }
    if (c->options[0]) {
        fputs("\nOptions:\n", out);
        for (size_t i = 0; i < TOOL_TABLES; i++)
            options(out, c->options[i]);
    }
    fprintf(out, "\nOptions of every command:\n");
    options(out, p->globals);
    if (!c->name[0] && p->text) {
        fputc('\n', out);
        wrapped(out, p->text, 0, 0);
    }
}

const tool_command *tool_command_find(const tool_program *p, const char *name)
{
    for (const tool_command *c = p->commands; c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static void dump(const char *command, const tool_option *table, FILE *out)
{
    for (const tool_option *o = table; o && o->name; o++) {
        char letter[2] = {o->letter ? o->letter : '-', '\0'};

        if (!(o->flags & TOOL_HIDDEN))
            fprintf(out, "%s\t%s\t%s\t%s\n", command, o->name, letter, o->value ? o->value : "-");
    }
}

void tool_dump_options(const tool_program *p, FILE *out)
{
    dump("*", p->globals, out);
    for (const tool_command *c = p->commands; c->name; c++) {
        if (c->flags & TOOL_HIDDEN)
            continue;
        fprintf(out, "%s\t\t\t%s\n", c->name, c->args);
        for (size_t i = 0; i < TOOL_TABLES; i++)
            dump(c->name, c->options[i], out);
    }
}
