/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads over real connections: what is taken, resumed, fenced, refused. */
#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"

#define SCRIPT "#!/bin/sh\nexit 0\n"
#define KIND_D COCOS_ASSET_DATASET
#define KIND_A COCOS_ASSET_ALGORITHM

static world w;

START_TEST(takes_assets_in_any_order_and_tells_the_states)
{
    world_open(&w, SCRIPT, 2500000);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_MANIFEST);
    give_manifest(&w, "c1", "");
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_ALGORITHM);
    upload(&w, w.data[0], KIND_D, 0, &w.sets[0]);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_ALGORITHM);
    upload(&w, w.alg, KIND_A, 0, &w.algorithm);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_DATA);
    upload(&w, w.data[1], KIND_D, 1, &w.sets[1]);
    ck_assert_int_ge(cocos__machine_state(w.service), COCOS__AGENT_RUNNING);
    world_close(&w);
}
END_TEST

START_TEST(resumes_an_upload_that_is_cut_two_hundred_times)
{
    cocos_error *err = NULL;
    uint64_t received = 0;
    int complete = 0;
    unsigned seed = 7;

    world_open(&w, SCRIPT, 20 * 1048576 + 17);
    give_manifest(&w, "c1", "");
    for (int cut = 0; cut < 200; cut++) {
        cocos__rpc_channel *ch = dial(&w);
        uint64_t before = received;
        assert_ok(status_of(&w, ch, w.data[0], KIND_D, 0, &received, &complete, &err), err);
        ck_assert_uint_ge(received, before);
        cocos__rpc_call *call = start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], received);
        size_t n = (size_t)rand_r(&seed) % 120000;
        if (n > w.sets[0].size - received)
            n = 0;
        (void)!send_data(call, w.sets[0].data + received, n / 2);
        (void)!send_data(call, w.sets[0].data + received + n / 2, n - n / 2);
        cocos__rpc_call_free(call);
        cocos__rpc_channel_close(ch);
    }
    ck_assert_uint_gt(received, 1000000);

    cocos__rpc_channel *ch = dial(&w);
    int r = COCOS_ERR_STATE;
    while (
        r ==
        COCOS_ERR_STATE) { /* what was under way when the last connection went may still arrive */
        cocos_error_free(err);
        err = NULL;
        assert_ok(status_of(&w, ch, w.data[0], KIND_D, 0, &received, &complete, &err), err);
        r = upload_from(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], received, &err);
    }
    assert_ok(r, err);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(goes_on_after_a_restart_of_the_agent)
{
    cocos_error *err = NULL;
    uint64_t received = 0;
    int complete = 0;
    uint8_t instance[16];
    char pin[80];

    world_open(&w, SCRIPT, 3 * 1048576 + 5);
    give_manifest(&w, "c1", "");
    upload(&w, w.alg, KIND_A, 0, &w.algorithm);
    cocos__rpc_channel *ch = dial(&w);
    cocos__rpc_call *call = start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0);
    ck_assert_int_eq(send_data(call, w.sets[0].data, 1048576), COCOS_OK);
    ck_assert_int_eq(send_data(call, w.sets[0].data + 1048576, 1000), COCOS_OK);
    assert_ok(finish_upload(call, &received, &complete, &err), err);
    ck_assert_uint_eq(received, 1049576);
    ck_assert(!complete);
    cocos__rpc_channel_close(ch);
    memcpy(instance, w.service->identity.instance_id, 16);
    strcpy(pin, cocos_agent_service_pin(w.service));
    cocos_agent_service_free(w.service);

    start_agent(&w);
    ck_assert_mem_eq(instance, w.service->identity.instance_id, 16);
    ck_assert_str_eq(pin, cocos_agent_service_pin(w.service));
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_DATA);
    ch = dial(&w);
    assert_ok(status_of(&w, ch, w.data[0], KIND_D, 0, &received, &complete, &err), err);
    ck_assert_uint_eq(received, 1049576);
    assert_ok(upload_from(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], received, &err), err);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(fences_the_older_of_two_uploads)
{
    cocos_error *err = NULL;
    uint64_t received = 0;
    int complete = 0;

    world_open(&w, SCRIPT, 2 * 1048576);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *older = dial(&w);
    cocos__rpc_channel *newer = dial(&w);
    cocos__rpc_call *call = start_upload(&w, older, w.data[0], KIND_D, 0, &w.sets[0], 0);
    ck_assert_int_eq(send_data(call, w.sets[0].data, 100000), COCOS_OK);
    while (received < 100000)
        assert_ok(status_of(&w, newer, w.data[0], KIND_D, 0, &received, &complete, &err), err);

    /* The older one waits for its client, which sends no more: it is ended all the same. */
    assert_ok(upload_from(&w, newer, w.data[0], KIND_D, 0, &w.sets[0], received, &err), err);
    cocos__rpc_msg *msg = NULL;
    assert_fails(cocos__rpc_recv(call, &msg, &err), COCOS_ERR_ABORTED, "upload.fenced", err);
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(older);
    cocos__rpc_channel_close(newer);
    world_close(&w);
}
END_TEST

