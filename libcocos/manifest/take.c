/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/take.h"

/* Member `key` of a map, or item number `key` of a tuple. */
static cocos__cbor at(const cocos__take *t, int64_t key)
{
    cocos__cbor_iter it;
    cocos__cbor item = {.data = NULL};

    if (cocos__cbor_kind(&t->map) == COCOS__CBOR_MAP)
        return cocos__cbor_member(&t->map, key);
    for (cocos__cbor_each(&it, &t->map); cocos__cbor_next(&it, NULL, &item);) {
        if (key-- == 0)
            break;
    }
    return item;
}

/* 1 when there is something to read: no failure yet, and not null where that is allowed. */
static int enter(cocos__take *t, int64_t key, int need, cocos__cbor *item)
{
    if (t->status < 0)
        return 0;
    *item = at(t, key);
    return need == COCOS__REQUIRED || cocos__cbor_kind(item) != COCOS__CBOR_NULL;
}

static void refuse(cocos__take *t, const char *code, const char *why)
{
    if (t->status == COCOS_OK)
        t->status = cocos__fail(t->err, COCOS_ERR_MALFORMED, code, "%s", why);
}

const uint8_t *cocos__take_bytes(cocos__take *t, int64_t key, size_t n, int need)
{
    const uint8_t *bytes = NULL;
    cocos__cbor item;

    if (enter(t, key, need, &item))
        t->status = cocos__cbor_bytes_n(&item, n, &bytes, t->err);
    return bytes;
}

static void check_length(cocos__take *t, cocos__span s, size_t min, size_t max)
{
    if (t->status == COCOS_OK && (s.len < min || s.len > max))
        t->status =
            cocos__fail(t->err, COCOS_ERR_MALFORMED, "signed.length",
                        "a value of %zu bytes, from %zu to %zu are allowed", s.len, min, max);
}

cocos__span cocos__take_span(cocos__take *t, int64_t key, size_t min, size_t max, int need)
{
    cocos__span bytes = {NULL, 0};
    cocos__cbor item;

    if (enter(t, key, need, &item)) {
        t->status = cocos__cbor_bytes(&item, &bytes, t->err);
        check_length(t, bytes, min, max);
    }
    return bytes;
}

cocos__span cocos__take_text(cocos__take *t, int64_t key, size_t max)
{
    cocos__span text = {NULL, 0};
    cocos__cbor item;

    if (!enter(t, key, COCOS__REQUIRED, &item))
        return text;
    t->status = cocos__cbor_text(&item, &text, t->err);
    check_length(t, text, 1, max);
    for (size_t i = 0; t->status == COCOS_OK && i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            refuse(t, "signed.form", "a text has control characters");
    }
    return text;
}

uint64_t cocos__take_uint(cocos__take *t, int64_t key)
{
    uint64_t v = 0;
    cocos__cbor item;

    if (enter(t, key, COCOS__REQUIRED, &item))
        t->status = cocos__cbor_uint(&item, &v, t->err);
    return v;
}

int64_t cocos__take_int(cocos__take *t, int64_t key, int64_t null, int need)
{
    int64_t v = null;
    cocos__cbor item;

    if (!enter(t, key, need, &item))
        return v;
    t->status = cocos__cbor_int(&item, &v, t->err);
    if (t->status == COCOS_OK && v == null) /* two ways to say the same */
        refuse(t, "signed.form", "a number that stands for null is written out");
    return v;
}

int cocos__take_bool(cocos__take *t, int64_t key)
{
    int v = 0;
    cocos__cbor item;

    if (enter(t, key, COCOS__REQUIRED, &item))
        t->status = cocos__cbor_bool(&item, &v, t->err);
    return v;
}

cocos__cbor cocos__take_list(cocos__take *t, int64_t key, size_t max)
{
    cocos__cbor item = {.data = NULL};

    if (!enter(t, key, COCOS__REQUIRED, &item))
        return item;
    t->status = cocos__cbor_expect(&item, COCOS__CBOR_ARRAY, t->err);
    if (t->status == COCOS_OK && cocos__cbor_count(&item) > max)
        refuse(t, "signed.count", "a list has more items than are allowed");
    return item;
}

void cocos__take_tuple(cocos__take *t, const cocos__cbor *list, size_t n, cocos__take *ret)
{
    if (t->status == COCOS_OK)
        t->status = cocos__cbor_expect(list, COCOS__CBOR_ARRAY, t->err);
    if (t->status == COCOS_OK && cocos__cbor_count(list) != n)
        refuse(t, "signed.form", "a tuple has not as many items as it should have");
    *ret = (cocos__take){*list, t->status, t->err};
}

void cocos__take_join(cocos__take *t, const cocos__take *part)
{
    if (t->status == COCOS_OK)
        t->status = part->status;
}

void cocos__put_bytes_or_null(cocos__buf *b, const uint8_t *data, size_t len)
{
    if (data)
        cocos__cbor_put_bytes(b, data, len);
    else
        cocos__cbor_put_null(b);
}

void cocos__put_int_or_null(cocos__buf *b, int64_t v, int64_t null)
{
    if (v == null)
        cocos__cbor_put_null(b);
    else
        cocos__cbor_put_int(b, v);
}
