/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CVMS_LINK_H
#define COCOS_CVMS_LINK_H

/*
 * One stream of one agent. Commands are queued and sent by a thread of the stream's own, so that an
 * agent that reads slowly holds up nobody else.
 */

#include <protobuf-c/protobuf-c.h>

#include "rpc/rpc.h"

typedef struct cocos__cvms_link cocos__cvms_link;

int cocos__cvms_link_new(cocos__rpc_call *call, cocos__cvms_link **ret, cocos_error **err);
/* Packs and queues; at most 64 messages and 16 MiB wait, then EXHAUSTED "cvms.queue". */
int cocos__cvms_link_send(cocos__cvms_link *l, const ProtobufCMessage *msg, cocos_error **err);
/* Ends the thread; what still waits is dropped. NULL allowed. */
void cocos__cvms_link_free(cocos__cvms_link *l);
COCOS__DEFINE_FREEP(cocos__cvms_link_freep, cocos__cvms_link *, cocos__cvms_link_free)

#endif
