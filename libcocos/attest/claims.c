/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/claims.h"

#include <string.h>

#include "codec/cbor.h"
#include "crypto/digest.h"

/* Keys of the map (cocos-v1 section 1). */
enum {
    KEY_PURPOSE = 1,
    KEY_CHALLENGE = 2,
    KEY_LEAF = 3,
    KEY_DICE = 4,
    KEY_AK = 5,
    KEY_STATEMENT_KEY = 6,
    KEY_INSTANCE = 7,
    KEY_MANIFEST = 8,
    KEY_COMPAT = 9
};

/* What a purpose has: a challenge of so many bytes (0: none), a leaf or not. */
static const struct purpose {
    const char *name;
    size_t min;
    size_t max;
    int leaf;
} purposes[] = {
    [COCOS__PURPOSE_CHANNEL_SERVER] = {"channel-server", COCOS__CHALLENGE_CHANNEL,
                                       COCOS__CHALLENGE_CHANNEL, 1},
    [COCOS__PURPOSE_CHANNEL_CLIENT] = {"channel-client", COCOS__CHALLENGE_CHANNEL,
                                       COCOS__CHALLENGE_CHANNEL, 1},
    [COCOS__PURPOSE_RPC] = {"rpc", COCOS__CHALLENGE_MIN, COCOS__CHALLENGE_MAX, 0},
    [COCOS__PURPOSE_CVMS] = {"cvms", 16, COCOS__CHALLENGE_MAX, 0},
    [COCOS__PURPOSE_STATEMENT] = {"statement", 0, 0, 0},
};

const char *cocos__purpose_name(int purpose)
{
    return purpose < COCOS__PURPOSE_CHANNEL_SERVER || purpose > COCOS__PURPOSE_STATEMENT
               ? NULL
               : purposes[purpose].name;
}

/* Each purpose has the members it needs and no others, so that none can pass for another. */
static int check_form(const cocos__claims *c, int status, cocos_error **err)
{
    const char *name = cocos__purpose_name(c->purpose);

    if (!name)
        return cocos__fail(err, status, "claims.form", "claims have no such purpose: %d",
                           c->purpose);
    const struct purpose *p = &purposes[c->purpose];
    if (c->challenge.len < p->min || c->challenge.len > p->max)
        return cocos__fail(err, status, "claims.form",
                           "a challenge for %s has %zu to %zu bytes, this one %zu", name, p->min,
                           p->max, c->challenge.len);
    if (!c->leaf != !p->leaf)
        return cocos__fail(err, status, "claims.form", "claims for %s %s the digest of a TLS key",
                           name, p->leaf ? "need" : "have no place for");
    if (!c->instance_id)
        return cocos__fail(err, status, "claims.form", "claims need an instance id");
    return COCOS_OK;
}

static void put(cocos__cbor_map *m, int key, const uint8_t *data, size_t len)
{
    cocos__cbor_map_key(m, key);
    if (data)
        cocos__cbor_put_bytes(m->b, data, len);
    else
        cocos__cbor_put_null(m->b);
}

