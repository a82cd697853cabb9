/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_REQUEST_H
#define COCOS_COMPUTE_REQUEST_H

/* Signed requests (cocos-v1 section 3): metadata "cocos-auth-bin", made by clients, judged by the agent. */

#include <cocos/key.h>
#include <cocos/manifest.h>

#include "base/bytes.h"

#define COCOS__AUTH_KEY       "cocos-auth-bin"
#define COCOS__AUTH_MAX       (16 * 1024)
#define COCOS__EXPORTER_LABEL "EXPORTER-cocos-request-v1"

typedef struct cocos__request {
    int local;              /* payload key 1: cocos.request-local/1 instead of cocos.request/1 */
    const char *method;     /* 2: full gRPC path */
    const char *role;       /* 3: algorithm-provider, data-provider, consumer, observer */
    const char *computation_id; /* 4: NULL only before a manifest */
    const uint8_t *manifest_digest; /* 5: 32 bytes, NULL only for Describe */
    const uint8_t *binding; /* 6: 32 bytes of exporter; NULL when local */
    uint8_t nonce[16];      /* 7 */
    uint8_t digest[32];     /* 8: of the asset, or of the single request message */
    int kind;               /* 9: asset kind, 0: absent */
    uint32_t index;
    int has_index;
    uint64_t size;
    int has_size;
    uint64_t offset;
    int has_offset;
    int64_t time_s;         /* 10 */
    const uint8_t *instance_id; /* 11: 16 bytes */
} cocos__request;

/* Appends the COSE_Sign1. */
int cocos__request_sign(const cocos_key *key, const cocos__request *rq, cocos__buf *out, cocos_error **err);

/* Parsed but not yet trusted. Pointers in view live as long as the object. */
typedef struct cocos__signed_request cocos__signed_request;
int cocos__signed_request_parse(const uint8_t *data, size_t len, cocos__signed_request **ret, cocos_error **err);
const cocos__request *cocos__signed_request_view(const cocos__signed_request *s);
const uint8_t *cocos__signed_request_kid(const cocos__signed_request *s);
/*
 * The signature under key, then every row against `expected` (nonce, time_s and role are not
 * compared: replay and rights are the caller's). First row that differs: UNAUTHENTICATED
 * "auth.signature", "auth.domain", "auth.method", "auth.computation", "auth.manifest", "auth.binding",
 * "auth.digest", "auth.parameters", "auth.instance".
 */
int cocos__signed_request_verify(const cocos__signed_request *s,
                                 const cocos_key *key,
                                 const cocos__request *expected,
                                 cocos_error **err);
void cocos__signed_request_free(cocos__signed_request *s);
COCOS__DEFINE_FREEP(cocos__signed_request_freep, cocos__signed_request *, cocos__signed_request_free)

#endif
