/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EVIDENCE_TPM_H
#define COCOS_EVIDENCE_TPM_H

/* The TPM provider's parts. Everything here is used by one thread, the one of the TPM's lane. */

#include <tss2/tss2_esys.h>

#include "base/bytes.h"
#include "crypto/pubkey.h"
#include "evidence/provider.h"

#define COCOS__TPM_BANKS 4
#define COCOS__TPM_PCRS  24

#define COCOS__PCR_MANIFEST    15 /* cocos-v1 section 1 */
#define COCOS__TPM_EXTENDS_MAX 64
#define COCOS__TPM_MESSAGE_MAX 65536

typedef struct cocos__tpm_bank {
    TPMI_ALG_HASH alg;
    int digest; /* enum cocos__digest_alg */
    uint8_t select[3];
} cocos__tpm_bank;

typedef struct cocos__tpm {
    const cocos__evidence_config *config; /* lives as long as the lane */
    TSS2_TCTI_CONTEXT *tcti;              /* NULL: not connected */
    ESYS_CONTEXT *esys;
    ESYS_TR ak;
    cocos__buf ak_pub; /* TPMT_PUBLIC */
    uint8_t ak_digest[32];
    int has_ak; /* ak_digest is that of the first connection */
    cocos__pubkey *ak_key;
    cocos__tpm_bank bank[COCOS__TPM_BANKS];
    size_t n_banks;
    uint8_t extended[COCOS__TPM_EXTENDS_MAX][32];
    size_t n_extended;
} cocos__tpm;

/* The values of one bank and what the TPM signed over them. */
typedef struct cocos__tpm_quoted {
    TPM2B_ATTEST *attest;
    TPMT_SIGNATURE *signature;
    uint8_t pcr[COCOS__TPM_PCRS][64];
    uint32_t mask; /* bit i: there is a value of PCR i */
} cocos__tpm_quoted;
void cocos__tpm_quoted_done(cocos__tpm_quoted *q);

/* IO "evidence.device": the TPM (or the way to it) refused `what`. */
int cocos__tpm_fail(cocos_error **err, TSS2_RC rc, const char *what);

/* Connects and learns the banks. NOT_FOUND, DENIED: no such device; UNSUPPORTED "evidence.tcti". */
int cocos__tpm_connect(cocos__tpm *t, cocos_error **err);
void cocos__tpm_disconnect(cocos__tpm *t);
/* Finds or makes the attestation key; `made` becomes 1 when it had to. */
int cocos__tpm_load_ak(cocos__tpm *t, int *made, cocos_error **err);

size_t cocos__tpm_bank_size(const cocos__tpm_bank *bank);
/* The values of the PCRs in `select`. */
int cocos__tpm_read_pcrs(cocos__tpm *t,
                         const cocos__tpm_bank *bank,
                         const uint8_t select[3],
                         cocos__tpm_quoted *ret,
                         cocos_error **err);
/* All PCRs of a bank, quoted, and read until the values are those that were quoted. */
int cocos__tpm_quote(cocos__tpm *t,
                     const cocos__tpm_bank *bank,
                     const cocos__ask *ask,
                     cocos__tpm_quoted *ret,
                     cocos_error **err);
/* Appends the message attest.Attestation of the Go programs (protobuf). */
int cocos__tpm_message(const cocos__tpm *t,
                       const cocos__tpm_quoted *quoted,
                       cocos__buf *out,
                       cocos_error **err);
int cocos__tpm_extend(cocos__tpm *t, const uint8_t manifest[32], cocos_error **err);

#endif
