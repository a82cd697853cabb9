/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static const tool_setting table[] = {
    {"url", "T_URL", "url", "localhost:1", "an address"},
    {"pin", "T_PIN", NULL, NULL, "a pin"},
    {NULL, NULL, NULL, NULL, NULL},
};

static char dir[] = "/tmp/cocos-settings-XXXXXX";
static char path[128];

/* A configuration directory with this file, named by XDG_CONFIG_HOME. */
static void write_config(const char *text, size_t len)
{
    char below[64];

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(below, sizeof below, "%s/cocos", dir);
    ck_assert_int_eq(mkdir(below, 0700), 0);
    snprintf(path, sizeof path, "%s/config", below);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, len, f), len);
    fclose(f);
    setenv("XDG_CONFIG_HOME", dir, 1);
}

static void remove_config(void)
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(dir);
}

static void refused(const char *text, size_t len, const char *why)
{
    char problem[256] = "";
    tool_config c;

    strcpy(dir, "/tmp/cocos-settings-XXXXXX");
    write_config(text, len);
    ck_assert_int_eq(tool_config_read(&c, path, table, problem, sizeof problem), -1);
    ck_assert_msg(strstr(problem, why) != NULL, "'%s' is not in '%s'", why, problem);
    tool_config_done(&c, table);
    remove_config();
}

START_TEST(reads_lines_comments_and_blanks)
{
    static const char text[] = "# a comment\n\n  url =  host:2  \r\npin=sha256:00=1\n";
    char problem[256];
    tool_config c;

    write_config(text, strlen(text));
    ck_assert_int_eq(tool_config_read(&c, path, table, problem, sizeof problem), 0);
    ck_assert_str_eq(c.values[0], "host:2");
    ck_assert_str_eq(c.values[1], "sha256:00=1");
    tool_config_done(&c, table);
    remove_config();
}
END_TEST

START_TEST(refuses_what_it_does_not_know_and_names_the_line)
{
    refused("url = a\nulr = b\n", 16, "config:2: unknown name 'ulr'");
    refused("url = a\nurl = b\n", 16, "config:2: 'url' stands there twice");
    refused("url\n", 4, "config:1: expected 'name = value'");
    refused("[section]\n", 10, "expected 'name = value'");
    refused("url = a\0b\n", 10, "NUL");
}
END_TEST

START_TEST(takes_a_missing_file_as_empty)
{
    char problem[256];
    tool_config c;

    ck_assert_int_eq(
        tool_config_read(&c, "/nonexistent/cocos/config", table, problem, sizeof problem), 0);
    ck_assert_ptr_null(c.path);
}
END_TEST

static void expect(tool *t, const char *name, const char *want, enum tool_origin want_origin)
{
    const char *value;
    enum tool_origin origin;

    ck_assert_int_eq(tool_setting_get(t, name, &value, &origin), 0);
    ck_assert_pstr_eq(value, want);
    ck_assert_int_eq(origin, want_origin);
}

START_TEST(prefers_option_then_environment_then_file_then_default)
{
    static const tool_option url = {"url", 0, "ADDRESS", "", 0, NULL};
    tool_value given = {&url, "option:5"};
    tool_args args = {.values = &given, .n_values = 0};
    tool t = {.settings = table, .args = &args};

    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    expect(&t, "url", "localhost:1", TOOL_FROM_DEFAULT);
    expect(&t, "pin", NULL, TOOL_FROM_DEFAULT);

    write_config("url = file:3\npin = p\n", 21);
    t.files_read = 0;
    expect(&t, "url", "file:3", TOOL_FROM_USER);
    expect(&t, "pin", "p", TOOL_FROM_USER);

    setenv("T_URL", "environment:4", 1);
    expect(&t, "url", "environment:4", TOOL_FROM_ENV);
    setenv("T_URL", "", 1);
    expect(&t, "url", "file:3", TOOL_FROM_USER);
    setenv("T_URL", "environment:4", 1);
    args.n_values = 1;
    expect(&t, "url", "option:5", TOOL_FROM_OPTION);

    tool_config_done(&t.files[0], table);
    tool_config_done(&t.files[1], table);
    remove_config();
}
END_TEST

TEST_MAIN(settings,
          reads_lines_comments_and_blanks,
          refuses_what_it_does_not_know_and_names_the_line,
          takes_a_missing_file_as_empty,
          prefers_option_then_environment_then_file_then_default)
