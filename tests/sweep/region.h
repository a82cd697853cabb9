/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_REGION_H
#define COCOS_TESTS_REGION_H

#include "base/bytes.h"

/*
 * Names every bit of a piece of evidence, in words that uncovered.txt uses too: what the bit
 * belongs to and, where that decides whether anything vouches for it, what of it.
 */
typedef struct regions {
    const char **of; /* one name a byte; static texts */
    size_t len;
} regions;

/* `part`: enum cocos_evidence_part, 0 for the evidence itself, of enum cocos_evidence_kind. */
regions regions_of(int kind, int part, cocos__span data);
/* Of one bit: its byte's, or more exactly where another bit of the byte is another matter. */
const char *region_of_bit(const regions *r, cocos__span data, size_t bit);
void regions_free(regions *r);

#endif
