/* SPDX-License-Identifier: Apache-2.0 */
/* Silent, slow and babbling clients, lost connections, and the end of a server with calls under
 * way. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "fixture.h"

static struct fixture f;

static int raw_tcp(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, "127.0.0.1", &sa.sin_addr);
    sa.sin_port = htons((uint16_t)atoi(strrchr(cocos__rpc_listener_address(f.tls), ':') + 1));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

static int raw_unix(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(sa.sun_path, f.unix_address + 5);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

/* 1 when the server closes within the time. */
static int is_closed_within(int fd, int seconds)
{
    struct timeval tv = {.tv_sec = seconds};
    char buf[4096];
    ssize_t n;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
        ;
    return n == 0 || errno == ECONNRESET;
}

static void both_alive(void)
{
    for (int tls = 0; tls < 2; tls++) {
        cocos__rpc_channel *ch = open_channel(&f, tls);
        assert_alive(ch);
        cocos__rpc_channel_close(ch);
    }
}

START_TEST(survives_garbage_on_both_kinds_of_listener)
{
    uint8_t junk[4096];
    uint32_t x = 7;

    fixture_start(&f, NULL);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof junk; i++) {
            x = x * 1664525u + 1013904223u;
            junk[i] = (uint8_t)(x >> 24);
        }
        int a = raw_tcp();
        int b = raw_unix();
        (void)!send(a, junk, sizeof junk, MSG_NOSIGNAL);
        (void)!send(b, junk, sizeof junk, MSG_NOSIGNAL);
        ck_assert(is_closed_within(a, 10));
        ck_assert(is_closed_within(b, 10));
        close(a);
        close(b);
    }
    both_alive();
    fixture_stop(&f);
}
END_TEST

START_TEST(closes_a_client_that_does_not_finish_the_handshake)
{
    cocos__rpc_server_options o = {.handshake_ns = SECOND / 4};

    fixture_start(&f, &o);
    int silent = raw_tcp();
    int slow = raw_tcp();
    (void)!send(slow, "\x16\x03\x01", 3, MSG_NOSIGNAL);
    both_alive();
    ck_assert(is_closed_within(silent, 5));
    ck_assert(is_closed_within(slow, 5));
    close(silent);
    close(slow);
    fixture_stop(&f);
}
END_TEST

START_TEST(closes_a_connection_without_calls_after_the_idle_time)
{
    cocos__rpc_server_options o = {.idle_ns = SECOND / 2};

    fixture_start(&f, &o);
    int silent = raw_unix();
    cocos__rpc_channel *ch = open_channel(&f, 1);
    assert_alive(ch);
    ck_assert(is_closed_within(silent, 10));
    for (int i = 0; i < 1000 && cocos__rpc_channel_alive(ch); i++)
        usleep(10000);
    ck_assert(!cocos__rpc_channel_alive(ch));
    close(silent);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(lets_a_good_client_in_while_silent_ones_hold_every_place)
{
    enum { MANY = 40 };
    cocos__rpc_server_options o = {.max_connections = 16, .handshake_ns = 60 * SECOND};
    int silent[MANY];

    fixture_start(&f, &o);
    for (int i = 0; i < MANY; i++)
        silent[i] = i % 2 ? raw_tcp() : raw_unix();
    usleep(300000); /* all places are taken now */
    both_alive();
    for (int i = 0; i < MANY; i++)
        close(silent[i]);
    fixture_stop(&f);
}
END_TEST

START_TEST(serves_100_connections_at_once)
{
    enum { MANY = 100 };
    static cocos__rpc_channel *ch[MANY];
    struct rlimit r;

    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max < 4096 ? r.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &r);
    fixture_start(&f, NULL);
    for (int i = 0; i < MANY; i++)
        ch[i] = open_channel(&f, i % 2);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < MANY; i++)
            assert_alive(ch[i]);
    for (int i = 0; i < MANY; i++)
        cocos__rpc_channel_close(ch[i]);
    fixture_stop(&f);
}
END_TEST

