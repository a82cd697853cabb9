/* SPDX-License-Identifier: Apache-2.0 */
/* From the last asset to the consumer's file: job, result, events, and what a restart makes of
 * them. */
#include "fixture.h"

#include "base/clock.h"

#define KIND_D COCOS_ASSET_DATASET
#define KIND_A COCOS_ASSET_ALGORITHM

static world w;

/* Jobs need root and the runtime; elsewhere these tests say so and end. */
static int cannot_run_jobs(void)
{
    int can =
        geteuid() == 0 && (access("/usr/bin/crun", X_OK) == 0 || access("/bin/crun", X_OK) == 0);

    if (!can)
        fprintf(stderr, "skipped: jobs need root and crun\n");
    return !can;
}

static void run_world(const char *script, const char *more)
{
    world_open(&w, script, 3000000);
    give_manifest(&w, "c1", more);
    upload(&w, w.alg, KIND_A, 0, &w.algorithm);
    upload(&w, w.data[0], KIND_D, 0, &w.sets[0]);
    upload(&w, w.data[1], KIND_D, 1, &w.sets[1]);
}

/* Fetches a part whole and checks its digest; the verdict of the call. */
static int
fetch(const cocos_key *key, const char *role, uint32_t part, cocos__buf *out, cocos_error **err)
{
    cocos__rpc_channel *ch = dial(&w);
    uint8_t stated[32];
    uint8_t digest[32];
    uint64_t size = 0;

    cocos__buf_init(out, 64 * 1048576);
    int r = download(&w, ch, key, role, part, 0, out, &size, stated, err);
    if (out->len > 0) {
        ck_assert_uint_eq(out->len, size);
        ck_assert_int_eq(cocos__digest(COCOS__SHA3_256, out->data, out->len, digest, NULL),
                         COCOS_OK);
        ck_assert_mem_eq(digest, stated, 32);
    }
    cocos__rpc_channel_close(ch);
    return r;
}

static int holds(const cocos__buf *b, const char *text)
{
    return b->data && memmem(b->data, b->len, text, strlen(text)) != NULL;
}

START_TEST(gives_the_consumer_the_result_and_is_complete)
{
    cocos__buf b;
    cocos_error *err = NULL;
    char path[160];
    struct stat st;

    if (cannot_run_jobs())
        return;
    run_world(
        "#!/bin/sh\ncat datasets/set1 > results/copy; echo said; wc -c < datasets/set0 > results/size\n",
        "");
    wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);
    snprintf(path, sizeof path, "%s/state/runs/1/assets", w.dir);
    ck_assert_int_ne(stat(path, &st), 0); /* wiped with the job's end */

    assert_fails(fetch(w.data[0], "data-provider", 0, &b, &err), COCOS_ERR_DENIED, "auth.right",
                 err);
    cocos__buf_done(&b);
    assert_fails(fetch(w.data[0], "consumer", 0, &b, &err), COCOS_ERR_DENIED, "auth.right", err);
    cocos__buf_done(&b);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_CONSUMING_RESULTS);
    assert_ok(fetch(w.consumer, "consumer", 0, &b, &err), err);
    ck_assert(holds(&b, "second"));
    ck_assert(holds(&b, "3000000"));
    ck_assert(holds(&b, "cocos-job/stdout"));
    ck_assert(holds(&b, "said"));
    cocos__buf_done(&b);
    wait_for_state(&w, COCOS__AGENT_COMPLETE);

    /* It can be fetched again, by parts, and the output alone. */
    assert_ok(fetch(w.consumer, "consumer", 1, &b, &err), err);
    ck_assert(holds(&b, "said"));
    ck_assert(!holds(&b, "second"));
    cocos__buf_done(&b);
    world_close(&w);
}
END_TEST

