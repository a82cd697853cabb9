/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_GOLDEN_H
#define COCOS_VTPM_GOLDEN_H

/* PCR values as JSON writes them: {"sha256": {"0": "hex", …}, …}. */

#include "vtpm/tpm.h"

typedef struct cocos__pcr_values {
    uint32_t mask[COCOS__BANKS]; /* PCRs that have a value */
    uint8_t value[COCOS__BANKS][COCOS__PCRS][COCOS__PCR_MAX];
} cocos__pcr_values;

/*
 * `wrapped`: the values are the member "pcr_values", and no other member may stand beside it.
 * MALFORMED "vtpm.pcr_policy_format": not JSON, no such bank or PCR, a value of another length.
 */
int cocos__pcr_values_read(cocos__span text,
                           int wrapped,
                           cocos__pcr_values *ret,
                           cocos_error **err);

#endif
