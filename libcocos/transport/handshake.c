/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS handshake on a non-blocking socket, and the judgement of the peer's certificate. */
#include "transport/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "transport/net.h"

/* What the certificate callback learnt, for the error text. */
struct judgement {
    const cocos__tls_config *config;
    int wrong_pin;
    uint8_t found[32];
};

static int judge_pin(X509_STORE_CTX *store, void *user)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct judgement *j = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);

    (void)user;
    if (leaf && cocos__x509_spki(leaf, j->found) && memcmp(j->found, j->config->pin, 32) == 0)
        return 1;
    j->wrong_pin = 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

int cocos__tls_judge(X509_STORE_CTX *store, void *user)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct judgement *j = SSL_get_app_data(ssl);

    return j->config->has_pin ? judge_pin(store, user) : X509_verify_cert(store);
}

static int is_ip(const char *name)
{
    uint8_t raw[16];

    return inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
}

/* Name check, and server name indication where it is a name (RFC 6066 section 3 forbids addresses).
 */
static int set_name(SSL *ssl, const cocos__tls_config *config, const char *name)
{
    if (!name || !*name)
        return !config->check_name;
    if (is_ip(name))
        return !config->check_name || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    if (SSL_set_tlsext_host_name(ssl, name) != 1)
        return 0;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return !config->check_name || SSL_set1_host(ssl, name) == 1;
}

static void to_hex(const uint8_t *data, char out[72])
{
    int n = snprintf(out, 8, "sha256:");

    for (int i = 0; i < 32; i++)
        n += snprintf(out + n, 3, "%02x", data[i]);
}

static int fail_pin(const struct judgement *j, cocos_error **err)
{
    char expected[72];
    char found[72];

    to_hex(j->config->pin, expected);
    to_hex(j->found, found);
    return cocos__fail_check(err, COCOS_ERR_UNAUTHENTICATED, "tls.pin", "server key", expected,
                             found, "the server has key %s, not the pinned %s", found, expected);
}

static int
fail_handshake(cocos__conn *c, const struct judgement *j, int ssl_error, cocos_error **err)
{
    long verdict = SSL_get_verify_result(c->ssl);
    const char *reason =
        ssl_error == SSL_ERROR_SSL ? cocos__tls_reason() : "the peer closed the connection";

    ERR_clear_error();
    if (j->wrong_pin)
        return fail_pin(j, err);
    if (verdict != X509_V_OK && SSL_get_verify_mode(c->ssl) != SSL_VERIFY_NONE)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "tls.peer", "certificate of %s: %s",
                           c->address, X509_verify_cert_error_string(verdict));
    return cocos__fail(err, COCOS_ERR_IO, "tls.handshake", "TLS 1.3 handshake with %s: %s",
                       c->address, reason);
}

static int shake(cocos__conn *c,
                 const struct judgement *j,
                 int64_t deadline_ns,
                 const cocos_cancel *cancel,
                 cocos_error **err)
{
    for (;;) {
        ERR_clear_error();
        int n = SSL_do_handshake(c->ssl);
        if (n == 1)
            return COCOS_OK;
        int e = SSL_get_error(c->ssl, n);
        if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
            return fail_handshake(c, j, e, err);
        short events = e == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        int r = cocos__net_wait(c->fd, events, deadline_ns, cancel, "the TLS handshake", err);
        if (r < 0)
            return r;
    }
}

static int learn_peer(cocos__conn *c, cocos_error **err)
{
    const unsigned char *protocol = NULL;
    unsigned int len = 0;
    X509 *leaf = SSL_get0_peer_certificate(c->ssl);

    SSL_get0_alpn_selected(c->ssl, &protocol, &len);
    if (len != 2 || memcmp(protocol, "h2", 2) != 0)
        return cocos__fail(err, COCOS_ERR_IO, "tls.handshake",
                           "%s did not agree on protocol h2 (ALPN)", c->address);
    if (!leaf)
        return COCOS_OK;
    if (!cocos__x509_spki(leaf, c->peer_spki))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "tls.peer",
                           "the peer's certificate has no usable key");
    c->has_peer = 1;
    c->peer_subject = X509_NAME_oneline(X509_get_subject_name(leaf), NULL, 0);
    return COCOS_OK;
}

