/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/retry.h"

int64_t cocos__retry_delay(cocos__retry *r, int64_t lived_ns, uint64_t random)
{
    if (lived_ns >= COCOS__RETRY_GOOD_NS)
        r->failures = 0;

    int64_t ceiling = COCOS__RETRY_MIN_NS;
    for (unsigned i = 0; i < r->failures && ceiling < COCOS__RETRY_MAX_NS; i++)
        ceiling *= 2;
    if (ceiling > COCOS__RETRY_MAX_NS)
        ceiling = COCOS__RETRY_MAX_NS;
    if (r->failures < 16)
        r->failures++;

    int64_t half = ceiling / 2;
    return half + (int64_t)(random % (uint64_t)(half + 1));
}
