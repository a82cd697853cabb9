/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/request.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "codec/cbor.h"
#include "crypto/cose.h"

#define CONTENT_TYPE "application/vnd.cocos.request+cbor"
#define DOMAIN       "cocos.request/1"
#define DOMAIN_LOCAL "cocos.request-local/1"
#define METHOD_MAX   128
#define ROLE_MAX     32
#define ID_MAX       64
#define PAYLOAD_MAX  1024

/* Keys of the payload and of the map under KEY_CALL (cocos-v1 section 3). */
enum {
    KEY_DOMAIN = 1,
    KEY_METHOD = 2,
    KEY_ROLE = 3,
    KEY_COMPUTATION = 4,
    KEY_MANIFEST = 5,
    KEY_BINDING = 6,
    KEY_NONCE = 7,
    KEY_DIGEST = 8,
    KEY_CALL = 9,
    KEY_TIME = 10,
    KEY_INSTANCE = 11
};

static const char *const call_names[] = {"kind", "index", "size", "offset", NULL};

struct cocos__signed_request {
    cocos__cose *cose;
    cocos__request view; /* points into what follows and into the COSE payload */
    char method[METHOD_MAX + 1];
    char role[ROLE_MAX + 1];
    char computation_id[ID_MAX + 1];
};

static void put_bytes_or_null(cocos__buf *b, const uint8_t *data, size_t len)
{
    if (data)
        cocos__cbor_put_bytes(b, data, len);
    else
        cocos__cbor_put_null(b);
}

static void put_call(const cocos__request *rq, cocos__buf *b)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    if (rq->kind) {
        cocos__cbor_map_name(&m, "kind");
        cocos__cbor_put_int(b, rq->kind);
    }
    if (rq->has_index) {
        cocos__cbor_map_name(&m, "index");
        cocos__cbor_put_uint(b, rq->index);
    }
    if (rq->has_size) {
        cocos__cbor_map_name(&m, "size");
        cocos__cbor_put_uint(b, rq->size);
    }
    if (rq->has_offset) {
        cocos__cbor_map_name(&m, "offset");
        cocos__cbor_put_uint(b, rq->offset);
    }
    cocos__cbor_map_end(&m);
}

static void put_payload(const cocos__request *rq, cocos__buf *b)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, KEY_DOMAIN);
    cocos__cbor_put_text(b, rq->local ? DOMAIN_LOCAL : DOMAIN);
    cocos__cbor_map_key(&m, KEY_METHOD);
    cocos__cbor_put_text(b, rq->method);
    cocos__cbor_map_key(&m, KEY_ROLE);
    cocos__cbor_put_text(b, rq->role);
    cocos__cbor_map_key(&m, KEY_COMPUTATION);
    if (rq->computation_id)
        cocos__cbor_put_text(b, rq->computation_id);
    else
        cocos__cbor_put_null(b);
    cocos__cbor_map_key(&m, KEY_MANIFEST);
    put_bytes_or_null(b, rq->manifest_digest, 32);
    cocos__cbor_map_key(&m, KEY_BINDING);
    put_bytes_or_null(b, rq->binding, 32);
    cocos__cbor_map_key(&m, KEY_NONCE);
    cocos__cbor_put_bytes(b, rq->nonce, sizeof rq->nonce);
    cocos__cbor_map_key(&m, KEY_DIGEST);
    cocos__cbor_put_bytes(b, rq->digest, sizeof rq->digest);
    cocos__cbor_map_key(&m, KEY_CALL);
    put_call(rq, b);
    cocos__cbor_map_key(&m, KEY_TIME);
    cocos__cbor_put_int(b, rq->time_s);
    cocos__cbor_map_key(&m, KEY_INSTANCE);
    cocos__cbor_put_bytes(b, rq->instance_id, 16);
    cocos__cbor_map_end(&m);
}

int cocos__request_sign(const cocos_key *key,
                        const cocos__request *rq,
                        cocos__buf *out,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf payload;

    cocos__buf_init(&payload, PAYLOAD_MAX);
    put_payload(rq, &payload);
    if (payload.failed) {
        return cocos__fail(err, COCOS_ERR_USAGE, "auth.size",
                           "a signed request has at most %d bytes", PAYLOAD_MAX);
    }
    return cocos__cose_sign(key, CONTENT_TYPE, payload.data, payload.len, out, err);
}

