/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"

#define BACKLOG 256

static int bad_address(const char *text, const char *why, cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_USAGE, "net.address", "address \"%.200s\": %s", text, why);
}

static int parse_unix(const char *text, const char *path, cocos__net_address *a, cocos_error **err)
{
    if (strncmp(path, "//", 2) == 0)
        path += 2;
    if (path[0] != '/')
        return bad_address(text, "a socket's path must be absolute", err);
    if (strlen(path) >= sizeof a->path)
        return bad_address(text, "a socket's path has at most 107 bytes", err);
    a->kind = COCOS__NET_UNIX;
    strcpy(a->path, path);
    return COCOS_OK;
}

static int parse_fd(const char *text, const char *number, cocos__net_address *a, cocos_error **err)
{
    char *end = NULL;
    long n = strtol(number, &end, 10);

    if (end == number || *end || n < 3 || n > 1 << 20)
        return bad_address(text, "a descriptor is a number from 3 on", err);
    a->kind = COCOS__NET_FD;
    a->fd = (int)n;
    return COCOS_OK;
}

static int parse_tcp(const char *text, cocos__net_address *a, cocos_error **err)
{
    const char *host = text;
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    char *end = NULL;

    if (!colon)
        return bad_address(text, "expected host:port, unix:/path or fd:N", err);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len)) {
        return bad_address(text, "an IPv6 address needs brackets, as in [::1]:7002", err);
    }
    if (len >= sizeof a->host)
        return bad_address(text, "the host name is too long", err);

    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end || port > 65535)
        return bad_address(text, "the port must be a number up to 65535", err);
    a->kind = COCOS__NET_TCP;
    memcpy(a->host, host, len);
    snprintf(a->port, sizeof a->port, "%lu", port);
    return COCOS_OK;
}

int cocos__net_parse(const char *text, cocos__net_address *ret, cocos_error **err)
{
    cocos__net_address a = {.fd = -1};
    int r;

    if (!text || !*text)
        return bad_address("", "expected host:port, unix:/path or fd:N", err);
    if (strncmp(text, "unix:", 5) == 0)
        r = parse_unix(text, text + 5, &a, err);
    else if (strncmp(text, "fd:", 3) == 0)
        r = parse_fd(text, text + 3, &a, err);
    else
        r = parse_tcp(text, &a, err);
    if (r == COCOS_OK)
        *ret = a;
    return r;
}

int cocos__net_wait(int fd,
                    short events,
                    int64_t deadline_ns,
                    const cocos_cancel *cancel,
                    const char *what,
                    cocos_error **err)
{
    struct pollfd p[2] = {{.fd = fd, .events = events},
                          {.fd = cocos__cancel_fd(cancel), .events = POLLIN}};

    for (;;) {
        if (cocos_cancel_triggered(cancel))
            return cocos__fail(err, COCOS_ERR_CANCELLED, "net.cancelled", "%s was cancelled", what);
        int n = poll(p, 2, cocos__deadline_left_ms(deadline_ns));
        if (n < 0 && errno != EINTR)
            return cocos__fail_errno(err, errno, "net.wait", "%s", what);
        if (n > 0 && p[0].revents)
            return COCOS_OK;
        if (n == 0 && cocos__deadline_left_ns(deadline_ns) == 0)
            return cocos__fail(err, COCOS_ERR_TIMEOUT, "net.timeout", "%s did not end in time",
                               what);
    }
}

static int connect_one(const struct sockaddr *sa,
                       socklen_t len,
                       int64_t deadline_ns,
                       const cocos_cancel *cancel,
                       int *ret,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep)
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int e = 0;
    socklen_t e_len = sizeof e;

    if (fd < 0)
        return cocos__fail_errno(err, errno, "net.socket", "cannot make a socket");
    if (connect(fd, sa, len) < 0 && errno != EINPROGRESS) {
        e = errno;
    } else {
        int r = cocos__net_wait(fd, POLLOUT, deadline_ns, cancel, "connecting", err);
        if (r < 0)
            return r;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &e_len);
    }
    if (e != 0) {
        char reason[128];
        return cocos__fail(err, COCOS_ERR_IO, "net.connect", "%s",
                           strerror_r(e, reason, sizeof reason));
    }
    *ret = fd;
    fd = -1;
    return COCOS_OK;
}

