/* SPDX-License-Identifier: Apache-2.0 */
/* The event log against the PCRs that were quoted. */
#include "vtpm/boot.h"
#include "vtpm/checks.h"

/* TCG PC Client section 3.3.4: PCR 4 images, 8 strings of boot loaders, 9 their files. */
static const cocos__boot_kind kind = {
    .registers = "PCRs",
    .signer = BY_AK,
    .known = 0xffffff,
    .dynamic = 0x7e0000, /* 17 to 22 begin as ones */
    .images = 1u << 4,
    .files = 1u << 8 | 1u << 9,
    .row_log = VTPM_LOG,
    .row_replay = VTPM_REPLAY,
    .row_unexplained = VTPM_UNEXPLAINED,
    .row_kernel = VTPM_KERNEL,
    .row_command_line = VTPM_COMMAND_LINE,
    .row_initrd = VTPM_INITRD,
    .code = {"vtpm.log_missing", "vtpm.log_format", "vtpm.log_algorithm", "vtpm.log_bank",
             "vtpm.log_mismatch", "vtpm.kernel", "vtpm.command_line", "vtpm.initrd"},
};

int cocos__vtpm_check_log(cocos__vtpm_state *s, cocos_error **err)
{
    cocos__span log = s->ev->event_log.len ? s->ev->event_log : s->message.event_log;
    cocos__boot_bank banks[COCOS__BANKS] = {0};

    for (int b = 0; b < COCOS__BANKS; b++) {
        const cocos__vtpm_quote *q = s->believed[b];
        for (int i = 0; q && i < COCOS__PCRS; i++)
            banks[b].value[i] = q->pcr[i].data;
        banks[b].mask = q ? q->mask : 0;
    }
    return cocos__boot_check(&kind, &s->policy->boot, log, banks, cocos__vtpm_banks(s), s->rows,
                             err);
}
