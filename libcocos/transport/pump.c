/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries bytes between TLS and the socket pair whose other end gRPC holds, in one thread. Each
 * direction has one buffer; a side is read only when that buffer is empty, so a slow reader holds
 * the sender back through all layers.
 */
#include "transport/h2_watch.h"
#include "transport/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/thread.h"

#define CHUNK (256 * 1024)
#define RECORD_ROOM                                                                                \
    (CHUNK / 16384 * 64 + 16384)        /* headers and tags of 16 records, alerts, key updates */
#define FLUSH_NS  (5 * COCOS__NS_PER_S) /* for what is left once one side has ended */
#define LINGER_NS COCOS__NS_PER_S

/* Bytes on their way out; off..len is not sent yet. */
struct queue {
    uint8_t *data;
    size_t off;
    size_t len;
    size_t cap;
};

struct pump {
    cocos__conn *c;
    struct queue out; /* ciphertext for the network */
    struct queue in;  /* plaintext for gRPC */
    uint8_t *plain;   /* plaintext from gRPC, emptied into `out` at once */
    cocos__h2_watch headers;
    int net_readable; /* guesses, corrected by the next try */
    int inner_readable;
    int net_end;   /* nothing more will come from the network */
    int inner_end; /* gRPC has closed */
    int64_t flush_until;
};

static int is_empty(const struct queue *q)
{
    return q->off == q->len;
}

/* ---- Write BIO: appends to the queue, so that 16 records leave with one send ---- */

static int bio_write(BIO *bio, const char *data, size_t n, size_t *written)
{
    struct queue *q = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (n > q->cap - q->len) {
        /* Only replies to key updates come here without room; they wait until the queue has left.
         */
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(q->data + q->len, data, n);
    q->len += n;
    *written = n;
    return 1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cocos pump");
    if (bio_method) {
        BIO_meth_set_write_ex(bio_method, bio_write);
        BIO_meth_set_ctrl(bio_method, bio_ctrl);
    }
}

static int set_write_bio(struct pump *p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_bio_method);
    BIO *bio = bio_method ? BIO_new(bio_method) : NULL;
    if (!bio)
        return 0;
    BIO_set_data(bio, &p->out);
    BIO_set_init(bio, 1);
    SSL_set0_wbio(p->c->ssl, bio);
    return 1;
}

/* ---- The four steps; each returns whether it moved anything ---- */

static void lose(struct pump *p, int status, const char *code, const char *text)
{
    p->net_end = 1;
    if (!p->inner_end)
        cocos__conn_set_loss(p->c, status, code, text);
}

/* An alert about our certificate is the only word a TLS 1.3 client gets of its refusal. */
static void lose_tls(struct pump *p)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    char text[128];

    snprintf(text, sizeof text, "connection lost: %s", cocos__tls_reason());
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        lose(p, COCOS_ERR_IO, "tls.lost",
             "connection lost: the peer ended it without a closing message");
    else if (cocos__tls_is_refusal(reason))
        lose(p, COCOS_ERR_UNAUTHENTICATED, "tls.refused", text);
    else
        lose(p, COCOS_ERR_IO, "tls.lost", text);
}

