/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/describe.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "crypto/cert_impl.h"
#include "crypto/chain.h"
#include "crypto/der.h"
#include "crypto/ossl.h"

#define SERIAL_MAX  64   /* bytes that are shown; a good one has at most 20 */
#define REVOKED_MAX 4096 /* serial numbers that are shown */

static const char *serial_text(const cocos__fields *f, const ASN1_INTEGER *serial)
{
    size_t len = (size_t)ASN1_STRING_length(serial);

    return cocos__rows_hex(f->text, ASN1_STRING_get0_data(serial),
                           len < SERIAL_MAX ? len : SERIAL_MAX);
}

void cocos__cert_describe(const cocos__fields *f, const char *name, const cocos__cert *cert)
{
    f->put(f->user, name, cocos__rows_printf(f->text, "%s", cert->subject_cn),
           cocos__rows_printf(f->text, "issued by %s; serial %s; valid %s to %s", cert->issuer_cn,
                              serial_text(f, X509_get0_serialNumber(cert->x509)),
                              cocos__rows_time(f->text, cert->not_before),
                              cocos__rows_time(f->text, cert->not_after)));
}

int cocos__certs_describe(const cocos__fields *f,
                          const char *name,
                          cocos__span data,
                          cocos_error **err)
{
    cocos__certs list = {.n = 0};
    cocos_error *why = NULL;

    int r = cocos__certs_add(&list, data.data, data.len, &why);
    for (size_t i = 0; i < list.n; i++)
        cocos__cert_describe(f, name, list.at[i]);
    cocos__certs_done(&list);
    return cocos__fields_settle(f, r, name, why, err);
}

static const char *number_text(const cocos__fields *f, const X509_CRL *x)
{
    int critical; /* -1: there is no such extension */
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(x, NID_crl_number, &critical, NULL);
    const char *text = number ? serial_text(f, number) : critical == -1 ? "none" : "unreadable";

    ASN1_INTEGER_free(number);
    return text;
}

static void describe_revoked(const cocos__fields *f, X509_CRL *x)
{
    const STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(x);
    int n = list ? sk_X509_REVOKED_num(list) : 0;

    for (int i = 0; i < n && i < REVOKED_MAX; i++) {
        const X509_REVOKED *one = sk_X509_REVOKED_value(list, i);
        int64_t since = 0;
        int dated = cocos__asn1_seconds(X509_REVOKED_get0_revocationDate(one), &since) == 0;
        f->put(f->user, "revoked", serial_text(f, X509_REVOKED_get0_serialNumber(one)),
               cocos__rows_printf(f->text, "serial number of a certificate, since %s",
                                  dated ? cocos__rows_time(f->text, since) : "?"));
    }
    if (n > REVOKED_MAX)
        f->put(f->user, "revoked.more", cocos__rows_printf(f->text, "%d", n - REVOKED_MAX),
               "certificates that are not shown");
}

int cocos__crl_describe(const cocos__fields *f, cocos__span data, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(cocos__crl_freep) cocos__crl *crl = NULL;
    cocos_error *why = NULL;
    char issuer[CN_MAX + 1];

    int r = cocos__crl_parse(data.data, data.len, &crl, &why);
    if (r < 0)
        return cocos__fields_settle(f, r, "crl", why, err);
    cocos__x509_cn(X509_CRL_get_issuer(crl->x), issuer);
    f->put(f->user, "crl", cocos__rows_printf(f->text, "%s", issuer),
           cocos__rows_printf(f->text, "revocation list of this issuer; number %s; from %s to %s",
                              number_text(f, crl->x), cocos__rows_time(f->text, crl->this_update),
                              crl->next_update ? cocos__rows_time(f->text, crl->next_update)
                                               : "no stated end"));
    describe_revoked(f, crl->x);
    return COCOS_OK;
}

/* The first element inside the part that is signed: [0] of a certificate's version is none. */
static int is_signed_list(cocos__span data, int with_version)
{
    cocos__reader r;
    cocos__span content;

    if (cocos__der_only(data, COCOS__DER_SEQUENCE, &content) < 0)
        return 0;
    cocos__reader_init(&r, content.data, content.len);
    content = cocos__der_next(&r, COCOS__DER_SEQUENCE);
    if (r.failed || content.len < 2)
        return 0;
    if (with_version)
        return content.data[0] == 0xa0;
    cocos__reader_init(&r, content.data, content.len);
    return cocos__der_peek(&r) == COCOS__DER_INTEGER && content.data[1] == 1;
}

static int begins(cocos__span data, const char *text)
{
    return data.len >= strlen(text) && memcmp(data.data, text, strlen(text)) == 0;
}

int cocos__certs_recognise(cocos__span data)
{
    return begins(data, "-----BEGIN CERTIFICATE-----") || is_signed_list(data, 1);
}

int cocos__crl_recognise(cocos__span data)
{
    return begins(data, "-----BEGIN X509 CRL-----") || is_signed_list(data, 0);
}
