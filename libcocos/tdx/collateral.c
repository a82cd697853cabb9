/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's collateral: who signed it, whether it is current, whether it is this platform's. */
#include <inttypes.h>
#include <string.h>

#include "crypto/digest.h"
#include "tdx/checks.h"

#define SIGNER COCOS__TDX_CN_TCB

static int is_memory(int r)
{
    return r == COCOS_ERR_MEMORY;
}

/* Signer and root; COCOS_OK or MEMORY. */
static int read_chain(cocos__span pem,
                      const cocos__certs *known,
                      const cocos__certs *roots,
                      cocos__tdx_collateral *c,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    int simulated; /* as the quote's own root says, which must be the same */
    int trusted = 0;

    int r = cocos__certs_add_known(&c->chain, known, pem.data, pem.len, &why);
    if (is_memory(r))
        return cocos__fail_memory(err);
    if (r < 0 || c->chain.n != 2)
        c->chain_defect = "not a signing certificate and its root";
    else if (!cocos__tdx_is_intel(c->chain.at[0], SIGNER) ||
             !cocos__tdx_is_intel(c->chain.at[1], COCOS__TDX_CN_ROOT))
        c->chain_defect = "the certificates are not Intel's for TCB signing";
    else
        r = cocos__chain_verify(c->chain.at[0], NULL, 0, c->chain.at[1], &why);
    if (is_memory(r))
        return cocos__fail_memory(err);
    if (r < 0 && !c->chain_defect)
        c->chain_defect = "a signature or constraint of the chain does not hold";
    if (c->chain.n == 2)
        trusted = cocos__tdx_root_name(c->chain.at[1], roots, &simulated) != NULL;
    if (!c->chain_defect && !trusted)
        c->chain_defect = "its root is not trusted";
    return COCOS_OK;
}

static int verify_object(const cocos__tdx_collateral *c,
                         const cocos__tdx_signed *s,
                         int *holds,
                         cocos_error **err)
{
    cocos__ecdsa_raw sig = {s->signature, s->signature + 32, 32, 32, COCOS__BIG_ENDIAN};
    cocos_error *why = NULL;

    int r =
        cocos__ecdsa_verify(cocos__cert_key(c->chain.at[0]), COCOS__SHA256, s->object, &sig, &why);
    cocos_error_free(why);
    *holds = r == COCOS_OK;
    return r < 0 && r != COCOS_ERR_REJECTED
               ? cocos__fail(err, r, "signature.failed", "cannot verify collateral")
               : COCOS_OK;
}

/* The object is read only once its signature holds. */
static int read_tcb_info(cocos__span body, cocos__tdx_collateral *c, cocos_error **err)
{
    cocos__tdx_signed s;

    int r = cocos__tdx_signed_read(body, "tcbInfo", &s, NULL);
    if (r < 0) {
        c->format_defect = "the TCB info is not an object with a signature";
        return is_memory(r) ? cocos__fail_memory(err) : COCOS_OK;
    }
    if (c->chain_defect)
        return COCOS_OK;
    r = verify_object(c, &s, &c->tcb_info_signed, err);
    if (r < 0 || !c->tcb_info_signed)
        return r;
    r = cocos__tdx_tcb_info_read(s.object, &c->tcb_info, NULL);
    if (r < 0)
        c->format_defect = "the TCB info has not the form of version 3";
    return is_memory(r) ? cocos__fail_memory(err) : COCOS_OK;
}

static int read_qe_identity(cocos__span body, cocos__tdx_collateral *c, cocos_error **err)
{
    cocos__tdx_signed s;

    int r = cocos__tdx_signed_read(body, "enclaveIdentity", &s, NULL);
    if (r < 0) {
        c->format_defect = "the QE identity is not an object with a signature";
        return is_memory(r) ? cocos__fail_memory(err) : COCOS_OK;
    }
    if (c->chain_defect)
        return COCOS_OK;
    r = verify_object(c, &s, &c->qe_identity_signed, err);
    if (r < 0 || !c->qe_identity_signed)
        return r;
    r = cocos__tdx_qe_identity_read(s.object, &c->qe_identity, NULL);
    if (r < 0)
        c->format_defect = "the QE identity has not the form of version 2 or 3";
    return is_memory(r) ? cocos__fail_memory(err) : COCOS_OK;
}

int cocos__tdx_collateral_read(const cocos__tdx_evidence *ev,
                               const cocos__certs *known,
                               const cocos__certs *roots,
                               cocos__tdx_collateral *ret,
                               cocos_error **err)
{
    cocos__tdx_collateral c = {.chain = {.n = 0}};

    int r = read_chain(ev->signing_chain, known, roots, &c, err);
    if (r == COCOS_OK)
        r = read_tcb_info(ev->tcb_info, &c, err);
    if (r == COCOS_OK)
        r = read_qe_identity(ev->qe_identity, &c, err);
    if (r < 0) {
        cocos__tdx_collateral_done(&c);
        return r;
    }
    *ret = c;
    return COCOS_OK;
}

