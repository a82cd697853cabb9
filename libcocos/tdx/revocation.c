/* SPDX-License-Identifier: Apache-2.0 */
/* The root's list for the authorities, the PCK authority's list for the PCK certificate. */
#include "tdx/checks.h"

static const cocos__said wanted = {"a current list that does not name the certificate", "default"};

static void no_list(const cocos__tdx_case *k, size_t id)
{
    if (k->policy->revocation.state == COCOS__RULE_ANY)
        cocos__row_skip(k->rows, id, (cocos__said){"any", "policy"},
                        (cocos__said){"no list", "evidence"});
    else
        cocos__row_unknown(k->rows, id, "tdx.crl_missing", wanted,
                           (cocos__said){"no list", "evidence"});
}

static void conclude(const cocos__tdx_case *k, size_t id, const cocos__crl_found *f)
{
    cocos__said span = {cocos__rows_printf(k->rows, "from %s to %s",
                                           cocos__rows_time(k->rows, f->from_s),
                                           f->until_s ? cocos__rows_time(k->rows, f->until_s)
                                                      : "no day that it names"),
                        "its issuer"};

    switch (f->state) {
    case COCOS__CRL_NONE:
        no_list(k, id);
        break;
    case COCOS__CRL_STALE:
        cocos__row_fail(k->rows, id, "tdx.crl_expired", wanted, span);
        break;
    case COCOS__CRL_CURRENT:
        cocos__row_pass(k->rows, id, wanted, span);
        break;
    case COCOS__CRL_FORGED:
        cocos__row_fail(k->rows, id, "tdx.crl_signature", wanted,
                        (cocos__said){"a list that its issuer did not sign", "evidence"});
        break;
    default:
        cocos__row_fail(k->rows, id, "tdx.revoked", wanted,
                        (cocos__said){cocos__rows_printf(k->rows, "%s is on the list",
                                                         cocos__cert_subject_cn(f->revoked)),
                                      "its issuer"});
    }
}

/* The lists of both authorities as found so far; lists of others are of no concern beside them. */
typedef struct lists {
    cocos__crl_found root;
    cocos__crl_found pck;
    int others;
} lists;

static int take(const cocos__tdx_case *k, const cocos__crl *crl, lists *l, cocos_error **err)
{
    cocos__cert *const *chain = k->pck->chain.at;
    int has_signer = k->collateral && !k->collateral->chain_defect;
    const cocos__cert *by_root[] = {chain[1], chain[2],
                                    has_signer ? k->collateral->chain.at[0] : NULL};
    const cocos__cert *by_pck[] = {chain[0]};

    int r = cocos__crl_take(&l->root, crl, chain[2], by_root, COCOS__ARRAY_LEN(by_root), k->time_s,
                            err);
    if (r == 0)
        r = cocos__crl_take(&l->pck, crl, chain[1], by_pck, 1, k->time_s, err);
    l->others += r == 0;
    return r < 0 ? r : COCOS_OK;
}

int cocos__tdx_check_revocation(const cocos__tdx_case *k, cocos_error **err)
{
    lists l = {.others = 0};

    for (size_t i = 0; i < k->ev->n_crls; i++) {
        COCOS__CLEANUP(cocos__crl_freep) cocos__crl *crl = NULL;
        int r = cocos__crl_parse(k->ev->crls[i].data, k->ev->crls[i].len, &crl, NULL);
        if (r == COCOS_ERR_MEMORY)
            return cocos__fail_memory(err);
        if (r < 0)
            cocos__row_unknown(k->rows, TDX_PCK_CRL, "tdx.crl_format", wanted,
                               (cocos__said){"not a revocation list", "evidence"});
        else if ((r = take(k, crl, &l, err)) < 0)
            return r;
    }
    /* Given in place of one that is missing, it is no list at all. */
    int missing = l.pck.state == COCOS__CRL_NONE ? TDX_PCK_CRL : TDX_ROOT_CRL;
    if (l.others && (l.pck.state == COCOS__CRL_NONE || l.root.state == COCOS__CRL_NONE))
        cocos__row_fail(k->rows, (size_t)missing, "tdx.crl_issuer", wanted,
                        (cocos__said){"a list of another authority", "evidence"});
    conclude(k, TDX_ROOT_CRL, &l.root);
    conclude(k, TDX_PCK_CRL, &l.pck);
    return COCOS_OK;
}
