/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COLLATERAL_SESSION_H
#define COCOS_COLLATERAL_SESSION_H

/*
 * One call that fetches: things are got by URL, from the cache or the network, and nobody sees one
 * that its check has not passed.
 */

#include <limits.h>

#include "collateral/options.h"

#define COCOS__COLLATERAL_URL_MAX 1024

typedef struct cocos__session {
    const cocos_collateral_options *options;
    const cocos__certs *roots; /* NULL: the vendors' */
    int64_t now_s;             /* seconds since 1970 */
    int64_t deadline_ns;
    int64_t patience_ns; /* what is left of it */
    cocos_cancel *cancel;
    int offline;
    int anew; /* no copy of what is renewed is fresh enough */
    char cache[PATH_MAX]; /* directory; "": none */
} cocos__session;

void cocos__session_init(cocos__session *s,
                         const cocos_collateral_options *options,
                         int64_t deadline_ns,
                         cocos_cancel *cancel);

/* Something that was fetched, now or before. */
typedef struct cocos__material {
    cocos__buf body;
    cocos__buf chain; /* PEM of the issuer chain that came in a header */
    int64_t fetched_s;
} cocos__material;

void cocos__material_init(cocos__material *m, size_t limit);
void cocos__material_done(cocos__material *m);

typedef struct cocos__resource {
    const char *url;
    const char *header; /* with the issuer chain, percent-encoded; NULL: none */
    const char *type;   /* media type of what is sent; NULL: nothing is */
    cocos__span send;
    const char *answer; /* media type that the answer must have; NULL: any but a web page */
    size_t limit;       /* bytes of the body */
    int may_be_hex;     /* Intel's PCCS writes the root's revocation list in hex digits */
    int renewed;        /* issued anew from time to time: asked for again after a day */
    /* Is it what was asked for, signed up to a trusted root and current? */
    int (*check)(void *user, const cocos__material *m, cocos_error **err);
    void *user;
} cocos__resource;

/*
 * From the cache when that holds, else from the network and into the cache. A copy that is still
 * valid also serves when the network does not.
 */
int cocos__material_get(cocos__session *s,
                        const cocos__resource *q,
                        cocos__material *ret,
                        cocos_error **err);

/* From the network, patiently; nothing is checked but that it is an answer. */
int cocos__http_fetch(cocos__session *s,
                      const cocos__resource *q,
                      cocos__material *ret,
                      cocos_error **err);

/*
 * A file for each URL, written by rename, so that processes can share the directory. load:
 * NOT_FOUND; MALFORMED "collateral.cache". What it gives still has to be checked.
 */
int cocos__cache_load(const cocos__session *s,
                      const cocos__resource *q,
                      cocos__material *ret,
                      cocos_error **err);
int cocos__cache_store(const cocos__session *s,
                       const cocos__resource *q,
                       const cocos__material *m,
                       cocos_error **err);
/* $XDG_CACHE_HOME/cocos or $HOME/.cache/cocos; "" when neither is an absolute path. */
void cocos__cache_default_dir(char *out, size_t size);

/*
 * Percent-decoding of a header; nothing else is changed. MALFORMED "collateral.header".
 */
int cocos__percent_decode(cocos__span text, cocos__buf *out, cocos_error **err);

#endif
