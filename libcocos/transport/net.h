/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_NET_H
#define COCOS_TRANSPORT_NET_H

/* Sockets: addresses in text, connecting with deadline and cancel, listening. */

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/error.h"

enum cocos__net_kind { COCOS__NET_TCP = 1, COCOS__NET_UNIX = 2, COCOS__NET_FD = 3 };

typedef struct cocos__net_address {
    enum cocos__net_kind kind;
    char host[256]; /* empty when listening: every address */
    char port[16];
    char path[108]; /* sun_path */
    int fd;
} cocos__net_address;

/* "host:port", "[::1]:port", ":port", "unix:/path", "unix:///path", "fd:3". */
int cocos__net_parse(const char *text, cocos__net_address *ret, cocos_error **err);

/* Wait for poll(2) events. TIMEOUT "net.timeout" or CANCELLED "net.cancelled" with `what` in the
 * text. */
int cocos__net_wait(int fd,
                    short events,
                    int64_t deadline_ns,
                    const cocos_cancel *cancel,
                    const char *what,
                    cocos_error **err);

/* A connected, non-blocking, close-on-exec socket. Tries each address of the host in turn. */
int cocos__net_connect(const cocos__net_address *a,
                       int64_t deadline_ns,
                       const cocos_cancel *cancel,
                       int *ret,
                       cocos_error **err);

/* A listening, non-blocking, close-on-exec socket. Unix: mode 0600, a dead socket file is replaced.
 */
int cocos__net_listen(const cocos__net_address *a, int *ret, cocos_error **err);

/* "127.0.0.1:41234", "[::1]:41234", "unix:/path" (peer != 0: "unix"), for messages and logs. */
void cocos__net_describe(int fd, int peer, char *out, size_t size);

/* No delay, and keepalive probes, so that a dead peer is noticed within two minutes. TCP only. */
void cocos__net_tune(int fd);

#endif
