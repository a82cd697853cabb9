/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "attest/claims.h"
#include "attest/judge.h"
#include "attest/tee.h"
#include "attest/verdict.h"
#include "attest/vtpm.h"
#include "snp/verify.h"
#include "tdx/verify.h"

#define NS_PER_S INT64_C(1000000000)

struct cocos_verifier {
    cocos_policy *policy;
    cocos__kept kept;
};

COCOS__DEFINE_FREEP(verifier_freep, cocos_verifier *, cocos_verifier_free)

/* Claims say what the data slot of each kind must hold. */
static int bind_claims(cocos_policy *p, cocos_error **err)
{
    cocos__match *slots[] = {&p->snp.report_data, &p->tdx.report_data};
    cocos__span claims = {p->claims.values, p->claims.size};
    uint8_t digest[64];

    if (p->claims.state != COCOS__RULE_GIVEN)
        return COCOS_OK;
    int r = cocos__claims_report_data(claims, digest, err);
    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(slots); i++)
        r = cocos__match_add(slots[i], digest, sizeof digest, err);
    if (r == COCOS_OK)
        cocos__attest_vtpm_claims(p, digest);
    if (r == COCOS_OK)
        r = cocos__claims_nonce(claims, digest, err);
    return r < 0 ? r : cocos__match_add(&p->vtpm.nonce, digest, 32, err);
}

int cocos_verifier_new(const cocos_policy *policy, cocos_verifier **ret, cocos_error **err)
{
    if (!policy)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "a policy is needed");
    COCOS__CLEANUP(verifier_freep) cocos_verifier *v = calloc(1, sizeof *v);
    if (!v)
        return cocos__fail_memory(err);

    int r = cocos__policy_copy(policy, &v->policy, err);
    if (r == COCOS_OK)
        r = cocos__policy_conflict(v->policy, err);
    if (r == COCOS_OK)
        r = bind_claims(v->policy, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(v);
    return COCOS_OK;
}

void cocos_verifier_free(cocos_verifier *v)
{
    if (!v)
        return;
    cocos_policy_free(v->policy);
    cocos__snp_kept_done(&v->kept.snp);
    if (v->kept.tdx)
        cocos__tdx_kept_done(v->kept.tdx);
    free(v->kept.tdx);
    cocos__vtpm_kept_done(&v->kept.vtpm);
    free(v);
}

static const cocos__certs *roots_of(const cocos_verifier *v)
{
    return v->policy->roots.n ? &v->policy->roots : NULL;
}

cocos__snp_evidence cocos__evidence_snp(const cocos_evidence *ev)
{
    cocos__snp_evidence s = {.report = ev->main};

    cocos__evidence_parts(ev, COCOS_PART_CERT_TABLE, &s.table, 1);
    s.n_certs = cocos__evidence_parts(ev, COCOS_PART_CERTIFICATES, s.certs, COCOS__SNP_BLOBS_MAX);
    s.n_crls = cocos__evidence_parts(ev, COCOS_PART_CRL, s.crls, COCOS__SNP_BLOBS_MAX);
    return s;
}

cocos__tdx_evidence cocos__evidence_tdx(const cocos_evidence *ev)
{
    cocos__tdx_evidence t = {.quote = ev->main};

    cocos__evidence_parts(ev, COCOS_PART_TCB_INFO, &t.tcb_info, 1);
    cocos__evidence_parts(ev, COCOS_PART_QE_IDENTITY, &t.qe_identity, 1);
    cocos__evidence_parts(ev, COCOS_PART_TCB_CHAIN, &t.signing_chain, 1);
    t.n_crls = cocos__evidence_parts(ev, COCOS_PART_CRL, t.crls, COCOS__TDX_CRLS_MAX);
    return t;
}

static int keep_snp(cocos_verifier *v, const cocos__snp_evidence *s, cocos_error **err)
{
    cocos__snp_kept kept;

    int r = cocos__snp_keep(s, roots_of(v), &kept, err);
    if (r < 0)
        return r;
    cocos__snp_kept_done(&v->kept.snp);
    v->kept.snp = kept;
    return COCOS_OK;
}

static int keep_tdx(cocos_verifier *v, const cocos__tdx_evidence *t, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) cocos__tdx_kept *kept = malloc(sizeof *kept);

    if (!kept)
        return cocos__fail_memory(err);
    int r = cocos__tdx_keep(t, roots_of(v), kept, err);
    if (r < 0)
        return r;
    if (v->kept.tdx)
        cocos__tdx_kept_done(v->kept.tdx);
    free(v->kept.tdx);
    v->kept.tdx = COCOS__STEAL(kept);
    return COCOS_OK;
}

static int keep_vtpm(cocos_verifier *v, const cocos__vtpm_evidence *t, cocos_error **err)
{
    cocos__vtpm_kept kept;

    int r = cocos__vtpm_keep(t, &kept, err);
    if (r < 0)
        return r;
    cocos__vtpm_kept_done(&v->kept.vtpm);
    v->kept.vtpm = kept;
    return COCOS_OK;
}

