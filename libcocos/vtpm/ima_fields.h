/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_IMA_FIELDS_H
#define COCOS_VTPM_IMA_FIELDS_H

/* What the ASCII and the binary reader of IMA lists share. */

#include "vtpm/ima.h"

/* Bytes of the name in what template "ima" hashes (IMA_EVENT_NAME_LEN_MAX + 1). */
#define COCOS__IMA_OLD_NAME 256

/* Bytes of a digest of this algorithm, by the kernel's name; 0 when it is unknown. */
size_t cocos__ima_digest_size(const uint8_t *name, size_t len);

/* The static name of a template that is known, or NULL. */
const char *cocos__ima_template(cocos__span name);

#endif
