/* SPDX-License-Identifier: Apache-2.0 */
/* The root's list for the authorities, the PCK authority's list for the PCK certificate. */
#include "tdx/checks.h"

static const cocos__said wanted = {"a current list that does not name the certificate", "default"};

/* Signature and dates; 1 when the list may be asked; MEMORY. */
static int usable(const cocos__tdx_case *k,
                  size_t id,
                  const cocos__crl *crl,
                  const cocos__cert *issuer,
                  cocos_error **err)
{
    cocos__said until = {
        cocos__rows_printf(k->rows, "valid until %s",
                           cocos__tdx_time_text(k->rows, cocos__crl_next_update(crl))),
        "its issuer"};

    int r = cocos__crl_verify(crl, issuer, NULL);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0) {
        cocos__row_fail(k->rows, id, "tdx.crl_signature", wanted,
                        (cocos__said){"a list that its issuer did not sign", "evidence"});
        return 0;
    }
    if (cocos__crl_when(crl, k->time_s) != 0) {
        cocos__row_fail(k->rows, id, "tdx.crl_expired", wanted, until);
        return 0;
    }
    cocos__row_pass(k->rows, id, wanted, until);
    return 1;
}

static void ask(const cocos__tdx_case *k, size_t id, const cocos__crl *crl, const cocos__cert *cert)
{
    if (cocos__crl_revokes(crl, cert))
        cocos__row_fail(k->rows, id, "tdx.revoked", wanted,
                        (cocos__said){cocos__rows_printf(k->rows, "%s is on the list",
                                                         cocos__cert_subject_cn(cert)),
                                      cocos__cert_issuer_cn(cert)[0] ? "its issuer" : "nobody"});
}

static int check_list(const cocos__tdx_case *k, const cocos__crl *crl, cocos_error **err)
{
    const cocos__certs *chain = &k->pck->chain;
    int r = COCOS_OK;

    if (cocos__crl_issued_by(crl, chain->at[2])) {
        r = usable(k, TDX_ROOT_CRL, crl, chain->at[2], err);
        if (r <= 0)
            return r;
        ask(k, TDX_ROOT_CRL, crl, chain->at[1]);
        ask(k, TDX_ROOT_CRL, crl, chain->at[2]);
        if (k->collateral && !k->collateral->chain_defect)
            ask(k, TDX_ROOT_CRL, crl, k->collateral->chain.at[0]);
    } else if (cocos__crl_issued_by(crl, chain->at[1])) {
        r = usable(k, TDX_PCK_CRL, crl, chain->at[1], err);
        if (r > 0)
            ask(k, TDX_PCK_CRL, crl, chain->at[0]);
    } else {
        cocos__row_fail(k->rows, TDX_PCK_CRL, "tdx.crl_issuer", wanted,
                        (cocos__said){"a list of another authority", "evidence"});
    }
    return r < 0 ? r : COCOS_OK;
}

static void missing(const cocos__tdx_case *k, size_t id)
{
    if (cocos__row_outcome(k->rows, id) != COCOS__NOT_CHECKED)
        return;
    if (k->policy->revocation.state == COCOS__RULE_ANY)
        cocos__row_skip(k->rows, id, (cocos__said){"any", "policy"},
                        (cocos__said){"no list", "evidence"});
    else
        cocos__row_unknown(k->rows, id, "tdx.crl_missing", wanted,
                           (cocos__said){"no list", "evidence"});
}

int cocos__tdx_check_revocation(const cocos__tdx_case *k, cocos_error **err)
{
    for (size_t i = 0; i < k->ev->n_crls; i++) {
        COCOS__CLEANUP(cocos__crl_freep) cocos__crl *crl = NULL;
        int r = cocos__crl_parse(k->ev->crls[i].data, k->ev->crls[i].len, &crl, NULL);
        if (r == COCOS_ERR_MEMORY)
            return cocos__fail_memory(err);
        if (r < 0)
            cocos__row_unknown(k->rows, TDX_PCK_CRL, "tdx.crl_format", wanted,
                               (cocos__said){"not a revocation list", "evidence"});
        else if ((r = check_list(k, crl, err)) < 0)
            return r;
    }
    missing(k, TDX_ROOT_CRL);
    missing(k, TDX_PCK_CRL);
    return COCOS_OK;
}
