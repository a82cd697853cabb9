/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_POLICY_H
#define COCOS_VTPM_POLICY_H

/* What a policy says about TPM quotes. Unset rules have the default named beside them. */

#include "base/rule.h"
#include "vtpm/tpm.h"

/* Why an attestation key may be believed; words of rule vtpm.ak_trust in this order. */
enum cocos__ak_trust {
    COCOS__AK_PINNED = 0,
    COCOS__AK_CERTIFICATE = 1,
    COCOS__AK_TEE = 2,
    COCOS__AK_SVSM = 3 /* the virtual TPM of an SVSM; see vtpm/check_svsm.c */
};
#define COCOS__AK_TRUST_WORDS "pinned|certificate|tee|svsm"

/* How a TEE report names the key; words of rule vtpm.binding. */
enum cocos__tee_binding {
    COCOS__BINDING_CLAIMS = 0, /* cocos-v1 section 1, key 5 */
    COCOS__BINDING_LEGACY = 1, /* the Go programs: SHA3-512(nonce || public area) */
    COCOS__BINDING_AZURE = 2   /* the paravisor's report: its hash covers runtime claims */
};
#define COCOS__BINDING_WORDS "claims|legacy|azure"

#define COCOS__BANK_WORDS "sha1|sha256|sha384|sha512" /* in the order of enum cocos__tpm_bank */

typedef struct cocos__vtpm_policy {
    cocos__match nonce;           /* must be stated, here, by claims or by without_nonce */
    cocos__number without_nonce;  /* 0; 1: quotes must carry an empty nonce */
    cocos__number ak_trust;       /* must be stated; `pinned` when keys are listed */
    cocos__match ak;              /* SHA-256 digests of public areas */
    cocos__number binding;        /* claims */
    cocos__match tee_nonce;       /* for the legacy binding */
    cocos__number allow_sha1;     /* 0 */
    cocos__number bank;           /* free; this bank must be quoted */
    cocos__number require_ima;    /* 0 */
    cocos__number ima_violations; /* 0 */
    cocos__number ima_padded;     /* 0 */
    cocos__boot_rules boot;
    cocos__number pcrs; /* some PCR or image must be stated; only `any` lifts that */
    cocos__match pcr[COCOS__BANKS][COCOS__PCRS];

    /* From the claims of the policy, filled when a verifier is made. */
    int has_claims;
    uint8_t claims_slot[64]; /* what a report's data slot must hold */
    int has_claims_ak;
    uint8_t claims_ak[32]; /* SHA-256 of the public area, key 5 of the claims */
} cocos__vtpm_policy;

#endif
