/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_ATTESTED_H
#define COCOS_TRANSPORT_ATTESTED_H

/*
 * The exchange that makes a TLS connection attested (spec atls.md sections 2 to 6): right after the
 * handshake, exported authenticators of RFC 9261 that carry evidence. What the evidence is and
 * whether it is good is for two callbacks; that it belongs to this connection and to this key is
 * shown to them here.
 */

#include "transport/conn.h"

/* What ties evidence to one connection. Borrowed. */
typedef struct cocos__attest_binding {
    int server;              /* 1: the server attests, 0: the client */
    const uint8_t *exported; /* 32 bytes: the exporter's value, challenge of the claims */
    const uint8_t *leaf;     /* 32 bytes: SHA-256 of the SPKI in the authenticator's leaf */
    const uint8_t
        *report_data;     /* 64 bytes: SHA-512 of the binder, what the Go programs put there */
    const uint8_t *nonce; /* 32 bytes: SHA-256 of exported, likewise */
} cocos__attest_binding;

/*
 * Appends the evidence: an envelope, or, where compat is on, an EAT with *version set to 1 (it
 * comes as 2). In the connection's thread; may block until the deadline.
 */
typedef int (*cocos__attest_make_fn)(void *user,
                                     const cocos__attest_binding *b,
                                     int64_t deadline_ns,
                                     int *version,
                                     cocos__buf *evidence,
                                     cocos_error **err);
/* Judges evidence of the peer: version 2 an envelope, version 1 an EAT. Anything but COCOS_OK ends
 * the connection. */
typedef int (*cocos__attest_judge_fn)(void *user,
                                      const cocos__attest_binding *b,
                                      int version,
                                      cocos__span evidence,
                                      cocos_error **err);

/*
 * A server has to make evidence, a client has to judge it. The other way round both may be NULL; a
 * client that also makes offers to attest itself, and a server that also judges insists on it.
 */
typedef struct cocos__attest_options {
    cocos__attest_make_fn make;
    cocos__attest_judge_fn judge;
    void *user;
    cocos__span context; /* client: certificate_request_context; empty: 32 random bytes */
    int compat;          /* evidence of version 1 is taken, or made, too */
} cocos__attest_options;

/*
 * Client, after the handshake, before any plaintext. UNAUTHENTICATED "atls.…" for what is wrong
 * with the exchange; the judge's error for the evidence. A deadline of 0 is one of 20 s. After a
 * failure nothing passes on the connection any more.
 */
int cocos__conn_attest_client(cocos__conn *c,
                              const cocos__attest_options *o,
                              int64_t deadline_ns,
                              const cocos_cancel *cancel,
                              cocos_error **err);
/*
 * Server: the first byte of plaintext decides. *attested 1 after a good exchange, 0 for direct
 * HTTP/2, whose bytes are kept for the pump.
 */
int cocos__conn_attest_server(cocos__conn *c,
                              const cocos__attest_options *o,
                              int64_t deadline_ns,
                              const cocos_cancel *cancel,
                              int *attested,
                              cocos_error **err);
/* 1 when the server of this connection has attested itself. */
int cocos__conn_attested(const cocos__conn *c);
/* 1 when its client has. */
int cocos__conn_client_attested(const cocos__conn *c);

#endif
