/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request by libcurl; the function that libcocos-fetch.so exports. */
#include <cocos/version.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "collateral/fetcher.h"

#define CONNECT_MS    10000L
#define REDIRECTS_MAX 3L
#define HEADERS_MAX   (256 * 1024) /* bytes of all headers of one request */
#define WAKE_MS       1000         /* libcurl's own timers may be earlier */

COCOS__DEFINE_FREEP(easy_freep, CURL *, curl_easy_cleanup)
COCOS__DEFINE_FREEP(multi_freep, CURLM *, curl_multi_cleanup)
COCOS__DEFINE_FREEP(list_freep, struct curl_slist *, curl_slist_free_all)

typedef struct transfer {
    const cocos__http_request *q;
    cocos__http_response *answer;
    size_t headers; /* bytes */
    int too_large;
    char why[CURL_ERROR_SIZE];
} transfer;

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    transfer *t = user;

    t->too_large = size * n > t->q->limit - t->answer->body.len;
    if (t->too_large)
        return 0;
    cocos__buf_add(&t->answer->body, data, size * n);
    return t->answer->body.failed ? 0 : size * n;
}

/* Keeps the wanted header of the last response: a redirect's own headers are forgotten. */
static size_t on_header(char *line, size_t size, size_t n, void *user)
{
    transfer *t = user;
    size_t len = size * n;
    size_t name = t->q->header ? strlen(t->q->header) : 0;

    /* libcurl keeps them all. */
    t->headers += len;
    t->too_large = t->headers > HEADERS_MAX;
    if (t->too_large)
        return 0;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        cocos__buf_reset(&t->answer->header);
    if (name == 0 || len <= name || line[name] != ':' || strncasecmp(line, t->q->header, name) != 0)
        return len;
    size_t at = name + 1;
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (len > at && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    /* Given twice, nobody can say which one counts. */
    if (t->answer->header.len > 0)
        t->answer->header.failed = 1;
    cocos__buf_add(&t->answer->header, line + at, len - at);
    return t->answer->header.failed ? 0 : size * n;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int set_up(CURL *c, transfer *t)
{
    /* Only the scheme that the caller wrote; a redirect may not leave it either. */
    const char *scheme = strncmp(t->q->url, "https:", 6) == 0 ? "https" : "http";
    int ok = curl_easy_setopt(c, CURLOPT_URL, t->q->url) == CURLE_OK;

    ok = ok && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, scheme) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, scheme) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS_MAX) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_USERAGENT, "libcocos/" COCOS_VERSION_STRING) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why) == CURLE_OK;
    if (t->q->ca_file) {
        ok = ok && curl_easy_setopt(c, CURLOPT_CAINFO, t->q->ca_file) == CURLE_OK;
        ok = ok && curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    return ok;
}

/* The body of a POST, which a redirect does not turn into a GET. *headers must outlive the
 * transfer. */
static int set_up_body(CURL *c, const cocos__http_request *q, struct curl_slist **headers)
{
    char type[128];

    if (!q->type)
        return 1;
    snprintf(type, sizeof type, "Content-Type: %s", q->type);
    *headers = curl_slist_append(NULL, type);
    return *headers && curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.data) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTPHEADER, *headers) == CURLE_OK;
}

/* Our own limits, which libcurl reports as a failed write. */
static int explain_limit(const transfer *t, cocos_error **err)
{
    if (t->answer->body.failed)
        return cocos__fail_memory(err);
    if (t->too_large)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "collateral.size",
                           "%s sends more than %zu bytes, or %d bytes of headers", t->q->url,
                           t->q->limit, HEADERS_MAX);
    return cocos__fail(err, COCOS_ERR_EXHAUSTED, "collateral.size",
                       "%s sends header %s twice, or with more than %d bytes", t->q->url,
                       t->q->header, COCOS__HTTP_HEADER_MAX);
}

