/* SPDX-License-Identifier: Apache-2.0 */
/* Attested and direct clients on one port, and what becomes of the direct ones. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "attest_maker.h"
#include "fixture.h"

#include "grpc/health/v1/health.pb-c.h"

static struct fixture f;
static enclave host;

static const cocos__attest_options attester = {.make = enclave_make, .user = &host};
static const cocos__attest_options party = {.judge = enclave_judge, .user = &host};

static void start(const cocos__rpc_server_options *wanted)
{
    cocos__rpc_server_options o = wanted ? *wanted : (cocos__rpc_server_options){0};

    enclave_init(&host);
    o.attest = &attester;
    fixture_start(&f, &o);
}

static void stop(void)
{
    fixture_stop(&f);
    enclave_done(&host);
}

static int
open_attested(const cocos__attest_options *attest, cocos__rpc_channel **ret, cocos_error **err)
{
    cocos__rpc_channel_options o = {
        .target = cocos__rpc_listener_address(f.tls),
        .tls = f.client_tls,
        .attest = attest,
        .deadline_ns = cocos_deadline_in(20 * SECOND),
    };

    return cocos__rpc_channel_open(&o, ret, err);
}

static cocos__rpc_channel *attested_channel(void)
{
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    assert_ok(open_attested(&party, &ch, &err), err);
    return ch;
}

/* What the handler knows of the connection. */
static void assert_seen(cocos__rpc_channel *ch, const char *expected)
{
    Cocos__V1__DescribeResponse *d = NULL;
    cocos_error *err = NULL;

    assert_ok(describe(ch, NULL, 0, &d, &err), err);
    ck_assert_str_eq(d->version, expected);
    protobuf_c_message_free_unpacked(&d->base, NULL);
}

static int echo_once(cocos__rpc_channel *ch, cocos_error **err)
{
    cocos__rpc_call *c = start_call(ch, ECHO, 20 * SECOND, NULL);
    cocos__rpc_msg *m = NULL;

    int r = cocos__rpc_send(c, "x", 1, err);
    if (r == COCOS_OK)
        r = cocos__rpc_send_end(c, err);
    if (r == COCOS_OK)
        r = cocos__rpc_recv(c, &m, err);
    cocos__rpc_msg_free(m);
    if (r == COCOS_OK)
        r = cocos__rpc_finish(c, err);
    cocos__rpc_call_free(c);
    return r;
}

static int check_health(cocos__rpc_channel *ch, cocos_error **err)
{
    Grpc__Health__V1__HealthCheckRequest rq = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;

    int r = cocos__rpc_unary(ch, "/grpc.health.v1.Health/Check", NULL, 0, &rq.base,
                             &grpc__health__v1__health_check_response__descriptor,
                             cocos_deadline_in(20 * SECOND), NULL, &answer, err);
    if (r == COCOS_OK)
        protobuf_c_message_free_unpacked(answer, NULL);
    return r;
}

static void assert_ends(cocos__rpc_channel *ch)
{
    for (int i = 0; i < 2000 && cocos__rpc_channel_alive(ch); i++)
        usleep(10000);
    ck_assert(!cocos__rpc_channel_alive(ch));
}

START_TEST(tells_attested_and_direct_clients_of_one_port_apart)
{
    start(NULL);
    cocos__rpc_channel *attested = attested_channel();
    cocos__rpc_channel *direct = open_channel(&f, 1);
    cocos__rpc_channel *local = open_channel(&f, 0);

    assert_seen(attested, "attested");
    assert_seen(direct, "direct");
    assert_seen(local, "direct");
    ck_assert_int_eq(cocos__conn_attested(cocos__rpc_channel_conn(attested)), 1);
    ck_assert_int_eq(cocos__conn_attested(cocos__rpc_channel_conn(direct)), 0);
    ck_assert_int_eq(atomic_load(&host.made), 1);
    cocos__rpc_channel_close(attested);
    cocos__rpc_channel_close(direct);
    cocos__rpc_channel_close(local);
    stop();
}
END_TEST

START_TEST(attests_anew_on_every_connection_with_large_evidence_too)
{
    start(NULL);
    host.log_bytes = 2u << 20;
    for (int i = 1; i <= 3; i++) {
        cocos__rpc_channel *ch = attested_channel();
        assert_seen(ch, "attested");
        ck_assert_int_eq(atomic_load(&host.made), i);
        ck_assert_int_eq(atomic_load(&host.judged), i);
        cocos__rpc_channel_close(ch);
    }
    stop();
}
END_TEST

