/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cose.h"

#include <stdio.h>
#include <string.h>

#include "codec/cbor.h"
#include "codec/hex.h"
#include "crypto/key.h"

#define TAG_SIGN1    18 /* RFC 9052 section 4.2 */
#define HEADER_ALG   1  /* RFC 9052 section 3.1 */
#define HEADER_TYPE  3
#define HEADER_KID   4
#define HEADER_CWT   15 /* RFC 9597 */
#define TYPE_MAX     127
#define HEADERS_MAX  2048 /* an RSA key of 8192 bits in the claims */
#define ENVELOPE_MAX 2048 /* headers, signature of RSA 8192 and heads */

struct cocos__cose {
    uint8_t *data;
    cocos__span headers; /* the protected ones, encoded */
    cocos__span payload;
    cocos__span signature;
    cocos__span claims;
    cocos__span timestamp;
    cocos__span receipts; /* encoded */
    int64_t alg;
    uint8_t kid[32];
    char type[TYPE_MAX + 1];
};

static void
put_headers(const cocos_key *key, const char *content_type, cocos__span claims, cocos__buf *b)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, HEADER_ALG);
    cocos__cbor_put_int(b, cocos__key_cose_alg(key));
    cocos__cbor_map_key(&m, HEADER_TYPE);
    cocos__cbor_put_text(b, content_type);
    cocos__cbor_map_key(&m, HEADER_KID);
    cocos__cbor_put_bytes(b, cocos_key_thumbprint(key), 32);
    if (claims.len) {
        cocos__cbor_map_key(&m, HEADER_CWT);
        cocos__buf_add(b, claims.data, claims.len);
    }
    cocos__cbor_map_end(&m);
}

/* Sig_structure (RFC 9052 section 4.4), without external data. */
static void put_signed(cocos__span headers, cocos__span payload, cocos__buf *b)
{
    cocos__cbor_put_array(b, 4);
    cocos__cbor_put_text(b, "Signature1");
    cocos__cbor_put_bytes(b, headers.data, headers.len);
    cocos__cbor_put_bytes(b, NULL, 0);
    cocos__cbor_put_bytes(b, payload.data, payload.len);
}

/* With nothing unprotected, or with c's receipts and this token. */
static int
put_sign1(const cocos__cose *c, const cocos__span *token, cocos__buf *out, cocos_error **err)
{
    cocos__cbor_map unprotected;

    cocos__cbor_put_tag(out, TAG_SIGN1);
    cocos__cbor_put_array(out, 4);
    cocos__cbor_put_bytes(out, c->headers.data, c->headers.len);
    cocos__cbor_map_begin(&unprotected, out);
    if (token) {
        cocos__cbor_map_key(&unprotected, COCOS__COSE_TIMESTAMP);
        cocos__cbor_put_bytes(out, token->data, token->len);
    }
    if (token && c->receipts.len) {
        cocos__cbor_map_key(&unprotected, COCOS__COSE_RECEIPTS);
        cocos__buf_add(out, c->receipts.data, c->receipts.len);
    }
    cocos__cbor_map_end(&unprotected);
    cocos__cbor_put_bytes(out, c->payload.data, c->payload.len);
    cocos__cbor_put_bytes(out, c->signature.data, c->signature.len);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

int cocos__cose_sign_claims(const cocos_key *key,
                            const char *content_type,
                            cocos__span claims,
                            cocos__span payload,
                            cocos__buf *out,
                            cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf headers;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf to_sign;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf signature;

    cocos__buf_init(&headers, HEADERS_MAX);
    cocos__buf_init(&signature, ENVELOPE_MAX);
    cocos__buf_init(&to_sign, SIZE_MAX / 2);
    put_headers(key, content_type, claims, &headers);
    put_signed((cocos__span){headers.data, headers.len}, payload, &to_sign);
    if (headers.failed || to_sign.failed)
        return cocos__fail_memory(err);

    int r = cocos__key_sign(key, to_sign.data, to_sign.len, &signature, err);
    if (r < 0)
        return r;

    cocos__cose c = {.headers = {headers.data, headers.len},
                     .payload = payload,
                     .signature = {signature.data, signature.len}};
    return put_sign1(&c, NULL, out, err);
}

int cocos__cose_sign(const cocos_key *key,
                     const char *content_type,
                     const uint8_t *payload,
                     size_t len,
                     cocos__buf *out,
                     cocos_error **err)
{
    return cocos__cose_sign_claims(key, content_type, (cocos__span){NULL, 0},
                                   (cocos__span){payload, len}, out, err);
}

static int parse_headers(cocos__cose *c, int with_claims, cocos_error **err)
{
    cocos__cbor map;
    cocos__span type;
    const uint8_t *kid;

    int r = cocos__cbor_open(c->headers.data, c->headers.len, COCOS__CBOR_STRICT, &map, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only(&map, HEADER_ALG, with_claims ? HEADER_CWT : HEADER_KID, err);
    if (r < 0)
        return r;

    cocos__cbor alg = cocos__cbor_member(&map, HEADER_ALG);
    cocos__cbor content_type = cocos__cbor_member(&map, HEADER_TYPE);
    cocos__cbor key_id = cocos__cbor_member(&map, HEADER_KID);
    r = cocos__cbor_int(&alg, &c->alg, err);
    if (r == COCOS_OK)
        r = cocos__cbor_text(&content_type, &type, err);
    if (r == COCOS_OK)
        r = cocos__cbor_bytes_n(&key_id, sizeof c->kid, &kid, err);
    if (r == COCOS_OK && with_claims) {
        cocos__cbor claims = cocos__cbor_member(&map, HEADER_CWT);
        r = cocos__cbor_expect(&claims, COCOS__CBOR_MAP, err);
        c->claims = (cocos__span){claims.data, claims.len};
    }
    if (r < 0)
        return r;

    /* What else the range above lets through, such as a critical header (2), is not ours. */
    if (cocos__cbor_count(&map) != (with_claims ? 4 : 3) || type.len > TYPE_MAX ||
        memchr(type.data, 0, type.len)) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cose.headers",
                           "the protected headers are not exactly alg, content type, kid and, in "
                           "statements, CWT claims");
    }
    memcpy(c->kid, kid, sizeof c->kid);
    memcpy(c->type, type.data, type.len);
    return COCOS_OK;
}

