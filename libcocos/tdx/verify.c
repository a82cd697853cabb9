/* SPDX-License-Identifier: Apache-2.0 */
#include "tdx/verify.h"

#include <string.h>

#include "tdx/checks.h"

void cocos__tdx_policy_done(cocos__tdx_policy *p)
{
    cocos__match *all[] = {&p->fmspc,           &p->mrtd,
                           &p->report_data,     &p->mrseam,
                           &p->mrconfigid,      &p->mrowner,
                           &p->mrownerconfig,   &p->mrservicetd,
                           &p->td_attributes,   &p->xfam,
                           &p->min_tee_tcb_svn, &p->boot.kernel,
                           &p->boot.initrd,     &p->boot.command_line};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(all); i++)
        cocos__match_done(all[i]);
    for (size_t i = 0; i < COCOS__TDX_RTMRS; i++)
        cocos__match_done(&p->rtmr[i]);
}

int cocos__tdx_recognise(const uint8_t *data, size_t len)
{
    return len >= 8 && (cocos__u16le(data) == 4 || cocos__u16le(data) == 5) &&
           cocos__u32le(data + 4) == 0x81;
}

static int has_collateral(const cocos__tdx_evidence *ev)
{
    return ev->tcb_info.len > 0 && ev->qe_identity.len > 0 && ev->signing_chain.len > 0;
}

#define COLLATERAL_RUNS 3

static void collateral_runs(const cocos__tdx_evidence *ev, cocos__span runs[COLLATERAL_RUNS])
{
    runs[0] = ev->tcb_info;
    runs[1] = ev->qe_identity;
    runs[2] = ev->signing_chain;
}

int cocos__tdx_keep(const cocos__tdx_evidence *ev,
                    const cocos__certs *roots,
                    cocos__tdx_kept *ret,
                    cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) cocos__tdx_kept *k = calloc(1, sizeof *k);
    cocos__span runs[COLLATERAL_RUNS];
    cocos__tdx_quote q;
    int cut = 0;

    if (!k)
        return cocos__fail_memory(err);
    collateral_runs(ev, runs);
    int r = cocos__tdx_quote_read(ev->quote.data, ev->quote.len, &q, &cut, err);
    if (r == COCOS_OK)
        r = cocos__pack_make(&q.pck_chain, 1, &k->chain_bytes, err);
    if (r == COCOS_OK)
        r = cocos__pack_make(runs, COLLATERAL_RUNS, &k->collateral_bytes, err);
    if (r == COCOS_OK)
        r = cocos__tdx_pck_read(q.pck_chain, roots, &k->pck, err);
    if (r == COCOS_OK && has_collateral(ev))
        r = cocos__tdx_collateral_read(ev, &k->pck.chain, roots, &k->collateral, err);
    if (r == COCOS_OK && (k->pck.defect || !k->pck.root_name))
        r = cocos__fail(err, COCOS_ERR_REJECTED, "tdx.pck_chain",
                        "the PCK certificates are no chain to a trusted root");
    if (r == COCOS_OK && has_collateral(ev) && !cocos__tdx_collateral_holds(&k->collateral))
        r = cocos__fail(err, COCOS_ERR_REJECTED, "tdx.collateral_format",
                        "the collateral is not signed up to a trusted root");
    if (r < 0) {
        cocos__tdx_kept_done(k);
        return r;
    }
    *ret = *k;
    return COCOS_OK;
}

void cocos__tdx_kept_done(cocos__tdx_kept *k)
{
    cocos__tdx_pck_done(&k->pck);
    cocos__tdx_collateral_done(&k->collateral);
    cocos__pack_done(&k->chain_bytes);
    cocos__pack_done(&k->collateral_bytes);
}

