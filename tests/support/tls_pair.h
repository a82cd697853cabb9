/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_TLS_PAIR_H
#define COCOS_TESTS_TLS_PAIR_H

/* Both ends of one TLS connection in this process, after the handshake and before anything else. */

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "pki.h"
#include "transport/conn.h"
#include "transport/internal.h"

typedef struct tls_pair {
    cocos__conn *server;
    cocos__conn *client;
} tls_pair;

struct tls_pair_shake {
    cocos__conn *conn;
    const cocos__tls_config *config;
    int result;
};

static inline void *tls_pair_shake(void *user)
{
    struct tls_pair_shake *s = user;

    s->result = cocos__conn_handshake(s->conn, s->config, "localhost",
                                      cocos__clock_mono_ns() + 20 * COCOS__NS_PER_S, NULL, NULL);
    return NULL;
}

static inline tls_pair tls_pair_open(const cocos__tls_config *server,
                                     const cocos__tls_config *client)
{
    struct tls_pair_shake ends[2] = {{.config = server}, {.config = client}};
    pthread_t t;
    int fd[2];

    PKI_NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    for (int i = 0; i < 2; i++)
        PKI_NEED(cocos__conn_new(fd[i], &ends[i].conn, NULL) == COCOS_OK);
    PKI_NEED(pthread_create(&t, NULL, tls_pair_shake, &ends[0]) == 0);
    tls_pair_shake(&ends[1]);
    pthread_join(t, NULL);
    PKI_NEED(ends[0].result == COCOS_OK && ends[1].result == COCOS_OK);
    return (tls_pair){ends[0].conn, ends[1].conn};
}

static inline void tls_pair_close(tls_pair *p)
{
    cocos__conn_unref(p->server);
    cocos__conn_unref(p->client);
}

/* Trusts whoever answers. */
static inline cocos__tls_config *tls_pair_client_config(void)
{
    cocos__tls_config *c = NULL;

    PKI_NEED(cocos__tls_config_client(&(cocos__tls_options){.insecure = 1}, &c, NULL) == COCOS_OK);
    return c;
}

static inline cocos__conn_wait tls_pair_wait(void)
{
    return (cocos__conn_wait){.deadline_ns = cocos__clock_mono_ns() + 20 * COCOS__NS_PER_S,
                              .what = "a test"};
}

#endif
