/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_ENVELOPE_H
#define COCOS_ATTEST_ENVELOPE_H

/*
 * The envelope in which evidence travels and is kept (cocos-v1 section 1): claims, and the parts
 * that prove them, each under its media type. CBOR {1: "cocos-evidence/1", 2: claims,
 * 3: [[media type, bytes] ...]}.
 */

#include "attest/claims.h"

#define COCOS__ENVELOPE_TYPE  "application/vnd.cocos.evidence+cbor"
#define COCOS__ENVELOPE_MAX   (3u << 20) /* bytes; cocos-v1 section 4, Attest */
#define COCOS__ENVELOPE_PARTS 16

/* Media types of parts. A part of another type is passed over, and the verdict names it. */
#define COCOS__MEDIA_SNP_REPORT "application/vnd.cocos.snp-report"
#define COCOS__MEDIA_SNP_CERTS  "application/vnd.cocos.snp-certs" /* AMD certificate table */
#define COCOS__MEDIA_TDX_QUOTE  "application/vnd.cocos.tdx-quote"
#define COCOS__MEDIA_CCEL       "application/vnd.cocos.ccel" /* event log of TDX */
#define COCOS__MEDIA_TPM_QUOTES                                                                    \
    "application/vnd.cocos.tpm-quotes" /* attest.Attestation: AK, quotes, PCRs */
#define COCOS__MEDIA_EVENT_LOG     "application/vnd.cocos.tcg-event-log" /* of the TPM */
#define COCOS__MEDIA_IMA_LOG       "application/vnd.cocos.ima-log"       /* ASCII list */
#define COCOS__MEDIA_SVSM_MANIFEST "application/vnd.cocos.svsm-manifest"
#define COCOS__MEDIA_AK_CERTIFIED  "application/vnd.cocos.ak-certified" /* tpm.CertifiedBlob */
#define COCOS__MEDIA_EXTENDS                                                                       \
    "application/vnd.cocos.tpm-extends+cbor" /* [[PCR, what, digest] ...] */

typedef struct cocos__envelope_part {
    const char *media_type; /* at most 63 bytes, printable ASCII */
    cocos__span data;
} cocos__envelope_part;

/* Parsed: everything but the media types is borrowed from the bytes. */
typedef struct cocos__envelope {
    cocos__span claims; /* encoded */
    size_t n;
    struct {
        char media_type[64];
        cocos__span data;
    } parts[COCOS__ENVELOPE_PARTS];
} cocos__envelope;

/* Appends the encoding. EXHAUSTED "envelope.size"; USAGE "envelope.part". */
int cocos__envelope_encode(cocos__span claims,
                           const cocos__envelope_part *parts,
                           size_t n,
                           cocos__buf *out,
                           cocos_error **err);
/* Strict: claims well formed, no media type twice, nothing detached. MALFORMED "envelope.form",
 * "claims.form", "cbor.…"; EXHAUSTED "envelope.size". */
int cocos__envelope_parse(cocos__span bytes, cocos__envelope *ret, cocos_error **err);

/* By its first bytes. */
int cocos__envelope_recognise(const uint8_t *data, size_t len);
/* The part of a media type; data NULL: there is none. */
cocos__span cocos__envelope_find(const cocos__envelope *e, const char *media_type);

/*
 * For a carrier with room for `max` bytes: `head` is the envelope with its largest parts replaced
 * by {1: size, 2: SHA-256}, in the order of the parts, as many as needed; `rest` is the replaced
 * bytes one behind the other, empty when all fits. EXHAUSTED "envelope.size".
 */
int cocos__envelope_detach(
    cocos__span whole, size_t max, cocos__buf *head, cocos__buf *rest, cocos_error **err);
/* How many detached bytes a head stands for, before they come. EXHAUSTED "envelope.size". */
int cocos__envelope_detached(cocos__span head, size_t *bytes, cocos_error **err);
/* The whole again. MALFORMED "envelope.detached": sizes or digests differ, or bytes are left. */
int cocos__envelope_attach(cocos__span head, cocos__span rest, cocos__buf *out, cocos_error **err);

#endif
