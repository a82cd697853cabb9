/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_BOOT_H
#define COCOS_VTPM_BOOT_H

/*
 * The event log of a boot against registers that evidence vouches for: PCRs of quotes, RTMRs of a
 * TDX quote. Also kernel, command line and initrd in a log whose replay gave those registers.
 */

#include "base/rule.h"
#include "vtpm/log.h"

/* What differs between kinds of machines. Rows are ids of the open section. */
typedef struct cocos__boot_kind {
    const char *registers; /* for people, several */
    const char *signer;
    uint32_t known;     /* registers that a log may name */
    uint32_t dynamic;   /* of these, those that do not begin as zeros */
    uint32_t images;    /* where firmware extends what it starts */
    uint32_t files;     /* where command line and initrd go */
    unsigned first_bit; /* that people call register 0 */
    size_t row_log, row_replay, row_unexplained, row_kernel, row_command_line, row_initrd;
    struct {
        const char *missing, *format, *algorithm, *bank, *mismatch, *kernel, *command_line, *initrd;
    } code;
} cocos__boot_kind;

/* Registers of one bank that evidence vouches for. */
typedef struct cocos__boot_bank {
    uint32_t mask;
    const uint8_t *value[COCOS__PCRS];
} cocos__boot_bank;

/*
 * Fills the six rows. `strong`: mask of banks that count; others are only compared. COCOS_OK when
 * judged, whatever the rows say.
 */
int cocos__boot_check(const cocos__boot_kind *kind,
                      const cocos__boot_rules *rules,
                      cocos__span log,
                      const cocos__boot_bank bank[COCOS__BANKS],
                      unsigned strong,
                      cocos__rows *rows,
                      cocos_error **err);

/*
 * Adds the section of the log of a TDX machine (ACPI table CCEL), whose registers are RTMR 0 to 3.
 * rtmr[0] NULL: the quote does not hold, nothing is checked.
 */
int cocos__ccel_verify(cocos__span log,
                       const uint8_t *const rtmr[4],
                       const cocos__boot_rules *rules,
                       cocos__rows *rows,
                       cocos_error **err);

#endif