START_TEST(keeps_the_identities_of_connections_apart)
{
    cocos__rpc_channel *a = NULL;
    cocos__rpc_channel *b = NULL;
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    /* Connections come and go, so that descriptor numbers are used again and again. */
    for (int i = 0; i < 20; i++) {
        uint8_t exported[2][32];
        cocos__rpc_channel **both[2] = {&a, &b};
        for (int k = 0; k < 2; k++) {
            *both[k] = open_channel(&f, 1);
            assert_ok(cocos__conn_exporter(cocos__rpc_channel_conn(*both[k]), "EXPORTER-test", NULL,
                                           0, exported[k], 32, &err),
                      err);
        }
        for (int k = 1; k >= 0; k--) {
            Cocos__V1__DescribeResponse *d = NULL;
            assert_ok(describe(*both[k], NULL, 0, &d, &err), err);
            ck_assert_mem_eq(d->manifest_digest.data, exported[k], 32);
            protobuf_c_message_free_unpacked(&d->base, NULL);
        }
        cocos__rpc_channel_close(i % 2 ? a : b);
        cocos__rpc_channel_close(i % 2 ? b : a);
    }
    fixture_stop(&f);
}
END_TEST

/* A child that uploads until it is killed: the connection breaks in the middle of a message. */
static pid_t start_uploader(int tls)
{
    int ready[2];
    char c;

    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        cocos__rpc_channel *ch = open_channel(&f, tls);
        cocos__rpc_call *call = start_call(ch, UPLOAD, 60 * SECOND, NULL);
        uint8_t *data = calloc(1, 1 << 20);
        for (int i = 0;; i++) {
            if (cocos__rpc_send(call, data, 1 << 20, NULL) < 0)
                _exit(1);
            if (i == 8)
                (void)!write(ready[1], "x", 1);
        }
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

/* gRPC must not be started before the fork (grpc-core notes), so the server is a child, too. */
START_TEST(survives_clients_that_are_killed_in_the_middle_of_a_message)
{
    int status = 0;
    int address[2];
    int done[2];
    char line[160] = "";

    ck_assert_int_eq(pipe(address), 0);
    ck_assert_int_eq(pipe(done), 0);
    pid_t server = fork();
    if (server == 0) {
        char c;
        fixture_start(&f, NULL);
        (void)!write(address[1], &f, sizeof f); /* pointers in it are of no use to the parent */
        (void)!write(address[1], cocos__rpc_listener_address(f.tls), 160);
        (void)!read(done[0], &c, 1);
        both_alive();
        fixture_stop(&f);
        _exit(0);
    }
    ck_assert_int_eq(read(address[0], &f, sizeof f), (int)sizeof f);
    ck_assert_int_gt(read(address[0], line, sizeof line), 0);
    for (int i = 0; i < 4; i++) {
        pid_t client = start_uploader(0);
        kill(client, SIGKILL);
        waitpid(client, NULL, 0);
    }
    ck_assert_int_eq(write(done[1], "x", 1), 1);
    ck_assert_int_eq(waitpid(server, &status, 0), server);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(reports_a_lost_server_to_its_clients)
{
    cocos_error *err = NULL;
    cocos__rpc_msg *m = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, ECHO, 60 * SECOND, NULL);
    assert_ok(cocos__rpc_send(c, "x", 1, &err), err);
    assert_ok(cocos__rpc_recv(c, &m, &err), err);
    cocos__rpc_msg_free(m);
    cocos__rpc_listener_set_tls(f.tls, f.server_tls, 1);
    ck_assert_int_eq(cocos__rpc_recv(c, &m, &err), COCOS_ERR_IO);
    cocos_error_free(err);
    err = NULL;
    cocos__rpc_call_free(c);
    for (int i = 0; i < 500 && cocos__rpc_channel_alive(ch); i++)
        usleep(10000);
    ck_assert(!cocos__rpc_channel_alive(ch));
    cocos__rpc_channel_close(ch);
    both_alive();
    fixture_stop(&f);
}
END_TEST

START_TEST(uses_a_new_certificate_for_new_connections_only)
{
    cocos__buf cert;
    cocos__buf key;
    cocos__tls_config *fresh = NULL;
    cocos__rpc_channel *refused = NULL;
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    assert_ok(cocos__tls_self_signed("second", &cert, &key, &err), err);
    cocos__tls_options t = {.cert_pem = span_of(&cert), .key_pem = span_of(&key)};
    assert_ok(cocos__tls_config_server(&t, &fresh, &err), err);
    cocos__rpc_channel *old = open_channel(&f, 1);
    cocos__rpc_listener_set_tls(f.tls, fresh, 0);
    assert_alive(old);
    assert_fails(open_with(&f, f.client_tls, &refused, &err), COCOS_ERR_UNAUTHENTICATED, "tls.pin",
                 err);
    cocos__tls_config *pin = pinned(fresh, NULL, NULL);
    cocos__rpc_channel *ch = NULL;
    assert_ok(open_with(&f, pin, &ch, &err), err);
    assert_alive(ch);
    cocos__rpc_channel_close(ch);
    cocos__rpc_channel_close(old);
    cocos__tls_config_unref(pin);
    cocos__tls_config_unref(fresh);
    cocos__buf_done(&cert);
    cocos__buf_done(&key);
    fixture_stop(&f);
}
END_TEST

static void *shut_down_slowly(void *user)
{
    cocos__rpc_server_shutdown(user, cocos_deadline_in(20 * SECOND));
    return NULL;
}

START_TEST(lets_running_calls_end_before_a_graceful_shutdown)
{
    cocos_error *err = NULL;
    cocos__rpc_msg *m = NULL;
    pthread_t t;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, ECHO, 60 * SECOND, NULL);
    assert_ok(cocos__rpc_send(c, "a", 1, &err), err);
    assert_ok(cocos__rpc_recv(c, &m, &err), err);
    cocos__rpc_msg_free(m);
    pthread_create(&t, NULL, shut_down_slowly, f.server);
    usleep(100000);
    assert_ok(cocos__rpc_send(c, "b", 1, &err), err);
    assert_ok(cocos__rpc_recv(c, &m, &err), err);
    ck_assert_ptr_nonnull(m);
    cocos__rpc_msg_free(m);
    assert_ok(cocos__rpc_finish(c, &err), err);
    cocos__rpc_call_free(c);
    int64_t began = cocos__clock_mono_ns();
    pthread_join(t, NULL);
    ck_assert_int_lt(cocos__clock_mono_ns() - began, 5 * SECOND); /* not the whole deadline */
    ck_assert_int_eq(open_with(&f, f.client_tls, &(cocos__rpc_channel *){NULL}, &err),
                     COCOS_ERR_IO);
    cocos_error_free(err);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(cancels_running_calls_when_the_shutdown_deadline_passes)
{
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, WAIT, 60 * SECOND, NULL);
    assert_ok(cocos__rpc_send(c, "", 0, &err), err);
    wait_until(&f.waiter.entered);
    int64_t began = cocos__clock_mono_ns();
    cocos__rpc_server_shutdown(f.server, cocos_deadline_in(SECOND / 5));
    fixture_stop(&f);
    ck_assert_int_lt(cocos__clock_mono_ns() - began, 10 * SECOND);
    ck_assert_int_eq(atomic_load(&f.waiter.left), 1);
    ck_assert_int_lt(cocos__rpc_finish(c, &err), 0);
    cocos_error_free(err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
}
END_TEST

START_TEST(replaces_a_dead_socket_file_and_refuses_a_living_one)
{
    cocos__rpc_listener *l = NULL;
    cocos_error *err = NULL;
    char address[128];
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct stat st;

    fixture_start(&f, NULL);
    ck_assert_int_lt(cocos__rpc_server_listen(f.server, f.unix_address, NULL, &l, &err), 0);
    ck_assert_str_eq(cocos_error_code(err), "net.listen");
    cocos_error_free(err);
    err = NULL;
    snprintf(address, sizeof address, "%s2", f.unix_address);
    strcpy(sa.sun_path, address + 5);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(dead, (struct sockaddr *)&sa, sizeof sa), 0);
    close(dead);
    assert_ok(cocos__rpc_server_listen(f.server, address, NULL, &l, &err), err);
    ck_assert_int_eq(stat(sa.sun_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_str_eq(cocos__rpc_listener_address(l), address);
    fixture_stop(&f);
}
END_TEST

/* Some calls end in order, some are cancelled, some connections are cut. */
static void *come_and_go(void *user)
{
    uintptr_t seed = (uintptr_t)user;

    for (int i = 0; i < 25; i++) {
        cocos__rpc_channel *ch = NULL;
        cocos_error *err = NULL;
        if (open_with(&f, (seed + (unsigned)i) % 2 ? f.client_tls : NULL, &ch, &err) < 0) {
            cocos_error_free(err); /* cut in the handshake */
            continue;
        }
        cocos__rpc_call *c = start_call(ch, i % 3 ? ECHO : UPLOAD, 20 * SECOND, NULL);
        cocos__rpc_msg *m = NULL;
        (void)cocos__rpc_send(c, "x", 1, NULL);
        if (i % 3 && cocos__rpc_recv(c, &m, NULL) == COCOS_OK)
            cocos__rpc_msg_free(m);
        if (i % 4 == 1)
            cocos__rpc_cancel(c);
        if (i % 5)
            (void)cocos__rpc_finish(c, NULL);
        cocos__rpc_call_free(c);
        cocos__rpc_channel_close(ch);
    }
    return NULL;
}

START_TEST(survives_many_clients_that_come_and_go_at_once)
{
    pthread_t t[6];

    fixture_start(&f, NULL);
    for (uintptr_t i = 0; i < COCOS__ARRAY_LEN(t); i++)
        pthread_create(&t[i], NULL, come_and_go, (void *)i);
    for (int i = 0; i < 20; i++) {
        cocos__rpc_listener_set_tls(f.tls, f.server_tls, i % 2);
        usleep(20000);
    }
    for (size_t i = 0; i < COCOS__ARRAY_LEN(t); i++)
        pthread_join(t[i], NULL);
    both_alive();
    fixture_stop(&f);
}
END_TEST

static atomic_int quit_calling;

static void *call_until_refused(void *user)
{
    cocos__rpc_channel *ch = user;
    Cocos__V1__DescribeResponse *d = NULL;

    while (!atomic_load(&quit_calling) && describe(ch, NULL, 0, &d, NULL) == COCOS_OK)
        protobuf_c_message_free_unpacked(&d->base, NULL);
    return NULL;
}

START_TEST(ends_while_calls_keep_arriving)
{
    cocos__rpc_channel *ch[4];
    pthread_t t[4];

    fixture_start(&f, NULL);
    for (int i = 0; i < 4; i++) {
        ch[i] = open_channel(&f, i % 2);
        pthread_create(&t[i], NULL, call_until_refused, ch[i]);
    }
    usleep(100000);
    int64_t began = cocos__clock_mono_ns();
    cocos__rpc_server_shutdown(f.server, cocos_deadline_in(5 * SECOND));
    fixture_stop(&f);
    ck_assert_int_lt(cocos__clock_mono_ns() - began, 15 * SECOND);
    atomic_store(&quit_calling, 1);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        cocos__rpc_channel_close(ch[i]);
    }
}
END_TEST

TEST_MAIN(hostile,
          survives_garbage_on_both_kinds_of_listener,
          closes_a_client_that_does_not_finish_the_handshake,
          closes_a_connection_without_calls_after_the_idle_time,
          lets_a_good_client_in_while_silent_ones_hold_every_place,
          serves_100_connections_at_once,
          keeps_the_identities_of_connections_apart,
          survives_clients_that_are_killed_in_the_middle_of_a_message,
          reports_a_lost_server_to_its_clients,
          uses_a_new_certificate_for_new_connections_only,
          lets_running_calls_end_before_a_graceful_shutdown,
          cancels_running_calls_when_the_shutdown_deadline_passes,
          survives_many_clients_that_come_and_go_at_once,
          ends_while_calls_keep_arriving,
          replaces_a_dead_socket_file_and_refuses_a_living_one)
