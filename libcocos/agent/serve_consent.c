/* SPDX-License-Identifier: Apache-2.0 */
/* Approve: an approval or a withdrawal, signed by a party and brought by anyone. Statement: what
 * the agent testifies, for the parties (cocos-v1 sections 4 and 5). */
#include <string.h>

#include "agent/consent.h"
#include "agent/proof.h"
#include "agent/serve.h"
#include "agent/testimony.h"
#include "base/clock.h"
#include "base/thread.h"

#define MISSING_MAX   514 /* every key of every role, and a few withdrawals */
#define APPROVALS_MAX (2u << 20)

/* ---- Approve ---- */

typedef struct missing {
    char (*texts)[COCOS__CONSENT_TEXT];
    char **list;
    size_t n;
} missing;

static void missing_done(missing *m)
{
    free(m->texts);
    free(m->list);
}

static int missing_init(missing *m, cocos_error **err)
{
    m->texts = calloc(MISSING_MAX, sizeof *m->texts);
    m->list = calloc(MISSING_MAX, sizeof *m->list);
    return m->texts && m->list ? COCOS_OK : cocos__fail_memory(err);
}

static int take_approval(
    cocos_agent_service *s, cocos__computation *c, cocos__span data, missing *m, cocos_error **err)
{
    cocos_approval *a = NULL;

    int r = missing_init(m, err);
    if (r == COCOS_OK)
        r = cocos__consent_read(c->consent, data, &a, err);
    if (r == COCOS_OK)
        r = cocos__machine_approve(s, c, a, err);
    if (r < 0)
        return r;
    COCOS__LOCKED(&s->lock);
    m->n = cocos__consent_missing(c->consent, m->texts, MISSING_MAX);
    m->n = m->n < MISSING_MAX ? m->n : MISSING_MAX;
    for (size_t i = 0; i < m->n; i++)
        m->list[i] = m->texts[i];
    return COCOS_OK;
}

int cocos__serve_approve(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *m = NULL;
    COCOS__CLEANUP(missing_done) missing left = {0};
    Cocos__V1__ApproveResponse rsp = COCOS__V1__APPROVE_RESPONSE__INIT;
    COCOS__HOLD_CURRENT(held, s);

    int r = cocos__serve_request(call, &cocos__v1__approve_request__descriptor, &bytes, &m, err);
    if (r < 0)
        return r;
    if (!held.c)
        return cocos__serve_no_manifest(err);
    const ProtobufCBinaryData *data = &((const Cocos__V1__ApproveRequest *)m)->approval;
    r = take_approval(s, held.c, (cocos__span){data->data, data->len}, &left, err);
    if (r < 0)
        return r;
    rsp.n_missing = left.n;
    rsp.missing = left.list;
    return cocos__rpc_send_pb(call, &rsp.base, err);
}

/* ---- Statement ---- */

/* Copies: what is sent must not change while it is. */
typedef struct testimony {
    cocos__buf statement;
    cocos__buf closure;
    cocos__buf evidence;
    cocos__buf approvals; /* one behind the other */
    ProtobufCBinaryData *list;
    size_t n;
} testimony;

static void testimony_init(testimony *t)
{
    memset(t, 0, sizeof *t);
    cocos__buf_init(&t->statement, COCOS__STATEMENT_MAX);
    cocos__buf_init(&t->closure, COCOS__STATEMENT_MAX);
    cocos__buf_init(&t->evidence, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&t->approvals, APPROVALS_MAX);
}

static void testimony_done(testimony *t)
{
    cocos__buf_done(&t->statement);
    cocos__buf_done(&t->closure);
    cocos__buf_done(&t->evidence);
    cocos__buf_done(&t->approvals);
    free(t->list);
}

static int copy_approvals(const cocos__consent *c, testimony *t, cocos_error **err)
{
    size_t at = 0;

    t->list = calloc(c->n + 1, sizeof *t->list);
    if (!t->list)
        return cocos__fail_memory(err);
    for (size_t i = 0; i < c->n && t->approvals.len + c->all[i]->len <= APPROVALS_MAX; i++) {
        cocos__buf_add(&t->approvals, c->all[i]->encoded, c->all[i]->len);
        t->list[t->n++].len = c->all[i]->len;
    }
    if (t->approvals.failed)
        return cocos__fail_memory(err);
    for (size_t i = 0; i < t->n; at += t->list[i++].len)
        t->list[i].data = t->approvals.data + at;
    return COCOS_OK;
}

static size_t consumer_place(const cocos_manifest *m, const cocos_key *key)
{
    for (size_t i = 0; i < cocos_manifest_consumer_count(m); i++) {
        if (memcmp(cocos_key_thumbprint(cocos_manifest_consumer(m, i)), cocos_key_thumbprint(key),
                   32) == 0)
            return i;
    }
    return COCOS__NO_CONSUMER;
}

static int copy_all(cocos_agent_service *s,
                    cocos__computation *c,
                    const cocos_key *key,
                    testimony *t,
                    cocos_error **err)
{
    cocos__span statement, closure;

    COCOS__LOCKED(&s->lock);
    if (s->current != c)
        return cocos__fail(err, COCOS_ERR_ABORTED, "computation.stopped",
                           "the computation was stopped");
    int r = cocos__testimony_give(c->testimony, consumer_place(c->manifest, key), &statement,
                                  &closure, err);
    if (r < 0)
        return r;
    cocos__span evidence = cocos__testimony_evidence(c->testimony);
    cocos__buf_add(&t->statement, statement.data, statement.len);
    cocos__buf_add(&t->closure, closure.data, closure.len);
    cocos__buf_add(&t->evidence, evidence.data, evidence.len);
    if (t->statement.failed || t->closure.failed || t->evidence.failed)
        return cocos__fail_memory(err);
    return copy_approvals(c->consent, t, err);
}

static int is_stated(cocos_agent_service *s, const cocos__computation *c)
{
    COCOS__LOCKED(&s->lock);
    return cocos__testimony_stated(c->testimony);
}

static int send_testimony(cocos__rpc_call *call, const testimony *t, cocos_error **err)
{
    Cocos__V1__StatementResponse rsp = COCOS__V1__STATEMENT_RESPONSE__INIT;

    rsp.statement = (ProtobufCBinaryData){t->statement.len, t->statement.data};
    rsp.evidence = (ProtobufCBinaryData){t->evidence.len, t->evidence.data};
    rsp.closure = (ProtobufCBinaryData){t->closure.len, t->closure.data};
    rsp.n_approvals = t->n;
    rsp.approvals = t->list;
    return cocos__rpc_send_pb(call, &rsp.base, err);
}

int cocos__serve_statement(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *m = NULL;
    COCOS__CLEANUP(testimony_done) testimony t;
    const cocos_key *key = NULL;
    COCOS__HOLD_CURRENT(held, s);

    testimony_init(&t);
    int r = cocos__serve_request(call, &cocos__v1__statement_request__descriptor, &bytes, &m, err);
    if (r < 0)
        return r;
    if (!held.c)
        return cocos__serve_no_manifest(err);
    cocos__auth_want want = {.right = COCOS__RIGHT_PARTY, .message = cocos__rpc_msg_bytes(bytes)};
    r = cocos__auth_check(s, call, held.c, &want, &key, err);
    if (r == COCOS_OK && is_stated(s, held.c))
        r = cocos__proof_testimony(s, held.c, err);
    if (r == COCOS_OK)
        r = copy_all(s, held.c, key, &t, err);
    return r < 0 ? r : send_testimony(call, &t, err);
}
