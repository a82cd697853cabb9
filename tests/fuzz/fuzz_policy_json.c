/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies and golden PCR values from hostile JSON. What is read can be explained and made into a
 * verifier or is refused as contradicting itself; what it writes is read again and written the
 * same.
 */
#include <stdlib.h>
#include <string.h>

#include <cocos/key.h>
#include <cocos/verifier.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(const cocos_policy *policy)
{
    char *text = NULL;

    if (cocos_policy_to_json(policy, &text, NULL) < 0)
        abort();
    return text;
}

static void use(const cocos_policy *policy)
{
    cocos_verifier *verifier = NULL;
    char *text = NULL;

    if (cocos_policy_explain(policy, &text, NULL) < 0)
        abort();
    cocos_free_text(text);
    if (cocos_policy_explain_json(policy, &text, NULL) < 0)
        abort();
    cocos_free_text(text);
    if (cocos_verifier_new(policy, &verifier, NULL) == COCOS_OK)
        cocos_verifier_free(verifier);
}

static void read_policy(const char *text, size_t size)
{
    cocos_policy *policy = NULL;
    cocos_policy *again = NULL;

    if (cocos_policy_from_json(text, size, &policy, NULL) < 0)
        return;
    use(policy);
    char *first = written(policy);
    if (cocos_policy_from_json(first, strlen(first), &again, NULL) < 0)
        abort();
    char *second = written(again);
    if (strcmp(first, second) != 0)
        abort();
    cocos_free_text(first);
    cocos_free_text(second);
    cocos_policy_free(policy);
    cocos_policy_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos_policy *policy = NULL;

    read_policy((const char *)data, size);
    if (cocos_policy_new(&policy, NULL) < 0)
        abort();
    if (cocos_policy_add_pcrs(policy, (const char *)data, size, NULL) == COCOS_OK)
        use(policy);
    cocos_policy_free(policy);
    return 0;
}
