/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/checksum.h"

#define POLYNOMIAL 0xedb88320u /* reflected; bit by bit is fast enough for a few hundred bytes */

uint32_t cocos__crc32(uint32_t crc, const uint8_t *p, size_t n)
{
    crc = ~crc;
    while (n--) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++)
            crc = (crc >> 1) ^ (POLYNOMIAL & (0u - (crc & 1)));
    }
    return ~crc;
}
