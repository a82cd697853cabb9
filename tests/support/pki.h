/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_PKI_H
#define COCOS_TESTS_PKI_H

/*
 * A certificate authority for tests: keys and certificates made on the spot, never written down.
 * Everything ends the program when OpenSSL refuses; a test cannot go on then.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define PKI_NEED(x)                                                                                \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Bytes made by a test; free(data). */
typedef struct pki_bytes {
    uint8_t *data;
    size_t len;
} pki_bytes;

enum pki_scheme { PKI_ECDSA_SHA256, PKI_ECDSA_SHA384, PKI_PSS_SHA384, PKI_PKCS1_SHA384 };

/* One raw extension: OID in dotted form, the content of its OCTET STRING, critical or not. */
typedef struct pki_ext {
    const char *oid;
    const uint8_t *value;
    size_t len;
    int critical;
} pki_ext;

typedef struct pki_spec {
    const char *cn;
    const char *org;      /* organisation; NULL: none */
    const char *location; /* L, ST fixed with it; NULL: none */
    EVP_PKEY *key;        /* the subject's */
    X509 *issuer;         /* NULL: self-signed */
    EVP_PKEY *issuer_key; /* NULL: key */
    int scheme;
    int64_t not_before;
    int64_t not_after;
    long serial;
    int ca;
    const char *crl_url; /* NULL: none */
    const pki_ext *exts;
    size_t n_exts;
} pki_spec;

static inline EVP_PKEY *pki_key_ec(const char *group)
{
    EVP_PKEY *key = EVP_EC_gen(group);
    PKI_NEED(key);
    return key;
}

static inline EVP_PKEY *pki_key_rsa(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    PKI_NEED(key);
    return key;
}

static inline EVP_MD_CTX *pki_signer(EVP_PKEY *key, int scheme)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;

    PKI_NEED(ctx);
    PKI_NEED(EVP_DigestSignInit(ctx, &pctx,
                                scheme == PKI_ECDSA_SHA256 ? EVP_sha256() : EVP_sha384(), NULL,
                                key) > 0);
    if (scheme == PKI_PSS_SHA384) {
        PKI_NEED(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0);
        PKI_NEED(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 48) > 0);
    }
    return ctx;
}

static inline void pki_name_add(X509_NAME *name, const char *type, const char *value)
{
    if (value)
        PKI_NEED(X509_NAME_add_entry_by_txt(name, type, MBSTRING_ASC, (const uint8_t *)value, -1,
                                            -1, 0));
}

static inline void pki_ext_add(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    PKI_NEED(ext && X509_add_ext(x, ext, -1));
    X509_EXTENSION_free(ext);
}

static inline void pki_ext_raw(X509 *x, const pki_ext *e)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(e->oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

    PKI_NEED(oid && value && ASN1_OCTET_STRING_set(value, e->value, (int)e->len));
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, e->critical, value);
    PKI_NEED(ext && X509_add_ext(x, ext, -1));
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
}

static inline void pki_fill_name(X509_NAME *name, const pki_spec *s)
{
    pki_name_add(name, "OU", s->org && strncmp(s->org, "Advanced", 8) == 0 ? "Engineering" : NULL);
    pki_name_add(name, "C", s->location ? "US" : NULL);
    pki_name_add(name, "L", s->location);
    pki_name_add(name, "ST", s->location ? "CA" : NULL);
    pki_name_add(name, "O", s->org);
    pki_name_add(name, "CN", s->cn);
}

