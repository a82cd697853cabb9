/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flips every bit of the evidence of every row that is to be accepted, one at a time, and says what
 * is accepted all the same: sweep-bits [-m MASK] [-v] [DIR...], the DIRs of run-vectors.
 *
 *   -m MASK  only these bits of each byte (default 0xff)
 *   -v       name every flip that is accepted
 *
 * A flip that is accepted and not listed in uncovered.txt is a fault; exit code 1.
 */
#include "flip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/evidence.h"
#include "run_vectors.h"

#define SAMPLES_MAX 512

/* Of each evidence, the row that states most. */
static struct sample {
    uint8_t *data;
    size_t len;
    const json_t *row;
    size_t stated;
} samples[SAMPLES_MAX];
static size_t n_samples;

static const char *kind_name;
static unsigned mask = 0xff;
static int verbose;
static int choosing; /* the first time round: the row of each evidence */

static struct sample *sample_of(cocos__span s)
{
    for (size_t i = 0; i < n_samples; i++) {
        if (samples[i].len == s.len && memcmp(samples[i].data, s.data, s.len) == 0)
            return &samples[i];
    }
    uint8_t *copy = malloc(s.len + 1);
    if (n_samples == SAMPLES_MAX || !copy)
        die("too many samples", kind_name);
    memcpy(copy, s.data, s.len);
    samples[n_samples] = (struct sample){.data = copy, .len = s.len};
    return &samples[n_samples++];
}

/* Certificates beside a table that has them all would hide what is flipped in the table. */
static void drop_certificates(cocos_evidence *evidence)
{
    size_t kept = 0;
    cocos__span table;

    if (cocos__evidence_parts(evidence, COCOS_PART_CERT_TABLE, &table, 1) == 0)
        return;
    for (size_t i = 0; i < evidence->n; i++) {
        if (evidence->parts[i].part == COCOS_PART_CERTIFICATES)
            free((void *)(uintptr_t)evidence->parts[i].data.data);
        else
            evidence->parts[kept++] = evidence->parts[i];
    }
    evidence->n = kept;
}

/* What vouches for a TPM's key decides what vouches for its bytes. */
static const char *kind_of(const json_t *row)
{
    static const char *const kinds[] = {"any",  "vtpm-any",  "pinned", "vtpm-pinned",
                                        "cert", "vtpm-cert", "tee",    "vtpm-tee"};
    const char *ak = text_of(json_object_get(row, "options"), "ak");

    for (size_t i = 0; strcmp(kind_name, "vtpm") == 0 && i < 8; i += 2) {
        if (strcmp(ak ? ak : "any", kinds[i]) == 0)
            return kinds[i + 1];
    }
    return kind_name;
}

static void sweep(const json_t *row, const cocos_policy *policy, cocos_evidence *ev, int64_t time_s)
{
    cocos_verifier *verifier = NULL;

    drop_certificates(ev);
    if (cocos_verifier_new(policy, &verifier, NULL) < 0)
        die("no verifier", text_of(row, "id"));
    flip_sweep(&(flip_case){.name = text_of(row, "id"),
                            .kind = kind_of(row),
                            .verifier = verifier,
                            .evidence = ev,
                            .time_s = time_s,
                            .mask = mask,
                            .verbose = verbose});
    cocos_verifier_free(verifier);
}

/* The program's own: run_vectors.h. */
int judge(const json_t *row,
          const cocos_policy *policy,
          const cocos_evidence *evidence,
          int64_t time_s)
{
    size_t stated = 2 * json_object_size(json_object_get(row, "options")) + 4 * evidence->n +
                    json_object_size(row);
    struct sample *s = sample_of(evidence->main);

    if (choosing && stated > s->stated) {
        s->stated = stated;
        s->row = row;
    }
    if (!choosing && s->row == row)
        sweep(row, policy, (cocos_evidence *)(uintptr_t)evidence, time_s);
    return 0;
}

/* A row without a verdict is no sample. */
int judge_code(const json_t *row, const char *code)
{
    (void)row;
    (void)code;
    return 0;
}

static void sweep_dir(const char *dir)
{
    static const struct {
        const char *kind;
        int (*run)(const char *dir, const json_t *row);
    } kinds[] = {{"snp", run_snp}, {"tdx", run_tdx}, {"vtpm", run_vtpm}};
    const char *slash = strrchr(dir, '/');
    blob b = read_blob(dir, "cases.json");
    json_t *rows = json_loadb((const char *)b.data, b.len, 0, NULL);
    size_t k = 0;
    size_t i = 0;
    json_t *row = NULL;

    while (k < 3 && strcmp(kinds[k].kind, slash ? slash + 1 : dir) != 0)
        k++;
    if (k == 3 || !json_is_array(rows))
        die("no set of vectors", dir);
    kind_name = kinds[k].kind;
    n_samples = 0;
    for (choosing = 1; choosing >= 0; choosing--) {
        json_array_foreach(rows, i, row)
        {
            if (strcmp(text_of(row, "expect"), "ok") == 0)
                kinds[k].run(dir, row);
        }
    }
    json_decref(rows);
    free(b.data);
}

int main(int argc, char **argv)
{
    const char *base = getenv("COCOS_VECTORS");
    char dir[4096];
    int c;

    while ((c = getopt(argc, argv, "m:v")) != -1) {
        if (c == 'm')
            mask = (unsigned)strtoul(optarg, NULL, 0);
        else if (c == 'v')
            verbose = 1;
        else
            return 2;
    }
    flip_read_table(FLIP_TABLE);
    for (int i = optind; i < argc; i++)
        sweep_dir(argv[i]);
    for (size_t k = 0; optind == argc && k < 3; k++) {
        snprintf(dir, sizeof dir, "%s/%s", base ? base : "../shared/vectors",
                 (const char *const[]){"snp", "tdx", "vtpm"}[k]);
        sweep_dir(dir);
    }
    putchar('\n');
    return flip_report() != 0;
}
