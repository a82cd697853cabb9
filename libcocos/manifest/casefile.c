/* SPDX-License-Identifier: Apache-2.0 */
/* Case files: made from parts, written and read. */
#include "manifest/casefile.h"

#include <string.h>

#include "attest/envelope.h"
#include "crypto/timestamp.h"

#define TAG "cocos.case/1"

enum {
    KEY_TAG = 1,
    KEY_MANIFEST = 2,
    KEY_APPROVALS = 3,
    KEY_ENVELOPE = 4,
    KEY_COLLATERAL = 5,
    KEY_STATEMENT = 6,
    KEY_CLOSURE = 7
};

static int bad(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "case.form", "not a case file: %s", why);
}

static int full(cocos_error **err, const char *what, size_t max)
{
    return cocos__fail(err, COCOS_ERR_EXHAUSTED, "case.size", "a case file has at most %zu %s", max,
                       what);
}

static int bad_call(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_USAGE, "case.usage",
                       "a call about case files was given no object or no bytes");
}

static int copy(cocos__span data, cocos__span *ret, cocos_error **err)
{
    uint8_t *p = malloc(data.len ? data.len : 1);

    if (!p)
        return cocos__fail_memory(err);
    if (data.len)
        memcpy(p, data.data, data.len);
    *ret = (cocos__span){p, data.len};
    return COCOS_OK;
}

static void span_free(cocos__span s)
{
    free((void *)(uintptr_t)s.data);
}

/* ---- parts ---- */

static int add_approval(cocos_case *c, cocos__span data, int lenient, cocos_error **err)
{
    if (c->n_approvals == COCOS__CASE_APPROVALS)
        return full(err, "approvals and withdrawals", COCOS__CASE_APPROVALS);
    cocos__known known = {c->manifest, NULL};
    int r = cocos__approval_read(data, lenient, &known, &c->approvals[c->n_approvals], err);
    if (r == COCOS_OK)
        c->n_approvals++;
    return r;
}

static int add_collateral(cocos_case *c, int part, cocos__span data, cocos_error **err)
{
    if (c->n_collateral == COCOS__EVIDENCE_PARTS)
        return full(err, "pieces of collateral", COCOS__EVIDENCE_PARTS);
    if (part < COCOS_PART_CERTIFICATES || part > COCOS_PART_TCB_CHAIN)
        return bad(err, "collateral of an unknown kind");
    int many = part == COCOS_PART_CERTIFICATES || part == COCOS_PART_CRL;
    for (size_t i = 0; !many && i < c->n_collateral; i++) {
        if (c->collateral[i].part == part)
            return bad(err, "two pieces of collateral of a kind that there is once");
    }
    if (data.len == 0 || data.len > COCOS__EVIDENCE_MAX)
        return full(err, "bytes in a piece of collateral, and at least one", COCOS__EVIDENCE_MAX);
    int r = copy(data, &c->collateral[c->n_collateral].data, err);
    if (r == COCOS_OK)
        c->collateral[c->n_collateral++].part = part;
    return r;
}

static int set_envelope(cocos_case *c, cocos__span data, cocos_error **err)
{
    cocos__envelope e;

    int r = cocos__envelope_parse(data, &e, err);
    return r < 0 ? r : copy(data, &c->envelope, err);
}

