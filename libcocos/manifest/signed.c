/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/signed.h"

#include <string.h>

#include "codec/base64.h"
#include "crypto/digest.h"
#include "crypto/key.h"

#define CLAIMS_MAX 2048
#define ID_MAX     64
#define SPKI_MAX   2048

/* CWT claims (RFC 8392 section 3.1); numbers below -65536 are for private use (section 9.1). */
enum { ISS = 1, SUB = 2, EXP = 4, NBF = 5, CTI = 7, KEY = -65537 };

static const char iss_head[] = "urn:ietf:params:oauth:ckt:sha-256:";
static const char sub_head[] = "ni:///sha3-256;";

static void put_uri(cocos__buf *b, const char *head, const uint8_t digest[32])
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf text;

    cocos__buf_init(&text, 128);
    cocos__buf_add_str(&text, head);
    cocos__base64_add(&text, COCOS__BASE64_URL, digest, 32);
    b->failed |= text.failed;
    cocos__cbor_put_text_n(b, (const char *)text.data, text.len);
}

static int put_claims(const cocos_key *key,
                      const uint8_t manifest[32],
                      const cocos__cwt *cwt,
                      cocos__buf *b,
                      cocos_error **err)
{
    uint8_t thumbprint[32];
    cocos__cbor_map m;
    size_t len;
    const uint8_t *spki = cocos_key_spki(key, &len);

    int r = cocos__key_cose_thumbprint(key, thumbprint, err);
    if (r < 0)
        return r;
    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, ISS);
    put_uri(b, iss_head, thumbprint);
    cocos__cbor_map_key(&m, SUB);
    put_uri(b, sub_head, manifest);
    if (cwt && cwt->expires_s != COCOS__NEVER) {
        cocos__cbor_map_key(&m, EXP);
        cocos__cbor_put_int(b, cwt->expires_s);
    }
    if (cwt && cwt->not_before_s != COCOS__NEVER) {
        cocos__cbor_map_key(&m, NBF);
        cocos__cbor_put_int(b, cwt->not_before_s);
    }
    if (cwt && cwt->id.len) {
        cocos__cbor_map_key(&m, CTI);
        cocos__cbor_put_bytes(b, cwt->id.data, cwt->id.len);
    }
    cocos__cbor_map_key(&m, KEY);
    cocos__cbor_put_bytes(b, spki, len);
    cocos__cbor_map_end(&m);
    return b->failed ? cocos__fail_memory(err) : COCOS_OK;
}

int cocos__signed_make(const cocos_key *key,
                       const char *content_type,
                       const uint8_t manifest[32],
                       const cocos__cwt *cwt,
                       cocos__span payload,
                       cocos__buf *out,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf claims;

    cocos__buf_init(&claims, CLAIMS_MAX);
    int r = put_claims(key, manifest, cwt, &claims, err);
    return r < 0
               ? r
               : cocos__cose_sign_claims(key, content_type, (cocos__span){claims.data, claims.len},
                                         payload, out, err);
}

static int bad(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "signed.form", "not one of our signed objects: %s",
                       why);
}

static int read_uri(cocos__span text, const char *head, uint8_t digest[32], cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    size_t n = strlen(head);

    cocos__buf_init(&b, 64);
    if (text.len < n || memcmp(text.data, head, n) != 0)
        return bad(err, "issuer or subject is no URI of the kind that it should be");
    int r =
        cocos__base64_decode(COCOS__BASE64_URL, (const char *)text.data + n, text.len - n, &b, err);
    if (r < 0)
        return r;
    if (b.failed || b.len != 32)
        return bad(err, "issuer or subject has no digest of 32 bytes");
    memcpy(digest, b.data, 32);
    return COCOS_OK;
}

/* A claim that need not be there. */
static int64_t take_time(cocos__take *t, int64_t claim)
{
    cocos__cbor item = cocos__cbor_member(&t->map, claim);

    return cocos__cbor_kind(&item) == COCOS__CBOR_ABSENT
               ? COCOS__NEVER
               : cocos__take_int(t, claim, COCOS__NEVER, COCOS__REQUIRED);
}

static cocos__span take_id(cocos__take *t)
{
    cocos__cbor item = cocos__cbor_member(&t->map, CTI);

    return cocos__cbor_kind(&item) == COCOS__CBOR_ABSENT
               ? (cocos__span){NULL, 0}
               : cocos__take_span(t, CTI, 1, ID_MAX, COCOS__REQUIRED);
}

static int is_key(const cocos_key *key, cocos__span spki)
{
    size_t len = 0;
    const uint8_t *bytes = key ? cocos_key_spki(key, &len) : NULL;

    return bytes && len == spki.len && memcmp(bytes, spki.data, len) == 0;
}

static const cocos_key *find_known(const cocos__known *known, cocos__span spki)
{
    const cocos_manifest *m = known ? known->manifest : NULL;
    const cocos_key *key;

    if (known && is_key(known->key, spki))
        return known->key;
    if (m && is_key(cocos_manifest_asset_owner(m, COCOS_ASSET_ALGORITHM, 0), spki))
        return cocos_manifest_asset_owner(m, COCOS_ASSET_ALGORITHM, 0);
    for (size_t i = 0; m && (key = cocos_manifest_asset_owner(m, COCOS_ASSET_DATASET, i)); i++) {
        if (is_key(key, spki))
            return key;
    }
    for (size_t i = 0; m && (key = cocos_manifest_consumer(m, i)); i++) {
        if (is_key(key, spki))
            return key;
    }
    return NULL;
}

