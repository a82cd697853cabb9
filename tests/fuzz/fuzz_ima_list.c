/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/ima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Both readers over every input, whatever it looks like. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__ima_result r;

    for (int form = COCOS__IMA_ASCII; form <= COCOS__IMA_BINARY; form++)
        (void)!cocos__ima_replay((cocos__span){data, size}, form, 0x3, form == COCOS__IMA_ASCII, &r,
                                 NULL);
    return 0;
}
