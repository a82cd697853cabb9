/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a file: each is judged in a process of its own, which may end as it likes. */
#include "run_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static json_t *no_rows(const char *path, const char *why)
{
    fprintf(stderr, "vectors: %s: %s\n", path, why);
    return NULL;
}

json_t *rows_of(const char *dir, const char *file)
{
    char path[8192];
    json_error_t e;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (!has_file(dir, file))
        return no_rows(path, "cannot read");
    json_t *rows = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    if (json_array_size(rows) > 0)
        return rows;
    const char *why = rows ? "no list of rows" : e.text[0] != '\0' ? e.text : "no JSON";
    no_rows(path, json_is_array(rows) ? "a list without rows" : why);
    json_decref(rows);
    return NULL;
}

static void name_row(const json_t *row, const char *file, size_t i)
{
    const char *name = text_of(row, "id");
    char number[300];

    if (!name)
        name = text_of(row, "name");
    snprintf(number, sizeof number, "%s row %zu", file, i);
    row_begin(name && name[0] ? name : number);
}

/* 1 when it does not agree. */
static int
run_apart(const char *dir, const json_t *row, int (*run)(const char *dir, const json_t *row))
{
    int status = 0;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        exit(run(dir, row) ? 1 : 0);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        die("cannot fork", "");
    if (WIFSIGNALED(status))
        printf("%s: ended by signal %d\n", row_name(), WTERMSIG(status));
    return status != 0;
}

void run_rows(const char *dir,
              const char *file,
              int (*run)(const char *dir, const json_t *row),
              const shape *(*shape_of)(const char *file, const json_t *row),
              tally *count)
{
    json_t *rows = rows_of(dir, file);
    json_t *row = NULL;
    size_t i = 0;

    count->errors += !rows;
    json_array_foreach(rows, i, row)
    {
        name_row(row, file, i);
        int failed =
            (shape_of && !shape_fits(row, shape_of(file, row))) || run_apart(dir, row, run);
        *(failed ? &count->failed : &count->passed) += 1;
    }
    row_begin("");
    json_decref(rows);
}
