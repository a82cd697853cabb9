/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to an agent, and signed questions on the connection (cocos-v1 section 3). */
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "codec/hex.h"
#include "compute/client.h"
#include "compute/judge.h"
#include "crypto/digest.h"

COCOS__DEFINE_FREEP(conn_closep, cocos_agent_conn *, cocos_agent_conn_close)
COCOS__DEFINE_FREEP(info_freep, cocos_agent_info *, cocos_agent_info_free)

static cocos__span span_of(const cocos__buf *b)
{
    return (cocos__span){b->len ? b->data : NULL, b->len};
}

/* Evidence, or the express wish to do without: else nothing is sent. */
static int check_attestation(const cocos_agent_options *o, cocos_error **err)
{
    int policy = cocos__judge_has_policy(o->judge);

    if (policy && o->no_attestation)
        return cocos__fail(
            err, COCOS_ERR_USAGE, "agent.policy.conflict",
            "a policy and the wish to connect without attestation exclude each other");
    if (!policy && !o->no_attestation)
        return cocos__fail(err, COCOS_ERR_USAGE, "agent.policy.none",
                           "nothing says which evidence of the agent at %s to accept: no policy is "
                           "given",
                           o->address);
    if (policy && strncmp(o->address, "unix:", 5) == 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "agent.policy.local",
                           "evidence cannot be bound to the local socket %s", o->address);
    return COCOS_OK;
}

/* The peer's key, its certifier, its evidence, or the express wish to trust anybody: without one of
 * them nothing is sent. */
static int make_tls(const cocos_agent_options *o, cocos__tls_config **ret, cocos_error **err)
{
    int anybody = o->insecure || cocos__judge_has_policy(o->judge);
    cocos__tls_options t = {
        .cert_pem = span_of(&o->cert),
        .key_pem = span_of(&o->key),
        .ca_pem = span_of(&o->ca),
        .has_pin = o->has_pin,
        .insecure = anybody && !o->has_pin && o->ca.len == 0,
    };

    if (!o->has_pin && o->ca.len == 0 && !anybody) {
        return cocos__fail(
            err, COCOS_ERR_USAGE, "agent.trust",
            "nothing says why to trust the agent at %s: neither a pin nor roots are given",
            o->address);
    }
    memcpy(t.pin, o->pin, sizeof t.pin);
    return cocos__tls_config_client(&t, ret, err);
}

/* With a policy nothing but the question for evidence goes out before it was judged. */
static int open_channel(const cocos_agent_options *o,
                        const cocos__tls_config *tls,
                        int64_t deadline_ns,
                        cocos_cancel *cancel,
                        cocos_agent_conn *c,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__judging_done) cocos__judging judging = {.judge = o->judge};
    const cocos__attest_options attest = {.judge = cocos__judge_channel, .user = &judging};
    cocos__rpc_channel_options options = {.target = o->address,
                                          .tls = tls,
                                          .deadline_ns = deadline_ns,
                                          .cancel = cancel,
                                          .max_message = COCOS__ANSWER_MAX};

    if (cocos__judge_has_policy(o->judge))
        options.attest = &attest;
    int r = cocos__rpc_channel_open(&options, &c->channel, err);
    if (r < 0 || !options.attest)
        return r;
    c->verdict = COCOS__STEAL(judging.verdict);
    c->evidence = COCOS__STEAL(judging.evidence);
    c->evidence_len = judging.evidence_len;
    /* What it says of itself must be what its evidence says. */
    memcpy(c->instance_id, judging.instance_id, sizeof c->instance_id);
    return c->verdict ? COCOS_OK
                      : cocos__fail(err, COCOS_ERR_INTERNAL, "agent.attested",
                                    "the connection was not judged");
}

