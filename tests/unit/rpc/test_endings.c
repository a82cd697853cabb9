/* SPDX-License-Identifier: Apache-2.0 */
/* A handler can tell the end of a stream from the loss of its client. */
#include "fixture.h"

static struct fixture f;
static atomic_int in_order;
static atomic_int lost;
static atomic_int wrong;

static int on_stream(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos__rpc_msg *m = NULL;
    int r;

    (void)user;
    while ((r = cocos__rpc_recv(call, &m, err)) == COCOS_OK && m) {
        cocos__rpc_msg_free(m);
        m = NULL;
    }
    if (r == COCOS_OK)
        atomic_fetch_add(&in_order, 1);
    else if (r == COCOS_ERR_CANCELLED)
        atomic_fetch_add(&lost, 1);
    else
        atomic_fetch_add(&wrong, 1);
    return r;
}

static const cocos__rpc_method stream_methods[] = {{"/test.Test/Stream", on_stream, NULL, 0}};

static void one_call(cocos__rpc_channel *ch, int end)
{
    cocos__rpc_call *c = start_call(ch, "/test.Test/Stream", 20 * SECOND, NULL);

    ck_assert_int_eq(cocos__rpc_send(c, "abc", 3, NULL), COCOS_OK);
    if (end)
        ck_assert_int_eq(cocos__rpc_finish(c, NULL), COCOS_OK);
    cocos__rpc_call_free(c); /* without the end: cancels */
}

START_TEST(tells_the_end_of_a_stream_from_a_client_that_went)
{
    enum { ROUNDS = 150 };
    cocos__rpc_server_options o = {.methods = stream_methods, .n_methods = 1};
    cocos__rpc_server *s = NULL;
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    char address[128];
    snprintf(address, sizeof address, "%s2", f.unix_address);
    assert_ok(cocos__rpc_server_new(&o, &s, &err), err);
    assert_ok(cocos__rpc_server_listen(s, address, NULL, NULL, &err), err);
    for (int i = 0; i < ROUNDS; i++) {
        cocos__rpc_channel *ch = NULL;
        assert_ok(
            cocos__rpc_channel_open(&(cocos__rpc_channel_options){.target = address}, &ch, &err),
            err);
        one_call(ch, 1);
        one_call(ch, 0);
        cocos__rpc_channel_close(ch);
    }
    cocos__rpc_server_free(s);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_int_eq(atomic_load(&in_order), ROUNDS);
    /* A call that was cancelled before its handler ran does not reach one. */
    ck_assert_int_le(atomic_load(&lost), ROUNDS);
    ck_assert_int_gt(atomic_load(&lost), 0);
    fixture_stop(&f);
}
END_TEST

TEST_MAIN(endings, tells_the_end_of_a_stream_from_a_client_that_went)
