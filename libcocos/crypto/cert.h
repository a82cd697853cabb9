/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_CERT_H
#define COCOS_CRYPTO_CERT_H

/*
 * X.509 certificates as evidence carries them: read, looked at, and checked against each other.
 * Reading checks form only; nothing in a certificate is believed before cocos__chain_verify().
 */

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/pubkey.h"

typedef struct cocos__cert cocos__cert; /* immutable; counted */

#define COCOS__CERT_DER_MAX 65536 /* bytes of one certificate */
#define COCOS__CERTS_MAX    8     /* certificates of one list */

/* One DER certificate with nothing behind it. MALFORMED "cert.form"; EXHAUSTED "cert.size". */
int cocos__cert_parse(const uint8_t *der, size_t len, cocos__cert **ret, cocos_error **err);
cocos__cert *cocos__cert_ref(cocos__cert *cert);
void cocos__cert_free(cocos__cert *cert);
COCOS__DEFINE_FREEP(cocos__cert_freep, cocos__cert *, cocos__cert_free)

typedef struct cocos__certs {
    cocos__cert *at[COCOS__CERTS_MAX];
    size_t n;
} cocos__certs;

/*
 * Appends what the bytes hold: PEM blocks (other text around them is skipped, one block that is no
 * certificate is an error) or one DER certificate. EXHAUSTED "cert.count" above COCOS__CERTS_MAX.
 */
int cocos__certs_add(cocos__certs *list, const uint8_t *data, size_t len, cocos_error **err);
/* The same; a certificate whose bytes are those of one in `known` is shared with it, not read
 * again. */
int cocos__certs_add_known(cocos__certs *list,
                           const cocos__certs *known,
                           const uint8_t *data,
                           size_t len,
                           cocos_error **err);
void cocos__certs_done(cocos__certs *list);

cocos__span cocos__cert_der(const cocos__cert *cert);
/* 32 bytes; zeros unless the certificate is self-issued, as every root is. */
const uint8_t *cocos__cert_spki_sha256(const cocos__cert *cert);
const cocos__pubkey *cocos__cert_key(const cocos__cert *cert);   /* NULL for a kind we do not use */

/* Common name, "" when there is not exactly one; at most 64 bytes, printable ASCII. Borrowed. */
const char *cocos__cert_subject_cn(const cocos__cert *cert);
const char *cocos__cert_issuer_cn(const cocos__cert *cert);

/* One attribute of a name: its short name ("O", "OU", "L", "ST", "C", "CN") and value. */
typedef struct cocos__name_part {
    const char *type;
    const char *value;
} cocos__name_part;

enum cocos__which_name { COCOS__SUBJECT = 1, COCOS__ISSUER = 2 };

/* 1 when the name has each of the parts exactly once. Other attributes do not matter. */
int cocos__cert_name_has(const cocos__cert *cert,
                         int which,
                         const cocos__name_part *parts,
                         size_t n);

int cocos__cert_is_v3(const cocos__cert *cert);
int cocos__cert_is_self_issued(const cocos__cert *cert); /* subject equals issuer */
int64_t cocos__cert_not_before(const cocos__cert *cert); /* seconds since 1970 */
int64_t cocos__cert_not_after(const cocos__cert *cert);

/* -1 before, 0 within, 1 after the validity (both ends included) at `time_s`. */
int cocos__cert_when(const cocos__cert *cert, int64_t time_s);

enum cocos__cert_signature {
    COCOS__SIG_OTHER = 0,
    COCOS__SIG_PSS_SHA384 = 1, /* MGF1 with SHA-384, salt of 48 bytes */
    COCOS__SIG_ECDSA_SHA256 = 2,
    COCOS__SIG_ECDSA_SHA384 = 3
};
int cocos__cert_signature_kind(const cocos__cert *cert);

/*
 * Extensions by the content bytes of their object identifier. find gives how often it is there
 * (0, 1, 2 = more than once) and the first value; value is the content of the OCTET STRING.
 */
size_t cocos__cert_ext_count(const cocos__cert *cert);
int cocos__cert_ext_find(const cocos__cert *cert,
                         const uint8_t *oid,
                         size_t oid_len,
                         cocos__span *value);
/* 1 when some extension occurs twice. */
int cocos__cert_ext_doubled(const cocos__cert *cert);
/* 1 when there is exactly one CRL distribution point with exactly this URL. */
int cocos__cert_has_crl_url(const cocos__cert *cert, const char *url);

#endif