int cocos_agent_connect(const cocos_agent_options *o,
                        int64_t deadline_ns,
                        cocos_cancel *cancel,
                        cocos_agent_conn **ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *tls = NULL;
    COCOS__CLEANUP(conn_closep) cocos_agent_conn *c = NULL;
    COCOS__CLEANUP(info_freep) cocos_agent_info *info = NULL;
    int r = COCOS_OK;

    if (!o || !ret || !o->address)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "options, address or ret is NULL");
    c = calloc(1, sizeof *c);
    if (!c)
        return cocos__fail_memory(err);
    c->local = strncmp(o->address, "unix:", 5) == 0;
    c->confirmed = o->has_digest;
    memcpy(c->confirmed_digest, o->digest, sizeof c->confirmed_digest);
    r = check_attestation(o, err);
    if (r == COCOS_OK && !c->local)
        r = make_tls(o, &tls, err);
    if (r == COCOS_OK)
        r = open_channel(o, tls, deadline_ns, cancel, c, err);
    if (r < 0)
        return r;

    r = cocos_agent_describe(c, NULL, deadline_ns, cancel, &info, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

void cocos_agent_conn_close(cocos_agent_conn *c)
{
    if (!c)
        return;
    cocos__rpc_channel_close(c->channel);
    cocos_verdict_free(c->verdict);
    free(c->evidence);
    free(c);
}

const cocos_verdict *cocos_agent_conn_verdict(const cocos_agent_conn *c)
{
    return c->verdict;
}

const uint8_t *cocos_agent_conn_evidence(const cocos_agent_conn *c, size_t *len)
{
    *len = c->evidence_len;
    return c->evidence;
}

void cocos_agent_conn_set_consumer_nonce(cocos_agent_conn *c, const uint8_t *nonce, size_t len)
{
    if (!c || !nonce || len < 8 || len > sizeof c->consumer_nonce)
        return;
    memcpy(c->consumer_nonce, nonce, len);
    c->consumer_nonce_len = len;
}

static int check_manifest(const cocos_agent_conn *c, cocos_error **err)
{
    char want[65], have[65];

    if (!c->confirmed && c->verdict)
        return cocos__fail(err, COCOS_ERR_USAGE, "agent.manifest.unconfirmed",
                           "nothing is signed before the manifest was confirmed");
    if (!c->confirmed || !c->has_manifest ||
        memcmp(c->confirmed_digest, c->manifest_digest, COCOS_DIGEST_SIZE) == 0)
        return COCOS_OK;
    cocos__hex_encode(c->confirmed_digest, COCOS_DIGEST_SIZE, want);
    cocos__hex_encode(c->manifest_digest, COCOS_DIGEST_SIZE, have);
    return cocos__fail_check(err, COCOS_ERR_STATE, "agent.manifest.other", "manifest digest", want,
                             have, "the agent has another manifest than the one that was named");
}

int cocos_agent_confirm_manifest(cocos_agent_conn *c,
                                 const uint8_t digest[COCOS_DIGEST_SIZE],
                                 cocos_error **err)
{
    if (!c || !digest)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "connection or digest is NULL");
    c->confirmed = 1;
    memcpy(c->confirmed_digest, digest, COCOS_DIGEST_SIZE);
    return check_manifest(c, err);
}

int cocos__client_need_manifest(cocos_agent_conn *c,
                                int64_t deadline_ns,
                                cocos_cancel *cancel,
                                cocos_error **err)
{
    COCOS__CLEANUP(info_freep) cocos_agent_info *info = NULL;

    if (c->has_manifest)
        return COCOS_OK;
    int r = cocos_agent_describe(c, NULL, deadline_ns, cancel, &info, err);
    if (r < 0)
        return r;
    if (!c->has_manifest)
        return cocos__fail(err, COCOS_ERR_STATE, "agent.manifest.none",
                           "the agent has no computation yet; its state is %s",
                           cocos_agent_info_state(info));
    return COCOS_OK;
}

int cocos__client_sign(cocos_agent_conn *c,
                       const cocos_key *key,
                       const cocos__request *what,
                       cocos__buf *out,
                       cocos_error **err)
{
    cocos__request rq = *what;
    uint8_t binding[32];
    int describe = strcmp(what->method, COCOS__AGENT_DESCRIBE) == 0;
    int r = describe ? COCOS_OK : check_manifest(c, err);

    if (r < 0)
        return r;
    rq.local = c->local;
    if (!c->local) {
        r = cocos__conn_exporter(cocos__rpc_channel_conn(c->channel), COCOS__EXPORTER_LABEL, NULL,
                                 0, binding, sizeof binding, err);
        if (r < 0)
            return r;
        rq.binding = binding;
    }
    cocos__random(rq.nonce, sizeof rq.nonce);
    rq.computation_id = c->has_manifest ? c->computation_id : NULL;
    rq.time_s = cocos__clock_wall_ns() / COCOS__NS_PER_S;
    rq.instance_id = c->instance_id;
    /* Describe is asked before the manifest is known; signed with null it authorises nothing else
     * (row 5). */
    rq.manifest_digest = describe ? NULL : c->manifest_digest;
    return cocos__request_sign(key, &rq, out, err);
}

