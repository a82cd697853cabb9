/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_DER_H
#define COCOS_CRYPTO_DER_H

/* A walk through DER that a certificate extension carries; OpenSSL reads the headers. */

#include "base/bytes.h"

enum cocos__der_tag {
    COCOS__DER_BOOLEAN = 1,
    COCOS__DER_INTEGER = 2,
    COCOS__DER_OCTETS = 4,
    COCOS__DER_OID = 6,
    COCOS__DER_ENUMERATED = 10,
    COCOS__DER_SEQUENCE = 16,
    COCOS__DER_IA5 = 22
};

/* The content of the next element, which must have this tag; NULL and `failed` otherwise. */
cocos__span cocos__der_next(cocos__reader *r, int tag);
/* The next element's tag without reading it; -1 at the end or on bad form. */
int cocos__der_peek(const cocos__reader *r);
/* Content of the one element of this tag that the bytes are, with nothing behind it. 0 on success.
 */
int cocos__der_only(cocos__span der, int tag, cocos__span *content);
/* A non-negative number below 2^31 from the content of an INTEGER or ENUMERATED; -1 when it is not.
 */
int64_t cocos__der_number(cocos__span content);

#endif