static int next_bytes(cocos__cbor_iter *it, cocos__span *ret, cocos_error **err)
{
    cocos__cbor item;

    return cocos__cbor_next(it, NULL, &item) ? cocos__cbor_bytes(&item, ret, err)
                                             : COCOS_ERR_MALFORMED;
}

/* How much may stand without protection. */
enum extras { NOTHING, KNOWN, ANYTHING };

static int refuse_unprotected(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "cose.unprotected",
                       "the unprotected headers are not those that this object may have");
}

static int parse_unprotected(cocos__cose *c, const cocos__cbor *map, int extras, cocos_error **err)
{
    size_t known = 0;

    if (cocos__cbor_kind(map) != COCOS__CBOR_MAP)
        return refuse_unprotected(err);
    if (extras != NOTHING) {
        cocos__cbor token = cocos__cbor_member(map, COCOS__COSE_TIMESTAMP);
        cocos__cbor receipts = cocos__cbor_member(map, COCOS__COSE_RECEIPTS);
        known += cocos__cbor_bytes(&token, &c->timestamp, NULL) == COCOS_OK;
        if (cocos__cbor_kind(&receipts) == COCOS__CBOR_ARRAY) {
            c->receipts = (cocos__span){receipts.data, receipts.len};
            known++;
        }
    }
    return extras == ANYTHING || cocos__cbor_count(map) == known ? COCOS_OK
                                                                 : refuse_unprotected(err);
}

static int parse_parts(cocos__cose *c, size_t len, int extras, cocos_error **err)
{
    cocos__cbor root;
    cocos__cbor sign1;
    cocos__cbor unprotected;
    cocos__cbor_iter it;

    /* Others wrote what stands unprotected: its maps may be in any order. The rest has none. */
    int r = cocos__cbor_open(
        c->data, len, extras == NOTHING ? COCOS__CBOR_STRICT : COCOS__CBOR_FOREIGN, &root, err);
    if (r == COCOS_OK)
        r = cocos__cbor_untag(&root, TAG_SIGN1, &sign1, err);
    if (r == COCOS_OK)
        r = cocos__cbor_expect(&sign1, COCOS__CBOR_ARRAY, err);
    if (r < 0)
        return r;
    if (cocos__cbor_count(&sign1) != 4) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cose.form", "COSE_Sign1 has 4 parts, not %zu",
                           cocos__cbor_count(&sign1));
    }

    cocos__cbor_each(&it, &sign1);
    r = next_bytes(&it, &c->headers, err);
    if (r < 0)
        return r;
    if (!cocos__cbor_next(&it, NULL, &unprotected))
        return refuse_unprotected(err);
    r = parse_unprotected(c, &unprotected, extras, err);
    if (r == COCOS_OK)
        r = next_bytes(&it, &c->payload, err);
    return r < 0 ? r : next_bytes(&it, &c->signature, err);
}

