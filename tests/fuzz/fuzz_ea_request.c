/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a request is taken for lies within its bytes, and only what is whole is taken. */
#include <stdlib.h>

#include "transport/authenticator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_inside(cocos__span s, const uint8_t *data, size_t size)
{
    return s.len == 0 || (s.data >= data && s.len <= size - (size_t)(s.data - data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__ea_request rq;
    size_t rest = 0;

    if (cocos__ea_request_parse((cocos__span){data, size}, &rq, &rest, NULL) < 0)
        return 0;
    if (rq.bytes.len + rest != size || rq.schemes.len % 2 != 0 ||
        !is_inside(rq.context, data, size) || !is_inside(rq.schemes, data, size))
        abort();
    for (size_t i = 0; i < rq.extensions.n; i++) {
        if (!is_inside(rq.extensions.at[i].data, data, size))
            abort();
    }
    return 0;
}
