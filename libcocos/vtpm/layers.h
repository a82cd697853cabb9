/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_LAYERS_H
#define COCOS_VTPM_LAYERS_H

#include "vtpm/boot.h"

/* One log in the making of its rows. */
typedef struct cocos__boot_case {
    const cocos__boot_kind *kind;
    const cocos__boot_rules *rules;
    const cocos__boot_bank *bank;  /* COCOS__BANKS of them */
    uint32_t proven[COCOS__BANKS]; /* registers whose value the log explains */
    cocos__rows *rows;
} cocos__boot_case;

/* The rows of kernel, command line and initrd, once the replay was compared. */
int cocos__boot_check_layers(const cocos__boot_case *c, cocos__span log, cocos_error **err);

#endif