/* What libcurl says of a URL, of a redirect to one, and of an answer without a status line. */
static int
explain_url(CURL *c, const transfer *t, CURLcode code, const char *why, cocos_error **err)
{
    long redirects = 0;
    long status = 0;

    curl_easy_getinfo(c, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (redirects > 0 || (status >= 300 && status < 400))
        return cocos__fail(err, COCOS_ERR_DENIED, "collateral.redirect",
                           "%s redirects out of its scheme, or more than %ld times: %s", t->q->url,
                           REDIRECTS_MAX, why);
    if (code == CURLE_URL_MALFORMAT)
        return cocos__fail(err, COCOS_ERR_IO, "collateral.connect", "%s: %s", t->q->url, why);
    return cocos__fail(err, COCOS_ERR_IO, "collateral.answer", "%s: no answer of HTTP: %s",
                       t->q->url, why);
}

/* A proxy that refuses a tunnel looks like an answer that was cut. */
static int explain_cut(CURL *c, const transfer *t, const char *why, cocos_error **err)
{
    long proxy = 0;

    curl_easy_getinfo(c, CURLINFO_HTTP_CONNECTCODE, &proxy);
    if (proxy != 0 && proxy != 200)
        return cocos__fail(err, COCOS_ERR_IO, "collateral.connect",
                           "%s: the proxy answers with status %ld", t->q->url, proxy);
    return cocos__fail(err, COCOS_ERR_IO, "collateral.cut", "%s: the answer is cut: %s", t->q->url,
                       why);
}

static int explain(CURL *c, const transfer *t, CURLcode code, cocos_error **err)
{
    const char *why = t->why[0] ? t->why : curl_easy_strerror(code);
    const char *url = t->q->url;

    switch (code) {
    case CURLE_WRITE_ERROR:
        return explain_limit(t, err);
    case CURLE_OUT_OF_MEMORY:
        return cocos__fail_memory(err);
    case CURLE_OPERATION_TIMEDOUT:
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "collateral.timeout", "%s: %s", url, why);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
        return explain_url(c, t, code, why, err);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return explain_cut(c, t, why, err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return cocos__fail(err, COCOS_ERR_IO, "collateral.tls", "%s: %s", url, why);
    default:
        return cocos__fail(err, COCOS_ERR_IO, "collateral.connect", "%s: %s", url, why);
    }
}

/* Until the transfer ends, the deadline passes, or somebody cancels. */
static int drive(CURLM *multi, transfer *t, CURLcode *code, cocos_error **err)
{
    struct curl_waitfd stop = {.fd = cocos__cancel_fd(t->q->cancel), .events = CURL_WAIT_POLLIN};
    int running = 1;
    int left = 0;

    for (;;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return cocos__fail_memory(err);
        if (!running)
            break;
        if (cocos_cancel_triggered(t->q->cancel))
            return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled", "cancelled");
        int64_t ms = cocos__deadline_left_ms(t->q->deadline_ns);
        if (ms == 0)
            return cocos__fail(err, COCOS_ERR_TIMEOUT, "collateral.timeout",
                               "%s does not answer in time", t->q->url);
        if (curl_multi_poll(multi, &stop, t->q->cancel ? 1 : 0,
                            ms < 0 || ms > WAKE_MS ? WAKE_MS : (int)ms, NULL) != CURLM_OK)
            return cocos__fail_memory(err);
    }
    CURLMsg *message = curl_multi_info_read(multi, &left);
    *code = message ? message->data.result : CURLE_FAILED_INIT;
    return COCOS_OK;
}

static void read_answer(CURL *c, cocos__http_response *answer)
{
    const char *type = NULL;
    curl_off_t after = 0;
    long status = 0;

    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &after);
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    answer->status = (int)status;
    answer->retry_after_s = after;
    snprintf(answer->type, sizeof answer->type, "%.*s", type ? (int)strcspn(type, "; \t") : 0,
             type ? type : "");
}

static int ask(const cocos__http_request *q, cocos__http_response *answer, cocos_error **err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    transfer t = {.q = q, .answer = answer};
    CURLcode code = CURLE_OK;

    pthread_once(&once, start_curl);
    COCOS__CLEANUP(list_freep) struct curl_slist *headers = NULL;
    COCOS__CLEANUP(multi_freep) CURLM *multi = curl_multi_init();
    COCOS__CLEANUP(easy_freep) CURL *c = curl_easy_init();
    if (!multi || !c || !set_up(c, &t) || !set_up_body(c, q, &headers) ||
        curl_multi_add_handle(multi, c) != CURLM_OK)
        return cocos__fail_memory(err);

    int r = drive(multi, &t, &code, err);
    if (r == COCOS_OK && code == CURLE_OK)
        read_answer(c, answer);
    else if (r == COCOS_OK)
        r = explain(c, &t, code, err);
    curl_multi_remove_handle(multi, c);
    return r;
}

static const cocos__fetcher fetcher = {.version = COCOS_VERSION_STRING, .ask = ask};

COCOS_API const cocos__fetcher *cocos__fetch_module(void)
{
    return &fetcher;
}
