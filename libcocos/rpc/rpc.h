/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_RPC_RPC_H
#define COCOS_RPC_RPC_H

/*
 * gRPC behind a small blocking API. One call object serves all four kinds of method on both sides:
 * send any number of messages, receive until the end, finish. A call belongs to one thread at a
 * time, except that one thread may send while another receives, and anybody may cancel.
 */

#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/error.h"
#include "transport/attested.h"
#include "transport/tls.h"

typedef struct cocos__rpc_server cocos__rpc_server;
typedef struct cocos__rpc_channel cocos__rpc_channel;
typedef struct cocos__rpc_call cocos__rpc_call;

/* One received message: contiguous bytes, owned by the holder, free with cocos__rpc_msg_free(). */
typedef struct cocos__rpc_msg cocos__rpc_msg;
cocos__span cocos__rpc_msg_bytes(const cocos__rpc_msg *msg);
void cocos__rpc_msg_free(cocos__rpc_msg *msg);
COCOS__DEFINE_FREEP(cocos__rpc_msg_freep, cocos__rpc_msg *, cocos__rpc_msg_free)

/* ---- Both sides ---- */

/*
 * Next message; *ret is NULL (and OK returned) at the end of the peer's stream. A stream that broke
 * is never taken for one that ended: a server gets CANCELLED "rpc.gone", a client the error that
 * cocos__rpc_finish() would give.
 */
int cocos__rpc_recv(cocos__rpc_call *call, cocos__rpc_msg **ret, cocos_error **err);
/* The same, unpacked. Free with protobuf_c_message_free_unpacked(m, NULL). "rpc.message" when it does not parse,
   or needs over COCOS__PB_MEMORY of its length. */
int cocos__rpc_recv_pb(cocos__rpc_call *call,
                       const ProtobufCMessageDescriptor *type,
                       ProtobufCMessage **ret,
                       cocos_error **err);
/*
 * Waits until flow control took it; the bytes are copied. On a client, when the server has ended
 * the call: the error that cocos__rpc_finish() would give.
 */
int cocos__rpc_send(cocos__rpc_call *call, const void *data, size_t len, cocos_error **err);
int cocos__rpc_send_pb(cocos__rpc_call *call, const ProtobufCMessage *msg, cocos_error **err);
/*
 * A message of head ‖ body (e.g. tag and length by cocos__pb_bytes_head(), then 1 MiB of file):
 * `body_take` is handed over without a copy and freed by free_fn(user) when the wire is done with it,
 * also on failure.
 */
int cocos__rpc_send_parts(cocos__rpc_call *call,
                          const void *head,
                          size_t head_len,
                          uint8_t *body_take,
                          size_t body_len,
                          void (*free_fn)(void *user),
                          void *user,
                          cocos_error **err);
/* Request metadata (server) or initial and trailing metadata (client, after the first message or the finish). NULL when absent. */
const uint8_t *cocos__rpc_metadata(const cocos__rpc_call *call, const char *key, size_t *len);
/* How often a key occurs. */
size_t cocos__rpc_metadata_count(const cocos__rpc_call *call, const char *key);
/* Ends the call at once with CANCELLED, from any thread. */
void cocos__rpc_cancel(cocos__rpc_call *call);
/* The connection below: exporter, peer certificate, uid (transport/tls.h), whether it is attested (transport/attested.h).
 * Never NULL; borrowed from the call. */
const cocos__conn *cocos__rpc_conn(const cocos__rpc_call *call);
/* Full method path, e.g. "/cocos.v1.Agent/Upload". */
const char *cocos__rpc_method_path(const cocos__rpc_call *call);

/* ---- Client ---- */

typedef struct cocos__rpc_channel_options {
    const char *target;             /* "host:port", "[::1]:port", "unix:/path"; "unix:///path" too */
    const cocos__tls_config *tls;   /* NULL: plaintext */
    const char *server_name;        /* SNI and name check; NULL: host of target */
    size_t max_message;             /* of one received message; 0: 4 MiB */
    int64_t deadline_ns;            /* for connecting, TLS and attestation included */
    cocos_cancel *cancel;           /* may be NULL; connecting only */
    const cocos__attest_options *attest; /* needs TLS; the server proves itself before anything is sent. NULL: no */
} cocos__rpc_channel_options;

