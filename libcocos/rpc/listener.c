/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets and their connections. gRPC's own listeners cannot carry our TLS nor tell the
 * peer's uid, so sockets are accepted here and handed over one by one. One thread accepts and
 * watches plain connections; each TLS connection has a thread, for handshake and pump.
 *
 * Which connection a call came by: gRPC knows only the name "fd:N". N cannot be taken by a new
 * connection while a call of the old one lives, since a call keeps its transport and the transport
 * its descriptor open; so looking N up when the call arrives finds the right one or none.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <grpc/support/alloc.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"
#include "rpc/server.h"
#include "transport/conn.h"
#include "transport/net.h"

#define EVENTS          16
#define FDS_RESERVED    64 /* of the process, for everything but connections */
#define FDS_PER_LINK    4  /* network, socket pair, and what a call opens */
#define ACCEPT_PAUSE_NS (50 * COCOS__NS_PER_MS)
#define OUSTED_MAX      16               /* connections beyond the limit that are ending */
#define SOON_NS         COCOS__NS_PER_MS /* for some of them to end */
#define FULL_NS         (250 * COCOS__NS_PER_MS)
#define LEAVE_NS        COCOS__NS_PER_S /* for the answer to the last call of a direct connection */

/* ---- Table of connections ---- */

/* More connections than descriptors would starve the rest of the process. */
static size_t max_links(const cocos__rpc_server *s)
{
    struct rlimit r;
    size_t max = s->o.max_connections;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY) {
        size_t fds =
            r.rlim_cur > FDS_RESERVED * 2 ? (size_t)r.rlim_cur - FDS_RESERVED : FDS_RESERVED;
        max = fds / FDS_PER_LINK < max ? fds / FDS_PER_LINK : max;
    }
    return max;
}

static void link_add(cocos__rpc_link *l)
{
    cocos__rpc_server *s = l->server;
    COCOS__LOCKED(&s->lock);

    l->next = s->links;
    if (s->links)
        s->links->prev = l;
    s->links = l;
    s->n_links++;
}

