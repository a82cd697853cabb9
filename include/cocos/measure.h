/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MEASURE_H
#define COCOS_MEASURE_H

/*
 * What the event log of a machine will hold, computed from the files that it boots: a kernel that
 * QEMU hands to OVMF, its initrd and its command line.
 */

#include <cocos/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a machine boots. Not thread-safe while it is being changed. */
typedef struct cocos_boot cocos_boot;

/** What a machine boots, part by part. */
enum cocos_boot_part {
    COCOS_BOOT_KERNEL = 1,       /**< Linux for x86 with its EFI stub (bzImage) */
    COCOS_BOOT_INITRD = 2,       /**< the initial file system, as it is stored */
    COCOS_BOOT_COMMAND_LINE = 3, /**< text as QEMU is given it, without NUL */
    COCOS_BOOT_EVENT_LOG = 4     /**< log of a machine whose firmware is to be accepted */
};

/** A boot of which nothing is known yet. @param ret [out, owned] free with cocos_boot_free().
 * @return COCOS_ERR_MEMORY.   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_boot_new(cocos_boot **ret, cocos_error **err);

/**
 * Add one part; a kernel, initrd or command line replaces the one before. PCR 0 of firmware
 * depends on the shape of the machine and cannot be computed from a firmware file (OVMF measures
 * itself after it has written down memory, processors and address width), so it is taken from event
 * logs, up to 16, each of a machine whose firmware you chose yourself.
 * @param part  enum cocos_boot_part.
 * @param data  @p len bytes. Copied as far as they are needed.
 * @return COCOS_OK; COCOS_ERR_USAGE "measure.part"; COCOS_ERR_MALFORMED "measure.kernel",
 *         "measure.initrd", "measure.command_line", "vtpm.log_…"; COCOS_ERR_EXHAUSTED
 *         "measure.size", "measure.count"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_boot_add(cocos_boot *boot, int part, const uint8_t *data, size_t len, cocos_error **err);

/**
 * Add a size of memory that the machine may have, up to 16 of them. QEMU up to 9.2 writes into the
 * kernel's header where the initrd will be, which depends on it; such a kernel is measured as
 * changed. Without a size only the kernel as it is in the file is expected.
 * @return COCOS_OK; COCOS_ERR_USAGE "measure.memory": below 64 MiB; COCOS_ERR_EXHAUSTED
 *         "measure.count".   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_boot_add_memory(cocos_boot *boot, uint64_t bytes, cocos_error **err);

/**
 * All digests that can be expected, as JSON, in the banks sha256, sha384 and sha512: "kernel" (a
 * list: as in the file, and as QEMU changes it for each memory), "command_line", "initrd",
 * "firmware" (PCR 0 of each log); what was not added is absent.
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.
 * @return COCOS_OK; COCOS_ERR_UNSUPPORTED "measure.kernel": not a kernel that QEMU changes in the
 *         known way; COCOS_ERR_MALFORMED "measure.memory": too little for this initrd.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_boot_to_json(const cocos_boot *boot, char **ret, cocos_error **err);

/**
 * Accept what this boot measures: one more value each of the rules vtpm.kernel, vtpm.command_line,
 * vtpm.initrd and vtpm.pcr.BANK.0, and coverage of every layer that was added; the agent is in the
 * initrd. On failure the policy stays as it was.
 * @param bank  "sha256", "sha384" or "sha512": the bank that the machine's TPM quotes.
 * @return COCOS_OK; COCOS_ERR_USAGE "measure.bank"; errors of cocos_boot_to_json() and
 *         cocos_policy_add(); COCOS_ERR_MALFORMED "measure.log": a log without this bank. @since
 * 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_policy_add_boot(cocos_policy *policy,
                                                    const cocos_boot *boot,
                                                    const char *bank,
                                                    cocos_error **err);

/** Free @p boot; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_boot_free(cocos_boot *boot);

#ifdef __cplusplus
}
#endif
#endif
