/* SPDX-License-Identifier: Apache-2.0 */
/* The server as its agents see it: real connections, agents played by this test. */
#include <cocos/cvms.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "cvms/cvms.pb-c.h"
#include "manifest/agree.h"
#include "manifests.h"
#include "rpc/rpc.h"
#include "suite.h"

#define SECOND     COCOS__NS_PER_S
#define EVENTS_MAX 64

struct event {
    int kind;
    char agent[160];
    char id[160];
    char name[160];
    char text[512];
};

/* What the server told its program. */
static struct {
    pthread_mutex_t lock;
    struct event events[EVENTS_MAX];
    size_t n;
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_event(
    void *user, int kind, const char *agent, const char *id, const char *name, const char *text)
{
    COCOS__LOCKED(&heard.lock);

    (void)user;
    ck_assert_uint_lt(heard.n, EVENTS_MAX);
    struct event *e = &heard.events[heard.n++];
    e->kind = kind;
    snprintf(e->agent, sizeof e->agent, "%s", agent);
    snprintf(e->id, sizeof e->id, "%s", id);
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->text, sizeof e->text, "%s", text);
}

/* The first event of a kind, waited for. */
static struct event wait_for(int kind, const char *agent)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&heard.lock);
        for (size_t k = 0; k < heard.n; k++) {
            if (heard.events[k].kind == kind && strcmp(heard.events[k].agent, agent) == 0) {
                struct event e = heard.events[k];
                pthread_mutex_unlock(&heard.lock);
                return e;
            }
        }
        pthread_mutex_unlock(&heard.lock);
        usleep(10000);
    }
    ck_abort_msg("event %d of %s did not come", kind, agent);
    return (struct event){0};
}

static cocos_cvms *open_server(const char *const *options)
{
    cocos_cvms_options *o = NULL;
    cocos_cvms *c = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_cvms_options_new(&o, &err), err);
    assert_ok(cocos_cvms_options_set(o, "listen", "127.0.0.1:0", &err), err);
    for (; options && *options; options += 2)
        assert_ok(cocos_cvms_options_set(o, options[0], options[1], &err), err);
    assert_ok(cocos_cvms_open(o, on_event, NULL, &c, &err), err);
    cocos_cvms_options_free(o);
    return c;
}

/* One stream of an agent. */
struct stream {
    cocos__rpc_channel *ch;
    cocos__rpc_call *call;
};

static struct stream connect_as(cocos_cvms *c, const char *name, int forwarder)
{
    cocos__rpc_meta meta[2] = {{"job-id", name, strlen(name)},
                               {"connection-type", "log-forwarder", 13}};
    cocos__rpc_channel_options o = {.target = cocos_cvms_address(c),
                                    .deadline_ns = cocos_deadline_in(10 * SECOND)};
    struct stream s = {NULL, NULL};
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_channel_open(&o, &s.ch, &err), err);
    assert_ok(cocos__rpc_call_start(s.ch, "/cvms.Service/Process", meta, forwarder ? 2 : 1,
                                    cocos_deadline_in(20 * SECOND), NULL, &s.call, &err),
              err);
    return s;
}

static void part(struct stream *s)
{
    cocos__rpc_call_free(s->call);
    cocos__rpc_channel_close(s->ch);
}

static Cvms__ServerStreamMessage *next_of_all(struct stream *s)
{
    ProtobufCMessage *m = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_recv_pb(s->call, &cvms__server_stream_message__descriptor, &m, &err), err);
    ck_assert_ptr_nonnull(m);
    return (Cvms__ServerStreamMessage *)m;
}

/* The question for evidence comes first on every command stream. */
static Cvms__ServerStreamMessage *next(struct stream *s)
{
    for (;;) {
        Cvms__ServerStreamMessage *m = next_of_all(s);
        if (m->message_case != CVMS__SERVER_STREAM_MESSAGE__MESSAGE_EVIDENCE_REQ)
            return m;
        ck_assert_uint_eq(m->evidencereq->challenge.len, 32);
        cvms__server_stream_message__free_unpacked(m, NULL);
    }
}

static void say(struct stream *s, const Cvms__ClientStreamMessage *m)
{
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_send_pb(s->call, &m->base, &err), err);
}

static cocos_manifest *sample(void)
{
    char *json = manifest_text(SAMPLE_MANIFEST);
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_manifest_from_json(json, strlen(json), NULL, &m, &err), err);
    free(json);
    return m;
}

