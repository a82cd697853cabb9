/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_TLS_H
#define COCOS_TRANSPORT_TLS_H

/*
 * TLS 1.3 by OpenSSL over a socket, its plaintext pumped into a socket pair for gRPC core
 * (design.md decision 8). No session tickets, no 0-RTT, ALPN "h2".
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/error.h"

/* ---- Configuration: immutable once made, reference counted, usable from many threads ---- */
typedef struct cocos__tls_config cocos__tls_config;

typedef struct cocos__tls_options {
    cocos__span cert_pem; /* own chain, leaf first; {NULL,0}: none (client only) */
    cocos__span key_pem;  /* unencrypted private key for it */
    cocos__span ca_pem;   /* roots for the peer's certificate. Server: non-empty means the client must present one */
    uint8_t pin[32];      /* client: SHA-256 of the peer's SPKI */
    int has_pin;          /* client: the pin alone is the trust, no chain and no name is looked at */
    int insecure;         /* client: accept any peer. At least one of ca_pem, has_pin, insecure, system_roots */
    int system_roots;     /* client: the operating system's roots */
} cocos__tls_options;

int cocos__tls_config_server(const cocos__tls_options *o, cocos__tls_config **ret, cocos_error **err);
int cocos__tls_config_client(const cocos__tls_options *o, cocos__tls_config **ret, cocos_error **err);
cocos__tls_config *cocos__tls_config_ref(const cocos__tls_config *c);
void cocos__tls_config_unref(cocos__tls_config *c); /* NULL allowed */
COCOS__DEFINE_FREEP(cocos__tls_config_unrefp, cocos__tls_config *, cocos__tls_config_unref)
/* SHA-256 of the own leaf's SubjectPublicKeyInfo; NOT_FOUND status when there is no certificate. */
int cocos__tls_config_spki(const cocos__tls_config *c, uint8_t sha256[32]);

/* A P-256 key and a self-signed certificate for it (CN `name`, SAN localhost, 10 years), both PEM. */
int cocos__tls_self_signed(const char *name, cocos__buf *cert_pem, cocos__buf *key_pem, cocos_error **err);

/* ---- One connection (also for plaintext and Unix sockets). Reference counted. ---- */
typedef struct cocos__conn cocos__conn;

enum cocos__conn_kind { COCOS__CONN_PLAIN = 0, COCOS__CONN_UNIX = 1, COCOS__CONN_TLS = 2 };

enum cocos__conn_kind cocos__conn_kind(const cocos__conn *c);
/* TLS only (else USAGE): RFC 8446 section 7.5 exporter; context may be NULL (none). Thread-safe. */
int cocos__conn_exporter(const cocos__conn *c,
                         const char *label,
                         const uint8_t *context,
                         size_t context_len,
                         uint8_t *out,
                         size_t out_len,
                         cocos_error **err);
/* SHA-256 of the peer's leaf SPKI, NULL when it presented none. 32 bytes, borrowed. */
const uint8_t *cocos__conn_peer_spki(const cocos__conn *c);
/* Subject of the peer's leaf as one line, NULL when none. Borrowed. */
const char *cocos__conn_peer_subject(const cocos__conn *c);
/* Unix sockets: uid of the peer when it connected; else (uid_t)-1. */
uid_t cocos__conn_peer_uid(const cocos__conn *c);
/* "127.0.0.1:4711", "unix". Borrowed. */
const char *cocos__conn_peer_address(const cocos__conn *c);
/* A number unique in this process. */
uint64_t cocos__conn_id(const cocos__conn *c);
/* A slot for what a service remembers of a connection (e.g. request nonces): made on first use by make(), freed with the connection. */
void *cocos__conn_slot(const cocos__conn *c, void *(*make)(void), void (*free_fn)(void *));

/*
 * TLS handshake alone, as a probe: connects to host:port, returns OK and the server's leaf SPKI when
 * a server answers TLS. Trusts nothing.
 */
int cocos__tls_probe(const char *host,
                     const char *port,
                     int64_t deadline_ns,
                     cocos_cancel *cancel,
                     uint8_t spki_sha256[32],
                     cocos_error **err);

#endif
