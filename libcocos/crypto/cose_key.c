/* SPDX-License-Identifier: Apache-2.0 */
/* The COSE_Key of a public key, for its thumbprint (RFC 9679). */
#include "codec/cbor.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "crypto/key.h"

#define COSE_KEY_MAX   1200 /* RSA of 8192 bits */
#define DER_BIT_STRING 3

/* RFC 9053 section 7, RFC 8230 section 4. The point ends the SubjectPublicKeyInfo (RFC 5480, RFC
 * 8410): crypto/key.c sees to it that it is not compressed. */
enum { KTY = 1, CRV = -1, X = -2, Y = -3, RSA_N = -1, RSA_E = -2 };
static const struct {
    int kty;
    int crv;
    size_t size; /* of a coordinate */
} curves[] = {
    [COCOS_KEY_ED25519] = {1, 6, 32},
    [COCOS_KEY_P256] = {2, 1, 32},
    [COCOS_KEY_P384] = {2, 2, 48},
};

static void put_point(int type, cocos__span spki, cocos__buf *b)
{
    size_t size = curves[type].size;
    const uint8_t *end = spki.data + spki.len;
    int has_y = type != COCOS_KEY_ED25519;
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, KTY);
    cocos__cbor_put_int(b, curves[type].kty);
    cocos__cbor_map_key(&m, CRV);
    cocos__cbor_put_int(b, curves[type].crv);
    cocos__cbor_map_key(&m, X);
    cocos__cbor_put_bytes(b, end - (has_y ? 2 : 1) * size, size);
    if (has_y) {
        cocos__cbor_map_key(&m, Y);
        cocos__cbor_put_bytes(b, end - size, size);
    }
    cocos__cbor_map_end(&m);
}

/* A positive INTEGER without the byte that keeps DER from reading it as negative. */
static cocos__span unsigned_of(cocos__span n)
{
    return n.len > 1 && n.data[0] == 0 ? (cocos__span){n.data + 1, n.len - 1} : n;
}

static void put_rsa(cocos__span spki, cocos__buf *b)
{
    cocos__span whole = {NULL, 0};
    cocos__span numbers = {NULL, 0};
    cocos__reader r;
    cocos__cbor_map m;

    b->failed |= cocos__der_only(spki, COCOS__DER_SEQUENCE, &whole) != 0;
    cocos__reader_init(&r, whole.data, whole.len);
    cocos__der_next(&r, COCOS__DER_SEQUENCE);
    cocos__span bits = cocos__der_next(&r, DER_BIT_STRING);
    if (bits.len > 0)
        b->failed |= cocos__der_only((cocos__span){bits.data + 1, bits.len - 1},
                                     COCOS__DER_SEQUENCE, &numbers) != 0;
    cocos__reader_init(&r, numbers.data, numbers.len);
    cocos__span n = unsigned_of(cocos__der_next(&r, COCOS__DER_INTEGER));
    cocos__span e = unsigned_of(cocos__der_next(&r, COCOS__DER_INTEGER));
    b->failed |= r.failed;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, KTY);
    cocos__cbor_put_int(b, 3);
    cocos__cbor_map_key(&m, RSA_N);
    cocos__cbor_put_bytes(b, n.data, n.len);
    cocos__cbor_map_key(&m, RSA_E);
    cocos__cbor_put_bytes(b, e.data, e.len);
    cocos__cbor_map_end(&m);
}

int cocos__key_cose_thumbprint(const cocos_key *key, uint8_t out[32], cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__span spki;

    cocos__buf_init(&b, COSE_KEY_MAX);
    spki.data = cocos_key_spki(key, &spki.len);
    if (cocos_key_type(key) == COCOS_KEY_RSA)
        put_rsa(spki, &b);
    else
        put_point(cocos_key_type(key), spki, &b);
    return b.failed ? cocos__fail_memory(err)
                    : cocos__digest(COCOS__SHA256, b.data, b.len, out, err);
}
