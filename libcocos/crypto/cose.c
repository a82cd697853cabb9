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
#define TYPE_MAX     127
#define HEADERS_MAX  512
#define ENVELOPE_MAX 2048 /* headers, signature of RSA 8192 and heads */

struct cocos__cose {
    uint8_t *data;
    cocos__span headers; /* the protected ones, encoded */
    cocos__span payload;
    cocos__span signature;
    int64_t alg;
    uint8_t kid[32];
    char type[TYPE_MAX + 1];
};

static void put_headers(const cocos_key *key, const char *content_type, cocos__buf *b)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, HEADER_ALG);
    cocos__cbor_put_int(b, cocos__key_cose_alg(key));
    cocos__cbor_map_key(&m, HEADER_TYPE);
    cocos__cbor_put_text(b, content_type);
    cocos__cbor_map_key(&m, HEADER_KID);
    cocos__cbor_put_bytes(b, cocos_key_thumbprint(key), 32);
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

int cocos__cose_sign(const cocos_key *key,
                     const char *content_type,
                     const uint8_t *payload,
                     size_t len,
                     cocos__buf *out,
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf headers;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf to_sign;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf signature;
    cocos__cbor_map unprotected;

    cocos__buf_init(&headers, HEADERS_MAX);
    cocos__buf_init(&signature, ENVELOPE_MAX);
    cocos__buf_init(&to_sign, SIZE_MAX / 2);
    put_headers(key, content_type, &headers);
    put_signed((cocos__span){headers.data, headers.len}, (cocos__span){payload, len}, &to_sign);
    if (headers.failed || to_sign.failed)
        return cocos__fail_memory(err);

    int r = cocos__key_sign(key, to_sign.data, to_sign.len, &signature, err);
    if (r < 0)
        return r;

    cocos__cbor_put_tag(out, TAG_SIGN1);
    cocos__cbor_put_array(out, 4);
    cocos__cbor_put_bytes(out, headers.data, headers.len);
    cocos__cbor_map_begin(&unprotected, out);
    cocos__cbor_map_end(&unprotected);
    cocos__cbor_put_bytes(out, payload, len);
    cocos__cbor_put_bytes(out, signature.data, signature.len);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

static int parse_headers(cocos__cose *c, cocos_error **err)
{
    cocos__cbor map;
    cocos__span type;
    const uint8_t *kid;

    int r = cocos__cbor_open(c->headers.data, c->headers.len, COCOS__CBOR_STRICT, &map, err);
    if (r == COCOS_OK)
        r = cocos__cbor_only(&map, HEADER_ALG, HEADER_KID, err);
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
    if (r < 0)
        return r;

    /* A critical header (2) is the only other key that the range above lets through. */
    if (cocos__cbor_count(&map) != 3 || type.len > TYPE_MAX || memchr(type.data, 0, type.len)) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cose.headers",
                           "the protected headers are not exactly alg, content type and kid");
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

static int parse_parts(cocos__cose *c, size_t len, cocos_error **err)
{
    cocos__cbor root;
    cocos__cbor sign1;
    cocos__cbor unprotected;
    cocos__cbor_iter it;

    int r = cocos__cbor_open(c->data, len, COCOS__CBOR_STRICT, &root, err);
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
    if (!cocos__cbor_next(&it, NULL, &unprotected) ||
        cocos__cbor_kind(&unprotected) != COCOS__CBOR_MAP || cocos__cbor_count(&unprotected) != 0) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "cose.unprotected",
                           "the unprotected headers are not an empty map");
    }
    r = next_bytes(&it, &c->payload, err);
    return r < 0 ? r : next_bytes(&it, &c->signature, err);
}

int cocos__cose_parse(const uint8_t *data, size_t len, cocos__cose **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = calloc(1, sizeof *c);

    if (c)
        c->data = malloc(len ? len : 1);
    if (!c || !c->data)
        return cocos__fail_memory(err);
    if (len > 0)
        memcpy(c->data, data, len);

    int r = parse_parts(c, len, err);
    if (r == COCOS_OK)
        r = parse_headers(c, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(c);
    return COCOS_OK;
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
