/* SPDX-License-Identifier: Apache-2.0 */
/* All kinds of call over TLS and over a Unix socket. */
#include "fixture.h"

static struct fixture f;

static void unary(int tls)
{
    Cocos__V1__DescribeResponse *d = NULL;
    cocos_error *err = NULL;
    uint8_t exported[32];

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, tls);
    assert_ok(describe(ch, NULL, 0, &d, &err), err);
    if (tls) {
        assert_ok(cocos__conn_exporter(cocos__rpc_channel_conn(ch), "EXPORTER-test", NULL, 0,
                                       exported, 32, &err),
                  err);
        ck_assert_uint_eq(d->manifest_digest.len, 32);
        ck_assert_mem_eq(d->manifest_digest.data, exported, 32);
        ck_assert_str_eq(d->state, "-1");
    } else {
        ck_assert_int_eq(atoi(d->state), (int)getuid());
    }
    protobuf_c_message_free_unpacked(&d->base, NULL);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}

START_TEST(answers_a_unary_call_over_tls_with_equal_exporters)
{
    unary(1);
}
END_TEST

START_TEST(answers_a_unary_call_over_a_unix_socket_with_the_peer_uid)
{
    unary(0);
}
END_TEST

static void upload(int tls)
{
    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, tls);
    cocos__rpc_call *c = start_call(ch, UPLOAD, 30 * SECOND, NULL);
    ProtobufCMessage *answer = NULL;
    cocos_error *err = NULL;
    uint8_t head[16];
    size_t n = cocos__pb_bytes_head(head, 2, 1 << 20);

    for (int i = 0; i < 20; i++) {
        uint8_t *body = calloc(1, 1 << 20);
        assert_ok(cocos__rpc_send_parts(c, head, n, body, 1 << 20, free, body, &err), err);
    }
    assert_ok(cocos__rpc_send_end(c, &err), err);
    assert_ok(cocos__rpc_recv_pb(c, &cocos__v1__upload_response__descriptor, &answer, &err), err);
    ck_assert_uint_eq(((Cocos__V1__UploadResponse *)answer)->received, 20 << 20);
    protobuf_c_message_free_unpacked(answer, NULL);
    assert_ok(cocos__rpc_finish(c, &err), err);
    assert_ok(cocos__rpc_finish(c, &err), err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}

START_TEST(takes_a_client_stream_over_tls)
{
    upload(1);
}
END_TEST

START_TEST(takes_a_client_stream_over_a_unix_socket)
{
    upload(0);
}
END_TEST

static void download(int tls)
{
    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, tls);
    cocos__rpc_call *c = start_call(ch, DOWNLOAD, 30 * SECOND, NULL);
    Cocos__V1__DownloadRequest rq = COCOS__V1__DOWNLOAD_REQUEST__INIT;
    cocos__rpc_msg *m = NULL;
    cocos_error *err = NULL;
    unsigned count = 0;

    rq.offset = 40;
    rq.part = 300000;
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    assert_ok(cocos__rpc_send_end(c, &err), err);
    for (;;) {
        cocos__span data;
        assert_ok(cocos__rpc_recv(c, &m, &err), err);
        if (!m)
            break;
        ck_assert_int_eq(cocos__pb_only_bytes(cocos__rpc_msg_bytes(m), 2, &data), 1);
        ck_assert_uint_eq(data.len, 300000);
        ck_assert_uint_eq(data.data[299999], count);
        cocos__rpc_msg_free(m);
        m = NULL;
        count++;
    }
    ck_assert_uint_eq(count, 40);
    assert_ok(cocos__rpc_finish(c, &err), err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}

START_TEST(gives_a_server_stream_over_tls)
{
    download(1);
}
END_TEST

START_TEST(gives_a_server_stream_over_a_unix_socket)
{
    download(0);
}
END_TEST

static void *echo_sender(void *user)
{
    cocos__rpc_call *c = user;

    for (uint32_t i = 0; i < 2000; i++)
        ck_assert_int_eq(cocos__rpc_send(c, &i, sizeof i, NULL), COCOS_OK);
    ck_assert_int_eq(cocos__rpc_send_end(c, NULL), COCOS_OK);
    return NULL;
}

