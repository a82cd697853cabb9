/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/statement.h"

#include <string.h>

#include "crypto/key.h"

#define TAG            "cocos.statement/1"
#define TAG_CLOSURE    "cocos.closure/1"
#define ID_MAX         64
#define ASSET_NAME_MAX 255
#define VERSION_MAX    64

enum {
    KEY_TAG = 1,
    KEY_COMPUTATION = 2,
    KEY_INSTANCE = 3,
    KEY_RUN = 4,
    KEY_MANIFEST = 5,
    KEY_ASSETS = 6,
    KEY_NAMED = 7,
    KEY_RESULT = 8,
    KEY_RESULT_SHA256 = 9,
    KEY_RESULT_SIZE = 10,
    KEY_EXIT = 11,
    KEY_START = 12,
    KEY_END = 13,
    KEY_LIMITS = 14,
    KEY_NETWORK = 15,
    KEY_VERSION = 16,
    KEY_MEASUREMENT = 17,
    KEY_NONCE = 18
};

enum { CLOSURE_STATEMENT = 2, CLOSURE_WIPED = 3, CLOSURE_SCRATCH = 4 };

static void put_text(cocos__buf *b, cocos__span s)
{
    cocos__cbor_put_text_n(b, (const char *)s.data, s.len);
}

static void put_assets(const cocos__stating *s, cocos__buf *b)
{
    cocos__cbor_put_array(b, s->n_assets);
    for (size_t i = 0; i < s->n_assets; i++) {
        cocos__cbor_put_array(b, 4);
        cocos__cbor_put_int(b, s->assets[i].kind);
        put_text(b, s->assets[i].name);
        cocos__cbor_put_bytes(b, s->assets[i].digest, 32);
        cocos__cbor_put_uint(b, s->assets[i].size);
    }
}

static void put_named(const cocos__stating *s, cocos__buf *b)
{
    cocos__cbor_put_array(b, s->n_named);
    for (size_t i = 0; i < s->n_named; i++) {
        cocos__cbor_put_array(b, 3);
        cocos__cbor_put_bool(b, s->named[i].withdrawal);
        cocos__cbor_put_bytes(b, s->named[i].signer, 32);
        cocos__cbor_put_bytes(b, s->named[i].digest, 32);
    }
}

static void put_moment(cocos__buf *b, const cocos__moment *m)
{
    if (m->wall_s == COCOS__NEVER) {
        cocos__cbor_put_null(b);
        return;
    }
    cocos__cbor_put_array(b, 2);
    cocos__cbor_put_uint(b, m->monotonic_ns);
    cocos__cbor_put_int(b, m->wall_s);
}

static void put_payload(const cocos__stating *s, cocos__buf *b)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, KEY_TAG);
    cocos__cbor_put_text(b, TAG);
    cocos__cbor_map_key(&m, KEY_COMPUTATION);
    put_text(b, s->computation_id);
    cocos__cbor_map_key(&m, KEY_INSTANCE);
    cocos__cbor_put_bytes(b, s->instance, 16);
    cocos__cbor_map_key(&m, KEY_RUN);
    cocos__cbor_put_uint(b, s->run);
    cocos__cbor_map_key(&m, KEY_MANIFEST);
    cocos__cbor_put_bytes(b, s->manifest, 32);
    cocos__cbor_map_key(&m, KEY_ASSETS);
    put_assets(s, b);
    cocos__cbor_map_key(&m, KEY_NAMED);
    put_named(s, b);
    cocos__cbor_map_key(&m, KEY_RESULT);
    cocos__put_bytes_or_null(b, s->result, 32);
    cocos__cbor_map_key(&m, KEY_RESULT_SHA256);
    cocos__put_bytes_or_null(b, s->result_sha256, 32);
    cocos__cbor_map_key(&m, KEY_RESULT_SIZE);
    if (s->result)
        cocos__cbor_put_uint(b, s->result_size);
    else
        cocos__cbor_put_null(b);
    cocos__cbor_map_key(&m, KEY_EXIT);
    cocos__put_int_or_null(b, s->exit_status, COCOS__NEVER);
    cocos__cbor_map_key(&m, KEY_START);
    put_moment(b, &s->start);
    cocos__cbor_map_key(&m, KEY_END);
    put_moment(b, &s->end);
    cocos__cbor_map_key(&m, KEY_LIMITS);
    cocos__cbor_put_bool(b, s->limits_enforced);
    cocos__cbor_map_key(&m, KEY_NETWORK);
    cocos__cbor_put_bool(b, s->network_used);
    cocos__cbor_map_key(&m, KEY_VERSION);
    put_text(b, s->agent_version);
    cocos__cbor_map_key(&m, KEY_MEASUREMENT);
    cocos__put_bytes_or_null(b, s->agent_measurement.data, s->agent_measurement.len);
    cocos__cbor_map_key(&m, KEY_NONCE);
    cocos__put_bytes_or_null(b, s->consumer_nonce.data, s->consumer_nonce.len);
    cocos__cbor_map_end(&m);
}

