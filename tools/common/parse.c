/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines against a table: options anywhere, "--" ends them, a wrong word gets the nearest
 * right one. */
#include "command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

typedef struct parser {
    const tool_program *program;
    tool_args *args;
    tool_usage *usage;
    int argc;
    char **argv;
    int next;
} parser;

static int refuse(tool_usage *u, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(tool_usage *u, const char *code, const char *fmt, ...)
{
    char raw[sizeof u->message];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    tool_clean(u->message, sizeof u->message, raw);
    u->code = code;
    return -1;
}

static void suggest(tool_usage *u, const char *dashes, const char *best)
{
    if (best)
        snprintf(u->hint, sizeof u->hint, "did you mean '%s%s'?", dashes, best);
}

/* Keeps in *best the candidate nearest to word; *distance starts at the largest that still helps.
 */
static void consider(const char *word, const char *candidate, const char **best, size_t *distance)
{
    size_t d = tool_distance(word, candidate);

    if (strlen(word) >= 3 && strncmp(word, candidate, strlen(word)) == 0)
        d = 0;
    if (d < *distance) {
        *distance = d;
        *best = candidate;
    }
}

static const tool_option *
find_in(const tool_option *table, const char *name, size_t len, char letter)
{
    for (const tool_option *o = table; o && o->name; o++) {
        if (letter ? o->letter == letter
                   : (strlen(o->name) == len && strncmp(o->name, name, len) == 0))
            return o;
    }
    return NULL;
}

static const tool_option *find_option(const parser *ps, const char *name, size_t len, char letter)
{
    const tool_option *o = NULL;

    for (size_t i = 0; ps->args->command && i < TOOL_TABLES && !o; i++)
        o = find_in(ps->args->command->options[i], name, len, letter);
    return o ? o : find_in(ps->program->globals, name, len, letter);
}

static int unknown_option(parser *ps, const char *name, size_t len)
{
    char word[64];
    const char *best = NULL;
    size_t distance = 3;

    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), name);
    for (size_t i = 0; i <= TOOL_TABLES; i++) {
        const tool_command *c = ps->args->command;
        const tool_option *o = i == TOOL_TABLES ? ps->program->globals : c ? c->options[i] : NULL;

        for (; o && o->name; o++)
            consider(word, o->name, &best, &distance);
    }
    suggest(ps->usage, "--", best);
    return refuse(ps->usage, "usage.option", "unknown option '--%s'%s%s", word,
                  ps->args->command ? " for " : "",
                  ps->args->command ? ps->args->command->name : "");
}

static int is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);

    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
        if (strncmp(p, value, len) == 0 && (p[len] == '|' || p[len] == '\0') && len > 0)
            return 1;
    }
    return 0;
}

static int add_value(parser *ps, const tool_option *o, const char *value)
{
    tool_args *a = ps->args;

    if (o->value && !(o->flags & TOOL_REPEAT) && tool_args_count(a, o->name) > 0)
        return refuse(ps->usage, "usage.option.twice", "option '--%s' was given twice", o->name);
    if (o->choices && !is_choice(o->choices, value)) {
        return refuse(ps->usage, "usage.option.value", "option '--%s' takes %s, not '%s'", o->name,
                      o->choices, value);
    }

    tool_value *grown = realloc(a->values, (a->n_values + 1) * sizeof *grown);
    if (!grown)
        return refuse(ps->usage, "memory", "out of memory");

    a->values = grown;
    a->values[a->n_values++] = (tool_value){.option = o, .value = value};
    return 0;
}

/* The value of an option: what is glued to it, else the next word whatever it looks like. */
static int take_value(parser *ps, const tool_option *o, const char *glued)
{
    if (!o->value && glued)
        return refuse(ps->usage, "usage.option.value", "option '--%s' takes no value", o->name);
    if (!o->value || glued)
        return add_value(ps, o, o->value ? glued : NULL);
    if (ps->next >= ps->argc)
        return refuse(ps->usage, "usage.option.value", "option '--%s' needs a value: %s", o->name,
                      o->value);

    return add_value(ps, o, ps->argv[ps->next++]);
}

static int parse_long(parser *ps, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const tool_option *o = find_option(ps, word, len, 0);

    return o ? take_value(ps, o, equals ? equals + 1 : NULL) : unknown_option(ps, word, len);
}

static int parse_letters(parser *ps, const char *letters)
{
    for (const char *p = letters; *p; p++) {
        const tool_option *o = find_option(ps, NULL, 0, *p);

        if (!o)
            return refuse(ps->usage, "usage.option", "unknown option '-%c'", *p);
        if (o->value)
            return take_value(ps, o, p[1] ? p + 1 : NULL);
        if (add_value(ps, o, NULL) < 0)
            return -1;
    }
    return 0;
}

