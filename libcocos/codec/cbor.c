/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors over bytes that cocos__cbor_open() has checked. */
#include "codec/cbor.h"

#include <stdio.h>
#include <string.h>

#include "codec/cbor_head.h"

static struct cocos__cbor_head head_of(const cocos__cbor *c)
{
    struct cocos__cbor_head h = {0};

    if (c->data)
        (void)cocos__cbor_head_read(c->data, c->len, &h);
    return h;
}

int cocos__cbor_kind(const cocos__cbor *c)
{
    return head_of(c).kind;
}

size_t cocos__cbor_count(const cocos__cbor *c)
{
    struct cocos__cbor_head h = head_of(c);

    return h.kind == COCOS__CBOR_ARRAY || h.kind == COCOS__CBOR_MAP ? (size_t)h.value : 0;
}

static const char *const kind_names[] = {"nothing",
                                         "an unsigned number",
                                         "a negative number",
                                         "bytes",
                                         "text",
                                         "an array",
                                         "a map",
                                         "a tag",
                                         "a truth value",
                                         "null",
                                         "a float"};

static int
fail_value(const cocos__cbor *c, const char *code, const char *expected, cocos_error **err)
{
    char where[COCOS__POINTER_MAX];
    const char *found = kind_names[cocos__cbor_kind(c)];

    cocos__path_print(&c->path, where, sizeof where);
    return cocos__fail_check(err, COCOS_ERR_MALFORMED, code, where, expected, found,
                             "%s: expected %s, found %s", where[0] ? where : "the whole", expected,
                             found);
}

static int fail_type(const cocos__cbor *c, const char *expected, cocos_error **err)
{
    if (!c->data)
        return fail_value(c, "cbor.absent", expected, err);
    return fail_value(c, "cbor.type", expected, err);
}

int cocos__cbor_expect(const cocos__cbor *c, int kind, cocos_error **err)
{
    return cocos__cbor_kind(c) == kind ? COCOS_OK : fail_type(c, kind_names[kind], err);
}

int cocos__cbor_uint(const cocos__cbor *c, uint64_t *ret, cocos_error **err)
{
    struct cocos__cbor_head h = head_of(c);

    if (h.kind != COCOS__CBOR_UINT)
        return fail_type(c, kind_names[COCOS__CBOR_UINT], err);
    *ret = h.value;
    return COCOS_OK;
}

static int number_of(const struct cocos__cbor_head *h, int64_t *ret)
{
    if ((h->kind != COCOS__CBOR_UINT && h->kind != COCOS__CBOR_NEGINT) || h->value > INT64_MAX)
        return 0;
    *ret = h->kind == COCOS__CBOR_UINT ? (int64_t)h->value : -1 - (int64_t)h->value;
    return 1;
}

int cocos__cbor_int(const cocos__cbor *c, int64_t *ret, cocos_error **err)
{
    struct cocos__cbor_head h = head_of(c);

    if (number_of(&h, ret))
        return COCOS_OK;
    if (h.kind != COCOS__CBOR_UINT && h.kind != COCOS__CBOR_NEGINT)
        return fail_type(c, "a number", err);
    return fail_value(c, "cbor.range", "a number of 64 bits with sign", err);
}

int cocos__cbor_bool(const cocos__cbor *c, int *ret, cocos_error **err)
{
    struct cocos__cbor_head h = head_of(c);

    if (h.kind != COCOS__CBOR_BOOL)
        return fail_type(c, kind_names[COCOS__CBOR_BOOL], err);
    *ret = h.value != 0;
    return COCOS_OK;
}

static int is_text(const cocos__cbor *c, const char *text)
{
    struct cocos__cbor_head h = head_of(c);
    size_t len = strlen(text);

    return h.kind == COCOS__CBOR_TEXT && h.value == len &&
           memcmp(c->data + c->len - len, text, len) == 0;
}

static int string_of(const cocos__cbor *c, int kind, cocos__span *ret, cocos_error **err)
{
    struct cocos__cbor_head h = head_of(c);

    if (h.kind != kind)
        return fail_type(c, kind_names[kind], err);
    *ret = (cocos__span){c->data + c->len - h.value, (size_t)h.value};
    return COCOS_OK;
}

int cocos__cbor_bytes(const cocos__cbor *c, cocos__span *ret, cocos_error **err)
{
    return string_of(c, COCOS__CBOR_BYTES, ret, err);
}

int cocos__cbor_text(const cocos__cbor *c, cocos__span *ret, cocos_error **err)
{
    return string_of(c, COCOS__CBOR_TEXT, ret, err);
}

int cocos__cbor_bytes_n(const cocos__cbor *c, size_t n, const uint8_t **ret, cocos_error **err)
{
    cocos__span s = {NULL, 0};
    char expected[48];

    int r = cocos__cbor_bytes(c, &s, err);
    if (r < 0)
        return r;
    if (s.len != n) {
        snprintf(expected, sizeof expected, "%zu bytes", n);
        return fail_value(c, "cbor.length", expected, err);
    }
    *ret = s.data;
    return COCOS_OK;
}

