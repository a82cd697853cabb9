/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_ROWS_H
#define COCOS_BASE_ROWS_H

/*
 * The rows of a verdict while it is being made. Each evidence kind lists its checks in a fixed
 * table; cocos__rows_begin() makes one row for each, all "not checked", and the verifier then fills
 * them in whatever order it works. So the order of a verdict never depends on the evidence, and a
 * check that was not reached is listed as such instead of being absent.
 *
 * A failure to get memory is remembered; cocos__rows_status() reports it once at the end.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The same numbers as enum cocos_outcome of <cocos/verifier.h>. */
enum cocos__outcome {
    COCOS__PASSED = 1,
    COCOS__FAILED = 2,
    COCOS__NOT_CHECKED = 3,
    COCOS__UNKNOWN = 4 /* could not tell */
};

/* One check of a table. All texts are static. */
typedef struct cocos__check {
    const char *name;   /* stable, e.g. "snp.measurement" */
    const char *source; /* document and section that asks for it */
} cocos__check;

/*
 * A value and who says so: for an expectation where it comes from ("policy", "default", "compiled
 * in", "evidence"), for a finding who signed it. Texts are static or made by cocos__rows_printf()
 * and cocos__rows_hex(). NULL means none.
 */
typedef struct cocos__said {
    const char *text;
    const char *by;
} cocos__said;

typedef struct cocos__row {
    const cocos__check *check;
    const char *code; /* of the failure, listed in doc/errors.md; NULL when passed or not checked */
    cocos__said expected;
    cocos__said found;
    int outcome;
} cocos__row;

/* Rows of one verdict; more is a fault of the library and ends as EXHAUSTED. */
#define COCOS__ROWS_MAX 320

typedef struct cocos__rows cocos__rows;
int cocos__rows_new(cocos__rows **ret, cocos_error **err);
void cocos__rows_free(cocos__rows *rows);
COCOS__DEFINE_FREEP(cocos__rows_freep, cocos__rows *, cocos__rows_free)

/* Opens a section with one row for each check. Later ids count from its first row. */
void cocos__rows_begin(cocos__rows *rows, const cocos__check *checks, size_t n);

/* Puts all rows of another list behind those of this one and closes the section. */
void cocos__rows_append(cocos__rows *rows, cocos__rows *more_take);

/* Fills row `id` of the open section. A failure stays, and a doubt gives way to a failure only. */
void cocos__row_pass(cocos__rows *rows, size_t id, cocos__said expected, cocos__said found);
void cocos__row_fail(
    cocos__rows *rows, size_t id, const char *code, cocos__said expected, cocos__said found);
void cocos__row_unknown(
    cocos__rows *rows, size_t id, const char *code, cocos__said expected, cocos__said found);
void cocos__row_skip(cocos__rows *rows, size_t id, cocos__said expected, cocos__said found);
/* Passed or failed by `ok`; returns ok. */
int cocos__row_test(cocos__rows *rows,
                    size_t id,
                    int ok,
                    const char *code,
                    cocos__said expected,
                    cocos__said found);

/* Outcome of row `id` of the open section. */
int cocos__row_outcome(const cocos__rows *rows, size_t id);

/* Text kept with the rows; "" when memory ran out. Hex is lower case and never cut. */
const char *cocos__rows_printf(cocos__rows *rows, const char *fmt, ...) COCOS__PRINTF(2, 3);
const char *cocos__rows_hex(cocos__rows *rows, const uint8_t *data, size_t len);
/* Seconds since 1970 as "2026-01-31T12:00:00Z", "out of range" beyond years of four digits. */
const char *cocos__rows_time(cocos__rows *rows, int64_t time_s);
/* At most `max` bytes of a foreign text, control characters replaced. */
const char *cocos__rows_foreign(cocos__rows *rows, const char *text, size_t len, size_t max);

size_t cocos__rows_count(const cocos__rows *rows);
const cocos__row *cocos__rows_at(const cocos__rows *rows, size_t i);
/* The first row of this name, or NULL. */
const cocos__row *cocos__rows_find(const cocos__rows *rows, const char *name);
/* The first failed row; else the first that could not tell; else NULL. */
const cocos__row *cocos__rows_reason(const cocos__rows *rows);
/* COCOS_OK, or the failure to keep the rows. */
int cocos__rows_status(const cocos__rows *rows, cocos_error **err);

#endif
