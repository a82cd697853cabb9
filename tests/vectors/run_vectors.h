/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_RUN_VECTORS_H
#define COCOS_TESTS_RUN_VECTORS_H

#include <jansson.h>

#include <cocos/verifier.h>

#include "shape.h"

/* Ends the row that is judged, in its own process, or the program: the vectors are not as they
 * should be. The line begins with row_name(). */
void die(const char *what, const char *name) __attribute__((noreturn));
void row_begin(const char *name);
const char *row_name(void);

/* A file of the set, read whole; dies when it cannot be. free(data). */
typedef struct blob {
    uint8_t *data;
    size_t len;
} blob;
blob read_blob(const char *dir, const char *name);
int has_file(const char *dir, const char *name);

/* A text member, or NULL. */
const char *text_of(const json_t *row, const char *name);

/* Seconds since 1970 of an RFC 3339 time in UTC. */
int64_t seconds_of(const char *time);

/* Sets a rule; dies when the library does not take it. */
void rule(cocos_policy *policy, const char *name, const char *value);
/* The value of an option of the row, or "any". */
void rule_or_any(cocos_policy *policy, const char *name, const json_t *options, const char *option);
void add_part(cocos_evidence *evidence, int part, const char *dir, const char *name);
void add_roots(cocos_policy *policy, const char *dir, const char *name, const char *vendor);

/*
 * The two below are the program's own: run_vectors.c judges as is told here, tests/sweep otherwise.
 * Judges and compares with "expect" and "error_class"; prints and returns 1 when they differ. The
 * class of a code is its second part in upper case: "snp.report_signature" is REPORT_SIGNATURE.
 */
int judge(const json_t *row,
          const cocos_policy *policy,
          const cocos_evidence *evidence,
          int64_t time_s);
/* A row that ended before a verdict, with the error's code. */
int judge_code(const json_t *row, const char *code);

/* One row; 1 when it does not agree. */
int run_snp(const char *dir, const json_t *row);
int run_tdx(const char *dir, const json_t *row);
int run_vtpm(const char *dir, const json_t *row);

/* Rows that agreed, rows that did not, and files that hold no rows. */
typedef struct tally {
    unsigned passed;
    unsigned failed;
    unsigned errors;
} tally;

/*
 * Every row of a file, each in a process of its own, so that none takes the others with it. NULL
 * for `shape_of`: what runs a row asks for its shape itself.
 */
void run_rows(const char *dir,
              const char *file,
              int (*run)(const char *dir, const json_t *row),
              const shape *(*shape_of)(const char *file, const json_t *row),
              tally *count);
/* The list of a file; NULL: there is none, and a line says why. */
json_t *rows_of(const char *dir, const char *file);
/* A set with files of its own. */
void run_atls(const char *dir, tally *count);

#endif