/* Connects at once (an unreachable server fails here, "rpc.connect"); does not reconnect. */
int cocos__rpc_channel_open(const cocos__rpc_channel_options *o, cocos__rpc_channel **ret, cocos_error **err);
const cocos__conn *cocos__rpc_channel_conn(const cocos__rpc_channel *ch);
int cocos__rpc_channel_alive(const cocos__rpc_channel *ch); /* 0 once the connection was lost */
void cocos__rpc_channel_close(cocos__rpc_channel *ch);      /* calls must be finished; NULL allowed */
COCOS__DEFINE_FREEP(cocos__rpc_channel_closep, cocos__rpc_channel *, cocos__rpc_channel_close)

typedef struct cocos__rpc_meta {
    const char *key; /* lower case; "-bin" suffix: any bytes */
    const void *value;
    size_t len;
} cocos__rpc_meta;

int cocos__rpc_call_start(cocos__rpc_channel *ch,
                          const char *path,
                          const cocos__rpc_meta *meta,
                          size_t n_meta,
                          int64_t deadline_ns,
                          cocos_cancel *cancel,
                          cocos__rpc_call **ret,
                          cocos_error **err);
int cocos__rpc_send_end(cocos__rpc_call *call, cocos_error **err); /* half-close */
/*
 * The server's verdict: OK, or an error with the status that belongs to the gRPC code, the code of
 * trailer "cocos-error" and the server's text. Drains what was not received. Idempotent.
 */
int cocos__rpc_finish(cocos__rpc_call *call, cocos_error **err);
void cocos__rpc_call_free(cocos__rpc_call *call); /* cancels if not finished; NULL allowed */
COCOS__DEFINE_FREEP(cocos__rpc_call_freep, cocos__rpc_call *, cocos__rpc_call_free)

/* One request, one response. *ret: free with protobuf_c_message_free_unpacked(). */
int cocos__rpc_unary(cocos__rpc_channel *ch,
                     const char *path,
                     const cocos__rpc_meta *meta,
                     size_t n_meta,
                     const ProtobufCMessage *request,
                     const ProtobufCMessageDescriptor *response_type,
                     int64_t deadline_ns,
                     cocos_cancel *cancel,
                     ProtobufCMessage **ret,
                     cocos_error **err);

/* ---- Server ---- */

/*
 * Runs in a thread of its own for each call. What it returns ends the call: COCOS_OK, or the status,
 * code and message of *err (statuses map to gRPC codes as doc/errors.md says; the trailer
 * "cocos-error" carries the code). A handler that must notice a vanished client while it waits for
 * something else polls cocos__rpc_call_gone() or registers cocos__rpc_on_gone().
 */
typedef int (*cocos__rpc_handler)(cocos__rpc_call *call, void *user, cocos_error **err);

typedef struct cocos__rpc_method {
    const char *path;      /* "/package.Service/Method" */
    cocos__rpc_handler fn; /* NULL: answers UNIMPLEMENTED with code "rpc.unimplemented" and `why` */
    const char *why;       /* text for fn == NULL; NULL: a standard one */
    size_t max_message;    /* of one received message; 0: 64 KiB; larger gives RESOURCE_EXHAUSTED "rpc.message.size" */
    int direct;            /* also on a connection without attestation where attestation is required */
} cocos__rpc_method;

typedef struct cocos__rpc_server_options {
    const cocos__rpc_method *methods; /* borrowed for the server's life */
    size_t n_methods;
    void *user;                 /* handed to every handler */
    const char *const *health;  /* names that grpc.health.v1 reports SERVING ("" always), NULL-terminated; may be NULL */
    int reflection;             /* serve grpc.reflection.v1 and v1alpha over all of proto/ */
    size_t max_metadata;        /* 0: 64 KiB */
    size_t max_calls;           /* at once, all connections; 0: 256; more gives RESOURCE_EXHAUSTED "rpc.calls" */
    size_t max_strangers;       /* calls at once that are not yet known (cocos__rpc_call_known()); at it the oldest is cancelled; 0: no such limit */
    size_t max_calls_per_conn;  /* 0: 64 */
    size_t max_connections;     /* a listener's, handshakes included; 0: 1024; further ones are closed */
    int64_t handshake_ns;       /* TLS and attestation, evidence included, must be done by then; 0: 20 s */
    int64_t idle_ns;            /* a connection without any call for this long is closed; 0: 5 min */
    const cocos__attest_options *attest; /* copied; what clients that begin with a request get on listeners with TLS; NULL: no */
} cocos__rpc_server_options;

