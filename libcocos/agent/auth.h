/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_AUTH_H
#define COCOS_AGENT_AUTH_H

/* Who asks, and may they (cocos-v1 section 3). */

#include "agent/service.h"
#include "compute/request.h"

/* What a call needs of whoever makes it. */
enum cocos__right {
    COCOS__RIGHT_OWNER = 1,    /* of this very asset */
    COCOS__RIGHT_CONSUMER = 2, /* any consumer */
    COCOS__RIGHT_PARTY = 3     /* anybody whom the manifest names */
};

typedef struct cocos__auth_want {
    enum cocos__right right;
    int kind; /* OWNER: the asset; 0 else */
    uint32_t index;
    cocos__span message;   /* the single request message, whose digest is signed; or */
    const uint8_t *digest; /* the asset's */
    const uint64_t *size;  /* signed parameters, NULL when the call has none */
    const uint64_t *offset;
} cocos__auth_want;

/* 1 when the call carries a signature at all. */
int cocos__auth_present(const cocos__rpc_call *call);

/*
 * Judges the call's signature against what call, connection and manifest say. *key (optional) is
 * the party's, borrowed from the manifest. UNAUTHENTICATED with the code of the first row that
 * failed ("auth.missing", "auth.key", "auth.replay", those of compute/request.h); DENIED
 * "auth.right".
 */
int cocos__auth_check(const cocos_agent_service *s,
                      const cocos__rpc_call *call,
                      const cocos__computation *c,
                      const cocos__auth_want *want,
                      const cocos_key **key,
                      cocos_error **err);

#endif
