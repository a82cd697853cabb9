/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_VTPM_H
#define COCOS_ATTEST_VTPM_H

/* TPM quotes together with the TEE report that may vouch for their key. */

#include "attest/evidence.h"
#include "attest/policy.h"
#include "base/rows.h"
#include "vtpm/verify.h"

/* What lies in and beside the evidence; no TEE report yet. */
cocos__vtpm_evidence cocos__evidence_vtpm(const cocos_evidence *ev);

/* Adds all rows of TPM evidence, coverage too. *simulated becomes 0, 1 or COCOS__UNROOTED. */
int cocos__attest_vtpm(const cocos_policy *policy,
                       const cocos_evidence *ev,
                       const cocos__vtpm_kept *kept,
                       int64_t time_s,
                       cocos__rows *rows,
                       int *simulated,
                       cocos_error **err);

/* USAGE "policy.conflict": rules of the TPM section that contradict each other. */
int cocos__attest_vtpm_conflict(const cocos_policy *policy, cocos_error **err);

/* Fills what the claims of the policy say to this section; `slot` is their SHA-512. */
void cocos__attest_vtpm_claims(cocos_policy *policy, const uint8_t *slot);

#endif
