/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_TEE_H
#define COCOS_ATTEST_TEE_H

/* Reports of hardware together with what a machine tells beside them. */

#include "snp/verify.h"
#include "tdx/verify.h"

/*
 * cocos__snp_verify() of a report whose data are SHA-512(nonce || services manifest), as an SVSM
 * asks for it; the policy's values are nonces. Without a manifest they are the data themselves.
 */
int cocos__attest_snp(const cocos__snp_evidence *ev,
                      cocos__span manifest,
                      const cocos__snp_policy *policy,
                      const cocos__certs *roots,
                      const cocos__snp_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err);

/* The level that asked for an SNP report; -1: the report is too short to say. */
static inline int64_t cocos__attest_vmpl(cocos__span report)
{
    return report.len >= COCOS__SNP_REPORT_SIZE ? (int64_t)cocos__u32le(report.data + 0x30) : -1;
}

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
