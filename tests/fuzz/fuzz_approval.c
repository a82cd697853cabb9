/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/approval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos_approval *a = NULL;
    char *json = NULL;

    if (cocos__approval_parse((cocos__span){data, size}, 1, &a, NULL) == COCOS_OK &&
        cocos_approval_to_json(a, &json, NULL) == COCOS_OK)
        cocos_free_text(json);
    cocos_approval_free(a);
    return 0;
}
