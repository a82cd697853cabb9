/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: who is at the other end, how it ended, and what services remember of it. */
#include "transport/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "transport/net.h"

#define INNER_BUFFER (256 * 1024) /* of the socket pair; larger only costs cache */

static void read_peer(cocos__conn *c)
{
    struct ucred cred = {0};
    socklen_t len = sizeof cred;
    int domain = 0;
    socklen_t domain_len = sizeof domain;

    cocos__net_describe(c->fd, 1, c->address, sizeof c->address);
    getsockopt(c->fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len);
    if (domain != AF_UNIX)
        return;
    c->kind = COCOS__CONN_UNIX;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
        c->uid = cred.uid;
}

int cocos__conn_new(int fd_take, cocos__conn **ret, cocos_error **err)
{
    static atomic_uint_fast64_t last_id;
    cocos__conn *c = calloc(1, sizeof *c);

    if (!c) {
        close(fd_take);
        return cocos__fail_memory(err);
    }
    atomic_init(&c->refs, 1);
    c->id = atomic_fetch_add(&last_id, 1) + 1;
    c->fd = fd_take;
    c->inner = -1;
    c->uid = (uid_t)-1;
    pthread_mutex_init(&c->lock, NULL);
    read_peer(c);
    *ret = c;
    return COCOS_OK;
}

cocos__conn *cocos__conn_ref(const cocos__conn *c)
{
    cocos__conn *m = (cocos__conn *)c; /* the count is not part of what callers may not change */

    atomic_fetch_add(&m->refs, 1);
    return m;
}

void cocos__conn_unref(cocos__conn *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    if (c->slot_free && c->slot)
        c->slot_free(c->slot);
    SSL_free(c->ssl);
    OPENSSL_free(c->peer_subject);
    if (c->inner >= 0)
        close(c->inner);
    if (c->fd >= 0)
        close(c->fd);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

enum cocos__conn_kind cocos__conn_kind(const cocos__conn *c)
{
    return c->kind;
}

const uint8_t *cocos__conn_peer_spki(const cocos__conn *c)
{
    return c->has_peer ? c->peer_spki : NULL;
}

const char *cocos__conn_peer_subject(const cocos__conn *c)
{
    return c->peer_subject;
}

uid_t cocos__conn_peer_uid(const cocos__conn *c)
{
    return c->uid;
}

const char *cocos__conn_peer_address(const cocos__conn *c)
{
    return c->address;
}

uint64_t cocos__conn_id(const cocos__conn *c)
{
    return c->id;
}

void *cocos__conn_slot(const cocos__conn *c, void *(*make)(void), void (*free_fn)(void *))
{
    cocos__conn *m = (cocos__conn *)c;
    COCOS__LOCKED(&m->lock);

    if (!m->slot) {
        m->slot = make();
        m->slot_free = free_fn;
    }
    return m->slot;
}

/*
 * The pump's thread uses the same SSL object meanwhile. In TLS 1.3 the exporter reads only the
 * exporter secret and the cipher, both fixed when the handshake ended and untouched by key updates;
 * the object itself lives as long as the connection.
 */
int cocos__conn_exporter(const cocos__conn *c,
                         const char *label,
                         const uint8_t *context,
                         size_t context_len,
                         uint8_t *out,
                         size_t out_len,
                         cocos_error **err)
{
    if (c->kind != COCOS__CONN_TLS)
        return cocos__fail(err, COCOS_ERR_USAGE, "tls.exporter",
                           "a connection without TLS has no exporter");
    if (SSL_export_keying_material(c->ssl, out, out_len, label, strlen(label), context, context_len,
                                   context != NULL) != 1)
        return cocos__fail(err, COCOS_ERR_INTERNAL, "tls.exporter", "%s", cocos__tls_reason());
    return COCOS_OK;
}

/* Without TLS gRPC gets a second descriptor of the socket; ours only ends it and watches. */
static int plain_fd(cocos__conn *c, int *ret, cocos_error **err)
{
    int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);

    if (fd < 0)
        return cocos__fail_errno(err, errno, "net.socket", "cannot copy a descriptor");
    *ret = fd;
    return COCOS_OK;
}

int cocos__conn_plaintext_fd(cocos__conn *c, int *ret, cocos_error **err)
{
    int pair[2];
    int size = INNER_BUFFER;

    if (c->kind != COCOS__CONN_TLS)
        return plain_fd(c, ret, err);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return cocos__fail_errno(err, errno, "net.socket", "cannot make a socket pair");
    for (int i = 0; i < 2; i++) {
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        setsockopt(pair[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
    c->inner = pair[0];
    *ret = pair[1];
    return COCOS_OK;
}

int cocos__conn_watch_fd(const cocos__conn *c)
{
    return c->fd;
}

void cocos__conn_close(cocos__conn *c)
{
    COCOS__LOCKED(&c->lock);

    atomic_store(&c->ended, 1);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

void cocos__conn_kill(cocos__conn *c)
{
    COCOS__LOCKED(&c->lock);

    atomic_store(&c->killed, 1);
    if (c->fd >= 0)
        shutdown(c->fd, SHUT_RDWR);
}

int cocos__conn_ended(const cocos__conn *c)
{
    cocos__conn *m = (cocos__conn *)c;
    COCOS__LOCKED(&m->lock);
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

    if (atomic_load(&c->ended))
        return 1;
    return c->kind != COCOS__CONN_TLS && poll(&p, 1, 0) > 0;
}

void cocos__conn_set_loss(cocos__conn *c, int status, const char *code, const char *text)
{
    COCOS__LOCKED(&c->lock);

    if (c->loss_code)
        return;
    c->loss_status = status;
    c->loss_code = code;
    strncpy(c->loss_text, text, sizeof c->loss_text - 1);
}

int cocos__conn_loss(const cocos__conn *c, cocos_error **err)
{
    cocos__conn *m = (cocos__conn *)c;
    COCOS__LOCKED(&m->lock);

    if (!c->loss_code)
        return COCOS_OK;
    return cocos__fail(err, c->loss_status, c->loss_code, "%s", c->loss_text);
}
