/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking with a budget. A field of two bytes becomes a structure of a hundred, so that a few
 * mebibytes from outside would become half a gibibyte here; protobuf-c has no limit of its own.
 */
#include <string.h>

#include "codec/pbwire.h"
#include "codec/utf8.h"
#include "rpc/rpc.h"

#define DEPTH_MAX 16
#define OVERHEAD  16 /* what malloc adds, about */

struct budget {
    size_t left;
};

static void *budget_alloc(void *user, size_t size)
{
    struct budget *b = user;

    if (size > SIZE_MAX - OVERHEAD || size + OVERHEAD > b->left)
        return NULL;
    b->left -= size + OVERHEAD;
    return malloc(size);
}

/* Not given back: one that allocates and frees in turn works for its memory all the same. */
static void budget_free(void *user, void *p)
{
    (void)user;
    free(p);
}

static int is_text(cocos__span s)
{
    return s.len == 0 || (!memchr(s.data, 0, s.len) && cocos__utf8_valid(s.data, s.len));
}

/*
 * proto3 has text in UTF-8. A zero byte in it is refused too: C would read the text up to there,
 * and what was checked would not be what was sent. protobuf-c looks for neither.
 */
static int texts_hold(const ProtobufCMessageDescriptor *type, cocos__span message, int depth)
{
    cocos__pb pb;
    cocos__pb_field f;
    int more;

    cocos__pb_init(&pb, message);
    while ((more = cocos__pb_next(&pb, &f, NULL)) == 1) {
        const ProtobufCFieldDescriptor *d = protobuf_c_message_descriptor_get_field(type, f.number);
        if (!d || f.type != COCOS__PB_BYTES)
            continue;
        if (d->type == PROTOBUF_C_TYPE_STRING && !is_text(f.bytes))
            return 0;
        if (d->type == PROTOBUF_C_TYPE_MESSAGE &&
            (depth == 0 || !texts_hold(d->descriptor, f.bytes, depth - 1)))
            return 0;
    }
    return more == 0;
}

ProtobufCMessage *
cocos__pb_unpack(const ProtobufCMessageDescriptor *type, cocos__span bytes, size_t max_memory)
{
    struct budget b = {max_memory};
    ProtobufCAllocator a = {budget_alloc, budget_free, &b};

    if (!texts_hold(type, bytes, DEPTH_MAX))
        return NULL;
    return protobuf_c_message_unpack(type, &a, bytes.len, bytes.data);
}
