/* SPDX-License-Identifier: Apache-2.0 */
#include <cocos/cvms.h>
#include <cocos/verifier.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/hex.h"
#include "collateral/bundle.h"
#include "cvms/cvms.pb-c.h"
#include "cvms/link.h"
#include "cvms/options.h"
#include "cvms/request.h"
#include "cvms/text.h"

#define AGENTS_MAX    4096
#define NAME_MAX_LEN  128
#define REQUEST_MAX   (4u << 20)
#define CHUNK         (1u << 20) /* protocol.md 3.3 */
#define MESSAGE_MAX   (4u << 20)
#define CHALLENGE_LEN 32 /* cocos-v1 section 1, claim 2: 16 to 64 */

/* An agent that was seen or named. Never removed while the server lives; bounded by AGENTS_MAX. */
struct agent {
    struct agent *next;
    char name[NAME_MAX_LEN + 1];
    cocos__cvms_link *link; /* its command stream, NULL when not connected; owned by the handler */
    cocos__buf request;     /* serialised run request of its own; empty: the common one */
    char *computation_id;
    char digest[2 * COCOS_DIGEST_SIZE + 1];
    uint8_t challenge[CHALLENGE_LEN]; /* of this connection */
    int proven;                       /* its evidence was accepted */
};

struct cocos_cvms {
    cocos__rpc_server *server;
    cocos__rpc_listener *listener;
    cocos_cvms_fn fn;
    void *user;
    cocos_verifier *verifier; /* NULL: evidence is not judged */
    cocos_bundle *bundle;     /* NULL: evidence brings all along */
    pthread_mutex_t lock; /* guards agents and common, and keeps links alive while they are used */
    struct agent *agents;
    size_t n_agents;
    struct agent common; /* what every agent without a request of its own gets */
};

static void tell(
    cocos_cvms *c, int event, const char *agent, const char *id, const char *name, const char *text)
{
    char *clean_agent = cocos__cvms_text(agent, NAME_MAX_LEN);
    char *clean_id = cocos__cvms_text(id, NAME_MAX_LEN);
    char *clean_name = cocos__cvms_text(name, NAME_MAX_LEN);
    char *clean_text = cocos__cvms_text(text, COCOS__CVMS_TEXT_MAX);

    if (c->fn && clean_agent && clean_id && clean_name && clean_text)
        c->fn(c->user, event, clean_agent, clean_id, clean_name, clean_text);
    free(clean_agent);
    free(clean_id);
    free(clean_name);
    free(clean_text);
}

