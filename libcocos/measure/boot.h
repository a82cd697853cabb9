/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MEASURE_BOOT_H
#define COCOS_MEASURE_BOOT_H

/* The inside of a cocos_boot, and its digests one by one. */

#include <cocos/measure.h>

#include "vtpm/log.h"

#define COCOS__BOOT_COUNT_MAX 16
#define COCOS__BOOT_LINE_MAX  2047 /* the kernel's COMMAND_LINE_SIZE of x86, without NUL */

struct cocos_boot {
    uint8_t *kernel; /* NULL: none */
    size_t kernel_len;
    uint64_t initrd_len; /* 0: none */
    uint8_t initrd[COCOS__BANKS][COCOS__PCR_MAX];
    int has_line;
    char line[COCOS__BOOT_LINE_MAX + 1];
    size_t n_memory;
    uint64_t memory[COCOS__BOOT_COUNT_MAX];
    size_t n_firmware;
    struct {
        unsigned banks; /* mask */
        uint8_t pcr0[COCOS__BANKS][COCOS__PCR_MAX];
    } firmware[COCOS__BOOT_COUNT_MAX];
};

/* Kernel as in the file (i = 0) and as QEMU changes it for memory[i - 1]. */
int cocos__boot_kernel(const cocos_boot *b, size_t i, int bank, uint8_t *out, cocos_error **err);
int cocos__boot_line(const cocos_boot *b, int bank, uint8_t *out, cocos_error **err);

#endif
