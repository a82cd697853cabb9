/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_CHECKS_H
#define COCOS_TDX_CHECKS_H

/* The rows of a TDX section in their fixed order, and the parts of the work. */

#include "tdx/verify.h"

enum {
    TDX_FORM,
    TDX_PCK_CHAIN,
    TDX_ROOT,
    TDX_QE_SIGNATURE,
    TDX_QE_DATA,
    TDX_SIGNATURE,
    TDX_VALIDITY,
    TDX_COLLATERAL,
    TDX_SIGNING_CHAIN,
    TDX_TCB_INFO_SIGNATURE,
    TDX_QE_IDENTITY_SIGNATURE,
    TDX_COLLATERAL_VALIDITY,
    TDX_ROOT_CRL,
    TDX_PCK_CRL,
    TDX_TCB_INFO,
    TDX_MODULE,
    TDX_QE_IDENTITY,
    TDX_STATUS,
    TDX_PLATFORM,
    TDX_DEBUG,
    TDX_ATTRIBUTES,
    TDX_XFAM,
    TDX_TEE_TCB_SVN,
    TDX_QE_SVN,
    TDX_PCE_SVN,
    TDX_MRSEAM,
    TDX_MRTD,
    TDX_REPORT_DATA,
    TDX_RTMR0,
    TDX_RTMR3 = TDX_RTMR0 + 3,
    TDX_MRCONFIGID,
    TDX_MROWNER,
    TDX_MROWNERCONFIG,
    TDX_MRSERVICETD,
    TDX_CHECKS
};

extern const cocos__check cocos__tdx_checks[TDX_CHECKS];

/* What the checks look at. */
typedef struct cocos__tdx_case {
    const cocos__tdx_evidence *ev;
    const cocos__tdx_policy *policy;
    const cocos__tdx_quote *quote;
    const cocos__tdx_pck *pck;
    const cocos__tdx_collateral *collateral; /* NULL: none was given */
    int64_t time_s;
    cocos__rows *rows;
} cocos__tdx_case;

/* `known`: certificates read already. COCOS_OK or MEMORY; defects are noted in *ret. */
int cocos__tdx_collateral_read(const cocos__tdx_evidence *ev,
                               const cocos__certs *known,
                               const cocos__certs *roots,
                               cocos__tdx_collateral *ret,
                               cocos_error **err);
void cocos__tdx_collateral_done(cocos__tdx_collateral *c);
int cocos__tdx_collateral_holds(const cocos__tdx_collateral *c);

/* The three signatures of a quote; *holds 1 when all and the root do. */
int cocos__tdx_check_signatures(const cocos__tdx_case *c, int *holds, cocos_error **err);
/* Collateral, revocation and status. */
int cocos__tdx_check_collateral(const cocos__tdx_case *c, cocos_error **err);
int cocos__tdx_check_revocation(const cocos__tdx_case *c, cocos_error **err);
void cocos__tdx_check_status(const cocos__tdx_case *c);
/* What the quote says against the policy. */
void cocos__tdx_check_fields(const cocos__tdx_case *c);

#endif