START_TEST(serves_only_health_and_describe_directly_where_attestation_is_required)
{
    cocos_error *err = NULL;

    start(NULL);
    cocos__rpc_channel *attested = attested_channel();
    cocos__rpc_listener_require_attested(f.tls, 1);
    cocos__rpc_channel *a = open_channel(&f, 1);
    cocos__rpc_channel *b = open_channel(&f, 1);
    cocos__rpc_channel *c = open_channel(&f, 1);

    assert_fails(echo_once(a, &err), COCOS_ERR_STATE, "rpc.attested", err);
    assert_ok(check_health(b, &err), err);
    assert_seen(c, "direct");
    /* Each of them closes behind its call; the attested one stays. */
    assert_ends(a);
    assert_ends(b);
    assert_ends(c);
    assert_ok(echo_once(attested, &err), err);
    cocos__rpc_listener_require_attested(f.tls, 0);
    cocos__rpc_channel *d = open_channel(&f, 1);
    assert_ok(echo_once(d, &err), err);
    cocos__rpc_channel_close(a);
    cocos__rpc_channel_close(b);
    cocos__rpc_channel_close(c);
    cocos__rpc_channel_close(d);
    cocos__rpc_channel_close(attested);
    stop();
}
END_TEST

START_TEST(ends_earlier_direct_connections_when_attestation_becomes_required)
{
    cocos_error *err = NULL;

    start(NULL);
    cocos__rpc_channel *attested = attested_channel();
    cocos__rpc_channel *direct = open_channel(&f, 1);
    cocos__rpc_channel *local = open_channel(&f, 0);
    cocos__rpc_call *echo = start_call(direct, ECHO, 20 * SECOND, NULL);
    cocos__rpc_msg *m = NULL;
    assert_ok(cocos__rpc_send(echo, "x", 1, &err), err);
    assert_ok(cocos__rpc_recv(echo, &m, &err), err); /* the handler runs */
    cocos__rpc_msg_free(m);

    cocos__rpc_listener_require_attested(f.tls, 1);
    assert_fails(cocos__rpc_finish(echo, &err), COCOS_ERR_IO, "tls.lost", err);
    assert_ends(direct);
    assert_ok(echo_once(attested, &err), err);
    assert_ok(echo_once(local, &err), err); /* another listener */
    cocos__rpc_call_free(echo);
    cocos__rpc_channel_close(attested);
    cocos__rpc_channel_close(direct);
    cocos__rpc_channel_close(local);
    stop();
}
END_TEST

START_TEST(ends_a_direct_connection_that_stays_silent_where_attestation_is_required)
{
    cocos__rpc_server_options o = {.handshake_ns = SECOND / 2};

    start(&o);
    cocos__rpc_listener_require_attested(f.tls, 1);
    cocos__rpc_channel *direct = open_channel(&f, 1);
    assert_ends(direct);
    cocos__rpc_channel_close(direct);
    stop();
}
END_TEST

START_TEST(sends_nothing_when_the_judge_refuses)
{
    enclave other;
    cocos__attest_options strict = {.judge = enclave_judge, .user = &other};
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    start(NULL);
    enclave_init(&other); /* trusts other hardware */
    assert_fails(open_attested(&strict, &ch, &err), COCOS_ERR_REJECTED, "test.rejected", err);
    ck_assert_ptr_null(ch);
    ck_assert_str_eq(other.refusal, "signature");
    ck_assert_int_eq(atomic_load(&host.made), 1);
    assert_seen(ch = attested_channel(), "attested");
    cocos__rpc_channel_close(ch);
    enclave_done(&other);
    stop();
}
END_TEST

START_TEST(refuses_a_server_that_does_not_attest_and_a_channel_without_tls)
{
    cocos__rpc_channel_options local = {.target = f.unix_address, .attest = &party};
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    enclave_init(&host);
    fixture_start(&f, NULL);
    /* Its gRPC meets no preface of HTTP/2 and answers with frames of its own, or closes. */
    ck_assert_int_lt(open_attested(&party, &ch, &err), 0);
    ck_assert(strcmp(cocos_error_code(err), "atls.frame") == 0 ||
              strcmp(cocos_error_code(err), "tls.lost") == 0);
    cocos_error_free(err);
    err = NULL;
    assert_fails(cocos__rpc_channel_open(&local, &ch, &err), COCOS_ERR_USAGE, "atls.connection",
                 err);
    stop();
}
END_TEST

