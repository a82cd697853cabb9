/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EVIDENCE_LANE_H
#define COCOS_EVIDENCE_LANE_H

/*
 * The way to one device: a thread of its own, one request at a time. Devices are read by calls that
 * nothing can end, so a caller whose time is up leaves its request behind; a device that is overdue
 * is asked nothing more until it has answered.
 */

#include "base/cancel.h"
#include "evidence/provider.h"

#define COCOS__LANE_WAITING_MAX 128 /* callers a device, the one being served included */

typedef struct cocos__lane cocos__lane;     /* thread-safe */
typedef struct cocos__errand cocos__errand; /* one request on its way; of the caller that sent it */

/* Takes config, also on failure. Opens the provider in its thread; at most `open_ns`. */
int cocos__lane_open(const cocos__provider *provider,
                     cocos__evidence_config *config_take,
                     int64_t open_ns,
                     int64_t device_ns,
                     cocos__buf *how,
                     cocos__lane **ret,
                     cocos_error **err);
/* Waits a moment for the device; one that does not answer leaves its thread behind. */
void cocos__lane_close(cocos__lane *lane);

const cocos__provider *cocos__lane_provider(const cocos__lane *lane);
const uint8_t *cocos__lane_key(const cocos__lane *lane); /* 32 bytes or NULL; borrowed */
/* 1 while a request is being served that nobody waits for any longer. */
int cocos__lane_abandoned(cocos__lane *lane);

/*
 * Sends a request; `like` gives everything but deadline and answer. BUSY "evidence.busy": too many
 * wait already, or the device is overdue. `deadline_ns` 0: none but the device's own.
 */
int cocos__lane_send(cocos__lane *lane,
                     const cocos__ask *like,
                     int64_t deadline_ns,
                     cocos_cancel *cancel,
                     cocos__errand **ret,
                     cocos_error **err);
/* Waits for the answer, which lives as long as the errand. TIMEOUT "evidence.timeout", CANCELLED,
 * BUSY "evidence.busy", or the provider's failure. */
int cocos__errand_wait(cocos__errand *errand, cocos__ask **answer, cocos_error **err);
/* Gives up what is still on its way. NULL allowed. */
void cocos__errand_free(cocos__errand *errand);

#endif