START_TEST(delivers_from_any_offset)
{
    cocos__buf whole;
    cocos__buf part;
    cocos_error *err = NULL;
    uint8_t digest[32];
    uint64_t size = 0;

    if (cannot_run_jobs())
        return;
    run_world("#!/bin/sh\ncat datasets/set0 > results/copy\n", "");
    wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);
    assert_ok(fetch(w.consumer, "consumer", 0, &whole, &err), err);
    const uint64_t offsets[] = {1, 65536, 1048576, 1048577, whole.len - 1, whole.len};
    cocos__rpc_channel *ch = dial(&w);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(offsets); i++) {
        cocos__buf_init(&part, 64 * 1048576);
        assert_ok(
            download(&w, ch, w.consumer, "consumer", 0, offsets[i], &part, &size, digest, &err),
            err);
        ck_assert_uint_eq(part.len, whole.len - offsets[i]);
        ck_assert(part.len == 0 || memcmp(part.data, whole.data + offsets[i], part.len) == 0);
        cocos__buf_done(&part);
    }
    cocos__buf_init(&part, 1000);
    assert_fails(
        download(&w, ch, w.consumer, "consumer", 0, whole.len + 1, &part, &size, digest, &err),
        COCOS_ERR_MALFORMED, "download.offset", err);
    ck_assert_uint_eq(size, whole.len);
    assert_fails(download(&w, ch, w.consumer, "consumer", 2, 0, &part, &size, digest, &err),
                 COCOS_ERR_NOT_FOUND, "result.part", err);
    cocos__rpc_channel_close(ch);
    cocos__buf_done(&whole);
    world_close(&w);
}
END_TEST

START_TEST(has_no_result_before_the_job_has_ended)
{
    cocos__buf b;
    cocos_error *err = NULL;

    world_open(&w, "#!/bin/sh\n", 10);
    give_manifest(&w, "c1", "");
    assert_fails(fetch(w.consumer, "consumer", 0, &b, &err), COCOS_ERR_STATE, "result.early", err);
    world_close(&w);
}
END_TEST

START_TEST(gives_only_the_output_of_a_failed_job_and_says_that_it_failed)
{
    cocos__buf b;
    cocos_error *err = NULL;

    if (cannot_run_jobs())
        return;
    run_world("#!/bin/sh\necho half > results/half; echo why >&2; exit 3\n", "");
    wait_for_state(&w, COCOS__AGENT_FAILED);
    assert_fails(fetch(w.consumer, "consumer", 0, &b, &err), COCOS_ERR_STATE, "job.failed", err);
    ck_assert(holds(&b, "why"));
    ck_assert(!holds(&b, "half"));
    cocos__buf_done(&b);
    world_close(&w);
}
END_TEST

START_TEST(gives_the_output_to_those_whom_the_manifest_names)
{
    cocos__buf b;
    cocos_error *err = NULL;

    if (cannot_run_jobs())
        return;
    run_world("#!/bin/sh\necho said\n", ", \"job\": {\"output\": \"parties\"}");
    wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);
    assert_ok(fetch(w.data[1], "observer", 1, &b, &err), err);
    ck_assert(holds(&b, "said"));
    cocos__buf_done(&b);
    assert_fails(fetch(w.stranger, "observer", 1, &b, &err), COCOS_ERR_UNAUTHENTICATED, "auth.key",
                 err);
    world_close(&w);

    run_world("#!/bin/sh\necho said\n", ", \"job\": {\"output\": \"none\"}");
    wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);
    assert_fails(fetch(w.consumer, "consumer", 1, &b, &err), COCOS_ERR_DENIED, "job.output", err);
    assert_ok(fetch(w.consumer, "consumer", 0, &b, &err), err);
    ck_assert(!holds(&b, "said"));
    ck_assert(!holds(&b, "cocos-job"));
    cocos__buf_done(&b);
    world_close(&w);
}
END_TEST

START_TEST(stops_a_running_job_and_wipes_it)
{
    cocos_error *err = NULL;
    char path[160];
    struct stat st;

    if (cannot_run_jobs())
        return;
    run_world("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n", "");
    wait_for_state(&w, COCOS__AGENT_RUNNING);
    usleep(200000);
    int64_t begin = cocos__clock_mono_ns();
    assert_ok(cocos__machine_stop(w.service, "c1", &err), err);
    wait_for_state(&w, COCOS__AGENT_RECEIVING_MANIFEST);
    ck_assert_int_lt(cocos__clock_mono_ns() - begin, 5 * COCOS__NS_PER_S);
    snprintf(path, sizeof path, "%s/state/runs/1", w.dir);
    for (int i = 0; i < 500 && stat(path, &st) == 0; i++)
        usleep(10000);
    ck_assert_int_ne(stat(path, &st), 0);
    world_close(&w);
}
END_TEST

