/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_INTERNAL_H
#define COCOS_TRANSPORT_INTERNAL_H

/* What the files of this module share. */

#include <pthread.h>
#include <stdatomic.h>

#include <openssl/ssl.h>

#include "transport/conn.h"

struct cocos__tls_config {
    atomic_uint refs;
    SSL_CTX *ctx;
    int server;
    int has_pin;
    uint8_t pin[32];
    int check_name;
    int has_spki;
    uint8_t spki[32];
};

struct cocos__conn {
    atomic_uint refs;
    uint64_t id;
    enum cocos__conn_kind kind;
    char address[64];
    uid_t uid;

    SSL *ssl;
    int has_peer;
    uint8_t peer_spki[32];
    char *peer_subject;
    int has_roots; /* the peer's chain is held to the configuration's CA certificates */

    int exchanged; /* the exchange of attested.h was begun, once and for all */
    int attested;  /* what came of it; fixed before the plaintext is handed over */
    int client_attested;

    size_t max_headers; /* of one block, see h2_watch.h; 0: no limit */
    int inner;          /* our end of the socket pair; the pump's alone */
    atomic_int ended;
    atomic_int killed;

    pthread_mutex_t lock; /* guards what follows */
    int fd;               /* network; -1 once closed */
    int loss_status;
    const char *loss_code;
    char loss_text[160];
    void *slot;
    void (*slot_free)(void *);
};

/* SHA-256 of a certificate's SubjectPublicKeyInfo; 0 when that fails. */
int cocos__x509_spki(const X509 *cert, uint8_t sha256[32]);

/* The reason of OpenSSL's last error as text; empties the thread's error queue. Static. */
const char *cocos__tls_reason(void);

/* Certificate callback of every configuration: the pin, or the chain. */
int cocos__tls_judge(X509_STORE_CTX *store, void *user);

/* 1 when an alert with this reason says that the peer does not accept our certificate. */
int cocos__tls_is_refusal(int reason);

/*
 * Exactly n bytes of plaintext, while the connection belongs to one thread: between handshake and
 * run. IO "tls.lost", UNAUTHENTICATED "tls.refused", TIMEOUT, CANCELLED.
 */
typedef struct cocos__conn_wait {
    int64_t deadline_ns;
    const cocos_cancel *cancel;
    const char *what; /* for the text of a time-out */
} cocos__conn_wait;
int cocos__conn_read(
    cocos__conn *c, uint8_t *out, size_t n, const cocos__conn_wait *w, cocos_error **err);
int cocos__conn_write(
    cocos__conn *c, const uint8_t *data, size_t n, const cocos__conn_wait *w, cocos_error **err);
/* The next byte, which stays where it is. */
int cocos__conn_peek(cocos__conn *c, uint8_t *out, const cocos__conn_wait *w, cocos_error **err);

/* Remember why the connection was lost; the first reason stays. */
void cocos__conn_set_loss(cocos__conn *c, int status, const char *code, const char *text);

#endif
