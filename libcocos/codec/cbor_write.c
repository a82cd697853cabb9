/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic encoding; libcbor writes the heads, in their shortest form. */
#include "codec/cbor.h"

#include <string.h>

#include <cbor.h>

#define HEAD_MAX 9

static void put_head(cocos__buf *b, size_t (*encode)(size_t, unsigned char *, size_t), size_t v)
{
    unsigned char head[HEAD_MAX];

    cocos__buf_add(b, head, encode(v, head, sizeof head));
}

void cocos__cbor_put_uint(cocos__buf *b, uint64_t v)
{
    unsigned char head[HEAD_MAX];

    cocos__buf_add(b, head, cbor_encode_uint(v, head, sizeof head));
}

void cocos__cbor_put_int(cocos__buf *b, int64_t v)
{
    unsigned char head[HEAD_MAX];

    if (v >= 0)
        cocos__cbor_put_uint(b, (uint64_t)v);
    else
        cocos__buf_add(b, head, cbor_encode_negint((uint64_t)(-1 - v), head, sizeof head));
}

void cocos__cbor_put_bytes(cocos__buf *b, const uint8_t *data, size_t len)
{
    put_head(b, cbor_encode_bytestring_start, len);
    cocos__buf_add(b, data, len);
}

void cocos__cbor_put_text(cocos__buf *b, const char *s)
{
    cocos__cbor_put_text_n(b, s, strlen(s));
}

void cocos__cbor_put_text_n(cocos__buf *b, const char *s, size_t len)
{
    put_head(b, cbor_encode_string_start, len);
    cocos__buf_add(b, s, len);
}

void cocos__cbor_put_bool(cocos__buf *b, int v)
{
    unsigned char head[HEAD_MAX];

    cocos__buf_add(b, head, cbor_encode_bool(v != 0, head, sizeof head));
}

void cocos__cbor_put_null(cocos__buf *b)
{
    unsigned char head[HEAD_MAX];

    cocos__buf_add(b, head, cbor_encode_null(head, sizeof head));
}

void cocos__cbor_put_tag(cocos__buf *b, uint64_t tag)
{
    unsigned char head[HEAD_MAX];

    cocos__buf_add(b, head, cbor_encode_tag(tag, head, sizeof head));
}

void cocos__cbor_put_array(cocos__buf *b, size_t n)
{
    put_head(b, cbor_encode_array_start, n);
}

void cocos__cbor_map_begin(cocos__cbor_map *m, cocos__buf *b)
{
    m->b = b;
    m->start = b->len;
    m->n = 0;
}

/* Called behind the key, which began at `start`. */
static void note_key(cocos__cbor_map *m, size_t start)
{
    if (m->n == COCOS__CBOR_MAP_MAX) {
        m->b->failed = 1;
        return;
    }
    m->at[m->n] = start;
    m->key_len[m->n++] = m->b->len - start;
}

void cocos__cbor_map_key(cocos__cbor_map *m, int64_t key)
{
    size_t start = m->b->len;

    cocos__cbor_put_int(m->b, key);
    note_key(m, start);
}

void cocos__cbor_map_name(cocos__cbor_map *m, const char *name)
{
    size_t start = m->b->len;

    cocos__cbor_put_text(m->b, name);
    note_key(m, start);
}

void cocos__cbor_map_drop_key(cocos__cbor_map *m)
{
    if (m->b->failed || m->n == 0)
        m->b->failed = 1;
    else
        m->b->len = m->at[--m->n];
}

/* Bytewise order of the encoded keys (RFC 8949 section 4.2.1); no key is the beginning of another.
 */
static int compare_keys(const cocos__cbor_map *m, size_t i, size_t j)
{
    size_t n = m->key_len[i] < m->key_len[j] ? m->key_len[i] : m->key_len[j];

    return memcmp(m->b->data + m->at[i], m->b->data + m->at[j], n);
}

/* Few members, mostly in order already. 0 when two keys are equal. */
static int sort_members(const cocos__cbor_map *m, size_t order[COCOS__CBOR_MAP_MAX])
{
    for (size_t i = 0; i < m->n; i++) {
        size_t j = i;
        for (; j > 0; j--) {
            int c = compare_keys(m, order[j - 1], i);
            if (c == 0)
                return 0;
            if (c < 0)
                break;
            order[j] = order[j - 1];
        }
        order[j] = i;
    }
    return 1;
}

void cocos__cbor_map_end(cocos__cbor_map *m)
{
    COCOS__CLEANUP(cocos__buf_wipe_done) cocos__buf members;
    size_t order[COCOS__CBOR_MAP_MAX];
    size_t end = m->b->len;

    cocos__buf_init(&members, SIZE_MAX / 2);
    if (m->b->failed || !sort_members(m, order)) {
        m->b->failed = 1;
        return;
    }

    for (size_t i = 0; i < m->n; i++) {
        size_t k = order[i];
        size_t next = k + 1 < m->n ? m->at[k + 1] : end;
        cocos__buf_add(&members, m->b->data + m->at[k], next - m->at[k]);
    }
    m->b->len = m->start;
    put_head(m->b, cbor_encode_map_start, m->n);
    cocos__buf_add(m->b, members.data, members.len);
    m->b->failed |= members.failed;
}
