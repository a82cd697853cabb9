/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_VERIFY_H
#define COCOS_VTPM_VERIFY_H

/*
 * Judges TPM quotes (pure; the time is an argument). Order: form, attestation key, then every quote
 * that is there: signature, magic and type, nonce, selection, values. Only PCRs of quotes that held
 * are believed by what follows: event log, IMA list, golden values.
 */

#include "base/pack.h"
#include "crypto/cert.h"
#include "crypto/pubkey.h"
#include "vtpm/policy.h"

#define COCOS__VTPM_BLOBS_MAX 32

typedef struct cocos__vtpm_evidence {
    cocos__span main;   /* attest.Attestation, or one TPMS_ATTEST with the next three beside it */
    cocos__span ak_pub; /* TPMT_PUBLIC */
    cocos__span signature; /* TPMT_SIGNATURE */
    cocos__span pcrs;      /* JSON: {bank: {index: hex}} */
    cocos__span event_log; /* these two in either form */
    cocos__span ima_log;
    cocos__span extends;  /* what the agent says it extended, CBOR; empty: no list */
    cocos__span manifest; /* digest that claims name; empty: none */
    cocos__span
        certs[COCOS__VTPM_BLOBS_MAX]; /* intermediates for the AK's certificate; DER or PEM */
    size_t n_certs;
    cocos__span hcl;           /* Azure: contents of NV index 0x01400001 */
    cocos__span svsm_manifest; /* services manifest of an SVSM; empty: none */
    cocos__span certified;     /* tpm.CertifiedBlob of the key; empty: none */
    int64_t tee_vmpl;          /* that asked for the report; -1: no SNP report */
    int tee_data;              /* was its data held to nonce and manifest? enum cocos__outcome */
    cocos__span tee_slot;      /* data slot of a TEE report beside the evidence; empty: none */
    const char *tee_name;      /* of that report, for people */
    const char
        *tee_rows; /* a row that says whether that report is genuine; NULL: nobody judges it */
} cocos__vtpm_evidence;

/* An attestation key made from its public area: bytes for bytes the same key, with no trust in it.
 */
typedef struct cocos__vtpm_kept {
    cocos__pack public;
    cocos__pubkey *key; /* NULL: nothing kept */
} cocos__vtpm_kept;

/* MALFORMED: there is no readable key that could have signed quotes. */
int cocos__vtpm_keep(const cocos__vtpm_evidence *ev, cocos__vtpm_kept *ret, cocos_error **err);
void cocos__vtpm_kept_done(cocos__vtpm_kept *kept);

/*
 * Adds the section of rows of one machine's quotes. `roots` are those that an AK's certificate may
 * end at, NULL: none; so may `kept` be. COCOS_OK when judged, whatever the rows say; otherwise no
 * judgement.
 */
int cocos__vtpm_verify(const cocos__vtpm_evidence *ev,
                       const cocos__vtpm_policy *policy,
                       const cocos__certs *roots,
                       const cocos__vtpm_kept *kept,
                       int64_t time_s,
                       cocos__rows *rows,
                       cocos_error **err);

/* Does this look like quotes, by its first bytes? */
int cocos__vtpm_recognise(const uint8_t *data, size_t len);

#endif
