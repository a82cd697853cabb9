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

int cocos__judge_new(cocos__judge **ret, cocos_error **err);
void cocos__judge_free(cocos__judge *j); /* NULL allowed */
int cocos__judge_set_policy(cocos__judge *j, const cocos_policy *policy, cocos_error **err);
int cocos__judge_set_bundle(cocos__judge *j, const cocos_bundle *bundle, cocos_error **err);
int cocos__judge_has_policy(const cocos__judge *j); /* NULL allowed */

#endif
