/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/judge.h"

#include <pthread.h>
#include <string.h>

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
    size_t len = 0;
    const uint8_t *cbor = cocos_bundle_cbor(bundle, &len);
    int r = cocos_bundle_parse(cbor, len, &copy, err);

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
