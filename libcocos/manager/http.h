/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANAGER_HTTP_H
#define COCOS_MANAGER_HTTP_H

/*
 * A GET-only HTTP/1.1 responder on loopback for probes and metrics. One thread, one answer a
 * connection, every connection ends within seconds whatever its peer does.
 */

#include "base/bytes.h"
#include "base/error.h"

typedef struct cocos__http cocos__http;

/* Fills body for a path; 0: there is no such path. From the responder's thread. */
typedef int (*cocos__http_fn)(
    void *user, const char *path, int *status, const char **type, cocos__buf *body);

int cocos__http_start(
    const char *address, cocos__http_fn fn, void *user, cocos__http **ret, cocos_error **err);
const char *cocos__http_address(const cocos__http *h);
void cocos__http_stop(cocos__http *h); /* NULL allowed */

#define COCOS__HTTP_HEAD_MAX 8192
#define COCOS__HTTP_PATH_MAX 256

enum cocos__http_parse {
    COCOS__HTTP_MORE = 0, /* the head is not complete */
    COCOS__HTTP_GET = 1,
    COCOS__HTTP_HEAD = 2,
    COCOS__HTTP_OTHER = 3, /* another method */
    COCOS__HTTP_BAD = 4
};

/* Judge what has arrived so far; path is filled for GET and HEAD, without its query. */
enum cocos__http_parse
cocos__http_parse(const char *data, size_t len, char path[COCOS__HTTP_PATH_MAX]);

#endif
