/* SPDX-License-Identifier: Apache-2.0 */
/* One manifest has one encoding: bytes that are read are the bytes that are written. */
#include <stdlib.h>
#include <string.h>

#include <cocos/manifest.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;
    size_t len;

    if (cocos_manifest_from_cbor(data, size, &m, &err) < 0) {
        if (!err)
            abort();
        cocos_error_free(err);
        return 0;
    }
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);
    if (len != size || memcmp(cbor, data, size) != 0)
        abort();
    cocos_manifest_free(m);
    return 0;
}
