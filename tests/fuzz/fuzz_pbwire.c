/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "codec/pbwire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__pb pb;
    cocos__pb_field f;
    size_t fields = 0;
    size_t bytes = 0;

    cocos__pb_init(&pb, (cocos__span){data, size});
    while (cocos__pb_next(&pb, &f, NULL) == 1) {
        fields++;
        bytes += f.bytes.len;
        for (size_t i = 0; i < f.bytes.len; i++)
            bytes += f.bytes.data[i] & 0; /* touch what was handed out */
    }
    if (fields > size || bytes > size)
        abort();
    return 0;
}
