/* SPDX-License-Identifier: Apache-2.0 */
/* Items that the check lets through fill their container exactly; strict ones re-encode as they
 * were. */
#include <stdlib.h>
#include <string.h>

#include "codec/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const cocos__cbor *c, cocos__buf *out, int strict);

static void walk_scalar(const cocos__cbor *c, cocos__buf *out)
{
    cocos__span s;
    uint64_t u;
    int64_t i;
    int truth;

    switch (cocos__cbor_kind(c)) {
    case COCOS__CBOR_UINT:
        if (cocos__cbor_uint(c, &u, NULL) < 0)
            abort();
        cocos__cbor_put_uint(out, u);
        break;
    case COCOS__CBOR_BYTES:
        if (cocos__cbor_bytes(c, &s, NULL) < 0)
            abort();
        cocos__cbor_put_bytes(out, s.data, s.len);
        break;
    case COCOS__CBOR_TEXT:
        if (cocos__cbor_text(c, &s, NULL) < 0)
            abort();
        cocos__cbor_put_text_n(out, (const char *)s.data, s.len);
        break;
    case COCOS__CBOR_BOOL:
        if (cocos__cbor_bool(c, &truth, NULL) < 0)
            abort();
        cocos__cbor_put_bool(out, truth);
        break;
    case COCOS__CBOR_NULL:
        cocos__cbor_put_null(out);
        break;
    default:
        if (cocos__cbor_int(c, &i, NULL) == COCOS_OK)
            cocos__cbor_put_int(out, i);
        else
            cocos__buf_add(out, c->data, c->len); /* below INT64_MIN, or a float */
    }
}

static void walk_container(const cocos__cbor *c, cocos__buf *out, int strict)
{
    cocos__cbor_iter it;
    cocos__cbor key;
    cocos__cbor value;
    size_t start = out->len;
    size_t head = c->len;

    for (cocos__cbor_each(&it, c); cocos__cbor_next(&it, &key, &value);)
        head -= value.len + (it.is_map ? key.len : 0);
    cocos__buf_add(out, c->data, head);
    for (cocos__cbor_each(&it, c); cocos__cbor_next(&it, &key, &value);) {
        if (it.is_map)
            walk(&key, out, strict);
        walk(&value, out, strict);
    }
    if (out->len - start != c->len)
        abort();
}

static void walk(const cocos__cbor *c, cocos__buf *out, int strict)
{
    cocos__cbor inner;
    uint64_t tag;

    switch (cocos__cbor_kind(c)) {
    case COCOS__CBOR_ARRAY:
    case COCOS__CBOR_MAP:
        walk_container(c, out, strict);
        break;
    case COCOS__CBOR_TAG:
        if (cocos__cbor_tag(c, &tag, &inner, NULL) < 0)
            abort();
        cocos__cbor_put_tag(out, tag);
        walk(&inner, out, strict);
        break;
    case COCOS__CBOR_FLOAT:
        if (strict)
            abort();
        cocos__buf_add(out, c->data, c->len);
        break;
    default:
        walk_scalar(c, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int flags = COCOS__CBOR_STRICT; flags <= COCOS__CBOR_FOREIGN; flags++) {
        cocos__cbor root;
        cocos__buf out;

        if (cocos__cbor_open(data, size, flags, &root, NULL) < 0)
            continue;
        cocos__buf_init(&out, size);
        walk(&root, &out, flags == COCOS__CBOR_STRICT);
        if (out.failed || out.len != size || memcmp(out.data, data, size) != 0)
            abort();
        cocos__buf_done(&out);
    }
    return 0;
}
