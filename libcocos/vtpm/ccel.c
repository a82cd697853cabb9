/* SPDX-License-Identifier: Apache-2.0 */
/* The event log of a TDX machine: register 0 is MRTD, which is not extended, 1 to 4 are RTMR0 to 3.
 */
#include "vtpm/boot.h"

enum { LOG, REPLAY, UNEXPLAINED, KERNEL, COMMAND_LINE, INITRD, ROWS };

#define RTMR(n) (UINT32_C(1) << ((n) + 1))
#define SOURCE  "Intel TDX virtual firmware design guide, event log"

static const cocos__check checks[ROWS] = {
    [LOG] = {"tdx.log", SOURCE},
    [REPLAY] = {"tdx.log.replay", SOURCE},
    [UNEXPLAINED] = {"tdx.log.unexplained", SOURCE},
    [KERNEL] = {"tdx.kernel", SOURCE},
    [COMMAND_LINE] = {"tdx.command_line", "Linux EFI stub, CC measurements"},
    [INITRD] = {"tdx.initrd", "Linux EFI stub, CC measurements"},
};

static const cocos__boot_kind kind = {
    .registers = "RTMRs",
    .signer = "attestation key",
    .known = 1 | RTMR(0) | RTMR(1) | RTMR(2) | RTMR(3),
    .images = RTMR(1),
    .files = RTMR(2),
    .first_bit = 1,
    .row_log = LOG,
    .row_replay = REPLAY,
    .row_unexplained = UNEXPLAINED,
    .row_kernel = KERNEL,
    .row_command_line = COMMAND_LINE,
    .row_initrd = INITRD,
    .code = {"tdx.log_missing", "tdx.log_format", "tdx.log_algorithm", "tdx.log_bank",
             "tdx.log_mismatch", "tdx.kernel", "tdx.command_line", "tdx.initrd"},
};

int cocos__ccel_verify(cocos__span log,
                       const uint8_t *const rtmr[4],
                       const cocos__boot_rules *rules,
                       cocos__rows *rows,
                       cocos_error **err)
{
    cocos__boot_bank banks[COCOS__BANKS] = {0};
    cocos__boot_bank *b = &banks[COCOS__BANK_SHA384];

    cocos__rows_begin(rows, checks, ROWS);
    if (!rtmr[0])
        return COCOS_OK;
    for (unsigned i = 0; i < 4; i++) {
        b->mask |= RTMR(i);
        b->value[i + 1] = rtmr[i];
    }
    return cocos__boot_check(&kind, rules, log, banks, 1u << COCOS__BANK_SHA384, rows, err);
}
