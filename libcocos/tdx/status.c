/* SPDX-License-Identifier: Apache-2.0 */
/* The row of the TCB status, from collateral that was verified and is this platform's. */
#include <string.h>

#include "tdx/checks.h"

static const char *accepted_text(const cocos__tdx_case *k, uint64_t mask)
{
    const char *text = "";

    for (int i = 0; i < COCOS__TDX_STATUSES; i++) {
        if (mask >> i & 1)
            text = cocos__rows_printf(k->rows, "%s%s%s", text, text[0] ? ", " : "",
                                      cocos__tdx_status_name(i));
    }
    return text;
}

static const char *level_text(const cocos__tdx_level *l)
{
    return l ? cocos__tdx_status_name(l->status) : "no level";
}

static const char *advisories_text(const cocos__tdx_case *k, const cocos__tdx_evaluation *e)
{
    const cocos__tdx_level *all[] = {e->platform, e->module, e->enclave};
    const char *text = "";

    for (size_t i = 0; i < COCOS__ARRAY_LEN(all); i++) {
        if (all[i] && all[i]->advisories[0])
            text = cocos__rows_printf(k->rows, "%s %s", text,
                                      cocos__rows_foreign(k->rows, all[i]->advisories,
                                                          strlen(all[i]->advisories),
                                                          COCOS__TDX_ADVISORIES_MAX));
    }
    return text[0] ? cocos__rows_printf(k->rows, "; advisories%s", text) : "";
}

void cocos__tdx_check_status(const cocos__tdx_case *k)
{
    const cocos__tdx_collateral *c = k->collateral;
    const cocos__number *rule = &k->policy->statuses;
    uint16_t isv_svn = cocos__tdx_qe_report_read(k->quote->qe_report).isv_svn;
    cocos__tdx_evaluation e = cocos__tdx_evaluate(&c->tcb_info, &c->qe_identity, &k->pck->sgx,
                                                  k->quote->tee_tcb_svn, isv_svn);
    int status = e.status;

    if (k->quote->tee_tcb_svn2) {
        cocos__tdx_evaluation now = cocos__tdx_evaluate(&c->tcb_info, &c->qe_identity, &k->pck->sgx,
                                                        k->quote->tee_tcb_svn2, isv_svn);
        status = cocos__tdx_relaunch(e.status, now.status);
    }
    const char *text =
        cocos__rows_printf(k->rows, "%s (platform %s, module %s, quoting enclave %s%s)",
                           cocos__tdx_status_name(status), level_text(e.platform),
                           k->quote->tee_tcb_svn[1] ? level_text(e.module) : "as the platform",
                           level_text(e.enclave), advisories_text(k, &e));
    cocos__said found = {text, COCOS__TDX_CN_TCB};
    uint64_t mask =
        rule->state == COCOS__RULE_GIVEN ? rule->value : UINT64_C(1) << COCOS__TDX_UP_TO_DATE;

    if (rule->state == COCOS__RULE_ANY)
        cocos__row_skip(k->rows, TDX_STATUS, (cocos__said){"any", "policy"}, found);
    else
        cocos__row_test(k->rows, TDX_STATUS, mask >> status & 1, "tdx.tcb_status",
                        (cocos__said){accepted_text(k, mask),
                                      rule->state == COCOS__RULE_GIVEN ? "policy" : "default"},
                        found);
}
