/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pbwire.h"

#define FIELD_MAX ((UINT32_C(1) << 29) - 1)

void cocos__pb_init(cocos__pb *pb, cocos__span message)
{
    cocos__reader_init(&pb->r, message.data, message.len);
}

/* At most ten bytes, the tenth of which holds one bit. */
static uint64_t read_varint(cocos__reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cocos__read_u8(r);
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->failed = 1;
    return 0;
}

static void read_value(cocos__reader *r, cocos__pb_field *f)
{
    uint64_t len;

    switch (f->type) {
    case COCOS__PB_VARINT:
        f->value = read_varint(r);
        break;
    case COCOS__PB_FIXED64:
        f->value = cocos__read_u64le(r);
        break;
    case COCOS__PB_FIXED32:
        f->value = cocos__read_u32le(r);
        break;
    case COCOS__PB_BYTES:
        len = read_varint(r);
        if (len > cocos__reader_left(r))
            r->failed = 1;
        else
            f->bytes = cocos__read_span(r, (size_t)len);
        break;
    default:
        r->failed = 1;
    }
}

int cocos__pb_next(cocos__pb *pb, cocos__pb_field *f, cocos_error **err)
{
    cocos__reader *r = &pb->r;
    size_t at = r->pos;

    if (!r->failed && cocos__reader_left(r) == 0)
        return 0;

    uint64_t key = read_varint(r);
    *f = (cocos__pb_field){0};
    if (key >> 3 == 0 || key >> 3 > FIELD_MAX)
        r->failed = 1;
    if (!r->failed) {
        f->number = (uint32_t)(key >> 3);
        f->type = (int)(key & 7);
        read_value(r, f);
    }
    if (r->failed) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "protobuf.form",
                           "no protobuf field at byte %zu of %zu", at, r->len);
    }
    return 1;
}

int cocos__pb_expect(const cocos__pb_field *f, int type, cocos_error **err)
{
    if (f->type == type)
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_MALFORMED, "protobuf.type",
                       "field %u has wire type %d, not %d", f->number, f->type, type);
}
