/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/linux.h"

/* Fields of the real-mode header, boot.rst "The Real-Mode Kernel Header". */
#define MAGIC_AT          0x202
#define MAGIC             0x53726448 /* "HdrS" */
#define PROTOCOL_AT       0x206
#define LOADER_AT         0x210
#define LOAD_FLAGS_AT     0x211
#define RAMDISK_AT        0x218
#define RAMDISK_SIZE_AT   0x21c
#define HEAP_END_AT       0x224
#define COMMAND_LINE_AT   0x228
#define XLOAD_FLAGS_AT    0x236
#define HEADER_END        0x268
#define LOADED_HIGH       0x01 /* of LOAD_FLAGS */
#define CAN_USE_HEAP      0x80
#define ABOVE_4G          0x02 /* of XLOAD_FLAGS */
#define PROTOCOL_XLOAD    0x020c
#define LOADER_QEMU       0xb0
#define REAL_MODE_ADDRESS 0x10000
#define LINE_ADDRESS      0x20000

/*
 * hw/i386/pc_q35.c: at least this much memory is split, and so much of it is then below 4 GiB. What
 * pc.c keeps free at its end for ACPI tables.
 */
#define SPLIT_FROM UINT64_C(0xb0000000)
#define SPLIT_AT   UINT64_C(0x80000000)
#define ACPI_DATA  UINT64_C(0x28000)
#define PAGE_MASK  UINT64_C(0xfff)

static int check_protocol(const uint8_t *kernel, size_t len, cocos_error **err)
{
    if (len < HEADER_END || cocos__u32le(kernel + MAGIC_AT) != MAGIC)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "measure.kernel",
                           "the kernel has no boot header of Linux for x86");
    if (cocos__u16le(kernel + PROTOCOL_AT) < PROTOCOL_XLOAD ||
        !(kernel[LOAD_FLAGS_AT] & LOADED_HIGH) || !(kernel[XLOAD_FLAGS_AT] & ABOVE_4G))
        return cocos__fail(
            err, COCOS_ERR_UNSUPPORTED, "measure.kernel",
            "the kernel's boot protocol is 0x%04x; expected 0x020c or later, loaded high, with an "
            "initrd anywhere",
            (unsigned)cocos__u16le(kernel + PROTOCOL_AT));
    return COCOS_OK;
}

int cocos__linux_fill_header(
    uint8_t *kernel, size_t len, uint64_t memory, uint64_t initrd_len, cocos_error **err)
{
    uint64_t low = memory >= SPLIT_FROM ? SPLIT_AT : memory;

    int r = check_protocol(kernel, len, err);
    if (r < 0)
        return r;
    if (low <= ACPI_DATA || initrd_len >= low - ACPI_DATA - 1)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.memory",
                           "%llu bytes of memory are too few for an initrd of %llu bytes",
                           (unsigned long long)memory, (unsigned long long)initrd_len);

    kernel[LOADER_AT] = LOADER_QEMU;
    kernel[LOAD_FLAGS_AT] |= CAN_USE_HEAP;
    cocos__put_u16le(kernel + HEAP_END_AT, LINE_ADDRESS - REAL_MODE_ADDRESS - 0x200);
    cocos__put_u32le(kernel + COMMAND_LINE_AT, LINE_ADDRESS);
    if (initrd_len > 0) {
        uint64_t at = (low - ACPI_DATA - 1 - initrd_len) & ~PAGE_MASK;
        cocos__put_u32le(kernel + RAMDISK_AT, (uint32_t)at);
        cocos__put_u32le(kernel + RAMDISK_SIZE_AT, (uint32_t)initrd_len);
    }
    return COCOS_OK;
}

static void put_utf16(cocos__buf *out, const char *ascii)
{
    for (; *ascii; ascii++)
        cocos__buf_add_u16le(out, (uint8_t)*ascii);
}

void cocos__linux_load_options(const char *line, const char *added, cocos__buf *out)
{
    put_utf16(out, line);
    put_utf16(out, added);
    cocos__buf_add_u16le(out, 0);
}