/* Of an envelope whatever is in it. */
static int keep_envelope(cocos_verifier *v, const cocos_evidence *ev, cocos_error **err)
{
    cocos__snp_evidence s;
    cocos__tdx_evidence t;
    cocos__vtpm_evidence q;
    int has_snp = cocos__envelope_snp(ev, &s);
    int has_tdx = cocos__envelope_tdx(ev, &t);
    int has_vtpm = cocos__envelope_vtpm(ev, &q);

    if (!has_snp && !has_tdx && !has_vtpm)
        return cocos__fail(
            err, COCOS_ERR_MALFORMED, "envelope.parts",
            "the envelope holds no report, quote or quotes of which to keep anything");
    int r = has_snp ? keep_snp(v, &s, err) : COCOS_OK;
    if (r == COCOS_OK && has_tdx)
        r = keep_tdx(v, &t, err);
    return r < 0 || !has_vtpm ? r : keep_vtpm(v, &q, err);
}

int cocos_verifier_keep_chain(cocos_verifier *v, const cocos_evidence *ev, cocos_error **err)
{
    if (!v || !ev)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part",
                           "a verifier and evidence are needed");
    if (ev->kind == COCOS_EVIDENCE_PART)
        return cocos__evidence_refuse_part(ev->main, err);
    if (ev->kind == COCOS_EVIDENCE_ENVELOPE)
        return keep_envelope(v, ev, err);
    if (ev->kind == COCOS_EVIDENCE_TDX) {
        cocos__tdx_evidence t = cocos__evidence_tdx(ev);
        return keep_tdx(v, &t, err);
    }
    if (ev->kind == COCOS_EVIDENCE_VTPM) {
        cocos__vtpm_evidence q = cocos__evidence_vtpm(ev);
        return keep_vtpm(v, &q, err);
    }
    cocos__snp_evidence s = cocos__evidence_snp(ev);
    return keep_snp(v, &s, err);
}

static int verify_kind(const cocos_verifier *v,
                       const cocos_evidence *ev,
                       int64_t time_s,
                       cocos__rows *rows,
                       int *simulated,
                       cocos_error **err)
{
    if (ev->kind == COCOS_EVIDENCE_TDX) {
        cocos__tdx_evidence t = cocos__evidence_tdx(ev);
        cocos__tdx_policy policy = v->policy->tdx;
        cocos__span log = {NULL, 0};
        policy.report_data = cocos__evidence_slot(ev, &policy.report_data);
        cocos__evidence_parts(ev, COCOS_PART_EVENT_LOG, &log, 1);
        return cocos__attest_tdx(&t, log, &policy, roots_of(v), v->kept.tdx, time_s, rows,
                                 simulated, err);
    }
    cocos__snp_evidence s = cocos__evidence_snp(ev);
    cocos__snp_policy policy = v->policy->snp;
    cocos__span manifest = {NULL, 0};
    policy.report_data = cocos__evidence_slot(ev, &policy.report_data);
    cocos__evidence_parts(ev, COCOS_PART_SVSM_MANIFEST, &manifest, 1);
    return cocos__attest_snp(&s, manifest, &policy, roots_of(v),
                             v->kept.snp.endorsement.leaf ? &v->kept.snp : NULL, time_s, rows,
                             simulated, err);
}

int cocos_verifier_verify(const cocos_verifier *v,
                          const cocos_evidence *ev,
                          int64_t time_ns,
                          int time_source,
                          cocos_verdict **ret,
                          cocos_error **err)
{
    COCOS__CLEANUP(cocos__rows_freep) cocos__rows *rows = NULL;
    int64_t time_s = time_ns / NS_PER_S;
    int simulated = 0;

    if (!v || !ev || time_ns < 0 || time_source < COCOS_TIME_CLOCK ||
        time_source > COCOS_TIME_CHOSEN)
        return cocos__fail(err, COCOS_ERR_USAGE, "verifier.usage",
                           "a verifier, evidence and a time since 1970 are needed");

    if (ev->kind == COCOS_EVIDENCE_PART)
        return cocos__evidence_refuse_part(ev->main, err);
    int r = cocos__rows_new(&rows, err);
    if (r < 0)
        return r;
    cocos__verdict_time(rows, time_s, time_source);
    if (ev->kind == COCOS_EVIDENCE_VTPM || ev->kind == COCOS_EVIDENCE_ENVELOPE) {
        r = ev->kind == COCOS_EVIDENCE_VTPM
                ? cocos__attest_vtpm(v->policy, ev, &v->kept.vtpm, time_s, rows, &simulated, err)
                : cocos__attest_envelope(v->policy, ev, &v->kept, time_s, rows, &simulated, err);
        return r < 0 ? r : cocos__verdict_make(COCOS__STEAL(rows), simulated == 1, ret, err);
    }
    r = verify_kind(v, ev, time_s, rows, &simulated, err);
    if (r < 0)
        return r;
    cocos__verdict_coverage(rows, v->policy,
                            ev->kind == COCOS_EVIDENCE_TDX ? "tdx.mrtd" : "snp.measurement",
                            simulated);
    return cocos__verdict_make(COCOS__STEAL(rows), simulated, ret, err);
}
