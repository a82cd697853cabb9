/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANAGER_MANAGER_H
#define COCOS_MANAGER_MANAGER_H

#include <cocos/manager.h>

#include "base/cancel.h"
#include "enclave/enclave.h"
#include "manager/http.h"
#include "manager/metrics.h"
#include "rpc/rpc.h"

#define COCOS__MANAGER_LISTENERS_MAX 16

struct cocos_manager_options {
    struct {
        char *address;
        int tls;
    } listen[COCOS__MANAGER_LISTENERS_MAX];
    size_t n_listen;
    char *cert;
    char *key;
    char *client_ca;
    char *http;
    char *instance_id;
    int owner_by_subject;
};

struct cocos_manager {
    cocos_host *host; /* borrowed */
    cocos__rpc_server *server;
    cocos__rpc_listener *listeners[COCOS__MANAGER_LISTENERS_MAX];
    size_t n_listeners;
    cocos__http *http;
    char *instance_id;
    int owner_by_subject;
    cocos__metrics metrics;
    int stopping; /* atomic */
};

/* service.c: the methods of cocos.v1.Manager; user is the cocos_manager. */
extern const cocos__rpc_method cocos__manager_methods[];
extern const size_t cocos__manager_n_methods;

/* Who asks, from the connection alone. buf holds the owner's text. */
int cocos__manager_caller(const cocos_manager *m,
                          const cocos__conn *conn,
                          char buf[COCOS__OWNER_MAX + 1],
                          cocos__caller *ret,
                          cocos_error **err);

/* answers.c: content of the HTTP paths; 0 when there is no such path. */
int cocos__manager_answer(
    void *user, const char *path, int *status, const char **type, cocos__buf *body);

#endif
