/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_RPC_MESSAGE_H
#define COCOS_RPC_MESSAGE_H

/* Between gRPC's byte buffers and ours. */

#include "rpc/core.h"

/* Takes the buffer. EXHAUSTED "rpc.message.size" above `limit`, UNSUPPORTED "rpc.compression". */
int cocos__rpc_msg_new(grpc_byte_buffer *take,
                       size_t limit,
                       cocos__rpc_msg **ret,
                       cocos_error **err);

/* A byte buffer with a copy of the bytes, or of a packed message; NULL when out of memory. */
grpc_byte_buffer *cocos__rpc_buffer_copy(const void *data, size_t len);
grpc_byte_buffer *cocos__rpc_buffer_pack(const ProtobufCMessage *msg);

#endif
