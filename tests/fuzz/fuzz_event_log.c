/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "vtpm/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Records lie inside the log, and a replay sees as many as a walk. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cocos__replay replay;
    cocos__log log;
    cocos__event ev;
    size_t n = 0;
    int r = cocos__log_open(&log, (cocos__span){data, size}, NULL);

    while (r >= 0 && (r = cocos__log_next(&log, &ev, NULL)) > 0) {
        n++;
        if (ev.data.len && (ev.data.data < data || ev.data.data + ev.data.len > data + size))
            abort();
        for (int b = 0; b < COCOS__BANKS; b++) {
            if (ev.digest[b] && ev.digest[b] + cocos__bank_size(b) > data + size)
                abort();
        }
    }
    int s = cocos__log_replay((cocos__span){data, size}, 0xf, &replay, NULL);
    if (s == COCOS_OK && (r < 0 || replay.events != n))
        abort();
    return 0;
}
