/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "suite.h"

static enum cocos__http_parse parse(const char *text, char path[COCOS__HTTP_PATH_MAX])
{
    return cocos__http_parse(text, strlen(text), path);
}

START_TEST(understands_get_and_head)
{
    char path[COCOS__HTTP_PATH_MAX];

    ck_assert_int_eq(parse("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", path), COCOS__HTTP_GET);
    ck_assert_str_eq(path, "/livez");
    ck_assert_int_eq(parse("HEAD /metrics?x=1 HTTP/1.0\r\n\r\n", path), COCOS__HTTP_HEAD);
    ck_assert_str_eq(path, "/metrics");
    ck_assert_int_eq(parse("POST / HTTP/1.1\r\n\r\n", path), COCOS__HTTP_OTHER);
}
END_TEST

START_TEST(waits_for_the_end_of_the_head)
{
    char path[COCOS__HTTP_PATH_MAX];
    const char text[] = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";

    for (size_t n = 0; n < sizeof text - 1; n++)
        ck_assert_msg(cocos__http_parse(text, n, path) == COCOS__HTTP_MORE, "%zu", n);
    ck_assert_int_eq(cocos__http_parse(text, sizeof text - 1, path), COCOS__HTTP_GET);
}
END_TEST

START_TEST(refuses_garbage_at_once)
{
    static const char *const bad[] = {
        "\x16\x03\x01\x02\r\n",
        "GET\r\n",
        "GET / \r\n",
        "GET /\r\n",
        "GET / HTTP/2.0\r\n",
        "GET / HTTP/1.9\r\n",
        "GET http://x/ HTTP/1.1\r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET /\x01 HTTP/1.1\r\n",
        " / HTTP/1.1\r\n",
        "G\x01T / HTTP/1.1\r\n",
        "GET / HTTP/1.1\n\n",
        "\r\n",
    };
    char path[COCOS__HTTP_PATH_MAX];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        ck_assert_msg(parse(bad[i], path) == COCOS__HTTP_BAD, "%s", bad[i]);
}
END_TEST

START_TEST(refuses_heads_and_paths_that_are_too_long)
{
    static char head[COCOS__HTTP_HEAD_MAX + 1];
    char path[COCOS__HTTP_PATH_MAX];

    memset(head, 'a', COCOS__HTTP_HEAD_MAX);
    ck_assert_int_eq(cocos__http_parse(head, COCOS__HTTP_HEAD_MAX, path), COCOS__HTTP_BAD);
    memcpy(head, "GET /", 5);
    memcpy(head + 400, " HTTP/1.1\r\n\r\n", 14);
    ck_assert_int_eq(parse(head, path), COCOS__HTTP_BAD);
}
END_TEST

/* ---- over a real socket ---- */

static int answer(void *user, const char *path, int *status, const char **type, cocos__buf *body)
{
    (void)user;
    (void)status;
    (void)type;
    if (strcmp(path, "/x") != 0)
        return 0;
    cocos__buf_add_str(body, "hello");
    return 1;
}

static int dial(const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void ask(const char *address, const char *request, char *reply, size_t size)
{
    int fd = dial(address);
    size_t n = 0;

    ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    for (ssize_t r; n < size - 1 && (r = read(fd, reply + n, size - 1 - n)) > 0;)
        n += (size_t)r;
    reply[n] = '\0';
    close(fd);
}

START_TEST(answers_while_silent_and_half_open_clients_hang_on)
{
    cocos__http *h = NULL;
    cocos_error *err = NULL;
    char reply[1024];
    int idle[20];

    assert_ok(cocos__http_start("127.0.0.1:0", answer, NULL, &h, &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(idle); i++) {
        idle[i] = dial(cocos__http_address(h));
        if (i % 2)
            ck_assert_int_eq(write(idle[i], "GET /x HT", 9), 9);
    }
    ask(cocos__http_address(h), "GET /x HTTP/1.1\r\n\r\n", reply, sizeof reply);
    ck_assert_ptr_eq(strstr(reply, "HTTP/1.1 200 OK\r\n"), reply);
    ck_assert_ptr_nonnull(strstr(reply, "Content-Length: 5\r\n"));
    ck_assert_ptr_nonnull(strstr(reply, "\r\n\r\nhello"));
    ask(cocos__http_address(h), "HEAD /x HTTP/1.1\r\n\r\n", reply, sizeof reply);
    ck_assert_ptr_null(strstr(reply, "hello"));
    ask(cocos__http_address(h), "GET /y HTTP/1.1\r\n\r\n", reply, sizeof reply);
    ck_assert_ptr_eq(strstr(reply, "HTTP/1.1 404 "), reply);
    ask(cocos__http_address(h), "DELETE /x HTTP/1.1\r\n\r\n", reply, sizeof reply);
    ck_assert_ptr_eq(strstr(reply, "HTTP/1.1 405 "), reply);
    ask(cocos__http_address(h), "\x16\x03\x01\r\n\r\n", reply, sizeof reply);
    ck_assert_ptr_eq(strstr(reply, "HTTP/1.1 400 "), reply);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(idle); i++)
        close(idle[i]);
    cocos__http_stop(h);
}
END_TEST

START_TEST(answers_at_once_in_a_full_house)
{
    cocos__http *h = NULL;
    cocos_error *err = NULL;
    char reply[1024];
    int idle[200];
    int64_t began = cocos__clock_mono_ns();

    assert_ok(cocos__http_start("127.0.0.1:0", answer, NULL, &h, &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(idle); i++)
        idle[i] = dial(cocos__http_address(h));
    ask(cocos__http_address(h), "GET /x HTTP/1.1\r\n\r\n", reply, sizeof reply);
    ck_assert_ptr_nonnull(strstr(reply, "hello"));
    ck_assert_int_lt(cocos__clock_mono_ns() - began, 4 * COCOS__NS_PER_S);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(idle); i++)
        close(idle[i]);
    cocos__http_stop(h);
}
END_TEST

START_TEST(listens_on_loopback_only)
{
    static const char *const bad[] = {"0.0.0.0:0",  "192.0.2.1:80", "127.0.0.1",
                                      "localhost:", "x:1",          "127.0.0.1:99999"};
    cocos__http *h = NULL;
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        assert_fails(cocos__http_start(bad[i], answer, NULL, &h, &err), COCOS_ERR_USAGE,
                     "manager.http", err);
}
END_TEST

TEST_MAIN(http,
          understands_get_and_head,
          waits_for_the_end_of_the_head,
          refuses_garbage_at_once,
          refuses_heads_and_paths_that_are_too_long,
          answers_while_silent_and_half_open_clients_hang_on,
          answers_at_once_in_a_full_house,
          listens_on_loopback_only)