/* ---- reading ---- */

/* What a payload says of itself beyond its types, held when it is made too. */
static const char *fault_of(const cocos__stating *s)
{
    if (s->run == 0)
        return "runs are counted from 1";
    if (!s->result != !s->result_sha256)
        return "of two digests of the result one is missing";
    if (s->start.wall_s == COCOS__NEVER && s->end.wall_s != COCOS__NEVER)
        return "an end without a start";
    if (s->end.wall_s != COCOS__NEVER && s->end.monotonic_ns < s->start.monotonic_ns)
        return "the end is before the start";
    for (size_t i = 0; i < s->n_assets; i++) {
        if (s->assets[i].kind < COCOS_ASSET_ALGORITHM ||
            s->assets[i].kind > COCOS_ASSET_REQUIREMENTS)
            return "an asset of no kind";
    }
    return NULL;
}

int cocos__statement_sign(const cocos_key *key,
                          const cocos__stating *s,
                          cocos__buf *out,
                          cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf payload;
    const char *fault = s->n_assets > COCOS__STATEMENT_ASSETS || s->n_named > COCOS__STATEMENT_NAMED
                            ? "too many assets or approvals"
                            : fault_of(s);

    cocos__buf_init(&payload, COCOS__STATEMENT_MAX);
    if (fault)
        return cocos__fail(err, COCOS_ERR_USAGE, "statement.value", "%s", fault);
    put_payload(s, &payload);
    if (payload.failed)
        return cocos__fail_memory(err);
    return cocos__signed_make(key, COCOS__TYPE_STATEMENT, s->manifest, NULL,
                              (cocos__span){payload.data, payload.len}, out, err);
}

/* Room for the items of a list; NULL with a failure kept. */
static void *room_for(cocos__take *t, const cocos__cbor *list, size_t size)
{
    void *p = t->status < 0 ? NULL : calloc(cocos__cbor_count(list) + 1, size);

    if (!p && t->status == COCOS_OK)
        t->status = cocos__fail_memory(t->err);
    return p;
}

static void take_assets(cocos__take *t, cocos_statement *s)
{
    cocos__cbor list = cocos__take_list(t, KEY_ASSETS, COCOS__STATEMENT_ASSETS);
    cocos__cbor_iter it;
    cocos__cbor item;

    s->assets = room_for(t, &list, sizeof *s->assets);
    s->says.assets = s->assets;
    if (!s->assets)
        return;
    for (cocos__cbor_each(&it, &list);
         t->status == COCOS_OK && cocos__cbor_next(&it, NULL, &item);) {
        cocos__used *a = &s->assets[s->says.n_assets++];
        cocos__take part;
        cocos__take_tuple(t, &item, 4, &part);
        uint64_t kind = cocos__take_uint(&part, 0);
        a->kind = kind <= COCOS_ASSET_REQUIREMENTS ? (int)kind : 0;
        a->name = cocos__take_text(&part, 1, ASSET_NAME_MAX);
        a->digest = cocos__take_bytes(&part, 2, 32, COCOS__REQUIRED);
        a->size = cocos__take_uint(&part, 3);
        cocos__take_join(t, &part);
    }
}

static void take_named(cocos__take *t, cocos_statement *s)
{
    cocos__cbor list = cocos__take_list(t, KEY_NAMED, COCOS__STATEMENT_NAMED);
    cocos__cbor_iter it;
    cocos__cbor item;

    s->named = room_for(t, &list, sizeof *s->named);
    s->says.named = s->named;
    if (!s->named)
        return;
    for (cocos__cbor_each(&it, &list);
         t->status == COCOS_OK && cocos__cbor_next(&it, NULL, &item);) {
        cocos__named *n = &s->named[s->says.n_named++];
        cocos__take part;
        cocos__take_tuple(t, &item, 3, &part);
        n->withdrawal = cocos__take_bool(&part, 0);
        n->signer = cocos__take_bytes(&part, 1, 32, COCOS__REQUIRED);
        n->digest = cocos__take_bytes(&part, 2, 32, COCOS__REQUIRED);
        cocos__take_join(t, &part);
    }
}