int cocos__cbor_text_is(const cocos__cbor *c, const char *expected, cocos_error **err)
{
    int r = cocos__cbor_expect(c, COCOS__CBOR_TEXT, err);
    if (r < 0)
        return r;
    if (!is_text(c, expected))
        return fail_value(c, "cbor.constant", expected, err);
    return COCOS_OK;
}

int cocos__cbor_tag(const cocos__cbor *c, uint64_t *tag, cocos__cbor *inner, cocos_error **err)
{
    struct cocos__cbor_head h = head_of(c);

    if (h.kind != COCOS__CBOR_TAG)
        return fail_type(c, kind_names[COCOS__CBOR_TAG], err);
    *tag = h.value;
    *inner = (cocos__cbor){c->path, c->data + h.size, c->len - h.size};
    return COCOS_OK;
}

int cocos__cbor_untag(const cocos__cbor *c, uint64_t tag, cocos__cbor *ret, cocos_error **err)
{
    cocos__cbor inner;
    uint64_t found = 0;
    char expected[48];

    int r = cocos__cbor_tag(c, &found, &inner, err);
    if (r < 0)
        return r;
    if (found != tag) {
        snprintf(expected, sizeof expected, "tag %llu", (unsigned long long)tag);
        return fail_value(c, "cbor.tag", expected, err);
    }
    *ret = inner;
    return COCOS_OK;
}

void cocos__cbor_each(cocos__cbor_iter *it, const cocos__cbor *c)
{
    struct cocos__cbor_head h = head_of(c);

    *it = (cocos__cbor_iter){.of = c, .pos = h.size, .is_map = h.kind == COCOS__CBOR_MAP};
    if (it->is_map || h.kind == COCOS__CBOR_ARRAY)
        it->n = (size_t)h.value;
}

static cocos__cbor take_item(cocos__cbor_iter *it)
{
    const uint8_t *p = it->of->data + it->pos;
    cocos__cbor item = {{.up = &it->of->path, .number = (int64_t)it->index},
                        p,
                        cocos__cbor_item_size(p, it->of->len - it->pos)};

    it->pos += item.len;
    return item;
}

/* The step to a member is named by its key. */
static void name_step(cocos__path *step, const cocos__cbor *key)
{
    struct cocos__cbor_head h = head_of(key);

    if (h.kind == COCOS__CBOR_TEXT) {
        step->name = (const char *)key->data + key->len - h.value;
        step->name_len = (size_t)h.value;
    } else if (!number_of(&h, &step->number)) {
        step->name = "?";
        step->name_len = 1;
    }
}

int cocos__cbor_next(cocos__cbor_iter *it, cocos__cbor *key, cocos__cbor *value)
{
    cocos__cbor k;

    if (it->index == it->n)
        return 0;

    if (it->is_map) {
        k = take_item(it);
        name_step(&k.path, &k);
    }
    *value = take_item(it);
    if (it->is_map) {
        value->path = k.path;
        if (key)
            *key = k;
    }
    it->index++;
    return 1;
}

cocos__cbor cocos__cbor_member(const cocos__cbor *c, int64_t key)
{
    cocos__cbor_iter it;
    cocos__cbor k;
    cocos__cbor v;
    for (cocos__cbor_each(&it, c); it.is_map && cocos__cbor_next(&it, &k, &v);) {
        struct cocos__cbor_head h = head_of(&k);
        int64_t number;
        if (number_of(&h, &number) && number == key)
            return v;
    }
    return (cocos__cbor){{.up = &c->path, .number = key}, NULL, 0};
}

cocos__cbor cocos__cbor_named(const cocos__cbor *c, const char *name)
{
    cocos__cbor_iter it;
    cocos__cbor k;
    cocos__cbor v;

    for (cocos__cbor_each(&it, c); it.is_map && cocos__cbor_next(&it, &k, &v);) {
        if (is_text(&k, name))
            return v;
    }
    return (cocos__cbor){{.up = &c->path, .name = name, .name_len = strlen(name)}, NULL, 0};
}

int cocos__cbor_only(const cocos__cbor *c, int64_t low, int64_t high, cocos_error **err)
{
    cocos__cbor_iter it;
    cocos__cbor k;
    cocos__cbor v;

    int r = cocos__cbor_expect(c, COCOS__CBOR_MAP, err);
    if (r < 0)
        return r;

    for (cocos__cbor_each(&it, c); cocos__cbor_next(&it, &k, &v);) {
        struct cocos__cbor_head h = head_of(&k);
        int64_t number;
        if (!number_of(&h, &number) || number < low || number > high)
            return fail_value(&v, "cbor.unknown", "no such key", err);
    }
    return COCOS_OK;
}

int cocos__cbor_only_names(const cocos__cbor *c, const char *const *names, cocos_error **err)
{
    cocos__cbor_iter it;
    cocos__cbor k;
    cocos__cbor v;

    int r = cocos__cbor_expect(c, COCOS__CBOR_MAP, err);
    if (r < 0)
        return r;

    for (cocos__cbor_each(&it, c); cocos__cbor_next(&it, &k, &v);) {
        const char *const *name = names;
        while (*name && !is_text(&k, *name))
            name++;
        if (!*name)
            return fail_value(&v, "cbor.unknown", "no such name", err);
    }
    return COCOS_OK;
}
