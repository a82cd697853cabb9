/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/tee.h"

#include "vtpm/boot.h"

int cocos__attest_tdx(const cocos__tdx_evidence *ev,
                      cocos__span log,
                      const cocos__tdx_policy *policy,
                      const cocos__certs *roots,
                      const cocos__tdx_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err)
{
    cocos__tdx_quote quote = {.rtmr = {NULL}};
    cocos__tdx_evidence asking = *ev;

    asking.believed = &quote;
    int r = cocos__tdx_verify(&asking, policy, roots, kept, time_s, rows, simulated, err);
    return r < 0 ? r : cocos__ccel_verify(log, quote.rtmr, &policy->boot, rows, err);
}
