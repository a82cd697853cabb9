/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_RPC_CALL_H
#define COCOS_RPC_CALL_H

/* The call object of both sides. */

#include "rpc/message.h"
#include "transport/conn.h"

/* Operations that may be under way at the same time; each one at most once. */
enum cocos__rpc_slot_kind {
    COCOS__RPC_START = 0, /* client: initial metadata, both ways */
    COCOS__RPC_SEND = 1,
    COCOS__RPC_RECV = 2,
    COCOS__RPC_CLOSE = 3,  /* client: status from server; server: whether the client went */
    COCOS__RPC_FINISH = 4, /* server: status to client */
    COCOS__RPC_SLOTS = 5
};

typedef struct cocos__rpc_slot {
    cocos__rpc_op op;
    pthread_cond_t cond;
    int busy;
    int done;
    int success;
} cocos__rpc_slot;

/* Metadata that we send; must live until the call is over. */
typedef struct cocos__rpc_meta_out {
    grpc_metadata *list;
    size_t n;
} cocos__rpc_meta_out;

struct cocos__rpc_call {
    grpc_call *call;
    int is_client;
    char *path;
    cocos__conn *conn; /* reference */
    size_t max_message;
    atomic_int cancelled; /* by our side */

    pthread_mutex_t lock; /* guards what follows */
    unsigned refs;        /* the user, and one for each operation under way */
    cocos__rpc_slot slots[COCOS__RPC_SLOTS];
    grpc_byte_buffer *received;
    grpc_metadata_array initial; /* client: from the server; server: from the client */
    int initial_ready;
    grpc_metadata_array trailing; /* client */
    cocos__rpc_meta_out initial_out;
    cocos__rpc_meta_out trailing_out;
    int initial_sent; /* server */
    int half_closed;  /* client */
    int recv_ended;
    int interrupted;         /* server: nobody waits for the client any more */
    grpc_status_code status; /* client: from server; server: to client */
    grpc_slice details;
    const char *error_string;

    cocos_cancel *cancel; /* client */
    cocos__cancel_hook hook;

    int close_cancelled; /* server: filled by RECV_CLOSE_ON_SERVER */
    atomic_int gone;
    pthread_mutex_t gone_lock; /* held while gone_fn runs */
    void (*gone_fn)(void *user);
    void *gone_user;

    void (*released)(void *owner); /* after the memory is gone */
    void *owner;                   /* server: the cocos__rpc_server */

    int direct_only; /* server: its connection closes behind it, see cocos__rpc_link_leave() */

    int is_stranger; /* guarded by the server's lock, like its neighbours among the strangers */
    cocos__rpc_call *older;
    cocos__rpc_call *newer;
};

/* A call object with one reference; takes `call` and, on success, a reference to conn. */
int cocos__rpc_call_new(grpc_call *call_take,
                        const char *path,
                        const cocos__conn *conn,
                        size_t max_message,
                        cocos__rpc_call **ret,
                        cocos_error **err);
void cocos__rpc_call_hold(cocos__rpc_call *call);
void cocos__rpc_call_drop(cocos__rpc_call *call);

/* 0 when the operations could not be started. wait: whether they succeeded. */
int cocos__rpc_slot_start(cocos__rpc_call *c,
                          enum cocos__rpc_slot_kind kind,
                          const grpc_op *ops,
                          size_t n);
int cocos__rpc_slot_wait(cocos__rpc_call *c, enum cocos__rpc_slot_kind kind);
int cocos__rpc_slot_is_done(cocos__rpc_call *c, enum cocos__rpc_slot_kind kind);

int cocos__rpc_meta_add(cocos__rpc_meta_out *m, const char *key, const void *value, size_t len);

/* The next raw message, NULL at the end or when the call broke. */
grpc_byte_buffer *cocos__rpc_recv_buffer(cocos__rpc_call *c);
/* Takes the buffer, NULL when out of memory. `last` != 0 half-closes behind it (client). */
int cocos__rpc_send_buffer(cocos__rpc_call *c, grpc_byte_buffer *take, int last, cocos_error **err);

/* Server: the end of the call as *e says (borrowed, NULL: OK); the FINISH slot is under way then.
 */
int cocos__rpc_finish_start(cocos__rpc_call *c, int status, const cocos_error *e);
/* Server: learn when the client goes. */
void cocos__rpc_watch_close(cocos__rpc_call *c);

/* Client (client.c): waits for the server's status, which must be near, and returns it. */
int cocos__rpc_verdict(cocos__rpc_call *c, cocos_error **err);

#endif