int cocos_case_new(const cocos_manifest *manifest,
                   const uint8_t *envelope,
                   size_t envelope_len,
                   const uint8_t *statement,
                   size_t statement_len,
                   cocos_case **ret,
                   cocos_error **err)
{
    COCOS__CLEANUP(cocos__case_freep) cocos_case *c = NULL;

    if (!manifest || !envelope || !statement || !ret)
        return bad_call(err);
    c = calloc(1, sizeof *c);
    if (!c)
        return cocos__fail_memory(err);
    int r = cocos_manifest_from_cbor(manifest->cbor, manifest->cbor_len, &c->manifest, err);
    if (r == COCOS_OK)
        r = set_envelope(c, (cocos__span){envelope, envelope_len}, err);
    if (r == COCOS_OK)
        r = cocos_statement_parse(statement, statement_len, &c->statement, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

int cocos_case_add_approval(cocos_case *c, const uint8_t *data, size_t len, cocos_error **err)
{
    return c && data ? add_approval(c, (cocos__span){data, len}, 0, err) : bad_call(err);
}

int cocos_case_add_collateral(
    cocos_case *c, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    return c && data ? add_collateral(c, part, (cocos__span){data, len}, err) : bad_call(err);
}

int cocos_case_set_closure(cocos_case *c, const uint8_t *data, size_t len, cocos_error **err)
{
    cocos_closure *closure = NULL;

    if (!c || !data)
        return bad_call(err);
    int r = cocos_closure_parse(data, len, &closure, err);
    if (r < 0)
        return r;
    cocos_closure_free(c->closure);
    c->closure = closure;
    return COCOS_OK;
}

/* ---- bytes ---- */

static void put_case(const cocos_case *c, cocos__buf *b)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, KEY_TAG);
    cocos__cbor_put_text(b, TAG);
    cocos__cbor_map_key(&m, KEY_MANIFEST);
    cocos__cbor_put_bytes(b, c->manifest->cbor, c->manifest->cbor_len);
    cocos__cbor_map_key(&m, KEY_APPROVALS);
    cocos__cbor_put_array(b, c->n_approvals);
    for (size_t i = 0; i < c->n_approvals; i++)
        cocos__cbor_put_bytes(b, c->approvals[i]->encoded, c->approvals[i]->len);
    cocos__cbor_map_key(&m, KEY_ENVELOPE);
    cocos__cbor_put_bytes(b, c->envelope.data, c->envelope.len);
    cocos__cbor_map_key(&m, KEY_COLLATERAL);
    cocos__cbor_put_array(b, c->n_collateral);
    for (size_t i = 0; i < c->n_collateral; i++) {
        cocos__cbor_put_array(b, 2);
        cocos__cbor_put_int(b, c->collateral[i].part);
        cocos__cbor_put_bytes(b, c->collateral[i].data.data, c->collateral[i].data.len);
    }
    cocos__cbor_map_key(&m, KEY_STATEMENT);
    cocos__cbor_put_bytes(b, c->statement->encoded, c->statement->len);
    cocos__cbor_map_key(&m, KEY_CLOSURE);
    cocos__put_bytes_or_null(b, c->closure ? c->closure->encoded : NULL,
                             c->closure ? c->closure->len : 0);
    cocos__cbor_map_end(&m);
}

/* Never less than the encoding will have. */
static size_t size_of(const cocos_case *c)
{
    size_t size = 256 + c->manifest->cbor_len + c->envelope.len + c->statement->len +
                  (c->closure ? c->closure->len : 0);

    for (size_t i = 0; i < c->n_approvals; i++)
        size += 8 + c->approvals[i]->len;
    for (size_t i = 0; i < c->n_collateral; i++)
        size += 8 + c->collateral[i].data.len;
    return size;
}

int cocos_case_cbor(cocos_case *c, const uint8_t **data, size_t *len, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    cocos__buf_init(&b, COCOS__CASE_MAX);
    if (!c || !data || !len)
        return bad_call(err);
    if (size_of(c) > COCOS__CASE_MAX)
        return full(err, "bytes", COCOS__CASE_MAX);
    put_case(c, &b);
    uint8_t *bytes = cocos__buf_steal(&b, len);
    if (!bytes)
        return cocos__fail_memory(err);
    free(c->encoded);
    c->encoded = bytes;
    *data = bytes;
    return COCOS_OK;
}

static int read_approvals(cocos__take *t, cocos_case *c, cocos_error **err)
{
    cocos__cbor list = cocos__take_list(t, KEY_APPROVALS, COCOS__CASE_APPROVALS);
    cocos__cbor_iter it;
    cocos__cbor item;
    cocos__span data;
    int r = t->status;

    for (cocos__cbor_each(&it, &list); r == COCOS_OK && cocos__cbor_next(&it, NULL, &item);) {
        r = cocos__cbor_bytes(&item, &data, err);
        if (r == COCOS_OK)
            r = add_approval(c, data, 1, err);
    }
    return r;
}

static int read_collateral(cocos__take *t, cocos_case *c, cocos_error **err)
{
    cocos__cbor list = cocos__take_list(t, KEY_COLLATERAL, COCOS__EVIDENCE_PARTS);
    cocos__cbor_iter it;
    cocos__cbor item;
    int r = t->status;

    for (cocos__cbor_each(&it, &list); r == COCOS_OK && cocos__cbor_next(&it, NULL, &item);) {
        cocos__take part;
        cocos__take_tuple(t, &item, 2, &part);
        uint64_t kind = cocos__take_uint(&part, 0);
        cocos__span data = cocos__take_span(&part, 1, 1, COCOS__EVIDENCE_MAX, COCOS__REQUIRED);
        r = part.status;
        if (r == COCOS_OK)
            r = add_collateral(c, kind <= COCOS_PART_TCB_CHAIN ? (int)kind : 0, data, err);
    }
    return r;
}

