/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_EVIDENCE_H
#define COCOS_ATTEST_EVIDENCE_H

#include <cocos/verifier.h>

#include "base/bytes.h"
#include "base/rule.h"

#define COCOS__CLAIM_COUNT 9 /* numbers below it are claims */

#define COCOS__EVIDENCE_MAX   (4u << 20) /* bytes of one part */
#define COCOS__EVIDENCE_PARTS 32

struct cocos_evidence {
    int kind;
    cocos__span main; /* owned, like all parts */
    struct {
        int part;
        cocos__span data;
    } parts[COCOS__EVIDENCE_PARTS];
    size_t n;
    cocos__span expected[COCOS__CLAIM_COUNT]; /* of the caller, by enum cocos_claim; owned; data
                                                 NULL: not stated */
};

/* For people. */
const char *cocos__evidence_part_name(int part);

/* The rule for a data slot or nonce: what the policy states and what the caller does of this
 * evidence, lent. Where they are not the same no value fits. */
cocos__match cocos__evidence_slot(const cocos_evidence *ev, const cocos__match *stated);

/* Does it look like what comes beside evidence, so that it can be shown? */
int cocos__evidence_is_part(cocos__span data);
/* Where evidence itself is needed: UNSUPPORTED "evidence.kind". */
int cocos__evidence_refuse_part(cocos__span data, cocos_error **err);

/* The parts of one kind, up to `max`; gives how many. */
size_t cocos__evidence_parts(const cocos_evidence *ev, int part, cocos__span *out, size_t max);
COCOS__DEFINE_FREEP(cocos__evidence_freep, cocos_evidence *, cocos_evidence_free)

#endif
