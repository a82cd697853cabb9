/* SPDX-License-Identifier: Apache-2.0 */
/* The agent towards a computation-management server that does everything, right and wrong. */
#include "fixture.h"

#include "base/clock.h"
#include "base/thread.h"
#include "cvms/cvms.pb-c.h"
#include "cvms/request.h"

#define PROCESS   "/cvms.Service/Process"
#define NOTES_MAX 512

/* ---- The server ---- */

typedef struct note {
    int on_events; /* came on the stream of events */
    uint8_t *data;
    size_t len;
} note;

static struct server {
    cocos__rpc_server *rpc;
    char address[64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    cocos__rpc_call *commands; /* while it stands */
    cocos__rpc_call *events;
    unsigned connections;
    note notes[NOTES_MAX];
    size_t n_notes;
    size_t taken; /* by next_reply() */
    size_t events_taken;
} srv;

static world w;

static void set_stream(int on_events, cocos__rpc_call *call)
{
    COCOS__LOCKED(&srv.lock);
    *(on_events ? &srv.events : &srv.commands) = call;
    srv.connections += call != NULL;
    pthread_cond_broadcast(&srv.changed);
}

static void keep(int on_events, cocos__span bytes)
{
    COCOS__LOCKED(&srv.lock);
    ck_assert_uint_lt(srv.n_notes, NOTES_MAX);
    note *n = &srv.notes[srv.n_notes++];
    *n = (note){on_events, malloc(bytes.len + 1), bytes.len};
    memcpy(n->data, bytes.data, bytes.len);
    pthread_cond_broadcast(&srv.changed);
}

static int process(cocos__rpc_call *call, void *user, cocos_error **err)
{
    int on_events = cocos__rpc_metadata_count(call, "connection-type") > 0;
    cocos__rpc_msg *msg = NULL;
    int r;

    (void)user;
    set_stream(on_events, call);
    while ((r = cocos__rpc_recv(call, &msg, err)) == COCOS_OK && msg) {
        keep(on_events, cocos__rpc_msg_bytes(msg));
        cocos__rpc_msg_free(msg);
    }
    set_stream(on_events, NULL);
    return r;
}

static const cocos__rpc_method server_methods[] = {{PROCESS, process, NULL, 1 << 20}};

static void open_server(const char *address)
{
    cocos__rpc_server_options o = {.methods = server_methods, .n_methods = 1};
    cocos__rpc_listener *l = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_server_new(&o, &srv.rpc, &err), err);
    assert_ok(cocos__rpc_server_listen(srv.rpc, address, NULL, &l, &err), err);
    strcpy(srv.address, cocos__rpc_listener_address(l));
}

/* Waits for both streams. */
static void wait_connected(int connected, int seconds)
{
    struct timespec t = cocos__deadline_timespec(cocos_deadline_in(seconds * COCOS__NS_PER_S));
    COCOS__LOCKED(&srv.lock);

    while ((srv.commands && srv.events) != connected) {
        if (pthread_cond_timedwait(&srv.changed, &srv.lock, &t) != 0)
            break;
    }
    ck_assert_int_eq(srv.commands && srv.events, connected);
}

static void open_all(const char *more)
{
    (void)more;
    memset(&srv, 0, sizeof srv);
    pthread_mutex_init(&srv.lock, NULL);
    cocos__cond_init(&srv.changed);
    open_server("127.0.0.1:0");
    world_open(&w, "#!/bin/sh\nexit 0\n", 1000);
    cocos_agent_service_free(w.service);
    set_option(&w, "cvms_url", srv.address);
    set_option(&w, "cvm_id", "vm-1");
    start_agent(&w);
    wait_connected(1, 10);
}

static void close_all(void)
{
    world_close(&w);
    cocos__rpc_server_free(srv.rpc);
    for (size_t i = 0; i < srv.n_notes; i++)
        free(srv.notes[i].data);
}

static void send_bytes(const void *data, size_t n)
{
    COCOS__LOCKED(&srv.lock);
    ck_assert_ptr_nonnull(srv.commands);
    ck_assert_int_eq(cocos__rpc_send(srv.commands, data, n, NULL), COCOS_OK);
}

static void send_message(const Cvms__ServerStreamMessage *m)
{
    COCOS__LOCKED(&srv.lock);
    ck_assert_ptr_nonnull(srv.commands);
    ck_assert_int_eq(cocos__rpc_send_pb(srv.commands, &m->base, NULL), COCOS_OK);
}