/* Called with the lock held. */
static struct agent *find(cocos_cvms *c, const char *name)
{
    for (struct agent *a = c->agents; a; a = a->next)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

static int find_or_add(cocos_cvms *c, const char *name, struct agent **ret, cocos_error **err)
{
    *ret = find(c, name);
    if (*ret)
        return COCOS_OK;
    if (c->n_agents >= AGENTS_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "cvms.agents", "%d agents are known already",
                           AGENTS_MAX);
    if (strlen(name) > NAME_MAX_LEN)
        return cocos__fail(err, COCOS_ERR_USAGE, "cvms.agent", "an agent's id has at most %d bytes",
                           NAME_MAX_LEN);

    struct agent *a = calloc(1, sizeof *a);
    if (!a)
        return cocos__fail_memory(err);
    strcpy(a->name, name);
    cocos__buf_init(&a->request, REQUEST_MAX);
    a->next = c->agents;
    c->agents = a;
    c->n_agents++;
    *ret = a;
    return COCOS_OK;
}

static int send_chunk(cocos__cvms_link *l,
                      const char *id,
                      const uint8_t *data,
                      size_t len,
                      int last,
                      cocos_error **err)
{
    Cvms__ServerStreamMessage msg = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__RunReqChunks chunk = CVMS__RUN_REQ_CHUNKS__INIT;

    chunk.id = (char *)(uintptr_t)id;
    chunk.data = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
    chunk.is_last = last;
    msg.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_RUN_REQ_CHUNKS;
    msg.runreqchunks = &chunk;
    return cocos__cvms_link_send(l, &msg.base, err);
}

/* Lock held. The last chunk is empty, as the existing servers send it. Nothing before proof. */
static int send_request(cocos_cvms *c, struct agent *a, cocos_error **err)
{
    const struct agent *from = a->request.len ? a : &c->common;
    int r = COCOS_OK;

    if (!from->request.len || !a->link || (c->verifier && !a->proven))
        return COCOS_OK;
    for (size_t at = 0; r == COCOS_OK && at < from->request.len; at += CHUNK) {
        size_t left = from->request.len - at;
        r = send_chunk(a->link, from->computation_id, from->request.data + at,
                       left < CHUNK ? left : CHUNK, 0, err);
    }
    if (r == COCOS_OK)
        r = send_chunk(a->link, from->computation_id, NULL, 0, 1, err);
    if (r == COCOS_OK)
        tell(c, COCOS_CVMS_MANIFEST, a->name, from->computation_id, "", from->digest);
    return r;
}

/* ---- Evidence ---- */

/* Lock held. */
static int ask_evidence(struct agent *a, cocos_error **err)
{
    Cvms__ServerStreamMessage msg = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__EvidenceReq rq = CVMS__EVIDENCE_REQ__INIT;

    cocos__random(a->challenge, sizeof a->challenge);
    a->proven = 0;
    rq.challenge = (ProtobufCBinaryData){sizeof a->challenge, a->challenge};
    msg.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_EVIDENCE_REQ;
    msg.evidencereq = &rq;
    return cocos__cvms_link_send(a->link, &msg.base, err);
}

static int judge(const cocos_cvms *c,
                 const ProtobufCBinaryData *envelope,
                 const uint8_t challenge[CHALLENGE_LEN],
                 cocos_error **err)
{
    cocos_evidence *e = NULL;
    cocos_verdict *v = NULL;
    int r = cocos_evidence_new(COCOS_EVIDENCE_ENVELOPE, envelope->data, envelope->len, &e, err);

    if (r == COCOS_OK && c->bundle)
        r = cocos_evidence_add_bundle(e, c->bundle, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(e, COCOS_CLAIM_PURPOSE, (const uint8_t *)"cvms", 4, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(e, COCOS_CLAIM_CHALLENGE, challenge, CHALLENGE_LEN, err);
    if (r == COCOS_OK)
        r = cocos_verifier_verify(c->verifier, e, cocos__clock_wall_ns(), COCOS_TIME_CLOCK, &v,
                                  err);
    cocos_verdict_free(v);
    cocos_evidence_free(e);
    return r;
}

/* 1 with its challenge while this is the agent's command stream. */
static int challenge_of(cocos_cvms *c,
                        const char *agent,
                        const cocos__cvms_link *link,
                        uint8_t challenge[CHALLENGE_LEN])
{
    COCOS__LOCKED(&c->lock);
    const struct agent *a = find(c, agent);

    if (!a || !link || a->link != link)
        return 0;
    memcpy(challenge, a->challenge, CHALLENGE_LEN);
    return 1;
}

static void proven(cocos_cvms *c, const char *agent, const cocos__cvms_link *link)
{
    COCOS__LOCKED(&c->lock);
    struct agent *a = find(c, agent);
    cocos_error *err = NULL;

    if (!a || a->link != link || a->proven)
        return;
    a->proven = 1;
    cocos__random(a->challenge, sizeof a->challenge); /* it was used */
    if (send_request(c, a, &err) < 0)
        cocos__log_error(COCOS_LOG_WARN, "cvms", "the manifest could not be sent", err);
    cocos_error_free(err);
}

static void hear_evidence(cocos_cvms *c,
                          const char *agent,
                          const cocos__cvms_link *link,
                          const Cvms__EvidenceRes *res)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    uint8_t challenge[CHALLENGE_LEN];
    char text[1024];

    if (!challenge_of(c, agent, link, challenge))
        return;
    snprintf(text, sizeof text, "%zu bytes", res->evidence.len);
    if (!c->verifier) {
        tell(c, COCOS_CVMS_EVIDENCE, agent, "", *res->error ? "none" : "not judged",
             *res->error ? res->error : text);
        return;
    }
    if (*res->error) {
        tell(c, COCOS_CVMS_EVIDENCE, agent, "", "refused", res->error);
        return;
    }
    if (judge(c, &res->evidence, challenge, &err) < 0) {
        snprintf(text, sizeof text, "%s: %s", cocos_error_code(err), cocos_error_message(err));
        tell(c, COCOS_CVMS_EVIDENCE, agent, "", "refused", text);
        return;
    }
    tell(c, COCOS_CVMS_EVIDENCE, agent, "", "accepted", text);
    proven(c, agent, link);
}

static void hear(cocos_cvms *c,
                 const char *agent,
                 const cocos__cvms_link *link,
                 const Cvms__ClientStreamMessage *m)
{
    char size[32];

    switch (m->message_case) {
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_LOG:
        tell(c, COCOS_CVMS_LOG, agent, m->agent_log->computation_id, m->agent_log->level,
             m->agent_log->message);
        break;
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_EVENT:
        tell(c, COCOS_CVMS_EVENT, agent, m->agent_event->computation_id, m->agent_event->event_type,
             m->agent_event->status);
        break;
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_RUN_RES:
        tell(c, *m->run_res->error ? COCOS_CVMS_REFUSED : COCOS_CVMS_ACCEPTED, agent,
             m->run_res->computation_id, "", m->run_res->error);
        break;
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_STOP_COMPUTATION_RES:
        tell(c, COCOS_CVMS_STOPPED, agent, m->stopcomputationres->computation_id, "",
             m->stopcomputationres->message);
        break;
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_STATE_RES:
        tell(c, COCOS_CVMS_STATE, agent, m->agentstateres->id, m->agentstateres->state, "");
        break;
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_V_TPMATTESTATION_REPORT:
        snprintf(size, sizeof size, "%zu bytes", m->vtpmattestationreport->file.len);
        tell(c, COCOS_CVMS_REPORT, agent, "", "vtpm", size);
        break;
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AZURE_ATTESTATION_TOKEN:
        snprintf(size, sizeof size, "%zu bytes", m->azureattestationtoken->file.len);
        tell(c, COCOS_CVMS_REPORT, agent, "", "azure", size);
        break;
    case CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_EVIDENCE_RES:
        hear_evidence(c, agent, link, m->evidenceres);
        break;
    default:
        cocos__log_fields(COCOS_LOG_WARN, "cvms", "unknown message from an agent", "agent", agent,
                          NULL);
        break;
    }
}

static int hear_all(cocos_cvms *c,
                    cocos__rpc_call *call,
                    const char *agent,
                    const cocos__cvms_link *link,
                    cocos_error **err)
{
    for (;;) {
        ProtobufCMessage *m = NULL;
        int r = cocos__rpc_recv_pb(call, &cvms__client_stream_message__descriptor, &m, err);
        if (r < 0 || !m)
            return r;
        hear(c, agent, link, (const Cvms__ClientStreamMessage *)m);
        protobuf_c_message_free_unpacked(m, NULL);
    }
}

static int metadata_is(const cocos__rpc_call *call, const char *key, const char *value)
{
    size_t len;
    const uint8_t *v = cocos__rpc_metadata(call, key, &len);
    return v && len == strlen(value) && memcmp(v, value, len) == 0;
}

static void name_of(const cocos__rpc_call *call, char name[NAME_MAX_LEN + 1])
{
    size_t len = 0;
    const uint8_t *v = cocos__rpc_metadata(call, "job-id", &len);

    if (v && len > 0)
        snprintf(name, NAME_MAX_LEN + 1, "%.*s", (int)(len < NAME_MAX_LEN ? len : NAME_MAX_LEN),
                 (const char *)v);
    else
        snprintf(name, NAME_MAX_LEN + 1, "%s", cocos__conn_peer_address(cocos__rpc_conn(call)));
}

/* A newer command stream of the same agent replaces the older one. */
static int attach(cocos_cvms *c, const char *name, cocos__cvms_link *link, cocos_error **err)
{
    struct agent *a;

    COCOS__LOCKED(&c->lock);
    int r = find_or_add(c, name, &a, err);
    if (r < 0)
        return r;
    a->link = link;
    r = ask_evidence(a, err);
    return r < 0 ? r : send_request(c, a, err);
}

static void detach(cocos_cvms *c, const char *name, const cocos__cvms_link *link)
{
    COCOS__LOCKED(&c->lock);
    struct agent *a = find(c, name);
    if (a && a->link == link)
        a->link = NULL;
}

/* /cvms.Service/Process: one call a stream; the log forwarder's stream only talks. */
static int process(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_cvms *c = user;
    char name[NAME_MAX_LEN + 1];
    cocos__cvms_link *link = NULL;
    int forwarder = metadata_is(call, "connection-type", "log-forwarder");
    const char *what = forwarder ? "log-forwarder" : "agent";
    int r = COCOS_OK;

    name_of(call, name);
    tell(c, COCOS_CVMS_CONNECTED, name, "", what, cocos__conn_peer_address(cocos__rpc_conn(call)));
    if (!forwarder)
        r = cocos__cvms_link_new(call, &link, err);
    if (link)
        r = attach(c, name, link, err);
    if (r == COCOS_OK)
        r = hear_all(c, call, name, link, err);
    if (link) {
        detach(c, name, link);
        cocos__cvms_link_free(link);
    }
    tell(c, COCOS_CVMS_DISCONNECTED, name, "", what,
         cocos__conn_peer_address(cocos__rpc_conn(call)));
    return r;
}

static const cocos__rpc_method methods[] = {
    {"/cvms.Service/Process", process, NULL, MESSAGE_MAX},
};

static int listen_with(cocos_cvms *c, const cocos_cvms_options *s, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *tls = NULL;
    cocos__tls_options o = {0};

    if (s->cert || s->key) {
        if (!s->cert || !s->key)
            return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                               "cert and key belong together");
        o.cert_pem = (cocos__span){(const uint8_t *)s->cert, strlen(s->cert)};
        o.key_pem = (cocos__span){(const uint8_t *)s->key, strlen(s->key)};
        if (s->client_ca)
            o.ca_pem = (cocos__span){(const uint8_t *)s->client_ca, strlen(s->client_ca)};
        int r = cocos__tls_config_server(&o, &tls, err);
        if (r < 0)
            return r;
    } else if (s->client_ca) {
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value", "client_ca needs cert and key");
    }
    return cocos__rpc_server_listen(c->server, s->listen ? s->listen : "127.0.0.1:7001", tls,
                                    &c->listener, err);
}

static int make_verifier(cocos_cvms *c, const cocos_cvms_options *o, cocos_error **err)
{
    cocos_policy *policy = NULL;

    if (!o->policy)
        return COCOS_OK;
    int r = cocos_policy_from_json(o->policy, strlen(o->policy), &policy, err);
    if (r == COCOS_OK)
        r = cocos_verifier_new(policy, &c->verifier, err);
    cocos_policy_free(policy);
    return r < 0 || !o->bundle ? r : cocos__bundle_copy(o->bundle, &c->bundle, err);
}

int cocos_cvms_open(
    const cocos_cvms_options *o, cocos_cvms_fn fn, void *user, cocos_cvms **ret, cocos_error **err)
{
    cocos_cvms *c = calloc(1, sizeof *c);
    if (!c)
        return cocos__fail_memory(err);

    cocos__rpc_server_options so = {
        .methods = methods,
        .n_methods = COCOS__ARRAY_LEN(methods),
        .user = c,
        .reflection = 1,
        .max_calls = AGENTS_MAX,
        .max_connections = AGENTS_MAX,
    };
    c->fn = fn;
    c->user = user;
    pthread_mutex_init(&c->lock, NULL);
    cocos__buf_init(&c->common.request, REQUEST_MAX);
    int r = make_verifier(c, o, err);
    if (r == COCOS_OK)
        r = cocos__rpc_server_new(&so, &c->server, err);
    if (r == COCOS_OK)
        r = listen_with(c, o, err);
    if (r < 0) {
        cocos_cvms_close(c);
        return r;
    }
    *ret = c;
    return COCOS_OK;
}

const char *cocos_cvms_address(const cocos_cvms *c)
{
    return cocos__rpc_listener_address(c->listener);
}

static int set_request(struct agent *a, const cocos_manifest *m, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf request;
    COCOS__CLEANUP(cocos__freep) char *id = strdup(cocos_manifest_id(m));

    cocos__buf_init(&request, REQUEST_MAX);
    if (!id)
        return cocos__fail_memory(err);
    int r = cocos__cvms_request(m, &request, err);
    if (r < 0)
        return r;

    cocos__buf_done(&a->request);
    a->request = request;
    cocos__buf_init(&request, 0);
    free(a->computation_id);
    a->computation_id = COCOS__STEAL(id);
    cocos__hex_encode(cocos_manifest_digest(m), COCOS_DIGEST_SIZE, a->digest);
    return COCOS_OK;
}

int cocos_cvms_run(cocos_cvms *c, const char *agent, const cocos_manifest *m, cocos_error **err)
{
    struct agent *a = &c->common;

    COCOS__LOCKED(&c->lock);
    int r = agent ? find_or_add(c, agent, &a, err) : COCOS_OK;
    if (r == COCOS_OK)
        r = set_request(a, m, err);
    if (r < 0 || agent)
        return r < 0 ? r : send_request(c, a, err);

    for (a = c->agents; a; a = a->next) {
        int one = a->request.len ? COCOS_OK : send_request(c, a, err);
        if (one < 0)
            r = one;
    }
    return r;
}

/* Builds the message for one agent and queues it. */
typedef int (*command_fn)(cocos_cvms *c, struct agent *a, const char *arg, cocos_error **err);

static int
command(cocos_cvms *c, const char *agent, command_fn fn, const char *arg, cocos_error **err)
{
    size_t sent = 0;
    int r = COCOS_OK;

    COCOS__LOCKED(&c->lock);
    for (struct agent *a = c->agents; a; a = a->next) {
        if (!a->link || (agent && strcmp(a->name, agent) != 0))
            continue;
        int one = fn(c, a, arg, err);
        if (one < 0)
            r = one;
        sent++;
    }
    if (sent == 0)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "cvms.agent", "%s is not connected",
                           agent ? agent : "any agent");
    return r;
}