static void link_remove(cocos__rpc_link *l)
{
    cocos__rpc_server *s = l->server;

    pthread_mutex_lock(&s->lock);
    *(l->prev ? &l->prev->next : &s->links) = l->next;
    if (l->next)
        l->next->prev = l->prev;
    pthread_mutex_unlock(&s->lock);

    cocos__tls_config_unref(l->tls);
    cocos__conn_unref(l->conn);
    free(l);

    /* Counted last: whoever waits for zero frees the server. */
    pthread_mutex_lock(&s->lock);
    s->n_links--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static int is_direct_only(const cocos__rpc_link *l)
{
    return l->listener->attested_only && !cocos__conn_attested(l->conn);
}

cocos__conn *cocos__rpc_link_find(cocos__rpc_server *s, grpc_call *call, int *direct_only)
{
    char *peer = grpc_call_get_peer(call);
    cocos__conn *found = NULL;
    int fd = -1;

    if (peer && sscanf(peer, "fd:%d", &fd) == 1) {
        COCOS__LOCKED(&s->lock);
        for (cocos__rpc_link *l = s->links; l && !found; l = l->next) {
            if (l->grpc_fd == fd) {
                l->calls++;
                found = cocos__conn_ref(l->conn);
                *direct_only = is_direct_only(l);
            }
        }
    }
    gpr_free(peer);
    return found;
}

void cocos__rpc_links_kill(cocos__rpc_server *s, int handshakes_only)
{
    COCOS__LOCKED(&s->lock);

    for (cocos__rpc_link *l = s->links; l; l = l->next) {
        if (!handshakes_only || l->grpc_fd < 0)
            cocos__conn_kill(l->conn);
    }
}

/* ---- Direct connections where attestation is required: they end soon ---- */

/* Lock held. */
static void end_at(cocos__rpc_link *l, int64_t when_ns)
{
    cocos__rpc_server *s = l->server;

    l->end_ns = when_ns;
    if (s->next_end_ns && s->next_end_ns <= when_ns)
        return;
    s->next_end_ns = when_ns;
    cocos__rpc_accept_wake(s);
}

void cocos__rpc_link_leave(cocos__rpc_server *s, const cocos__conn *conn)
{
    int64_t when = cocos__clock_mono_ns() + LEAVE_NS;
    COCOS__LOCKED(&s->lock);

    for (cocos__rpc_link *l = s->links; l; l = l->next) {
        if (l->conn == conn && (!l->end_ns || l->end_ns > when))
            end_at(l, when);
    }
}

/* Ends those whose time has come; milliseconds until the next, -1 for none. */
static int end_due(cocos__rpc_server *s)
{
    int64_t now = cocos__clock_mono_ns();
    COCOS__LOCKED(&s->lock);

    if (!s->next_end_ns || s->next_end_ns > now)
        return s->next_end_ns ? cocos__deadline_left_ms(s->next_end_ns) : -1;
    s->next_end_ns = 0;
    for (cocos__rpc_link *l = s->links; l; l = l->next) {
        if (l->end_ns && l->end_ns <= now) {
            cocos__conn_kill(l->conn);
            l->end_ns = 0;
        }
        s->next_end_ns = cocos__deadline_min(s->next_end_ns, l->end_ns);
    }
    return s->next_end_ns ? cocos__deadline_left_ms(s->next_end_ns) : -1;
}

/* ---- Room for one more ---- */

enum room { ROOM_NONE = 0, ROOM_SOON = 1, ROOM_NOW = 2 };

/*
 * Who gives way: the oldest connection that has not ended its handshake, else the oldest that never
 * made a call. NULL: everybody works. Lock held.
 */
static cocos__rpc_link *choose_victim(cocos__rpc_server *s)
{
    cocos__rpc_link *silent = NULL;
    cocos__rpc_link *idle = NULL;

    for (cocos__rpc_link *l = s->links; l; l = l->next) { /* newest first */
        if (l->calls > 0 || l->ousted)
            continue;
        idle = l;
        if (!l->has_shaken)
            silent = l;
    }
    return silent ? silent : idle;
}

/*
 * At the limit somebody gives way: clients that connect and stay silent cannot keep out one that
 * works, whose handshake takes milliseconds. The dying are still counted; where they are too many,
 * the new one waits a little in the socket's queue before it is turned away. Some do not die soon:
 * nobody can hurry a device that makes evidence.
 */
static enum room make_room(cocos__rpc_server *s)
{
    COCOS__LOCKED(&s->lock);
    size_t max = max_links(s);

    cocos__rpc_link *victim = NULL;
    if (s->n_links >= max && s->n_links < max + OUSTED_MAX)
        victim = choose_victim(s);
    if (victim) {
        victim->ousted = 1;
        cocos__conn_kill(victim->conn);
    }
    if (s->n_links < max || victim) {
        s->full_since_ns = 0;
        return ROOM_NOW;
    }
    if (s->n_links == max)
        return ROOM_NONE; /* everybody works */
    if (!s->full_since_ns)
        s->full_since_ns = cocos__clock_mono_ns();
    return cocos__clock_mono_ns() - s->full_since_ns < FULL_NS ? ROOM_SOON : ROOM_NONE;
}

/* ---- Handing over ---- */

static int hand_over(cocos__rpc_link *l, cocos_error **err)
{
    cocos__rpc_server *s = l->server;
    int fd = -1;
    int r = cocos__conn_plaintext_fd(l->conn, &fd, err);

    if (r < 0)
        return r;
    pthread_mutex_lock(&s->lock);
    for (cocos__rpc_link *o = s->links; o; o = o->next) {
        if (o->grpc_fd == fd)
            o->grpc_fd = -2; /* gRPC closed that one: its number is ours now */
    }
    l->grpc_fd = fd;
    if (is_direct_only(l))
        end_at(l, cocos__clock_mono_ns() + s->o.handshake_ns);
    pthread_mutex_unlock(&s->lock);

    grpc_server_credentials *creds = grpc_insecure_server_credentials_create();
    grpc_server_add_channel_from_fd(s->server, fd, creds);
    grpc_server_credentials_release(creds);
    return COCOS_OK;
}

static void *tls_thread(void *user)
{
    cocos__rpc_link *l = user;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    const cocos__attest_options *attest = l->server->o.attest;
    int64_t deadline = cocos__clock_mono_ns() + l->server->o.handshake_ns;
    int attested = 0;
    int r = cocos__conn_handshake(l->conn, l->tls, NULL, deadline, NULL, &err);

    pthread_mutex_lock(&l->server->lock);
    l->has_shaken = r == COCOS_OK;
    pthread_mutex_unlock(&l->server->lock);
    if (r == COCOS_OK && attest)
        r = cocos__conn_attest_server(l->conn, attest, deadline, NULL, &attested, &err);
    if (r == COCOS_OK)
        r = hand_over(l, &err);
    cocos__conn_limit_headers(l->conn, l->server->o.max_metadata + COCOS__RPC_HEADERS_SPARE);
    if (r == COCOS_OK)
        cocos__conn_run(l->conn, 1);
    else
        cocos__log_error(COCOS_LOG_DEBUG, "rpc", "connection refused", err);
    link_remove(l);
    return NULL;
}

static int start_link(cocos__rpc_link *l, cocos_error **err)
{
    struct epoll_event e = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = l};
    pthread_t t;
    int r;

    if (l->tls) {
        r = cocos__thread_start(&t, "cocos-tls", tls_thread, l, err);
        if (r == COCOS_OK)
            pthread_detach(t);
        return r;
    }
    r = hand_over(l, err);
    if (r == COCOS_OK &&
        epoll_ctl(l->server->epoll, EPOLL_CTL_ADD, cocos__conn_watch_fd(l->conn), &e) < 0) {
        cocos__conn_kill(l->conn); /* gRPC has its descriptor and will see the end */
        r = cocos__fail_errno(err, errno, "net.wait", "cannot watch a connection");
    }
    return r;
}