static cocos__moment take_moment(cocos__take *t, int64_t key)
{
    cocos__moment m = {0, COCOS__NEVER};
    cocos__cbor item = cocos__cbor_member(&t->map, key);
    cocos__take part;

    if (t->status < 0 || cocos__cbor_kind(&item) == COCOS__CBOR_NULL)
        return m;
    cocos__take_tuple(t, &item, 2, &part);
    m.monotonic_ns = cocos__take_uint(&part, 0);
    m.wall_s = cocos__take_int(&part, 1, COCOS__NEVER, COCOS__REQUIRED);
    cocos__take_join(t, &part);
    return m;
}

static void take_result(cocos__take *t, cocos__stating *s)
{
    cocos__cbor size = cocos__cbor_member(&t->map, KEY_RESULT_SIZE);

    s->result = cocos__take_bytes(t, KEY_RESULT, 32, COCOS__OPTIONAL);
    s->result_sha256 = cocos__take_bytes(t, KEY_RESULT_SHA256, 32, COCOS__OPTIONAL);
    if (s->result)
        s->result_size = cocos__take_uint(t, KEY_RESULT_SIZE);
    else if (t->status == COCOS_OK)
        t->status = cocos__cbor_expect(&size, COCOS__CBOR_NULL, t->err);
}

static int read_payload(cocos_statement *s, cocos_error **err)
{
    cocos__stating *v = &s->says;
    cocos__take t;

    int r = cocos__signed_open(&s->is, TAG, KEY_NONCE, &t, err);
    if (r < 0)
        return r;
    v->computation_id = cocos__take_text(&t, KEY_COMPUTATION, ID_MAX);
    v->instance = cocos__take_bytes(&t, KEY_INSTANCE, 16, COCOS__REQUIRED);
    v->run = cocos__take_uint(&t, KEY_RUN);
    v->manifest = cocos__take_bytes(&t, KEY_MANIFEST, 32, COCOS__REQUIRED);
    take_assets(&t, s);
    take_named(&t, s);
    take_result(&t, v);
    v->exit_status = cocos__take_int(&t, KEY_EXIT, COCOS__NEVER, COCOS__OPTIONAL);
    v->start = take_moment(&t, KEY_START);
    v->end = take_moment(&t, KEY_END);
    v->limits_enforced = cocos__take_bool(&t, KEY_LIMITS);
    v->network_used = cocos__take_bool(&t, KEY_NETWORK);
    v->agent_version = cocos__take_text(&t, KEY_VERSION, VERSION_MAX);
    v->agent_measurement = cocos__take_span(&t, KEY_MEASUREMENT, 1, 64, COCOS__OPTIONAL);
    v->consumer_nonce = cocos__take_span(&t, KEY_NONCE, 8, 64, COCOS__OPTIONAL);
    if (t.status < 0)
        return t.status;
    const char *fault = fault_of(v);
    if (!fault && memcmp(v->manifest, s->is.manifest, 32) != 0)
        fault = "its manifest and the claim sub are two";
    if (fault)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "statement.form", "not a statement: %s",
                           fault);
    return COCOS_OK;
}

static int keep(cocos__span data, uint8_t **copy, size_t *len, cocos_error **err)
{
    *copy = malloc(data.len);
    if (!*copy)
        return cocos__fail_memory(err);
    memcpy(*copy, data.data, data.len);
    *len = data.len;
    return COCOS_OK;
}

