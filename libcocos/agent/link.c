/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link to the computation-management server (protocol.md 3, cocos-v1 section 2): one stream for
 * commands and their answers, one that only carries events and log lines.
 */
#include <stdio.h>
#include <string.h>

#include "agent/chunks.h"
#include "agent/proof.h"
#include "agent/report.h"
#include "agent/run_request.h"
#include "agent/service.h"
#include "agent/stream.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "cvms/cvms.pb-c.h"

#define REPLIES_MAX   64
#define RECONNECT_NS  (60 * COCOS__NS_PER_S) /* after disconnectReq, cocos-v1 section 2 */
#define ECHO_MAX      64
#define CHALLENGE_MIN 16 /* cocos-v1 section 1, claim 2 */

typedef struct reply {
    struct reply *next;
    uint64_t number;
    int transient; /* means nothing to another connection */
    size_t len;
    uint8_t data[];
} reply;

struct cocos__link {
    cocos_agent_service *service;
    cocos__stream *commands;
    cocos__stream *events;
    uint64_t lost; /* before the message that is being sent; sending thread of `events` only */

    pthread_mutex_t lock;
    reply *first;
    reply **last;
    size_t count;
    uint64_t next_number;
    cocos__chunks chunks;
};

/* ---- Answers ---- */

static void drop_first(cocos__link *l)
{
    reply *r = l->first;

    l->first = r->next;
    if (!l->first)
        l->last = &l->first;
    l->count--;
    free(r);
}

static void enqueue(cocos__link *l, reply *r)
{
    COCOS__LOCKED(&l->lock);

    while (l->count >= REPLIES_MAX)
        drop_first(l);
    r->number = ++l->next_number;
    *l->last = r;
    l->last = &r->next;
    l->count++;
}

static void answer(cocos__link *l, const Cvms__ClientStreamMessage *m, int transient)
{
    reply *r = malloc(sizeof *r + cvms__client_stream_message__get_packed_size(m));

    if (!r)
        return; /* the server asks again */
    *r = (reply){.transient = transient};
    r->len = cvms__client_stream_message__pack(m, r->data);
    enqueue(l, r);
    cocos__stream_wake(l->commands);
}

/* An id as the server gave it, if it is one that may stand in a message of ours. */
static const char *echo(const char *id)
{
    size_t n = id ? strlen(id) : 0;

    if (n > ECHO_MAX)
        return "";
    for (size_t i = 0; i < n; i++) {
        if (id[i] < 0x20 || id[i] > 0x7e)
            return "";
    }
    return id ? id : "";
}

static void answer_run(cocos__link *l, const char *id, const char *error)
{
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__RunResponse res = CVMS__RUN_RESPONSE__INIT;

    res.computation_id = (char *)(uintptr_t)echo(id);
    res.error = (char *)(uintptr_t)error;
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_RUN_RES;
    m.run_res = &res;
    answer(l, &m, 0);
}

static void answer_stop(cocos__link *l, const char *id, const char *message)
{
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__StopComputationResponse res = CVMS__STOP_COMPUTATION_RESPONSE__INIT;

    res.computation_id = (char *)(uintptr_t)echo(id);
    res.message = (char *)(uintptr_t)message;
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_STOP_COMPUTATION_RES;
    m.stopcomputationres = &res;
    answer(l, &m, 0);
}

static void answer_state(cocos__link *l, const char *id)
{
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__AgentStateRes res = CVMS__AGENT_STATE_RES__INIT;

    res.id = (char *)(uintptr_t)echo(id);
    res.state = (char *)(uintptr_t)cocos__agent_state_name(cocos__machine_state(l->service));
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_STATE_RES;
    m.agentstateres = &res;
    answer(l, &m, 1);
}