/* All chunks of one request, joined; the last one must be empty. */
static Cvms__ComputationRunReq *take_request(struct stream *s, const char *id)
{
    cocos__buf b;
    int last = 0;

    cocos__buf_init(&b, 4 << 20);
    while (!last) {
        Cvms__ServerStreamMessage *m = next(s);
        ck_assert_int_eq(m->message_case, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_RUN_REQ_CHUNKS);
        ck_assert_str_eq(m->runreqchunks->id, id);
        ck_assert_uint_le(m->runreqchunks->data.len, 1 << 20);
        last = m->runreqchunks->is_last;
        ck_assert_int_eq(last, m->runreqchunks->data.len == 0);
        cocos__buf_add(&b, m->runreqchunks->data.data, m->runreqchunks->data.len);
        cvms__server_stream_message__free_unpacked(m, NULL);
    }
    Cvms__ComputationRunReq *rq = cvms__computation_run_req__unpack(NULL, b.len, b.data);
    ck_assert_ptr_nonnull(rq);
    cocos__buf_done(&b);
    return rq;
}

START_TEST(hands_its_manifest_to_every_agent_in_chunks)
{
    cocos_cvms *c = open_server(NULL);
    cocos_manifest *m = sample();
    cocos_error *err = NULL;
    size_t len = 0;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);

    struct stream early = connect_as(c, "early", 0);
    wait_for(COCOS_CVMS_CONNECTED, "early");
    assert_ok(cocos_cvms_run(c, NULL, m, &err), err);
    struct stream late = connect_as(c, "late", 0);
    struct stream *both[2] = {&early, &late};
    for (int i = 0; i < 2; i++) {
        Cvms__ComputationRunReq *rq = take_request(both[i], "c-1");
        ck_assert_uint_eq(rq->cocos_manifest.len, len);
        ck_assert_mem_eq(rq->cocos_manifest.data, cbor, len);
        /* The old fields say the same as the manifest beside them. */
        ck_assert_str_eq(rq->id, "c-1");
        ck_assert_str_eq(rq->name, "n");
        ck_assert_uint_eq(rq->algorithm->hash.len, 32);
        ck_assert_str_eq(rq->algorithm->algo_type, "python");
        ck_assert_uint_eq(rq->algorithm->n_algo_args, 2);
        ck_assert_str_eq(rq->algorithm->source->url, "https://a.example/x");
        ck_assert_uint_eq(rq->n_datasets, 2);
        ck_assert_str_eq(rq->datasets[1]->filename, "b.zip");
        ck_assert_int_eq(rq->datasets[1]->decompress, 1);
        ck_assert_uint_eq(rq->n_result_consumers, 1);
        ck_assert_str_eq(rq->agent_config->cert_file, "/etc/certs/cert.pem");
        ck_assert_str_eq(rq->agent_config->server_ca_file, "");
        cvms__computation_run_req__free_unpacked(rq, NULL);
    }
    struct event e = wait_for(COCOS_CVMS_MANIFEST, "late");
    ck_assert_str_eq(e.id, "c-1");
    ck_assert_uint_eq(strlen(e.text), 64);
    part(&early);
    part(&late);
    cocos_manifest_free(m);
    cocos_cvms_close(c);
}
END_TEST

static void say_evidence(struct stream *s, const char *error, const char *bytes)
{
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__EvidenceRes res = CVMS__EVIDENCE_RES__INIT;

    res.error = (char *)(uintptr_t)error;
    res.evidence = (ProtobufCBinaryData){strlen(bytes), (uint8_t *)(uintptr_t)bytes};
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_EVIDENCE_RES;
    m.evidenceres = &res;
    say(s, &m);
}

/* Evidence that is accepted: tests/integration/test_attested.py. */
START_TEST(hands_no_manifest_to_an_agent_without_accepted_evidence)
{
    const char *const options[] = {"policy", "{\"version\": 1}", NULL};
    cocos_cvms *c = open_server(options);
    cocos_manifest *m = sample();
    cocos_error *err = NULL;

    assert_ok(cocos_cvms_run(c, NULL, m, &err), err);
    struct stream a = connect_as(c, "a", 0);
    Cvms__ServerStreamMessage *q = next_of_all(&a);
    ck_assert_int_eq(q->message_case, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_EVIDENCE_REQ);
    cvms__server_stream_message__free_unpacked(q, NULL);
    say_evidence(&a, "evidence.none: this machine has none", "");
    struct event e = wait_for(COCOS_CVMS_EVIDENCE, "a");
    ck_assert_str_eq(e.name, "refused");
    ck_assert_str_eq(e.text, "evidence.none: this machine has none");
    struct stream b = connect_as(c, "b", 0);
    say_evidence(&b, "", "no envelope");
    e = wait_for(COCOS_CVMS_EVIDENCE, "b");
    ck_assert_str_eq(e.name, "refused");
    assert_ok(cocos_cvms_run(c, NULL, m, &err), err);
    for (int i = 0; i < 200 && cocos_cvms_ask_state(c, NULL, &err) < 0; i++)
        usleep(10000);
    q = next(&a); /* nothing came before */
    ck_assert_int_eq(q->message_case, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_AGENT_STATE_REQ);
    cvms__server_stream_message__free_unpacked(q, NULL);
    part(&a);
    part(&b);
    cocos_manifest_free(m);
    cocos_cvms_close(c);
}
END_TEST

