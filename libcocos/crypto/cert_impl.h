/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_CERT_IMPL_H
#define COCOS_CRYPTO_CERT_IMPL_H

/* The inside of certificates and public keys, for the files of this module that call OpenSSL. */

#include <stdatomic.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/cert.h"

#define CN_MAX 64

struct cocos__pubkey {
    EVP_PKEY *pkey;
    int kind;
};

struct cocos__cert {
    atomic_uint refs;
    atomic_int self_signed; /* its signature by its own key was found to hold */
    X509 *x509;
    cocos__pubkey key; /* kind COCOS__KEY_OTHER: pkey is NULL */
    int64_t not_before;
    int64_t not_after;
    int signature_kind;
    uint8_t *der;
    size_t der_len;
    uint8_t spki_sha256[32];
    char subject_cn[CN_MAX + 1];
    char issuer_cn[CN_MAX + 1];
};

/* enum cocos__key_kind of an OpenSSL key. */
int cocos__pkey_kind(const EVP_PKEY *pkey);

struct cocos__crl {
    X509_CRL *x;
    int64_t this_update;
    int64_t next_update; /* 0 when there is none */
};

/* Seconds since 1970; 0 on success. */
int cocos__asn1_seconds(const ASN1_TIME *t, int64_t *ret);

/* The common name as of cocos__cert_subject_cn(). */
void cocos__x509_cn(const X509_NAME *name, char out[CN_MAX + 1]);

/* RFC 4055 parameters of RSASSA-PSS, read and compared with SHA-384, MGF1 with SHA-384, salt 48. */
int cocos__is_pss_sha384(const X509_ALGOR *alg);

#endif
