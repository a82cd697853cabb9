/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__signed_request *s = NULL;

    if (cocos__signed_request_parse(data, size, &s, NULL) == COCOS_OK)
        cocos__signed_request_free(s);
    return 0;
}