static void expect_refusal(cocos__rpc_call *call, int status, const char *code)
{
    cocos_error *err = NULL;
    uint64_t received;
    int complete;

    assert_fails(finish_upload(call, &received, &complete, &err), status, code, err);
}

START_TEST(tells_where_to_go_on_when_the_offset_is_wrong)
{
    cocos_error *err = NULL;
    uint64_t received = 0;
    int complete = 0;
    size_t len = 0;

    world_open(&w, SCRIPT, 5000);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    cocos__rpc_call *call = start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0);
    ck_assert_int_eq(send_data(call, w.sets[0].data, 1234), COCOS_OK);
    assert_ok(finish_upload(call, &received, &complete, &err), err);

    call = start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 1000);
    (void)!cocos__rpc_send_end(call, NULL);
    assert_fails(cocos__rpc_finish(call, &err), COCOS_ERR_STATE, "upload.offset", err);
    const uint8_t *told = cocos__rpc_metadata(call, "cocos-received", &len);
    ck_assert_uint_eq(len, 4);
    ck_assert_mem_eq(told, "1234", 4);
    cocos__rpc_call_free(call);
    assert_ok(upload_from(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 1234, &err), err);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(wipes_what_does_not_have_the_digest_and_takes_it_anew)
{
    cocos_error *err = NULL;
    uint64_t received = 99;
    int complete = 0;

    world_open(&w, SCRIPT, 5000);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    cocos__rpc_call *call = start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0);
    uint8_t wrong[5000] = {1};
    ck_assert_int_eq(send_data(call, wrong, sizeof wrong), COCOS_OK);
    expect_refusal(call, COCOS_ERR_MALFORMED, "asset.digest");
    assert_ok(status_of(&w, ch, w.data[0], KIND_D, 0, &received, &complete, &err), err);
    ck_assert_uint_eq(received, 0);

    asset other = w.sets[0];
    other.digest[0] ^= 1;
    expect_refusal(start_upload(&w, ch, w.data[0], KIND_D, 0, &other, 0), COCOS_ERR_MALFORMED,
                   "asset.digest");
    assert_ok(upload_from(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0, &err), err);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(refuses_sizes_pieces_and_orders_that_cannot_be)
{
    cocos_error *err = NULL;
    static uint8_t big[1048577];

    world_open(&w, SCRIPT, 3 * 1048576);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);

    asset longer = w.sets[0];
    longer.size++;
    expect_refusal(start_upload(&w, ch, w.data[0], KIND_D, 0, &longer, 0), COCOS_ERR_MALFORMED,
                   "asset.size");

    cocos__rpc_call *call = start_upload(&w, ch, w.data[1], KIND_D, 1, &w.sets[1], 0);
    ck_assert_int_eq(send_data(call, big, 7), COCOS_OK);
    expect_refusal(call, COCOS_ERR_MALFORMED, "asset.size");

    call = start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0);
    ck_assert_int_eq(send_data(call, big, 1048576), COCOS_OK);
    (void)!send_data(call, big, 1048577);
    expect_refusal(call, COCOS_ERR_MALFORMED, "upload.chunk");

    call = start_upload(&w, ch, w.data[1], KIND_D, 1, &w.sets[1], 0);
    send_header(call, KIND_D, 1, w.sets[1].digest, w.sets[1].size, 0);
    expect_refusal(call, COCOS_ERR_MALFORMED, "upload.order");

    assert_ok(cocos__rpc_call_start(ch, UPLOAD, NULL, 0, cocos_deadline_in(5000000000), NULL, &call,
                                    &err),
              err);
    ck_assert_int_eq(send_data(call, big, 5), COCOS_OK);
    expect_refusal(call, COCOS_ERR_MALFORMED, "upload.order");
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(takes_an_empty_asset)
{
    world_open(&w, SCRIPT, 0);
    give_manifest(&w, "c1", "");
    upload(&w, w.data[0], KIND_D, 0, &w.sets[0]);
    ck_assert_int_eq(cocos__machine_state(w.service), COCOS__AGENT_RECEIVING_ALGORITHM);
    world_close(&w);
}
END_TEST

