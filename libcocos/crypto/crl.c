/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/cert_impl.h"
#include "crypto/chain.h"
#include "crypto/der.h"
#include "crypto/ossl.h"

COCOS__DEFINE_FREEP(bio_freep, BIO *, BIO_free_all)

static X509_CRL *read_pem(const uint8_t *data, size_t len)
{
    COCOS__CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(data, (int)len);
    return bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
}

/*
 * RFC 5280 section 5.1.1.2: the algorithm beside the signature, which is not signed, must be the
 * one inside the list. OpenSSL compares them in certificates only.
 */
static int names_one_algorithm(cocos__span der)
{
    cocos__reader whole;
    cocos__reader tbs;
    cocos__span content;

    if (cocos__der_only(der, COCOS__DER_SEQUENCE, &content) < 0)
        return 0;
    cocos__reader_init(&whole, content.data, content.len);
    content = cocos__der_next(&whole, COCOS__DER_SEQUENCE);
    cocos__reader_init(&tbs, content.data, content.len);
    if (cocos__der_peek(&tbs) == COCOS__DER_INTEGER) /* version 2 */
        cocos__der_next(&tbs, COCOS__DER_INTEGER);
    cocos__span inner = cocos__der_next(&tbs, COCOS__DER_SEQUENCE);
    cocos__span outer = cocos__der_next(&whole, COCOS__DER_SEQUENCE);

    return !whole.failed && !tbs.failed && inner.len == outer.len &&
           memcmp(inner.data, outer.data, inner.len) == 0;
}

static int check_algorithms(const X509_CRL *x, cocos_error **err)
{
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(x, &der);

    if (len < 0)
        return cocos__fail_memory(err);
    int same = names_one_algorithm((cocos__span){der, (size_t)len});
    OPENSSL_free(der);
    if (!same)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "crl.form",
                           "the revocation list names two signature algorithms");
    return COCOS_OK;
}

static int fill(cocos__crl *crl, cocos_error **err)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl->x);

    if (cocos__asn1_seconds(X509_CRL_get0_lastUpdate(crl->x), &crl->this_update) < 0 ||
        (next && cocos__asn1_seconds(next, &crl->next_update) < 0))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "crl.form",
                           "the revocation list has no proper dates");
    return check_algorithms(crl->x, err);
}

int cocos__crl_parse(const uint8_t *data, size_t len, cocos__crl **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    const uint8_t *p = data;

    if (len > COCOS__CRL_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "crl.size",
                           "a revocation list of %zu bytes, the limit is %u", len, COCOS__CRL_MAX);
    COCOS__CLEANUP(cocos__crl_freep) cocos__crl *crl = calloc(1, sizeof *crl);
    if (!crl)
        return cocos__fail_memory(err);

    if (len > 0 && data[0] == '-') {
        crl->x = read_pem(data, len);
        p = data + len;
    } else if (len > 0) {
        crl->x = d2i_X509_CRL(NULL, &p, (long)len);
    }
    if (!crl->x)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "crl.form", "not a revocation list");
    if (p != data + len)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "crl.form",
                           "bytes behind the revocation list");

    int r = fill(crl, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(crl);
    return COCOS_OK;
}

void cocos__crl_free(cocos__crl *crl)
{
    if (crl)
        X509_CRL_free(crl->x);
    free(crl);
}

int cocos__crl_issued_by(const cocos__crl *crl, const cocos__cert *issuer)
{
    return X509_NAME_cmp(X509_CRL_get_issuer(crl->x), X509_get_subject_name(issuer->x509)) == 0;
}

/* A critical extension (delta, indirect, partial by reason) changes what the list means. */
static int has_critical(const X509_CRL *x)
{
    int n = X509_CRL_get_ext_count(x);

    for (int i = 0; i < n; i++) {
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(x, i)))
            return 1;
    }
    return 0;
}

int cocos__crl_verify(const cocos__crl *crl, const cocos__cert *issuer, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    const X509_ALGOR *alg = NULL;
    unsigned long before = ERR_peek_error();
    X509_CRL_get0_signature(crl->x, NULL, &alg);

    int ok = issuer->key.kind != COCOS__KEY_OTHER && X509_CRL_verify(crl->x, issuer->key.pkey) == 1;
    if (!ok && cocos__ossl_out_of_memory(before))
        return cocos__fail_memory(err);
    if (!ok)
        return cocos__fail(err, COCOS_ERR_REJECTED, "crl.bad",
                           "the revocation list is not signed by its issuer");
    /* AMD 57230: every RSA signature of the hierarchy is PSS with SHA-384. */
    if (issuer->key.kind == COCOS__KEY_RSA_ANY && !cocos__is_pss_sha384(alg))
        return cocos__fail(err, COCOS_ERR_REJECTED, "crl.bad",
                           "the revocation list is signed with another scheme");
    if (has_critical(crl->x))
        return cocos__fail(err, COCOS_ERR_REJECTED, "crl.bad",
                           "the revocation list has a critical extension");
    return COCOS_OK;
}

int cocos__crl_when(const cocos__crl *crl, int64_t time_s)
{
    if (time_s < crl->this_update)
        return -1;
    return crl->next_update == 0 || time_s >= crl->next_update;
}

int64_t cocos__crl_next_update(const cocos__crl *crl)
{
    return crl->next_update;
}

int cocos__crl_revokes(const cocos__crl *crl, const cocos__cert *cert)
{
    COCOS__OSSL_SCOPE;
    X509_REVOKED *entry = NULL;

    /* 2 is removeFromCRL, which takes an entry of a delta list back; a full list has none. */
    return X509_CRL_get0_by_cert(crl->x, &entry, cert->x509) == 1;
}

int cocos__crl_take(cocos__crl_found *f,
                    const cocos__crl *crl,
                    const cocos__cert *issuer,
                    const cocos__cert *const *certs,
                    size_t n,
                    int64_t time_s,
                    cocos_error **err)
{
    cocos__crl_found one = {COCOS__CRL_STALE, crl->this_update, crl->next_update, NULL};

    if (!cocos__crl_issued_by(crl, issuer))
        return 0;
    int r = cocos__crl_verify(crl, issuer, NULL);
    if (r < 0 && r != COCOS_ERR_REJECTED)
        return cocos__fail_memory(err);
    if (r < 0)
        one.state = COCOS__CRL_FORGED;
    else if (cocos__crl_when(crl, time_s) == 0)
        one.state = COCOS__CRL_CURRENT;
    for (size_t i = 0; r == COCOS_OK && i < n; i++) {
        if (certs[i] && cocos__crl_revokes(crl, certs[i])) {
            one.state = COCOS__CRL_REVOKED;
            one.revoked = certs[i];
        }
    }
    if (one.state > f->state)
        *f = one;
    return 1;
}
