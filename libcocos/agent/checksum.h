/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_CHECKSUM_H
#define COCOS_AGENT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 (IEEE 802.3) of our own files, against damage, not against attackers. Begins with crc 0.
 */
uint32_t cocos__crc32(uint32_t crc, const uint8_t *p, size_t n);

#endif
