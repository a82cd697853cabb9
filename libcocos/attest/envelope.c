/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/envelope.h"

#include <string.h>

#include "codec/cbor.h"
#include "crypto/digest.h"

#define TYPE "cocos-evidence/1"

/* Keys of the envelope, and of the note that stands for a detached part (cocos-v1 section 1). */
enum { KEY_TYPE = 1, KEY_CLAIMS = 2, KEY_PARTS = 3 };
enum { KEY_SIZE = 1, KEY_SHA256 = 2 };

#define NOTE_SIZE   48 /* at least what a note takes */
#define PART_DIGEST 32

/* A part as it stands in an envelope: whole, or a note of what is elsewhere. */
typedef struct part {
    cocos__span media_type;
    cocos__span data; /* data NULL: detached */
    uint64_t size;    /* of a detached one */
    const uint8_t *digest;
} part;

typedef struct parsed {
    cocos__span claims;
    size_t n;
    part parts[COCOS__ENVELOPE_PARTS];
} parsed;

static int is_media_type(cocos__span s)
{
    if (s.len == 0 || s.len > 63)
        return 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] > '~')
            return 0;
    }
    return 1;
}

static void put_part(cocos__buf *out, const part *p)
{
    cocos__cbor_put_array(out, 2);
    cocos__cbor_put_text_n(out, (const char *)p->media_type.data, p->media_type.len);
    if (p->data.data) {
        cocos__cbor_put_bytes(out, p->data.data, p->data.len);
        return;
    }
    cocos__cbor_map m;
    cocos__cbor_map_begin(&m, out);
    cocos__cbor_map_key(&m, KEY_SIZE);
    cocos__cbor_put_uint(out, p->size);
    cocos__cbor_map_key(&m, KEY_SHA256);
    cocos__cbor_put_bytes(out, p->digest, PART_DIGEST);
    cocos__cbor_map_end(&m);
}

static int put_envelope(const parsed *p, cocos__buf *out, cocos_error **err)
{
    cocos__cbor_map m;
    size_t before = out->len;

    cocos__cbor_map_begin(&m, out);
    cocos__cbor_map_key(&m, KEY_TYPE);
    cocos__cbor_put_text(out, TYPE);
    cocos__cbor_map_key(&m, KEY_CLAIMS);
    cocos__cbor_put_bytes(out, p->claims.data, p->claims.len);
    cocos__cbor_map_key(&m, KEY_PARTS);
    cocos__cbor_put_array(out, p->n);
    for (size_t i = 0; i < p->n; i++)
        put_part(out, &p->parts[i]);
    cocos__cbor_map_end(&m);
    if (out->failed || out->len - before > COCOS__ENVELOPE_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "envelope.size",
                           "the evidence does not fit into an envelope of %u bytes",
                           COCOS__ENVELOPE_MAX);
    return COCOS_OK;
}

int cocos__envelope_encode(cocos__span claims,
                           const cocos__envelope_part *parts,
                           size_t n,
                           cocos__buf *out,
                           cocos_error **err)
{
    parsed p = {.claims = claims, .n = n};

    if (n > COCOS__ENVELOPE_PARTS)
        return cocos__fail(err, COCOS_ERR_USAGE, "envelope.part",
                           "an envelope has at most %d parts, not %zu", COCOS__ENVELOPE_PARTS, n);
    for (size_t i = 0; i < n; i++) {
        const char *type = parts[i].media_type;
        p.parts[i] =
            (part){.media_type = {(const uint8_t *)type, strlen(type)}, .data = parts[i].data};
        if (!is_media_type(p.parts[i].media_type) || !parts[i].data.data)
            return cocos__fail(err, COCOS_ERR_USAGE, "envelope.part",
                               "part %zu needs a media type and bytes", i);
    }
    return put_envelope(&p, out, err);
}

static int read_note(const cocos__cbor *item, part *p, cocos_error **err)
{
    cocos__cbor size = cocos__cbor_member(item, KEY_SIZE);
    cocos__cbor digest = cocos__cbor_member(item, KEY_SHA256);

    int r = cocos__cbor_only(item, KEY_SIZE, KEY_SHA256, err);
    if (r == COCOS_OK)
        r = cocos__cbor_uint(&size, &p->size, err);
    if (r == COCOS_OK)
        r = cocos__cbor_bytes_n(&digest, PART_DIGEST, &p->digest, err);
    if (r == COCOS_OK && p->size > COCOS__ENVELOPE_MAX)
        r = cocos__fail(err, COCOS_ERR_EXHAUSTED, "envelope.size",
                        "a detached part has at most %u bytes", COCOS__ENVELOPE_MAX);
    return r;
}

