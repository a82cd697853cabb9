/* SPDX-License-Identifier: Apache-2.0 */
/* Reading certificates, one or a list, DER or PEM. */
#include "crypto/cert.h"

#include <limits.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "crypto/cert_impl.h"
#include "crypto/ossl.h"

COCOS__DEFINE_FREEP(bio_freep, BIO *, BIO_free_all)
COCOS__DEFINE_FREEP(pss_freep, RSA_PSS_PARAMS *, RSA_PSS_PARAMS_free)
COCOS__DEFINE_FREEP(x509_freep, X509 *, X509_free)
COCOS__DEFINE_FREEP(algor_freep, X509_ALGOR *, X509_ALGOR_free)

int cocos__asn1_seconds(const ASN1_TIME *t, int64_t *ret)
{
    struct tm tm;

    if (!t || !ASN1_TIME_to_tm(t, &tm))
        return -1;
    *ret = cocos__seconds_of(&tm);
    return 0;
}

static int is_alg(const X509_ALGOR *alg, int nid)
{
    const ASN1_OBJECT *oid = NULL;

    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    return oid && OBJ_obj2nid(oid) == nid;
}

/* RFC 4055 section 3.1: hash, mask and salt as DER, as nearly everybody writes them. */
static const uint8_t usual_pss[] = {
    0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
    0x02, 0x02, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48,
    0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
    0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30};
static const uint8_t usual_trailer[] = {0xa3, 0x03, 0x02, 0x01,
                                        0x01}; /* the default, written out */

/* 1 for these very bytes, with or without the trailer; else they have to be parsed. */
static int is_usual_pss(const uint8_t *der, size_t len)
{
    size_t body = sizeof usual_pss;

    if (len < 2 + body || der[0] != 0x30 || der[1] != len - 2 ||
        memcmp(der + 2, usual_pss, body) != 0)
        return 0;
    return len == 2 + body || (len == 2 + body + sizeof usual_trailer &&
                               memcmp(der + 2 + body, usual_trailer, sizeof usual_trailer) == 0);
}

int cocos__is_pss_sha384(const X509_ALGOR *alg)
{
    const void *value = NULL;
    int type = 0;

    if (!is_alg(alg, NID_rsassaPss))
        return 0;
    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type != V_ASN1_SEQUENCE)
        return 0;

    const ASN1_STRING *seq = value;
    const unsigned char *p = ASN1_STRING_get0_data(seq);
    if (is_usual_pss(p, (size_t)ASN1_STRING_length(seq)))
        return 1;
    COCOS__CLEANUP(pss_freep)
    RSA_PSS_PARAMS *pss = d2i_RSA_PSS_PARAMS(NULL, &p, ASN1_STRING_length(seq));
    if (!pss || !pss->hashAlgorithm || !is_alg(pss->hashAlgorithm, NID_sha384))
        return 0;
    if (!pss->maskGenAlgorithm || !is_alg(pss->maskGenAlgorithm, NID_mgf1) ||
        !pss->maskGenAlgorithm->parameter ||
        pss->maskGenAlgorithm->parameter->type != V_ASN1_SEQUENCE)
        return 0;

    const ASN1_STRING *inner = pss->maskGenAlgorithm->parameter->value.sequence;
    p = ASN1_STRING_get0_data(inner);
    COCOS__CLEANUP(algor_freep)
    X509_ALGOR *mgf = d2i_X509_ALGOR(NULL, &p, ASN1_STRING_length(inner));
    return mgf && is_alg(mgf, NID_sha384) && pss->saltLength &&
           ASN1_INTEGER_get(pss->saltLength) == 48;
}

static int signature_kind(const X509 *x509)
{
    const X509_ALGOR *alg = NULL;

    X509_get0_signature(NULL, &alg, x509);
    if (is_alg(alg, NID_ecdsa_with_SHA256))
        return COCOS__SIG_ECDSA_SHA256;
    if (is_alg(alg, NID_ecdsa_with_SHA384))
        return COCOS__SIG_ECDSA_SHA384;
    return cocos__is_pss_sha384(alg) ? COCOS__SIG_PSS_SHA384 : COCOS__SIG_OTHER;
}