static int read_members(cocos__take *t, cocos_case *c, cocos_error **err)
{
    cocos__span manifest =
        cocos__take_span(t, KEY_MANIFEST, 1, COCOS__MANIFEST_CBOR_MAX, COCOS__REQUIRED);
    cocos__span envelope =
        cocos__take_span(t, KEY_ENVELOPE, 1, COCOS__ENVELOPE_MAX, COCOS__REQUIRED);
    cocos__span statement =
        cocos__take_span(t, KEY_STATEMENT, 1, COCOS__STATEMENT_MAX, COCOS__REQUIRED);
    cocos__span closure =
        cocos__take_span(t, KEY_CLOSURE, 1, COCOS__STATEMENT_MAX, COCOS__OPTIONAL);
    int r = t->status;

    if (r == COCOS_OK)
        r = cocos_manifest_from_cbor(manifest.data, manifest.len, &c->manifest, err);
    if (r == COCOS_OK)
        r = read_approvals(t, c, err);
    if (r == COCOS_OK)
        r = set_envelope(c, envelope, err);
    if (r == COCOS_OK)
        r = read_collateral(t, c, err);
    if (r == COCOS_OK)
        r = cocos__statement_parse(statement, 1, &c->statement, err);
    if (r == COCOS_OK && closure.data)
        r = cocos__closure_parse(closure, 1, &(cocos__known){NULL, c->statement->is.key},
                                 &c->closure, err);
    return r;
}