int cocos__client_message_digest(const ProtobufCMessage *message,
                                 uint8_t digest[32],
                                 cocos_error **err)
{
    uint8_t packed[512];
    size_t len = protobuf_c_message_get_packed_size(message);

    if (len > sizeof packed)
        return cocos__fail(err, COCOS_ERR_INTERNAL, "internal.message",
                           "a request of %zu bytes was not expected", len);
    protobuf_c_message_pack(message, packed);
    return cocos__digest(COCOS__SHA3_256, packed, len, digest, err);
}

int cocos__client_ask(cocos_agent_conn *c,
                      const cocos_key *key,
                      const cocos__request *what,
                      const ProtobufCMessage *message,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      cocos__rpc_call **ret,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf auth;
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    cocos__request rq = *what;
    size_t n_meta = 0;
    int r = COCOS_OK;

    cocos__buf_init(&auth, COCOS__AUTH_MAX);
    if (key) {
        r = cocos__client_message_digest(message, rq.digest, err);
        if (r == COCOS_OK)
            r = cocos__client_sign(c, key, &rq, &auth, err);
        n_meta = 1;
    }
    if (r < 0)
        return r;

    cocos__rpc_meta meta = {.key = COCOS__AUTH_KEY, .value = auth.data, .len = auth.len};
    r = cocos__rpc_call_start(c->channel, what->method, &meta, n_meta, deadline_ns, cancel, &call,
                              err);
    if (r < 0)
        return r;

    /* Where the request cannot be sent any more the agent has decided already, and its verdict says
     * why. */
    cocos_error *send_error = NULL;
    if ((r = cocos__rpc_send_pb(call, message, &send_error)) == COCOS_OK)
        r = cocos__rpc_send_end(call, &send_error);
    if (r < 0) {
        int verdict = cocos__rpc_finish(call, err);
        if (verdict < 0) {
            cocos_error_free(send_error);
            return verdict;
        }
        return cocos__fail_cause(err, 0, "agent.send", send_error, "the request could not be sent");
    }
    *ret = COCOS__STEAL(call);
    return COCOS_OK;
}

int cocos__client_answer(cocos__rpc_call *call,
                         const ProtobufCMessageDescriptor *type,
                         ProtobufCMessage **ret,
                         cocos_error **err)
{
    COCOS__CLEANUP(cocos__pb_freep) ProtobufCMessage *answer = NULL;
    cocos_error *recv_error = NULL;
    int r = cocos__rpc_recv_pb(call, type, &answer, &recv_error);
    int verdict = cocos__rpc_finish(call, err);

    if (verdict < 0) {
        cocos_error_free(recv_error);
        return verdict;
    }
    if (r < 0)
        return cocos__fail_cause(err, 0, "agent.answer", recv_error,
                                 "the agent's answer could not be read");
    if (!answer)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.answer",
                           "the agent ended the call without an answer");

    *ret = COCOS__STEAL(answer);
    return COCOS_OK;
}

int cocos__meter_update(cocos__meter *m, uint64_t done, cocos_error **err)
{
    int64_t now = cocos__clock_mono_ns();
    int last = done == m->total && m->told != done;

    if (!m->fn || (!last && m->told_ns && now - m->told_ns < 100 * COCOS__NS_PER_MS))
        return COCOS_OK;
    m->told_ns = now;
    m->told = done;
    if (m->fn(m->user, done, m->total) != 0)
        return cocos__fail(err, COCOS_ERR_CANCELLED, "progress.cancelled",
                           "the caller stopped the transfer");
    return COCOS_OK;
}