int cocos__rpc_server_new(const cocos__rpc_server_options *o, cocos__rpc_server **ret, cocos_error **err);

typedef struct cocos__rpc_listener cocos__rpc_listener; /* owned by its server */

/*
 * Listen and serve. `address`: "host:port" (port 0: any), "unix:/path" (mode 0600, a dead socket file
 * is replaced), or "fd:N" (a listening socket, taken: socket activation).
 * tls NULL: plaintext. May be called any time, several listeners at once.
 */
int cocos__rpc_server_listen(cocos__rpc_server *s,
                             const char *address,
                             const cocos__tls_config *tls,
                             cocos__rpc_listener **ret, /* may be NULL */
                             cocos_error **err);
/* "127.0.0.1:41234" or "unix:/path"; borrowed. */
const char *cocos__rpc_listener_address(const cocos__rpc_listener *l);
/* New connections from now on use `tls` (referenced); `close_old` != 0 ends the existing ones of this listener, calls in flight with UNAVAILABLE. */
void cocos__rpc_listener_set_tls(cocos__rpc_listener *l, const cocos__tls_config *tls, int close_old);
/*
 * From now on (or, with on == 0, no longer) this listener serves attested connections alone. Direct
 * ones that exist end; new ones get health, reflection not, and methods marked `direct`; everything
 * else there ends with STATE "rpc.attested". They close when their first call has ended.
 */
void cocos__rpc_listener_require_attested(cocos__rpc_listener *l, int on);
/* Stop accepting; no new calls; wait until running calls end or the deadline passes, then cancel them. */
void cocos__rpc_server_shutdown(cocos__rpc_server *s, int64_t deadline_ns);
/* Shuts down at once if that was not done; waits for every handler. NULL allowed. */
void cocos__rpc_server_free(cocos__rpc_server *s);
COCOS__DEFINE_FREEP(cocos__rpc_server_freep, cocos__rpc_server *, cocos__rpc_server_free)

/* Trailing metadata for the end of the call; value copied. Initial metadata before the first send. */
void cocos__rpc_add_trailer(cocos__rpc_call *call, const char *key, const void *value, size_t len);
void cocos__rpc_add_initial(cocos__rpc_call *call, const char *key, const void *value, size_t len);
/*
 * Makes a receive that waits for the client, now or later, fail with ABORTED "rpc.interrupted", so that the
 * handler can end the call with a status of its own. From any thread while the handler runs.
 */
void cocos__rpc_interrupt(cocos__rpc_call *call);
/* The handler knows its client now: the call keeps its place when strangers crowd in. */
void cocos__rpc_call_known(const cocos__rpc_call *call);
/* Ends the connection below the call, with all calls on it. */
void cocos__rpc_kill_conn(const cocos__rpc_call *call);
/* 1 when the client cancelled, vanished, or its deadline passed. */
int cocos__rpc_call_gone(const cocos__rpc_call *call);
/* fn(user) once when that happens (or at once), from another thread and under a lock that this call takes too; removed when the handler returns or by NULL. */
void cocos__rpc_on_gone(cocos__rpc_call *call, void (*fn)(void *user), void *user);

/* ---- Protobuf in place ---- */

/* Tag and length of a bytes field: writes at most 16 bytes into head, returns how many. */
size_t cocos__pb_bytes_head(uint8_t head[16], uint32_t field, size_t len);
/*
 * When the message consists of exactly one length-delimited field `field`, its content, in place
 * (field and content span); otherwise returns 0.
 */
int cocos__pb_only_bytes(cocos__span message, uint32_t field, cocos__span *content);

/*
 * A message in memory that is at most so much; NULL when it does not parse, needs more, or has text
 * that is no UTF-8 or holds a zero byte. Free with protobuf_c_message_free_unpacked(m, NULL). What
 * comes from outside is unpacked this way only.
 */
ProtobufCMessage *
cocos__pb_unpack(const ProtobufCMessageDescriptor *type, cocos__span bytes, size_t max_memory);
#define COCOS__PB_MEMORY(len) (16u * 1024 + 8 * (len)) /* for messages without many tiny parts */

#endif