static int read_text(const cocos__cbor *map, int key, char *out, size_t max, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_member(map, key);
    cocos__span text;

    int r = cocos__cbor_text(&item, &text, err);
    if (r < 0)
        return r;
    if (text.len > max || memchr(text.data, 0, text.len)) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "auth.malformed",
                           "text %d of the signed request has %zu bytes, at most %zu are allowed",
                           key, text.len, max);
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return COCOS_OK;
}

/* *ret is NULL for null. */
static int read_bytes_or_null(
    const cocos__cbor *map, int key, size_t n, const uint8_t **ret, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_member(map, key);

    *ret = NULL;
    return cocos__cbor_kind(&item) == COCOS__CBOR_NULL ? COCOS_OK
                                                       : cocos__cbor_bytes_n(&item, n, ret, err);
}

static int read_copy(const cocos__cbor *map, int key, uint8_t *out, size_t n, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_member(map, key);
    const uint8_t *bytes;

    int r = cocos__cbor_bytes_n(&item, n, &bytes, err);
    if (r == COCOS_OK)
        memcpy(out, bytes, n);
    return r;
}

/* An optional number of the call map, at most `max`. */
static int read_number(const cocos__cbor *call,
                       const char *name,
                       uint64_t max,
                       uint64_t *value,
                       int *has,
                       cocos_error **err)
{
    cocos__cbor item = cocos__cbor_named(call, name);

    *has = cocos__cbor_kind(&item) != COCOS__CBOR_ABSENT;
    if (!*has)
        return COCOS_OK;
    int r = cocos__cbor_uint(&item, value, err);
    if (r == COCOS_OK && *value > max)
        r = cocos__fail(err, COCOS_ERR_MALFORMED, "auth.malformed",
                        "%s of the signed request is too large", name);
    return r;
}

static int read_call(const cocos__cbor *map, cocos__request *rq, cocos_error **err)
{
    cocos__cbor call = cocos__cbor_member(map, KEY_CALL);
    uint64_t kind = 0;
    uint64_t index = 0;
    int has_kind;

    int r = cocos__cbor_expect(&call, COCOS__CBOR_MAP, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only_names(&call, call_names, err);
    if (r == COCOS_OK)
        r = read_number(&call, "kind", INT32_MAX, &kind, &has_kind, err);
    if (r == COCOS_OK)
        r = read_number(&call, "index", UINT32_MAX, &index, &rq->has_index, err);
    if (r == COCOS_OK)
        r = read_number(&call, "size", UINT64_MAX, &rq->size, &rq->has_size, err);
    if (r == COCOS_OK)
        r = read_number(&call, "offset", UINT64_MAX, &rq->offset, &rq->has_offset, err);
    rq->kind = (int)kind;
    rq->index = (uint32_t)index;
    return r;
}

static int read_domain(const cocos__cbor *map, cocos__request *rq, cocos_error **err)
{
    char domain[sizeof DOMAIN_LOCAL];

    int r = read_text(map, KEY_DOMAIN, domain, sizeof domain - 1, err);
    if (r < 0)
        return r;
    rq->local = strcmp(domain, DOMAIN_LOCAL) == 0;
    if (!rq->local && strcmp(domain, DOMAIN) != 0) {
        return cocos__fail_check(err, COCOS_ERR_UNAUTHENTICATED, "auth.domain", "domain", DOMAIN,
                                 domain, "the signature was not made for a request to an agent");
    }
    return COCOS_OK;
}

static int read_names(const cocos__cbor *map, cocos__signed_request *s, cocos_error **err)
{
    cocos__cbor id = cocos__cbor_member(map, KEY_COMPUTATION);

    int r = read_text(map, KEY_METHOD, s->method, METHOD_MAX, err);
    if (r == COCOS_OK)
        r = read_text(map, KEY_ROLE, s->role, ROLE_MAX, err);
    if (r == COCOS_OK && cocos__cbor_kind(&id) != COCOS__CBOR_NULL) {
        r = read_text(map, KEY_COMPUTATION, s->computation_id, ID_MAX, err);
        s->view.computation_id = s->computation_id;
    }
    s->view.method = s->method;
    s->view.role = s->role;
    return r;
}

static int read_payload(const cocos__cbor *map, cocos__signed_request *s, cocos_error **err)
{
    cocos__request *rq = &s->view;
    cocos__cbor time = cocos__cbor_member(map, KEY_TIME);
    cocos__cbor instance = cocos__cbor_member(map, KEY_INSTANCE);

    int r = cocos__cbor_only(map, KEY_DOMAIN, KEY_INSTANCE, err);
    if (r == COCOS_OK)
        r = read_domain(map, rq, err);
    if (r == COCOS_OK)
        r = read_names(map, s, err);
    if (r == COCOS_OK)
        r = read_bytes_or_null(map, KEY_MANIFEST, 32, &rq->manifest_digest, err);
    if (r == COCOS_OK)
        r = read_bytes_or_null(map, KEY_BINDING, 32, &rq->binding, err);
    if (r == COCOS_OK)
        r = read_copy(map, KEY_NONCE, rq->nonce, sizeof rq->nonce, err);
    if (r == COCOS_OK)
        r = read_copy(map, KEY_DIGEST, rq->digest, sizeof rq->digest, err);
    if (r == COCOS_OK)
        r = read_call(map, rq, err);
    if (r == COCOS_OK)
        r = cocos__cbor_int(&time, &rq->time_s, err);
    if (r == COCOS_OK)
        r = cocos__cbor_bytes_n(&instance, 16, &rq->instance_id, err);
    return r;
}

int cocos__signed_request_parse(const uint8_t *data,
                                size_t len,
                                cocos__signed_request **ret,
                                cocos_error **err)
{
    if (len > COCOS__AUTH_MAX) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "auth.size",
                           "a signed request has at most %d bytes, not %zu", COCOS__AUTH_MAX, len);
    }

    COCOS__CLEANUP(cocos__signed_request_freep)
    cocos__signed_request *s = calloc(1, sizeof *s);
    if (!s)
        return cocos__fail_memory(err);

    int r = cocos__cose_parse(data, len, &s->cose, err);
    if (r < 0)
        return r;

    cocos__cbor map;
    cocos__span payload = cocos__cose_payload(s->cose);
    r = cocos__cbor_open(payload.data, payload.len, COCOS__CBOR_STRICT, &map, err);
    if (r == COCOS_OK)
        r = cocos__cbor_expect(&map, COCOS__CBOR_MAP, err);
    if (r == COCOS_OK)
        r = read_payload(&map, s, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(s);
    return COCOS_OK;
}

