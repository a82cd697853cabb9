/* SPDX-License-Identifier: Apache-2.0 */
/* The pump between TLS and the socket pair: every byte, in both directions at once, and how ends
 * are told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "suite.h"
#include "transport/conn.h"

#define SECOND COCOS__NS_PER_S
#define TOTAL  (8u << 20)

/* One end: connection, plaintext descriptor, the pump's thread. */
struct end {
    cocos__conn *conn;
    cocos__tls_config *config;
    int server;
    int plain;
    pthread_t pump;
};

static struct end ends[2];

static void *run_end(void *user)
{
    struct end *e = user;

    cocos__conn_run(e->conn, e->server);
    return NULL;
}

static void *shake_end(void *user)
{
    struct end *e = user;
    cocos_error *err = NULL;

    assert_ok(
        cocos__conn_handshake(e->conn, e->config, "x", cocos_deadline_in(20 * SECOND), NULL, &err),
        err);
    return NULL;
}

static void connect_ends(void)
{
    cocos__buf cert;
    cocos__buf key;
    cocos_error *err = NULL;
    pthread_t t;
    int pair[2];

    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    assert_ok(cocos__tls_self_signed("x", &cert, &key, &err), err);
    cocos__tls_options o = {.cert_pem = {cert.data, cert.len}, .key_pem = {key.data, key.len}};
    assert_ok(cocos__tls_config_server(&o, &ends[0].config, &err), err);
    assert_ok(cocos__tls_config_client(&(cocos__tls_options){.insecure = 1}, &ends[1].config, &err),
              err);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    for (int i = 0; i < 2; i++)
        assert_ok(cocos__conn_new(pair[i], &ends[i].conn, &err), err);
    ends[0].server = 1;
    pthread_create(&t, NULL, shake_end, &ends[0]);
    shake_end(&ends[1]);
    pthread_join(t, NULL);
    for (int i = 0; i < 2; i++) {
        assert_ok(cocos__conn_plaintext_fd(ends[i].conn, &ends[i].plain, &err), err);
        pthread_create(&ends[i].pump, NULL, run_end, &ends[i]);
    }
    cocos__buf_done(&cert);
    cocos__buf_wipe_done(&key);
}

static void join_ends(void)
{
    for (int i = 0; i < 2; i++) {
        pthread_join(ends[i].pump, NULL);
        ck_assert_int_eq(cocos__conn_ended(ends[i].conn), 1);
        cocos__conn_unref(ends[i].conn);
        cocos__tls_config_unref(ends[i].config);
    }
}

static uint8_t byte_at(size_t i, unsigned seed)
{
    return (uint8_t)((i * 2654435761u + seed) >> 13);
}

struct flow {
    int from;
    int to;
    unsigned seed;
};

static void wait_fd(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    ck_assert_int_gt(poll(&p, 1, 20000), 0);
}

static void *write_flow(void *user)
{
    struct flow *f = user;
    uint8_t buf[70000];

    for (size_t at = 0; at < TOTAL;) {
        size_t n = 1 + at % 65537; /* pieces of many sizes */
        n = n < TOTAL - at ? n : TOTAL - at;
        for (size_t i = 0; i < n; i++)
            buf[i] = byte_at(at + i, f->seed);
        ssize_t w = send(f->from, buf, n, MSG_NOSIGNAL);
        if (w < 0 && errno == EAGAIN)
            wait_fd(f->from, POLLOUT);
        else
            ck_assert_int_gt(w, 0);
        at += w > 0 ? (size_t)w : 0;
    }
    return NULL;
}

static void *read_flow(void *user)
{
    struct flow *f = user;
    uint8_t buf[50000];

    for (size_t at = 0; at < TOTAL;) {
        ssize_t r = recv(f->to, buf, sizeof buf, 0);
        if (r < 0 && errno == EAGAIN) {
            wait_fd(f->to, POLLIN);
            continue;
        }
        ck_assert_int_gt(r, 0);
        size_t wrong = 0; /* asserted once a piece: an assertion is a system call */
        for (ssize_t i = 0; i < r; i++)
            wrong += buf[i] != byte_at(at + (size_t)i, f->seed);
        ck_assert_uint_eq(wrong, 0);
        at += (size_t)r;
    }
    return NULL;
}

static int is_eof(int fd)
{
    char c;

    wait_fd(fd, POLLIN);
    return recv(fd, &c, 1, 0) == 0;
}

START_TEST(carries_every_byte_both_ways_at_once_and_ends_in_order)
{
    pthread_t t[4];
    connect_ends();
    struct flow flows[2] = {{ends[0].plain, ends[1].plain, 1}, {ends[1].plain, ends[0].plain, 2}};

    for (int i = 0; i < 2; i++) {
        pthread_create(&t[i], NULL, write_flow, &flows[i]);
        pthread_create(&t[2 + i], NULL, read_flow, &flows[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    close(ends[1].plain);
    ck_assert(is_eof(ends[0].plain));
    close(ends[0].plain);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(cocos__conn_loss(ends[i].conn, NULL), COCOS_OK);
    join_ends();
}
END_TEST

START_TEST(delivers_what_was_sent_right_before_the_end)
{
    char buf[100000];
    size_t got = 0;
    ssize_t n;

    connect_ends();
    memset(buf, 'x', sizeof buf);
    ck_assert_int_eq(send(ends[0].plain, buf, sizeof buf, 0), sizeof buf);
    close(ends[0].plain);
    for (wait_fd(ends[1].plain, POLLIN); (n = recv(ends[1].plain, buf, sizeof buf, 0)) != 0;) {
        if (n < 0)
            wait_fd(ends[1].plain, POLLIN);
        got += n > 0 ? (size_t)n : 0;
    }
    ck_assert_uint_eq(got, sizeof buf);
    close(ends[1].plain);
    join_ends();
}
END_TEST

START_TEST(reports_an_end_without_closing_message_as_loss)
{
    cocos_error *err = NULL;

    connect_ends();
    cocos__conn_kill(ends[0].conn); /* like a cut cable: no close_notify */
    ck_assert(is_eof(ends[1].plain));
    close(ends[1].plain);
    close(ends[0].plain);
    pthread_join(ends[1].pump, NULL);
    ends[1].pump = pthread_self();
    assert_fails(cocos__conn_loss(ends[1].conn, &err), COCOS_ERR_IO, "tls.lost", err);
    pthread_join(ends[0].pump, NULL);
    for (int i = 0; i < 2; i++) {
        cocos__conn_unref(ends[i].conn);
        cocos__tls_config_unref(ends[i].config);
    }
}
END_TEST

/* A peer that stops reading stops us, not the memory: the writer is held back at last. */
START_TEST(holds_a_writer_back_while_nobody_reads)
{
    static uint8_t block[65536];
    size_t sent = 0;
    int idle = 0;

    connect_ends();
    while (idle < 20 && sent < (64u << 20)) {
        ssize_t n = send(ends[0].plain, block, sizeof block, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        if (n < 0)
            usleep(10000);
    }
    ck_assert_uint_lt(sent, 8u << 20); /* the buffers of all layers, no more */
    for (int i = 0; i < 2; i++)
        cocos__conn_kill(ends[i].conn);
    close(ends[0].plain);
    close(ends[1].plain);
    join_ends();
}
END_TEST

TEST_MAIN(pump,
          carries_every_byte_both_ways_at_once_and_ends_in_order,
          delivers_what_was_sent_right_before_the_end,
          reports_an_end_without_closing_message_as_loss,
          holds_a_writer_back_while_nobody_reads)