static int parse(const uint8_t *data,
                 size_t len,
                 int with_claims,
                 int extras,
                 cocos__cose **ret,
                 cocos_error **err)
{
    COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = calloc(1, sizeof *c);

    if (c)
        c->data = malloc(len ? len : 1);
    if (!c || !c->data)
        return cocos__fail_memory(err);
    if (len > 0)
        memcpy(c->data, data, len);

    int r = parse_parts(c, len, extras, err);
    if (r == COCOS_OK)
        r = parse_headers(c, with_claims, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

int cocos__cose_parse(const uint8_t *data, size_t len, cocos__cose **ret, cocos_error **err)
{
    return parse(data, len, 0, NOTHING, ret, err);
}

int cocos__cose_parse_claims(
    const uint8_t *data, size_t len, int lenient, cocos__cose **ret, cocos_error **err)
{
    return parse(data, len, 1, lenient ? ANYTHING : KNOWN, ret, err);
}

cocos__span cocos__cose_claims(const cocos__cose *c)
{
    return c->claims;
}

cocos__span cocos__cose_timestamp(const cocos__cose *c)
{
    return c->timestamp;
}

int cocos__cose_has_receipts(const cocos__cose *c)
{
    return c->receipts.len > 0;
}

int cocos__cose_encode(const cocos__cose *c,
                       const cocos__span *token,
                       cocos__buf *out,
                       cocos_error **err)
{
    return put_sign1(c, token, out, err);
}

void cocos__cose_put_signature(const cocos__cose *c, cocos__buf *out)
{
    cocos__cbor_put_bytes(out, c->signature.data, c->signature.len);
}

int64_t cocos__cose_alg(const cocos__cose *c)
{
    return c->alg;
}

const uint8_t *cocos__cose_kid(const cocos__cose *c)
{
    return c->kid;
}

const char *cocos__cose_content_type(const cocos__cose *c)
{
    return c->type;
}

cocos__span cocos__cose_payload(const cocos__cose *c)
{
    return c->payload;
}

static int refuse(
    cocos_error **err, const char *code, const char *check, const char *expected, const char *found)
{
    return cocos__fail_check(err, COCOS_ERR_UNAUTHENTICATED, code, check, expected, found,
                             "%s is %s, expected %s", check, found, expected);
}

static int check_headers(const cocos__cose *c,
                         const cocos_key *key,
                         const char *content_type,
                         cocos_error **err)
{
    char expected[65];
    char found[65];

    if (memcmp(c->kid, cocos_key_thumbprint(key), sizeof c->kid) != 0) {
        cocos__hex_encode(cocos_key_thumbprint(key), 32, expected);
        cocos__hex_encode(c->kid, 32, found);
        return refuse(err, "cose.kid", "key id", expected, found);
    }
    if (c->alg != cocos__key_cose_alg(key)) {
        snprintf(expected, sizeof expected, "%lld", (long long)cocos__key_cose_alg(key));
        snprintf(found, sizeof found, "%lld", (long long)c->alg);
        return refuse(err, "cose.algorithm", "COSE algorithm", expected, found);
    }
    if (strcmp(c->type, content_type) != 0)
        return refuse(err, "cose.type", "content type", content_type, c->type);
    return COCOS_OK;
}

int cocos__cose_verify(const cocos__cose *c,
                       const cocos_key *key,
                       const char *content_type,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf signed_bytes;

    cocos__buf_init(&signed_bytes, SIZE_MAX / 2);
    int r = check_headers(c, key, content_type, err);
    if (r < 0)
        return r;

    put_signed(c->headers, c->payload, &signed_bytes);
    if (signed_bytes.failed)
        return cocos__fail_memory(err);
    r = cocos__key_verify(key, signed_bytes.data, signed_bytes.len, c->signature, err);
    if (r == COCOS_ERR_UNAUTHENTICATED) {
        return cocos__fail(err, r, "cose.signature",
                           "the signature does not hold under the key that it names");
    }
    return r;
}

void cocos__cose_free(cocos__cose *c)
{
    if (!c)
        return;
    free(c->data);
    free(c);
}
