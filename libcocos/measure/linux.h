/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MEASURE_LINUX_H
#define COCOS_MEASURE_LINUX_H

/* Linux for x86, as QEMU hands it to firmware (Documentation/arch/x86/boot.rst). */

#include "base/bytes.h"
#include "base/error.h"

/*
 * QEMU (x86_load_linux(), up to 9.2) fills in the kernel's header as a boot loader of a PC would,
 * although OVMF then starts the kernel by its EFI stub; so what is measured is the file with these
 * fields changed. Not done for SEV-SNP, and no more from QEMU 10.0 on. initrd_len 0: none.
 * UNSUPPORTED "measure.kernel": a boot protocol that QEMU fills in otherwise; MALFORMED
 * "measure.memory": the initrd does not fit.
 */
int cocos__linux_fill_header(
    uint8_t *kernel, size_t len, uint64_t memory, uint64_t initrd_len, cocos_error **err);

/*
 * The command line and what firmware adds to it, as the EFI stub measures both: UTF-16LE with its
 * NUL (efi_convert_cmdline() of Linux 5.16 and later). Appends to out.
 */
void cocos__linux_load_options(const char *line, const char *added, cocos__buf *out);

#endif