static void copy_text(const ASN1_STRING *s, char *out, size_t max)
{
    const unsigned char *p = s ? ASN1_STRING_get0_data(s) : NULL;
    int n = s ? ASN1_STRING_length(s) : 0;

    out[0] = '\0';
    if (n <= 0 || (size_t)n > max)
        return;
    for (int i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] > 0x7e)
            return;
    }
    memcpy(out, p, (size_t)n);
    out[n] = '\0';
}

void cocos__x509_cn(const X509_NAME *name, char out[CN_MAX + 1])
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

    out[0] = '\0';
    if (at >= 0 && X509_NAME_get_index_by_NID(name, NID_commonName, at) < 0)
        copy_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), out, CN_MAX);
}

static int hash_spki(X509 *x509, uint8_t out[32])
{
    uint8_t *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);

    if (len <= 0)
        return -1;
    SHA256(spki, (size_t)len, out);
    OPENSSL_free(spki);
    return 0;
}

static int is_whole(X509 *x509)
{
    return X509_get0_pubkey(x509) && !(X509_get_extension_flags(x509) & EXFLAG_INVALID);
}

/*
 * Lack of memory makes OpenSSL keep a certificate without its key, or with extensions marked
 * invalid, and say nothing. One of which more can be read now was such a one.
 */
static int is_damaged(X509 *x509, const uint8_t *der, size_t len)
{
    if (is_whole(x509))
        return 0;
    COCOS__CLEANUP(x509_freep) X509 *again = d2i_X509(NULL, &der, (long)len);
    return !again || !X509_get0_pubkey(x509) != !X509_get0_pubkey(again) ||
           X509_get_extension_flags(x509) != X509_get_extension_flags(again);
}

/* Everything that is looked at more than once; x509 is set already. */
static int fill(cocos__cert *cert, const uint8_t *der, size_t len, cocos_error **err)
{
    X509 *x = cert->x509;

    /* Asked for roots only, and a long key takes as long to hash as to read. */
    if ((cocos__cert_is_self_issued(cert) && hash_spki(x, cert->spki_sha256) < 0) ||
        cocos__asn1_seconds(X509_get0_notBefore(x), &cert->not_before) < 0 ||
        cocos__asn1_seconds(X509_get0_notAfter(x), &cert->not_after) < 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cert.form",
                           "the certificate has no proper key or validity");

    if (is_damaged(x, der, len))
        return cocos__fail_memory(err);
    EVP_PKEY *pkey = X509_get0_pubkey(x);
    cert->key.kind = pkey ? cocos__pkey_kind(pkey) : COCOS__KEY_OTHER;
    if (cert->key.kind != COCOS__KEY_OTHER)
        cert->key.pkey = pkey;
    cert->signature_kind = signature_kind(x);
    cocos__x509_cn(X509_get_subject_name(x), cert->subject_cn);
    cocos__x509_cn(X509_get_issuer_name(x), cert->issuer_cn);

    cert->der = malloc(len);
    if (!cert->der)
        return cocos__fail_memory(err);
    memcpy(cert->der, der, len);
    cert->der_len = len;
    return COCOS_OK;
}

int cocos__cert_parse(const uint8_t *der, size_t len, cocos__cert **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    if (len > COCOS__CERT_DER_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "cert.size",
                           "a certificate of %zu bytes, the limit is %d", len, COCOS__CERT_DER_MAX);

    COCOS__CLEANUP(cocos__cert_freep) cocos__cert *cert = calloc(1, sizeof *cert);
    if (!cert)
        return cocos__fail_memory(err);
    atomic_init(&cert->refs, 1);

    const uint8_t *p = der;
    cert->x509 = len > 0 ? d2i_X509(NULL, &p, (long)len) : NULL;
    if (!cert->x509)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "cert.form", "not a certificate");
    if (p != der + len)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cert.form",
                           "%zu bytes behind the certificate", (size_t)(der + len - p));

    int r = fill(cert, der, len, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(cert);
    return COCOS_OK;
}

