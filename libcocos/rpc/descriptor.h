/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_RPC_DESCRIPTOR_H
#define COCOS_RPC_DESCRIPTOR_H

/* Look-up in the embedded FileDescriptorSet of proto/ (google/protobuf/descriptor.proto). */

#include "base/bytes.h"

/* One serialized FileDescriptorProto; {NULL, 0} when there is none. */
cocos__span cocos__descriptor_by_name(const char *file);
cocos__span cocos__descriptor_by_symbol(const char *symbol);

#endif
