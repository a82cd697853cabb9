/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, 0, NULL, NULL, 0, NULL                                                               \
    }

static const tool_option globals[] = {{"json", 0, NULL, "json", 0, NULL},
                                      {"verbose", 'v', NULL, "more", TOOL_REPEAT, NULL},
                                      {"color", 0, "WHEN", "colour", 0, "auto|always|never"},
                                      END};
static const tool_option data_options[] = {{"output-dir", 'o', "DIR", "where", 0, NULL},
                                           {"args", 'a', "TEXT", "one argument", TOOL_REPEAT, NULL},
                                           {"secret", 0, "TEXT", "not shown", TOOL_HIDDEN, NULL},
                                           END};
static const tool_command commands[] = {
    {"data", "PATH KEY", 1, 2, "send data", NULL, {data_options}, NULL, 0},
    {"vm create", "", 0, 0, "create", NULL, {NULL}, NULL, 0},
    {"vm list", "", 0, 0, "list", NULL, {NULL}, NULL, 0},
    {NULL, NULL, 0, 0, NULL, NULL, {NULL}, NULL, 0},
};
static const tool_program program = {"prog", "a program", NULL, globals, commands, NULL};

static tool_args args;
static tool_usage usage;

/* Words separated by one blank. */
static int parse(const char *line)
{
    static char copy[512];
    char *argv[32] = {(char *)"prog"};
    int argc = 1;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *save = NULL, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    return tool_parse(&program, argc, argv, &args, &usage);
}

static void done(void)
{
    tool_args_done(&args);
}

static void refused(const char *line, const char *code, const char *message, const char *hint)
{
    ck_assert_int_eq(parse(line), -1);
    ck_assert_str_eq(usage.code, code);
    ck_assert_msg(strstr(usage.message, message) != NULL, "'%s' is not in '%s'", message,
                  usage.message);
    ck_assert_str_eq(usage.hint, hint);
    done();
}

START_TEST(takes_options_before_between_and_after_operands)
{
    ck_assert_int_eq(parse("--json data -o out file -vv key --args=x --args -y"), 0);
    ck_assert_str_eq(args.command->name, "data");
    ck_assert_uint_eq(args.n_operands, 2);
    ck_assert_str_eq(args.operands[0], "file");
    ck_assert_str_eq(args.operands[1], "key");
    ck_assert_str_eq(tool_args_get(&args, "output-dir"), "out");
    ck_assert_uint_eq(tool_args_count(&args, "verbose"), 2);
    ck_assert_str_eq(tool_args_at(&args, "args", 0), "x");
    ck_assert_str_eq(tool_args_at(&args, "args", 1), "-y");
    ck_assert_ptr_null(tool_args_at(&args, "args", 2));
    ck_assert_str_eq(tool_args_get(&args, "json"), "");
    ck_assert_ptr_null(tool_args_get(&args, "color"));
    done();
}
END_TEST

START_TEST(takes_values_glued_to_letters_and_a_lone_dash_as_operand)
{
    ck_assert_int_eq(parse("data -vodir -"), 0);
    ck_assert_str_eq(tool_args_get(&args, "output-dir"), "dir");
    ck_assert_uint_eq(tool_args_count(&args, "verbose"), 1);
    ck_assert_str_eq(args.operands[0], "-");
    done();
}
END_TEST

START_TEST(ends_options_at_two_dashes)
{
    ck_assert_int_eq(parse("data -- --json -o"), 0);
    ck_assert_uint_eq(args.n_operands, 2);
    ck_assert_str_eq(args.operands[0], "--json");
    ck_assert_uint_eq(tool_args_count(&args, "json"), 0);
    done();
}
END_TEST

START_TEST(finds_verbs_of_groups_and_reports_a_bare_group)
{
    ck_assert_int_eq(parse("vm list"), 0);
    ck_assert_str_eq(args.command->name, "vm list");
    done();
    ck_assert_int_eq(parse("vm"), 0);
    ck_assert_ptr_null(args.command);
    ck_assert_str_eq(args.group, "vm");
    done();
}
END_TEST

START_TEST(refuses_wrong_words_and_names_the_nearest)
{
    refused("dta x", "usage.command", "unknown command 'dta'", "did you mean 'data'?");
    refused("vm crate", "usage.command", "unknown command 'vm crate'", "did you mean 'create'?");
    refused("frobnicate", "usage.command", "unknown command 'frobnicate'", "");
    refused("data --outptu-dir x", "usage.option", "unknown option '--outptu-dir' for data",
            "did you mean '--output-dir'?");
    refused("data -z", "usage.option", "unknown option '-z'", "");
    refused("vm list --output-dir x", "usage.option", "unknown option '--output-dir'", "");
}
END_TEST

START_TEST(refuses_values_where_they_do_not_belong)
{
    refused("data --json=1", "usage.option.value", "takes no value", "");
    refused("data -o", "usage.option.value", "needs a value: DIR", "");
    refused("data -o a -o b", "usage.option.twice", "given twice", "");
    refused("data --color sometimes", "usage.option.value",
            "takes auto|always|never, not 'sometimes'", "");
    refused("data --color aut", "usage.option.value", "not 'aut'", "");
    refused("data --color=", "usage.option.value", "not ''", "");
}
END_TEST

START_TEST(counts_operands)
{
    ck_assert_int_eq(parse("data"), 0);
    ck_assert_int_eq(tool_check_operands(&program, &args, &usage), -1);
    ck_assert_str_eq(usage.code, "usage.arguments");
    done();
    ck_assert_int_eq(parse("data a b c"), 0);
    ck_assert_int_eq(tool_check_operands(&program, &args, &usage), -1);
    ck_assert_ptr_nonnull(strstr(usage.message, "'c'"));
    done();
    ck_assert_int_eq(parse("data a b"), 0);
    ck_assert_int_eq(tool_check_operands(&program, &args, &usage), 0);
    done();
}
END_TEST

static char *output_of(int what)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (what == 0)
        tool_help_program(&program, f);
    else if (what == 1)
        tool_help_command(&program, &commands[0], f);
    else
        ck_assert_int_eq(tool_complete(&program,
                                       what == 2   ? "bash"
                                       : what == 3 ? "zsh"
                                                   : "fish",
                                       f),
                         0);
    fclose(f);
    return text;
}

START_TEST(shows_every_visible_option_in_help_and_completions)
{
    char *program_help = output_of(0);
    ck_assert_ptr_nonnull(strstr(program_help, "vm create"));
    ck_assert_ptr_nonnull(strstr(program_help, "--color auto|always|never"));
    free(program_help);

    for (int what = 1; what <= 4; what++) {
        char *text = output_of(what);
        ck_assert_msg(strstr(text, "output-dir") != NULL, "output %d", what);
        ck_assert_msg(strstr(text, "args") != NULL, "output %d", what);
        ck_assert_msg(strstr(text, "color") != NULL, "output %d", what);
        ck_assert_msg(strstr(text, "secret") == NULL, "output %d", what);
        free(text);
    }
    ck_assert_int_eq(tool_complete(&program, "tcsh", stdout), -1);
}
END_TEST

TEST_MAIN(parse,
          takes_options_before_between_and_after_operands,
          takes_values_glued_to_letters_and_a_lone_dash_as_operand,
          ends_options_at_two_dashes,
          finds_verbs_of_groups_and_reports_a_bare_group,
          refuses_wrong_words_and_names_the_nearest,
          refuses_values_where_they_do_not_belong,
          counts_operands,
          shows_every_visible_option_in_help_and_completions)
