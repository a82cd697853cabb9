/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"

#define CONNECTIONS_MAX 32
#define LIFETIME_NS     (5 * COCOS__NS_PER_S)
#define BODY_MAX        (256u << 10)

struct client {
    int fd; /* -1: free */
    int64_t until_ns;
    char head[COCOS__HTTP_HEAD_MAX];
    size_t len;
    cocos__buf out; /* the answer, once there is one */
    size_t sent;
    int answered;
};

struct cocos__http {
    int listen_fd;
    int stop_fd;
    char address[64];
    cocos__http_fn fn;
    void *user;
    pthread_t thread;
    struct client clients[CONNECTIONS_MAX];
};

/* ---- request (RFC 9112 section 3) ---- */

static int is_token(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
}

static enum cocos__http_parse method_of(const char *line, size_t len)
{
    if (len == 3 && memcmp(line, "GET", 3) == 0)
        return COCOS__HTTP_GET;
    if (len == 4 && memcmp(line, "HEAD", 4) == 0)
        return COCOS__HTTP_HEAD;
    for (size_t i = 0; i < len; i++)
        if (!is_token(line[i]))
            return COCOS__HTTP_BAD;
    return len >= 1 && len <= 32 ? COCOS__HTTP_OTHER : COCOS__HTTP_BAD;
}

static int take_path(const char *target, size_t len, char path[COCOS__HTTP_PATH_MAX])
{
    const char *query = memchr(target, '?', len);
    size_t n = query ? (size_t)(query - target) : len;

    if (n == 0 || n >= COCOS__HTTP_PATH_MAX || target[0] != '/')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (target[i] <= 0x20 || target[i] >= 0x7f)
            return 0;
    memcpy(path, target, n);
    path[n] = '\0';
    return 1;
}

static enum cocos__http_parse
parse_line(const char *line, size_t len, char path[COCOS__HTTP_PATH_MAX])
{
    static const char version[] = " HTTP/1.";
    const size_t tail = sizeof version; /* and one digit */
    const char *space = memchr(line, ' ', len);

    if (!space || len < tail + 2 || memcmp(line + len - tail, version, tail - 1) != 0)
        return COCOS__HTTP_BAD;
    const char *end = line + len - tail;
    if (end <= space || (line[len - 1] != '0' && line[len - 1] != '1'))
        return COCOS__HTTP_BAD;

    enum cocos__http_parse method = method_of(line, (size_t)(space - line));
    if (method != COCOS__HTTP_BAD && !take_path(space + 1, (size_t)(end - space - 1), path))
        return COCOS__HTTP_BAD;
    return method;
}

enum cocos__http_parse
cocos__http_parse(const char *data, size_t len, char path[COCOS__HTTP_PATH_MAX])
{
    const char *line_end = memmem(data, len, "\r\n", 2);

    if (!line_end)
        return len >= COCOS__HTTP_HEAD_MAX || memchr(data, '\n', len) ? COCOS__HTTP_BAD
                                                                      : COCOS__HTTP_MORE;
    enum cocos__http_parse p = parse_line(data, (size_t)(line_end - data), path);
    if (p == COCOS__HTTP_BAD)
        return p;
    if (!memmem(data, len, "\r\n\r\n", 4))
        return len >= COCOS__HTTP_HEAD_MAX ? COCOS__HTTP_BAD : COCOS__HTTP_MORE;
    return p;
}

/* ---- answer ---- */

static const char *phrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    default:
        return "Service Unavailable";
    }
}

static void
answer(struct client *c, int status, const char *type, const cocos__buf *body, int with_body)
{
    cocos__buf_printf(&c->out,
                      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                      "%sCache-Control: no-store\r\nConnection: close\r\n\r\n",
                      status, phrase(status), type, body->len,
                      status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (with_body)
        cocos__buf_add(&c->out, body->data, body->len);
    c->answered = 1;
}

static void respond(cocos__http *h, struct client *c, enum cocos__http_parse p, const char *path)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf body = {0};
    const char *type = "text/plain; charset=utf-8";
    int status = 200;

    cocos__buf_init(&body, BODY_MAX);
    if (p == COCOS__HTTP_BAD)
        status = 400;
    else if (p == COCOS__HTTP_OTHER)
        status = 405;
    else if (!h->fn(h->user, path, &status, &type, &body))
        status = 404;
    if (body.len == 0)
        cocos__buf_printf(&body, "%s\n", phrase(status));
    answer(c, status, type, &body, p != COCOS__HTTP_HEAD);
}

/* ---- connections ---- */

static void drop(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    cocos__buf_done(&c->out);
}

/*
 * A free place. In a full house the oldest client gives way: those that ask at once have their
 * answer within one round, those that are silent must not keep them waiting.
 */
static struct client *find_place(cocos__http *h)
{
    struct client *oldest = &h->clients[0];

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct client *c = &h->clients[i];
        if (c->fd < 0)
            return c;
        if (c->until_ns < oldest->until_ns)
            oldest = c;
    }
    drop(oldest);
    return oldest;
}

