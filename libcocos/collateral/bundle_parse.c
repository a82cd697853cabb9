/* SPDX-License-Identifier: Apache-2.0 */
/* Reading bundles: the one encoding, and within each item the form that its kind has. */
#include <string.h>

#include "codec/cbor.h"
#include "collateral/bundle.h"
#include "crypto/chain.h"
#include "tdx/tcb.h"

#define VERSION 1

enum { KEY_VERSION = 1, KEY_KIND = 2, KEY_SUBJECT = 3, KEY_ITEMS = 4 };
enum { ITEM_PART = 1, ITEM_DATA = 2, ITEM_SOURCE = 3 };

static int bad(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "collateral.bundle", "not a bundle: %s", why);
}

/* Text of 1 to max bytes, printable ASCII: it is shown to people. */
static int read_text(const cocos__cbor *c, size_t max, cocos__span *ret, cocos_error **err)
{
    int r = cocos__cbor_text(c, ret, err);

    if (r < 0)
        return r;
    if (ret->len == 0 || ret->len > max)
        return bad(err, "a text is empty or too long");
    for (size_t i = 0; i < ret->len; i++) {
        if (ret->data[i] < ' ' || ret->data[i] > '~')
            return bad(err, "a text has characters that are not printable ASCII");
    }
    return COCOS_OK;
}

/* Certificates: the end of the first that ends. */
static int check_certs(cocos__span data, size_t want, int64_t *until_s, cocos_error **err)
{
    cocos__certs list = {.n = 0};

    int r = cocos__certs_add(&list, data.data, data.len, err);
    if (r == COCOS_OK && (list.n == 0 || (want && list.n != want)))
        r = bad(err, "an item has not the certificates that it should have");
    for (size_t i = 0; r == COCOS_OK && i < list.n; i++) {
        int64_t end = cocos__cert_not_after(list.at[i]);
        *until_s = i == 0 || end < *until_s ? end : *until_s;
    }
    cocos__certs_done(&list);
    return r;
}

static int check_crl(cocos__span data, int64_t *until_s, cocos_error **err)
{
    COCOS__CLEANUP(cocos__crl_freep) cocos__crl *crl = NULL;

    int r = cocos__crl_parse(data.data, data.len, &crl, err);
    if (r == COCOS_OK)
        *until_s = cocos__crl_next_update(crl);
    return r;
}

static int check_tcb_info(cocos__span data, int64_t *until_s, cocos_error **err)
{
    cocos__tdx_signed s;
    cocos__tdx_tcb_info t = {.issued = 0};

    int r = cocos__tdx_signed_read(data, "tcbInfo", &s, err);
    if (r == COCOS_OK)
        r = cocos__tdx_tcb_info_read(s.object, &t, err);
    if (r == COCOS_OK) {
        *until_s = t.next_update;
        cocos__tdx_tcb_info_done(&t);
    }
    return r;
}

static int check_qe_identity(cocos__span data, int64_t *until_s, cocos_error **err)
{
    cocos__tdx_signed s;
    cocos__tdx_qe_identity q = {.issued = 0};

    int r = cocos__tdx_signed_read(data, "enclaveIdentity", &s, err);
    if (r == COCOS_OK)
        r = cocos__tdx_qe_identity_read(s.object, &q, err);
    if (r == COCOS_OK) {
        *until_s = q.next_update;
        cocos__tdx_qe_identity_done(&q);
    }
    return r;
}

static int check_item(int kind, cocos__bundle_item *item, cocos_error **err)
{
    int tdx = kind == COCOS_EVIDENCE_TDX;

    switch (item->part) {
    case COCOS_PART_CRL:
        return check_crl(item->data, &item->until_s, err);
    case COCOS_PART_CERTIFICATES:
        return tdx ? bad(err, "TDX has no such item")
                   : check_certs(item->data, 0, &item->until_s, err);
    case COCOS_PART_TCB_INFO:
        return tdx ? check_tcb_info(item->data, &item->until_s, err)
                   : bad(err, "SEV-SNP has no such item");
    case COCOS_PART_QE_IDENTITY:
        return tdx ? check_qe_identity(item->data, &item->until_s, err)
                   : bad(err, "SEV-SNP has no such item");
    case COCOS_PART_TCB_CHAIN:
        return tdx ? check_certs(item->data, 2, &item->until_s, err)
                   : bad(err, "SEV-SNP has no such item");
    default:
        return bad(err, "an item of an unknown kind");
    }
}

