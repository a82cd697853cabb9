/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_SVSM_H
#define COCOS_VTPM_SVSM_H

/*
 * What a secure VM service module (SVSM, AMD 58019) says about the virtual TPM that it runs. It
 * asks for its report at VMPL 0, with SHA-512(nonce || services manifest) as data; software of the
 * guest, at a higher VMPL, cannot.
 */

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__SVSM_NONCE 64

/*
 * The public area of the endorsement key: version 0 of the vTPM's manifest, alone or inside the
 * manifest of all services. MALFORMED "vtpm.svsm_format".
 */
int cocos__svsm_endorsement(cocos__span manifest, cocos__span *ret, cocos_error **err);

/* tpm.CertifiedBlob: a public area, TPM2_Certify over it, the signature. */
typedef struct cocos__svsm_certified {
    cocos__span public;
    cocos__span attest;
    cocos__span signature;
} cocos__svsm_certified;
/* MALFORMED "vtpm.svsm_format". */
int cocos__svsm_certified_read(cocos__span data, cocos__svsm_certified *ret, cocos_error **err);

#endif
