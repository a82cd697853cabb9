/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first bytes of an item (RFC 8949 section 3). Not libcbor's streaming decoder: it refuses the
 * tags 6 to 20, and COSE_Sign1 is tag 18.
 */
#include "codec/cbor_head.h"

/* The argument for additional information 0 to 27. */
static uint64_t read_argument(cocos__reader *r, unsigned info)
{
    switch (info) {
    case 24:
        return cocos__read_u8(r);
    case 25:
        return cocos__read_u16be(r);
    case 26:
        return cocos__read_u32be(r);
    case 27:
        return cocos__read_u64be(r);
    default:
        return info;
    }
}

/* Major type 7 (section 3.3). */
static int read_simple(unsigned info, struct cocos__cbor_head *h)
{
    switch (info) {
    case 20:
    case 21:
        h->kind = COCOS__CBOR_BOOL;
        h->value = info - 20;
        return COCOS__CBOR_HEAD_OK;
    case 22:
        h->kind = COCOS__CBOR_NULL;
        return COCOS__CBOR_HEAD_OK;
    case 23:
        h->kind = COCOS__CBOR_ABSENT;
        return COCOS__CBOR_HEAD_OK;
    case 25:
    case 26:
    case 27:
        h->kind = COCOS__CBOR_FLOAT;
        return COCOS__CBOR_HEAD_OK;
    default:
        return COCOS__CBOR_HEAD_BAD;
    }
}

int cocos__cbor_head_read(const uint8_t *data, size_t len, struct cocos__cbor_head *h)
{
    cocos__reader r;

    cocos__reader_init(&r, data, len);
    *h = (struct cocos__cbor_head){0};
    uint8_t first = cocos__read_u8(&r);
    unsigned major = first >> 5;
    unsigned info = first & 31;
    if (r.failed)
        return COCOS__CBOR_HEAD_SHORT;
    if (info == 31 && major != 0 && major != 1 && major != 6) {
        h->indefinite = 1;
        return COCOS__CBOR_HEAD_OK;
    }
    if (info > 27)
        return COCOS__CBOR_HEAD_BAD;

    h->value = read_argument(&r, info);
    h->kind = (int)major + COCOS__CBOR_UINT; /* in the order of major types */
    if (h->kind == COCOS__CBOR_BYTES || h->kind == COCOS__CBOR_TEXT) {
        if (h->value > cocos__reader_left(&r))
            return COCOS__CBOR_HEAD_SHORT;
        (void)cocos__read_span(&r, (size_t)h->value);
    }
    h->size = r.pos;
    if (r.failed)
        return COCOS__CBOR_HEAD_SHORT;
    return major == 7 ? read_simple(info, h) : COCOS__CBOR_HEAD_OK;
}

size_t cocos__cbor_item_size(const uint8_t *data, size_t len)
{
    size_t pos = 0;

    for (uint64_t left = 1; left > 0; left--) {
        struct cocos__cbor_head h;
        (void)cocos__cbor_head_read(data + pos, len - pos, &h);
        pos += h.size;
        if (h.kind == COCOS__CBOR_ARRAY)
            left += h.value;
        else if (h.kind == COCOS__CBOR_MAP)
            left += 2 * h.value;
        else if (h.kind == COCOS__CBOR_TAG)
            left++;
    }
    return pos;
}
