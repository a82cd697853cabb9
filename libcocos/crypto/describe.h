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

/*
 * A revocation list, PEM or DER: issuer and dates, then each serial number that it revokes; of a
 * very long list the first, and how many more. Says so when it cannot be read. COCOS_OK or MEMORY.
 */
int cocos__crl_describe(const cocos__fields *f, cocos__span data, cocos_error **err);

/* Is it a certificate (PEM with several), or a revocation list? By its first bytes only. */
int cocos__certs_recognise(cocos__span data);
int cocos__crl_recognise(cocos__span data);

#endif
