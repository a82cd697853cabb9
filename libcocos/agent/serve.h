/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_SERVE_H
#define COCOS_AGENT_SERVE_H

/* What the methods of cocos.v1.Agent share. */

#include "agent/auth.h"
#include "agent/service.h"
#include "cocos/v1/agent.pb-c.h"

/* A reference that is dropped at the end of the block. */
typedef struct cocos__hold {
    cocos_agent_service *service;
    cocos__computation *c; /* NULL: there is no manifest */
} cocos__hold;

static inline void cocos__hold_drop(cocos__hold *h)
{
    cocos__computation_unref(h->service, h->c);
}

#define COCOS__HOLD_CURRENT(name, s)                                                               \
    COCOS__CLEANUP(cocos__hold_drop) cocos__hold name = {(s), cocos__machine_current(s)}

/* STATE "agent.state": the call needs a manifest. */
int cocos__serve_no_manifest(cocos_error **err);
/* The one message of a unary or server-streaming call, as bytes and unpacked. MALFORMED
 * "rpc.message". */
int cocos__serve_request(cocos__rpc_call *call,
                         const ProtobufCMessageDescriptor *type,
                         cocos__rpc_msg **bytes,
                         ProtobufCMessage **ret,
                         cocos_error **err);

static inline void cocos__unpacked_freep(ProtobufCMessage **m)
{
    if (*m)
        protobuf_c_message_free_unpacked(*m, NULL);
}

#endif