START_TEST(refuses_early_what_cannot_fit)
{
    world_open(&w, SCRIPT, 5000);
    cocos_agent_service_free(w.service);
    set_option(&w, "max_asset", "4999");
    start_agent(&w);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    expect_refusal(start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0), COCOS_ERR_EXHAUSTED,
                   "asset.limit");
    cocos__rpc_channel_close(ch);
    cocos_agent_service_free(w.service);

    set_option(&w, "max_asset", "5000");
    set_option(&w, "max_total", "5010");
    start_agent(&w);
    ch = dial(&w);
    expect_refusal(start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0), COCOS_ERR_EXHAUSTED,
                   "asset.total");
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(keeps_what_fits_on_a_full_disk_and_goes_on_when_there_is_room)
{
    cocos_error *err = NULL;
    struct rlimit old;
    uint64_t received = 0;
    int complete = 0;

    world_open(&w, SCRIPT, 5 * 1048576);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit tight = {2 * 1048576 + 777, old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_fails(upload_from(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0, &err),
                 COCOS_ERR_EXHAUSTED, "asset.space", err);
    assert_ok(status_of(&w, ch, w.data[0], KIND_D, 0, &received, &complete, &err), err);
    ck_assert_uint_eq(received, 2 * 1048576);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_ok(upload_from(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], received, &err), err);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(ends_uploads_when_the_computation_is_stopped)
{
    cocos_error *err = NULL;
    char path[160];
    struct stat st;

    world_open(&w, SCRIPT, 2 * 1048576);
    give_manifest(&w, "c1", "");
    snprintf(path, sizeof path, "%s/state/runs/1", w.dir);
    ck_assert_int_eq(stat(path, &st), 0);
    cocos__rpc_channel *ch = dial(&w);
    cocos__rpc_call *call = start_upload(&w, ch, w.data[0], KIND_D, 0, &w.sets[0], 0);
    ck_assert_int_eq(send_data(call, w.sets[0].data, 1048576), COCOS_OK);
    uint64_t received = 0;
    int complete = 0;
    while (received == 0)
        assert_ok(status_of(&w, ch, w.data[0], KIND_D, 0, &received, &complete, &err), err);

    assert_fails(cocos__machine_stop(w.service, "other", &err), COCOS_ERR_NOT_FOUND,
                 "computation.unknown", err);
    assert_ok(cocos__machine_stop(w.service, "c1", &err), err);
    cocos__rpc_msg *msg = NULL;
    assert_fails(cocos__rpc_recv(call, &msg, &err), COCOS_ERR_ABORTED, "computation.stopped", err);
    cocos__rpc_call_free(call);
    wait_for_state(&w, COCOS__AGENT_RECEIVING_MANIFEST);
    for (int i = 0; i < 500 && stat(path, &st) == 0; i++)
        usleep(10000);
    ck_assert_int_ne(stat(path, &st), 0);

    /* And again, without limit. */
    for (int i = 0; i < 20; i++) {
        give_manifest(&w, "again", "");
        ck_assert_int_eq(cocos__machine_accept(w.service, make_manifest(&w, "x", 1, ""), &err),
                         COCOS_ERR_BUSY);
        cocos_error_free(err);
        err = NULL;
        upload(&w, w.alg, KIND_A, 0, &w.algorithm);
        assert_ok(cocos__machine_stop(w.service, "again", &err), err);
        wait_for_state(&w, COCOS__AGENT_RECEIVING_MANIFEST);
    }
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

/* ---- Signed requests ---- */

struct spoil {
    const char *code;
    int status;
    void (*fn)(cocos__request *rq);
};

static uint8_t other32[32] = {1, 2, 3};

static void spoil_domain(cocos__request *rq)
{
    rq->local = 1;
    rq->binding = NULL;
}

static void spoil_method(cocos__request *rq)
{
    rq->method = DOWNLOAD;
}

static void spoil_role(cocos__request *rq)
{
    rq->role = "consumer";
}

static void spoil_computation(cocos__request *rq)
{
    rq->computation_id = "c2";
}

static void spoil_manifest(cocos__request *rq)
{
    rq->manifest_digest = other32;
}

static void spoil_binding(cocos__request *rq)
{
    rq->binding = other32;
}

static void spoil_digest(cocos__request *rq)
{
    rq->digest[5] ^= 1;
}

static void spoil_size(cocos__request *rq)
{
    rq->size++;
}

static void spoil_index(cocos__request *rq)
{
    rq->index = 1;
}

static void spoil_instance(cocos__request *rq)
{
    rq->instance_id = other32;
}

static void spoil_nothing(cocos__request *rq)
{
    (void)rq;
}

START_TEST(refuses_a_request_that_differs_in_any_row)
{
    static const struct spoil spoils[] = {
        {"auth.domain", COCOS_ERR_UNAUTHENTICATED, spoil_domain},
        {"auth.method", COCOS_ERR_UNAUTHENTICATED, spoil_method},
        {"auth.right", COCOS_ERR_DENIED, spoil_role},
        {"auth.computation", COCOS_ERR_UNAUTHENTICATED, spoil_computation},
        {"auth.manifest", COCOS_ERR_UNAUTHENTICATED, spoil_manifest},
        {"auth.binding", COCOS_ERR_UNAUTHENTICATED, spoil_binding},
        {"auth.digest", COCOS_ERR_UNAUTHENTICATED, spoil_digest},
        {"auth.parameters", COCOS_ERR_UNAUTHENTICATED, spoil_size},
        {"auth.parameters", COCOS_ERR_UNAUTHENTICATED, spoil_index},
        {"auth.instance", COCOS_ERR_UNAUTHENTICATED, spoil_instance},
    };

    world_open(&w, SCRIPT, 5000);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(spoils); i++) {
        uint8_t binding[32];
        cocos__request rq = right_request(&w, ch, UPLOAD, "data-provider", binding);
        rq.kind = KIND_D;
        rq.has_index = rq.has_size = rq.has_offset = 1;
        rq.size = w.sets[0].size;
        memcpy(rq.digest, w.sets[0].digest, 32);
        spoils[i].fn(&rq);
        cocos__buf b;
        cocos_error *err = NULL;
        cocos__rpc_call *call = NULL;
        cocos__buf_init(&b, COCOS__AUTH_MAX);
        assert_ok(cocos__request_sign(w.data[0], &rq, &b, &err), err);
        cocos__rpc_meta meta = {COCOS__AUTH_KEY, b.data, b.len};
        assert_ok(cocos__rpc_call_start(ch, UPLOAD, &meta, 1, cocos_deadline_in(5000000000), NULL,
                                        &call, &err),
                  err);
        cocos__buf_done(&b);
        send_header(call, KIND_D, 0, w.sets[0].digest, w.sets[0].size, 0);
        expect_refusal(call, spoils[i].status, spoils[i].code);
    }
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(refuses_wrong_keys_and_keys_of_another_asset)
{
    cocos_error *err = NULL;

    world_open(&w, SCRIPT, 5000);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    expect_refusal(start_upload(&w, ch, w.stranger, KIND_D, 0, &w.sets[0], 0),
                   COCOS_ERR_UNAUTHENTICATED, "auth.key");
    expect_refusal(start_upload(&w, ch, w.data[1], KIND_D, 0, &w.sets[0], 0), COCOS_ERR_DENIED,
                   "auth.right");
    expect_refusal(start_upload(&w, ch, w.alg, KIND_D, 0, &w.sets[0], 0), COCOS_ERR_DENIED,
                   "auth.right");
    expect_refusal(start_upload(&w, ch, w.consumer, KIND_A, 0, &w.algorithm, 0), COCOS_ERR_DENIED,
                   "auth.right");
    expect_refusal(start_upload(&w, ch, w.data[0], KIND_D, 2, &w.sets[0], 0), COCOS_ERR_NOT_FOUND,
                   "asset.unknown");
    expect_refusal(start_upload(&w, ch, w.alg, COCOS_ASSET_REQUIREMENTS, 0, &w.algorithm, 0),
                   COCOS_ERR_NOT_FOUND, "asset.unknown");

    cocos__rpc_call *call = NULL;
    assert_ok(cocos__rpc_call_start(ch, UPLOAD, NULL, 0, cocos_deadline_in(5000000000), NULL, &call,
                                    &err),
              err);
    send_header(call, KIND_D, 0, w.sets[0].digest, w.sets[0].size, 0);
    expect_refusal(call, COCOS_ERR_UNAUTHENTICATED, "auth.missing");
    cocos__rpc_meta junk = {COCOS__AUTH_KEY, "junk", 4};
    assert_ok(cocos__rpc_call_start(ch, UPLOAD, &junk, 1, cocos_deadline_in(5000000000), NULL,
                                    &call, &err),
              err);
    send_header(call, KIND_D, 0, w.sets[0].digest, w.sets[0].size, 0);
    expect_refusal(call, COCOS_ERR_UNAUTHENTICATED, "auth.form");
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

/* The same signed bytes once more. */
static cocos__rpc_call *send_again(cocos__rpc_channel *ch, const cocos__buf *auth)
{
    cocos__rpc_call *call = NULL;
    cocos_error *err = NULL;
    cocos__rpc_meta meta = {COCOS__AUTH_KEY, auth->data, auth->len};

    assert_ok(cocos__rpc_call_start(ch, UPLOAD, &meta, 1, cocos_deadline_in(5000000000), NULL,
                                    &call, &err),
              err);
    send_header(call, KIND_D, 0, w.sets[0].digest, w.sets[0].size, 0);
    return call;
}

START_TEST(refuses_a_replayed_request_here_and_on_another_connection)
{
    cocos_error *err = NULL;
    uint64_t received = 0;
    int complete = 0;
    uint8_t binding[32];
    cocos__buf auth;

    world_open(&w, SCRIPT, 5000);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    cocos__request rq = right_request(&w, ch, UPLOAD, "data-provider", binding);
    rq.kind = KIND_D;
    rq.has_index = rq.has_size = rq.has_offset = 1;
    rq.size = w.sets[0].size;
    memcpy(rq.digest, w.sets[0].digest, 32);
    spoil_nothing(&rq);
    cocos__buf_init(&auth, COCOS__AUTH_MAX);
    assert_ok(cocos__request_sign(w.data[0], &rq, &auth, &err), err);
    assert_ok(finish_upload(send_again(ch, &auth), &received, &complete, &err), err);
    expect_refusal(send_again(ch, &auth), COCOS_ERR_UNAUTHENTICATED, "auth.replay");
    cocos__rpc_channel *other = dial(&w);
    expect_refusal(send_again(other, &auth), COCOS_ERR_UNAUTHENTICATED, "auth.binding");
    cocos__buf_done(&auth);
    cocos__rpc_channel_close(other);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

START_TEST(closes_a_connection_that_has_signed_4096_requests)
{
    cocos_error *err = NULL;
    uint64_t received = 0;
    int complete = 0;

    world_open(&w, SCRIPT, 5000);
    give_manifest(&w, "c1", "");
    cocos__rpc_channel *ch = dial(&w);
    for (int i = 0; i < 4096; i++)
        assert_ok(status_of(&w, ch, w.data[1], KIND_D, 1, &received, &complete, &err), err);
    ck_assert_int_lt(status_of(&w, ch, w.data[1], KIND_D, 1, &received, &complete, &err), 0);
    cocos_error_free(err);
    err = NULL;
    for (int i = 0; i < 200 && cocos__rpc_channel_alive(ch); i++)
        usleep(10000);
    ck_assert(!cocos__rpc_channel_alive(ch));
    cocos__rpc_channel_close(ch);

    ch = dial(&w);
    assert_ok(status_of(&w, ch, w.data[1], KIND_D, 1, &received, &complete, &err), err);
    cocos__rpc_channel_close(ch);
    world_close(&w);
}
END_TEST

TEST_MAIN(upload,
          takes_assets_in_any_order_and_tells_the_states,
          resumes_an_upload_that_is_cut_two_hundred_times,
          goes_on_after_a_restart_of_the_agent,
          fences_the_older_of_two_uploads,
          tells_where_to_go_on_when_the_offset_is_wrong,
          wipes_what_does_not_have_the_digest_and_takes_it_anew,
          refuses_sizes_pieces_and_orders_that_cannot_be,
          takes_an_empty_asset,
          refuses_early_what_cannot_fit,
          keeps_what_fits_on_a_full_disk_and_goes_on_when_there_is_room,
          ends_uploads_when_the_computation_is_stopped,
          refuses_a_request_that_differs_in_any_row,
          refuses_wrong_keys_and_keys_of_another_asset,
          refuses_a_replayed_request_here_and_on_another_connection,
          closes_a_connection_that_has_signed_4096_requests)