static inline X509 *pki_cert(const pki_spec *s)
{
    X509 *x = X509_new();
    char url[300];

    PKI_NEED(x && X509_set_version(x, X509_VERSION_3) && X509_set_pubkey(x, s->key));
    PKI_NEED(ASN1_INTEGER_set(X509_get_serialNumber(x), s->serial));
    PKI_NEED(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)s->not_before));
    PKI_NEED(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)s->not_after));
    pki_fill_name(X509_get_subject_name(x), s);
    PKI_NEED(X509_set_issuer_name(x, X509_get_subject_name(s->issuer ? s->issuer : x)));
    if (s->ca) {
        pki_ext_add(x, s->issuer ? s->issuer : x, NID_basic_constraints, "critical,CA:TRUE");
        pki_ext_add(x, s->issuer ? s->issuer : x, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (s->crl_url) {
        snprintf(url, sizeof url, "URI:%s", s->crl_url);
        pki_ext_add(x, s->issuer ? s->issuer : x, NID_crl_distribution_points, url);
    }
    for (size_t i = 0; i < s->n_exts; i++)
        pki_ext_raw(x, &s->exts[i]);

    EVP_MD_CTX *ctx = pki_signer(s->issuer_key ? s->issuer_key : s->key, s->scheme);
    PKI_NEED(X509_sign_ctx(x, ctx) > 0);
    EVP_MD_CTX_free(ctx);
    return x;
}

static inline pki_bytes pki_der(X509 *x)
{
    pki_bytes b = {NULL, 0};
    uint8_t *p = NULL;
    int len = i2d_X509(x, &p);

    PKI_NEED(len > 0 && (b.data = malloc((size_t)len)));
    memcpy(b.data, p, (size_t)len);
    b.len = (size_t)len;
    OPENSSL_free(p);
    return b;
}

/* PEM of the given certificates one behind the other; n of them, NUL-terminated too. */
static inline pki_bytes pki_pem(X509 *const *certs, size_t n)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p = NULL;
    pki_bytes b = {NULL, 0};

    PKI_NEED(bio);
    for (size_t i = 0; i < n; i++)
        PKI_NEED(PEM_write_bio_X509(bio, certs[i]));
    b.len = (size_t)BIO_get_mem_data(bio, &p);
    PKI_NEED((b.data = malloc(b.len + 1)));
    memcpy(b.data, p, b.len);
    b.data[b.len] = '\0';
    BIO_free(bio);
    return b;
}

/* DER of a CRL by issuer that lists `serial` (0: an empty list). */
static inline pki_bytes
pki_crl(X509 *issuer, EVP_PKEY *key, int scheme, int64_t from, int64_t to, long serial)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)from);
    pki_bytes b = {NULL, 0};
    uint8_t *p = NULL;

    PKI_NEED(crl && t && X509_CRL_set_version(crl, 1) &&
             X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)));
    PKI_NEED(X509_CRL_set1_lastUpdate(crl, t) && ASN1_TIME_set(t, (time_t)to) &&
             X509_CRL_set1_nextUpdate(crl, t));
    if (serial) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        PKI_NEED(entry && number && ASN1_INTEGER_set(number, serial) &&
                 ASN1_TIME_set(t, (time_t)from));
        PKI_NEED(X509_REVOKED_set_serialNumber(entry, number) &&
                 X509_REVOKED_set_revocationDate(entry, t));
        PKI_NEED(X509_CRL_add0_revoked(crl, entry));
        ASN1_INTEGER_free(number);
    }
    EVP_MD_CTX *ctx = pki_signer(key, scheme);
    PKI_NEED(X509_CRL_sign_ctx(crl, ctx) > 0);
    EVP_MD_CTX_free(ctx);

    int len = i2d_X509_CRL(crl, &p);
    PKI_NEED(len > 0 && (b.data = malloc((size_t)len)));
    memcpy(b.data, p, (size_t)len);
    b.len = (size_t)len;
    OPENSSL_free(p);
    ASN1_TIME_free(t);
    X509_CRL_free(crl);
    return b;
}

/* ECDSA as raw big-endian r || s of `n` bytes each. */
static inline void
pki_sign_raw(EVP_PKEY *key, int scheme, const uint8_t *data, size_t len, uint8_t *out, int n)
{
    uint8_t der[160];
    size_t der_len = sizeof der;
    const uint8_t *p = der;

    EVP_MD_CTX *ctx = pki_signer(key, scheme);
    PKI_NEED(EVP_DigestSign(ctx, der, &der_len, data, len) > 0);
    EVP_MD_CTX_free(ctx);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
    PKI_NEED(sig);
    PKI_NEED(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, n) == n);
    PKI_NEED(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + n, n) == n);
    ECDSA_SIG_free(sig);
}

/* Raw big-endian x || y of a P-256 or P-384 key. */
static inline void pki_point(EVP_PKEY *key, uint8_t *out, int n)
{
    BIGNUM *x = NULL;
    BIGNUM *y = NULL;

    PKI_NEED(EVP_PKEY_get_bn_param(key, "qx", &x) && EVP_PKEY_get_bn_param(key, "qy", &y));
    PKI_NEED(BN_bn2binpad(x, out, n) == n && BN_bn2binpad(y, out + n, n) == n);
    BN_free(x);
    BN_free(y);
}

#endif
