/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_DESCRIBE_H
#define COCOS_VTPM_DESCRIBE_H

#include "base/bytes.h"
#include "base/fields.h"

/* MALFORMED, EXHAUSTED: it cannot be read; fields put before stay. */
int cocos__vtpm_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err);

/* TPMT_PUBLIC; nothing when it is empty. `prefix` is "ak" or "ek", the field names begin so. */
int cocos__tpm_key_describe(cocos__span area,
                            const char *prefix,
                            const cocos__fields *f,
                            cocos_error **err);

/* What TPM2_Certify said of an attestation key, as cocos__svsm_certified_read() takes it. */
int cocos__svsm_certified_describe(cocos__span data, const cocos__fields *f, cocos_error **err);

/*
 * Logs by themselves, entry by entry; of a very long one the first, and how many more there are.
 * `registers` is what they extend: "pcr", or "mr" in the log of TDX. Fail for lack of memory only.
 */
int cocos__log_describe(cocos__span data,
                        const char *registers,
                        const cocos__fields *f,
                        cocos_error **err);
int cocos__ima_describe(cocos__span data, const cocos__fields *f, cocos_error **err);

/* The agent's list of what it extended into PCR 15. MALFORMED. */
int cocos__vtpm_extends_describe(cocos__span list, const cocos__fields *f, cocos_error **err);

/* Does it begin with the header of an event log, or with a good entry of an IMA list? */
int cocos__log_recognise(cocos__span data);
int cocos__ima_recognise(cocos__span data);

#endif