START_TEST(counts_a_job_that_ran_at_the_end_of_the_agent_as_interrupted)
{
    cocos__buf b;
    cocos_error *err = NULL;

    if (cannot_run_jobs())
        return;
    run_world("#!/bin/sh\nwhile :; do sleep 1; done\n", "");
    wait_for_state(&w, COCOS__AGENT_RUNNING);
    cocos_agent_service_free(w.service);
    start_agent(&w);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_FAILED);
    assert_fails(fetch(w.consumer, "consumer", 0, &b, &err), COCOS_ERR_STATE, "job.interrupted",
                 err);
    world_close(&w);
}
END_TEST

START_TEST(still_has_the_result_after_a_restart)
{
    cocos__buf b;
    cocos_error *err = NULL;

    if (cannot_run_jobs())
        return;
    run_world("#!/bin/sh\ncat datasets/set1 > results/copy\n", "");
    wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);
    cocos_agent_service_free(w.service);
    start_agent(&w);
    assert_ok(fetch(w.consumer, "consumer", 0, &b, &err), err);
    ck_assert(holds(&b, "second"));
    cocos__buf_done(&b);
    cocos_agent_service_free(w.service);
    start_agent(&w);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_COMPLETE);
    world_close(&w);
}
END_TEST

/* ---- Watch ---- */

static void adapt_nothing(cocos__request *rq, void *user)
{
    (void)rq;
    (void)user;
}

