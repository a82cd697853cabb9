/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_VERIFY_H
#define COCOS_SNP_VERIFY_H

/*
 * Judges a SEV-SNP report (style: pure; the time is an argument). Order: form, certificates to
 * pinned roots, revocation, signature over the received bytes, then what the report says. Nothing
 * in the report is believed before its signature.
 */

#include "base/pack.h"
#include "snp/endorsement.h"
#include "snp/policy.h"

#define COCOS__SNP_BLOBS_MAX 32

typedef struct cocos__snp_evidence {
    cocos__span report; /* 1184 bytes, or with the certificate table behind it */
    cocos__span table;  /* certificate table from elsewhere; empty: none. Its entries come first */
    cocos__span certs[COCOS__SNP_BLOBS_MAX]; /* DER or PEM */
    size_t n_certs;
    cocos__span crls[COCOS__SNP_BLOBS_MAX];
    size_t n_crls;
} cocos__snp_evidence;

/* An endorsement that was built before, with the certificates it was built from. */
typedef struct cocos__snp_kept {
    cocos__pack bytes; /* of certs and table as given */
    cocos__snp_endorsement endorsement;
} cocos__snp_kept;

/*
 * Builds an endorsement to keep from the certificates of `ev`. REJECTED "snp.cert_chain" unless it
 * holds up to a trusted root; MALFORMED, EXHAUSTED from reading them.
 */
int cocos__snp_keep(const cocos__snp_evidence *ev,
                    const cocos__certs *roots,
                    cocos__snp_kept *ret,
                    cocos_error **err);

void cocos__snp_kept_done(cocos__snp_kept *k);

/*
 * Adds the section of rows of one report. `roots` NULL: AMD's. `kept` may be NULL; it is used when
 * the evidence brings the same certificates, or none. Sets *simulated when the chain ends at a root
 * that is not AMD's. COCOS_OK when judged, whatever the rows say; otherwise no judgement.
 */
int cocos__snp_verify(const cocos__snp_evidence *ev,
                      const cocos__snp_policy *policy,
                      const cocos__certs *roots,
                      const cocos__snp_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err);

/* Does this look like a report, by its first bytes? */
int cocos__snp_recognise(const uint8_t *data, size_t len);

#endif