cocos__cert *cocos__cert_ref(cocos__cert *cert)
{
    atomic_fetch_add(&cert->refs, 1);
    return cert;
}

void cocos__cert_free(cocos__cert *cert)
{
    if (!cert || atomic_fetch_sub(&cert->refs, 1) > 1)
        return;
    X509_free(cert->x509);
    free(cert->der);
    free(cert);
}

/* A certificate of `known` with these bytes, or NULL. */
static cocos__cert *find_known(const cocos__certs *known, const uint8_t *der, size_t len)
{
    for (size_t i = 0; known && i < known->n; i++) {
        if (known->at[i]->der_len == len && memcmp(known->at[i]->der, der, len) == 0)
            return known->at[i];
    }
    return NULL;
}

static int append(cocos__certs *list,
                  const cocos__certs *known,
                  const uint8_t *der,
                  size_t len,
                  cocos_error **err)
{
    if (list->n == COCOS__CERTS_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "cert.count", "more than %d certificates",
                           COCOS__CERTS_MAX);

    cocos__cert *same = find_known(known, der, len);
    if (same) {
        list->at[list->n++] = cocos__cert_ref(same);
        return COCOS_OK;
    }
    int r = cocos__cert_parse(der, len, &list->at[list->n], err);
    if (r == COCOS_OK)
        list->n++;
    return r;
}

static int
append_pem(cocos__certs *list, const cocos__certs *known, BIO *bio, int *more, cocos_error **err)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    int r = COCOS_OK;

    *more = PEM_read_bio(bio, &name, &header, &der, &len);
    if (!*more && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        r = cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "cert.form", "not a PEM block");
    else if (*more && strcmp(name, PEM_STRING_X509) != 0)
        r = cocos__fail(err, COCOS_ERR_MALFORMED, "cert.form",
                        "a PEM block that is no certificate");
    else if (*more)
        r = append(list, known, der, (size_t)len, err);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return r;
}

static size_t count_begins(const uint8_t *data, size_t len)
{
    static const char begin[] = "-----BEGIN ";
    const uint8_t *end = data + len;
    size_t n = 0;

    while ((data = memmem(data, (size_t)(end - data), begin, sizeof begin - 1))) {
        data += sizeof begin - 1;
        n++;
    }
    return n;
}

int cocos__certs_add(cocos__certs *list, const uint8_t *data, size_t len, cocos_error **err)
{
    return cocos__certs_add_known(list, NULL, data, len, err);
}

int cocos__certs_add_known(cocos__certs *list,
                           const cocos__certs *known,
                           const uint8_t *data,
                           size_t len,
                           cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    if (len > 0 && data[0] == 0x30)
        return append(list, known, data, len, err);
    if (len > COCOS__CERTS_MAX * COCOS__CERT_DER_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "cert.size", "%zu bytes of certificates", len);

    COCOS__CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(data, (int)len);
    size_t before = list->n;
    size_t begins = count_begins(data, len);
    int more = 1;
    if (!bio)
        return cocos__fail_memory(err);
    while (more) {
        int r = append_pem(list, known, bio, &more, err);
        if (r < 0)
            return r;
    }
    if (list->n == before)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cert.form",
                           "no certificate, neither DER nor PEM");
    /* A line that fails to end a block takes the next block along, and OpenSSL does not mind. */
    if (list->n - before != begins)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cert.form",
                           "%zu PEM blocks begin, and %zu certificates can be read", begins,
                           list->n - before);
    return COCOS_OK;
}

void cocos__certs_done(cocos__certs *list)
{
    while (list->n > 0)
        cocos__cert_free(list->at[--list->n]);
}
