/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the whole input, so that cursors need not doubt what they read. */
#include <string.h>

#include "codec/cbor_head.h"
#include "codec/utf8.h"

/* RFC 8949 section 3: bytes of the shortest head for a value. */
static size_t shortest(uint64_t v)
{
    return v < 24 ? 1 : v <= UINT8_MAX ? 2 : v <= UINT16_MAX ? 3 : v <= UINT32_MAX ? 5 : 9;
}

static uint64_t payload(const struct cocos__cbor_head *h)
{
    return h->kind == COCOS__CBOR_BYTES || h->kind == COCOS__CBOR_TEXT ? h->value : 0;
}

static int has_number(int kind)
{
    return kind >= COCOS__CBOR_UINT && kind <= COCOS__CBOR_TAG;
}

/* A container that is open while the check walks. */
struct level {
    uint64_t left; /* items still to come, keys and values apart */
    int is_map;
    cocos__span last;  /* key before this one */
    cocos__span *keys; /* COCOS__CBOR_FOREIGN: all keys so far */
    size_t n;
};

struct checker {
    const uint8_t *data;
    size_t len;
    size_t pos;
    int flags;
    int depth;
    struct level levels[COCOS__CBOR_DEPTH_MAX];
};

static void checker_done(struct checker *ck)
{
    while (ck->depth > 0)
        free(ck->levels[--ck->depth].keys);
}

static int fail_at(const struct checker *ck, const char *code, const char *what, cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, code, "CBOR, byte %zu: %s", ck->pos, what);
}

static int compare_spans(const void *x, const void *y)
{
    const cocos__span *a = x;
    const cocos__span *b = y;
    int c = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return c != 0 ? c : a->len < b->len ? -1 : a->len > b->len;
}

static int check_head(const struct checker *ck, struct cocos__cbor_head *h, cocos_error **err)
{
    const uint8_t *p = ck->data + ck->pos;

    switch (cocos__cbor_head_read(p, ck->len - ck->pos, h)) {
    case COCOS__CBOR_HEAD_SHORT:
        return fail_at(ck, "cbor.short", "the input ends within an item", err);
    case COCOS__CBOR_HEAD_BAD:
        return fail_at(ck, "cbor.malformed", "no item begins here", err);
    default:
        break;
    }

    if (h->indefinite)
        return fail_at(ck, "cbor.indefinite", "indefinite length or break", err);
    if (h->kind == COCOS__CBOR_ABSENT)
        return fail_at(ck, "cbor.value", "the value undefined", err);
    if (h->kind == COCOS__CBOR_FLOAT && !(ck->flags & COCOS__CBOR_FOREIGN))
        return fail_at(ck, "cbor.value", "a floating-point number", err);
    if (has_number(h->kind) && h->size != shortest(h->value) + payload(h))
        return fail_at(ck, "cbor.head", "a number is not in its shortest form", err);
    if (h->kind == COCOS__CBOR_TEXT && !cocos__utf8_valid(p + h->size - h->value, (size_t)h->value))
        return fail_at(ck, "cbor.utf8", "text is not UTF-8", err);
    return COCOS_OK;
}

static int
check_key(struct checker *ck, struct level *l, const struct cocos__cbor_head *h, cocos_error **err)
{
    cocos__span key = {ck->data + ck->pos, h->size};

    if (h->kind < COCOS__CBOR_UINT || h->kind > COCOS__CBOR_TEXT)
        return fail_at(ck, "cbor.key", "a map key is neither number nor string", err);
    if (ck->flags & COCOS__CBOR_FOREIGN) {
        l->keys[l->n++] = key;
        return COCOS_OK;
    }

    int c = l->last.data ? compare_spans(&l->last, &key) : -1;
    l->last = key;
    if (c == 0)
        return fail_at(ck, "cbor.double", "a map key stands twice", err);
    if (c > 0)
        return fail_at(ck, "cbor.order", "map keys are not sorted", err);
    return COCOS_OK;
}

static int push(struct checker *ck, const struct cocos__cbor_head *h, cocos_error **err)
{
    int is_map = h->kind == COCOS__CBOR_MAP;
    uint64_t n = h->kind == COCOS__CBOR_TAG ? 1 : h->value;

    if (ck->depth == COCOS__CBOR_DEPTH_MAX)
        return fail_at(ck, "cbor.depth", "nested too deeply", err);
    if (n > (ck->len - ck->pos) / (is_map ? 2 : 1)) /* an item has a byte at least */
        return fail_at(ck, "cbor.short", "more items are promised than can follow", err);

    struct level *l = &ck->levels[ck->depth];
    *l = (struct level){.left = is_map ? 2 * n : n, .is_map = is_map};
    if (is_map && n > 0 && (ck->flags & COCOS__CBOR_FOREIGN)) {
        l->keys = calloc((size_t)n, sizeof *l->keys);
        if (!l->keys)
            return cocos__fail_memory(err);
    }
    ck->depth++;
    return COCOS_OK;
}

/* Without an order, doubled keys are found by making one. */
static int check_keys(const struct checker *ck, struct level *l, cocos_error **err)
{
    if (l->n > 1)
        qsort(l->keys, l->n, sizeof *l->keys, compare_spans);
    for (size_t i = 1; i < l->n; i++) {
        if (compare_spans(&l->keys[i - 1], &l->keys[i]) == 0)
            return fail_at(ck, "cbor.double", "a key of the map that ends here stands twice", err);
    }
    return COCOS_OK;
}

/* Closes what is complete. 0 when nothing is open any more. */
static int pop(struct checker *ck, int *open, cocos_error **err)
{
    while (ck->depth > 0 && ck->levels[ck->depth - 1].left == 0) {
        struct level *l = &ck->levels[ck->depth - 1];
        int r = check_keys(ck, l, err);
        if (r < 0)
            return r;
        free(l->keys);
        ck->depth--;
    }
    *open = ck->depth > 0;
    return COCOS_OK;
}

static int check_item(struct checker *ck, cocos_error **err)
{
    struct level *l = ck->depth > 0 ? &ck->levels[ck->depth - 1] : NULL;
    struct cocos__cbor_head h;

    int r = check_head(ck, &h, err);
    if (r < 0)
        return r;

    if (l && l->is_map && l->left % 2 == 0) {
        r = check_key(ck, l, &h, err);
        if (r < 0)
            return r;
    }
    if (l)
        l->left--;
    ck->pos += h.size;
    return h.kind >= COCOS__CBOR_ARRAY && h.kind <= COCOS__CBOR_TAG ? push(ck, &h, err) : COCOS_OK;
}

int cocos__cbor_open(
    const uint8_t *data, size_t len, int flags, cocos__cbor *root, cocos_error **err)
{
    COCOS__CLEANUP(checker_done) struct checker ck = {.data = data, .len = len, .flags = flags};
    int open = 1;

    while (open) {
        int r = check_item(&ck, err);
        if (r < 0)
            return r;
        r = pop(&ck, &open, err);
        if (r < 0)
            return r;
    }
    if (ck.pos != len)
        return fail_at(&ck, "cbor.trailing", "bytes behind the item", err);

    *root = (cocos__cbor){.data = data, .len = len};
    return COCOS_OK;
}