int cocos__claims_encode(const cocos__claims *c, cocos__buf *out, cocos_error **err)
{
    cocos__cbor_map m;

    int r = check_form(c, COCOS_ERR_USAGE, err);
    if (r < 0)
        return r;

    cocos__cbor_map_begin(&m, out);
    cocos__cbor_map_key(&m, KEY_PURPOSE);
    cocos__cbor_put_text(out, purposes[c->purpose].name);
    put(&m, KEY_CHALLENGE, c->challenge.len ? c->challenge.data : NULL, c->challenge.len);
    put(&m, KEY_LEAF, c->leaf, 32);
    put(&m, KEY_DICE, c->dice, 64);
    put(&m, KEY_AK, c->ak, 32);
    put(&m, KEY_STATEMENT_KEY, c->statement_key, 32);
    put(&m, KEY_INSTANCE, c->instance_id, 16);
    put(&m, KEY_MANIFEST, c->manifest, 32);
    cocos__cbor_map_key(&m, KEY_COMPAT);
    cocos__cbor_put_bool(out, c->compat != 0);
    cocos__cbor_map_end(&m);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

static int read_purpose(const cocos__cbor *root, cocos__claims *c, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_member(root, KEY_PURPOSE);
    cocos__span word;

    int r = cocos__cbor_text(&item, &word, err);
    if (r < 0)
        return r;
    for (int p = COCOS__PURPOSE_CHANNEL_SERVER; p <= COCOS__PURPOSE_STATEMENT; p++) {
        if (word.len == strlen(purposes[p].name) &&
            memcmp(word.data, purposes[p].name, word.len) == 0)
            c->purpose = p;
    }
    return c->purpose ? COCOS_OK
                      : cocos__fail(err, COCOS_ERR_MALFORMED, "claims.form",
                                    "the purpose of the claims is none that we know");
}

static int read_challenge(const cocos__cbor *root, cocos__claims *c, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_member(root, KEY_CHALLENGE);

    return cocos__cbor_kind(&item) == COCOS__CBOR_NULL
               ? COCOS_OK
               : cocos__cbor_bytes(&item, &c->challenge, err);
}

/* Bytes of one length, or null. */
static int
read_or_null(const cocos__cbor *root, int key, size_t n, const uint8_t **ret, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_member(root, key);

    return cocos__cbor_kind(&item) == COCOS__CBOR_NULL ? COCOS_OK
                                                       : cocos__cbor_bytes_n(&item, n, ret, err);
}

static int read_members(const cocos__cbor *root, cocos__claims *c, cocos_error **err)
{
    const struct {
        int key;
        size_t n;
        const uint8_t **to;
    } bytes[] = {
        {KEY_LEAF, 32, &c->leaf},
        {KEY_DICE, 64, &c->dice},
        {KEY_AK, 32, &c->ak},
        {KEY_STATEMENT_KEY, 32, &c->statement_key},
        {KEY_INSTANCE, 16, &c->instance_id},
        {KEY_MANIFEST, 32, &c->manifest},
    };
    cocos__cbor compat = cocos__cbor_member(root, KEY_COMPAT);

    int r = read_purpose(root, c, err);
    if (r == COCOS_OK)
        r = read_challenge(root, c, err);
    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(bytes); i++)
        r = read_or_null(root, bytes[i].key, bytes[i].n, bytes[i].to, err);
    return r < 0 ? r : cocos__cbor_bool(&compat, &c->compat, err);
}

int cocos__claims_parse(cocos__span encoded, cocos__claims *ret, cocos_error **err)
{
    cocos__claims c = {0};
    cocos__cbor root;

    if (encoded.len > COCOS__CLAIMS_MAX)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "claims.form",
                           "claims have at most %d bytes, these %zu", COCOS__CLAIMS_MAX,
                           encoded.len);
    int r = cocos__cbor_open(encoded.data, encoded.len, COCOS__CBOR_STRICT, &root, err);
    if (r == COCOS_OK)
        r = cocos__cbor_expect(&root, COCOS__CBOR_MAP, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only(&root, KEY_PURPOSE, KEY_COMPAT, err);
    if (r == COCOS_OK)
        r = read_members(&root, &c, err);
    if (r == COCOS_OK)
        r = check_form(&c, COCOS_ERR_MALFORMED, err);
    if (r < 0)
        return r;
    *ret = c;
    return COCOS_OK;
}

cocos__span cocos__claims_value(const cocos__claims *c, int number)
{
    const char *name = cocos__purpose_name(c->purpose);

    switch (number) {
    case KEY_PURPOSE:
        return (cocos__span){(const uint8_t *)name, name ? strlen(name) : 0};
    case KEY_CHALLENGE:
        return c->challenge;
    case KEY_LEAF:
        return (cocos__span){c->leaf, 32};
    case KEY_DICE:
        return (cocos__span){c->dice, 64};
    case KEY_AK:
        return (cocos__span){c->ak, 32};
    case KEY_STATEMENT_KEY:
        return (cocos__span){c->statement_key, 32};
    case KEY_INSTANCE:
        return (cocos__span){c->instance_id, 16};
    case KEY_MANIFEST:
        return (cocos__span){c->manifest, 32};
    default:
        return (cocos__span){NULL, 0};
    }
}

static int hash(cocos__span encoded, int alg, uint8_t *out, cocos_error **err)
{
    static const char tag[] = "cocos-claims/1"; /* with its NUL */
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;

    int r = cocos__hasher_new(alg, &h, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, tag, sizeof tag, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, encoded.data, encoded.len, err);
    return r < 0 ? r : cocos__hasher_finish(h, out, err);
}

int cocos__claims_report_data(cocos__span encoded, uint8_t out[64], cocos_error **err)
{
    return hash(encoded, COCOS__SHA512, out, err);
}

int cocos__claims_nonce(cocos__span encoded, uint8_t out[32], cocos_error **err)
{
    return hash(encoded, COCOS__SHA256, out, err);
}
