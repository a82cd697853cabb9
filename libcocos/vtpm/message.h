/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_MESSAGE_H
#define COCOS_VTPM_MESSAGE_H

/*
 * What a machine says with its TPM, taken apart but not believed: the message attest.Attestation of
 * the Go programs (protobuf), or the same from single files.
 */

#include "vtpm/tpm.h"

#define COCOS__QUOTES_MAX        8
#define COCOS__INTERMEDIATES_MAX 7

typedef struct cocos__vtpm_quote {
    cocos__span attest;    /* TPMS_ATTEST */
    cocos__span signature; /* TPMT_SIGNATURE */
    int bank;              /* that the values say they are of; COCOS__BANK_NONE: none we know */
    uint32_t mask;         /* PCRs with a value */
    int beyond;            /* a value of a PCR above 23 */
    cocos__span pcr[COCOS__PCRS];
} cocos__vtpm_quote;

typedef struct cocos__vtpm_message {
    cocos__span ak_pub; /* TPMT_PUBLIC */
    cocos__vtpm_quote quote[COCOS__QUOTES_MAX];
    size_t n_quotes;
    cocos__span event_log;
    cocos__span ak_cert; /* DER */
    cocos__span intermediate[COCOS__INTERMEDIATES_MAX];
    size_t n_intermediates;
    cocos__span svsm_manifest; /* services manifest of an SVSM; empty: none */
    cocos__span snp;           /* sevsnp.Attestation */
    cocos__span tdx;           /* tdx.QuoteV4 */
} cocos__vtpm_message;

/* MALFORMED "vtpm.format"; EXHAUSTED "vtpm.count". Spans go into `data`. */
int cocos__vtpm_message_read(cocos__span data, cocos__vtpm_message *ret, cocos_error **err);

/* By its first field: a public area of an RSA or ECC key, or a quote. */
int cocos__vtpm_message_recognise(const uint8_t *data, size_t len);

/*
 * What the report or quote inside the message has in its data slot: 64 bytes, or an empty span when
 * it holds none. MALFORMED "vtpm.format". `vmpl` is that of an SNP report.
 */
int cocos__vtpm_snp_slot(cocos__span snp, cocos__span *slot, uint64_t *vmpl, cocos_error **err);
int cocos__vtpm_tdx_slot(cocos__span tdx, cocos__span *slot, cocos_error **err);

#define COCOS__VTPM_SNP_REPORT 1184
#define COCOS__VTPM_SNP_CERTS  5

/* An SNP report put back into the bytes that the processor signed, with its certificates. */
typedef struct cocos__vtpm_snp {
    uint8_t report[COCOS__VTPM_SNP_REPORT];
    cocos__span certs[COCOS__VTPM_SNP_CERTS]; /* DER */
    size_t n_certs;
} cocos__vtpm_snp;
int cocos__vtpm_snp_rebuild(cocos__span snp, cocos__vtpm_snp *ret, cocos_error **err);
/* A TDX quote of version 4 put back together, not judged. The buffer's limit is
 * COCOS__VTPM_TDX_MAX. MALFORMED "vtpm.format". */
#define COCOS__VTPM_TDX_MAX (512u << 10)
int cocos__vtpm_tdx_rebuild(cocos__span tdx, cocos__buf *out, cocos_error **err);

#endif
