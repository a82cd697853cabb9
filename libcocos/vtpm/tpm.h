/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_TPM_H
#define COCOS_VTPM_TPM_H

/*
 * TPM 2.0 structures as a quote carries them (TCG TPM 2.0 Library, part 2): read by the bounded
 * reader, whole, with nothing behind them. Reading believes nothing.
 */

#include "base/bytes.h"
#include "base/error.h"

/* PCR banks that are known, weakest first. */
enum cocos__tpm_bank {
    COCOS__BANK_SHA1 = 0,
    COCOS__BANK_SHA256 = 1,
    COCOS__BANK_SHA384 = 2,
    COCOS__BANK_SHA512 = 3,
    COCOS__BANKS = 4
};
#define COCOS__BANK_NONE (-1)
#define COCOS__PCRS      24
#define COCOS__PCR_MAX   64 /* bytes of the largest bank's values */

int cocos__bank_of_alg(uint32_t tpm_alg); /* COCOS__BANK_NONE for others */
int cocos__bank_by_name(const char *name, size_t len);
const char *cocos__bank_name(int bank); /* "sha256" */
size_t cocos__bank_size(int bank);
int cocos__bank_digest(int bank); /* enum cocos__digest_alg */

/* TPM_ALG_ID, part 2 section 6.3 */
#define TPM_ALG_RSA    0x0001
#define TPM_ALG_SHA1   0x0004
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c
#define TPM_ALG_SHA512 0x000d
#define TPM_ALG_NULL   0x0010
#define TPM_ALG_SM3    0x0012
#define TPM_ALG_RSASSA 0x0014
#define TPM_ALG_RSAES  0x0015
#define TPM_ALG_RSAPSS 0x0016
#define TPM_ALG_ECDSA  0x0018
#define TPM_ALG_ECDAA  0x001a
#define TPM_ALG_ECC    0x0023

/* TPM_ECC_CURVE, part 2 section 6.4 */
#define TPM_ECC_NIST_P256 0x0003
#define TPM_ECC_NIST_P384 0x0004

/* TPMA_OBJECT, part 2 section 8.3 */
#define TPMA_FIXED_TPM             (UINT32_C(1) << 1)
#define TPMA_FIXED_PARENT          (UINT32_C(1) << 4)
#define TPMA_SENSITIVE_DATA_ORIGIN (UINT32_C(1) << 5)
#define TPMA_RESTRICTED            (UINT32_C(1) << 16)
#define TPMA_DECRYPT               (UINT32_C(1) << 17)
#define TPMA_SIGN                  (UINT32_C(1) << 18)

#define TPM_GENERATED_VALUE   0xff544347u
#define TPM_ST_ATTEST_CERTIFY 0x8017
#define TPM_ST_ATTEST_QUOTE   0x8018

/* TPMT_PUBLIC of an RSA or ECC key. Spans go into the caller's bytes. */
typedef struct cocos__tpm_public {
    uint16_t type;
    uint16_t name_alg;
    uint32_t attributes;
    uint16_t scheme; /* TPM_ALG_NULL: none */
    uint16_t scheme_hash;
    uint16_t key_bits; /* RSA */
    uint32_t exponent; /* RSA; 0 means 65537 */
    uint16_t curve;    /* ECC */
    cocos__span n;     /* RSA */
    cocos__span x;     /* ECC */
    cocos__span y;
} cocos__tpm_public;

/* TPMT_SIGNATURE. */
typedef struct cocos__tpm_signature {
    uint16_t scheme;
    uint16_t hash;
    cocos__span sig; /* RSA */
    cocos__span r;   /* ECDSA */
    cocos__span s;
} cocos__tpm_signature;

/* TPMS_ATTEST. What follows `firmware` is read only when magic and type are those of a quote. */
typedef struct cocos__tpm_attest {
    uint32_t magic;
    uint16_t type;
    cocos__span signer; /* qualified name of the key */
    cocos__span extra;  /* the nonce */
    uint64_t clock;
    uint32_t resets;
    uint32_t restarts;
    uint8_t safe;
    uint64_t firmware;
    uint32_t selections;
    uint16_t bank_alg; /* of the first selection */
    uint32_t mask;     /* of the first selection; bit i is PCR i */
    cocos__span pcr_digest;
    cocos__span rest; /* of a structure that is no quote: what follows `firmware` */
} cocos__tpm_attest;

/* Did a TPM make it, of this type (TPM_ST_ATTEST_…)? */
static inline int cocos__tpm_attests(const cocos__tpm_attest *a, uint16_t type)
{
    return a->magic == TPM_GENERATED_VALUE && a->type == type;
}

/* MALFORMED "vtpm.format": cut, with a value that cannot stand there, or with bytes left over. */
int cocos__tpm_public_read(cocos__span data, cocos__tpm_public *ret, cocos_error **err);
int cocos__tpm_signature_read(cocos__span data, cocos__tpm_signature *ret, cocos_error **err);
int cocos__tpm_attest_read(cocos__span data, cocos__tpm_attest *ret, cocos_error **err);
/* The name of the key that TPM2_Certify saw, of TPMS_CERTIFY_INFO. */
int cocos__tpm_certify_read(cocos__span data, cocos__span *name, cocos_error **err);

#endif