const cocos__request *cocos__signed_request_view(const cocos__signed_request *s)
{
    return &s->view;
}

const uint8_t *cocos__signed_request_kid(const cocos__signed_request *s)
{
    return cocos__cose_kid(s->cose);
}

static int same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static int same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    return a && b ? cocos__equal_ct(a, b, n) : !a && !b;
}

static int same_call(const cocos__request *a, const cocos__request *b)
{
    return a->kind == b->kind && a->has_index == b->has_index && a->has_size == b->has_size &&
           a->has_offset == b->has_offset && (!a->has_index || a->index == b->index) &&
           (!a->has_size || a->size == b->size) && (!a->has_offset || a->offset == b->offset);
}

static int refuse(const char *code, const char *row, cocos_error **err)
{
    return cocos__fail_check(err, COCOS_ERR_UNAUTHENTICATED, code, row, NULL, NULL,
                             "the signed request was made for another %s", row);
}

int cocos__signed_request_verify(const cocos__signed_request *s,
                                 const cocos_key *key,
                                 const cocos__request *expected,
                                 cocos_error **err)
{
    const cocos__request *rq = &s->view;
    cocos_error *cause = NULL;

    if (cocos__cose_verify(s->cose, key, CONTENT_TYPE, &cause) < 0) {
        return cocos__fail_cause(err, COCOS_ERR_UNAUTHENTICATED, "auth.signature", cause,
                                 "the signature of the request does not hold");
    }

    if (rq->local != expected->local)
        return refuse("auth.domain", "kind of connection", err);
    if (!same_text(rq->method, expected->method))
        return refuse("auth.method", "method", err);
    if (!same_text(rq->computation_id, expected->computation_id))
        return refuse("auth.computation", "computation", err);
    if (!same_bytes(rq->manifest_digest, expected->manifest_digest, 32))
        return refuse("auth.manifest", "manifest", err);
    if (!same_bytes(rq->binding, expected->binding, 32))
        return refuse("auth.binding", "connection", err);
    if (!same_bytes(rq->digest, expected->digest, 32))
        return refuse("auth.digest", "content", err);
    if (!same_call(rq, expected))
        return refuse("auth.parameters", "asset, size or offset", err);
    if (!same_bytes(rq->instance_id, expected->instance_id, 16))
        return refuse("auth.instance", "instance of the agent", err);
    return COCOS_OK;
}

void cocos__signed_request_free(cocos__signed_request *s)
{
    if (!s)
        return;
    cocos__cose_free(s->cose);
    free(s);
}
