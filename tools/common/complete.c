/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completions for bash, zsh and fish, written from the table. bash and zsh get one function over a
 * table of "command words : words to offer : how to complete the value"; fish gets one line an
 * option.
 */
#include "command.h"

#include <string.h>

/* How a value or operand with this placeholder is completed. */
static const char *kind_of(const char *placeholder)
{
    if (!placeholder)
        return "none";
    if (strstr(placeholder, "FILE") || strstr(placeholder, "PATH") || strstr(placeholder, "KEY"))
        return "file";
    return strstr(placeholder, "DIR") ? "dir" : "none";
}

static void
each_option(const tool_program *p,
            const tool_command *c,
            void (*fn)(const tool_program *, const tool_command *, const tool_option *, FILE *),
            FILE *out)
{
    for (size_t i = 0; i <= TOOL_TABLES; i++) {
        const tool_option *o = i == TOOL_TABLES ? p->globals : c->options[i];

        for (; o && o->name; o++) {
            if (!(o->flags & TOOL_HIDDEN))
                fn(p, c, o, out);
        }
    }
}

static void long_name(const tool_program *p, const tool_command *c, const tool_option *o, FILE *out)
{
    (void)p;
    (void)c;
    fprintf(out, " --%s", o->name);
}

/* Case branch "command --option|-o) reply". */
static void
value_case(const tool_program *p, const tool_command *c, const tool_option *o, FILE *out)
{
    (void)p;
    if (!o->value)
        return;

    fprintf(out, "    '%s --%s'", c->name, o->name);
    if (o->letter)
        fprintf(out, "|'%s -%c'", c->name, o->letter);
    fputs(") ", out);
    if (o->choices) {
        fputs("reply=words; words='", out);
        for (const char *q = o->choices; *q; q++)
            fputc(*q == '|' ? ' ' : *q, out);
        fputs("';;\n", out);
    } else {
        fprintf(out, "reply=%s;;\n", kind_of(o->value));
    }
}

/* First words of all commands, each once. */
static void first_words(const tool_program *p, FILE *out)
{
    for (const tool_command *c = p->commands; c->name; c++) {
        size_t len = strcspn(c->name, " ");
        int seen = 0;

        for (const tool_command *b = p->commands; b < c; b++)
            seen |= strcspn(b->name, " ") == len && strncmp(b->name, c->name, len) == 0;
        if (!seen && !(c->flags & TOOL_HIDDEN))
            fprintf(out, "%s%.*s", c == p->commands ? "" : " ", (int)len, c->name);
    }
}

static void groups(const tool_program *p, FILE *out)
{
    for (const tool_command *c = p->commands; c->name; c++) {
        size_t len = strcspn(c->name, " ");
        int seen = c->name[len] != ' ';

        for (const tool_command *b = p->commands; b < c; b++)
            seen |= strncmp(b->name, c->name, len + 1) == 0;
        if (seen)
            continue;
        fprintf(out, "    '%.*s') words='", (int)len, c->name);
        for (const tool_command *d = c; d->name; d++) {
            if (strncmp(d->name, c->name, len + 1) == 0)
                fprintf(out, "%s%s", d == c ? "" : " ", d->name + len + 1);
        }
        fputs("';;\n", out);
    }
}

/*
 * Shared by bash and zsh: from the words typed so far (arguments) and the word being typed sets
 * `reply` (words, file, dir, none) and `words`.
 */
static void shell_function(const tool_program *p, FILE *out)
{
    fprintf(out,
            "_%s_find() {\n"
            "  local w command='' previous='' last=''\n"
            "  reply=words words=''\n"
            "  for w in \"$@\"; do\n"
            "    last=$w\n"
            "    case $w in -*) previous=$w; continue;; esac\n"
            "    case $command in\n"
            "      '') command=$w;;\n"
            "      *' '*) ;;\n"
            "      *) case \"$command $w\" in\n",
            p->name);
    for (const tool_command *c = p->commands; c->name; c++) {
        if (strchr(c->name, ' ') && !(c->flags & TOOL_HIDDEN))
            fprintf(out, "        '%s') command=\"$command $w\";;\n", c->name);
    }
    fputs("      esac;;\n    esac\n  done\n  case \"$command $last\" in\n", out);
    for (const tool_command *c = p->commands; c->name; c++) {
        if (!(c->flags & TOOL_HIDDEN))
            each_option(p, c, value_case, out);
    }
    fputs(
        "    *) last='';;\n  esac\n  [ -n \"$last\" ] && return\n  case $command in\n    '') words='",
        out);
    first_words(p, out);
    fputs("';;\n", out);
    groups(p, out);
    for (const tool_command *c = p->commands; c->name; c++) {
        if (c->flags & TOOL_HIDDEN)
            continue;
        fprintf(out, "    '%s') words='", c->name);
        each_option(p, c, long_name, out);
        fprintf(out, "'; reply=%s;;\n", strcmp(kind_of(c->args), "file") == 0 ? "file" : "words");
    }
    fputs("  esac\n}\n", out);
}