static int read_part(const cocos__cbor *pair, int may_detach, part *p, cocos_error **err)
{
    cocos__cbor_iter it;
    cocos__cbor item;

    int r = cocos__cbor_expect(pair, COCOS__CBOR_ARRAY, err);
    if (r < 0)
        return r;
    if (cocos__cbor_count(pair) != 2)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "envelope.form",
                           "a part is a media type and its bytes");
    cocos__cbor_each(&it, pair);
    cocos__cbor_next(&it, NULL, &item);
    r = cocos__cbor_text(&item, &p->media_type, err);
    if (r < 0)
        return r;
    if (!is_media_type(p->media_type))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "envelope.form",
                           "a media type has 1 to 63 printable characters");
    cocos__cbor_next(&it, NULL, &item);
    if (may_detach && cocos__cbor_kind(&item) == COCOS__CBOR_MAP)
        return read_note(&item, p, err);
    return cocos__cbor_bytes(&item, &p->data, err);
}

/* A type that occurs twice would leave open which of the two was judged. */
static int is_doubled(const parsed *p, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (p->parts[j].media_type.len == p->parts[i].media_type.len &&
            memcmp(p->parts[j].media_type.data, p->parts[i].media_type.data,
                   p->parts[i].media_type.len) == 0)
            return 1;
    }
    return 0;
}

static int read_parts(const cocos__cbor *list, int may_detach, parsed *p, cocos_error **err)
{
    cocos__cbor_iter it;
    cocos__cbor pair;

    int r = cocos__cbor_expect(list, COCOS__CBOR_ARRAY, err);
    if (r < 0)
        return r;
    if (cocos__cbor_count(list) > COCOS__ENVELOPE_PARTS)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "envelope.size",
                           "an envelope has at most %d parts, this one %zu", COCOS__ENVELOPE_PARTS,
                           cocos__cbor_count(list));
    for (cocos__cbor_each(&it, list); r == COCOS_OK && cocos__cbor_next(&it, NULL, &pair);) {
        r = read_part(&pair, may_detach, &p->parts[p->n], err);
        if (r == COCOS_OK && is_doubled(p, p->n))
            r = cocos__fail(err, COCOS_ERR_MALFORMED, "envelope.form",
                            "two parts have one media type");
        p->n++;
    }
    return r;
}