static int connect_unix(const cocos__net_address *a,
                        int64_t deadline_ns,
                        const cocos_cancel *cancel,
                        int *ret,
                        cocos_error **err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    memcpy(sa.sun_path, a->path, sizeof sa.sun_path);
    return connect_one((struct sockaddr *)&sa, sizeof sa, deadline_ns, cancel, ret, err);
}

/* Name look-up blocks without a deadline, so it runs in a thread that may outlive its caller. */
struct lookup {
    pthread_mutex_t lock;
    int refs;
    int pipe[2];
    int result;
    struct addrinfo *list;
    char host[256];
    char port[16];
};

static void lookup_unref(struct lookup *l)
{
    pthread_mutex_lock(&l->lock);
    int last = --l->refs == 0;
    pthread_mutex_unlock(&l->lock);
    if (!last)
        return;
    if (l->list)
        freeaddrinfo(l->list);
    close(l->pipe[0]);
    if (l->pipe[1] >= 0)
        close(l->pipe[1]);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void *lookup_thread(void *user)
{
    struct lookup *l = user;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int e = getaddrinfo(l->host, l->port, &hints, &list);

    pthread_mutex_lock(&l->lock);
    l->result = e;
    l->list = list;
    close(l->pipe[1]);
    l->pipe[1] = -1;
    pthread_mutex_unlock(&l->lock);
    lookup_unref(l);
    return NULL;
}

static int lookup_start(const cocos__net_address *a, struct lookup **ret, cocos_error **err)
{
    struct lookup *l = calloc(1, sizeof *l);
    pthread_t t;

    if (!l)
        return cocos__fail_memory(err);
    if (pipe2(l->pipe, O_CLOEXEC) < 0) {
        free(l);
        return cocos__fail_errno(err, errno, "net.socket", "cannot make a pipe");
    }
    pthread_mutex_init(&l->lock, NULL);
    l->refs = 2;
    strcpy(l->host, a->host);
    strcpy(l->port, a->port);
    int r = cocos__thread_start(&t, "cocos-lookup", lookup_thread, l, err);
    if (r < 0) {
        l->refs = 1;
        lookup_unref(l);
        return r;
    }
    pthread_detach(t);
    *ret = l;
    return COCOS_OK;
}

static int resolve(const cocos__net_address *a,
                   int64_t deadline_ns,
                   const cocos_cancel *cancel,
                   struct addrinfo **ret,
                   cocos_error **err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct lookup *l = NULL;

    if (getaddrinfo(a->host, a->port, &hints, ret) == 0)
        return COCOS_OK;

    int r = lookup_start(a, &l, err);
    if (r < 0)
        return r;
    r = cocos__net_wait(l->pipe[0], POLLIN, deadline_ns, cancel, "looking up the host name", err);
    if (r == COCOS_OK) {
        pthread_mutex_lock(&l->lock);
        *ret = l->list;
        l->list = NULL;
        if (l->result != 0)
            r = cocos__fail(err, COCOS_ERR_IO, "net.resolve", "%s: %s", a->host,
                            gai_strerror(l->result));
        pthread_mutex_unlock(&l->lock);
    }
    lookup_unref(l);
    return r;
}

int cocos__net_connect(const cocos__net_address *a,
                       int64_t deadline_ns,
                       const cocos_cancel *cancel,
                       int *ret,
                       cocos_error **err)
{
    struct addrinfo *list = NULL;
    int left = 0;

    if (a->kind == COCOS__NET_UNIX)
        return connect_unix(a, deadline_ns, cancel, ret, err);
    if (a->kind != COCOS__NET_TCP || !a->host[0])
        return cocos__fail(err, COCOS_ERR_USAGE, "net.address", "a server's address needs a host");

    int r = resolve(a, deadline_ns, cancel, &list, err);
    if (r < 0)
        return r;
    cocos_error *last = NULL; /* *err stays untouched when a later address answers */
    r = cocos__fail(&last, COCOS_ERR_IO, "net.resolve", "%s has no address", a->host);
    for (struct addrinfo *i = list; i; i = i->ai_next)
        left++;
    for (struct addrinfo *i = list; i && r < 0 && !cocos_cancel_triggered(cancel);
         i = i->ai_next, left--) {
        /* One address that drops packets must not use up the time of the next. */
        int64_t share = cocos__deadline_left_ns(deadline_ns) / left;
        int64_t until = deadline_ns && left > 1 ? cocos__clock_mono_ns() + share : deadline_ns;
        r = connect_one(i->ai_addr, i->ai_addrlen, until, cancel, ret, &last);
    }
    freeaddrinfo(list);
    if (r == COCOS_OK) {
        cocos__net_tune(*ret);
        cocos_error_free(last);
    } else if (err) {
        cocos_error_free(*err);
        *err = last;
    } else {
        cocos_error_free(last);
    }
    return r;
}

/* A socket file that nobody listens on was left behind by a process that died. */
static void remove_dead_socket(const struct sockaddr_un *sa)
{
    struct stat st;

    if (lstat(sa->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    COCOS__CLEANUP(cocos__closep)
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) < 0 &&
        errno == ECONNREFUSED)
        unlink(sa->sun_path);
}

static int listen_unix(const cocos__net_address *a, int *ret, cocos_error **err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    memcpy(sa.sun_path, a->path, sizeof sa.sun_path);
    remove_dead_socket(&sa);
    COCOS__CLEANUP(cocos__closep)
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The mode before bind is the mode of the file: no moment in which others could connect. */
    if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
        listen(fd, BACKLOG) < 0)
        return cocos__fail_errno(err, errno, "net.listen", "cannot listen on unix:%s", a->path);
    *ret = fd;
    fd = -1;
    return COCOS_OK;
}