/* In the receiving thread, so that a server that asks without end holds up itself only. */
static void answer_evidence(cocos__link *l, const Cvms__EvidenceReq *rq)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf envelope;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__EvidenceRes res = CVMS__EVIDENCE_RES__INIT;
    const cocos__proof p = {.purpose = COCOS__PURPOSE_CVMS,
                            .challenge = {rq->challenge.data, rq->challenge.len}};
    char text[512];
    int r;

    cocos__buf_init(&envelope, COCOS__ENVELOPE_MAX);
    if (rq->challenge.len < CHALLENGE_MIN || rq->challenge.len > COCOS__CHALLENGE_MAX)
        r = cocos__fail(&err, COCOS_ERR_MALFORMED, "attest.nonce",
                        "the challenge has %zu bytes, not %d to %d", rq->challenge.len,
                        CHALLENGE_MIN, COCOS__CHALLENGE_MAX);
    else
        r = cocos__proof_make(l->service, &p, 0, &envelope, &err);
    if (r < 0) {
        snprintf(text, sizeof text, "%s: %s", cocos_error_code(err), cocos_error_message(err));
        res.error = text;
    } else {
        res.evidence = (ProtobufCBinaryData){envelope.len, envelope.data};
    }
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_EVIDENCE_RES;
    m.evidenceres = &res;
    answer(l, &m, 1);
}

/* ---- Commands ---- */

static void refused(cocos__link *l, int line, const char *code)
{
    cocos__report_log(l->service->queue, line, "", code, 0, 0);
}

/* 1 when this very manifest is the current one: a server that sends it again gets the same answer.
 */
static int is_current(cocos__link *l, const cocos_manifest *m)
{
    cocos__computation *c = cocos__machine_current(l->service);
    int same = c && memcmp(cocos_manifest_digest(c->manifest), cocos_manifest_digest(m),
                           COCOS_DIGEST_SIZE) == 0;

    cocos__computation_unref(l->service, c);
    return same;
}

static int
accept_manifest(cocos__link *l, cocos_manifest *m_take, cocos__buf *defects, cocos_error **err)
{
    if (is_current(l, m_take)) {
        cocos_manifest_free(m_take);
        return COCOS_OK;
    }
    int r = cocos__run_request_supported(m_take, defects, err);
    if (r < 0) {
        cocos_manifest_free(m_take);
        return r;
    }
    cocos_error *e = NULL;
    r = cocos__machine_accept(l->service, m_take, &e);
    if (r < 0) {
        cocos__run_request_describe(e, defects);
        *err = e;
    }
    return r;
}

static void run_request(cocos__link *l, cocos__span request, const char *chunk_id)
{
    cocos__buf defects __attribute__((cleanup(cocos__buf_done)));
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    cocos_manifest *m = NULL;
    char id[65];

    cocos__buf_init(&defects, COCOS__RUN_DEFECTS_MAX + 1);
    int r = cocos__run_request_read(request, id, &m, &defects, &err);
    if (r == COCOS_OK)
        r = accept_manifest(l, m, &defects, &err);
    if (r < 0)
        refused(l, COCOS__REPORT_MANIFEST_REFUSED, cocos_error_code(err));
    const char *lines = cocos__buf_cstr(&defects);
    answer_run(l, *id ? id : chunk_id,
               r < 0 && lines ? lines
               : r < 0        ? "memory: out of memory"
                              : "");
}

/* Pieces that will never be whole: by time, or because others begin. With the lock; the id to be
 * told, or "". */
static void give_up_chunks(cocos__link *l, const char *id, char told[COCOS__CHUNKS_ID_MAX + 1])
{
    told[0] = '\0';
    if (!cocos__chunks_abandoned(&l->chunks, id, cocos__clock_mono_ns()))
        return;
    memcpy(told, l->chunks.id, sizeof l->chunks.id);
    cocos__chunks_reset(&l->chunks);
}

static void tell_incomplete(cocos__link *l, const char *id)
{
    if (!*id)
        return;
    refused(l, COCOS__REPORT_MANIFEST_REFUSED, "manifest.incomplete");
    answer_run(l, id,
               "manifest.incomplete: the last piece of the request did not come within 30 s");
}

/* Returns as cocos__chunks_add(); *whole is the collected request when that is 1. */
static int collect(cocos__link *l,
                   const Cvms__RunReqChunks *c,
                   char told[COCOS__CHUNKS_ID_MAX + 1],
                   cocos__buf *whole,
                   cocos_error **err)
{
    COCOS__LOCKED(&l->lock);
    const char *id = c->id ? c->id : "";

    give_up_chunks(l, id, told);
    int r = cocos__chunks_add(&l->chunks, id, (cocos__span){c->data.data, c->data.len}, c->is_last,
                              cocos__clock_mono_ns(), err);
    if (r == 1) {
        *whole = l->chunks.data;
        cocos__chunks_init(&l->chunks);
    }
    return r;
}