static int
read_key(cocos__signed *s, const cocos__known *known, cocos__span spki, cocos_error **err)
{
    const cocos_key *key = find_known(known, spki);

    if (!key)
        return cocos_key_from_spki(spki.data, spki.len, &s->key, err);
    s->key = cocos__key_ref(key);
    return COCOS_OK;
}

static int
read_claims(cocos__signed *s, const cocos__known *known, uint8_t issuer[32], cocos_error **err)
{
    cocos__span encoded = cocos__cose_claims(s->cose);
    cocos__take t = {.err = err};

    /* Its form was checked with the headers; this gives a cursor of its own. */
    t.status = cocos__cbor_open(encoded.data, encoded.len, COCOS__CBOR_STRICT, &t.map, err);
    cocos__span iss = cocos__take_text(&t, ISS, 128);
    cocos__span sub = cocos__take_text(&t, SUB, 128);
    cocos__span spki = cocos__take_span(&t, KEY, 1, SPKI_MAX, COCOS__REQUIRED);
    if (t.status < 0)
        return t.status;
    s->cwt.expires_s = take_time(&t, EXP);
    s->cwt.not_before_s = take_time(&t, NBF);
    s->cwt.id = take_id(&t);
    if (t.status < 0)
        return t.status;
    if (cocos__cbor_count(&t.map) != 3u + (s->cwt.expires_s != COCOS__NEVER) +
                                         (s->cwt.not_before_s != COCOS__NEVER) +
                                         (s->cwt.id.len > 0))
        return bad(err, "it has claims that we do not know");

    int r = read_uri(iss, iss_head, issuer, err);
    if (r == COCOS_OK)
        r = read_uri(sub, sub_head, s->manifest, err);
    return r < 0 ? r : read_key(s, known, spki, err);
}

/* kid, iss and the key itself are three names of one key. */
static int check_names(const cocos__signed *s, const uint8_t issuer[32], cocos_error **err)
{
    uint8_t thumbprint[32];

    int r = cocos__key_cose_thumbprint(s->key, thumbprint, err);
    if (r < 0)
        return r;
    if (cocos__cose_alg(s->cose) != cocos__key_cose_alg(s->key))
        return bad(err, "the algorithm is not the one of its kind of key");
    if (memcmp(thumbprint, issuer, 32) != 0 ||
        memcmp(cocos_key_thumbprint(s->key), cocos__cose_kid(s->cose), 32) != 0)
        return bad(err, "key, key id and issuer are not of one key");
    return COCOS_OK;
}

static int hash_first_form(cocos__signed *s, size_t max, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    cocos__buf_init(&b, max + 64);
    int r = cocos__cose_encode(s->cose, NULL, &b, err);
    return r < 0 ? r : cocos__digest(COCOS__SHA3_256, b.data, b.len, s->digest, err);
}

int cocos__signed_parse(cocos__span data,
                        size_t max,
                        const char *content_type,
                        int lenient,
                        const cocos__known *known,
                        cocos__signed *ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__signed_done) cocos__signed s = {.cose = NULL};
    uint8_t issuer[32];

    if (data.len > max)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "signed.size",
                           "a signed object of %zu bytes, the limit is %zu", data.len, max);
    int r = cocos__cose_parse_claims(data.data, data.len, lenient, &s.cose, err);
    if (r < 0)
        return r;
    if (strcmp(cocos__cose_content_type(s.cose), content_type) != 0)
        return cocos__fail_check(err, COCOS_ERR_MALFORMED, "signed.type", "content type",
                                 content_type, cocos__cose_content_type(s.cose),
                                 "another kind of object: %.100s, not %s",
                                 cocos__cose_content_type(s.cose), content_type);
    r = read_claims(&s, known, issuer, err);
    if (r == COCOS_OK)
        r = check_names(&s, issuer, err);
    if (r == COCOS_OK)
        r = hash_first_form(&s, max, err);
    if (r < 0)
        return r;
    *ret = s;
    s = (cocos__signed){.cose = NULL};
    return COCOS_OK;
}

int cocos__signed_verify(const cocos__signed *s, const char *content_type, cocos_error **err)
{
    return cocos__cose_verify(s->cose, s->key, content_type, err);
}

void cocos__signed_done(cocos__signed *s)
{
    cocos__cose_free(s->cose);
    cocos_key_free(s->key);
}

int cocos__signed_open(
    const cocos__signed *s, const char *tag, int64_t n, cocos__take *ret, cocos_error **err)
{
    cocos__span payload = cocos__cose_payload(s->cose);
    cocos__cbor root;

    int r = cocos__cbor_open(payload.data, payload.len, COCOS__CBOR_STRICT, &root, err);
    if (r == COCOS_OK)
        r = cocos__cbor_expect(&root, COCOS__CBOR_MAP, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only(&root, 1, n, err);
    if (r < 0)
        return r;
    if (cocos__cbor_count(&root) != (size_t)n)
        return bad(err, "its payload has not all the members that it should have");
    *ret = (cocos__take){root, COCOS_OK, err};
    cocos__cbor first = cocos__cbor_member(&ret->map, 1);
    if (cocos__cbor_text_is(&first, tag, NULL) < 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "signed.tag",
                           "an object of another kind or version than %s", tag);
    return COCOS_OK;
}
