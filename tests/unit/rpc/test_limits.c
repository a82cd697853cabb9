/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, cancellation, sizes and numbers: what a server grants and where it stops. */
#include "fixture.h"

static struct fixture f;

START_TEST(ends_a_call_at_its_deadline_on_both_sides)
{
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    int64_t began = cocos__clock_mono_ns();
    cocos__rpc_call *c = start_call(ch, WAIT, SECOND / 5, NULL);
    assert_ok(cocos__rpc_send(c, "", 0, &err), err);
    assert_fails(cocos__rpc_finish(c, &err), COCOS_ERR_TIMEOUT, "rpc.deadline", err);
    ck_assert_int_lt(cocos__clock_mono_ns() - began, 5 * SECOND);
    wait_until(&f.waiter.left);
    cocos__rpc_call_free(c);
    assert_alive(ch);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

static void *trigger_soon(void *user)
{
    wait_until(&f.waiter.entered);
    cocos_cancel_trigger(user);
    return NULL;
}

START_TEST(is_cancelled_from_another_thread)
{
    cocos_error *err = NULL;
    cocos__rpc_msg *m = NULL;
    pthread_t t;

    fixture_start(&f, NULL);
    cocos_cancel *cancel = cocos_cancel_new();
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, WAIT, 60 * SECOND, cancel);
    assert_ok(cocos__rpc_send(c, "", 0, &err), err);
    pthread_create(&t, NULL, trigger_soon, cancel);
    assert_fails(cocos__rpc_recv(c, &m, &err), COCOS_ERR_CANCELLED, "rpc.cancelled", err);
    pthread_join(t, NULL);
    wait_until(&f.waiter.left);
    cocos__rpc_call_free(c);
    c = start_call(ch, WAIT, 60 * SECOND, cancel); /* triggered already: ends at once */
    assert_fails(cocos__rpc_finish(c, &err), COCOS_ERR_CANCELLED, "rpc.cancelled", err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    cocos_cancel_free(cancel);
    fixture_stop(&f);
}
END_TEST

START_TEST(tells_a_handler_that_its_client_vanished)
{
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 0);
    cocos__rpc_call *c = start_call(ch, WAIT, 60 * SECOND, NULL);
    assert_ok(cocos__rpc_send(c, "", 0, &err), err);
    wait_until(&f.waiter.entered);
    cocos__rpc_call_free(c); /* not finished: cancels */
    wait_until(&f.waiter.left);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

/* One message of `size` bytes to an echo that takes 1 MiB. */
static int echo_size(cocos__rpc_channel *ch, size_t size, cocos_error **err)
{
    cocos__rpc_call *c = start_call(ch, ECHO, 30 * SECOND, NULL);
    uint8_t *data = calloc(1, size);
    cocos__rpc_msg *m = NULL;
    int r = cocos__rpc_send(c, data, size, err);

    free(data);
    if (r == COCOS_OK)
        r = cocos__rpc_recv(c, &m, err);
    if (r == COCOS_OK) {
        ck_assert_ptr_nonnull(m);
        ck_assert_uint_eq(cocos__rpc_msg_bytes(m).len, size);
        cocos__rpc_msg_free(m);
        r = cocos__rpc_finish(c, err);
    }
    cocos__rpc_call_free(c);
    return r;
}

START_TEST(refuses_a_message_one_byte_over_the_limit_of_its_method)
{
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    assert_ok(echo_size(ch, 1 << 20, &err), err);
    assert_fails(echo_size(ch, (1 << 20) + 1, &err), COCOS_ERR_EXHAUSTED, "rpc.message.size", err);
    assert_fails(echo_size(ch, 3 << 20, &err), COCOS_ERR_EXHAUSTED, "rpc.message.size", err);
    assert_alive(ch);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(refuses_an_answer_over_the_limit_of_the_channel)
{
    cocos_error *err = NULL;
    cocos__rpc_channel *ch = NULL;
    cocos__rpc_msg *m = NULL;
    Cocos__V1__DownloadRequest rq = COCOS__V1__DOWNLOAD_REQUEST__INIT;

    fixture_start(&f, NULL);
    cocos__rpc_channel_options o = {.target = f.unix_address, .max_message = 1000};
    assert_ok(cocos__rpc_channel_open(&o, &ch, &err), err);
    cocos__rpc_call *c = start_call(ch, DOWNLOAD, 30 * SECOND, NULL);
    rq.offset = 1;
    rq.part = 1001;
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    assert_fails(cocos__rpc_recv(c, &m, &err), COCOS_ERR_EXHAUSTED, "rpc.message.size", err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

static int describe_with(cocos__rpc_channel *ch, size_t size, cocos_error **err)
{
    Cocos__V1__DescribeResponse *d = NULL;
    uint8_t *blob = malloc(size);
    cocos__rpc_meta meta = {"big-bin", blob, size};

    memset(blob, 0xa5, size);
    int r = describe(ch, &meta, 1, &d, err);
    if (r == COCOS_OK)
        protobuf_c_message_free_unpacked(&d->base, NULL);
    free(blob);
    return r;
}

START_TEST(takes_16_kib_of_metadata_and_refuses_what_exceeds_the_limit)
{
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    assert_ok(describe_with(ch, 16 * 1024, &err), err);
    assert_fails(describe_with(ch, 80 * 1024, &err), COCOS_ERR_EXHAUSTED, "rpc.metadata.size", err);
    /* gRPC ends the connection of such a client; all others go on. */
    cocos__rpc_channel *other = open_channel(&f, 1);
    assert_alive(other);
    cocos__rpc_channel_close(other);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(refuses_calls_beyond_the_servers_limit)
{
    cocos__rpc_server_options o = {.max_calls = 2};
    cocos__rpc_call *held[2];
    cocos_error *err = NULL;
    Cocos__V1__DescribeResponse *d = NULL;

    fixture_start(&f, &o);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_channel *other = open_channel(&f, 0);
    for (int i = 0; i < 2; i++) {
        cocos__rpc_msg *m = NULL;
        held[i] = start_call(ch, ECHO, 60 * SECOND, NULL);
        assert_ok(cocos__rpc_send(held[i], "x", 1, &err), err);
        assert_ok(cocos__rpc_recv(held[i], &m, &err), err);
        cocos__rpc_msg_free(m);
    }
    assert_fails(describe(other, NULL, 0, &d, &err), COCOS_ERR_EXHAUSTED, "rpc.calls", err);
    for (int i = 0; i < 2; i++) {
        assert_ok(cocos__rpc_finish(held[i], &err), err);
        cocos__rpc_call_free(held[i]);
    }
    /* The client learns of the end a moment before the server has counted it. */
    int r = COCOS_ERR_EXHAUSTED;
    for (int i = 0; i < 200 && r == COCOS_ERR_EXHAUSTED; i++) {
        cocos_error_free(err);
        err = NULL;
        r = describe(other, NULL, 0, &d, &err);
        usleep(5000);
    }
    assert_ok(r, err);
    protobuf_c_message_free_unpacked(&d->base, NULL);
    cocos__rpc_channel_close(ch);
    cocos__rpc_channel_close(other);
    fixture_stop(&f);
}
END_TEST

static cocos__rpc_call *start_echo(cocos__rpc_channel *ch, const char *word)
{
    cocos__rpc_call *c = start_call(ch, ECHO, 60 * SECOND, NULL);
    cocos__rpc_msg *m = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_send(c, word, strlen(word), &err), err);
    assert_ok(cocos__rpc_recv(c, &m, &err), err);
    cocos__rpc_msg_free(m);
    return c;
}

START_TEST(lets_the_oldest_call_of_a_stranger_give_way_but_none_of_a_client_that_is_known)
{
    cocos__rpc_server_options o = {.max_strangers = 2};
    cocos__rpc_call *call[5];
    cocos_error *err = NULL;

    fixture_start(&f, &o);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    call[0] = start_echo(ch, KNOWN);
    for (int i = 1; i < 5; i++)
        call[i] = start_echo(ch, "x");
    for (int i = 1; i < 3; i++)
        assert_fails(cocos__rpc_finish(call[i], &err), COCOS_ERR_CANCELLED, "rpc.cancelled", err);
    for (int i = 0; i < 5; i += i == 0 ? 3 : 1)
        assert_ok(cocos__rpc_finish(call[i], &err), err);
    for (int i = 0; i < 5; i++)
        cocos__rpc_call_free(call[i]);
    for (int i = 0; i < 20; i++) /* those that end make room themselves */
        assert_alive(ch);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(makes_further_calls_of_a_connection_wait)
{
    cocos__rpc_server_options o = {.max_calls_per_conn = 1};
    cocos_error *err = NULL;

    fixture_start(&f, &o);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *held = start_call(ch, ECHO, 60 * SECOND, NULL);
    cocos__rpc_msg *m = NULL;
    assert_ok(cocos__rpc_send(held, "x", 1, &err), err);
    assert_ok(cocos__rpc_recv(held, &m, &err), err);
    cocos__rpc_msg_free(m);
    cocos__rpc_call *late = start_call(ch, ECHO, SECOND / 4, NULL);
    assert_fails(cocos__rpc_finish(late, &err), COCOS_ERR_TIMEOUT, "rpc.deadline", err);
    cocos__rpc_call_free(late);
    assert_ok(cocos__rpc_finish(held, &err), err);
    cocos__rpc_call_free(held);
    assert_alive(ch);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(refuses_metadata_that_grpc_does_not_allow)
{
    cocos__rpc_meta meta = {"Upper Case", "x", 1};
    Cocos__V1__DescribeResponse *d = NULL;
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 0);
    assert_fails(describe(ch, &meta, 1, &d, &err), COCOS_ERR_USAGE, "rpc.call", err);
    assert_alive(ch);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(refuses_requests_that_do_not_parse)
{
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 0);
    cocos__rpc_call *c = start_call(ch, DESCRIBE, 10 * SECOND, NULL);
    assert_ok(cocos__rpc_send(c, "\xff\xff\xff", 3, &err), err);
    assert_fails(cocos__rpc_finish(c, &err), COCOS_ERR_MALFORMED, "rpc.message", err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

TEST_MAIN(limits,
          ends_a_call_at_its_deadline_on_both_sides,
          is_cancelled_from_another_thread,
          tells_a_handler_that_its_client_vanished,
          refuses_a_message_one_byte_over_the_limit_of_its_method,
          refuses_an_answer_over_the_limit_of_the_channel,
          takes_16_kib_of_metadata_and_refuses_what_exceeds_the_limit,
          refuses_calls_beyond_the_servers_limit,
          lets_the_oldest_call_of_a_stranger_give_way_but_none_of_a_client_that_is_known,
          makes_further_calls_of_a_connection_wait,
          refuses_metadata_that_grpc_does_not_allow,
          refuses_requests_that_do_not_parse)