START_TEST(sends_commands_to_the_command_stream_of_the_named_agent_only)
{
    cocos_cvms *c = open_server(NULL);
    cocos_error *err = NULL;

    struct stream log = connect_as(c, "a", 1);
    struct stream a = connect_as(c, "a", 0);
    struct stream b = connect_as(c, "b", 0);
    wait_for(COCOS_CVMS_CONNECTED, "b");
    for (int i = 0; i < 200 && cocos_cvms_ask_state(c, "a", &err) < 0; i++) {
        ck_assert_str_eq(cocos_error_code(err), "cvms.agent"); /* its stream is just being opened */
        cocos_error_free(err);
        err = NULL;
        usleep(10000);
    }
    Cvms__ServerStreamMessage *m = next(&a);
    ck_assert_int_eq(m->message_case, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_AGENT_STATE_REQ);
    cvms__server_stream_message__free_unpacked(m, NULL);
    assert_ok(cocos_cvms_stop(c, "a", "other", &err), err);
    m = next(&a);
    ck_assert_int_eq(m->message_case, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_STOP_COMPUTATION);
    ck_assert_str_eq(m->stopcomputation->computation_id, "other");
    cvms__server_stream_message__free_unpacked(m, NULL);
    assert_ok(cocos_cvms_disconnect(c, NULL, &err), err);
    m = next(&b); /* the first that b hears */
    ck_assert_int_eq(m->message_case, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_DISCONNECT_REQ);
    cvms__server_stream_message__free_unpacked(m, NULL);
    assert_fails(cocos_cvms_ask_state(c, "nobody", &err), COCOS_ERR_NOT_FOUND, "cvms.agent", err);
    part(&log);
    part(&a);
    part(&b);
    cocos_cvms_close(c);
}
END_TEST

START_TEST(tells_what_agents_say_without_control_characters)
{
    cocos_cvms *c = open_server(NULL);
    struct stream s = connect_as(c, "a", 0);
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__AgentLog log = CVMS__AGENT_LOG__INIT;
    Cvms__AgentEvent event = CVMS__AGENT_EVENT__INIT;
    Cvms__RunResponse run = CVMS__RUN_RESPONSE__INIT;
    Cvms__AgentStateRes state = CVMS__AGENT_STATE_RES__INIT;

    log.message = "line\x1b[31m red\r\x07";
    log.level = "INFO";
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_LOG;
    m.agent_log = &log;
    say(&s, &m);
    struct event e = wait_for(COCOS_CVMS_LOG, "a");
    ck_assert_str_eq(e.name, "INFO");
    ck_assert_ptr_nonnull(strstr(e.text, "[31m red"));
    for (const char *p = e.text; *p; p++)
        ck_assert_int_ge(*p, 0x20);

    event.event_type = "Running";
    event.status = "InProgress";
    event.computation_id = "c-1";
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_EVENT;
    m.agent_event = &event;
    say(&s, &m);
    e = wait_for(COCOS_CVMS_EVENT, "a");
    ck_assert_str_eq(e.id, "c-1");
    ck_assert_str_eq(e.name, "Running");
    ck_assert_str_eq(e.text, "InProgress");

    run.computation_id = "c-1";
    run.error = "manifest.id: bad\nmanifest.size: bad";
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_RUN_RES;
    m.run_res = &run;
    say(&s, &m);
    ck_assert_str_eq(wait_for(COCOS_CVMS_REFUSED, "a").text,
                     "manifest.id: bad\nmanifest.size: bad");
    run.error = "";
    say(&s, &m);
    wait_for(COCOS_CVMS_ACCEPTED, "a");

    state.state = "Running";
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_STATE_RES;
    m.agentstateres = &state;
    say(&s, &m);
    ck_assert_str_eq(wait_for(COCOS_CVMS_STATE, "a").name, "Running");
    part(&s);
    wait_for(COCOS_CVMS_DISCONNECTED, "a");
    cocos_cvms_close(c);
}
END_TEST

