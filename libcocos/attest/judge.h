/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_JUDGE_H
#define COCOS_ATTEST_JUDGE_H

/* What judging an envelope shares with judging its parts alone. */

#include "attest/evidence.h"
#include "attest/policy.h"
#include "snp/verify.h"
#include "tdx/verify.h"
#include "vtpm/verify.h"

/* What a verifier keeps. */
typedef struct cocos__kept {
    cocos__snp_kept snp;  /* no leaf: nothing kept */
    cocos__tdx_kept *tdx; /* NULL: nothing kept */
    cocos__vtpm_kept vtpm;
} cocos__kept;

/* What lies beside the evidence, for each kind; report and quote are the evidence itself. */
cocos__snp_evidence cocos__evidence_snp(const cocos_evidence *ev);
cocos__tdx_evidence cocos__evidence_tdx(const cocos_evidence *ev);

/* For keeping a chain: of an envelope its part of that kind. 0: it has none. */
int cocos__envelope_snp(const cocos_evidence *ev, cocos__snp_evidence *ret);
int cocos__envelope_tdx(const cocos_evidence *ev, cocos__tdx_evidence *ret);
int cocos__envelope_vtpm(const cocos_evidence *ev, cocos__vtpm_evidence *ret);

/* Adds all rows of an envelope, coverage too. *simulated becomes 0, 1 or COCOS__UNROOTED. */
int cocos__attest_envelope(const cocos_policy *policy,
                           const cocos_evidence *ev,
                           const cocos__kept *kept,
                           int64_t time_s,
                           cocos__rows *rows,
                           int *simulated,
                           cocos_error **err);

#endif
