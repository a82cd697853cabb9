/* SPDX-License-Identifier: Apache-2.0 */
/* A case that is read is written as the same bytes, and can be explained and judged. */
#include <stdlib.h>
#include <string.h>

#include "manifest/casefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const cocos_case *c)
{
    cocos_policy *policy = NULL;
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    char *text = NULL;

    if (cocos_policy_new(&policy, NULL) < 0 || cocos_verifier_new(policy, &verifier, NULL) < 0)
        abort();
    /* An empty policy accepts nothing. */
    if (cocos_case_verify(c, verifier, NULL, &verdict, NULL) == COCOS_OK)
        abort();
    if (cocos_case_explain(c, verdict, &text, NULL) == COCOS_OK)
        cocos_free_text(text);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos_case *c = NULL;
    const uint8_t *again;
    size_t len;

    if (cocos_case_parse(data, size, &c, NULL) < 0)
        return 0;
    if (cocos_case_cbor(c, &again, &len, NULL) < 0 || len != size || memcmp(again, data, size) != 0)
        abort();
    judge(c);
    cocos_case_free(c);
    return 0;
}
