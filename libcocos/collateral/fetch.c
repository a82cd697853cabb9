/* SPDX-License-Identifier: Apache-2.0 */
/* The public call, and the checks that both services need. */
#include "attest/envelope.h"
#include "attest/evidence.h"
#include "collateral/sources.h"
#include "crypto/chain.h"

int cocos__fail_wrong(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "collateral.wrong", "%s", what);
}

int cocos__fail_stale(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "collateral.stale",
                       "%s is not valid at the time of this machine's clock", what);
}

int cocos__check_validity(const cocos__session *s, const cocos__certs *certs, cocos_error **err)
{
    for (size_t i = 0; i < certs->n; i++) {
        if (cocos__cert_when(certs->at[i], s->now_s) != 0)
            return cocos__fail_stale(err, cocos__cert_subject_cn(certs->at[i]));
    }
    return COCOS_OK;
}

int cocos__check_crl(const cocos__session *s,
                     cocos__span data,
                     const cocos__cert *issuer,
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__crl_freep) cocos__crl *crl = NULL;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    int r = cocos__crl_parse(data.data, data.len, &crl, err);
    if (r < 0)
        return r;
    r = cocos__crl_verify(crl, issuer, &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0 || !cocos__crl_issued_by(crl, issuer))
        return cocos__fail_wrong(err, "a revocation list that its issuer did not sign");
    return cocos__crl_when(crl, s->now_s) == 0 ? COCOS_OK
                                               : cocos__fail_stale(err, "the revocation list");
}

/* Certificates decide what need not be fetched. */
static int add_beside(cocos_evidence *inner, const cocos_evidence *ev, cocos_error **err)
{
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < ev->n; i++) {
        if (ev->parts[i].part == COCOS_PART_CERTIFICATES)
            r = cocos_evidence_add(inner, COCOS_PART_CERTIFICATES, ev->parts[i].data.data,
                                   ev->parts[i].data.len, err);
    }
    return r;
}

/* The report or quote of an envelope, with the certificates in it and beside it. */
static int open_envelope(const cocos_evidence *ev, cocos_evidence **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__evidence_freep) cocos_evidence *inner = NULL;
    cocos__envelope e;

    int r = cocos__envelope_parse(ev->main, &e, err);
    if (r < 0)
        return r;
    cocos__span report = cocos__envelope_find(&e, COCOS__MEDIA_SNP_REPORT);
    cocos__span quote = cocos__envelope_find(&e, COCOS__MEDIA_TDX_QUOTE);
    cocos__span table = cocos__envelope_find(&e, COCOS__MEDIA_SNP_CERTS);
    if (!report.data && !quote.data)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "collateral.evidence",
                           "nothing can be fetched for an envelope without report or quote");
    r = report.data ? cocos_evidence_new(COCOS_EVIDENCE_SNP, report.data, report.len, &inner, err)
                    : cocos_evidence_new(COCOS_EVIDENCE_TDX, quote.data, quote.len, &inner, err);
    if (r == COCOS_OK && report.data && table.data)
        r = cocos_evidence_add(inner, COCOS_PART_CERT_TABLE, table.data, table.len, err);
    if (r == COCOS_OK)
        r = add_beside(inner, ev, err);
    if (r == COCOS_OK)
        *ret = COCOS__STEAL(inner);
    return r;
}

int cocos_collateral_fetch(const cocos_evidence *ev,
                           const cocos_collateral_options *options,
                           int64_t deadline_ns,
                           cocos_cancel *cancel,
                           cocos_bundle **ret,
                           cocos_error **err)
{
    COCOS__CLEANUP(cocos__bundle_draft_done) cocos__bundle_draft draft = {.n = 0};
    COCOS__CLEANUP(cocos__freep) cocos__session *s = malloc(sizeof *s);
    COCOS__CLEANUP(cocos__evidence_freep) cocos_evidence *inner = NULL;
    int r = COCOS_OK;

    if (!ev)
        return cocos__fail(err, COCOS_ERR_USAGE, "collateral.kind", "evidence is needed");
    if (!s)
        return cocos__fail_memory(err);
    if (cocos_evidence_kind(ev) == COCOS_EVIDENCE_ENVELOPE)
        r = open_envelope(ev, &inner, err);
    if (r < 0)
        return r;
    ev = inner ? inner : ev;
    cocos__session_init(s, options, deadline_ns, cancel);
    draft.kind = cocos_evidence_kind(ev);
    if (draft.kind == COCOS_EVIDENCE_SNP)
        r = cocos__kds_fetch(s, ev, &draft, err);
    else if (draft.kind == COCOS_EVIDENCE_TDX)
        r = cocos__pcs_fetch(s, ev, &draft, err);
    else
        r = cocos__fail(err, COCOS_ERR_UNSUPPORTED, "collateral.kind",
                        "there is no service for this kind of evidence");
    return r < 0 ? r : cocos__bundle_finish(&draft, ret, err);
}
