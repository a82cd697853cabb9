/* SPDX-License-Identifier: Apache-2.0 */
/* Plaintext in exact amounts, between the handshake and the pump. What TLS has read beyond them
 * stays in the SSL object and is the pump's. */
#include "transport/internal.h"

#include <poll.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "transport/net.h"

int cocos__tls_is_refusal(int reason)
{
    switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return 1;
    default:
        return 0;
    }
}

static int lost(cocos__conn *c, int error, const char *what, cocos_error **err)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());

    if (error == SSL_ERROR_SSL && cocos__tls_is_refusal(reason))
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "tls.refused", "connection lost: %s",
                           cocos__tls_reason());
    if (error == SSL_ERROR_SSL && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return cocos__fail(err, COCOS_ERR_IO, "tls.lost", "connection lost: %s",
                           cocos__tls_reason());
    ERR_clear_error();
    return cocos__fail(err, COCOS_ERR_IO, "tls.lost", "%s closed the connection during %s",
                       c->address, what);
}

/* What to do after a step that did not succeed: wait, or give up. */
static int wait_or_fail(cocos__conn *c, int n, const cocos__conn_wait *w, cocos_error **err)
{
    int e = SSL_get_error(c->ssl, n);

    if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        return lost(c, e, w->what, err);
    /* A peer that keeps the socket readable with anything but data does not get more time. */
    if (cocos__deadline_left_ns(w->deadline_ns) == 0)
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "net.timeout", "%s did not end in time",
                           w->what);
    return cocos__net_wait(c->fd, e == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, w->deadline_ns,
                           w->cancel, w->what, err);
}

int cocos__conn_read(
    cocos__conn *c, uint8_t *out, size_t n, const cocos__conn_wait *w, cocos_error **err)
{
    size_t done = 0;

    while (done < n) {
        size_t got = 0;
        ERR_clear_error();
        int ok = SSL_read_ex(c->ssl, out + done, n - done, &got);
        done += got;
        int r = ok == 1 ? COCOS_OK : wait_or_fail(c, ok, w, err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}

int cocos__conn_write(
    cocos__conn *c, const uint8_t *data, size_t n, const cocos__conn_wait *w, cocos_error **err)
{
    size_t done = 0;

    while (done < n) {
        size_t sent = 0;
        ERR_clear_error();
        int ok = SSL_write_ex(c->ssl, data + done, n - done, &sent);
        done += sent;
        int r = ok == 1 ? COCOS_OK : wait_or_fail(c, ok, w, err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}

int cocos__conn_peek(cocos__conn *c, uint8_t *out, const cocos__conn_wait *w, cocos_error **err)
{
    for (;;) {
        size_t got = 0;
        ERR_clear_error();
        int ok = SSL_peek_ex(c->ssl, out, 1, &got);
        if (ok == 1 && got == 1)
            return COCOS_OK;
        int r = wait_or_fail(c, ok, w, err);
        if (r < 0)
            return r;
    }
}
