/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_CLIENT_H
#define COCOS_COMPUTE_CLIENT_H

/* What the calls on an agent share: the connection, who is asked about what, and the signature over
 * it. */

#include <cocos/computation.h>
#include <stdatomic.h>

#include "compute/request.h"
#include "rpc/rpc.h"

#define COCOS__AGENT_DESCRIBE      "/cocos.v1.Agent/Describe"
#define COCOS__AGENT_UPLOAD        "/cocos.v1.Agent/Upload"
#define COCOS__AGENT_UPLOAD_STATUS "/cocos.v1.Agent/UploadStatus"
#define COCOS__AGENT_DOWNLOAD      "/cocos.v1.Agent/Download"
#define COCOS__AGENT_WATCH         "/cocos.v1.Agent/Watch"
#define COCOS__AGENT_ATTEST        "/cocos.v1.Agent/Attest"
#define COCOS__AGENT_APPROVE       "/cocos.v1.Agent/Approve"
#define COCOS__AGENT_STATEMENT     "/cocos.v1.Agent/Statement"

/* A statement and its evidence, or evidence alone: 3 MiB and what is beside it. */
#define COCOS__ANSWER_MAX (8u << 20)

/* The protocol allows 1 MiB (cocos-v1 section 4); a quarter is as fast, and less is lost with a
 * connection. */
#define COCOS__PART_SIZE (256u << 10)
#define COCOS__ID_MAX    64

/* Who judges evidence: shared by the options and the connections made with them. */
typedef struct cocos__judge cocos__judge;

struct cocos_agent_options {
    char *address;
    uint8_t pin[32];
    int has_pin;
    int insecure;
    int no_attestation;
    cocos__judge *judge; /* NULL: no policy */
    int has_digest;
    uint8_t digest[COCOS_DIGEST_SIZE]; /* of the manifest that the caller means */
    cocos__buf ca;
    cocos__buf cert;
    cocos__buf key; /* wiped */
};

struct cocos_agent_conn {
    cocos__rpc_channel *channel;
    int local;              /* a Unix socket: no exporter, cocos.request-local/1 */
    cocos_verdict *verdict; /* NULL: not attested */
    uint8_t *evidence;      /* what it was judged on */
    size_t evidence_len;
    int confirmed; /* requests are signed for the manifest of this digest only */
    uint8_t confirmed_digest[COCOS_DIGEST_SIZE];
    uint8_t consumer_nonce[64];
    size_t consumer_nonce_len;
    uint8_t instance_id[16]; /* of the evidence, then of what it said */
    /* What the last description said; requests are signed for exactly this computation. */
    int has_manifest;
    uint8_t manifest_digest[COCOS_DIGEST_SIZE];
    char computation_id[COCOS__ID_MAX + 1];
};

/* Sign a request: `what` has method, role and parameters, the rest is filled in here. Appended to
 * out. */
int cocos__client_sign(cocos_agent_conn *c,
                       const cocos_key *key,
                       const cocos__request *what,
                       cocos__buf *out,
                       cocos_error **err);
/* Digest of the single request message, which is what such a call's signature covers. */
int cocos__client_message_digest(const ProtobufCMessage *message,
                                 uint8_t digest[32],
                                 cocos_error **err);
/* Asks for a description when there was no manifest yet; "agent.manifest.none" when there still is
 * none. */
int cocos__client_need_manifest(cocos_agent_conn *c,
                                int64_t deadline_ns,
                                cocos_cancel *cancel,
                                cocos_error **err);
/* Start a call whose only request message is signed. The message is sent and the stream
 * half-closed. */
int cocos__client_ask(cocos_agent_conn *c,
                      const cocos_key *key,
                      const cocos__request *what,
                      const ProtobufCMessage *message,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      cocos__rpc_call **ret,
                      cocos_error **err);
/* The one answer to such a call. */
int cocos__client_answer(cocos__rpc_call *call,
                         const ProtobufCMessageDescriptor *type,
                         ProtobufCMessage **ret,
                         cocos_error **err);

static inline void cocos__pb_freep(void *p)
{
    ProtobufCMessage *m = *(ProtobufCMessage **)p;

    if (m)
        protobuf_c_message_free_unpacked(m, NULL);
}

/* Progress, told at most ten times a second and once at the end. */
typedef struct cocos__meter {
    cocos_progress_fn fn; /* may be NULL */
    void *user;
    uint64_t total;
    int64_t told_ns;
    uint64_t told;
} cocos__meter;

/* CANCELLED "progress.cancelled" when the callback wants no more. */
int cocos__meter_update(cocos__meter *m, uint64_t done, cocos_error **err);

#endif