/* 1 when command name is "<group> <anything>" or, with verb, exactly "<group> <verb>". */
static int in_group(const char *name, const char *group, const char *verb)
{
    size_t len = strlen(group);

    if (strncmp(name, group, len) != 0 || name[len] != ' ')
        return 0;
    return !verb || strcmp(name + len + 1, verb) == 0;
}

static int unknown_command(parser *ps, const char *word)
{
    const char *best = NULL;
    const char *group = ps->args->group;
    size_t distance = 3;

    for (const tool_command *c = ps->program->commands; c->name; c++) {
        if (c->flags & TOOL_HIDDEN)
            continue;
        if (!group)
            consider(word, c->name, &best, &distance);
        else if (in_group(c->name, group, NULL))
            consider(word, c->name + strlen(group) + 1, &best, &distance);
    }
    suggest(ps->usage, "", best);
    return refuse(ps->usage, "usage.command", "unknown command '%s%s%s'", group ? group : "",
                  group ? " " : "", word);
}

static int parse_command(parser *ps, const char *word)
{
    const char *group = ps->args->group;

    for (const tool_command *c = ps->program->commands; c->name; c++) {
        if (group ? in_group(c->name, group, word) : strcmp(c->name, word) == 0) {
            ps->args->command = c;
            ps->args->group = NULL;
            return 0;
        }
    }
    for (const tool_command *c = ps->program->commands; c->name && !group; c++) {
        if (in_group(c->name, word, NULL)) {
            ps->args->group = word;
            return 0;
        }
    }
    return unknown_command(ps, word);
}

static int parse_word(parser *ps, const char *word)
{
    if (!ps->args->command)
        return parse_command(ps, word);

    ps->args->operands[ps->args->n_operands++] = word;
    return 0;
}

int tool_parse(const tool_program *p, int argc, char **argv, tool_args *args, tool_usage *usage)
{
    parser ps = {.program = p, .args = args, .usage = usage, .argc = argc, .argv = argv, .next = 1};
    tool_usage ignored = {0};
    int options_ended = 0;
    int r = 0;

    memset(args, 0, sizeof *args);
    memset(usage, 0, sizeof *usage);
    args->operands = calloc((size_t)argc + 1, sizeof *args->operands);
    if (!args->operands)
        return refuse(usage, "memory", "out of memory");
    if (p->commands->name && p->commands->name[0] == '\0')
        args->command = p->commands;

    /* After a word that is not understood the rest is still read: --json and --color are obeyed. */
    while (ps.next < argc) {
        const char *word = argv[ps.next++];
        int one;

        if (!options_ended && strcmp(word, "--") == 0)
            one = 0, options_ended = 1;
        else if (!options_ended && strncmp(word, "--", 2) == 0)
            one = parse_long(&ps, word + 2);
        else if (!options_ended && word[0] == '-' && word[1])
            one = parse_letters(&ps, word + 1);
        else
            one = r == 0 ? parse_word(&ps, word) : 0;
        if (one < 0 && r == 0) {
            r = one;
            ps.usage = &ignored;
        }
    }
    return r;
}

int tool_check_operands(const tool_program *p, const tool_args *args, tool_usage *usage)
{
    const tool_command *c = args->command;

    if (args->n_operands >= c->min_args && args->n_operands <= c->max_args)
        return 0;

    snprintf(usage->hint, sizeof usage->hint, "see '%s %s%s--help'", p->name, c->name,
             c->name[0] ? " " : "");
    if (args->n_operands > c->max_args) {
        return refuse(usage, "usage.arguments", "'%s' is one argument too many: expected %s",
                      args->operands[c->max_args], c->args[0] ? c->args : "none");
    }
    return refuse(usage, "usage.arguments", "arguments are missing: expected %s, found %zu of them",
                  c->args, args->n_operands);
}

void tool_args_done(tool_args *args)
{
    free(args->operands);
    free(args->values);
    memset(args, 0, sizeof *args);
}

size_t tool_args_count(const tool_args *args, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < args->n_values; i++)
        n += strcmp(args->values[i].option->name, name) == 0;
    return n;
}

const char *tool_args_at(const tool_args *args, const char *name, size_t n)
{
    for (size_t i = 0; i < args->n_values; i++) {
        if (strcmp(args->values[i].option->name, name) == 0 && n-- == 0)
            return args->values[i].value ? args->values[i].value : "";
    }
    return NULL;
}

const char *tool_args_get(const tool_args *args, const char *name)
{
    size_t n = tool_args_count(args, name);

    return n > 0 ? tool_args_at(args, name, n - 1) : NULL;
}
