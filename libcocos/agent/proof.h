/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_PROOF_H
#define COCOS_AGENT_PROOF_H

/* Evidence of this agent: who it is and what it works on, for one purpose (cocos-v1 section 1). */

#include "agent/service.h"

#define COCOS__PROOF_NS (15 * INT64_C(1000000000)) /* longest wait of a caller */

/* Opens the platform's devices by the options, and holds it against what must be there.
 * UNSUPPORTED "evidence.provider", "evidence.required". */
int cocos__proof_open(cocos_agent_service *s, cocos_error **err);
void cocos__proof_close(cocos_agent_service *s);
/* 1 when evidence can be made at all. */
int cocos__proof_possible(const cocos_agent_service *s);

/* What differs from use to use. */
typedef struct cocos__proof {
    int purpose; /* enum cocos__purpose */
    cocos__span challenge;
    const uint8_t *leaf;          /* 32 bytes, NULL: none */
    const uint8_t *statement_key; /* 32 bytes, NULL: none */
    const uint8_t *manifest;      /* 32 bytes; NULL: that of the current computation, if any */
} cocos__proof;

/* Appends the envelope; errors as cocos__attester_evidence(). Without the service's lock. */
int cocos__proof_make(cocos_agent_service *s,
                      const cocos__proof *p,
                      int64_t deadline_ns,
                      cocos__buf *envelope,
                      cocos_error **err);

/* Evidence for the key of a computation's statement, made once. OK also where the platform has
 * none. */
int cocos__proof_testimony(cocos_agent_service *s, cocos__computation *c, cocos_error **err);

/* cocos__attest_make_fn for the port; user is the service. */
int cocos__proof_channel(void *user,
                         const cocos__attest_binding *b,
                         int64_t deadline_ns,
                         int *version,
                         cocos__buf *envelope,
                         cocos_error **err);

#endif
