/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What listener.c relies on: gRPC names a call's connection "fd:N" only, and N stays taken as long
 * as a call of that connection lives, so that no later connection can be mistaken for it.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <grpc/support/alloc.h>

#include "base/clock.h"
#include "rpc/call.h"
#include "suite.h"

static atomic_int number = -1; /* N of the call that the handler holds */
static atomic_int gone;
static atomic_int release;

static int on_hold(cocos__rpc_call *call, void *user, cocos_error **err)
{
    char *peer = grpc_call_get_peer(call->call);
    int n = -1;

    (void)user;
    ck_assert_int_eq(sscanf(peer, "fd:%d", &n), 1);
    gpr_free(peer);
    atomic_store(&number, n);
    while (!cocos__rpc_call_gone(call))
        usleep(1000);
    atomic_store(&gone, 1);
    while (!atomic_load(&release))
        usleep(1000);
    return cocos__fail(err, COCOS_ERR_CANCELLED, "test.gone", "the client went");
}

static const cocos__rpc_method methods[] = {{"/test.Test/Hold", on_hold, NULL, 0}};

static void wait_for(atomic_int *flag, int at_least)
{
    for (int i = 0; i < 10000 && atomic_load(flag) < at_least; i++)
        usleep(1000);
    ck_assert_int_ge(atomic_load(flag), at_least);
}

/* The very socket that it was: the number alone could be another's by now. */
static ino_t inode_of(int fd)
{
    struct stat st = {0};

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void open_many(const char *address)
{
    cocos__rpc_channel *ch[8];
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(ch); i++)
        assert_ok(
            cocos__rpc_channel_open(&(cocos__rpc_channel_options){.target = address}, &ch[i], &err),
            err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(ch); i++)
        cocos__rpc_channel_close(ch[i]);
}

static void hold_the_number(const cocos__tls_config *server_tls,
                            const cocos__tls_config *client_tls)
{
    cocos__rpc_server_options o = {.methods = methods, .n_methods = 1};
    cocos__rpc_server *s = NULL;
    cocos__rpc_listener *l = NULL;
    cocos__rpc_channel *ch = NULL;
    cocos__rpc_call *c = NULL;
    cocos_error *err = NULL;

    atomic_store(&number, -1);
    atomic_store(&gone, 0);
    atomic_store(&release, 0);
    assert_ok(cocos__rpc_server_new(&o, &s, &err), err);
    assert_ok(cocos__rpc_server_listen(s, "127.0.0.1:0", server_tls, &l, &err), err);
    const char *address = cocos__rpc_listener_address(l);
    cocos__rpc_channel_options co = {.target = address, .tls = client_tls};
    assert_ok(cocos__rpc_channel_open(&co, &ch, &err), err);
    assert_ok(cocos__rpc_call_start(ch, methods[0].path, NULL, 0, 0, NULL, &c, &err), err);
    wait_for(&number, 0);
    ino_t inode = inode_of(atomic_load(&number));
    ck_assert_uint_ne(inode, 0);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    wait_for(&gone, 1);
    usleep(200000); /* time for gRPC to close what it wants to close */
    if (!server_tls)
        open_many(address);
    ck_assert_uint_eq(inode_of(atomic_load(&number)), inode);
    atomic_store(&release, 1);
    cocos__rpc_server_free(s);
}

START_TEST(keeps_the_descriptor_of_a_lost_plain_connection_while_its_call_lives)
{
    hold_the_number(NULL, NULL);
}
END_TEST

START_TEST(keeps_the_descriptor_of_a_lost_tls_connection_while_its_call_lives)
{
    cocos__buf cert;
    cocos__buf key;
    cocos__tls_config *server = NULL;
    cocos__tls_config *client = NULL;
    cocos_error *err = NULL;

    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    assert_ok(cocos__tls_self_signed("x", &cert, &key, &err), err);
    cocos__tls_options o = {.cert_pem = {cert.data, cert.len}, .key_pem = {key.data, key.len}};
    assert_ok(cocos__tls_config_server(&o, &server, &err), err);
    assert_ok(cocos__tls_config_client(&(cocos__tls_options){.insecure = 1}, &client, &err), err);
    hold_the_number(server, client);
    cocos__tls_config_unref(server);
    cocos__tls_config_unref(client);
    cocos__buf_done(&cert);
    cocos__buf_wipe_done(&key);
}
END_TEST

TEST_MAIN(identity,
          keeps_the_descriptor_of_a_lost_plain_connection_while_its_call_lives,
          keeps_the_descriptor_of_a_lost_tls_connection_while_its_call_lives)
