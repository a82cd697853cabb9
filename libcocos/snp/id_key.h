/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_ID_KEY_H
#define COCOS_SNP_ID_KEY_H

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__SNP_KEY_DIGEST 48 /* SHA-384 */

/*
 * ID_KEY_DIGEST or AUTHOR_KEY_DIGEST of a key: SHA-384 over AMD's form of it. `data` is a public
 * key or a certificate, PEM or DER; of a certificate only the key counts. USAGE "policy.key": no
 * such thing, a private key, or a key that is not on P-384; MEMORY.
 */
int cocos__snp_key_digest(cocos__span data, uint8_t out[COCOS__SNP_KEY_DIGEST], cocos_error **err);

#endif