int cocos__statement_parse(cocos__span data, int lenient, cocos_statement **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = calloc(1, sizeof *s);

    if (!s)
        return cocos__fail_memory(err);
    int r = cocos__signed_parse(data, COCOS__STATEMENT_MAX, COCOS__TYPE_STATEMENT, lenient, NULL,
                                &s->is, err);
    if (r == COCOS_OK)
        r = read_payload(s, err);
    if (r == COCOS_OK)
        r = keep(data, &s->encoded, &s->len, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(s);
    return COCOS_OK;
}

int cocos_statement_parse(const uint8_t *data, size_t len, cocos_statement **ret, cocos_error **err)
{
    return cocos__statement_parse((cocos__span){data, len}, 0, ret, err);
}

const uint8_t *cocos_statement_cbor(const cocos_statement *s, size_t *len)
{
    *len = s->len;
    return s->encoded;
}

const uint8_t *cocos_statement_result_digest(const cocos_statement *s)
{
    return s->says.result;
}

uint64_t cocos_statement_result_size(const cocos_statement *s)
{
    return s->says.result_size;
}

void cocos_statement_free(cocos_statement *s)
{
    if (!s)
        return;
    cocos__signed_done(&s->is);
    free(s->encoded);
    free(s->assets);
    free(s->named);
    free(s);
}

/* ---- closure ---- */

int cocos__closure_sign(const cocos_key *key,
                        const uint8_t manifest[32],
                        const cocos__closing *c,
                        cocos__buf *out,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf payload;
    cocos__buf *b = &payload;
    cocos__cbor_map m;

    cocos__buf_init(b, COCOS__STATEMENT_MAX);
    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, KEY_TAG);
    cocos__cbor_put_text(b, TAG_CLOSURE);
    cocos__cbor_map_key(&m, CLOSURE_STATEMENT);
    cocos__cbor_put_bytes(b, c->statement, 32);
    cocos__cbor_map_key(&m, CLOSURE_WIPED);
    cocos__cbor_put_array(b, c->n_wiped);
    for (size_t i = 0; i < c->n_wiped; i++) {
        cocos__cbor_put_array(b, 2);
        cocos__cbor_put_int(b, c->wiped[i].kind);
        cocos__cbor_put_uint(b, c->wiped[i].index);
    }
    cocos__cbor_map_key(&m, CLOSURE_SCRATCH);
    cocos__cbor_put_bool(b, c->scratch_key_erased);
    cocos__cbor_map_end(&m);
    if (b->failed)
        return cocos__fail_memory(err);
    return cocos__signed_make(key, COCOS__TYPE_CLOSURE, manifest, NULL,
                              (cocos__span){b->data, b->len}, out, err);
}

static void take_wiped(cocos__take *t, cocos_closure *c)
{
    cocos__cbor list = cocos__take_list(t, CLOSURE_WIPED, COCOS__STATEMENT_ASSETS);
    cocos__cbor_iter it;
    cocos__cbor item;

    c->wiped = room_for(t, &list, sizeof *c->wiped);
    c->says.wiped = c->wiped;
    if (!c->wiped)
        return;
    for (cocos__cbor_each(&it, &list);
         t->status == COCOS_OK && cocos__cbor_next(&it, NULL, &item);) {
        cocos__wiped *w = &c->wiped[c->says.n_wiped++];
        cocos__take part;
        cocos__take_tuple(t, &item, 2, &part);
        uint64_t kind = cocos__take_uint(&part, 0);
        uint64_t index = cocos__take_uint(&part, 1);
        cocos__take_join(t, &part);
        if (t->status == COCOS_OK &&
            (kind == 0 || kind > COCOS_ASSET_REQUIREMENTS || index > UINT32_MAX))
            t->status = cocos__fail(t->err, COCOS_ERR_MALFORMED, "closure.form",
                                    "not a closure: an asset of no kind");
        w->kind = (int)kind;
        w->index = (uint32_t)index;
    }
}

int cocos__closure_parse(cocos__span data,
                         int lenient,
                         const cocos__known *known,
                         cocos_closure **ret,
                         cocos_error **err)
{
    COCOS__CLEANUP(cocos__closure_freep) cocos_closure *c = calloc(1, sizeof *c);
    cocos__take t;

    if (!c)
        return cocos__fail_memory(err);
    int r = cocos__signed_parse(data, COCOS__STATEMENT_MAX, COCOS__TYPE_CLOSURE, lenient, known,
                                &c->is, err);
    if (r == COCOS_OK)
        r = cocos__signed_open(&c->is, TAG_CLOSURE, CLOSURE_SCRATCH, &t, err);
    if (r < 0)
        return r;
    c->says.statement = cocos__take_bytes(&t, CLOSURE_STATEMENT, 32, COCOS__REQUIRED);
    take_wiped(&t, c);
    c->says.scratch_key_erased = cocos__take_bool(&t, CLOSURE_SCRATCH);
    r = t.status < 0 ? t.status : keep(data, &c->encoded, &c->len, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

int cocos_closure_parse(const uint8_t *data, size_t len, cocos_closure **ret, cocos_error **err)
{
    return cocos__closure_parse((cocos__span){data, len}, 0, NULL, ret, err);
}

const uint8_t *cocos_closure_cbor(const cocos_closure *c, size_t *len)
{
    *len = c->len;
    return c->encoded;
}

void cocos_closure_free(cocos_closure *c)
{
    if (!c)
        return;
    cocos__signed_done(&c->is);
    free(c->encoded);
    free(c->wiped);
    free(c);
}