static int parse(cocos__span bytes, int may_detach, parsed *p, cocos_error **err)
{
    cocos__claims claims;
    cocos__cbor root;

    *p = (parsed){.n = 0};
    if (bytes.len > COCOS__ENVELOPE_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "envelope.size",
                           "an envelope has at most %u bytes, this one %zu", COCOS__ENVELOPE_MAX,
                           bytes.len);
    int r = cocos__cbor_open(bytes.data, bytes.len, COCOS__CBOR_STRICT, &root, err);
    if (r == COCOS_OK)
        r = cocos__cbor_expect(&root, COCOS__CBOR_MAP, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only(&root, KEY_TYPE, KEY_PARTS, err);
    if (r < 0)
        return r;
    cocos__cbor type = cocos__cbor_member(&root, KEY_TYPE);
    cocos__cbor inner = cocos__cbor_member(&root, KEY_CLAIMS);
    cocos__cbor list = cocos__cbor_member(&root, KEY_PARTS);
    r = cocos__cbor_text_is(&type, TYPE, err);
    if (r == COCOS_OK)
        r = cocos__cbor_bytes(&inner, &p->claims, err);
    if (r == COCOS_OK)
        r = cocos__claims_parse(p->claims, &claims, err);
    return r < 0 ? r : read_parts(&list, may_detach, p, err);
}

int cocos__envelope_parse(cocos__span bytes, cocos__envelope *ret, cocos_error **err)
{
    parsed p;

    int r = parse(bytes, 0, &p, err);
    if (r < 0)
        return r;
    ret->claims = p.claims;
    ret->n = p.n;
    for (size_t i = 0; i < p.n; i++) {
        memcpy(ret->parts[i].media_type, p.parts[i].media_type.data, p.parts[i].media_type.len);
        ret->parts[i].media_type[p.parts[i].media_type.len] = '\0';
        ret->parts[i].data = p.parts[i].data;
    }
    return COCOS_OK;
}

int cocos__envelope_recognise(const uint8_t *data, size_t len)
{
    static const uint8_t head[] = {0xa3, KEY_TYPE, 0x60 | (sizeof TYPE - 1)};

    return len >= sizeof head + sizeof TYPE - 1 && memcmp(data, head, sizeof head) == 0 &&
           memcmp(data + sizeof head, TYPE, sizeof TYPE - 1) == 0;
}

cocos__span cocos__envelope_find(const cocos__envelope *e, const char *media_type)
{
    for (size_t i = 0; i < e->n; i++) {
        if (strcmp(e->parts[i].media_type, media_type) == 0)
            return e->parts[i].data;
    }
    return (cocos__span){NULL, 0};
}

static size_t largest(const parsed *p)
{
    size_t at = COCOS__ENVELOPE_PARTS;

    for (size_t i = 0; i < p->n; i++) {
        if (p->parts[i].data.data && p->parts[i].data.len > NOTE_SIZE &&
            (at == COCOS__ENVELOPE_PARTS || p->parts[i].data.len > p->parts[at].data.len))
            at = i;
    }
    return at;
}

/* Takes the largest parts out until the head fits; their digests go to `digests`. */
static int take_out(parsed *p,
                    size_t max,
                    uint8_t digests[COCOS__ENVELOPE_PARTS][PART_DIGEST],
                    cocos__buf *head,
                    cocos_error **err)
{
    int r;

    while ((r = put_envelope(p, head, err)) == COCOS_OK && head->len > max) {
        size_t i = largest(p);
        if (i == COCOS__ENVELOPE_PARTS)
            return cocos__fail(err, COCOS_ERR_EXHAUSTED, "envelope.size",
                               "claims and notes need %zu bytes, and there is room for %zu",
                               head->len, max);
        part *out = &p->parts[i];
        r = cocos__digest(COCOS__SHA256, out->data.data, out->data.len, digests[i], err);
        if (r < 0)
            return r;
        *out = (part){.media_type = out->media_type, .size = out->data.len, .digest = digests[i]};
        cocos__buf_reset(head);
    }
    return r;
}

int cocos__envelope_detach(
    cocos__span whole, size_t max, cocos__buf *head, cocos__buf *rest, cocos_error **err)
{
    uint8_t digests[COCOS__ENVELOPE_PARTS][PART_DIGEST];
    parsed p;
    parsed all;

    cocos__buf_reset(head);
    cocos__buf_reset(rest);
    int r = parse(whole, 0, &p, err);
    if (r < 0)
        return r;
    all = p;
    r = take_out(&p, max, digests, head, err);
    for (size_t i = 0; r == COCOS_OK && i < p.n; i++) {
        if (!p.parts[i].data.data)
            cocos__buf_add(rest, all.parts[i].data.data, all.parts[i].data.len);
    }
    return r == COCOS_OK && rest->failed ? cocos__fail_memory(err) : r;
}

int cocos__envelope_detached(cocos__span head, size_t *bytes, cocos_error **err)
{
    uint64_t sum = 0;
    parsed p;

    int r = parse(head, 1, &p, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < p.n; i++)
        sum += p.parts[i].data.data ? 0 : p.parts[i].size;
    if (sum > COCOS__ENVELOPE_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "envelope.size",
                           "the detached parts have more than %u bytes together",
                           COCOS__ENVELOPE_MAX);
    *bytes = (size_t)sum;
    return COCOS_OK;
}

int cocos__envelope_attach(cocos__span head, cocos__span rest, cocos__buf *out, cocos_error **err)
{
    cocos__reader reader;
    uint8_t digest[PART_DIGEST];
    parsed p;

    int r = parse(head, 1, &p, err);
    cocos__reader_init(&reader, rest.data, rest.len);
    for (size_t i = 0; r == COCOS_OK && i < p.n; i++) {
        part *in = &p.parts[i];
        if (in->data.data)
            continue;
        in->data = cocos__read_span(&reader, (size_t)in->size);
        if (!in->data.data)
            return cocos__fail(err, COCOS_ERR_MALFORMED, "envelope.detached",
                               "the detached parts end before part %zu is whole", i);
        r = cocos__digest(COCOS__SHA256, in->data.data, in->data.len, digest, err);
        if (r == COCOS_OK && !cocos__equal_ct(digest, in->digest, PART_DIGEST))
            r = cocos__fail(err, COCOS_ERR_MALFORMED, "envelope.detached",
                            "detached part %zu has another digest than the envelope says", i);
    }
    if (r == COCOS_OK && cocos__reader_left(&reader) != 0)
        r = cocos__fail(err, COCOS_ERR_MALFORMED, "envelope.detached",
                        "%zu bytes are left behind the detached parts",
                        cocos__reader_left(&reader));
    return r < 0 ? r : put_envelope(&p, out, err);
}
