/* SPDX-License-Identifier: Apache-2.0 */
/* The measured kernel command line: which words are ours, and what they turn into. */
#include "init_cmdline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFIX       "cocos."
#define BLANKS       " \t\n"
#define DIGITS       "0123456789"
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz" DIGITS "-_,"

/* Enough for 2^63 in decimal; the agent checks the range. */
#define SIZE_DIGITS_MAX 19

enum shape {
    SHAPE_BARE, /* no value */
    SHAPE_ONE,  /* "=1" and nothing else, so that each behaviour has one spelling */
    SHAPE_NAMES,
    SHAPE_SIZE,
};

typedef struct option {
    const char *name;
    enum shape shape;
    size_t offset;
} option;

static const option options[] = {
    {"env", SHAPE_BARE, offsetof(eos_options, env)},
    {"certs", SHAPE_BARE, offsetof(eos_options, certs)},
    {"compat", SHAPE_ONE, offsetof(eos_options, compat)},
    {"unlimited", SHAPE_ONE, offsetof(eos_options, unlimited)},
    {"require", SHAPE_NAMES, offsetof(eos_options, require)},
    {"evidence", SHAPE_NAMES, offsetof(eos_options, evidence)},
    {"max_asset", SHAPE_SIZE, offsetof(eos_options, max_asset)},
    {"max_total", SHAPE_SIZE, offsetof(eos_options, max_total)},
};

#define N_OPTIONS (sizeof options / sizeof options[0])

__attribute__((format(printf, 3, 4))) static int
refuse(char *why, size_t why_size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
    return -1;
}

static const option *find_option(const char *name, size_t len)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
            return &options[i];
    return NULL;
}

static int is_size(const char *value, size_t len)
{
    size_t digits = strspn(value, DIGITS);

    if (digits == 0 || digits > SIZE_DIGITS_MAX)
        return 0;
    return digits == len || (digits + 1 == len && strchr("KMG", value[digits]) != NULL);
}

static const char *expected_shape(enum shape shape)
{
    switch (shape) {
    case SHAPE_BARE:
        return "takes no value";
    case SHAPE_ONE:
        return "has the value 1 or is absent";
    case SHAPE_NAMES:
        return "takes 1 to 64 characters of a-z 0-9 - _ ,";
    case SHAPE_SIZE:
        return "takes a number of bytes, K, M or G behind it";
    }
    return "";
}

/* `value` is NULL without '='; it ends at `len` bytes, where a blank or the end of the line is. */
static int value_fits(enum shape shape, const char *value, size_t len)
{
    if (shape == SHAPE_BARE)
        return value == NULL;
    if (value == NULL || len == 0 || len > EOS_VALUE_MAX)
        return 0;
    if (shape == SHAPE_ONE)
        return len == 1 && value[0] == '1';
    if (shape == SHAPE_NAMES)
        return strspn(value, NAME_LETTERS) == len;
    return is_size(value, len);
}

static int is_set(const eos_options *o, const option *opt)
{
    const char *field = (const char *)o + opt->offset;

    if (opt->shape == SHAPE_BARE || opt->shape == SHAPE_ONE)
        return *(const int *)(const void *)field;
    return field[0] != '\0';
}

static void set(eos_options *o, const option *opt, const char *value, size_t len)
{
    char *field = (char *)o + opt->offset;

    if (opt->shape == SHAPE_BARE || opt->shape == SHAPE_ONE) {
        *(int *)(void *)field = 1;
        return;
    }
    memcpy(field, value, len);
    field[len] = '\0';
}

/* One word of ours: `word` is behind the prefix. */
static int take_word(const char *word, size_t len, eos_options *o, char *why, size_t why_size)
{
    const char *equals = memchr(word, '=', len);
    size_t name_len = equals ? (size_t)(equals - word) : len;
    const char *value = equals ? equals + 1 : NULL;
    size_t value_len = equals ? len - name_len - 1 : 0;
    int shown = (int)(name_len < 32 ? name_len : 32);

    const option *opt = find_option(word, name_len);
    if (!opt)
        return refuse(why, why_size, "unknown option " PREFIX "%.*s on the command line", shown,
                      word);
    if (is_set(o, opt))
        return refuse(why, why_size, "option " PREFIX "%s is given twice", opt->name);
    if (!value_fits(opt->shape, value, value_len))
        return refuse(why, why_size, "option " PREFIX "%s %s", opt->name,
                      expected_shape(opt->shape));

    set(o, opt, value, value_len);
    return 0;
}

int eos_cmdline_parse(const char *line, eos_options *ret, char *why, size_t why_size)
{
    eos_options o = {0};
    const size_t prefix_len = strlen(PREFIX);

    /* The kernel lets quotes join words; we would split them elsewhere than it does. */
    if (strchr(line, '"'))
        return refuse(why, why_size, "the command line has a quote");

    for (;;) {
        line += strspn(line, BLANKS);
        size_t len = strcspn(line, BLANKS);
        if (len == 0)
            break;
        if (len >= prefix_len && memcmp(line, PREFIX, prefix_len) == 0 &&
            take_word(line + prefix_len, len - prefix_len, &o, why, why_size) < 0)
            return -1;
        line += len;
    }
    *ret = o;
    return 0;
}

void eos_agent_argv(const eos_options *o, const char *argv[EOS_ARGV_MAX])
{
    size_t n = 0;

    argv[n++] = "cocos-agent";
    argv[n++] = "--state";
    argv[n++] = "/var/lib/cocos";
    if (o->env) {
        argv[n++] = "--environment";
        argv[n++] = "/etc/cocos/environment";
    }
    if (o->certs) {
        argv[n++] = "--certs";
        argv[n++] = "/etc/certs";
    }
    if (o->compat)
        argv[n++] = "--compat";
    if (o->unlimited)
        argv[n++] = "--unlimited";
    if (o->require[0]) {
        argv[n++] = "--require";
        argv[n++] = o->require;
    }
    if (o->evidence[0]) {
        argv[n++] = "--evidence";
        argv[n++] = o->evidence;
    }
    if (strstr(o->evidence, "sim-")) {
        argv[n++] = "--simulator";
        argv[n++] = "/usr/lib/cocos/simulator";
    }
    if (o->max_asset[0]) {
        argv[n++] = "--max-asset";
        argv[n++] = o->max_asset;
    }
    if (o->max_total[0]) {
        argv[n++] = "--max-total";
        argv[n++] = o->max_total;
    }
    argv[n] = NULL;
}
