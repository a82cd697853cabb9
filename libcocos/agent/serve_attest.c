/* SPDX-License-Identifier: Apache-2.0 */
/* Attest: evidence of purpose `rpc` for anyone, so that it is throttled (cocos-v1 section 4). */
#include "agent/proof.h"
#include "agent/serve.h"
#include "base/clock.h"

#define NONCE_MIN 8
#define NONCE_MAX 64

static int answer(cocos_agent_service *s,
                  cocos__rpc_call *call,
                  const Cocos__V1__AttestRequest *rq,
                  cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf envelope;
    Cocos__V1__AttestResponse rsp = COCOS__V1__ATTEST_RESPONSE__INIT;
    const cocos__proof p = {.purpose = COCOS__PURPOSE_RPC,
                            .challenge = {rq->nonce.data, rq->nonce.len}};

    cocos__buf_init(&envelope, COCOS__ENVELOPE_MAX);
    int r = cocos__proof_make(s, &p, 0, &envelope, err);
    if (r < 0)
        return r;
    rsp.evidence = (ProtobufCBinaryData){envelope.len, envelope.data};
    return cocos__rpc_send_pb(call, &rsp.base, err);
}

int cocos__serve_attest(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *m = NULL;

    int r = cocos__serve_request(call, &cocos__v1__attest_request__descriptor, &bytes, &m, err);
    if (r < 0)
        return r;
    const Cocos__V1__AttestRequest *rq = (const Cocos__V1__AttestRequest *)m;
    if (rq->nonce.len < NONCE_MIN || rq->nonce.len > NONCE_MAX)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "attest.nonce",
                           "the nonce has %zu bytes, not %d to %d", rq->nonce.len, NONCE_MIN,
                           NONCE_MAX);
    int64_t wait_ns = cocos__throttle_take(&s->attest_throttle, cocos__clock_mono_ns());
    if (wait_ns > 0)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "attest.rate",
                           "evidence was asked for too often; there is some again in %lld ms",
                           (long long)(wait_ns / COCOS__NS_PER_MS) + 1);
    return answer(s, call, rq, err);
}