static int listen_one(const struct addrinfo *i)
{
    int one = 1;
    int fd = socket(i->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, i->ai_addr, i->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int e = errno;
        close(fd);
        errno = e;
        return -1;
    }
    return fd;
}

static int listen_tcp(const cocos__net_address *a, int *ret, cocos_error **err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    /* Without a host: "::", which takes IPv4 too, else "0.0.0.0" where there is no IPv6. */
    const char *hosts[] = {a->host[0] ? a->host : "::", a->host[0] ? NULL : "0.0.0.0"};
    int fd = -1;
    int e = 0;

    for (size_t n = 0; n < 2 && hosts[n] && fd < 0; n++) {
        int g = getaddrinfo(hosts[n], a->port, &hints, &list);
        if (g != 0)
            return cocos__fail(err, COCOS_ERR_IO, "net.resolve", "%s: %s", hosts[n],
                               gai_strerror(g));
        for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
            fd = listen_one(i);
            e = fd < 0 ? errno : 0;
        }
        freeaddrinfo(list);
    }
    if (fd < 0)
        return cocos__fail_errno(err, e, "net.listen", "cannot listen on %s:%s", a->host, a->port);
    *ret = fd;
    return COCOS_OK;
}

static int listen_fd(const cocos__net_address *a, int *ret, cocos_error **err)
{
    int listening = 0;
    socklen_t len = sizeof listening;

    if (getsockopt(a->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
        return cocos__fail(err, COCOS_ERR_USAGE, "net.listen",
                           "descriptor %d is not a listening socket", a->fd);
    fcntl(a->fd, F_SETFD, FD_CLOEXEC);
    fcntl(a->fd, F_SETFL, fcntl(a->fd, F_GETFL) | O_NONBLOCK);
    *ret = a->fd;
    return COCOS_OK;
}

int cocos__net_listen(const cocos__net_address *a, int *ret, cocos_error **err)
{
    switch (a->kind) {
    case COCOS__NET_UNIX:
        return listen_unix(a, ret, err);
    case COCOS__NET_FD:
        return listen_fd(a, ret, err);
    default:
        return listen_tcp(a, ret, err);
    }
}

void cocos__net_describe(int fd, int peer, char *out, size_t size)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;
    char host[INET6_ADDRSTRLEN] = "?";

    if ((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&sa, &len) < 0) {
        snprintf(out, size, "?");
    } else if (sa.ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&sa;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (sa.ss_family == AF_INET6) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)&sa;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(out, size, "[%s]:%u", host, ntohs(in->sin6_port));
    } else if (peer) {
        snprintf(out, size, "unix");
    } else {
        struct sockaddr_un *un = (struct sockaddr_un *)&sa;
        snprintf(out, size, "unix:%.107s", un->sun_path);
    }
}

void cocos__net_tune(int fd)
{
    int on = 1;
    int idle_s = 30;
    int interval_s = 10;
    int probes = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}
