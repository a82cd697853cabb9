/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_CONN_H
#define COCOS_TRANSPORT_CONN_H

/*
 * Life of one connection, for module rpc. Order: new, handshake (TLS only), plaintext_fd, which is
 * given away to gRPC, and for TLS run, which carries bytes in the calling thread until the end.
 */

#include "transport/tls.h"

/* Over a connected, non-blocking socket, taken also on failure. */
int cocos__conn_new(int fd_take, cocos__conn **ret, cocos_error **err);
cocos__conn *cocos__conn_ref(const cocos__conn *c);
void cocos__conn_unref(cocos__conn *c); /* NULL allowed */
COCOS__DEFINE_FREEP(cocos__conn_unrefp, cocos__conn *, cocos__conn_unref)

/*
 * Make it a TLS connection, as server or client as the configuration is. `server_name`: client
 * only. UNAUTHENTICATED "tls.pin" or "tls.peer": another peer than the configuration trusts.
 */
int cocos__conn_handshake(cocos__conn *c,
                          const cocos__tls_config *config,
                          const char *server_name,
                          int64_t deadline_ns,
                          const cocos_cancel *cancel,
                          cocos_error **err);

/* A non-blocking descriptor with the plaintext, owned by the caller. Call once. */
int cocos__conn_plaintext_fd(cocos__conn *c, int *ret, cocos_error **err);

/* TLS: before the run; end it when a header block of the peer has more bytes ("tls.headers"). */
void cocos__conn_limit_headers(cocos__conn *c, size_t max_block);

/*
 * TLS: carry bytes until either side ends, then close. `linger` != 0: after our end wait up to a
 * second for the peer's, so that what was sent last is not lost to a reset.
 */
void cocos__conn_run(cocos__conn *c, int linger);

/* Without TLS: the socket itself, which hangs up when gRPC or the peer ends it. Borrowed. */
int cocos__conn_watch_fd(const cocos__conn *c);
/* Without TLS: release our hold on the socket after its end. */
void cocos__conn_close(cocos__conn *c);

/* End it now, from any thread. */
void cocos__conn_kill(cocos__conn *c);
/* 1 once no bytes can pass any more. */
int cocos__conn_ended(const cocos__conn *c);
/* Why it was lost; COCOS_OK when it still stands or both sides closed in order. */
int cocos__conn_loss(const cocos__conn *c, cocos_error **err);

#endif
