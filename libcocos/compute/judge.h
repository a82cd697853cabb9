/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_JUDGE_H
#define COCOS_COMPUTE_JUDGE_H

/*
 * Who judges an agent's evidence: a policy made ready, with the collateral that the caller has. One
 * serves any number of connections, also at once.
 */

#include <cocos/collateral.h>

#include "base/error.h"
#include "compute/client.h"
#include "transport/attested.h"

int cocos__judge_new(cocos__judge **ret, cocos_error **err);
void cocos__judge_free(cocos__judge *j); /* NULL allowed */
int cocos__judge_set_policy(cocos__judge *j, const cocos_policy *policy, cocos_error **err);
int cocos__judge_set_bundle(cocos__judge *j, const cocos_bundle *bundle, cocos_error **err);
int cocos__judge_has_policy(const cocos__judge *j); /* NULL allowed */

/* One connection that is judged. */
typedef struct cocos__judging {
    cocos__judge *judge;
    cocos_verdict *verdict;  /* also of evidence that was refused; owned by whoever holds this */
    uint8_t instance_id[16]; /* of accepted evidence */
    uint8_t *evidence;       /* accepted evidence, owned likewise */
    size_t evidence_len;
} cocos__judging;

void cocos__judging_done(cocos__judging *j);

/* cocos__attest_judge_fn; user is a cocos__judging. */
int cocos__judge_channel(void *user,
                         const cocos__attest_binding *b,
                         int version,
                         cocos__span evidence,
                         cocos_error **err);

#endif