static int ask_state(cocos_cvms *c, struct agent *a, const char *arg, cocos_error **err)
{
    Cvms__ServerStreamMessage msg = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__AgentStateReq req = CVMS__AGENT_STATE_REQ__INIT;

    (void)c;
    (void)arg;
    req.id = a->name;
    msg.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_AGENT_STATE_REQ;
    msg.agentstatereq = &req;
    return cocos__cvms_link_send(a->link, &msg.base, err);
}

static int stop(cocos_cvms *c, struct agent *a, const char *arg, cocos_error **err)
{
    Cvms__ServerStreamMessage msg = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__StopComputation req = CVMS__STOP_COMPUTATION__INIT;
    const char *id = arg ? arg : a->request.len ? a->computation_id : c->common.computation_id;

    req.computation_id = (char *)(uintptr_t)(id ? id : "");
    msg.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_STOP_COMPUTATION;
    msg.stopcomputation = &req;
    return cocos__cvms_link_send(a->link, &msg.base, err);
}

static int disconnect(cocos_cvms *c, struct agent *a, const char *arg, cocos_error **err)
{
    Cvms__ServerStreamMessage msg = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__DisconnectReq req = CVMS__DISCONNECT_REQ__INIT;

    (void)c;
    (void)arg;
    req.id = a->name;
    msg.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_DISCONNECT_REQ;
    msg.disconnectreq = &req;
    return cocos__cvms_link_send(a->link, &msg.base, err);
}

int cocos_cvms_ask_state(cocos_cvms *c, const char *agent, cocos_error **err)
{
    return command(c, agent, ask_state, NULL, err);
}

int cocos_cvms_stop(cocos_cvms *c, const char *agent, const char *computation_id, cocos_error **err)
{
    return command(c, agent, stop, computation_id, err);
}

int cocos_cvms_disconnect(cocos_cvms *c, const char *agent, cocos_error **err)
{
    return command(c, agent, disconnect, NULL, err);
}

static void agent_done(struct agent *a)
{
    cocos__buf_done(&a->request);
    free(a->computation_id);
}

void cocos_cvms_close(cocos_cvms *c)
{
    if (!c)
        return;

    cocos__rpc_server_free(c->server); /* every handler has returned after this */
    while (c->agents) {
        struct agent *a = c->agents;
        c->agents = a->next;
        agent_done(a);
        free(a);
    }
    agent_done(&c->common);
    cocos_verifier_free(c->verifier);
    cocos_bundle_free(c->bundle);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