/* ---- Write BIO: OpenSSL's own writes to sockets raise SIGPIPE, which a library must not ---- */

static int bio_write(BIO *bio, const char *data, size_t n, size_t *written)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);
    ssize_t sent = send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);

    BIO_clear_retry_flags(bio);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR)
            BIO_set_retry_write(bio);
        return 0;
    }
    *written = (size_t)sent;
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
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cocos socket");
    if (bio_method) {
        BIO_meth_set_write_ex(bio_method, bio_write);
        BIO_meth_set_ctrl(bio_method, bio_ctrl);
    }
}

static int set_socket(SSL *ssl, int fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_bio_method);
    BIO *in = BIO_new_socket(fd, BIO_NOCLOSE);
    BIO *out = bio_method ? BIO_new(bio_method) : NULL;
    if (!in || !out) {
        BIO_free(in);
        BIO_free(out);
        return 0;
    }
    BIO_set_data(out, (void *)(intptr_t)fd);
    BIO_set_init(out, 1);
    SSL_set_bio(ssl, in, out);
    return 1;
}

static int prepare(cocos__conn *c, const cocos__tls_config *config, struct judgement *j)
{
    c->ssl = SSL_new(config->ctx);
    if (!c->ssl || !set_socket(c->ssl, c->fd))
        return 0;
    SSL_set_app_data(c->ssl, j);
    if (config->server)
        SSL_set_accept_state(c->ssl);
    else
        SSL_set_connect_state(c->ssl);
    return 1;
}

int cocos__conn_handshake(cocos__conn *c,
                          const cocos__tls_config *config,
                          const char *server_name,
                          int64_t deadline_ns,
                          const cocos_cancel *cancel,
                          cocos_error **err)
{
    struct judgement j = {.config = config};

    if (!prepare(c, config, &j))
        return cocos__fail_memory(err);
    if (!config->server && !set_name(c->ssl, config, server_name))
        return cocos__fail(err, COCOS_ERR_USAGE, "tls.name", "\"%.200s\" cannot be a server's name",
                           server_name ? server_name : "");
    int r = shake(c, &j, deadline_ns, cancel, err);
    SSL_set_app_data(c->ssl, NULL);
    if (r == COCOS_OK)
        r = learn_peer(c, err);
    c->has_roots = !config->has_pin && SSL_get_verify_mode(c->ssl) != SSL_VERIFY_NONE;
    if (r == COCOS_OK)
        c->kind = COCOS__CONN_TLS;
    return r;
}

int cocos__tls_probe(const char *host,
                     const char *port,
                     int64_t deadline_ns,
                     cocos_cancel *cancel,
                     uint8_t spki_sha256[32],
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *config = NULL;
    COCOS__CLEANUP(cocos__conn_unrefp) cocos__conn *c = NULL;
    cocos__net_address a = {.kind = COCOS__NET_TCP};
    int fd = -1;

    int r = cocos__tls_config_client(&(cocos__tls_options){.insecure = 1}, &config, err);
    if (r < 0)
        return r;
    snprintf(a.host, sizeof a.host, "%s", host);
    snprintf(a.port, sizeof a.port, "%s", port);
    r = cocos__net_connect(&a, deadline_ns, cancel, &fd, err);
    if (r == COCOS_OK)
        r = cocos__conn_new(fd, &c, err);
    if (r == COCOS_OK)
        r = cocos__conn_handshake(c, config, host, deadline_ns, cancel, err);
    if (r < 0)
        return r;
    if (!c->has_peer)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "tls.peer", "%s presented no certificate",
                           host);
    memcpy(spki_sha256, c->peer_spki, 32);
    return COCOS_OK;
}
