/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/message.h"

#include <grpc/byte_buffer_reader.h>

struct cocos__rpc_msg {
    cocos__span bytes;
    grpc_slice slice; /* owns them */
};

cocos__span cocos__rpc_msg_bytes(const cocos__rpc_msg *msg)
{
    return msg->bytes;
}

void cocos__rpc_msg_free(cocos__rpc_msg *msg)
{
    if (!msg)
        return;
    grpc_slice_unref(msg->slice);
    free(msg);
}

/* The one slice as it came, or all of them joined. */
static grpc_slice join(grpc_byte_buffer *buffer)
{
    if (buffer->data.raw.slice_buffer.count == 1)
        return grpc_slice_ref(buffer->data.raw.slice_buffer.slices[0]);

    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer))
        return grpc_empty_slice();
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    return all;
}

int cocos__rpc_msg_new(grpc_byte_buffer *take,
                       size_t limit,
                       cocos__rpc_msg **ret,
                       cocos_error **err)
{
    size_t len = grpc_byte_buffer_length(take);
    cocos__rpc_msg *m = NULL;
    int r = COCOS_OK;

    if (take->data.raw.compression != GRPC_COMPRESS_NONE)
        r = cocos__fail(err, COCOS_ERR_UNSUPPORTED, "rpc.compression",
                        "compressed messages are not accepted");
    else if (len > limit)
        r = cocos__fail(err, COCOS_ERR_EXHAUSTED, "rpc.message.size",
                        "a message has %zu bytes, at most %zu are taken", len, limit);
    else if (!(m = calloc(1, sizeof *m)))
        r = cocos__fail_memory(err);
    if (r == COCOS_OK) {
        m->slice = join(take);
        *ret = m;
        /* The slice in its place: short slices hold their bytes inside the structure. */
        m->bytes = (cocos__span){GRPC_SLICE_START_PTR(m->slice), GRPC_SLICE_LENGTH(m->slice)};
    }
    grpc_byte_buffer_destroy(take);
    return r;
}

static grpc_byte_buffer *wrap(grpc_slice slice_take)
{
    grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&slice_take, 1);

    grpc_slice_unref(slice_take);
    return b;
}

grpc_byte_buffer *cocos__rpc_buffer_copy(const void *data, size_t len)
{
    return wrap(grpc_slice_from_copied_buffer(data, len));
}

grpc_byte_buffer *cocos__rpc_buffer_pack(const ProtobufCMessage *msg)
{
    grpc_slice s = grpc_slice_malloc(protobuf_c_message_get_packed_size(msg));

    protobuf_c_message_pack(msg, GRPC_SLICE_START_PTR(s));
    return wrap(s);
}
