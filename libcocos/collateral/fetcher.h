/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COLLATERAL_FETCHER_H
#define COCOS_COLLATERAL_FETCHER_H

/* What the private module libcocos-fetch.so does: one HTTP request, without judging the answer. */

#include <cocos/common.h>

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__HTTP_HEADER_MAX 65536 /* bytes of the one response header that is kept */

/* What is asked. All borrowed. */
typedef struct cocos__http_request {
    const char *url;      /* http or https; redirects stay in its scheme */
    const char *header;   /* name of the response header to keep; NULL: none */
    const char *type;     /* media type of the body of a POST; NULL: a GET */
    cocos__span body;     /* of a POST */
    const char *ca_file;  /* PEM; NULL: the system's roots */
    int64_t deadline_ns;  /* of this one attempt */
    cocos_cancel *cancel; /* may be NULL */
    size_t limit;         /* bytes of the body */
} cocos__http_request;

/* What came. */
typedef struct cocos__http_response {
    int status;
    int64_t retry_after_s; /* 0: not said */
    char type[64];         /* media type, "" when not said */
    cocos__buf body;
    cocos__buf header; /* value of the wanted header */
} cocos__http_response;

typedef struct cocos__fetcher {
    const char *version; /* first: see base/module.h */
    /*
     * Any complete answer is COCOS_OK, whatever its status. IO "collateral.connect",
     * "collateral.tls", "collateral.cut", "collateral.answer"; TIMEOUT "collateral.timeout";
     * EXHAUSTED "collateral.size"; DENIED "collateral.redirect"; CANCELLED.
     */
    int (*ask)(const cocos__http_request *q, cocos__http_response *ret, cocos_error **err);
} cocos__fetcher;

#define COCOS__FETCHER_ENTRY "cocos__fetch_module"

COCOS_API const cocos__fetcher *cocos__fetch_module(void);

/* Loads the module on first use. UNSUPPORTED "collateral.module". */
int cocos__fetcher_get(const cocos__fetcher **ret, cocos_error **err);

#endif