static void accepted(cocos__rpc_listener *listener, int fd)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    cocos__rpc_server *s = listener->server;
    cocos__rpc_link *l = calloc(1, sizeof *l);

    if (!l || cocos__conn_new(fd, &l->conn, &err) < 0) {
        if (!l)
            close(fd);
        free(l);
        return;
    }
    l->server = s;
    l->listener = listener;
    l->grpc_fd = -1;
    pthread_mutex_lock(&s->lock);
    l->tls = listener->tls ? cocos__tls_config_ref(listener->tls) : NULL;
    pthread_mutex_unlock(&s->lock);
    if (cocos__conn_kind(l->conn) != COCOS__CONN_UNIX)
        cocos__net_tune(fd);
    link_add(l);
    if (start_link(l, &err) < 0) {
        cocos__log_error(COCOS_LOG_WARN, "rpc", "connection dropped", err);
        link_remove(l);
    }
}

/* ---- The accepting thread ---- */

/* Nobody is ousted for a connection that is not there. */
static int is_waiting(const cocos__rpc_listener *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

static void accept_all(cocos__rpc_listener *l)
{
    static const struct timespec pause = {0, ACCEPT_PAUSE_NS};
    static const struct timespec soon = {0, SOON_NS};

    for (int i = 0; i < EVENTS && is_waiting(l); i++) {
        enum room room = make_room(l->server);
        if (room == ROOM_SOON) {
            nanosleep(&soon, NULL);
            return;
        }
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
            nanosleep(&pause,
                      NULL); /* the socket stays readable: no spinning until something is free */
        if (fd < 0)
            return;
        if (room == ROOM_NOW)
            accepted(l, fd);
        else
            close(fd);
    }
}

static void close_listeners(cocos__rpc_server *s)
{
    COCOS__LOCKED(&s->lock);

    for (cocos__rpc_listener *l = s->listeners; l; l = l->next) {
        struct stat st;
        if (l->fd < 0)
            continue;
        close(l->fd);
        l->fd = -1;
        if (l->unlink_path[0] && lstat(l->unlink_path, &st) == 0 && st.st_dev == l->dev &&
            st.st_ino == l->ino)
            unlink(l->unlink_path);
    }
}

/* A plain connection that gRPC or the peer has ended. */
static void watch_link(cocos__rpc_link *l, uint32_t events)
{
    if (!(events & EPOLLHUP))
        return; /* half closed: gRPC reads to the end first and then shuts it down */
    epoll_ctl(l->server->epoll, EPOLL_CTL_DEL, cocos__conn_watch_fd(l->conn), NULL);
    cocos__conn_close(l->conn);
    link_remove(l);
}

static int is_stopping(cocos__rpc_server *s)
{
    COCOS__LOCKED(&s->lock);

    return s->stopping;
}

/* Nothing left to watch: the server is going and so are its connections. */
static int is_quit(cocos__rpc_server *s)
{
    COCOS__LOCKED(&s->lock);

    return s->quit && s->n_links == 0;
}

static void *accept_main(void *user)
{
    cocos__rpc_server *s = user;
    struct epoll_event events[EVENTS];

    while (!is_quit(s)) {
        int n = epoll_wait(s->epoll, events, EVENTS, end_due(s));
        for (int i = 0; i < n; i++) {
            void *p = events[i].data.ptr;
            uint64_t count;
            if (!p)
                (void)!read(s->wake, &count, sizeof count);
            else if (!*(int *)p)
                watch_link(p, events[i].events);
            else if (!is_stopping(s))
                accept_all(p);
        }
        if (is_stopping(s))
            close_listeners(s);
    }
    return NULL;
}

void cocos__rpc_accept_wake(cocos__rpc_server *s)
{
    uint64_t one = 1;

    (void)!write(s->wake, &one, sizeof one);
}

int cocos__rpc_accept_start(cocos__rpc_server *s, cocos_error **err)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};

    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll < 0 || s->wake < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &e) < 0)
        return cocos__fail_errno(err, errno, "net.wait", "cannot watch sockets");
    int r = cocos__thread_start(&s->accept_thread, "cocos-accept", accept_main, s, err);
    if (r < 0) {
        close(s->wake);
        s->wake = -1;
    }
    return r;
}