START_TEST(ends_a_stream_that_sends_garbage_and_serves_on)
{
    cocos_cvms *c = open_server(NULL);
    struct stream bad = connect_as(c, "bad", 0);
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_send(bad.call, "\xff\xff\xff\xff", 4, &err), err);
    ck_assert_int_lt(cocos__rpc_finish(bad.call, &err), 0);
    cocos_error_free(err);
    err = NULL;
    part(&bad);
    struct stream good = connect_as(c, "good", 0);
    wait_for(COCOS_CVMS_CONNECTED, "good");
    part(&good);
    cocos_cvms_close(c);
}
END_TEST

START_TEST(sends_commands_to_the_newer_of_two_streams)
{
    cocos_cvms *c = open_server(NULL);
    cocos_error *err = NULL;
    cocos_manifest *m = sample();

    assert_ok(cocos_cvms_run(c, "a", m, &err), err);
    struct stream old = connect_as(c, "a", 0);
    cvms__computation_run_req__free_unpacked(take_request(&old, "c-1"), NULL);
    struct stream new = connect_as(c, "a", 0);
    cvms__computation_run_req__free_unpacked(take_request(&new, "c-1"), NULL);
    part(&old); /* its end must not take the newer one away */
    wait_for(COCOS_CVMS_DISCONNECTED, "a");
    assert_ok(cocos_cvms_ask_state(c, "a", &err), err);
    Cvms__ServerStreamMessage *s = next(&new);
    ck_assert_int_eq(s->message_case, CVMS__SERVER_STREAM_MESSAGE__MESSAGE_AGENT_STATE_REQ);
    cvms__server_stream_message__free_unpacked(s, NULL);
    part(&new);
    cocos_manifest_free(m);
    cocos_cvms_close(c);
}
END_TEST

START_TEST(lets_only_agents_with_a_certificate_in_when_told_so)
{
    cocos__buf cert[2];
    cocos__buf key[2];
    cocos_error *err = NULL;
    cocos__tls_config *tls = NULL;
    cocos__rpc_channel *ch = NULL;

    for (int i = 0; i < 2; i++) {
        cocos__buf_init(&cert[i], 65536);
        cocos__buf_init(&key[i], 65536);
        assert_ok(cocos__tls_self_signed(i ? "agent" : "server", &cert[i], &key[i], &err), err);
    }
    const char *options[] = {
        "cert",      cocos__buf_cstr(&cert[0]), "key", cocos__buf_cstr(&key[0]),
        "client_ca", cocos__buf_cstr(&cert[1]), NULL};
    cocos_cvms *c = open_server(options);
    for (int with = 0; with < 2; with++) {
        cocos__tls_options o = {.ca_pem = {cert[0].data, cert[0].len}};
        if (with) {
            o.cert_pem = (cocos__span){cert[1].data, cert[1].len};
            o.key_pem = (cocos__span){key[1].data, key[1].len};
        }
        assert_ok(cocos__tls_config_client(&o, &tls, &err), err);
        cocos__rpc_channel_options co = {
            .target = cocos_cvms_address(c), .tls = tls, .server_name = "localhost"};
        struct stream s = {NULL, NULL};
        assert_ok(cocos__rpc_channel_open(&co, &ch, &err), err);
        s.ch = ch;
        assert_ok(
            cocos__rpc_call_start(ch, "/cvms.Service/Process", NULL, 0, 0, NULL, &s.call, &err),
            err);
        if (!with) {
            assert_fails(cocos__rpc_finish(s.call, &err), COCOS_ERR_UNAUTHENTICATED, "tls.refused",
                         err);
        } else {
            assert_ok(cocos__rpc_finish(s.call, &err), err);
        }
        part(&s);
        cocos__tls_config_unref(tls);
    }
    cocos_cvms_close(c);
    for (int i = 0; i < 2; i++) {
        cocos__buf_done(&cert[i]);
        cocos__buf_wipe_done(&key[i]);
    }
}
END_TEST

TEST_MAIN(server,
          hands_its_manifest_to_every_agent_in_chunks,
          hands_no_manifest_to_an_agent_without_accepted_evidence,
          sends_commands_to_the_command_stream_of_the_named_agent_only,
          tells_what_agents_say_without_control_characters,
          ends_a_stream_that_sends_garbage_and_serves_on,
          sends_commands_to_the_newer_of_two_streams,
          lets_only_agents_with_a_certificate_in_when_told_so)
