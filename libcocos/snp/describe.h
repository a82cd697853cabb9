/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_DESCRIBE_H
#define COCOS_SNP_DESCRIBE_H

#include "base/bytes.h"
#include "base/fields.h"
#include "crypto/cert.h"

/* MALFORMED when the evidence is too short or its parts do not fit; fields put before stay. */
int cocos__snp_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err);
/* A certificate table, and one certificate (or PEM with several), by itself. The second fails for
 * lack of memory only. */
int cocos__snp_table_describe(cocos__span data, const cocos__fields *f, cocos_error **err);
int cocos__snp_cert_describe(cocos__span blob, const cocos__fields *f, cocos_error **err);
/* What the extensions say when it is a VCEK or VLEK by its subject. */
void cocos__snp_extensions_describe(const cocos__fields *f, const cocos__cert *cert);
/* Does it begin with an entry that a table may have? */
int cocos__snp_table_recognise(cocos__span data);

#endif