static void send_chunk(const char *id, cocos__span data, int last)
{
    Cvms__ServerStreamMessage m = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__RunReqChunks c = CVMS__RUN_REQ_CHUNKS__INIT;

    c.id = (char *)(uintptr_t)id;
    c.data = (ProtobufCBinaryData){data.len, (uint8_t *)(uintptr_t)data.data};
    c.is_last = last;
    m.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_RUN_REQ_CHUNKS;
    m.runreqchunks = &c;
    send_message(&m);
}

/* As the existing servers do: pieces, then an empty one as the last. */
static void send_manifest(const cocos_manifest *manifest)
{
    cocos__buf b;
    cocos_error *err = NULL;
    const char *id = cocos_manifest_id(manifest);

    cocos__buf_init(&b, 4 << 20);
    assert_ok(cocos__cvms_request(manifest, &b, &err), err);
    send_chunk(id, (cocos__span){b.data, b.len / 2}, 0);
    send_chunk(id, (cocos__span){b.data + b.len / 2, b.len - b.len / 2}, 0);
    send_chunk(id, (cocos__span){NULL, 0}, 1);
    cocos__buf_done(&b);
}

static void send_stop(const char *id)
{
    Cvms__ServerStreamMessage m = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__StopComputation s = CVMS__STOP_COMPUTATION__INIT;

    s.computation_id = (char *)(uintptr_t)id;
    m.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_STOP_COMPUTATION;
    m.stopcomputation = &s;
    send_message(&m);
}

static void send_state_request(const char *id)
{
    Cvms__ServerStreamMessage m = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__AgentStateReq s = CVMS__AGENT_STATE_REQ__INIT;

    s.id = (char *)(uintptr_t)id;
    m.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_AGENT_STATE_REQ;
    m.agentstatereq = &s;
    send_message(&m);
}

/* The next message of a stream, unpacked; NULL when none came in time. */
static Cvms__ClientStreamMessage *next_note(int on_events, int seconds)
{
    struct timespec t = cocos__deadline_timespec(cocos_deadline_in(seconds * COCOS__NS_PER_S));
    size_t *taken = on_events ? &srv.events_taken : &srv.taken;
    COCOS__LOCKED(&srv.lock);

    for (;;) {
        for (; *taken < srv.n_notes; ++*taken) {
            const note *n = &srv.notes[*taken];
            if (n->on_events == on_events) {
                ++*taken;
                return cvms__client_stream_message__unpack(NULL, n->len, n->data);
            }
        }
        if (pthread_cond_timedwait(&srv.changed, &srv.lock, &t) != 0)
            return NULL;
    }
}

static Cvms__ClientStreamMessage *reply(int kind)
{
    Cvms__ClientStreamMessage *m = next_note(0, 10);

    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(m->message_case, kind);
    return m;
}

static void done(Cvms__ClientStreamMessage *m)
{
    cvms__client_stream_message__free_unpacked(m, NULL);
}

static void expect_hello(void)
{
    Cvms__ClientStreamMessage *m =
        reply(CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_V_TPMATTESTATION_REPORT);
    ck_assert_uint_eq(m->vtpmattestationreport->file.len, 0);
    ck_assert_str_eq(m->vtpmattestationreport->certserialnumber, "");
    done(m);
}

/* A run_res whose error has `part` ("" for no error at all). */
static void expect_run(const char *id, const char *part)
{
    Cvms__ClientStreamMessage *m = reply(CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_RUN_RES);
    ck_assert_str_eq(m->run_res->computation_id, id);
    if (*part)
        ck_assert_msg(strstr(m->run_res->error, part) != NULL, "%s has no %s", m->run_res->error,
                      part);
    else
        ck_assert_str_eq(m->run_res->error, "");
    done(m);
}

static void expect_stop(const char *id, const char *message)
{
    Cvms__ClientStreamMessage *m = reply(CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_STOP_COMPUTATION_RES);
    ck_assert_str_eq(m->stopcomputationres->computation_id, id);
    ck_assert_str_eq(m->stopcomputationres->message, message);
    done(m);
}

static void expect_state(const char *id, const char *state)
{
    Cvms__ClientStreamMessage *m = reply(CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_STATE_RES);
    ck_assert_str_eq(m->agentstateres->id, id);
    ck_assert_str_eq(m->agentstateres->state, state);
    done(m);
}

/* The next event, log lines passed over. */
static void expect_event(const char *type, const char *status)
{
    Cvms__ClientStreamMessage *m = next_note(1, 10);

    while (m && m->message_case == CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_LOG) {
        done(m);
        m = next_note(1, 10);
    }
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(m->message_case, CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_EVENT);
    ck_assert_str_eq(m->agent_event->event_type, type);
    ck_assert_str_eq(m->agent_event->status, status);
    ck_assert_str_eq(m->agent_event->originator, "agent");
    ck_assert_uint_eq(m->agent_event->details.len, 0);
    ck_assert_int_gt(m->agent_event->timestamp->seconds, 1000000000);
    done(m);
}

