/* SPDX-License-Identifier: Apache-2.0 */
/* What every program over the vectors needs: files and members of a row, rules and parts. */
#include "run_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define FILE_MAX (8u << 20)

static char running[256];

const char *row_name(void)
{
    return running[0] ? running : "vectors";
}

void row_begin(const char *name)
{
    snprintf(running, sizeof running, "%s", name);
}

void die(const char *what, const char *name)
{
    fprintf(running[0] ? stdout : stderr, "%s: %s: %s\n", row_name(), what, name);
    exit(2);
}

/* 0 when it cannot be read whole; a folder opens, and cannot. */
static int read_file(const char *path, blob *b)
{
    FILE *f = fopen(path, "rb");

    if (!f)
        return 0;
    b->len = fread(b->data, 1, FILE_MAX, f);
    int ok = !ferror(f) && b->len < FILE_MAX;
    fclose(f);
    return ok;
}

blob read_blob(const char *dir, const char *name)
{
    char path[8192];
    blob b = {malloc(FILE_MAX), 0};

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!b.data || !read_file(path, &b))
        die("cannot read", path);
    return b;
}

int has_file(const char *dir, const char *name)
{
    char path[8192];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, R_OK) == 0;
}

const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

int64_t seconds_of(const char *time)
{
    struct tm tm = {0};
    char *end = time ? strptime(time, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

    if (!end || *end)
        die("not a time", time ? time : "none");
    return cocos__seconds_of(&tm);
}

void rule(cocos_policy *policy, const char *name, const char *value)
{
    cocos_error *err = NULL;

    if (cocos_policy_set(policy, name, value, &err) < 0)
        die(name, cocos_error_message(err));
}

void rule_or_any(cocos_policy *policy, const char *name, const json_t *options, const char *option)
{
    const char *value = text_of(options, option);
    rule(policy, name, value ? value : "any");
}

void add_part(cocos_evidence *evidence, int part, const char *dir, const char *name)
{
    blob b = read_blob(dir, name);
    cocos_error *err = NULL;

    if (cocos_evidence_add(evidence, part, b.data, b.len, &err) < 0)
        die(name, cocos_error_message(err));
    free(b.data);
}

void add_roots(cocos_policy *policy, const char *dir, const char *name, const char *vendor)
{
    cocos_error *err = NULL;

    if (strcmp(name, vendor) == 0)
        return;
    blob b = read_blob(dir, name);
    if (cocos_policy_add_root(policy, b.data, b.len, &err) < 0)
        die(name, cocos_error_message(err));
    free(b.data);
}
