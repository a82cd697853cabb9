/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence on request, approvals, the statement: what proves something beyond this connection. */
#include <string.h>

#include "attest/envelope.h"
#include "cocos/v1/agent.pb-c.h"
#include "compute/client.h"
#include "manifest/approval.h"
#include "manifest/statement.h"

#define NONCE_MIN     8
#define NONCE_MAX     64
#define APPROVALS_MAX 1024

COCOS__DEFINE_FREEP(evidence_freep, cocos_evidence *, cocos_evidence_free)
COCOS__DEFINE_FREEP(testimony_freep, cocos_agent_testimony *, cocos_agent_testimony_free)

/* ---- Attest ---- */

static int envelope_of(const ProtobufCBinaryData *b, cocos_evidence **ret, cocos_error **err)
{
    cocos__envelope e;
    int r = cocos__envelope_parse((cocos__span){b->data, b->len}, &e, err);

    return r < 0 ? r : cocos_evidence_new(COCOS_EVIDENCE_ENVELOPE, b->data, b->len, ret, err);
}

/* Whoever asked knows the nonce: it is expected of what came, also when it is judged later. */
static int expect(cocos_evidence *e, const uint8_t *nonce, size_t len, cocos_error **err)
{
    int r = cocos_evidence_expect(e, COCOS_CLAIM_PURPOSE, (const uint8_t *)"rpc", 3, err);

    return r < 0 ? r : cocos_evidence_expect(e, COCOS_CLAIM_CHALLENGE, nonce, len, err);
}

int cocos_agent_attest(cocos_agent_conn *c,
                       const uint8_t *nonce,
                       size_t len,
                       int64_t deadline_ns,
                       cocos_cancel *cancel,
                       cocos_evidence **ret,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    COCOS__CLEANUP(cocos__pb_freep) ProtobufCMessage *answer = NULL;
    COCOS__CLEANUP(evidence_freep) cocos_evidence *e = NULL;
    Cocos__V1__AttestRequest rq = COCOS__V1__ATTEST_REQUEST__INIT;
    const cocos__request what = {.method = COCOS__AGENT_ATTEST};

    if (!c || !nonce || !ret || len < NONCE_MIN || len > NONCE_MAX)
        return cocos__fail(err, COCOS_ERR_USAGE, "attest.nonce",
                           "a nonce of %d to %d bytes is needed", NONCE_MIN, NONCE_MAX);
    rq.nonce = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)nonce};
    int r = cocos__client_ask(c, NULL, &what, &rq.base, deadline_ns, cancel, &call, err);
    if (r == COCOS_OK)
        r = cocos__client_answer(call, &cocos__v1__attest_response__descriptor, &answer, err);
    if (r == COCOS_OK)
        r = envelope_of(&((Cocos__V1__AttestResponse *)answer)->evidence, &e, err);
    if (r == COCOS_OK)
        r = expect(e, nonce, len, err);
    if (r == COCOS_OK)
        *ret = COCOS__STEAL(e);
    return r;
}

/* ---- Approve ---- */

int cocos_agent_approve(cocos_agent_conn *c,
                        const cocos_approval *approval,
                        int64_t deadline_ns,
                        cocos_cancel *cancel,
                        size_t *missing,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    COCOS__CLEANUP(cocos__pb_freep) ProtobufCMessage *answer = NULL;
    Cocos__V1__ApproveRequest rq = COCOS__V1__APPROVE_REQUEST__INIT;
    const cocos__request what = {.method = COCOS__AGENT_APPROVE};
    size_t len = 0;

    if (!c || !approval)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "connection or approval is NULL");
    const uint8_t *cbor = cocos_approval_cbor(approval, &len);
    rq.approval = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)cbor};
    int r = cocos__client_ask(c, NULL, &what, &rq.base, deadline_ns, cancel, &call, err);
    if (r == COCOS_OK)
        r = cocos__client_answer(call, &cocos__v1__approve_response__descriptor, &answer, err);
    if (r == COCOS_OK && missing)
        *missing = ((Cocos__V1__ApproveResponse *)answer)->n_missing;
    return r;
}

/* ---- Statement ---- */

struct cocos_agent_testimony {
    Cocos__V1__StatementResponse *said; /* owned */
    cocos_statement *statement;
    cocos_closure *closure;   /* NULL: not yet */
    cocos_evidence *evidence; /* NULL: the machine has none */
    cocos_approval **approvals;
    size_t n_approvals;
};

