/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

/* RFC 3629 section 4: for a first byte, how many follow and the range of the second one. */
static int sequence(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef)
        return 2;
    if (first >= 0xf0 && first <= 0xf4)
        return 3;
    return -1;
}

int cocos__utf8_valid(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint8_t low;
        uint8_t high;
        int n = sequence(data[i++], &low, &high);

        if (n < 0 || (size_t)n > len - i)
            return 0;
        for (; n > 0; n--, i++) {
            if (data[i] < low || data[i] > high)
                return 0;
            low = 0x80;
            high = 0xbf;
        }
    }
    return 1;
}
