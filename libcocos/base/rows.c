/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rows.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"

/* Room for the texts of a common verdict, so that it needs one allocation. */
#define TEXT_FIRST 8192
#define TEXT_CHUNK 8192

struct chunk {
    struct chunk *next;
    char text[];
};

struct cocos__rows {
    size_t count;
    size_t base; /* first row of the open section */
    int status;
    char *text; /* where the next text goes */
    size_t left;
    struct chunk *chunks;
    cocos__rows *more; /* whose texts our rows borrow */
    cocos__row row[COCOS__ROWS_MAX];
    char first[TEXT_FIRST];
};

int cocos__rows_new(cocos__rows **ret, cocos_error **err)
{
    cocos__rows *rows = malloc(sizeof *rows);
    if (!rows)
        return cocos__fail_memory(err);

    rows->count = 0;
    rows->base = 0;
    rows->status = COCOS_OK;
    rows->text = rows->first;
    rows->left = sizeof rows->first;
    rows->chunks = NULL;
    rows->more = NULL;
    *ret = rows;
    return COCOS_OK;
}

void cocos__rows_free(cocos__rows *rows)
{
    while (rows) {
        cocos__rows *more = rows->more;
        while (rows->chunks) {
            struct chunk *next = rows->chunks->next;
            free(rows->chunks);
            rows->chunks = next;
        }
        free(rows);
        rows = more;
    }
}

void cocos__rows_append(cocos__rows *rows, cocos__rows *more_take)
{
    size_t n = more_take->count;
    cocos__rows *last = rows;

    if (n > COCOS__ROWS_MAX - rows->count) {
        rows->status = COCOS_ERR_EXHAUSTED;
        n = COCOS__ROWS_MAX - rows->count;
    }
    memcpy(rows->row + rows->count, more_take->row, n * sizeof *rows->row);
    rows->count += n;
    rows->base = rows->count;
    if (more_take->status < 0)
        rows->status = more_take->status;
    while (last->more)
        last = last->more;
    last->more = more_take;
}

void cocos__rows_begin(cocos__rows *rows, const cocos__check *checks, size_t n)
{
    rows->base = rows->count;
    if (n > COCOS__ROWS_MAX - rows->count) {
        rows->status = COCOS_ERR_EXHAUSTED;
        n = COCOS__ROWS_MAX - rows->count;
    }
    for (size_t i = 0; i < n; i++)
        rows->row[rows->count++] = (cocos__row){.check = &checks[i],
                                                .expected = {"what its source asks for", "default"},
                                                .found = {"nothing to look at", "nobody"},
                                                .outcome = COCOS__NOT_CHECKED};
}

static void fill(cocos__rows *rows,
                 size_t id,
                 int outcome,
                 const char *code,
                 cocos__said expected,
                 cocos__said found)
{
    /* Only a section that did not fit (status is set) can miss a row. */
    if (id >= rows->count - rows->base) {
        assert(rows->status != COCOS_OK);
        return;
    }

    cocos__row *row = &rows->row[rows->base + id];
    if (row->outcome == COCOS__FAILED ||
        (row->outcome == COCOS__UNKNOWN && outcome != COCOS__FAILED))
        return;
    row->outcome = outcome;
    row->code = code;
    row->expected = expected;
    row->found = found;
}

void cocos__row_pass(cocos__rows *rows, size_t id, cocos__said expected, cocos__said found)
{
    fill(rows, id, COCOS__PASSED, NULL, expected, found);
}

void cocos__row_fail(
    cocos__rows *rows, size_t id, const char *code, cocos__said expected, cocos__said found)
{
    fill(rows, id, COCOS__FAILED, code, expected, found);
}

void cocos__row_unknown(
    cocos__rows *rows, size_t id, const char *code, cocos__said expected, cocos__said found)
{
    fill(rows, id, COCOS__UNKNOWN, code, expected, found);
}

void cocos__row_skip(cocos__rows *rows, size_t id, cocos__said expected, cocos__said found)
{
    fill(rows, id, COCOS__NOT_CHECKED, NULL, expected, found);
}

int cocos__row_test(
    cocos__rows *rows, size_t id, int ok, const char *code, cocos__said expected, cocos__said found)
{
    fill(rows, id, ok ? COCOS__PASSED : COCOS__FAILED, ok ? NULL : code, expected, found);
    return ok;
}

int cocos__row_outcome(const cocos__rows *rows, size_t id)
{
    return id < rows->count - rows->base ? rows->row[rows->base + id].outcome : COCOS__UNKNOWN;
}

/* Room for a text of `size` bytes with its NUL, or NULL. */
static char *room(cocos__rows *rows, size_t size)
{
    if (size > rows->left) {
        size_t want = size > TEXT_CHUNK ? size : TEXT_CHUNK;
        struct chunk *chunk = malloc(sizeof *chunk + want);
        if (!chunk) {
            rows->status = COCOS_ERR_MEMORY;
            return NULL;
        }
        chunk->next = rows->chunks;
        rows->chunks = chunk;
        rows->text = chunk->text;
        rows->left = want;
    }

    char *text = rows->text;
    rows->text += size;
    rows->left -= size;
    return text;
}

const char *cocos__rows_printf(cocos__rows *rows, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(rows->text, rows->left, fmt, ap);
    va_end(ap);
    if (n < 0)
        return "";
    if ((size_t)n < rows->left)
        return room(rows, (size_t)n + 1);

    char *text = room(rows, (size_t)n + 1);
    if (!text)
        return "";
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return text;
}

const char *cocos__rows_hex(cocos__rows *rows, const uint8_t *data, size_t len)
{
    char *text = room(rows, 2 * len + 1);
    if (!text)
        return "";

    cocos__hex_digits(data, len, text);
    text[2 * len] = '\0';
    return text;
}

const char *cocos__rows_time(cocos__rows *rows, int64_t time_s)
{
    struct tm tm;
    char text[32] = "out of range";

    if (cocos__date_of(time_s, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return cocos__rows_printf(rows, "%s", text);
}

const char *cocos__rows_foreign(cocos__rows *rows, const char *text, size_t len, size_t max)
{
    size_t n = len < max ? len : max;
    char *copy = room(rows, n + 1);
    if (!copy)
        return "";

    for (size_t i = 0; i < n; i++)
        copy[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    copy[n] = '\0';
    return copy;
}

size_t cocos__rows_count(const cocos__rows *rows)
{
    return rows->count;
}

const cocos__row *cocos__rows_at(const cocos__rows *rows, size_t i)
{
    return i < rows->count ? &rows->row[i] : NULL;
}

const cocos__row *cocos__rows_find(const cocos__rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->row[i].check->name, name) == 0)
            return &rows->row[i];
    }
    return NULL;
}

static const cocos__row *first_of(const cocos__rows *rows, int outcome)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->row[i].outcome == outcome)
            return &rows->row[i];
    }
    return NULL;
}

const cocos__row *cocos__rows_reason(const cocos__rows *rows)
{
    const cocos__row *row = first_of(rows, COCOS__FAILED);
    return row ? row : first_of(rows, COCOS__UNKNOWN);
}

int cocos__rows_status(const cocos__rows *rows, cocos_error **err)
{
    if (rows->status == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (rows->status != COCOS_OK)
        return cocos__fail(err, rows->status, "verdict.rows", "a verdict has more than %d rows",
                           COCOS__ROWS_MAX);
    return COCOS_OK;
}