static void read_failed(struct pump *p, int n)
{
    switch (SSL_get_error(p->c->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        p->net_readable = 0;
        break;
    case SSL_ERROR_WANT_WRITE:
        break;
    case SSL_ERROR_ZERO_RETURN:
        p->net_end = 1;
        break;
    case SSL_ERROR_SSL:
        lose_tls(p);
        break;
    default:
        lose(p, COCOS_ERR_IO, "tls.lost", "connection lost");
        break;
    }
}

static void drop(struct queue *q)
{
    q->off = q->len = 0;
}

static void came(struct pump *p, size_t n)
{
    struct queue *q = &p->in;

    q->len += n;
    if (cocos__h2_watch_feed(&p->headers, q->data + q->len - n, n))
        return;
    lose(p, COCOS_ERR_EXHAUSTED, "tls.headers",
         "connection ended: the peer's metadata is too long");
    drop(q);
}

static int from_net(struct pump *p)
{
    struct queue *q = &p->in;
    int moved = 0;

    if (!is_empty(q) || p->net_end || !p->net_readable)
        return 0;
    q->off = q->len = 0;
    while (q->len < q->cap && p->net_readable && !p->net_end) {
        size_t got = 0;
        ERR_clear_error();
        int n = SSL_read_ex(p->c->ssl, q->data + q->len, q->cap - q->len, &got);
        if (n == 1) {
            came(p, got);
            moved = 1;
        } else {
            read_failed(p, n);
            moved |= p->net_end;
            if (p->net_readable && !p->net_end)
                break; /* waits for room in the other direction */
        }
    }
    return moved;
}

/* 1: sent something. 0: no room. -1: the other side is gone. */
static int drain(struct queue *q, int fd)
{
    ssize_t n = send(fd, q->data + q->off, q->len - q->off, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno == EINTR ? 1 : -1;
    q->off += (size_t)n;
    if (is_empty(q))
        q->off = q->len = 0;
    return 1;
}

static void end_inner(struct pump *p)
{
    if (p->inner_end)
        return;
    p->inner_end = 1;
    p->flush_until = cocos__clock_mono_ns() + FLUSH_NS;
    drop(&p->in);
    ERR_clear_error();
    SSL_shutdown(p->c->ssl); /* close_notify into the queue */
}

static int to_inner(struct pump *p)
{
    if (is_empty(&p->in))
        return 0;
    int n = drain(&p->in, p->c->inner);
    if (n < 0)
        end_inner(p);
    return n != 0;
}

static int to_net(struct pump *p)
{
    if (is_empty(&p->out))
        return 0;
    int n = drain(&p->out, p->c->fd);
    if (n < 0) {
        drop(&p->out);
        lose(p, COCOS_ERR_IO, "tls.lost", "connection lost while sending");
    }
    return n != 0;
}

static int from_inner(struct pump *p)
{
    size_t done = 0;

    if (!is_empty(&p->out) || p->inner_end || p->net_end || !p->inner_readable)
        return 0;
    ssize_t n = recv(p->c->inner, p->plain, CHUNK, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        p->inner_readable = errno == EINTR;
        return 0;
    }
    if (n <= 0) {
        end_inner(p);
        return 1;
    }
    ERR_clear_error();
    if (SSL_write_ex(p->c->ssl, p->plain, (size_t)n, &done) != 1)
        lose_tls(p);
    return 1;
}

static void wait_for_work(struct pump *p)
{
    struct pollfd f[2] = {{.fd = p->c->fd}, {.fd = p->c->inner}};
    int timeout = p->flush_until ? cocos__deadline_left_ms(p->flush_until) : -1;

    if (is_empty(&p->in) && !p->net_end)
        f[0].events |= POLLIN;
    if (!is_empty(&p->out))
        f[0].events |= POLLOUT;
    if (is_empty(&p->out) && !p->inner_end && !p->net_end)
        f[1].events |= POLLIN;
    if (!is_empty(&p->in))
        f[1].events |= POLLOUT;
    /* A descriptor with nothing to wait for would report its hang-up again and again. */
    for (int i = 0; i < 2; i++) {
        if (!f[i].events)
            f[i].fd = -1;
    }
    if (poll(f, 2, timeout) <= 0)
        return;
    p->net_readable |= (f[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    p->inner_readable |= (f[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

static int is_over(struct pump *p)
{
    if (p->net_end && !p->flush_until)
        p->flush_until = cocos__clock_mono_ns() + FLUSH_NS;
    if (p->net_end && is_empty(&p->in))
        return 1;
    if (p->inner_end && is_empty(&p->out))
        return 1;
    return p->flush_until && cocos__clock_mono_ns() >= p->flush_until;
}

/* Closing with unread bytes would reset the connection and take back what the peer has not read. */
static void linger(int fd, uint8_t *scratch)
{
    int64_t until = cocos__clock_mono_ns() + LINGER_NS;
    struct pollfd f = {.fd = fd, .events = POLLIN};

    shutdown(fd, SHUT_WR);
    while (cocos__clock_mono_ns() < until && poll(&f, 1, cocos__deadline_left_ms(until)) > 0) {
        if (recv(fd, scratch, CHUNK, MSG_DONTWAIT) <= 0)
            break;
    }
}

static void close_both(cocos__conn *c)
{
    COCOS__LOCKED(&c->lock);

    atomic_store(&c->ended, 1);
    close(c->fd);
    c->fd = -1;
    close(c->inner);
    c->inner = -1;
}

static int make_buffers(struct pump *p)
{
    p->out.cap = CHUNK + RECORD_ROOM;
    p->in.cap = CHUNK;
    p->out.data = malloc(p->out.cap);
    p->in.data = malloc(p->in.cap);
    p->plain = malloc(CHUNK);
    return p->out.data && p->in.data && p->plain && set_write_bio(p);
}

void cocos__conn_limit_headers(cocos__conn *c, size_t max_block)
{
    c->max_headers = max_block;
}

void cocos__conn_run(cocos__conn *c, int want_linger)
{
    struct pump p = {.c = c, .net_readable = 1, .inner_readable = 1};

    cocos__h2_watch_init(&p.headers, c->max_headers, SSL_is_server(c->ssl));
    if (make_buffers(&p)) {
        while (!is_over(&p)) {
            int moved = from_inner(&p);
            moved |= to_net(&p);
            moved |= from_net(&p);
            moved |= to_inner(&p);
            if (!moved)
                wait_for_work(&p);
        }
        if (want_linger && p.inner_end && !p.net_end && !atomic_load(&c->killed))
            linger(c->fd, p.plain);
    }
    close_both(c);
    SSL_set0_wbio(c->ssl, NULL); /* it points into p */
    free(p.out.data);
    free(p.in.data);
    free(p.plain);
}
