/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_DESCRIBE_H
#define COCOS_CRYPTO_DESCRIBE_H

#include "base/fields.h"
#include "crypto/cert.h"

/* One row for a certificate: subject; issuer, serial number, validity. Believes nothing. */
void cocos__cert_describe(const cocos__fields *f, const char *name, const cocos__cert *cert);
/* A row for each certificate, PEM or DER; says so when they cannot be read. COCOS_OK or MEMORY. */
int cocos__certs_describe(const cocos__fields *f,
                          const char *name,
                          cocos__span data,
                          cocos_error **err);

#endif
