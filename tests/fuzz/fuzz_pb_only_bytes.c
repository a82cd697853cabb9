/* SPDX-License-Identifier: Apache-2.0 */
/* Data messages parsed in place: never outside the input, and never another answer than protobuf-c
 * gives. */
#include <stdlib.h>
#include <string.h>

#include "cocos/v1/agent.pb-c.h"
#include "rpc/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__span content = {NULL, 0};

    if (!cocos__pb_only_bytes((cocos__span){data, size}, 2, &content))
        return 0;
    if (content.data < data || content.data + content.len != data + size)
        abort();

    Cocos__V1__UploadRequest *m = cocos__v1__upload_request__unpack(NULL, size, data);
    if (!m)
        return 0; /* protobuf-c refuses some long forms of numbers */
    if (m->part_case != COCOS__V1__UPLOAD_REQUEST__PART_DATA || m->data.len != content.len ||
        (content.len > 0 && memcmp(m->data.data, content.data, content.len) != 0))
        abort();
    cocos__v1__upload_request__free_unpacked(m, NULL);
    return 0;
}
