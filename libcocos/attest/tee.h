/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_TEE_H
#define COCOS_ATTEST_TEE_H

/* Reports of hardware together with what a machine tells beside them. */

#include "tdx/verify.h"

/* cocos__tdx_verify(), then the log of the boot against the registers of a quote that holds. */
int cocos__attest_tdx(const cocos__tdx_evidence *ev,
                      cocos__span log,
                      const cocos__tdx_policy *policy,
                      const cocos__certs *roots,
                      const cocos__tdx_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err);

#endif
