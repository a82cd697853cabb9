/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate says, before anybody believes it. */
#include <string.h>

#include <openssl/x509v3.h>

#include "crypto/cert_impl.h"
#include "crypto/ossl.h"

COCOS__DEFINE_FREEP(points_freep, CRL_DIST_POINTS *, CRL_DIST_POINTS_free)

cocos__span cocos__cert_der(const cocos__cert *cert)
{
    return (cocos__span){cert->der, cert->der_len};
}

const uint8_t *cocos__cert_spki_sha256(const cocos__cert *cert)
{
    return cert->spki_sha256;
}

const cocos__pubkey *cocos__cert_key(const cocos__cert *cert)
{
    return cert->key.kind == COCOS__KEY_OTHER ? NULL : &cert->key;
}

const char *cocos__cert_subject_cn(const cocos__cert *cert)
{
    return cert->subject_cn;
}

const char *cocos__cert_issuer_cn(const cocos__cert *cert)
{
    return cert->issuer_cn;
}

/* OpenSSL searches all its objects for a short name. */
static int nid_of(const char *type)
{
    static const struct {
        const char *type;
        int nid;
    } all[] = {{"C", NID_countryName},
               {"CN", NID_commonName},
               {"L", NID_localityName},
               {"O", NID_organizationName},
               {"OU", NID_organizationalUnitName},
               {"ST", NID_stateOrProvinceName}};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(all); i++) {
        if (strcmp(all[i].type, type) == 0)
            return all[i].nid;
    }
    return NID_undef;
}

static int has_part(X509_NAME *name, const cocos__name_part *part)
{
    int nid = nid_of(part->type);
    int at = X509_NAME_get_index_by_NID(name, nid, -1);

    if (nid == NID_undef || at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
        return 0;

    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    size_t len = strlen(part->value);
    return (size_t)ASN1_STRING_length(s) == len &&
           memcmp(ASN1_STRING_get0_data(s), part->value, len) == 0;
}

int cocos__cert_name_has(const cocos__cert *cert,
                         int which,
                         const cocos__name_part *parts,
                         size_t n)
{
    X509_NAME *name = which == COCOS__SUBJECT ? X509_get_subject_name(cert->x509)
                                              : X509_get_issuer_name(cert->x509);

    for (size_t i = 0; i < n; i++) {
        if (!has_part(name, &parts[i]))
            return 0;
    }
    return 1;
}

int cocos__cert_is_v3(const cocos__cert *cert)
{
    return X509_get_version(cert->x509) == X509_VERSION_3;
}

int cocos__cert_is_self_issued(const cocos__cert *cert)
{
    return X509_NAME_cmp(X509_get_subject_name(cert->x509), X509_get_issuer_name(cert->x509)) == 0;
}

int64_t cocos__cert_not_before(const cocos__cert *cert)
{
    return cert->not_before;
}

int64_t cocos__cert_not_after(const cocos__cert *cert)
{
    return cert->not_after;
}

int cocos__cert_when(const cocos__cert *cert, int64_t time_s)
{
    return time_s < cert->not_before ? -1 : time_s > cert->not_after;
}

int cocos__cert_signature_kind(const cocos__cert *cert)
{
    return cert->signature_kind;
}

size_t cocos__cert_ext_count(const cocos__cert *cert)
{
    int n = X509_get_ext_count(cert->x509);
    return n > 0 ? (size_t)n : 0;
}

int cocos__cert_ext_find(const cocos__cert *cert,
                         const uint8_t *oid,
                         size_t oid_len,
                         cocos__span *value)
{
    int count = X509_get_ext_count(cert->x509);
    int found = 0;

    for (int i = 0; i < count; i++) {
        X509_EXTENSION *ext = X509_get_ext(cert->x509, i);
        const ASN1_OBJECT *obj = X509_EXTENSION_get_object(ext);
        if (OBJ_length(obj) != oid_len || memcmp(OBJ_get0_data(obj), oid, oid_len) != 0)
            continue;
        if (found++ == 0) {
            const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(ext);
            *value = (cocos__span){ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data)};
        }
    }
    return found > 1 ? 2 : found;
}

int cocos__cert_ext_doubled(const cocos__cert *cert)
{
    int count = X509_get_ext_count(cert->x509);

    for (int i = 0; i < count; i++) {
        const ASN1_OBJECT *obj = X509_EXTENSION_get_object(X509_get_ext(cert->x509, i));
        if (X509_get_ext_by_OBJ(cert->x509, obj, i) >= 0)
            return 1;
    }
    return 0;
}

int cocos__cert_has_crl_url(const cocos__cert *cert, const char *url)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(points_freep)
    CRL_DIST_POINTS *points = X509_get_ext_d2i(cert->x509, NID_crl_distribution_points, NULL, NULL);

    if (!points || sk_DIST_POINT_num(points) != 1)
        return 0;
    const DIST_POINT_NAME *dp = sk_DIST_POINT_value(points, 0)->distpoint;
    if (!dp || dp->type != 0 || sk_GENERAL_NAME_num(dp->name.fullname) != 1)
        return 0;
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(dp->name.fullname, 0);
    if (name->type != GEN_URI)
        return 0;

    const ASN1_STRING *s = name->d.uniformResourceIdentifier;
    return (size_t)ASN1_STRING_length(s) == strlen(url) &&
           memcmp(ASN1_STRING_get0_data(s), url, strlen(url)) == 0;
}
