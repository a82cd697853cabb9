/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_CHECKS_H
#define COCOS_VTPM_CHECKS_H

/* The rows of a TPM section in their fixed order, and the parts of the work. */

#include "vtpm/golden.h"
#include "vtpm/log.h"
#include "vtpm/message.h"
#include "vtpm/verify.h"

enum {
    VTPM_FORM,
    VTPM_AK_PUBLIC,
    VTPM_AK_CERTIFICATE,
    VTPM_AK_VALIDITY,
    VTPM_AK_TRUST,
    VTPM_TEE_REPORT,
    VTPM_TEE_FORM,
    VTPM_ALGORITHM,
    VTPM_SIGNATURE,
    VTPM_MAGIC,
    VTPM_TYPE,
    VTPM_NONCE,
    VTPM_SELECTION,
    VTPM_VALUES,
    VTPM_DIGEST,
    VTPM_BANK, /* one a bank */
    VTPM_STRONG = VTPM_BANK + COCOS__BANKS,
    VTPM_DEMANDED,
    VTPM_LOG,
    VTPM_REPLAY,
    VTPM_UNEXPLAINED,
    VTPM_KERNEL,
    VTPM_COMMAND_LINE,
    VTPM_INITRD,
    VTPM_IMA_LIST,
    VTPM_IMA_VIOLATIONS,
    VTPM_IMA_PCR,
    VTPM_EXTENDS,
    VTPM_PCR, /* one a PCR */
    VTPM_PCRS = VTPM_PCR + COCOS__PCRS,
    VTPM_CHECKS
};

extern const cocos__check cocos__vtpm_checks[VTPM_CHECKS];

/* Who vouches for what was found. */
#define BY_MESSAGE "evidence"
#define BY_AK      "attestation key"

/* One judgement in the making. */
typedef struct cocos__vtpm_state {
    const cocos__vtpm_evidence *ev;
    const cocos__vtpm_policy *policy;
    cocos__rows *rows;
    cocos__vtpm_message message;
    cocos__tpm_public public;
    const cocos__vtpm_kept *kept; /* NULL: nothing kept */
    cocos__pubkey *own_key;       /* NULL: not made, or kept */
    const cocos__pubkey *key;
    const cocos__vtpm_quote *believed[COCOS__BANKS]; /* NULL: no quote of this bank held */
    cocos__pcr_values beside; /* values of a single quote, decoded from JSON */
} cocos__vtpm_state;

/* Banks whose PCRs are believed; without SHA-1 unless the policy allows it. */
unsigned cocos__vtpm_banks(const cocos__vtpm_state *s);

/* AK_PUBLIC, and s->key; 1 when it can be used. A failure to try is in *status. */
int cocos__vtpm_check_public(cocos__vtpm_state *s, int *status, cocos_error **err);
/* AK_CERTIFICATE, AK_VALIDITY, AK_TRUST, TEE_REPORT. */
int cocos__vtpm_check_trust(cocos__vtpm_state *s,
                            const cocos__certs *roots,
                            int64_t time_s,
                            cocos_error **err);
/* AK_TRUST by the report of a TEE. */
int cocos__vtpm_check_binding(cocos__vtpm_state *s, const uint8_t *ak_sha256, cocos_error **err);
/* AK_TRUST by the virtual TPM of an SVSM. */
int cocos__vtpm_check_svsm(cocos__vtpm_state *s, const uint8_t *ak_sha256, cocos_error **err);

/* Why this is no key that signs only what its TPM made; NULL: it is one. */
const char *cocos__vtpm_public_defect(const cocos__tpm_public *p, int allow_sha1);
/* The key itself; MALFORMED when its numbers are none. */
int cocos__vtpm_key(const cocos__tpm_public *p, cocos__pubkey **ret, cocos_error **err);
/* COCOS_OK; REJECTED: it does not hold; another status: it could not be tried. */
int cocos__vtpm_signature(const cocos__pubkey *key,
                          cocos__span data,
                          const cocos__tpm_signature *sig,
                          cocos_error **err);

/* Everything from ALGORITHM to DEMANDED. */
int cocos__vtpm_check_quotes(cocos__vtpm_state *s, cocos_error **err);
/* LOG to INITRD. */
int cocos__vtpm_check_log(cocos__vtpm_state *s, cocos_error **err);
int cocos__vtpm_check_ima(cocos__vtpm_state *s, cocos_error **err);
int cocos__vtpm_check_extends(cocos__vtpm_state *s, cocos_error **err);
/* The rows of the PCRs. */
void cocos__vtpm_check_pcrs(cocos__vtpm_state *s);

/* Azure (binding.c, hcl.c): SHA-256 of the runtime claims when they name this key. */
int cocos__hcl_binds(cocos__span hcl,
                     const cocos__tpm_public *ak,
                     uint8_t slot[32],
                     cocos_error **err);

#endif