/* ---- Tests ---- */

START_TEST(takes_a_manifest_and_answers_every_command)
{
    open_all("");
    expect_hello();
    send_state_request("q1");
    expect_state("q1", "ReceivingManifest");
    w.manifest = make_manifest(&w, "c1", 1, "");
    send_manifest(w.manifest);
    expect_run("c1", "");
    send_state_request("q2");
    expect_state("q2", "ReceivingAlgorithm");
    expect_event("ReceivingAlgorithm", "InProgress");

    send_manifest(w.manifest); /* again: the same answer, no effect */
    expect_run("c1", "");
    cocos_manifest *other = make_manifest(&w, "c2", 1, "");
    send_manifest(other);
    expect_run("c2", "agent.busy: ");
    send_stop("c2");
    expect_stop("c2", "computation.unknown");
    upload(&w, w.alg, COCOS_ASSET_ALGORITHM, 0, &w.algorithm);
    expect_event("ReceivingData", "InProgress");
    send_stop("c1");
    expect_stop("c1", "");
    expect_event("Stopped", "Stopped");
    send_stop("c1");
    expect_stop("c1", "computation.unknown");

    for (int i = 0; i < 10; i++) {
        send_manifest(other);
        expect_run("c2", "");
        expect_event("ReceivingAlgorithm", "InProgress");
        send_stop("c2");
        expect_stop("c2", "");
        expect_event("Stopped", "Stopped");
    }
    cocos_manifest_free(other);
    close_all();
}
END_TEST

START_TEST(survives_everything_that_is_no_command)
{
    static const struct {
        const char *data;
        size_t len;
    } garbage[] = {{"", 0},
                   {"\x0a", 1},
                   {"\x0a\x7f", 2},
                   {"\xff\xff\xff\xff", 4},
                   {"\x12\x00", 2}, /* runReq, empty */
                   {"\x9a\x06\x02\x08\x01", 5},
                   {"\x0a\x04\x0a\x02hi", 6}}; /* runReqChunks without id */
    static uint8_t mib[1 << 20];

    open_all("");
    expect_hello();
    for (size_t i = 0; i < COCOS__ARRAY_LEN(garbage); i++)
        send_bytes(garbage[i].data, garbage[i].len);
    Cvms__ServerStreamMessage whole = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__ComputationRunReq rq = CVMS__COMPUTATION_RUN_REQ__INIT;
    rq.id = "c9";
    whole.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_RUN_REQ;
    whole.runreq = &rq;
    send_message(&whole);
    send_chunk("x", (cocos__span){(const uint8_t *)"\xff", 1}, 1);
    send_chunk("a", (cocos__span){mib, 10}, 0);
    send_chunk("b", (cocos__span){mib, 10}, 0);
    for (int i = 0; i < 5; i++)
        send_chunk("b", (cocos__span){mib, sizeof mib}, 0);
    send_chunk("b", (cocos__span){NULL, 0}, 1);
    send_chunk("", (cocos__span){mib, 10}, 1);
    send_state_request("still here");

    expect_run("", "manifest.missing: "); /* an empty runReq among the garbage */
    expect_run("", "manifest.id: ");      /* a piece without an id among the garbage */
    expect_run("c9", "manifest.missing: ");
    expect_run("x", "manifest.request: ");
    expect_run("a", "manifest.incomplete: ");
    expect_run("b", "manifest.size: ");
    expect_run("", "manifest.id: ");
    expect_state("still here", "ReceivingManifest");
    pthread_mutex_lock(&srv.lock);
    ck_assert_uint_eq(srv.connections, 2);
    pthread_mutex_unlock(&srv.lock);
    close_all();
}
END_TEST

START_TEST(names_everything_that_it_does_not_do)
{
    open_all("");
    expect_hello();
    w.manifest = make_manifest(
        &w, "c1", 1,
        ", \"approvals\": [\"consumer\"], \"job\": {\"network\": [\"example.org:443\"]}");
    send_manifest(w.manifest);
    Cvms__ClientStreamMessage *m = reply(CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_RUN_RES);
    ck_assert_ptr_nonnull(strstr(m->run_res->error, "agent.unsupported.network: "));
    done(m);
    send_state_request("q");
    expect_state("q", "ReceivingManifest");
    close_all();
}
END_TEST

