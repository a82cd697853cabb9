/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/der.h"

#include <openssl/asn1.h>

#include "crypto/ossl.h"

static cocos__span header(const cocos__reader *r, int *tag, size_t *header_len)
{
    COCOS__OSSL_SCOPE;
    size_t left = cocos__reader_left(r);
    long len = 0;
    int class = 0;

    if (left == 0 || left > INT32_MAX) /* of nothing, there may be no address to count from */
        return (cocos__span){NULL, 0};
    const uint8_t *p = r->data + r->pos;
    int form = ASN1_get_object(&p, &len, tag, &class, (long)left);
    /* 0x80: bad header; bit 0: indefinite length, which DER does not have. */
    if ((form & 0x81) || class != V_ASN1_UNIVERSAL || len < 0)
        return (cocos__span){NULL, 0};
    *header_len = (size_t)(p - (r->data + r->pos));
    return (cocos__span){p, (size_t)len};
}

cocos__span cocos__der_next(cocos__reader *r, int tag)
{
    int found = -1;
    size_t skip = 0;
    cocos__span content = header(r, &found, &skip);

    if (!content.data || found != tag) {
        r->failed = 1;
        return (cocos__span){NULL, 0};
    }
    cocos__read_bytes(r, skip);
    return cocos__read_span(r, content.len);
}

int cocos__der_peek(const cocos__reader *r)
{
    int tag = -1;
    size_t skip = 0;

    return header(r, &tag, &skip).data ? tag : -1;
}

int cocos__der_only(cocos__span der, int tag, cocos__span *content)
{
    cocos__reader r;

    cocos__reader_init(&r, der.data, der.len);
    *content = cocos__der_next(&r, tag);
    return r.failed || cocos__reader_left(&r) != 0 ? -1 : 0;
}

int64_t cocos__der_number(cocos__span content)
{
    int64_t value = 0;

    if (content.len == 0 || content.len > 4 || (content.data[0] & 0x80))
        return -1;
    if (content.len > 1 && content.data[0] == 0 && !(content.data[1] & 0x80))
        return -1; /* not the shortest form */
    for (size_t i = 0; i < content.len; i++)
        value = value << 8 | content.data[i];
    return value;
}
