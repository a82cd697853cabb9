/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of frames: none is longer than the format allows, and no length leads outside. */
#include <stdlib.h>

#include "transport/attest_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__reader r;

    cocos__reader_init(&r, data, size);
    for (;;) {
        const uint8_t *head = cocos__read_bytes(&r, COCOS__FRAME_HEAD);
        uint8_t again[COCOS__FRAME_HEAD];
        size_t len = 0;
        size_t expected = 0;
        int type = 0;
        if (!head || cocos__attest_frame_read(head, &type, &len, NULL) < 0)
            return 0;
        if (type == 0 || len > COCOS__FRAME_MAX)
            abort();
        cocos__attest_frame_write(again, type, len);
        int taken = cocos__attest_frame_expect(again, COCOS__FRAME_AUTHENTICATOR,
                                               COCOS__FRAME_AUTHENTICATOR_MAX, &expected, NULL);
        if (taken == COCOS_OK &&
            (type != COCOS__FRAME_AUTHENTICATOR || len > COCOS__FRAME_AUTHENTICATOR_MAX))
            abort();
        if (!cocos__read_bytes(&r, len))
            return 0;
    }
}
