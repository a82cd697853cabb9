/* SPDX-License-Identifier: Apache-2.0 */
#include "flip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/evidence.h"
#include "region.h"

#define REGIONS_MAX 128
#define PIECES_MAX  512

/* What became of the flips of one region of one kind of evidence. */
static struct tally {
    const char *kind;
    const char *region;
    const char *reason; /* why it may be accepted; NULL: it may not */
    unsigned long rejected, undecided, accepted;
} tallies[REGIONS_MAX];
static size_t n_tallies;

/* Bytes that were swept already. */
static struct piece {
    int kind, part;
    uint8_t *data;
    size_t len;
} swept[PIECES_MAX];
static size_t n_swept;

static void stop(const char *what, const char *name)
{
    fprintf(stderr, "flip: %s: %s\n", what, name);
    exit(2);
}

static struct tally *tally_of(const char *kind, const char *region)
{
    for (size_t i = 0; i < n_tallies; i++) {
        if (strcmp(tallies[i].kind, kind) == 0 && strcmp(tallies[i].region, region) == 0)
            return &tallies[i];
    }
    if (n_tallies == REGIONS_MAX)
        stop("too many regions", region);
    tallies[n_tallies] = (struct tally){.kind = kind, .region = region};
    return &tallies[n_tallies++];
}

/* The next column of a line of the table, without blanks around it. */
static char *column(char **rest)
{
    char *text = strsep(rest, "|\n");

    if (!text || !*(text += strspn(text, " ")))
        return NULL;
    for (size_t n = strlen(text); n && text[n - 1] == ' ';)
        text[--n] = '\0';
    return strdup(text);
}

void flip_read_table(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[1024];

    if (!f)
        stop("cannot read", path);
    while (fgets(line, sizeof line, f)) {
        char *rest = line;
        if (line[0] == '#' || line[0] == '\n')
            continue;
        char *kind = column(&rest);
        char *region = column(&rest);
        char *reason = column(&rest);
        if (!kind || !region || !reason || n_tallies == REGIONS_MAX)
            stop("not kind | region | reason", path);
        tallies[n_tallies++] = (struct tally){.kind = kind, .region = region, .reason = reason};
    }
    fclose(f);
}

/* 1 the first time that these bytes come. */
static int is_new(int kind, int part, cocos__span s)
{
    for (size_t i = 0; i < n_swept; i++) {
        if (swept[i].kind == kind && swept[i].part == part && swept[i].len == s.len &&
            memcmp(swept[i].data, s.data, s.len) == 0)
            return 0;
    }
    uint8_t *copy = malloc(s.len + 1);
    if (n_swept == PIECES_MAX || !copy)
        stop("too many pieces", "of evidence");
    memcpy(copy, s.data, s.len);
    swept[n_swept++] = (struct piece){kind, part, copy, s.len};
    return 1;
}

static int verify(const flip_case *c)
{
    cocos_verdict *verdict = NULL;
    int r = cocos_verifier_verify(c->verifier, c->evidence, c->time_s * 1000000000,
                                  COCOS_TIME_CHOSEN, &verdict, NULL);

    cocos_verdict_free(verdict);
    return r;
}

static void sweep_piece(const flip_case *c, int part, cocos__span piece)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)piece.data; /* the evidence's own copy */

    if (!is_new(c->evidence->kind, part, piece))
        return;
    regions where = regions_of(c->evidence->kind, part, piece);
    for (size_t bit = 0; bit < 8 * piece.len; bit++) {
        if (!(c->mask & 1u << bit % 8))
            continue;
        struct tally *t = tally_of(c->kind, region_of_bit(&where, piece, bit));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int r = verify(c);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (r == COCOS_OK && (c->verbose || !t->reason))
            printf("%s: part %d, byte %zu, bit %zu accepted: %s\n", c->name, part, bit / 8, bit % 8,
                   t->region);
        t->accepted += r == COCOS_OK;
        t->rejected += r == COCOS_ERR_REJECTED;
        t->undecided += r == COCOS_ERR_UNDECIDED;
        if (r != COCOS_OK && r != COCOS_ERR_REJECTED && r != COCOS_ERR_UNDECIDED)
            stop("no judgement", c->name);
    }
    regions_free(&where);
    if (c->verbose)
        printf("%s: part %d, %zu bytes\n", c->name, part, piece.len);
    fflush(stdout);
}

void flip_sweep(const flip_case *c)
{
    if (verify(c) != COCOS_OK)
        stop("is not accepted to begin with", c->name);
    sweep_piece(c, 0, c->evidence->main);
    if (c->main_only)
        return;
    for (size_t i = 0; i < c->evidence->n; i++)
        sweep_piece(c, c->evidence->parts[i].part, c->evidence->parts[i].data);
}

unsigned long flip_report(void)
{
    unsigned long flips = 0;
    unsigned long accepted = 0;
    unsigned long faults = 0;

    printf("%-11s %-40s %9s %9s %9s\n", "kind", "region", "rejected", "undecided", "accepted");
    for (size_t i = 0; i < n_tallies; i++) {
        const struct tally *t = &tallies[i];
        unsigned long n = t->rejected + t->undecided + t->accepted;
        if (!n)
            continue;
        printf("%-11s %-40s %9lu %9lu %9lu%s%s\n", t->kind, t->region, t->rejected, t->undecided,
               t->accepted, t->accepted ? t->reason ? ": " : ": NOT LISTED" : "",
               t->accepted && t->reason ? t->reason : "");
        flips += n;
        accepted += t->accepted;
        faults += t->reason ? 0 : t->accepted;
    }
    printf("%lu flips, %lu refused, %lu accepted, %lu of these not listed\n", flips,
           flips - accepted, accepted, faults);
    return flips ? faults : 1;
}
