/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_VERIFY_H
#define COCOS_TDX_VERIFY_H

/*
 * Judges a TDX quote (pure; the time is an argument). Order: form, PCK chain to the pinned root,
 * quoting enclave's report, quote, then Intel's collateral over its exact bytes, revocation, TCB
 * status, then what the quote says. Nothing is believed before its signature.
 */

#include "base/pack.h"
#include "base/rows.h"
#include "tdx/policy.h"
#include "tdx/tcb.h"

#define COCOS__TDX_CRLS_MAX 32

typedef struct cocos__tdx_evidence {
    cocos__span quote;
    cocos__span tcb_info;      /* response body; empty: none */
    cocos__span qe_identity;   /* response body */
    cocos__span signing_chain; /* PEM: TCB signing certificate, root */
    cocos__span crls[COCOS__TDX_CRLS_MAX];
    size_t n_crls;
    cocos__tdx_quote *believed; /* [out] the quote, once its signatures hold; NULL: nobody asks */
} cocos__tdx_evidence;

/* Collateral read and with its signatures verified. */
typedef struct cocos__tdx_collateral {
    cocos__certs chain; /* signer, root */
    cocos__tdx_tcb_info tcb_info;
    cocos__tdx_qe_identity qe_identity;
    const char *format_defect; /* static; NULL: readable */
    const char *chain_defect;
    int tcb_info_signed;
    int qe_identity_signed;
} cocos__tdx_collateral;

/* What a verifier keeps from earlier evidence: each part is used when the same bytes come again. */
typedef struct cocos__tdx_kept {
    cocos__pack collateral_bytes;
    cocos__tdx_collateral collateral;
    cocos__pack chain_bytes;
    cocos__tdx_pck pck;
} cocos__tdx_kept;

/* REJECTED "tdx.collateral_format" or "tdx.pck_chain" unless both hold up to a trusted root. */
int cocos__tdx_keep(const cocos__tdx_evidence *ev,
                    const cocos__certs *roots,
                    cocos__tdx_kept *ret,
                    cocos_error **err);
void cocos__tdx_kept_done(cocos__tdx_kept *k);

/* As cocos__snp_verify(). */
int cocos__tdx_verify(const cocos__tdx_evidence *ev,
                      const cocos__tdx_policy *policy,
                      const cocos__certs *roots,
                      const cocos__tdx_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err);

int cocos__tdx_recognise(const uint8_t *data, size_t len);

#endif