START_TEST(refuses_old_fields_that_disagree)
{
    cocos__buf b;
    cocos_error *err = NULL;

    open_all("");
    expect_hello();
    w.manifest = make_manifest(&w, "c1", 1, "");
    cocos__buf_init(&b, 4 << 20);
    assert_ok(cocos__cvms_request(w.manifest, &b, &err), err);
    Cvms__ComputationRunReq *rq = cvms__computation_run_req__unpack(NULL, b.len, b.data);
    rq->result_consumers[0]->userkey.data[20] ^= 1;
    rq->datasets[0]->filename[0] = 'X';
    Cvms__ServerStreamMessage m = CVMS__SERVER_STREAM_MESSAGE__INIT;
    m.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_RUN_REQ;
    m.runreq = rq;
    send_message(&m);
    cvms__computation_run_req__free_unpacked(rq, NULL);
    Cvms__ClientStreamMessage *got = reply(CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_RUN_RES);
    const char *first = strstr(got->run_res->error, "manifest.disagrees: ");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(strstr(first + 1, "manifest.disagrees: "));
    done(got);
    cocos__buf_done(&b);
    close_all();
}
END_TEST

START_TEST(comes_back_and_tells_what_happened_while_the_server_was_away)
{
    char address[64];

    open_all("");
    expect_hello();
    w.manifest = make_manifest(&w, "c1", 1, "");
    send_manifest(w.manifest);
    expect_run("c1", "");
    expect_event("ReceivingAlgorithm", "InProgress");
    strcpy(address, srv.address);
    cocos__rpc_server_shutdown(srv.rpc, cocos_deadline_in(0));
    cocos__rpc_server_free(srv.rpc);
    srv.rpc = NULL;
    upload(&w, w.alg, COCOS_ASSET_ALGORITHM, 0, &w.algorithm);
    usleep(500000);

    open_server(address);
    wait_connected(1, 15);
    expect_hello();
    expect_event("ReceivingData", "InProgress");
    send_state_request("q");
    expect_state("q", "ReceivingData");
    send_manifest(w.manifest);
    expect_run("c1", "");
    close_all();
}
END_TEST

START_TEST(stays_away_after_a_disconnect_request)
{
    Cvms__ServerStreamMessage m = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__DisconnectReq d = CVMS__DISCONNECT_REQ__INIT;

    open_all("");
    expect_hello();
    d.id = "d";
    m.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_DISCONNECT_REQ;
    m.disconnectreq = &d;
    send_message(&m);
    wait_connected(0, 10);
    sleep(4); /* a lost connection would have come back */
    pthread_mutex_lock(&srv.lock);
    ck_assert_ptr_null(srv.commands);
    ck_assert_ptr_null(srv.events);
    ck_assert_uint_eq(srv.connections, 2);
    pthread_mutex_unlock(&srv.lock);
    close_all();
}
END_TEST

START_TEST(does_nothing_for_commands_on_the_stream_of_events)
{
    Cvms__ServerStreamMessage m = CVMS__SERVER_STREAM_MESSAGE__INIT;
    Cvms__AgentStateReq q = CVMS__AGENT_STATE_REQ__INIT;

    open_all("");
    expect_hello();
    q.id = "wrong";
    m.message_case = CVMS__SERVER_STREAM_MESSAGE__MESSAGE_AGENT_STATE_REQ;
    m.agentstatereq = &q;
    pthread_mutex_lock(&srv.lock);
    ck_assert_int_eq(cocos__rpc_send_pb(srv.events, &m.base, NULL), COCOS_OK);
    pthread_mutex_unlock(&srv.lock);
    usleep(300000);
    send_state_request("right");
    expect_state("right", "ReceivingManifest");
    close_all();
}
END_TEST

START_TEST(keeps_events_through_its_own_restart)
{
    char address[64];

    open_all("");
    strcpy(address, srv.address);
    expect_hello();
    cocos__rpc_server_shutdown(srv.rpc, cocos_deadline_in(0));
    cocos__rpc_server_free(srv.rpc);
    srv.rpc = NULL;
    give_manifest(&w, "c1", "");
    upload(&w, w.alg, COCOS_ASSET_ALGORITHM, 0, &w.algorithm);
    cocos_agent_service_free(w.service);

    srv.taken = srv.events_taken = srv.n_notes;
    open_server(address);
    start_agent(&w);
    wait_connected(1, 10);
    expect_event("ReceivingAlgorithm", "InProgress");
    expect_event("ReceivingData", "InProgress");
    close_all();
}
END_TEST

TEST_MAIN(link,
          takes_a_manifest_and_answers_every_command,
          survives_everything_that_is_no_command,
          names_everything_that_it_does_not_do,
          refuses_old_fields_that_disagree,
          comes_back_and_tells_what_happened_while_the_server_was_away,
          stays_away_after_a_disconnect_request,
          does_nothing_for_commands_on_the_stream_of_events,
          keeps_events_through_its_own_restart)
