/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_POLICY_H
#define COCOS_TDX_POLICY_H

/* What a policy says about TDX. Unset rules have the default named beside them. */

#include "base/rule.h"
#include "tdx/quote.h"

typedef struct cocos__tdx_policy {
    cocos__match fmspc;                  /* platform families; must be stated */
    cocos__match mrtd;                   /* must be stated */
    cocos__match report_data;            /* must be stated */
    cocos__match mrseam;                 /* free */
    cocos__match mrconfigid;             /* free */
    cocos__match mrowner;                /* free */
    cocos__match mrownerconfig;          /* free */
    cocos__match rtmr[COCOS__TDX_RTMRS]; /* free */
    cocos__match mrservicetd;            /* zero, where the quote has one */
    cocos__match td_attributes;          /* no reserved bit */
    cocos__match xfam;                   /* the fixed bits, no reserved one */
    cocos__match min_tee_tcb_svn;        /* free; one value, by component */
    cocos__number min_qe_svn;            /* free; ISVSVN of the quoting enclave */
    cocos__number min_pce_svn;           /* free; of the PCK certificate */
    cocos__boot_rules boot;              /* for the event log beside the quote */
    cocos__number debug;                 /* 0: refused */
    cocos__number statuses;              /* mask of 1 << enum cocos__tdx_status: UpToDate */
    cocos__number collateral;            /* demanded; only `any` lets missing collateral pass */
    cocos__number revocation;            /* demanded; only `any` lets missing lists pass */
} cocos__tdx_policy;

void cocos__tdx_policy_done(cocos__tdx_policy *p);

#endif