static void *open_and_describe(void *user)
{
    cocos__rpc_channel **ret = user;

    *ret = attested_channel();
    assert_seen(*ret, "attested");
    return NULL;
}

START_TEST(lets_nobody_else_wait_while_evidence_is_slow)
{
    cocos__rpc_channel *slow = NULL;
    cocos_error *err = NULL;
    pthread_t t;

    start(NULL);
    cocos__rpc_channel *before = attested_channel();
    atomic_store(&host.closed, 1);
    pthread_create(&t, NULL, open_and_describe, &slow);
    wait_until(&host.waiting);
    assert_ok(echo_once(before, &err), err);
    cocos__rpc_channel *direct = open_channel(&f, 1);
    assert_ok(echo_once(direct, &err), err);
    atomic_store(&host.closed, 0);
    pthread_join(t, NULL);
    cocos__rpc_channel_close(before);
    cocos__rpc_channel_close(direct);
    cocos__rpc_channel_close(slow);
    stop();
}
END_TEST

START_TEST(closes_when_evidence_cannot_be_made_and_harms_nobody_else)
{
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    start(NULL);
    cocos__rpc_channel *before = attested_channel();
    host.reason = "the device does not answer";
    for (int i = 0; i < 5; i++)
        assert_fails(open_attested(&party, &ch, &err), COCOS_ERR_IO, "tls.lost", err);
    assert_ok(echo_once(before, &err), err);
    host.reason = NULL;
    ch = attested_channel();
    assert_seen(ch, "attested");
    cocos__rpc_channel_close(ch);
    cocos__rpc_channel_close(before);
    stop();
}
END_TEST

START_TEST(gives_up_after_the_deadline_when_the_server_is_silent)
{
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    start(NULL);
    atomic_store(&host.closed, 1);
    cocos__rpc_channel_options o = {
        .target = cocos__rpc_listener_address(f.tls),
        .tls = f.client_tls,
        .attest = &party,
        .deadline_ns = cocos_deadline_in(SECOND),
    };
    assert_fails(cocos__rpc_channel_open(&o, &ch, &err), COCOS_ERR_TIMEOUT, "net.timeout", err);
    atomic_store(&host.closed, 0);
    stop();
}
END_TEST

static int raw_connect(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(cocos__rpc_listener_address(f.tls), ':');
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    sa.sin_port = htons((uint16_t)atoi(colon + 1));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

START_TEST(lets_a_good_client_in_beside_2000_half_open_handshakes)
{
    enum { MANY = 2000 };
    cocos__rpc_server_options o = {.max_connections = 128, .handshake_ns = 120 * SECOND};
    struct rlimit r;
    static int silent[MANY];

    getrlimit(RLIMIT_NOFILE, &r);
    if (r.rlim_max < MANY + 1000)
        return; /* as many as this cannot be made here */
    r.rlim_cur = MANY + 1000;
    setrlimit(RLIMIT_NOFILE, &r);
    start(&o);
    cocos__rpc_channel *before = attested_channel();
    for (int i = 0; i < MANY; i++) {
        silent[i] = raw_connect();
        if (i % 3 == 0) /* the head of a ClientHello that never comes */
            (void)!send(silent[i], "\x16\x03\x01\x02\x00\x01\x00\x01", 8, MSG_NOSIGNAL);
        if (i % 250 == 249) {
            cocos__rpc_channel *ch = attested_channel();
            assert_seen(ch, "attested");
            cocos__rpc_channel_close(ch);
        }
    }
    assert_seen(before, "attested");
    for (int i = 0; i < MANY; i++)
        close(silent[i]);
    cocos__rpc_channel_close(before);
    stop();
}
END_TEST

TEST_MAIN(attested,
          tells_attested_and_direct_clients_of_one_port_apart,
          attests_anew_on_every_connection_with_large_evidence_too,
          serves_only_health_and_describe_directly_where_attestation_is_required,
          ends_earlier_direct_connections_when_attestation_becomes_required,
          ends_a_direct_connection_that_stays_silent_where_attestation_is_required,
          sends_nothing_when_the_judge_refuses,
          refuses_a_server_that_does_not_attest_and_a_channel_without_tls,
          lets_nobody_else_wait_while_evidence_is_slow,
          closes_when_evidence_cannot_be_made_and_harms_nobody_else,
          gives_up_after_the_deadline_when_the_server_is_silent,
          lets_a_good_client_in_beside_2000_half_open_handshakes)
