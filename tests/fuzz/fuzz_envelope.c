/* SPDX-License-Identifier: Apache-2.0 */
/* An envelope that is taken has one form: writing what was read gives the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "attest/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const cocos__envelope *e, const uint8_t *data, size_t size)
{
    cocos__envelope_part parts[COCOS__ENVELOPE_PARTS];
    cocos__buf out;

    for (size_t i = 0; i < e->n; i++)
        parts[i] = (cocos__envelope_part){e->parts[i].media_type, e->parts[i].data};
    cocos__buf_init(&out, COCOS__ENVELOPE_MAX);
    if (cocos__envelope_encode(e->claims, parts, e->n, &out, NULL) < 0 || out.len != size ||
        memcmp(out.data, data, size) != 0)
        abort();
    cocos__buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__envelope e;
    cocos__buf out;
    size_t half = size / 2;

    if (cocos__envelope_parse((cocos__span){data, size}, &e, NULL) == COCOS_OK)
        again(&e, data, size);
    cocos__buf_init(&out, COCOS__ENVELOPE_MAX);
    (void)!cocos__envelope_attach((cocos__span){data, half},
                                  (cocos__span){data + half, size - half}, &out, NULL);
    cocos__buf_done(&out);
    return 0;
}