/* Evidence without collateral is judged by the kept one. */
static int choose_collateral(const cocos__tdx_evidence *ev,
                             const cocos__certs *known,
                             const cocos__certs *roots,
                             const cocos__tdx_kept *kept,
                             cocos__tdx_collateral *made,
                             const cocos__tdx_collateral **ret,
                             cocos_error **err)
{
    int keeps = kept && kept->collateral.chain.n > 0;
    cocos__span runs[COLLATERAL_RUNS];

    *ret = keeps ? &kept->collateral : NULL;
    if (!has_collateral(ev))
        return COCOS_OK;
    collateral_runs(ev, runs);
    if (keeps && cocos__pack_is(&kept->collateral_bytes, runs, COLLATERAL_RUNS))
        return COCOS_OK;
    *ret = made;
    return cocos__tdx_collateral_read(ev, known, roots, made, err);
}

static int choose_pck(cocos__span pem,
                      const cocos__certs *roots,
                      const cocos__tdx_kept *kept,
                      cocos__tdx_pck *made,
                      const cocos__tdx_pck **ret,
                      cocos_error **err)
{
    if (kept && cocos__pack_is(&kept->chain_bytes, &pem, 1)) {
        *ret = &kept->pck;
        return COCOS_OK;
    }
    *ret = made;
    return cocos__tdx_pck_read(pem, roots, made, err);
}

static int check_form(const cocos__tdx_evidence *ev, cocos__tdx_quote *q, cocos__rows *rows)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__said expected = {"a quote of version 4 or 5", "compiled in"};
    int cut = 0;

    if (cocos__tdx_quote_read(ev->quote.data, ev->quote.len, q, &cut, &why) == COCOS_OK) {
        cocos__row_pass(rows, TDX_FORM, expected,
                        (cocos__said){cocos__rows_printf(rows, "version %u, body type %d",
                                                         q->version, q->body_type),
                                      "evidence"});
        return 1;
    }
    const char *text = cocos_error_message(why);
    cocos__said found = {cocos__rows_foreign(rows, text, strlen(text), 200), "evidence"};
    if (cut)
        cocos__row_unknown(rows, TDX_FORM, "tdx.format", expected, found);
    else
        cocos__row_fail(rows, TDX_FORM, "tdx.format", expected, found);
    return 0;
}

/* Signatures first; what they do not vouch for is not looked at. */
static int check_case(const cocos__tdx_case *k, int *simulated, cocos_error **err)
{
    int holds = 0;

    int r = cocos__tdx_check_signatures(k, &holds, err);
    *simulated |= k->pck->simulated;
    if (r < 0 || !holds)
        return r;
    if (k->ev->believed)
        *k->ev->believed = *k->quote;
    r = cocos__tdx_check_collateral(k, err);
    if (r == COCOS_OK)
        r = cocos__tdx_check_revocation(k, err);
    if (r == COCOS_OK)
        cocos__tdx_check_fields(k);
    return r;
}

int cocos__tdx_verify(const cocos__tdx_evidence *ev,
                      const cocos__tdx_policy *policy,
                      const cocos__certs *roots,
                      const cocos__tdx_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) cocos__tdx_collateral *made = NULL;
    cocos__tdx_pck pck = {.chain = {.n = 0}};
    cocos__tdx_quote quote;
    cocos__tdx_case k = {ev, policy, &quote, NULL, NULL, time_s, rows};

    cocos__rows_begin(rows, cocos__tdx_checks, TDX_CHECKS);
    if (!check_form(ev, &quote, rows))
        return COCOS_OK;
    made = calloc(1, sizeof *made);
    if (!made)
        return cocos__fail_memory(err);

    int r = choose_pck(quote.pck_chain, roots, kept, &pck, &k.pck, err);
    if (r == COCOS_OK)
        r = choose_collateral(ev, &k.pck->chain, roots, kept, made, &k.collateral, err);
    if (r == COCOS_OK)
        r = check_case(&k, simulated, err);
    cocos__tdx_pck_done(&pck);
    cocos__tdx_collateral_done(made);
    return r;
}
