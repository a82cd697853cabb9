/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/describe.h"

#include <time.h>

#include "crypto/cert_impl.h"

#define SERIAL_MAX 64 /* bytes that are shown; a good one has at most 20 */

static const char *day(const cocos__fields *f, int64_t time_s)
{
    char text[32];
    struct tm tm;
    time_t t = (time_t)time_s;

    if (!gmtime_r(&t, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return "?";
    return cocos__rows_printf(f->text, "%s", text);
}

void cocos__cert_describe(const cocos__fields *f, const char *name, const cocos__cert *cert)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert->x509);
    size_t len = (size_t)ASN1_STRING_length(serial);

    f->put(f->user, name, cocos__rows_printf(f->text, "%s", cert->subject_cn),
           cocos__rows_printf(f->text, "issued by %s; serial %s; valid %s to %s", cert->issuer_cn,
                              cocos__rows_hex(f->text, ASN1_STRING_get0_data(serial),
                                              len < SERIAL_MAX ? len : SERIAL_MAX),
                              day(f, cert->not_before), day(f, cert->not_after)));
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
