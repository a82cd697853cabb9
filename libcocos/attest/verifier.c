/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "attest/evidence.h"
#include "attest/verdict.h"
#include "crypto/digest.h"
#include "snp/verify.h"

#define NS_PER_S INT64_C(1000000000)

struct cocos_verifier {
    cocos_policy *policy;
    cocos__snp_kept snp; /* no leaf: nothing kept */
};

COCOS__DEFINE_FREEP(verifier_freep, cocos_verifier *, cocos_verifier_free)

/* cocos-v1 section 1: REPORT_DATA = SHA-512("cocos-claims/1" || 0x00 || claims). */
static int hash_claims(const cocos__match *claims, int alg, uint8_t *out, cocos_error **err)
{
    static const char tag[] = "cocos-claims/1"; /* with its NUL */
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;

    int r = cocos__hasher_new(alg, &h, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, tag, sizeof tag, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, claims->values, claims->size, err);
    return r < 0 ? r : cocos__hasher_finish(h, out, err);
}

/* Claims say what the data slot of each kind must hold. */
static int bind_claims(cocos_policy *p, cocos_error **err)
{
    uint8_t digest[64];

    if (p->claims.state != COCOS__RULE_GIVEN)
        return COCOS_OK;
    if (p->snp.report_data.state != COCOS__RULE_UNSET || p->claims.count != 1)
        return cocos__fail(
            err, COCOS_ERR_USAGE, "policy.conflict",
            "claims and a value for the data slot, or several claims, contradict each other");
    int r = hash_claims(&p->claims, COCOS__SHA512, digest, err);
    return r < 0 ? r : cocos__match_add(&p->snp.report_data, digest, sizeof digest, err);
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
    cocos__snp_endorsement_done(&v->snp.endorsement);
    free(v);
}

static const cocos__certs *roots_of(const cocos_verifier *v)
{
    return v->policy->roots.n ? &v->policy->roots : NULL;
}

static cocos__snp_evidence snp_evidence(const cocos_evidence *ev)
{
    cocos__snp_evidence s = {.report = ev->main};

    cocos__evidence_parts(ev, COCOS_PART_CERT_TABLE, &s.table, 1);
    s.n_certs = cocos__evidence_parts(ev, COCOS_PART_CERTIFICATES, s.certs, COCOS__SNP_BLOBS_MAX);
    s.n_crls = cocos__evidence_parts(ev, COCOS_PART_CRL, s.crls, COCOS__SNP_BLOBS_MAX);
    return s;
}

int cocos_verifier_keep_chain(cocos_verifier *v, const cocos_evidence *ev, cocos_error **err)
{
    if (!v || !ev)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part",
                           "a verifier and evidence are needed");

    cocos__snp_evidence s = snp_evidence(ev);
    cocos__snp_kept kept;
    int r = cocos__snp_keep(&s, roots_of(v), &kept, err);
    if (r < 0)
        return r;
    cocos__snp_endorsement_done(&v->snp.endorsement);
    v->snp = kept;
    return COCOS_OK;
}

int cocos_verifier_verify(const cocos_verifier *v,
                          const cocos_evidence *ev,
                          int64_t time_ns,
                          int time_source,
                          cocos_verdict **ret,
                          cocos_error **err)
{
    COCOS__CLEANUP(cocos__rows_freep) cocos__rows *rows = NULL;
    int simulated = 0;

    if (!v || !ev || time_ns < 0 || time_source < COCOS_TIME_CLOCK ||
        time_source > COCOS_TIME_CHOSEN)
        return cocos__fail(err, COCOS_ERR_USAGE, "verifier.usage",
                           "a verifier, evidence and a time since 1970 are needed");

    int r = cocos__rows_new(&rows, err);
    if (r < 0)
        return r;
    cocos__snp_evidence s = snp_evidence(ev);
    cocos__verdict_time(rows, time_ns / NS_PER_S, time_source);
    r = cocos__snp_verify(&s, &v->policy->snp, roots_of(v),
                          v->snp.endorsement.leaf ? &v->snp : NULL, time_ns / NS_PER_S, rows,
                          &simulated, err);
    if (r < 0)
        return r;
    cocos__verdict_coverage(rows, v->policy, "snp.measurement", simulated);
    return cocos__verdict_make(COCOS__STEAL(rows), simulated, ret, err);
}