void cocos__tdx_collateral_done(cocos__tdx_collateral *c)
{
    cocos__certs_done(&c->chain);
    cocos__tdx_tcb_info_done(&c->tcb_info);
    cocos__tdx_qe_identity_done(&c->qe_identity);
}

int cocos__tdx_collateral_holds(const cocos__tdx_collateral *c)
{
    return !c->format_defect && !c->chain_defect && c->tcb_info_signed && c->qe_identity_signed;
}

static cocos__said signature_text(int holds)
{
    return (cocos__said){holds ? "it holds" : "it does not hold", SIGNER};
}

/* A root that the policy trusts as well vouches for its own platforms, not for another's. */
static const char *signer_defect(const cocos__tdx_case *k, const cocos__tdx_collateral *c)
{
    const cocos__certs *pck = &k->pck->chain;

    if (c->chain_defect)
        return c->chain_defect;
    if (pck->n != 3 || memcmp(cocos__cert_spki_sha256(c->chain.at[1]),
                              cocos__cert_spki_sha256(pck->at[2]), 32) != 0)
        return "its root is not that of the PCK certificate";
    return NULL;
}

static void check_signer(const cocos__tdx_case *k, const cocos__tdx_collateral *c)
{
    const char *defect = signer_defect(k, c);
    cocos__said expected = {"a signed path from the TCB signer to the root of the PCK certificate",
                            k->pck->own_roots ? "policy" : "compiled in"};
    cocos__said exact = {"a signature over the exact bytes", "compiled in"};

    cocos__row_test(k->rows, TDX_SIGNING_CHAIN, !defect, "tdx.tcb_signing_chain", expected,
                    (cocos__said){defect ? defect : "signer and root", "evidence"});
    if (defect)
        return;
    cocos__row_test(k->rows, TDX_TCB_INFO_SIGNATURE, c->tcb_info_signed, "tdx.tcb_info_signature",
                    exact, signature_text(c->tcb_info_signed));
    cocos__row_test(k->rows, TDX_QE_IDENTITY_SIGNATURE, c->qe_identity_signed,
                    "tdx.qe_identity_signature", exact, signature_text(c->qe_identity_signed));
}

/* A span of time of the collateral: issueDate <= now <= nextUpdate. */
typedef struct span_of {
    const char *what;
    int64_t from, to;
} span_of;

/* The signer's certificates count as part of it. What is shown is what does not hold, or what ends
 * first. */
static void check_spans(const cocos__tdx_case *k, const cocos__tdx_collateral *c)
{
    span_of spans[4] = {{"TCB info", c->tcb_info.issued, c->tcb_info.next_update},
                        {"QE identity", c->qe_identity.issued, c->qe_identity.next_update}};
    const span_of *shown = NULL;
    int bad = 0;

    for (size_t i = 0; i < 2; i++) {
        const cocos__cert *cert = c->chain.at[i];
        spans[2 + i] = (span_of){cocos__rows_printf(k->rows, "%s", cocos__cert_subject_cn(cert)),
                                 cocos__cert_not_before(cert), cocos__cert_not_after(cert)};
    }
    for (size_t i = 0; i < 4 && !bad; i++) {
        bad = k->time_s < spans[i].from || k->time_s > spans[i].to;
        if (bad || !shown || spans[i].to < shown->to)
            shown = &spans[i];
    }
    const char *text = cocos__rows_printf(k->rows, "%s from %s to %s", shown->what,
                                          cocos__rows_time(k->rows, shown->from),
                                          cocos__rows_time(k->rows, shown->to));
    cocos__row_test(k->rows, TDX_COLLATERAL_VALIDITY, !bad, "tdx.collateral_expired",
                    (cocos__said){cocos__rows_time(k->rows, k->time_s), "caller"},
                    (cocos__said){text, SIGNER});
}

static void check_tcb_info(const cocos__tdx_case *k, const cocos__tdx_tcb_info *t)
{
    const cocos__tdx_sgx *s = &k->pck->sgx;
    int same = strcmp(t->id, "TDX") == 0 && memcmp(t->fmspc, s->fmspc, sizeof t->fmspc) == 0 &&
               memcmp(t->pce_id, s->pce_id, sizeof t->pce_id) == 0;
    const char *want = cocos__rows_printf(k->rows, "TDX, FMSPC %s, PCE id %s",
                                          cocos__rows_hex(k->rows, s->fmspc, 6),
                                          cocos__rows_hex(k->rows, s->pce_id, 2));
    const char *is =
        cocos__rows_printf(k->rows, "%s, FMSPC %s, PCE id %s, evaluation %" PRIu64,
                           cocos__rows_foreign(k->rows, t->id, strlen(t->id), 16),
                           cocos__rows_hex(k->rows, t->fmspc, 6),
                           cocos__rows_hex(k->rows, t->pce_id, 2), t->evaluation_number);

    cocos__row_test(k->rows, TDX_TCB_INFO, same, "tdx.tcb_info_mismatch",
                    (cocos__said){want, "PCK certificate"}, (cocos__said){is, SIGNER});
}

static int masked_equal(const uint8_t *is, const uint8_t *mask, const uint8_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((is[i] & mask[i]) != want[i])
            return 0;
    }
    return 1;
}