void cocos__rpc_accept_stop(cocos__rpc_server *s)
{
    if (s->wake >= 0) {
        pthread_mutex_lock(&s->lock);
        s->quit = s->stopping = 1;
        pthread_mutex_unlock(&s->lock);
        cocos__rpc_accept_wake(s);
        pthread_join(s->accept_thread, NULL);
        close(s->wake);
    }
    close_listeners(s);
    if (s->epoll >= 0)
        close(s->epoll);
    while (s->listeners) {
        cocos__rpc_listener *l = s->listeners;
        s->listeners = l->next;
        cocos__tls_config_unref(l->tls);
        free(l);
    }
}

/* ---- Listeners ---- */

static void remember_path(cocos__rpc_listener *l, const cocos__net_address *a)
{
    struct stat st;

    if (a->kind != COCOS__NET_UNIX || lstat(a->path, &st) < 0)
        return;
    memcpy(l->unlink_path, a->path, sizeof l->unlink_path);
    l->dev = st.st_dev;
    l->ino = st.st_ino;
}

static int add_listener(cocos__rpc_listener *l, cocos_error **err)
{
    cocos__rpc_server *s = l->server;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
    COCOS__LOCKED(&s->lock);

    if (s->stopping)
        return cocos__fail(err, COCOS_ERR_STATE, "rpc.stopping", "the server is being stopped");
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, l->fd, &e) < 0)
        return cocos__fail_errno(err, errno, "net.wait", "cannot watch a socket");
    l->next = s->listeners;
    s->listeners = l;
    return COCOS_OK;
}

int cocos__rpc_server_listen(cocos__rpc_server *s,
                             const char *address,
                             const cocos__tls_config *tls,
                             cocos__rpc_listener **ret,
                             cocos_error **err)
{
    cocos__net_address a;
    int r = cocos__net_parse(address, &a, err);
    if (r < 0)
        return r;

    cocos__rpc_listener *l = calloc(1, sizeof *l);
    if (!l)
        return cocos__fail_memory(err);
    l->is_listener = 1;
    l->server = s;
    r = cocos__net_listen(&a, &l->fd, err);
    if (r < 0) {
        free(l);
        return r;
    }
    cocos__net_describe(l->fd, 0, l->address, sizeof l->address);
    remember_path(l, &a);
    l->tls = tls ? cocos__tls_config_ref(tls) : NULL;
    r = add_listener(l, err);
    if (r < 0) {
        close(l->fd);
        cocos__tls_config_unref(l->tls);
        free(l);
        return r;
    }
    if (ret)
        *ret = l;
    return COCOS_OK;
}

const char *cocos__rpc_listener_address(const cocos__rpc_listener *l)
{
    return l->address;
}

void cocos__rpc_listener_set_tls(cocos__rpc_listener *l,
                                 const cocos__tls_config *tls,
                                 int close_old)
{
    cocos__rpc_server *s = l->server;
    cocos__tls_config *fresh = tls ? cocos__tls_config_ref(tls) : NULL;

    pthread_mutex_lock(&s->lock);
    cocos__tls_config *old = l->tls;
    l->tls = fresh;
    for (cocos__rpc_link *k = s->links; k && close_old; k = k->next) {
        if (k->listener == l)
            cocos__conn_kill(k->conn);
    }
    pthread_mutex_unlock(&s->lock);
    cocos__tls_config_unref(old);
}

void cocos__rpc_listener_require_attested(cocos__rpc_listener *l, int on)
{
    cocos__rpc_server *s = l->server;
    COCOS__LOCKED(&s->lock);

    l->attested_only = on;
    for (cocos__rpc_link *k = s->links; k && on; k = k->next) {
        /* Those still in their handshake are looked at when they are handed over. */
        if (k->listener == l && k->grpc_fd != -1 && is_direct_only(k))
            cocos__conn_kill(k->conn);
    }
}
