/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_HCL_H
#define COCOS_VTPM_HCL_H

/*
 * What an Azure confidential VM finds in NV index 0x01400001: a hardware report, and the runtime
 * claims whose SHA-256 is the first half of its data slot. Among the claims is the TPM's key.
 */

#include "vtpm/tpm.h"

enum cocos__hcl_type { COCOS__HCL_SNP = 2, COCOS__HCL_TDX = 4 };

typedef struct cocos__hcl {
    int type; /* enum cocos__hcl_type */
    cocos__span
        report; /* SNP: the report; TDX: a TDREPORT, which only the machine itself can check */
    cocos__span claims; /* JSON */
} cocos__hcl;

/* MALFORMED "vtpm.hcl_format". Spans go into `data`. */
int cocos__hcl_read(cocos__span data, cocos__hcl *ret, cocos_error **err);
int cocos__hcl_recognise(cocos__span data);

#endif