START_TEST(sends_and_receives_at_once_in_two_threads)
{
    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, ECHO, 30 * SECOND, NULL);
    cocos__rpc_msg *m = NULL;
    cocos_error *err = NULL;
    uint32_t next = 0;
    pthread_t t;

    pthread_create(&t, NULL, echo_sender, c);
    for (;;) {
        assert_ok(cocos__rpc_recv(c, &m, &err), err);
        if (!m)
            break;
        uint32_t got;
        ck_assert_uint_eq(cocos__rpc_msg_bytes(m).len, sizeof got);
        memcpy(&got, cocos__rpc_msg_bytes(m).data, sizeof got);
        ck_assert_uint_eq(got, next++);
        cocos__rpc_msg_free(m);
        m = NULL;
    }
    pthread_join(t, NULL);
    ck_assert_uint_eq(next, 2000);
    assert_ok(cocos__rpc_finish(c, &err), err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(passes_empty_messages)
{
    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, ECHO, 30 * SECOND, NULL);
    cocos__rpc_msg *m = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_send(c, "", 0, &err), err);
    assert_ok(cocos__rpc_recv(c, &m, &err), err);
    ck_assert_ptr_nonnull(m);
    ck_assert_uint_eq(cocos__rpc_msg_bytes(m).len, 0);
    cocos__rpc_msg_free(m);
    assert_ok(cocos__rpc_finish(c, &err), err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(carries_status_code_text_and_trailers_of_a_refusal)
{
    cocos__rpc_meta meta = {"wish", "refuse", 6};
    Cocos__V1__DescribeRequest rq = COCOS__V1__DESCRIBE_REQUEST__INIT;
    cocos__rpc_call *c = NULL;
    cocos__rpc_msg *m = NULL;
    cocos_error *err = NULL;
    size_t len = 0;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    assert_ok(cocos__rpc_call_start(ch, DESCRIBE, &meta, 1, 0, NULL, &c, &err), err);
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    assert_ok(cocos__rpc_send_end(c, &err), err);
    ck_assert_int_eq(cocos__rpc_recv(c, &m, &err), COCOS_ERR_STATE);
    ck_assert_str_eq(cocos_error_code(err), "test.refused");
    ck_assert_str_eq(cocos_error_message(err), "offset 0, expected 42");
    cocos_error_free(err);
    err = NULL;
    const uint8_t *v = cocos__rpc_metadata(c, "cocos-received", &len);
    ck_assert_ptr_nonnull(v);
    ck_assert_mem_eq(v, "42", 2);
    assert_fails(cocos__rpc_finish(c, &err), COCOS_ERR_STATE, "test.refused", err);
    cocos__rpc_call_free(c);
    assert_alive(ch);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(carries_binary_metadata_with_zero_bytes_both_ways)
{
    static const uint8_t blob[] = {0, 1, 2, 0, 255, 0};
    cocos__rpc_meta meta[2] = {{"blob-bin", blob, sizeof blob}, {"blob-bin", "x", 1}};
    Cocos__V1__DescribeRequest rq = COCOS__V1__DESCRIBE_REQUEST__INIT;
    cocos__rpc_call *c = NULL;
    cocos_error *err = NULL;
    size_t len = 0;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    assert_ok(cocos__rpc_call_start(ch, DESCRIBE, meta, 2, 0, NULL, &c, &err), err);
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    assert_ok(cocos__rpc_finish(c, &err), err);
    ck_assert_uint_eq(cocos__rpc_metadata_count(c, "blob-bin"), 1);
    ck_assert_mem_eq(cocos__rpc_metadata(c, "blob-bin", &len), blob, sizeof blob);
    ck_assert_uint_eq(len, sizeof blob);
    ck_assert_mem_eq(cocos__rpc_metadata(c, "greeting", &len), "hello", 5);
    ck_assert_ptr_null(cocos__rpc_metadata(c, "absent", &len));
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(answers_unknown_and_closed_methods_with_unimplemented)
{
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 0);
    cocos__rpc_call *c = start_call(ch, "/no.Such/Method", 10 * SECOND, NULL);
    assert_fails(cocos__rpc_finish(c, &err), COCOS_ERR_UNSUPPORTED, "rpc.unimplemented", err);
    cocos__rpc_call_free(c);
    c = start_call(ch, CLOSED, 10 * SECOND, NULL);
    ck_assert_int_eq(cocos__rpc_finish(c, &err), COCOS_ERR_UNSUPPORTED);
    ck_assert_str_eq(cocos_error_message(err), "served in compat mode only");
    cocos_error_free(err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(leaves_no_descriptor_behind)
{
    fixture_start(&f, NULL);
    fixture_stop(&f);
    size_t before = count_fds();
    for (int i = 0; i < 3; i++) {
        fixture_start(&f, NULL);
        for (int tls = 0; tls < 2; tls++) {
            cocos__rpc_channel *ch = open_channel(&f, tls);
            assert_alive(ch);
            cocos__rpc_channel_close(ch);
        }
        fixture_stop(&f);
    }
    size_t after = count_fds();
    for (int i = 0; i < 100 && after != before; i++) { /* gRPC closes its own in other threads */
        usleep(20000);
        after = count_fds();
    }
    ck_assert_uint_eq(after, before);
}
END_TEST

TEST_MAIN(calls,
          answers_a_unary_call_over_tls_with_equal_exporters,
          answers_a_unary_call_over_a_unix_socket_with_the_peer_uid,
          takes_a_client_stream_over_tls,
          takes_a_client_stream_over_a_unix_socket,
          gives_a_server_stream_over_tls,
          gives_a_server_stream_over_a_unix_socket,
          sends_and_receives_at_once_in_two_threads,
          passes_empty_messages,
          carries_status_code_text_and_trailers_of_a_refusal,
          carries_binary_metadata_with_zero_bytes_both_ways,
          answers_unknown_and_closed_methods_with_unimplemented,
          leaves_no_descriptor_behind)
