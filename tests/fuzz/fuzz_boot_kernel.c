/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "measure/linux.h"
#include "measure/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A kernel of any bytes: no read outside, and a header that QEMU fills in still makes an image. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t digest[32];
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    (void)cocos__pe_digest((cocos__span){copy, size}, COCOS__SHA256, digest, NULL);
    if (cocos__linux_fill_header(copy, size, UINT64_C(1) << 30, size, NULL) == COCOS_OK)
        (void)cocos__pe_digest((cocos__span){copy, size}, COCOS__SHA256, digest, NULL);
    free(copy);
    return 0;
}