static void check_module(const cocos__tdx_case *k, const cocos__tdx_tcb_info *t)
{
    static const uint8_t zero[8];
    const cocos__tdx_quote *q = k->quote;
    const cocos__tdx_module *m = cocos__tdx_module_of(t, q->tee_tcb_svn);
    const char *text =
        cocos__rows_printf(k->rows, "module version %u, signer %s, attributes %s",
                           q->tee_tcb_svn[1], cocos__rows_hex(k->rows, q->mrsignerseam, 48),
                           cocos__rows_hex(k->rows, q->seam_attributes, 8));
    cocos__said expected = {"a module whose identity Intel published for this platform", SIGNER};

    /* All SEAM attributes are reserved so far, so zero is wanted besides Intel's mask. */
    int ok = m && memcmp(q->mrsignerseam, m->mrsigner, 48) == 0 &&
             masked_equal(q->seam_attributes, m->mask, m->attributes, 8) &&
             memcmp(q->seam_attributes, zero, 8) == 0;
    cocos__row_test(k->rows, TDX_MODULE, ok, "tdx.tdx_module", expected,
                    (cocos__said){text, "attestation key"});
}

static void check_qe_identity(const cocos__tdx_case *k, const cocos__tdx_qe_identity *q)
{
    cocos__tdx_qe_report r = cocos__tdx_qe_report_read(k->quote->qe_report);
    int same = strcmp(q->id, "TD_QE") == 0 &&
               (r.miscselect & q->miscselect_mask) == q->miscselect &&
               masked_equal(r.attributes, q->attributes_mask, q->attributes, 16) &&
               memcmp(r.mrsigner, q->mrsigner, 32) == 0 && r.isv_prod_id == q->isv_prod_id;
    const char *want =
        cocos__rows_printf(k->rows, "%s: signer %s, product %u",
                           cocos__rows_foreign(k->rows, q->id, strlen(q->id), 16),
                           cocos__rows_hex(k->rows, q->mrsigner, 32), q->isv_prod_id);
    const char *is = cocos__rows_printf(k->rows, "signer %s, product %u, SVN %u, attributes %s",
                                        cocos__rows_hex(k->rows, r.mrsigner, 32), r.isv_prod_id,
                                        r.isv_svn, cocos__rows_hex(k->rows, r.attributes, 16));

    cocos__row_test(k->rows, TDX_QE_IDENTITY, same, "tdx.qe_identity_mismatch",
                    (cocos__said){want, SIGNER}, (cocos__said){is, "PCK certificate"});
}

/* Nothing about the platform's TCB can be said without collateral. */
static void absent(const cocos__tdx_case *k)
{
    static const uint8_t of_it[] = {TDX_COLLATERAL,
                                    TDX_SIGNING_CHAIN,
                                    TDX_TCB_INFO_SIGNATURE,
                                    TDX_QE_IDENTITY_SIGNATURE,
                                    TDX_COLLATERAL_VALIDITY,
                                    TDX_TCB_INFO,
                                    TDX_MODULE,
                                    TDX_QE_IDENTITY,
                                    TDX_STATUS};
    cocos__said none = {"none, or not all of it", "evidence"};
    int any = k->policy->collateral.state == COCOS__RULE_ANY;

    for (size_t i = 0; any && i < COCOS__ARRAY_LEN(of_it); i++)
        cocos__row_skip(k->rows, of_it[i], (cocos__said){"any, by tdx.collateral", "policy"}, none);
    if (!any)
        cocos__row_unknown(k->rows, TDX_COLLATERAL, "tdx.collateral_missing",
                           (cocos__said){"TCB info, QE identity and their issuer chain", "default"},
                           none);
}

int cocos__tdx_check_collateral(const cocos__tdx_case *k, cocos_error **err)
{
    const cocos__tdx_collateral *c = k->collateral;

    (void)err;
    if (!c) {
        absent(k);
        return COCOS_OK;
    }
    check_signer(k, c);
    cocos__row_test(k->rows, TDX_COLLATERAL, !c->format_defect, "tdx.collateral_format",
                    (cocos__said){"TCB info, QE identity and their issuer chain", "compiled in"},
                    (cocos__said){c->format_defect ? c->format_defect : "readable", "evidence"});
    if (!cocos__tdx_collateral_holds(c) ||
        cocos__row_outcome(k->rows, TDX_SIGNING_CHAIN) != COCOS__PASSED)
        return COCOS_OK;

    check_spans(k, c);
    check_tcb_info(k, &c->tcb_info);
    check_qe_identity(k, &c->qe_identity);
    if (cocos__row_outcome(k->rows, TDX_TCB_INFO) != COCOS__PASSED)
        return COCOS_OK;
    check_module(k, &c->tcb_info);
    if (cocos__row_outcome(k->rows, TDX_MODULE) == COCOS__PASSED &&
        cocos__row_outcome(k->rows, TDX_QE_IDENTITY) == COCOS__PASSED)
        cocos__tdx_check_status(k);
    return COCOS_OK;
}
