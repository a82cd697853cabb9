/* SPDX-License-Identifier: Apache-2.0 */
/* Cache first, then the network; and the order in which things are believed. */
#include "collateral/session.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "collateral/fetcher.h"

#define REFRESH_S INT64_C(86400)

void cocos__session_init(cocos__session *s,
                         const cocos_collateral_options *o,
                         int64_t deadline_ns,
                         cocos_cancel *cancel)
{
    *s = (cocos__session){
        .options = o,
        .roots = cocos__collateral_roots(o),
        .now_s = cocos__clock_wall_ns() / COCOS__NS_PER_S,
        .deadline_ns = deadline_ns,
        .patience_ns = cocos__collateral_seconds(o, COCOS__COLLATERAL_PATIENCE) * COCOS__NS_PER_S,
        .cancel = cancel,
        .offline = strcmp(cocos__collateral_option(o, COCOS__COLLATERAL_OFFLINE), "true") == 0};
    if (o && o->values[COCOS__COLLATERAL_CACHE])
        snprintf(s->cache, sizeof s->cache, "%s", o->values[COCOS__COLLATERAL_CACHE]);
    else
        cocos__cache_default_dir(s->cache, sizeof s->cache);
}

void cocos__material_init(cocos__material *m, size_t limit)
{
    cocos__buf_init(&m->body, limit);
    cocos__buf_init(&m->chain, COCOS__HTTP_HEADER_MAX);
    m->fetched_s = 0;
}

void cocos__material_done(cocos__material *m)
{
    cocos__buf_done(&m->body);
    cocos__buf_done(&m->chain);
}

/* Loaded and checked. What is refused is as good as not there, but told: somebody wrote it. */
static int from_cache(const cocos__session *s,
                      const cocos__resource *q,
                      cocos__material *ret,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    int r = cocos__cache_load(s, q, ret, &why);
    if (r == COCOS_OK)
        r = q->check(q->user, ret, &why);
    if (r < 0 && r != COCOS_ERR_NOT_FOUND && r != COCOS_ERR_MEMORY &&
        strcmp(cocos_error_code(why), "collateral.stale") != 0)
        cocos__log_error(COCOS_LOG_WARN, "collateral", "an entry of the cache is refused", why);
    if (r < 0 && err)
        *err = COCOS__STEAL(why);
    return r;
}

/* A clock that went back makes an entry look like one from the future: then it is asked for again.
 */
static int is_fresh(const cocos__session *s, const cocos__resource *q, const cocos__material *m)
{
    return !q->renewed ||
           (!s->anew && m->fetched_s <= s->now_s && s->now_s - m->fetched_s < REFRESH_S);
}

static int
from_network(cocos__session *s, const cocos__resource *q, cocos__material *ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    int r = cocos__http_fetch(s, q, ret, err);
    if (r < 0)
        return r;
    ret->fetched_s = s->now_s;
    r = q->check(q->user, ret, &why);
    if (r < 0) {
        const char *code = cocos_error_code(why);
        const char *message = cocos_error_message(why);
        return cocos__fail_cause(err, r, code, COCOS__STEAL(why), "%s sends: %s", q->url, message);
    }
    /* A full disk does not make the answer worse. */
    if (cocos__cache_store(s, q, ret, &why) < 0)
        cocos__log_error(COCOS_LOG_WARN, "collateral", "the cache cannot be written", why);
    return COCOS_OK;
}

static int is_outage(int status)
{
    return status == COCOS_ERR_IO || status == COCOS_ERR_TIMEOUT || status == COCOS_ERR_BUSY;
}

int cocos__material_get(cocos__session *s,
                        const cocos__resource *q,
                        cocos__material *ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *absent = NULL;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    COCOS__CLEANUP(cocos__material_done) cocos__material old;

    cocos__material_init(&old, q->limit);
    int cached = from_cache(s, q, &old, &absent);
    if (cached == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (cached < 0 && s->offline)
        return cocos__fail_cause(err, COCOS_ERR_NOT_FOUND, "collateral.offline",
                                 COCOS__STEAL(absent),
                                 "offline, and the cache has nothing valid for %s", q->url);
    if (cached < 0 || (!s->offline && !is_fresh(s, q, &old))) {
        int r = from_network(s, q, ret, &why);
        if (r == COCOS_OK)
            return COCOS_OK;
        if (cached < 0 || !is_outage(r)) {
            if (err)
                *err = COCOS__STEAL(why);
            return r;
        }
        cocos__log_error(COCOS_LOG_WARN, "collateral", "the copy in the cache has to serve", why);
    }
    cocos__material_done(ret);
    *ret = old;
    cocos__material_init(&old, 0);
    return COCOS_OK;
}
