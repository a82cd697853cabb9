/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_COMMAND_H
#define COCOS_TOOLS_COMMAND_H

/*
 * A command line as one table. Parsing, --help, shell completions and the check of the man pages
 * all read it, so that none of them can say something else than the others.
 */

#include <stddef.h>
#include <stdio.h>

typedef struct tool tool; /* what a running command knows: tool.h */

enum tool_flags {
    TOOL_REPEAT = 1, /* an option that may be given several times */
    TOOL_HIDDEN = 2  /* accepted, but neither in help nor in completions */
};

typedef struct tool_option {
    const char *name;  /* without dashes; NULL ends a table */
    char letter;       /* 0: none */
    const char *value; /* placeholder such as FILE; NULL: a switch */
    const char *help;
    unsigned flags;
    const char *choices; /* "a|b|c": the only values allowed; NULL: any */
} tool_option;

#define TOOL_TABLES 3 /* option tables of one command */

typedef struct tool_command {
    const char *name; /* "data", or "vm create": a group and its verb; NULL ends the table */
    const char *args; /* placeholders of the operands, e.g. "PATH KEY", "[ID]" */
    size_t min_args;
    size_t max_args;
    const char *summary;
    const char *text; /* further paragraphs, or NULL */
    const tool_option *options[TOOL_TABLES];
    int (*run)(tool *t); /* gives the exit code */
    unsigned flags;
} tool_command;

/* What to try when an error has this code; a code ending in '.' stands for all that begin so. */
typedef struct tool_hint {
    const char *code; /* NULL ends the table */
    const char *text;
} tool_hint;

typedef struct tool_program {
    const char *name;
    const char *summary;
    const char *text; /* last paragraphs of --help, or NULL */
    const tool_option *globals;
    const tool_command *commands; /* one command named "": a program without verbs */
    const tool_hint *hints;       /* may be NULL */
} tool_program;

typedef struct tool_value {
    const tool_option *option;
    const char *value; /* NULL for a switch */
} tool_value;

typedef struct tool_args {
    const tool_command *command; /* NULL: none was named */
    const char *group;           /* the group that was named, when no verb followed; else NULL */
    const char **operands;
    size_t n_operands;
    tool_value *values;
    size_t n_values;
} tool_args;

/* Why a command line was not understood. */
typedef struct tool_usage {
    const char *code; /* "usage.command" and so on, in doc/errors.md */
    char message[320];
    char hint[160]; /* "" when there is none */
} tool_usage;

/* Strings in args are those of argv. @return 0, or -1 with *usage filled; args is to be freed in
 * both cases. */
int tool_parse(const tool_program *p, int argc, char **argv, tool_args *args, tool_usage *usage);
/* Number of operands within what the command takes. Separate, so that --help wins over a missing
 * operand. */
int tool_check_operands(const tool_program *p, const tool_args *args, tool_usage *usage);
void tool_args_done(tool_args *args);

/* The last value of an option, NULL when it was not given. A switch gives "". */
const char *tool_args_get(const tool_args *args, const char *name);
size_t tool_args_count(const tool_args *args, const char *name);
/* Value n of a repeated option, in the order given; NULL past the end. */
const char *tool_args_at(const tool_args *args, const char *name, size_t n);

void tool_help_program(const tool_program *p, FILE *out);
void tool_help_command(const tool_program *p, const tool_command *c, FILE *out);
/* The commands of one group. @return -1 when there is no such group. */
int tool_help_group(const tool_program *p, const char *group, FILE *out);
const tool_command *tool_command_find(const tool_program *p, const char *name);

/* "bash", "zsh" or "fish". @return -1 for another shell. */
int tool_complete(const tool_program *p, const char *shell, FILE *out);
/* One line for each option: command, long name, letter, value. For tests that compare documents
 * with the table. */
void tool_dump_options(const tool_program *p, FILE *out);

#endif
