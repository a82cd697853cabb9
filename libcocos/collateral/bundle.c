/* SPDX-License-Identifier: Apache-2.0 */
/* Making bundles, and looking at them. */
#include "collateral/bundle.h"

#include <string.h>

#include "codec/cbor.h"

#define NS_PER_S INT64_C(1000000000)

void cocos__bundle_draft_done(cocos__bundle_draft *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free((void *)(uintptr_t)d->items[i].data.data);
        free(d->items[i].source);
    }
    d->n = 0;
}

int cocos__bundle_draft_add(
    cocos__bundle_draft *d, int part, cocos__span data, const char *source, cocos_error **err)
{
    if (d->n == COCOS__BUNDLE_ITEMS)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "collateral.bundle",
                           "more than %d items in a bundle", COCOS__BUNDLE_ITEMS);
    uint8_t *copy = malloc(data.len ? data.len : 1);
    char *text = strdup(source);
    if (!copy || !text) {
        free(copy);
        free(text);
        return cocos__fail_memory(err);
    }
    if (data.len > 0)
        memcpy(copy, data.data, data.len);
    d->items[d->n++] = (cocos__bundle_item){part, {copy, data.len}, text, 0};
    return COCOS_OK;
}

/* The one order of items: by part, then by source (doc/schema/bundle.cddl). */
static int by_part_and_source(const void *a, const void *b)
{
    const cocos__bundle_item *x = a;
    const cocos__bundle_item *y = b;

    return x->part != y->part ? (x->part < y->part ? -1 : 1) : strcmp(x->source, y->source);
}

static void put_item(cocos__buf *b, const cocos__bundle_item *item)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, 1);
    cocos__cbor_put_uint(b, (uint64_t)item->part);
    cocos__cbor_map_key(&m, 2);
    cocos__cbor_put_bytes(b, item->data.data, item->data.len);
    cocos__cbor_map_key(&m, 3);
    cocos__cbor_put_text(b, item->source);
    cocos__cbor_map_end(&m);
}

int cocos__bundle_finish(cocos__bundle_draft *d, cocos_bundle **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__cbor_map m;

    cocos__buf_init(&b, COCOS__BUNDLE_MAX);
    qsort(d->items, d->n, sizeof *d->items, by_part_and_source);
    cocos__cbor_map_begin(&m, &b);
    cocos__cbor_map_key(&m, 1);
    cocos__cbor_put_uint(&b, 1);
    cocos__cbor_map_key(&m, 2);
    cocos__cbor_put_uint(&b, (uint64_t)d->kind);
    cocos__cbor_map_key(&m, 3);
    cocos__cbor_put_text(&b, d->subject);
    cocos__cbor_map_key(&m, 4);
    cocos__cbor_put_array(&b, d->n);
    for (size_t i = 0; i < d->n; i++)
        put_item(&b, &d->items[i]);
    cocos__cbor_map_end(&m);
    if (b.failed && b.limit - b.len < COCOS__BUNDLE_MAX / 2)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "collateral.bundle",
                           "the bundle would be larger than %u bytes", COCOS__BUNDLE_MAX);
    return b.failed ? cocos__fail_memory(err) : cocos_bundle_parse(b.data, b.len, ret, err);
}

void cocos_bundle_free(cocos_bundle *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++)
        free(b->items[i].source);
    free(b->cbor);
    free(b);
}

const uint8_t *cocos_bundle_cbor(const cocos_bundle *b, size_t *len)
{
    *len = b->len;
    return b->cbor;
}

int cocos__bundle_copy(const cocos_bundle *b, cocos_bundle **ret, cocos_error **err)
{
    return cocos_bundle_parse(b->cbor, b->len, ret, err);
}

int cocos_bundle_kind(const cocos_bundle *b)
{
    return b->kind;
}

const char *cocos_bundle_subject(const cocos_bundle *b)
{
    return b->subject;
}

size_t cocos_bundle_count(const cocos_bundle *b)
{
    return b->n;
}

int cocos_bundle_part(const cocos_bundle *b, size_t i)
{
    return i < b->n ? b->items[i].part : 0;
}

const uint8_t *cocos_bundle_data(const cocos_bundle *b, size_t i, size_t *len)
{
    *len = i < b->n ? b->items[i].data.len : 0;
    return i < b->n ? b->items[i].data.data : NULL;
}

const char *cocos_bundle_source(const cocos_bundle *b, size_t i)
{
    return i < b->n ? b->items[i].source : "";
}

int64_t cocos_bundle_until_ns(const cocos_bundle *b, size_t i)
{
    int64_t s = i < b->n ? b->items[i].until_s : 0;

    /* Certificates may say the year 9999, which nanoseconds in 64 bits cannot. */
    return s > INT64_MAX / NS_PER_S ? INT64_MAX : s < 0 ? 0 : s * NS_PER_S;
}

int cocos_evidence_add_bundle(cocos_evidence *ev, const cocos_bundle *b, cocos_error **err)
{
    int r = COCOS_OK;

    if (!ev || !b ||
        (cocos_evidence_kind(ev) != b->kind && cocos_evidence_kind(ev) != COCOS_EVIDENCE_ENVELOPE))
        return cocos__fail(err, COCOS_ERR_USAGE, "collateral.kind",
                           "the bundle is for evidence of another kind");
    for (size_t i = 0; r == COCOS_OK && i < b->n; i++)
        r = cocos_evidence_add(ev, b->items[i].part, b->items[i].data.data, b->items[i].data.len,
                               err);
    return r;
}
