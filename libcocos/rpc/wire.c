/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf in place: data messages carry up to 1 MiB that protobuf-c would copy once more. */
#include "rpc/rpc.h"

#define WIRE_LEN 2 /* protobuf encoding, "Message Structure": length-delimited */

static size_t put_varint(uint8_t *out, uint64_t v)
{
    size_t n = 0;

    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

size_t cocos__pb_bytes_head(uint8_t head[16], uint32_t field, size_t len)
{
    size_t n = put_varint(head, (uint64_t)field << 3 | WIRE_LEN);

    return n + put_varint(head + n, len);
}

/* At most ten bytes; the tenth may carry one bit only. */
static int read_varint(cocos__reader *r, uint64_t *ret)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = cocos__read_u8(r);
        if (r->failed || (shift == 63 && b > 1))
            return 0;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *ret = v;
            return 1;
        }
    }
    return 0;
}

int cocos__pb_only_bytes(cocos__span message, uint32_t field, cocos__span *content)
{
    cocos__reader r;
    uint64_t tag = 0;
    uint64_t len = 0;

    cocos__reader_init(&r, message.data, message.len);
    if (!read_varint(&r, &tag) || tag != ((uint64_t)field << 3 | WIRE_LEN))
        return 0;
    if (!read_varint(&r, &len) || len != cocos__reader_left(&r))
        return 0;
    *content = cocos__read_span(&r, (size_t)len);
    return 1;
}
