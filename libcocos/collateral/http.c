/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a service again when it says that this helps, and for how long. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/hex.h"
#include "collateral/fetcher.h"
#include "collateral/session.h"

#define TRIES_MAX 3 /* when the service fails without asking for patience */
#define PAUSE_MAX 30

enum verdict { DONE, HOPELESS, BUSY, BROKEN };

static void response_init(cocos__http_response *a, size_t limit)
{
    *a = (cocos__http_response){.status = 0};
    cocos__buf_init(&a->body, limit);
    cocos__buf_init(&a->header, COCOS__HTTP_HEADER_MAX);
}

static void response_done(cocos__http_response *a)
{
    cocos__buf_done(&a->body);
    cocos__buf_done(&a->header);
}

static int fail_status(const cocos__resource *q, const cocos__http_response *a, cocos_error **err)
{
    if (a->status == 404)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "collateral.none", "%s: no such thing (404)",
                           q->url);
    if ((a->status == 429 || a->status == 503) && a->retry_after_s > 0)
        return cocos__fail(err, COCOS_ERR_BUSY, "collateral.busy",
                           "%s asks to come back in %lld s (%d)", q->url,
                           (long long)a->retry_after_s, a->status);
    if (a->status == 429 || a->status == 503)
        return cocos__fail(err, COCOS_ERR_BUSY, "collateral.busy",
                           "%s asks to come back later (%d)", q->url, a->status);
    return cocos__fail(err, COCOS_ERR_IO, "collateral.http", "%s answers with status %d", q->url,
                       a->status);
}

static int judge_type(const cocos__resource *q, const cocos__http_response *a, cocos_error **err)
{
    /* A page of a proxy or portal; no service answers with one. */
    if (strcasecmp(a->type, "text/html") == 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "collateral.type",
                           "%s answers with a web page", q->url);
    if (q->answer && strcasecmp(a->type, q->answer) != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "collateral.type",
                           "%s answers with %s and not with %s", q->url,
                           a->type[0] ? a->type : "no media type", q->answer);
    return COCOS_OK;
}

/* What one attempt came to; *err says why unless it is DONE. */
static enum verdict
judge(const cocos__resource *q, const cocos__http_response *a, int r, cocos_error **err)
{
    if (r < 0)
        return strcmp(cocos_error_code(*err), "collateral.cut") == 0 ? BROKEN : HOPELESS;
    if (a->status == 200)
        return judge_type(q, a, err) == COCOS_OK ? DONE : HOPELESS;
    fail_status(q, a, err);
    if (a->status == 429 || a->status == 503)
        return BUSY;
    return a->status == 500 || a->status == 502 || a->status == 504 ? BROKEN : HOPELESS;
}

/* AMD's limit is one request in about ten seconds (AMD 57230), told by Retry-After or not at all.
 */
static int64_t pause_ns(const cocos__http_response *a, unsigned attempt)
{
    int64_t s = a->retry_after_s > 0 ? a->retry_after_s
                : attempt < 5        ? INT64_C(1) << attempt
                                     : PAUSE_MAX;

    return s > INT32_MAX ? INT64_MAX : s * COCOS__NS_PER_S;
}

/* 0 when it waited, else the failure. */
static int wait_ns(cocos__session *s, int64_t ns, cocos_error **err)
{
    int64_t until = cocos_deadline_in(ns);
    struct pollfd p = {.fd = cocos__cancel_fd(s->cancel), .events = POLLIN};
    int n;

    do {
        n = poll(&p, 1, cocos__deadline_left_ms(until));
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled", "cancelled");
    s->patience_ns -= ns;
    return COCOS_OK;
}

static int one_attempt(const cocos__session *s,
                       const cocos__fetcher *f,
                       const cocos__resource *q,
                       cocos__http_response *a,
                       cocos_error **err)
{
    const char *ca = cocos__collateral_option(s->options, COCOS__COLLATERAL_CA);
    int64_t limit = cocos_deadline_in(
        cocos__collateral_seconds(s->options, COCOS__COLLATERAL_ATTEMPT) * COCOS__NS_PER_S);
    cocos__http_request request = {.url = q->url,
                                   .header = q->header,
                                   .type = q->type,
                                   .body = q->send,
                                   .ca_file = *ca ? ca : NULL,
                                   .deadline_ns = cocos__deadline_min(limit, s->deadline_ns),
                                   .cancel = s->cancel,
                                   .limit = q->limit};

    cocos__log(COCOS_LOG_DEBUG, "collateral", "asking %s", q->url);
    return f->ask(&request, a, err);
}

static int is_hex(const cocos__buf *b)
{
    for (size_t i = 0; i < b->len; i++) {
        if (!isxdigit(b->data[i]))
            return 0;
    }
    return b->len > 0 && b->len % 2 == 0;
}

static int take(const cocos__resource *q,
                const cocos__http_response *a,
                cocos__material *ret,
                cocos_error **err)
{
    size_t n = a->body.len;

    int r = cocos__percent_decode((cocos__span){a->header.data, a->header.len}, &ret->chain, err);
    if (r < 0)
        return r;
    cocos__buf_reset(&ret->body);
    if (q->may_be_hex && is_hex(&a->body)) {
        uint8_t *out = cocos__buf_room(&ret->body, n / 2);
        if (out)
            return cocos__hex_decode((const char *)a->body.data, n, out, n / 2, err);
    } else {
        cocos__buf_add(&ret->body, a->body.data, n);
    }
    return ret->body.failed ? cocos__fail_memory(err) : COCOS_OK;
}

/* Is there a next attempt, and after which pause? */
static int may_retry(const cocos__session *s, enum verdict v, unsigned attempt, int64_t pause)
{
    if (v == HOPELESS || (v == BROKEN && attempt + 1 >= TRIES_MAX))
        return 0;
    return pause <= s->patience_ns && pause < cocos__deadline_left_ns(s->deadline_ns);
}

int cocos__http_fetch(cocos__session *s,
                      const cocos__resource *q,
                      cocos__material *ret,
                      cocos_error **err)
{
    const cocos__fetcher *f = NULL;

    int r = cocos__fetcher_get(&f, err);
    for (unsigned attempt = 0; r == COCOS_OK; attempt++) {
        COCOS__CLEANUP(response_done) cocos__http_response a;
        COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

        response_init(&a, q->limit);
        r = one_attempt(s, f, q, &a, &why);
        enum verdict v = judge(q, &a, r, &why);
        if (v == DONE)
            return take(q, &a, ret, err);
        int64_t pause = pause_ns(&a, attempt);
        if (!may_retry(s, v, attempt, pause)) {
            r = cocos_error_status(why);
            if (err)
                *err = COCOS__STEAL(why);
            return r;
        }
        r = wait_ns(s, pause, err);
    }
    return r;
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int cocos__percent_decode(cocos__span text, cocos__buf *out, cocos_error **err)
{
    cocos__buf_reset(out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '%') {
            cocos__buf_add_u8(out, text.data[i]);
            continue;
        }
        int high = text.len - i > 2 ? digit(text.data[i + 1]) : -1;
        int low = text.len - i > 2 ? digit(text.data[i + 2]) : -1;
        if (high < 0 || low < 0)
            return cocos__fail(
                err, COCOS_ERR_MALFORMED, "collateral.header",
                "byte %zu of the header with the issuer chain is not percent-encoded", i);
        cocos__buf_add_u8(out, (uint8_t)(high << 4 | low));
        i += 2;
    }
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}