static void accept_one(cocos__http *h)
{
    int fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    struct client *c = find_place(h);
    c->fd = fd;
    c->until_ns = cocos__clock_mono_ns() + LIFETIME_NS;
    c->len = c->sent = 0;
    c->answered = 0;
    cocos__buf_init(&c->out, BODY_MAX + 4096);
}

static void read_request(cocos__http *h, struct client *c)
{
    char path[COCOS__HTTP_PATH_MAX];
    ssize_t n = recv(c->fd, c->head + c->len, sizeof c->head - c->len, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(c);
        return;
    }
    c->len += (size_t)n;
    enum cocos__http_parse p = cocos__http_parse(c->head, c->len, path);
    if (p != COCOS__HTTP_MORE)
        respond(h, c, p, path);
}

static void write_answer(struct client *c)
{
    ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->sent += (size_t)n;
    if (n <= 0 || c->sent == c->out.len) {
        shutdown(c->fd, SHUT_WR);
        drop(c);
    }
}

static size_t collect(cocos__http *h,
                      struct pollfd fds[CONNECTIONS_MAX + 2],
                      struct client *of[CONNECTIONS_MAX + 2])
{
    size_t n = 2;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct client *c = &h->clients[i];
        if (c->fd >= 0 && cocos__clock_mono_ns() > c->until_ns)
            drop(c);
        if (c->fd < 0)
            continue;
        of[n] = c;
        fds[n++] = (struct pollfd){.fd = c->fd, .events = c->answered ? POLLOUT : POLLIN};
    }
    fds[0] = (struct pollfd){.fd = h->stop_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = h->listen_fd, .events = POLLIN};
    return n;
}

static void *run(void *user)
{
    cocos__http *h = user;
    struct pollfd fds[CONNECTIONS_MAX + 2];
    struct client *of[CONNECTIONS_MAX + 2];

    for (;;) {
        size_t n = collect(h, fds, of);
        if (poll(fds, n, n > 2 ? 500 : -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        for (size_t i = 2; i < n; i++) {
            if (!fds[i].revents)
                continue;
            if (of[i]->answered)
                write_answer(of[i]);
            else
                read_request(h, of[i]);
        }
        if (fds[1].revents)
            accept_one(h);
    }
}

/* ---- start and stop ---- */

static int parse_address(const char *address, struct sockaddr_in *a)
{
    char host[32];
    const char *colon = strrchr(address, ':');
    char *end;

    if (!colon || (size_t)(colon - address) >= sizeof host)
        return 0;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] == '\0' || *end != '\0' || port > 65535)
        return 0;
    memset(a, 0, sizeof *a);
    a->sin_family = AF_INET;
    a->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &a->sin_addr) ==
           1;
}

static int listen_on(cocos__http *h, struct sockaddr_in *a, const char *address, cocos_error **err)
{
    socklen_t len = sizeof *a;
    int one = 1;

    h->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (h->listen_fd < 0 ||
        setsockopt(h->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(h->listen_fd, (const struct sockaddr *)a, sizeof *a) < 0 ||
        listen(h->listen_fd, 64) < 0 || getsockname(h->listen_fd, (struct sockaddr *)a, &len) < 0)
        return cocos__fail_errno(err, errno, "manager.http", "cannot listen on %s", address);
    snprintf(h->address, sizeof h->address, "%s:%u", inet_ntoa(a->sin_addr),
             (unsigned)ntohs(a->sin_port));
    h->stop_fd = eventfd(0, EFD_CLOEXEC);
    return h->stop_fd < 0
               ? cocos__fail_errno(err, errno, "manager.http", "cannot make an event descriptor")
               : COCOS_OK;
}

static void release(cocos__http *h)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (h->clients[i].fd >= 0)
            drop(&h->clients[i]);
    if (h->listen_fd >= 0)
        close(h->listen_fd);
    if (h->stop_fd >= 0)
        close(h->stop_fd);
    free(h);
}

int cocos__http_start(
    const char *address, cocos__http_fn fn, void *user, cocos__http **ret, cocos_error **err)
{
    struct sockaddr_in a;

    /* Neither TLS nor clients are known here, so nobody but this machine may ask. */
    if (!parse_address(address, &a) || (ntohl(a.sin_addr.s_addr) >> 24) != 127)
        return cocos__fail(
            err, COCOS_ERR_USAGE, "manager.http",
            "http is \"%.64s\"; it must be a loopback address and a port, such as 127.0.0.1:7003",
            address);
    cocos__http *h = calloc(1, sizeof *h);
    if (!h)
        return cocos__fail_memory(err);
    h->listen_fd = h->stop_fd = -1;
    h->fn = fn;
    h->user = user;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        h->clients[i].fd = -1;
    int r = listen_on(h, &a, address, err);
    if (r == COCOS_OK)
        r = cocos__thread_start(&h->thread, "cocos-http", run, h, err);
    if (r < 0) {
        release(h);
        return r;
    }
    *ret = h;
    return COCOS_OK;
}

const char *cocos__http_address(const cocos__http *h)
{
    return h->address;
}

void cocos__http_stop(cocos__http *h)
{
    uint64_t one = 1;

    if (!h)
        return;
    (void)!write(h->stop_fd, &one, sizeof one);
    pthread_join(h->thread, NULL);
    release(h);
}