START_TEST(tells_a_party_the_events_in_order_until_the_stop)
{
    static const char *const states[] = {"ReceivingAlgorithm", "ReceivingAlgorithm",
                                         "ReceivingData", "ReceivingData"};
    Cocos__V1__WatchRequest m = COCOS__V1__WATCH_REQUEST__INIT;
    ProtobufCMessage *got = NULL;
    cocos_error *err = NULL;
    uint64_t last = 0;
    size_t n = 0;
    int r;

    world_open(&w, "#!/bin/sh\n", 10);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    cocos__rpc_call *call =
        ask(&w, ch, w.consumer, WATCH, "observer", &m.base, adapt_nothing, NULL);
    upload(&w, w.alg, KIND_A, 0, &w.algorithm);
    assert_ok(cocos__machine_stop(w.service, "c1", &err), err);
    while ((r = cocos__rpc_recv_pb(call, &cocos__v1__watch_event__descriptor, &got, &err)) ==
               COCOS_OK &&
           got) {
        const Cocos__V1__WatchEvent *e = (const Cocos__V1__WatchEvent *)got;
        ck_assert_uint_gt(e->sequence, last);
        ck_assert_uint_eq(e->lost, 0);
        last = e->sequence;
        ck_assert_uint_lt(n, COCOS__ARRAY_LEN(states));
        ck_assert_str_eq(e->state, states[n++]);
        protobuf_c_message_free_unpacked(got, NULL);
    }
    assert_ok(r, err);
    assert_ok(cocos__rpc_finish(call, &err), err);
    ck_assert_uint_eq(n, 4); /* manifest, algorithm complete, its state, stop */
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(does_not_let_strangers_watch)
{
    Cocos__V1__WatchRequest m = COCOS__V1__WATCH_REQUEST__INIT;
    ProtobufCMessage *got = NULL;
    cocos_error *err = NULL;

    world_open(&w, "#!/bin/sh\n", 10);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    cocos__rpc_call *call =
        ask(&w, ch, w.stranger, WATCH, "observer", &m.base, adapt_nothing, NULL);
    assert_fails(cocos__rpc_recv_pb(call, &cocos__v1__watch_event__descriptor, &got, &err),
                 COCOS_ERR_UNAUTHENTICATED, "auth.key", err);
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

/* ---- Describe ---- */

START_TEST(tells_anyone_the_state_and_parties_the_manifest)
{
    Cocos__V1__DescribeRequest m = COCOS__V1__DESCRIBE_REQUEST__INIT;
    ProtobufCMessage *got = NULL;
    cocos_error *err = NULL;

    world_open(&w, "#!/bin/sh\n", 10);
    cocos__rpc_channel *ch = dial(&w);
    assert_ok(cocos__rpc_unary(ch, DESCRIBE, NULL, 0, &m.base,
                               &cocos__v1__describe_response__descriptor,
                               cocos_deadline_in(5000000000), NULL, &got, &err),
              err);
    const Cocos__V1__DescribeResponse *d = (const Cocos__V1__DescribeResponse *)got;
    ck_assert_str_eq(d->state, "ReceivingManifest");
    ck_assert_str_eq(d->computation_id, "");
    ck_assert_uint_eq(d->manifest_digest.len, 0);
    ck_assert_uint_eq(d->instance_id.len, 16);
    protobuf_c_message_free_unpacked(got, NULL);

    give_manifest(&w, "c1", "");
    assert_ok(cocos__rpc_unary(ch, DESCRIBE, NULL, 0, &m.base,
                               &cocos__v1__describe_response__descriptor,
                               cocos_deadline_in(5000000000), NULL, &got, &err),
              err);
    d = (const Cocos__V1__DescribeResponse *)got;
    ck_assert_str_eq(d->computation_id, "c1");
    ck_assert_mem_eq(d->manifest_digest.data, cocos_manifest_digest(w.manifest), 32);
    ck_assert_uint_eq(d->manifest.len, 0);
    ck_assert_uint_eq(d->n_assets, 0);
    protobuf_c_message_free_unpacked(got, NULL);

    cocos__rpc_call *call =
        ask(&w, ch, w.data[1], DESCRIBE, "observer", &m.base, adapt_nothing, NULL);
    assert_ok(cocos__rpc_recv_pb(call, &cocos__v1__describe_response__descriptor, &got, &err), err);
    d = (const Cocos__V1__DescribeResponse *)got;
    ck_assert_uint_gt(d->manifest.len, 0);
    ck_assert_uint_eq(d->n_assets, 3);
    ck_assert_str_eq(d->assets[2]->name, "set1");
    ck_assert_uint_eq(d->assets[2]->size, 6);
    protobuf_c_message_free_unpacked(got, NULL);
    cocos__rpc_call_free(call);

    call = ask(&w, ch, w.stranger, DESCRIBE, "observer", &m.base, adapt_nothing, NULL);
    assert_fails(cocos__rpc_recv_pb(call, &cocos__v1__describe_response__descriptor, &got, &err),
                 COCOS_ERR_UNAUTHENTICATED, "auth.key", err);
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

/* ---- The port's certificate ---- */

static void probe(uint8_t spki[32])
{
    const char *a = cocos_agent_service_address(w.service);
    char host[64];
    cocos_error *err = NULL;
    const char *colon = strrchr(a, ':');

    snprintf(host, sizeof host, "%.*s", (int)(colon - a), a);
    assert_ok(cocos__tls_probe(host, colon + 1, cocos_deadline_in(5000000000), NULL, spki, &err),
              err);
}

static void write_in(const char *name, const cocos__buf *b)
{
    char path[160];

    snprintf(path, sizeof path, "%s/certs/%s", w.dir, name);
    ck_assert_int_eq(cocos__write_file(path, b->data, b->len, 0600, NULL), COCOS_OK);
}

START_TEST(uses_the_manifests_certificate_until_the_stop)
{
    cocos__buf cert;
    cocos__buf key;
    cocos_error *err = NULL;
    char certs[96];
    uint8_t own[32];
    uint8_t other[32];

    world_open(&w, "#!/bin/sh\n", 10);
    cocos_agent_service_free(w.service);
    snprintf(certs, sizeof certs, "%s/certs", w.dir);
    ck_assert_int_eq(mkdir(certs, 0700), 0);
    set_option(&w, "certs_dir", certs);
    start_agent(&w);
    probe(own);
    ck_assert_mem_eq(own, w.service->identity.pin, 32);

    const char *more =
        ", \"agent_config\": {\"cert_file\": \"/etc/certs/c.pem\", \"key_file\": \"/etc/certs/k.pem\"}";
    assert_fails(cocos__machine_accept(w.service, make_manifest(&w, "c1", 1, more), &err),
                 COCOS_ERR_NOT_FOUND, "certs.read", err);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_MANIFEST);
    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    assert_ok(cocos__tls_self_signed("test", &cert, &key, &err), err);
    write_in("c.pem", &cert);
    write_in("k.pem", &key);

    cocos__rpc_channel *ch = dial(&w);
    give_manifest(&w, "c1", more);
    for (int i = 0; i < 300 && cocos__rpc_channel_alive(ch); i++)
        usleep(10000);
    ck_assert(!cocos__rpc_channel_alive(ch)); /* under the old key */
    cocos__rpc_channel_close(ch);
    probe(other);
    ck_assert_mem_ne(own, other, 32);
    upload(&w, w.alg, KIND_A, 0, &w.algorithm);

    /* Also after a restart, and no longer after the stop. */
    cocos_agent_service_free(w.service);
    start_agent(&w);
    uint8_t again[32];
    probe(again);
    ck_assert_mem_eq(again, other, 32);
    assert_ok(cocos__machine_stop(w.service, "c1", &err), err);
    wait_for_state(&w, COCOS__AGENT_RECEIVING_MANIFEST);
    probe(again);
    ck_assert_mem_eq(again, own, 32);
    cocos__buf_done(&cert);
    cocos__buf_done(&key);
    world_close(&w);
}
END_TEST

START_TEST(wipes_what_a_killed_start_left)
{
    char path[160];
    char stays[160];
    struct stat st;

    world_open(&w, "#!/bin/sh\n", 10);
    cocos_agent_service_free(w.service);
    snprintf(path, sizeof path, "%s/state/tls-key.pem.Ab3dE6", w.dir);
    snprintf(stays, sizeof stays, "%s/state/somebody-elses", w.dir);
    ck_assert_int_eq(cocos__write_file(path, "key", 3, 0600, NULL), COCOS_OK);
    ck_assert_int_eq(cocos__write_file(stays, "x", 1, 0600, NULL), COCOS_OK);
    start_agent(&w);
    ck_assert_int_ne(stat(path, &st), 0);
    ck_assert_int_eq(stat(stays, &st), 0);
    world_close(&w);
}
END_TEST

START_TEST(begins_anew_with_another_boot)
{
    char path[160];
    uint8_t instance[16];

    world_open(&w, "#!/bin/sh\n", 10);
    give_manifest(&w, "c1", "");
    memcpy(instance, w.service->identity.instance_id, 16);
    cocos_agent_service_free(w.service);
    snprintf(path, sizeof path, "%s/state/boot_id", w.dir);
    ck_assert_int_eq(cocos__write_file(path, "another\n", 8, 0600, NULL), COCOS_OK);
    start_agent(&w);
    ck_assert_mem_ne(instance, w.service->identity.instance_id, 16);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_MANIFEST);
    ck_assert_uint_eq(w.service->record.runs, 0);
    world_close(&w);
}
END_TEST

static void spoiled(const char *method, const char *code, int status)
{
    cocos__rpc_call *call = NULL;
    cocos__rpc_msg *msg = NULL;
    cocos_error *err = NULL;
    cocos__rpc_channel *ch = dial(&w);

    assert_ok(cocos__rpc_call_start(ch, method, NULL, 0, cocos_deadline_in(5000000000), NULL, &call,
                                    &err),
              err);
    (void)!cocos__rpc_send(call, "\x0a\xff\xff", 3, NULL);
    (void)!cocos__rpc_send_end(call, NULL);
    assert_fails(cocos__rpc_recv(call, &msg, &err), status, code, err);
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(ch);
}

START_TEST(answers_garbage_and_what_it_does_not_do_with_codes)
{
    static const char *const methods[] = {
        UPLOAD, STATUS, DOWNLOAD, DESCRIBE, WATCH, "/cocos.v1.Agent/Approve", ATTEST, STATEMENT};
    static const char *const others[] = {"/cocos.v1.Agent/Nope", "/agent.AgentService/Algo"};

    world_open(&w, "#!/bin/sh\n", 10);
    give_manifest(&w, "c1", "");
    for (size_t i = 0; i < COCOS__ARRAY_LEN(methods); i++)
        spoiled(methods[i], "rpc.message", COCOS_ERR_MALFORMED);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(others); i++)
        spoiled(others[i], "rpc.unimplemented", COCOS_ERR_UNSUPPORTED);
    world_close(&w);
}
END_TEST

TEST_MAIN(delivery,
          gives_the_consumer_the_result_and_is_complete,
          delivers_from_any_offset,
          has_no_result_before_the_job_has_ended,
          gives_only_the_output_of_a_failed_job_and_says_that_it_failed,
          gives_the_output_to_those_whom_the_manifest_names,
          stops_a_running_job_and_wipes_it,
          counts_a_job_that_ran_at_the_end_of_the_agent_as_interrupted,
          still_has_the_result_after_a_restart,
          tells_a_party_the_events_in_order_until_the_stop,
          does_not_let_strangers_watch,
          tells_anyone_the_state_and_parties_the_manifest,
          uses_the_manifests_certificate_until_the_stop,
          wipes_what_a_killed_start_left,
          begins_anew_with_another_boot,
          answers_garbage_and_what_it_does_not_do_with_codes)
