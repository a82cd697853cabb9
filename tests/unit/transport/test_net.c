/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/net.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "suite.h"

#define SECOND COCOS__NS_PER_S

START_TEST(reads_every_form_of_address)
{
    cocos__net_address a;
    cocos_error *err = NULL;

    assert_ok(cocos__net_parse("localhost:7002", &a, &err), err);
    ck_assert_int_eq(a.kind, COCOS__NET_TCP);
    ck_assert_str_eq(a.host, "localhost");
    ck_assert_str_eq(a.port, "7002");
    assert_ok(cocos__net_parse("[::1]:0", &a, &err), err);
    ck_assert_str_eq(a.host, "::1");
    ck_assert_str_eq(a.port, "0");
    assert_ok(cocos__net_parse(":65535", &a, &err), err);
    ck_assert_str_eq(a.host, "");
    assert_ok(cocos__net_parse("unix:/run/a.sock", &a, &err), err);
    ck_assert_int_eq(a.kind, COCOS__NET_UNIX);
    ck_assert_str_eq(a.path, "/run/a.sock");
    assert_ok(cocos__net_parse("unix:///run/a.sock", &a, &err), err);
    ck_assert_str_eq(a.path, "/run/a.sock");
    assert_ok(cocos__net_parse("fd:3", &a, &err), err);
    ck_assert_int_eq(a.kind, COCOS__NET_FD);
    ck_assert_int_eq(a.fd, 3);
}
END_TEST

START_TEST(refuses_what_is_no_address)
{
    static const char *const bad[] = {
        "",           "host",    "host:",    "host:x", "host:-1",    "host:65536",
        "host:7002x", "host: 1", "::1:7002", "unix:",  "unix:run/a", "unix://run/a",
        "fd:",        "fd:x",    "fd:1",     "fd:-3",  "fd:3x",
    };
    char longest[400];
    cocos__net_address a = {.fd = 77};
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        assert_fails(cocos__net_parse(bad[i], &a, &err), COCOS_ERR_USAGE, "net.address", err);
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "unix:/", 6);
    longest[6 + 107] = '\0';
    assert_fails(cocos__net_parse(longest, &a, &err), COCOS_ERR_USAGE, "net.address", err);
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 256, ":1", 3);
    assert_fails(cocos__net_parse(longest, &a, &err), COCOS_ERR_USAGE, "net.address", err);
    assert_fails(cocos__net_parse(NULL, &a, &err), COCOS_ERR_USAGE, "net.address", err);
    ck_assert_int_eq(a.fd, 77); /* untouched */
}
END_TEST

START_TEST(connects_to_what_listens)
{
    cocos__net_address a;
    cocos_error *err = NULL;
    char shown[160];
    int l = -1;
    int fd = -1;

    assert_ok(cocos__net_parse("localhost:0", &a, &err), err);
    assert_ok(cocos__net_listen(&a, &l, &err), err);
    cocos__net_describe(l, 0, shown, sizeof shown);
    assert_ok(cocos__net_parse(shown, &a, &err), err);
    assert_ok(cocos__net_connect(&a, cocos_deadline_in(5 * SECOND), NULL, &fd, &err), err);
    close(fd);
    /* By name: one of its addresses answers, the others may refuse. */
    strcpy(a.host, "localhost");
    assert_ok(cocos__net_connect(&a, cocos_deadline_in(5 * SECOND), NULL, &fd, &err), err);
    ck_assert_ptr_null(err);
    close(fd);
    close(l);
    assert_fails(cocos__net_connect(&a, cocos_deadline_in(5 * SECOND), NULL, &fd, &err),
                 COCOS_ERR_IO, "net.connect", err);
}
END_TEST

START_TEST(says_that_a_name_has_no_address)
{
    cocos__net_address a = {.kind = COCOS__NET_TCP, .host = "no-such-host.invalid", .port = "1"};
    cocos_error *err = NULL;
    int fd = -1;

    int r = cocos__net_connect(&a, cocos_deadline_in(10 * SECOND), NULL, &fd, &err);
    ck_assert(r == COCOS_ERR_IO || r == COCOS_ERR_TIMEOUT);
    ck_assert(strcmp(cocos_error_code(err), "net.resolve") == 0 || r == COCOS_ERR_TIMEOUT);
    cocos_error_free(err);
}
END_TEST

START_TEST(takes_a_listening_descriptor_and_no_other)
{
    cocos__net_address a = {.kind = COCOS__NET_FD};
    cocos_error *err = NULL;
    int l = -1;
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    a.fd = pair[0];
    assert_fails(cocos__net_listen(&a, &l, &err), COCOS_ERR_USAGE, "net.listen", err);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

TEST_MAIN(net,
          reads_every_form_of_address,
          refuses_what_is_no_address,
          connects_to_what_listens,
          says_that_a_name_has_no_address,
          takes_a_listening_descriptor_and_no_other)