static void chunk(cocos__link *l, const Cvms__RunReqChunks *c)
{
    cocos__buf whole __attribute__((cleanup(cocos__buf_done)));
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    char told[COCOS__CHUNKS_ID_MAX + 1];

    cocos__buf_init(&whole, 0);
    int r = collect(l, c, told, &whole, &err);
    tell_incomplete(l, told);
    if (r == 1) {
        run_request(l, (cocos__span){whole.data, whole.len}, c->id);
    } else if (r < 0) {
        cocos__buf lines __attribute__((cleanup(cocos__buf_done)));
        cocos__buf_init(&lines, COCOS__RUN_DEFECTS_MAX + 1);
        cocos__run_request_describe(err, &lines);
        refused(l, COCOS__REPORT_MANIFEST_REFUSED, cocos_error_code(err));
        answer_run(l, c->id,
                   cocos__buf_cstr(&lines) ? cocos__buf_cstr(&lines) : "memory: out of memory");
    } else {
        cocos__stream_wake(l->commands); /* the sending thread minds the time */
    }
}

static void stop_computation(cocos__link *l, const char *id)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;

    if (cocos__machine_stop(l->service, id ? id : "", &err) == COCOS_OK)
        return; /* answered when it is done */
    refused(l, COCOS__REPORT_COMMAND_REFUSED, cocos_error_code(err));
    answer_stop(l, id, cocos_error_code(err));
}

static void disconnect(cocos__link *l)
{
    cocos__stream_disconnect(l->events, RECONNECT_NS);
    cocos__stream_disconnect(l->commands, RECONNECT_NS);
}

static void run_whole(cocos__link *l, cocos__span request)
{
    if (request.len <= COCOS__CHUNKS_MAX) {
        run_request(l, request, "");
        return;
    }
    refused(l, COCOS__REPORT_MANIFEST_REFUSED, "manifest.size");
    answer_run(l, "", "manifest.size: the request has more than 4 MiB");
}

static void command(void *user, cocos__span message)
{
    cocos__link *l = user;
    cocos__span request;

    /* Where it lies: unpacked as part of the message, a bad request would be no message at all. */
    if (cocos__pb_only_bytes(message, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_RUN_REQ, &request)) {
        run_whole(l, request);
        return;
    }
    Cvms__ServerStreamMessage *m = (Cvms__ServerStreamMessage *)cocos__pb_unpack(
        &cvms__server_stream_message__descriptor, message, COCOS__PB_MEMORY(message.len));

    switch (m ? m->message_case : CVMS__SERVER_STREAM_MESSAGE__MESSAGE__NOT_SET) {
    case CVMS__SERVER_STREAM_MESSAGE__MESSAGE_RUN_REQ_CHUNKS:
        chunk(l, m->runreqchunks);
        break;
    case CVMS__SERVER_STREAM_MESSAGE__MESSAGE_STOP_COMPUTATION:
        stop_computation(l, m->stopcomputation->computation_id);
        break;
    case CVMS__SERVER_STREAM_MESSAGE__MESSAGE_AGENT_STATE_REQ:
        answer_state(l, m->agentstatereq->id);
        break;
    case CVMS__SERVER_STREAM_MESSAGE__MESSAGE_DISCONNECT_REQ:
        disconnect(l);
        break;
    case CVMS__SERVER_STREAM_MESSAGE__MESSAGE_EVIDENCE_REQ:
        answer_evidence(l, m->evidencereq);
        break;
    default:
        refused(l, COCOS__REPORT_COMMAND_REFUSED, "cvms.message");
        break;
    }
    if (m)
        cvms__server_stream_message__free_unpacked(m, NULL);
}

/* ---- The stream of commands ---- */

/* An empty report comes first, whatever certificate there is (cocos-v1 section 2); old state is not
 * news. */
static void commands_up(void *user)
{
    cocos__link *l = user;
    reply *hello = malloc(sizeof *hello + 8);
    reply *next = NULL;

    if (!hello)
        return;
    *hello = (reply){.transient = 1};
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__AttestationResponse report = CVMS__ATTESTATION_RESPONSE__INIT;
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_V_TPMATTESTATION_REPORT;
    m.vtpmattestationreport = &report;
    hello->len =
        cvms__client_stream_message__pack(&m, hello->data); /* a tag and a zero: two bytes */

    COCOS__LOCKED(&l->lock);
    reply *old = l->first;
    l->first = hello;
    l->last = &hello->next;
    l->count = 1;
    hello->number = ++l->next_number;
    for (; old; old = next) {
        next = old->next;
        old->next = NULL;
        if (old->transient) {
            free(old);
            continue;
        }
        *l->last = old;
        l->last = &old->next;
        l->count++;
    }
}

