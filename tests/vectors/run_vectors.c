/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs sets of test vectors: run-vectors DIR... Its last name (snp, ...) is the kind; it
 * holds a cases.json, or what its kind says. Every row that does not agree is named with the
 * reason; 1 when there was one, 2 when a set could not be read or has no rows.
 */
#include "run_vectors.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77 /* meson's exit code for a test that did not run */

/* Is the code's class one of "A|B|C"? */
static int class_fits(const char *code, const char *classes)
{
    const char *from = strchr(code, '.');
    char name[64];
    size_t n = 0;

    if (!from || !classes)
        return 0;
    for (from++; *from && *from != '.' && n + 1 < sizeof name; from++)
        name[n++] = (char)toupper((unsigned char)*from);
    name[n] = '\0';

    for (const char *c = classes; *c; c += strcspn(c, "|"), c += *c == '|') {
        if (strcspn(c, "|") == n && memcmp(c, name, n) == 0)
            return 1;
    }
    return 0;
}

int judge_code(const json_t *row, const char *code)
{
    const char *expect = text_of(row, "expect");
    const char *classes = text_of(row, "error_class");
    int want_ok = strcmp(expect, "ok") == 0;
    int ok = want_ok ? code[0] == '\0' : class_fits(code, classes);

    if (!ok)
        printf("%s: expected %s%s%s, got %s\n", text_of(row, "id"), expect, classes ? " " : "",
               classes ? classes : "", code[0] ? code : "accepted");
    return !ok;
}

/* Rows with a TCB status: the verdict must have come to the same one. */
static int status_differs(const json_t *row, const cocos_verdict *verdict)
{
    const char *want = text_of(row, "tcb_status");
    const char *found = "";

    if (!want)
        return 0;
    for (size_t i = 0; i < cocos_verdict_row_count(verdict); i++) {
        if (strcmp(cocos_verdict_row_text(verdict, i, COCOS_ROW_NAME), "tdx.tcb.status") == 0)
            found = cocos_verdict_row_text(verdict, i, COCOS_ROW_FOUND);
    }
    if (strncmp(found, want, strlen(want)) == 0 && found[strlen(want)] == ' ')
        return 0;
    printf("%s: expected TCB status %s, got %s\n", text_of(row, "id"), want,
           found[0] ? found : "none");
    return 1;
}

int judge(const json_t *row,
          const cocos_policy *policy,
          const cocos_evidence *evidence,
          int64_t time_s)
{
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;
    char code[64];

    if (cocos_verifier_new(policy, &verifier, &err) < 0)
        die("no verifier", cocos_error_message(err));
    int r = cocos_verifier_verify(verifier, evidence, time_s * 1000000000, COCOS_TIME_CHOSEN,
                                  &verdict, &err);
    if (!verdict)
        die("no verdict", cocos_error_message(err));
    int unlike = status_differs(row, verdict);
    snprintf(code, sizeof code, "%s", r == COCOS_OK ? "" : cocos_error_code(err));

    int failed = judge_code(row, code) || unlike;
    if (failed && err)
        printf("    %s\n", cocos_error_message(err));
    cocos_error_free(err);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    return failed;
}

static const struct {
    const char *kind;
    int (*run)(const char *dir, const json_t *row); /* of cases.json, or: */
    void (*run_set)(const char *dir, tally *count);
} kinds[] = {
    {"snp", run_snp, NULL},
    {"tdx", run_tdx, NULL},
    {"vtpm", run_vtpm, NULL},
#ifdef WITH_RPC
    {"atls", NULL, run_atls},
#endif
};

static void run_dir(const char *dir, tally *count)
{
    const char *slash = strrchr(dir, '/');
    const char *kind = slash ? slash + 1 : dir;
    size_t k = 0;

    while (k < sizeof kinds / sizeof *kinds && strcmp(kinds[k].kind, kind) != 0)
        k++;
    if (k == sizeof kinds / sizeof *kinds) {
        fprintf(stderr, "vectors: %s: no such kind: %s\n", dir, kind);
        count->errors++;
    } else if (kinds[k].run_set)
        kinds[k].run_set(dir, count);
    else
        run_rows(dir, "cases.json", kinds[k].run, NULL, count);
}

/* Without arguments: every kind below $COCOS_VECTORS, or below ../shared/vectors of the sources. */
static int run_default(tally *count)
{
    const char *base = getenv("COCOS_VECTORS");
    const char *root = getenv("COCOS_SOURCE_ROOT");
    char dir[4096];

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (base)
            snprintf(dir, sizeof dir, "%s/%s", base, kinds[k].kind);
        else
            snprintf(dir, sizeof dir, "%s/../shared/vectors/%s", root ? root : ".", kinds[k].kind);
        if (!has_file(dir, kinds[k].run ? "cases.json" : "README.md")) {
            printf("skipped: no vectors\n");
            return SKIPPED;
        }
        run_dir(dir, count);
    }
    return 0;
}

int main(int argc, char **argv)
{
    tally count = {0, 0, 0};

    for (int i = 1; i < argc; i++) {
        size_t n = strlen(argv[i]);
        while (n > 1 && argv[i][n - 1] == '/')
            argv[i][--n] = '\0';
        run_dir(argv[i], &count);
    }
    if (argc == 1 && run_default(&count) == SKIPPED)
        return SKIPPED;
    printf("%u passed, %u failed\n", count.passed, count.failed);
    return count.errors ? 2 : count.failed ? 1 : 0;
}
