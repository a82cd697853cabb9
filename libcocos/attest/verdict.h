/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_VERDICT_H
#define COCOS_ATTEST_VERDICT_H

#include <cocos/verifier.h>

#include "attest/policy.h"
#include "base/rows.h"

struct cocos_verdict {
    cocos__rows *rows;
    int judgement;
    int simulated;
};

COCOS__DEFINE_FREEP(cocos__verdict_freep, cocos_verdict *, cocos_verdict_free)

/* Puts a verdict (taken) beside the refusal: cocos_verdict_of_error(). */
void cocos__verdict_attach(cocos_error *e, cocos_verdict *verdict_take);

/* Opens with the row of the time. */
void cocos__verdict_time(cocos__rows *rows, int64_t time_s, int time_source);

/* `simulated` of evidence whose trust does not begin at a vendor's root: a listed TPM key, say. */
#define COCOS__UNROOTED 2

/* The rows that do not depend on the kind: simulated or not, and what covers each layer. */
void cocos__verdict_coverage(cocos__rows *rows,
                             const cocos_policy *policy,
                             const char *launch_register,
                             int simulated);

/* Counts the rows to a judgement; takes them. The status is that of cocos_verifier_verify(). */
int cocos__verdict_make(cocos__rows *rows_take,
                        int simulated,
                        cocos_verdict **ret,
                        cocos_error **err);

#endif
