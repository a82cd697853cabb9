/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/judge.h"

#include <pthread.h>
#include <string.h>

#include "attest/verdict.h"
#include "base/clock.h"
#include "collateral/bundle.h"

struct cocos__judge {
    pthread_rwlock_t lock; /* of the verifier: for reading to judge, for writing to keep a chain */
    cocos_verifier *verifier;
    cocos_bundle *bundle;
    int kept; /* a chain */
};

int cocos__judge_new(cocos__judge **ret, cocos_error **err)
{
    cocos__judge *j = calloc(1, sizeof *j);

    if (!j)
        return cocos__fail_memory(err);
    pthread_rwlock_init(&j->lock, NULL);
    *ret = j;
    return COCOS_OK;
}

void cocos__judge_free(cocos__judge *j)
{
    if (!j)
        return;
    cocos_verifier_free(j->verifier);
    cocos_bundle_free(j->bundle);
    pthread_rwlock_destroy(&j->lock);
    free(j);
}

int cocos__judge_set_policy(cocos__judge *j, const cocos_policy *policy, cocos_error **err)
{
    cocos_verifier *fresh = NULL;
    int r = cocos_verifier_new(policy, &fresh, err);

    if (r < 0)
        return r;
    cocos_verifier_free(j->verifier);
    j->verifier = fresh;
    j->kept = 0;
    return COCOS_OK;
}

int cocos__judge_set_bundle(cocos__judge *j, const cocos_bundle *bundle, cocos_error **err)
{
    cocos_bundle *copy = NULL;
    int r = cocos__bundle_copy(bundle, &copy, err);

    if (r < 0)
        return r;
    cocos_bundle_free(j->bundle);
    j->bundle = copy;
    return COCOS_OK;
}

int cocos__judge_has_policy(const cocos__judge *j)
{
    return j && j->verifier;
}

void cocos__judging_done(cocos__judging *j)
{
    cocos_verdict_free(j->verdict);
    free(j->evidence);
    *j = (cocos__judging){.judge = j->judge};
}

/* ---- A connection ---- */

static int
expect(cocos_evidence *e, const cocos__attest_binding *b, const char *purpose, cocos_error **err)
{
    int r = cocos_evidence_expect(e, COCOS_CLAIM_PURPOSE, (const uint8_t *)purpose, strlen(purpose),
                                  err);

    if (r == COCOS_OK)
        r = cocos_evidence_expect(e, COCOS_CLAIM_CHALLENGE, b->exported, 32, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(e, COCOS_CLAIM_LEAF, b->leaf, 32, err);
    return r;
}

/* The verdict of a refusal goes with the error. */
static int verify(cocos__judge *j, const cocos_evidence *e, cocos_verdict **ret, cocos_error **err)
{
    cocos_verdict *verdict = NULL;

    pthread_rwlock_rdlock(&j->lock);
    int r = cocos_verifier_verify(j->verifier, e, cocos__clock_wall_ns(), COCOS_TIME_CLOCK,
                                  &verdict, err);
    pthread_rwlock_unlock(&j->lock);
    if (r == COCOS_OK)
        *ret = verdict;
    else if (verdict)
        cocos__verdict_attach(err ? *err : NULL, verdict);
    return r;
}

/* The chain of accepted evidence, so that the next connection is cheaper; without it all works too.
 */
static void keep(cocos__judge *j, const cocos_evidence *e)
{
    pthread_rwlock_wrlock(&j->lock);
    if (!j->kept)
        (void)!cocos_verifier_keep_chain(j->verifier, e, NULL);
    j->kept = 1;
    pthread_rwlock_unlock(&j->lock);
}

static int is_kept(cocos__judge *j)
{
    pthread_rwlock_rdlock(&j->lock);
    int kept = j->kept;
    pthread_rwlock_unlock(&j->lock);
    return kept;
}

static int take_instance(const cocos_evidence *e, uint8_t instance_id[16], cocos_error **err)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    int r = cocos_evidence_claim(e, COCOS_CLAIM_INSTANCE, &data, &len, err);

    if (r == COCOS_OK)
        memcpy(instance_id, data, 16);
    return r;
}

static int keep_evidence(cocos__judging *g, cocos__span evidence, cocos_error **err)
{
    free(g->evidence);
    g->evidence = malloc(evidence.len);
    if (!g->evidence)
        return cocos__fail_memory(err);
    memcpy(g->evidence, evidence.data, evidence.len);
    g->evidence_len = evidence.len;
    return COCOS_OK;
}

int cocos__judge_channel(void *user,
                         const cocos__attest_binding *b,
                         int version,
                         cocos__span evidence,
                         cocos_error **err)
{
    cocos__judging *g = user;
    cocos_evidence *e = NULL;
    int r;

    if (version != 2)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "agent.attested",
                           "the agent shows evidence of the old form, version %d", version);
    r = cocos_evidence_new(COCOS_EVIDENCE_ENVELOPE, evidence.data, evidence.len, &e, err);
    if (r == COCOS_OK && g->judge->bundle)
        r = cocos_evidence_add_bundle(e, g->judge->bundle, err);
    if (r == COCOS_OK)
        r = expect(e, b, "channel-server", err);
    if (r == COCOS_OK)
        r = verify(g->judge, e, &g->verdict, err);
    if (r == COCOS_OK)
        r = take_instance(e, g->instance_id, err);
    if (r == COCOS_OK)
        r = keep_evidence(g, evidence, err);
    if (r == COCOS_OK && !is_kept(g->judge))
        keep(g->judge, e);
    cocos_evidence_free(e);
    return r;
}