static int reply_peek(void *user, cocos__buf *out, uint64_t *number)
{
    cocos__link *l = user;

    COCOS__LOCKED(&l->lock);
    if (!l->first)
        return 0;
    cocos__buf_add(out, l->first->data, l->first->len);
    *number = l->first->number;
    return 1;
}

static void reply_sent(void *user, uint64_t number)
{
    cocos__link *l = user;

    COCOS__LOCKED(&l->lock);
    if (l->first && l->first->number == number)
        drop_first(l);
}

static int64_t commands_tick(void *user)
{
    cocos__link *l = user;
    char told[COCOS__CHUNKS_ID_MAX + 1];
    int64_t again;

    pthread_mutex_lock(&l->lock);
    give_up_chunks(l, NULL, told);
    again = l->chunks.open ? l->chunks.expires_ns : 0;
    pthread_mutex_unlock(&l->lock);
    tell_incomplete(l, told);
    return again;
}

/* ---- The stream of events ---- */

static void events_up(void *user)
{
    (void)user;
}

static void events_message(void *user, cocos__span message)
{
    (void)user;
    (void)message;
    cocos__log_fields(COCOS_LOG_WARN, "agent", "ignored a command on the stream of events", "code",
                      "cvms.message", NULL);
}

static int event_peek(void *user, cocos__buf *out, uint64_t *number)
{
    cocos__link *l = user;
    return cocos__queue_peek(l->service->queue, out, number, &l->lost);
}

static void event_sent(void *user, uint64_t number)
{
    cocos__link *l = user;

    cocos__queue_drop(l->service->queue, number, l->lost);
    if (l->lost > 0)
        cocos__report_log(l->service->queue, COCOS__REPORT_MESSAGES_LOST, "", NULL, l->lost, 0);
    l->lost = 0;
}

static void event_pushed(void *user)
{
    cocos__link *l = user;
    cocos__stream_wake(l->events);
}

/* ---- The object ---- */

static int link_tls(void *user, cocos__tls_config **ret, cocos_error **err)
{
    cocos__link *l = user;
    return cocos__certs_client_tls(l->service, ret, err);
}

static int start_streams(cocos__link *l, cocos_error **err)
{
    cocos__stream_options o = {.name = "events",
                               .target = l->service->options.cvms_url,
                               .job_id = l->service->options.cvm_id,
                               .connection_type = "log-forwarder",
                               .tls = link_tls,
                               .on_up = events_up,
                               .on_message = events_message,
                               .peek = event_peek,
                               .sent = event_sent,
                               .user = l};

    int r = cocos__stream_start(&o, &l->events, err);
    if (r < 0)
        return r;
    cocos__queue_on_push(l->service->queue, event_pushed, l);
    o.name = "commands";
    o.connection_type = NULL;
    o.on_up = commands_up;
    o.on_message = command;
    o.peek = reply_peek;
    o.sent = reply_sent;
    o.tick = commands_tick;
    return cocos__stream_start(&o, &l->commands, err);
}

int cocos__link_start(cocos_agent_service *s, cocos__link **ret, cocos_error **err)
{
    cocos__link *l = calloc(1, sizeof *l);

    if (!l)
        return cocos__fail_memory(err);
    l->service = s;
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    cocos__chunks_init(&l->chunks);
    *ret = l; /* a stop may come with the first message */
    int r = start_streams(l, err);
    if (r < 0) {
        cocos__link_stop(l);
        *ret = NULL;
    }
    return r;
}

void cocos__link_stop(cocos__link *l)
{
    if (!l)
        return;
    cocos__stream_stop(l->commands);
    cocos__queue_on_push(l->service->queue, NULL, NULL);
    cocos__stream_stop(l->events);
    while (l->first)
        drop_first(l);
    cocos__chunks_done(&l->chunks);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void cocos__link_stopped(cocos__link *l, const char *id)
{
    if (l)
        answer_stop(l, id, "");
}
