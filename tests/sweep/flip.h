/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_FLIP_H
#define COCOS_TESTS_FLIP_H

/*
 * Flips the bits of evidence that is accepted, one at a time, and counts what is accepted all the
 * same. uncovered.txt lists by hand what may be, with reasons. For sweep-bits and the unit tests.
 */

#include <cocos/verifier.h>

typedef struct flip_case {
    const char *name;
    const char *kind; /* first column of the table; static, like the name */
    const cocos_verifier *verifier;
    cocos_evidence *evidence; /* is as it was afterwards */
    int64_t time_s;
    unsigned mask; /* bits of each byte that are flipped */
    int verbose;
    int main_only; /* not what is beside the evidence */
} flip_case;

/* Lines "kind | region | reason"; # begins a comment. Ends the program when it is not that. */
void flip_read_table(const char *path);
/* Every part of the evidence that did not come before. */
void flip_sweep(const flip_case *c);
/* Prints a table; how many flips were accepted that the table does not list (1: none was tried). */
unsigned long flip_report(void);

#endif
