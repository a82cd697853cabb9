/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_RPC_SERVER_H
#define COCOS_RPC_SERVER_H

/* What the files of the server share: server.c (life, calls), listener.c (connections), health.c,
 * reflection.c. */

#include "rpc/call.h"

struct cocos__rpc_listener {
    int is_listener; /* 1; first member, see listener.c */
    cocos__rpc_server *server;
    int fd;
    char address[160];
    char unlink_path[108]; /* of a Unix socket that we made */
    dev_t dev;
    ino_t ino;
    cocos__tls_config *tls; /* guarded by the server's lock, like what follows */
    int attested_only;
    struct cocos__rpc_listener *next;
};

/* One accepted connection. */
typedef struct cocos__rpc_link {
    int is_listener; /* 0 */
    cocos__rpc_server *server;
    cocos__rpc_listener *listener;
    cocos__conn *conn;
    cocos__tls_config *tls;
    int grpc_fd;    /* N of the peer name "fd:N"; -1 until handed over */
    size_t calls;   /* how many it ever made */
    int has_shaken; /* TLS: its handshake is done; guarded by the server's lock, like what follows
                     */
    int ousted;     /* was ended to make room */
    int64_t end_ns; /* it is ended then; 0: not */
    struct cocos__rpc_link *next;
    struct cocos__rpc_link *prev;
} cocos__rpc_link;

/* A call that waits for a thread. */
typedef struct cocos__rpc_job {
    cocos__rpc_call *call;
    const cocos__rpc_method *method;
    struct cocos__rpc_job *next;
} cocos__rpc_job;

struct cocos__rpc_server {
    cocos__rpc_server_options o;  /* with defaults filled in */
    cocos__attest_options attest; /* o.attest points here, unless NULL */
    cocos__rpc_method *methods;   /* the user's and ours */
    size_t n_methods;
    grpc_server *server;
    cocos__rpc_queue queue;
    cocos__rpc_op shutdown_op;
    int epoll;
    int wake; /* eventfd */
    pthread_t accept_thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    pthread_cond_t work; /* jobs, or quit */
    int stopping;
    int shut_down;
    int shutdown_begun;
    size_t calls;
    size_t strangers; /* of them, see strangers.c */
    cocos__rpc_call *oldest_stranger;
    cocos__rpc_call *newest_stranger;
    size_t memory_calls; /* call objects that are not yet freed */
    size_t threads;      /* handlers', idle ones too */
    size_t idle;
    cocos__rpc_job *jobs_first;
    cocos__rpc_job *jobs_last;
    int quit; /* idle threads end */
    cocos__rpc_listener *listeners;
    cocos__rpc_link *links; /* newest first */
    size_t n_links;
    int64_t full_since_ns; /* too many of them are ending; 0: not */
    int64_t next_end_ns;   /* the earliest end_ns of them; 0: none */
};

/* listener.c */
int cocos__rpc_accept_start(cocos__rpc_server *s, cocos_error **err);
void cocos__rpc_accept_wake(cocos__rpc_server *s);
void cocos__rpc_accept_stop(cocos__rpc_server *s); /* after the last connection is gone */
void cocos__rpc_links_kill(cocos__rpc_server *s, int handshakes_only);
/*
 * The connection of a call, with a reference; NULL when it is gone. Counts the call. *direct_only:
 * it is not attested where that is required.
 */
cocos__conn *cocos__rpc_link_find(cocos__rpc_server *s, grpc_call *call, int *direct_only);
/* The call on this connection has ended; closes it soon if it is one of those. */
void cocos__rpc_link_leave(cocos__rpc_server *s, const cocos__conn *conn);

/* strangers.c, lock held. add: the call that has to give way, with a reference, or NULL. */
cocos__rpc_call *cocos__rpc_stranger_add(cocos__rpc_server *s, cocos__rpc_call *c);
void cocos__rpc_stranger_remove(cocos__rpc_server *s, cocos__rpc_call *c);

/* health.c, reflection.c: handlers with the server as `user` */
int cocos__rpc_health_check(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__rpc_health_watch(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__rpc_reflect(cocos__rpc_call *call, void *user, cocos_error **err);

#endif