static void bash(const tool_program *p, FILE *out)
{
    fprintf(out, "# bash completion for %s, written by '%s completion bash'\n", p->name, p->name);
    shell_function(p, out);
    fprintf(
        out,
        "_%s() {\n"
        "  local reply words word=${COMP_WORDS[COMP_CWORD]}\n"
        "  _%s_find \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"\n"
        "  COMPREPLY=()\n"
        "  case $reply in\n"
        "    file) mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); compopt -o filenames;;\n"
        "    dir) mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); compopt -o filenames;;\n"
        "    none) return;;\n"
        "  esac\n"
        "  case $word in -*) ;; *) [ \"$reply\" = file ] && return;; esac\n"
        "  mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
        "}\n"
        "complete -F _%s %s%s\n",
        p->name, p->name, p->name, p->name, strcmp(p->name, "cocos") == 0 ? " cocos-cli" : "");
}

static void zsh(const tool_program *p, FILE *out)
{
    fprintf(out, "#compdef %s%s\n# zsh completion for %s, written by '%s completion zsh'\n",
            p->name, strcmp(p->name, "cocos") == 0 ? " cocos-cli" : "", p->name, p->name);
    shell_function(p, out);
    fprintf(out,
            "_%s() {\n"
            "  emulate -L zsh\n"
            "  local reply words_typed=(\"${(@)words[2,CURRENT-1]}\") words\n"
            "  _%s_find \"${words_typed[@]}\"\n"
            "  case $reply in\n"
            "    file) [[ $PREFIX == -* ]] || { _files; return };;\n"
            "    dir) _files -/; return;;\n"
            "    none) return;;\n"
            "  esac\n"
            "  compadd -- ${=words}\n"
            "}\n"
            "compdef _%s %s\n",
            p->name, p->name, p->name, p->name);
}

/* fish quotes by backslash inside single quotes. */
static void fish_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (const char *q = text; *q; q++) {
        if (*q == '\'' || *q == '\\')
            fputc('\\', out);
        fputc(*q == '\n' ? ' ' : *q, out);
    }
    fputc('\'', out);
}

static void fish_condition(const tool_command *c, FILE *out)
{
    const char *space = strchr(c->name, ' ');

    fprintf(out, " -n '__fish_seen_subcommand_from %.*s", (int)strcspn(c->name, " "), c->name);
    if (space)
        fprintf(out, "; and __fish_seen_subcommand_from %s", space + 1);
    fputc('\'', out);
}

static void
fish_option(const tool_program *p, const tool_command *c, const tool_option *o, FILE *out)
{
    fprintf(out, "complete -c %s", p->name);
    fish_condition(c, out);
    fprintf(out, " -l %s", o->name);
    if (o->letter)
        fprintf(out, " -s %c", o->letter);
    if (o->choices) {
        fputs(" -x -a '", out);
        for (const char *q = o->choices; *q; q++)
            fputc(*q == '|' ? ' ' : *q, out);
        fputc('\'', out);
    } else if (o->value) {
        fputs(strcmp(kind_of(o->value), "none") == 0 ? " -x" : " -r -F", out);
    }
    fputs(" -d ", out);
    fish_text(out, o->help);
    fputc('\n', out);
}

static void fish(const tool_program *p, FILE *out)
{
    fprintf(out, "# fish completion for %s, written by '%s completion fish'\n", p->name, p->name);
    fprintf(out, "complete -c %s -n __fish_use_subcommand -f -a '", p->name);
    first_words(p, out);
    fputs("'\n", out);
    for (const tool_command *c = p->commands; c->name; c++) {
        const char *space = strchr(c->name, ' ');

        if (c->flags & TOOL_HIDDEN)
            continue;
        if (space) {
            fprintf(out, "complete -c %s -n '__fish_seen_subcommand_from %.*s' -f -a %s -d ",
                    p->name, (int)(space - c->name), c->name, space + 1);
            fish_text(out, c->summary);
            fputc('\n', out);
        }
        each_option(p, c, fish_option, out);
    }
}

int tool_complete(const tool_program *p, const char *shell, FILE *out)
{
    if (strcmp(shell, "bash") == 0)
        bash(p, out);
    else if (strcmp(shell, "zsh") == 0)
        zsh(p, out);
    else if (strcmp(shell, "fish") == 0)
        fish(p, out);
    else
        return -1;
    return 0;
}