void cocos_agent_testimony_free(cocos_agent_testimony *t)
{
    if (!t)
        return;
    cocos__pb_freep(&t->said);
    cocos_statement_free(t->statement);
    cocos_closure_free(t->closure);
    cocos_evidence_free(t->evidence);
    for (size_t i = 0; i < t->n_approvals; i++)
        cocos_approval_free(t->approvals[i]);
    free(t->approvals);
    free(t);
}

const cocos_statement *cocos_agent_testimony_statement(const cocos_agent_testimony *t)
{
    return t->statement;
}

const cocos_closure *cocos_agent_testimony_closure(const cocos_agent_testimony *t)
{
    return t->closure;
}

const uint8_t *cocos_agent_testimony_evidence(const cocos_agent_testimony *t, size_t *len)
{
    *len = t->evidence ? t->said->evidence.len : 0;
    return t->evidence ? t->said->evidence.data : NULL;
}

size_t cocos_agent_testimony_approval_count(const cocos_agent_testimony *t)
{
    return t->n_approvals;
}

const cocos_approval *cocos_agent_testimony_approval(const cocos_agent_testimony *t, size_t i)
{
    return i < t->n_approvals ? t->approvals[i] : NULL;
}

static int parse_approvals(cocos_agent_testimony *t, cocos_error **err)
{
    size_t n = t->said->n_approvals;
    int r = COCOS_OK;

    if (n > APPROVALS_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "approval.count",
                           "there are %zu approvals, at most %d are taken", n, APPROVALS_MAX);
    t->approvals = calloc(n + 1, sizeof *t->approvals);
    if (!t->approvals)
        return cocos__fail_memory(err);
    for (size_t i = 0; r == COCOS_OK && i < n; i++) {
        r = cocos_approval_parse(t->said->approvals[i].data, t->said->approvals[i].len,
                                 &t->approvals[i], err);
        t->n_approvals += r == COCOS_OK;
    }
    return r;
}

static int parse(cocos_agent_testimony *t, cocos_error **err)
{
    int r =
        cocos_statement_parse(t->said->statement.data, t->said->statement.len, &t->statement, err);

    if (r == COCOS_OK && t->said->closure.len > 0)
        r = cocos_closure_parse(t->said->closure.data, t->said->closure.len, &t->closure, err);
    if (r == COCOS_OK && t->said->evidence.len > 0)
        r = envelope_of(&t->said->evidence, &t->evidence, err);
    return r < 0 ? r : parse_approvals(t, err);
}

/* Signed by whoever answers, about this manifest and instance? Whether to believe it, its evidence
 * says. */
static int check(const cocos_agent_conn *c, const cocos_agent_testimony *t, cocos_error **err)
{
    const cocos_statement *s = t->statement;
    int r = cocos__signed_verify(&s->is, COCOS__TYPE_STATEMENT, err);

    if (r == COCOS_OK && t->closure)
        r = cocos__signed_verify(&t->closure->is, COCOS__TYPE_CLOSURE, err);
    if (r < 0)
        return r;
    if (memcmp(s->says.manifest, c->manifest_digest, COCOS_DIGEST_SIZE) != 0 ||
        memcmp(s->says.instance, c->instance_id, sizeof c->instance_id) != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "statement.other",
                           "the statement is about another manifest or another instance");
    return COCOS_OK;
}

int cocos_agent_statement(cocos_agent_conn *c,
                          const cocos_key *key,
                          int64_t deadline_ns,
                          cocos_cancel *cancel,
                          cocos_agent_testimony **ret,
                          cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    COCOS__CLEANUP(testimony_freep) cocos_agent_testimony *t = NULL;
    Cocos__V1__StatementRequest rq = COCOS__V1__STATEMENT_REQUEST__INIT;
    const cocos__request what = {.method = COCOS__AGENT_STATEMENT, .role = "observer"};

    if (!c || !key || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "connection, key or ret is NULL");
    if (!cocos_key_is_private(key))
        return cocos__fail(err, COCOS_ERR_USAGE, "key.private", "a public key cannot sign");
    t = calloc(1, sizeof *t);
    if (!t)
        return cocos__fail_memory(err);
    int r = cocos__client_need_manifest(c, deadline_ns, cancel, err);
    if (r == COCOS_OK)
        r = cocos__client_ask(c, key, &what, &rq.base, deadline_ns, cancel, &call, err);
    if (r == COCOS_OK)
        r = cocos__client_answer(call, &cocos__v1__statement_response__descriptor,
                                 (ProtobufCMessage **)&t->said, err);
    if (r == COCOS_OK)
        r = parse(t, err);
    if (r == COCOS_OK)
        r = check(c, t, err);
    if (r == COCOS_OK)
        *ret = COCOS__STEAL(t);
    return r;
}