int cocos_case_parse(const uint8_t *data, size_t len, cocos_case **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__case_freep) cocos_case *c = NULL;
    cocos__take t = {.err = err};

    if (!data || !ret)
        return bad_call(err);
    if (len > COCOS__CASE_MAX)
        return full(err, "bytes", COCOS__CASE_MAX);
    c = calloc(1, sizeof *c);
    if (!c)
        return cocos__fail_memory(err);
    int r = cocos__cbor_open(data, len, COCOS__CBOR_STRICT, &t.map, err);
    if (r == COCOS_OK)
        r = cocos__cbor_expect(&t.map, COCOS__CBOR_MAP, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only(&t.map, KEY_TAG, KEY_CLOSURE, err);
    if (r < 0)
        return r;
    cocos__cbor tag = cocos__cbor_member(&t.map, KEY_TAG);
    if (cocos__cbor_text_is(&tag, TAG, NULL) < 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "case.tag",
                           "not a case file, or of another version than %s", TAG);
    r = read_members(&t, c, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

void cocos_case_free(cocos_case *c)
{
    if (!c)
        return;
    cocos_manifest_free(c->manifest);
    for (size_t i = 0; i < c->n_approvals; i++)
        cocos_approval_free(c->approvals[i]);
    span_free(c->envelope);
    for (size_t i = 0; i < c->n_collateral; i++)
        span_free(c->collateral[i].data);
    cocos_statement_free(c->statement);
    cocos_closure_free(c->closure);
    free(c->encoded);
    free(c);
}

/* ---- time-stamp ---- */

static int signature_of(const cocos_case *c, cocos__buf *b, cocos_error **err)
{
    cocos__cose_put_signature(c->statement->is.cose, b);
    return b->failed ? cocos__fail_memory(err) : COCOS_OK;
}

int cocos_case_anchor_request(cocos_case *c, const uint8_t **data, size_t *len, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf signature;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    cocos__buf_init(&signature, COCOS__STATEMENT_MAX);
    cocos__buf_init(&b, 256);
    if (!c || !data || !len)
        return bad_call(err);
    int r = signature_of(c, &signature, err);
    if (r == COCOS_OK)
        r = cocos__timestamp_request((cocos__span){signature.data, signature.len}, &b, err);
    uint8_t *bytes = r == COCOS_OK ? cocos__buf_steal(&b, len) : NULL;
    if (!bytes)
        return r < 0 ? r : cocos__fail_memory(err);
    free(c->encoded);
    c->encoded = bytes;
    *data = bytes;
    return COCOS_OK;
}

int cocos_case_anchor(cocos_case *c, const uint8_t *reply, size_t len, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf token;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf signature;
    cocos_statement *anchored = NULL;

    cocos__buf_init(&token, COCOS__TIMESTAMP_MAX);
    cocos__buf_init(&b, COCOS__STATEMENT_MAX);
    cocos__buf_init(&signature, COCOS__STATEMENT_MAX);
    if (!c || !reply)
        return bad_call(err);
    int r = cocos__timestamp_token((cocos__span){reply, len}, &token, err);
    if (r == COCOS_OK)
        r = signature_of(c, &signature, err);
    cocos__span stamp = {token.data, token.len};
    if (r == COCOS_OK)
        r = cocos__timestamp_is_over(stamp, (cocos__span){signature.data, signature.len}, err);
    if (r == COCOS_OK)
        r = cocos__cose_encode(c->statement->is.cose, &stamp, &b, err);
    if (r == COCOS_OK)
        r = cocos__statement_parse((cocos__span){b.data, b.len}, 0, &anchored, err);
    if (r < 0)
        return r;
    cocos_statement_free(c->statement);
    c->statement = anchored;
    return COCOS_OK;
}

/* ---- looking ---- */

const cocos_manifest *cocos_case_manifest(const cocos_case *c)
{
    return c->manifest;
}

const cocos_statement *cocos_case_statement(const cocos_case *c)
{
    return c->statement;
}

const cocos_closure *cocos_case_closure(const cocos_case *c)
{
    return c->closure;
}

size_t cocos_case_approval_count(const cocos_case *c)
{
    return c->n_approvals;
}

const cocos_approval *cocos_case_approval(const cocos_case *c, size_t i)
{
    return i < c->n_approvals ? c->approvals[i] : NULL;
}

const cocos_approval *cocos__case_find(const cocos_case *c, const uint8_t digest[32])
{
    for (size_t i = 0; i < c->n_approvals; i++) {
        if (memcmp(c->approvals[i]->is.digest, digest, 32) == 0)
            return c->approvals[i];
    }
    return NULL;
}

int cocos__manifest_asset_at(const cocos_manifest *m, size_t i, int *kind, size_t *index)
{
    static const int kinds[] = {COCOS_ASSET_ALGORITHM, COCOS_ASSET_REQUIREMENTS,
                                COCOS_ASSET_DATASET};

    for (size_t k = 0; k < COCOS__ARRAY_LEN(kinds); k++) {
        size_t n = cocos_manifest_asset_count(m, kinds[k]);
        if (i < n) {
            *kind = kinds[k];
            *index = i;
            return 1;
        }
        i -= n;
    }
    return 0;
}

/* ---- terms ---- */

int cocos_case_terms_new(cocos_case_terms **ret, cocos_error **err)
{
    cocos_case_terms *t = calloc(1, sizeof *t);

    if (!t)
        return cocos__fail_memory(err);
    t->time_s = COCOS__NEVER;
    *ret = t;
    return COCOS_OK;
}

int cocos_case_terms_add_tsa_root(cocos_case_terms *t,
                                  const uint8_t *data,
                                  size_t len,
                                  cocos_error **err)
{
    if (!t || !data)
        return bad_call(err);
    size_t before = t->tsa_roots.n;
    int r = cocos__certs_add(&t->tsa_roots, data, len, err);
    /* Of bytes that are refused not even the first certificates are trusted. */
    while (r < 0 && t->tsa_roots.n > before)
        cocos__cert_free(t->tsa_roots.at[--t->tsa_roots.n]);
    return r;
}

int cocos_case_terms_set_time(cocos_case_terms *t, int64_t time_ns, cocos_error **err)
{
    if (!t || time_ns < 0)
        return bad_call(err);
    t->time_s = time_ns / INT64_C(1000000000);
    return COCOS_OK;
}

int cocos_case_terms_set_result(cocos_case_terms *t,
                                const uint8_t *digest,
                                uint64_t size,
                                cocos_error **err)
{
    if (!t || !digest)
        return bad_call(err);
    memcpy(t->result, digest, sizeof t->result);
    t->result_size = size;
    t->has_result = 1;
    return COCOS_OK;
}

void cocos_case_terms_free(cocos_case_terms *t)
{
    if (!t)
        return;
    cocos__certs_done(&t->tsa_roots);
    free(t);
}