/* Items ascend by part and source, and there is one TCB info, QE identity and chain. */
static int check_order(const cocos__bundle_item *a, const cocos__bundle_item *b, cocos_error **err)
{
    if (b->part < a->part || (b->part == a->part && strcmp(b->source, a->source) <= 0))
        return bad(err, "its items are not in their order, or one is there twice");
    if (b->part == a->part && b->part >= COCOS_PART_TCB_INFO)
        return bad(err, "an item that can be there once is there twice");
    return COCOS_OK;
}

static int read_item(const cocos__cbor *c, int kind, cocos__bundle_item *item, cocos_error **err)
{
    cocos__cbor part = cocos__cbor_member(c, ITEM_PART);
    cocos__cbor data = cocos__cbor_member(c, ITEM_DATA);
    cocos__cbor source = cocos__cbor_member(c, ITEM_SOURCE);
    cocos__span text = {NULL, 0};
    uint64_t number = 0;

    int r = cocos__cbor_expect(c, COCOS__CBOR_MAP, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only(c, ITEM_PART, ITEM_SOURCE, err);
    if (r == COCOS_OK)
        r = cocos__cbor_uint(&part, &number, err);
    if (r == COCOS_OK)
        r = cocos__cbor_bytes(&data, &item->data, err);
    if (r == COCOS_OK)
        r = read_text(&source, COCOS__BUNDLE_SOURCE, &text, err);
    if (r < 0)
        return r;
    item->part = number <= COCOS_PART_TCB_CHAIN ? (int)number : 0;
    item->source = strndup((const char *)text.data, text.len);
    return item->source ? check_item(kind, item, err) : cocos__fail_memory(err);
}

static int read_items(const cocos__cbor *list, cocos_bundle *b, cocos_error **err)
{
    cocos__cbor_iter it;
    cocos__cbor c;

    int r = cocos__cbor_expect(list, COCOS__CBOR_ARRAY, err);
    if (r < 0)
        return r;
    if (cocos__cbor_count(list) == 0 || cocos__cbor_count(list) > COCOS__BUNDLE_ITEMS)
        return bad(err, "it has no items, or too many");
    for (cocos__cbor_each(&it, list); cocos__cbor_next(&it, NULL, &c);) {
        cocos__bundle_item *item = &b->items[b->n++]; /* counted first: freed also when refused */
        r = read_item(&c, b->kind, item, err);
        if (r == COCOS_OK && b->n > 1)
            r = check_order(item - 1, item, err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}

static int read_bundle(cocos_bundle *b, cocos_error **err)
{
    cocos__cbor root;
    cocos__span subject = {NULL, 0};
    uint64_t version = 0;
    uint64_t kind = 0;

    int r = cocos__cbor_open(b->cbor, b->len, COCOS__CBOR_STRICT, &root, err);
    if (r == COCOS_OK)
        r = cocos__cbor_expect(&root, COCOS__CBOR_MAP, err);
    if (r < 0)
        return r;
    cocos__cbor number = cocos__cbor_member(&root, KEY_VERSION);
    cocos__cbor of = cocos__cbor_member(&root, KEY_KIND);
    cocos__cbor about = cocos__cbor_member(&root, KEY_SUBJECT);
    cocos__cbor items = cocos__cbor_member(&root, KEY_ITEMS);
    r = cocos__cbor_uint(&number, &version, err);
    if (r == COCOS_OK && version != VERSION)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "collateral.bundle",
                           "a bundle of another version than %d", VERSION);
    if (r == COCOS_OK)
        r = cocos__cbor_only(&root, KEY_VERSION, KEY_ITEMS, err);
    if (r == COCOS_OK)
        r = cocos__cbor_uint(&of, &kind, err);
    if (r == COCOS_OK && kind != COCOS_EVIDENCE_SNP && kind != COCOS_EVIDENCE_TDX)
        r = bad(err, "it is for no kind of evidence that needs one");
    if (r == COCOS_OK)
        r = read_text(&about, COCOS__BUNDLE_SUBJECT, &subject, err);
    if (r < 0)
        return r;
    b->kind = (int)kind;
    memcpy(b->subject, subject.data, subject.len);
    return read_items(&items, b, err);
}

int cocos_bundle_parse(const uint8_t *data, size_t len, cocos_bundle **ret, cocos_error **err)
{
    if (!data || len == 0)
        return bad(err, "it is empty");
    if (len > COCOS__BUNDLE_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "collateral.bundle",
                           "a bundle of %zu bytes, the limit is %u", len, COCOS__BUNDLE_MAX);
    COCOS__CLEANUP(cocos__bundle_freep) cocos_bundle *b = calloc(1, sizeof *b);
    if (!b || !(b->cbor = malloc(len)))
        return cocos__fail_memory(err);
    memcpy(b->cbor, data, len);
    b->len = len;

    int r = read_bundle(b, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(b);
    return COCOS_OK;
}
