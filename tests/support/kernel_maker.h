/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_KERNEL_MAKER_H
#define COCOS_TESTS_KERNEL_MAKER_H

/*
 * A file that is a Linux kernel as far as firmware and boot loaders look: PE32+ with two sections,
 * named in the wrong order, something behind them and a certificate table; and the boot header of
 * Linux for x86.
 */

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

#define KERNEL_SIZE        0x1940
#define KERNEL_PE          0x40
#define KERNEL_OPTIONAL    (KERNEL_PE + 24)
#define KERNEL_CHECKSUM    (KERNEL_OPTIONAL + 64)
#define KERNEL_ENTRIES     (KERNEL_OPTIONAL + 108)
#define KERNEL_SECURITY    (KERNEL_OPTIONAL + 112 + 4 * 8)
#define KERNEL_SECTIONS    (KERNEL_OPTIONAL + 160)
#define KERNEL_HEADERS     0x400
#define KERNEL_CERTIFICATE 0x1900

static inline void kernel_make(uint8_t k[KERNEL_SIZE])
{
    for (size_t i = 0; i < KERNEL_SIZE; i++)
        k[i] = (uint8_t)(i * 7 + (i >> 8));
    memset(k + KERNEL_PE, 0, KERNEL_HEADERS - KERNEL_PE);
    memcpy(k, "MZ", 2);
    cocos__put_u32le(k + 0x3c, KERNEL_PE);
    memcpy(k + KERNEL_PE, "PE\0\0", 4);
    cocos__put_u16le(k + KERNEL_PE + 4, 0x8664);
    cocos__put_u16le(k + KERNEL_PE + 6, 3);
    cocos__put_u16le(k + KERNEL_PE + 20, 160);
    cocos__put_u16le(k + KERNEL_OPTIONAL, 0x20b);
    cocos__put_u32le(k + KERNEL_OPTIONAL + 60, KERNEL_HEADERS);
    cocos__put_u32le(k + KERNEL_CHECKSUM, 0x12345678);
    cocos__put_u32le(k + KERNEL_ENTRIES, 6);
    cocos__put_u32le(k + KERNEL_SECURITY, KERNEL_CERTIFICATE);
    cocos__put_u32le(k + KERNEL_SECURITY + 4, KERNEL_SIZE - KERNEL_CERTIFICATE);
    static const uint32_t sections[3][2] = {{0x800, 0x1000}, {0, 0}, {0xc00, 0x400}};
    for (size_t i = 0; i < 3; i++) {
        cocos__put_u32le(k + KERNEL_SECTIONS + 40 * i + 16, sections[i][0]);
        cocos__put_u32le(k + KERNEL_SECTIONS + 40 * i + 20, sections[i][1]);
    }
    memcpy(k + 0x202, "HdrS", 4);
    cocos__put_u16le(k + 0x206, 0x20f);
    k[0x211] = 0x01;
    cocos__put_u16le(k + 0x236, 0x7f);
}

#endif
