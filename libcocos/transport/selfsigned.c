/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh P-256 key and a certificate for it that nobody vouches for: trusted by pin, or later by
 * evidence. */
#include "transport/internal.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/fd.h"

#define LIFE_S (10L * 365 * 24 * 3600)

COCOS__DEFINE_FREEP(bio_freep, BIO *, BIO_free)
COCOS__DEFINE_FREEP(x509_freep, X509 *, X509_free)
COCOS__DEFINE_FREEP(pkey_freep, EVP_PKEY *, EVP_PKEY_free)

/* Extension values in DER (RFC 5280 section 4.2.1). */
static const uint8_t san_localhost[] = {0x30, 0x0b, 0x82, 0x09, 'l', 'o', 'c',
                                        'a',  'l',  'h',  'o',  's', 't'};
static const uint8_t not_a_ca[] = {0x30, 0x00}; /* basicConstraints: cA false */
static const uint8_t digital_signature[] = {0x03, 0x02, 0x07, 0x80}; /* keyUsage: bit 0 */

static int add_extension(X509 *cert, int nid, int critical, const uint8_t *der, size_t len)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext = NULL;

    if (value && ASN1_OCTET_STRING_set(value, der, (int)len) == 1)
        ext = X509_EXTENSION_create_by_NID(NULL, nid, critical, value);
    int ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    return ok;
}

static int set_serial(X509 *cert)
{
    uint64_t serial = 0;

    cocos__random(&serial, sizeof serial);
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1);
}

static int fill(X509 *cert, const char *name, EVP_PKEY *key)
{
    X509_NAME *subject = X509_get_subject_name(cert);

    /* Valid from the start of time: the clock of a guest belongs to its host and may be behind. */
    return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
           ASN1_TIME_set(X509_getm_notBefore(cert), 0) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), LIFE_S) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) &&
           X509_set_issuer_name(cert, subject) && X509_set_pubkey(cert, key) &&
           add_extension(cert, NID_subject_alt_name, 0, san_localhost, sizeof san_localhost) &&
           add_extension(cert, NID_basic_constraints, 1, not_a_ca, sizeof not_a_ca) &&
           add_extension(cert, NID_key_usage, 1, digital_signature, sizeof digital_signature) &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static void append(cocos__buf *out, BIO *bio)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);

    cocos__buf_add(out, text, (size_t)len);
}

int cocos__tls_self_signed(const char *name,
                           cocos__buf *cert_pem,
                           cocos__buf *key_pem,
                           cocos_error **err)
{
    COCOS__CLEANUP(pkey_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
    COCOS__CLEANUP(x509_freep) X509 *cert = X509_new();
    COCOS__CLEANUP(bio_freep) BIO *c = BIO_new(BIO_s_mem());
    COCOS__CLEANUP(bio_freep) BIO *k = BIO_new(BIO_s_secmem());

    if (!key || !cert || !c || !k || !fill(cert, name, key) || PEM_write_bio_X509(c, cert) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) != 1)
        return cocos__fail(err, COCOS_ERR_INTERNAL, "tls.certificate",
                           "cannot make a certificate for \"%s\": %s", name, cocos__tls_reason());
    append(cert_pem, c);
    append(key_pem, k);
    return cert_pem->failed || key_pem->failed ? cocos__fail_memory(err) : COCOS_OK;
}
