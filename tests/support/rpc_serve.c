/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with one method, health and reflection, for checks by foreign clients:
 * `rpc-serve UNIX_PATH` also listens with TLS, prints both addresses and ends with its stdin.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cocos/v1/agent.pb-c.h"
#include "rpc/rpc.h"

static int on_describe(cocos__rpc_call *call, void *user, cocos_error **err)
{
    Cocos__V1__DescribeResponse answer = COCOS__V1__DESCRIBE_RESPONSE__INIT;
    ProtobufCMessage *m = NULL;
    int r = cocos__rpc_recv_pb(call, &cocos__v1__describe_request__descriptor, &m, err);

    (void)user;
    if (r < 0 || !m)
        return r;
    protobuf_c_message_free_unpacked(m, NULL);
    answer.state = "ReceivingManifest";
    return cocos__rpc_send_pb(call, &answer.base, err);
}

static const cocos__rpc_method methods[] = {{"/cocos.v1.Agent/Describe", on_describe, NULL, 0}};
static const char *const services[] = {"agent", NULL};

static int serve(const char *path, cocos_error **err)
{
    cocos__rpc_server_options o = {
        .methods = methods, .n_methods = 1, .health = services, .reflection = 1};
    COCOS__CLEANUP(cocos__rpc_server_freep) cocos__rpc_server *s = NULL;
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *tls = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf cert;
    COCOS__CLEANUP(cocos__buf_wipe_done) cocos__buf key;
    cocos__rpc_listener *l = NULL;
    char address[160];
    char c;

    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    snprintf(address, sizeof address, "unix:%s", path);
    int r = cocos__tls_self_signed("rpc-serve", &cert, &key, err);
    if (r == COCOS_OK)
        r = cocos__tls_config_server(&(cocos__tls_options){.cert_pem = {cert.data, cert.len},
                                                           .key_pem = {key.data, key.len}},
                                     &tls, err);
    if (r == COCOS_OK)
        r = cocos__rpc_server_new(&o, &s, err);
    if (r == COCOS_OK)
        r = cocos__rpc_server_listen(s, address, NULL, NULL, err);
    if (r == COCOS_OK)
        r = cocos__rpc_server_listen(s, "127.0.0.1:0", tls, &l, err);
    if (r < 0)
        return r;
    printf("%s\n%s\n", address, cocos__rpc_listener_address(l));
    fflush(stdout);
    while (read(0, &c, 1) > 0)
        ;
    cocos__rpc_server_shutdown(s, cocos_deadline_in(COCOS__NS_PER_S));
    return COCOS_OK;
}

int main(int argc, char **argv)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;

    if (argc == 2 && serve(argv[1], &err) == COCOS_OK)
        return 0;
    fprintf(stderr, "rpc-serve: %s\n", cocos_error_message(err));
    return 1;
}
