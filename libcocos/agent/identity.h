/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_IDENTITY_H
#define COCOS_AGENT_IDENTITY_H

/*
 * The private state directory and what makes this boot's agent itself: instance id and TLS key.
 * What another boot left there is wiped: it belongs to another instance.
 */

#include <stdint.h>

#include "base/error.h"
#include "transport/tls.h"

#define COCOS__STATE_DIR_MAX 512

typedef struct cocos__identity {
    int lock_fd;
    uint8_t instance_id[16];
    cocos__tls_config *tls; /* server side */
    uint8_t pin[32];        /* SHA-256 of the key's SPKI */
} cocos__identity;

/* Makes `dir` (0700) if need be and holds it alone: BUSY "agent.locked" when another process does.
 */
int cocos__identity_open(const char *dir, cocos__identity *id, cocos_error **err);
void cocos__identity_close(cocos__identity *id);

#endif
