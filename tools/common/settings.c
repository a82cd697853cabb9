/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: option, else environment, else $XDG_CONFIG_HOME/cocos/config, else /etc/cocos/config,
 * else the default. Files are `name = value` lines, '#' begins a comment line; anything else is
 * refused, since a misspelt line about trust must not be passed over.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define CONFIG_MAX (64 * 1024)

static size_t table_size(const tool_setting *table)
{
    size_t n = 0;

    while (table && table[n].name)
        n++;
    return n;
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t\r");
    size_t len = strlen(text);

    while (len > 0 && strchr(" \t\r", text[len - 1]))
        text[--len] = '\0';
    return text;
}

static int config_line(tool_config *c, char *text, const tool_setting *table, char *why, size_t cap)
{
    char *equals = strchr(text, '=');

    if (!equals) {
        snprintf(why, cap, "expected 'name = value'");
        return -1;
    }
    *equals = '\0';
    const char *name = trimmed(text);
    const char *value = trimmed(equals + 1);

    for (size_t i = 0; table[i].name; i++) {
        if (strcmp(table[i].name, name) != 0)
            continue;
        if (c->values[i]) {
            snprintf(why, cap, "'%s' stands there twice", name);
            return -1;
        }
        c->values[i] = strdup(value);
        return c->values[i] ? 0 : -1;
    }
    snprintf(why, cap, "unknown name '%s'", name);
    return -1;
}

static int
config_text(tool_config *c, char *text, const tool_setting *table, char *problem, size_t cap)
{
    unsigned number = 0;

    for (char *next, *p = text; p; p = next) {
        char why[160] = "out of memory";

        number++;
        next = strchr(p, '\n');
        if (next)
            *next++ = '\0';
        char *line = trimmed(p);

        if (*line == '\0' || *line == '#')
            continue;
        if (config_line(c, line, table, why, sizeof why) < 0) {
            snprintf(problem, cap, "%s:%u: %s", c->path, number, why);
            return -1;
        }
    }
    return 0;
}

/* The file's text; NULL with *missing when there is none, else with a problem. */
static char *config_load(const char *path, int *missing, char *problem, size_t cap)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text = NULL;

    *missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    if (fd < 0 || fstat(fd, &st) < 0)
        snprintf(problem, cap, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_MAX)
        snprintf(problem, cap, "%s: not a regular file of at most %d bytes", path, CONFIG_MAX);
    else if ((text = calloc(1, CONFIG_MAX + 1)) != NULL) {
        ssize_t n = read(fd, text, CONFIG_MAX);

        if (n < 0 || strlen(text) != (size_t)n) {
            snprintf(problem, cap, "%s: %s", path, n < 0 ? strerror(errno) : "holds a NUL byte");
            free(text);
            text = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

int tool_config_read(
    tool_config *c, const char *path, const tool_setting *table, char *problem, size_t cap)
{
    int missing;

    memset(c, 0, sizeof *c);
    TOOL_CLEANUP(tool_free_text) char *text = config_load(path, &missing, problem, cap);
    if (!text)
        return missing ? 0 : -1;

    c->path = strdup(path);
    c->values = calloc(table_size(table) + 1, sizeof *c->values);
    if (!c->path || !c->values) {
        snprintf(problem, cap, "out of memory");
        return -1;
    }
    return config_text(c, text, table, problem, cap);
}

void tool_config_done(tool_config *c, const tool_setting *table)
{
    for (size_t i = 0; c->values && i < table_size(table); i++)
        free(c->values[i]);
    free(c->values);
    free(c->path);
    memset(c, 0, sizeof *c);
}

static int user_config_path(char *path, size_t cap)
{
    const char *base = secure_getenv("XDG_CONFIG_HOME");
    const char *home = secure_getenv("HOME");
    int n = 0;

    if (base && *base == '/')
        n = snprintf(path, cap, "%s/cocos/config", base);
    else if (home && *home == '/')
        n = snprintf(path, cap, "%s/.config/cocos/config", home);
    return n > 0 && (size_t)n < cap ? 0 : -1;
}

static int files_read(tool *t)
{
    char path[4096], problem[4400] = "";
    int r = 0;

    if (t->files_read)
        return t->files_read > 0 ? 0 : -1;
    r = tool_config_read(&t->files[0], "/etc/cocos/config", t->settings, problem, sizeof problem);
    if (r == 0 && user_config_path(path, sizeof path) == 0)
        r = tool_config_read(&t->files[1], path, t->settings, problem, sizeof problem);
    t->files_read = r == 0 ? 1 : -1;
    if (r < 0)
        tool_fail(t, COCOS_ERR_USAGE, "config.file", "%s", problem);
    return r;
}

static const char *filled(const char *value)
{
    return value && *value ? value : NULL;
}

int tool_setting_get(tool *t, const char *name, const char **value, enum tool_origin *origin)
{
    enum tool_origin from = TOOL_FROM_OPTION;
    size_t i = 0;

    *value = NULL;
    while (strcmp(t->settings[i].name, name) != 0)
        i++;
    const tool_setting *s = &t->settings[i];

    if (s->option)
        *value = filled(tool_args_get(t->args, s->option));
    if (!*value && (from = TOOL_FROM_ENV, s->env))
        *value = filled(secure_getenv(s->env));
    if (!*value && files_read(t) < 0)
        return -1;
    for (int f = 1; f >= 0 && !*value; f--) {
        from = f == 1 ? TOOL_FROM_USER : TOOL_FROM_SYSTEM;
        *value = t->files[f].values ? filled(t->files[f].values[i]) : NULL;
    }
    if (!*value) {
        from = TOOL_FROM_DEFAULT;
        *value = filled(s->fallback);
    }
    if (origin)
        *origin = from;
    return 0;
}

const char *tool_origin_text(
    const tool *t, enum tool_origin origin, const tool_setting *s, char *buf, size_t cap)
{
    switch (origin) {
    case TOOL_FROM_OPTION:
        snprintf(buf, cap, "option --%s", s->option);
        break;
    case TOOL_FROM_ENV:
        snprintf(buf, cap, "environment %s", s->env);
        break;
    case TOOL_FROM_USER:
    case TOOL_FROM_SYSTEM:
        snprintf(buf, cap, "file %s", t->files[origin == TOOL_FROM_USER].path);
        break;
    default:
        snprintf(buf, cap, "default");
    }
    return buf;
}
