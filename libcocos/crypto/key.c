/* SPDX-License-Identifier: Apache-2.0 */
/* The key object: which keys are allowed, and what every key can tell. PEM is in key_pem.c. */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/key_impl.h"
#include "crypto/ossl.h"

/* cocos-v1 (top of the page): RSA keys of parties have at least 3072 bits. The upper bound keeps
 * the cost of a signature check bounded for keys that a stranger chose. */
#define RSA_BITS_MIN 3072
#define RSA_BITS_MAX 8192
#define RSA_BITS_NEW 4096

static void bn_freep(BIGNUM **bn)
{
    BN_free(*bn);
}

/* With e = 1 anything is its own signature. */
static int check_rsa(EVP_PKEY *pkey, cocos_error **err)
{
    COCOS__CLEANUP(bn_freep) BIGNUM *e = NULL;
    int bits = EVP_PKEY_get_bits(pkey);

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "key.rsa.size",
                           "RSA key has %d bits; %d to %d are allowed", bits, RSA_BITS_MIN,
                           RSA_BITS_MAX);
    }

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "key.rsa.exponent", "no RSA exponent");
    if (!BN_is_odd(e) || BN_is_one(e)) {
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "key.rsa.exponent",
                           "the public exponent of the RSA key is not odd and above 1");
    }
    return COCOS_OK;
}

static int find_curve(EVP_PKEY *pkey, int *type, cocos_error **err)
{
    char name[64] = "";
    int is_explicit = 0;

    (void)EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                 &is_explicit);
    if (is_explicit) {
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "key.type",
                           "the key spells its curve out instead of naming it");
    }

    if (EVP_PKEY_get_group_name(pkey, name, sizeof name, NULL) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_UNSUPPORTED, "key.type", "curve without a name");
    if (strcmp(name, SN_X9_62_prime256v1) == 0)
        *type = COCOS_KEY_P256;
    else if (strcmp(name, SN_secp384r1) == 0)
        *type = COCOS_KEY_P384;
    else {
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "key.type",
                           "the key is on the curve %s; P-256 and P-384 are supported", name);
    }

    if (EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "key.failed", "cannot set point format");
    return COCOS_OK;
}

static int find_type(EVP_PKEY *pkey, int *type, cocos_error **err)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_ED25519:
        *type = COCOS_KEY_ED25519;
        return COCOS_OK;
    case EVP_PKEY_EC:
        return find_curve(pkey, type, err);
    case EVP_PKEY_RSA:
        *type = COCOS_KEY_RSA;
        return check_rsa(pkey, err);
    default: {
        const char *name = EVP_PKEY_get0_type_name(pkey);
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "key.type",
                           "the key is of type %s; Ed25519, P-256, P-384 and RSA are supported",
                           name ? name : "unknown");
    }
    }
}

/* RFC 8410: what precedes the 32 bytes of an Ed25519 key. */
static const uint8_t ed25519_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
#define ED25519_SPKI (sizeof ed25519_head + 32)

/* The keys of statements, and of most parties: OpenSSL's general encoder and decoder take longer
 * for one than a check of its signature. */
static int fill_ed25519(cocos_key *key, cocos_error **err)
{
    size_t len = 32;

    key->spki = malloc(ED25519_SPKI);
    if (!key->spki)
        return cocos__fail_memory(err);
    memcpy(key->spki, ed25519_head, sizeof ed25519_head);
    key->spki_len = ED25519_SPKI;
    if (!EVP_PKEY_get_raw_public_key(key->pkey, key->spki + sizeof ed25519_head, &len) || len != 32)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "key.spki", "cannot encode public key");
    return cocos__digest(COCOS__SHA256, key->spki, key->spki_len, key->thumbprint, err);
}

static EVP_PKEY *read_spki(const uint8_t *data, size_t len)
{
    const unsigned char *p = data;

    if (len == ED25519_SPKI && memcmp(data, ed25519_head, sizeof ed25519_head) == 0)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, data + sizeof ed25519_head, 32);
    return d2i_PUBKEY(NULL, &p, (long)len);
}

static int fill_spki(cocos_key *key, cocos_error **err)
{
    if (key->type == COCOS_KEY_ED25519)
        return fill_ed25519(key, err);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key->pkey, &der);

    if (len <= 0 || len > COCOS__SPKI_MAX) {
        OPENSSL_free(der);
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "key.spki", "cannot encode public key");
    }

    key->spki = malloc((size_t)len);
    if (key->spki) {
        memcpy(key->spki, der, (size_t)len);
        key->spki_len = (size_t)len;
    }
    OPENSSL_free(der);
    if (!key->spki)
        return cocos__fail_memory(err);
    return cocos__digest(COCOS__SHA256, key->spki, key->spki_len, key->thumbprint, err);
}

int cocos__key_wrap(EVP_PKEY *pkey, int is_private, cocos_key **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = calloc(1, sizeof *key);

    if (!key)
        return cocos__fail_memory(err);

    int r = find_type(pkey, &key->type, err);
    if (r < 0)
        return r;

    if (EVP_PKEY_up_ref(pkey) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "key.failed", "cannot share a key");
    key->pkey = pkey;
    key->is_private = is_private;

    r = fill_spki(key, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(key);
    return COCOS_OK;
}

int cocos_key_generate(int type, cocos_key **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(cocos__pkey_freep) EVP_PKEY *pkey = NULL;

    switch (type) {
    case COCOS_KEY_ED25519:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case COCOS_KEY_P256:
        pkey = EVP_EC_gen("P-256");
        break;
    case COCOS_KEY_P384:
        pkey = EVP_EC_gen("P-384");
        break;
    case COCOS_KEY_RSA:
        pkey = EVP_RSA_gen(RSA_BITS_NEW);
        break;
    default:
        return cocos__fail(err, COCOS_ERR_USAGE, "key.usage", "no key type %d", type);
    }
    if (!pkey)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "key.failed", "cannot make a key");
    return cocos__key_wrap(pkey, 1, ret, err);
}

/*
 * A key has one encoding, so that equal keys have equal thumbprints and manifests that name them
 * have one digest: DER that OpenSSL would write differently is refused.
 */
int cocos_key_from_spki(const uint8_t *data, size_t len, cocos_key **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(cocos__pkey_freep) EVP_PKEY *pkey = NULL;
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = NULL;

    if (!ret || (!data && len > 0))
        return cocos__fail(err, COCOS_ERR_USAGE, "key.usage", "data and ret must be given");
    if (len == 0 || len > COCOS__SPKI_MAX) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "key.spki",
                           "a SubjectPublicKeyInfo has 1 to %d bytes, not %zu", COCOS__SPKI_MAX,
                           len);
    }

    pkey = read_spki(data, len);
    if (!pkey)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "key.spki", "not a public key");

    int r = cocos__key_wrap(pkey, 0, &key, err);
    if (r < 0)
        return r;
    if (key->spki_len != len || memcmp(key->spki, data, len) != 0) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "key.spki",
                           "the SubjectPublicKeyInfo is not in its one DER form of %zu bytes",
                           key->spki_len);
    }

    *ret = COCOS__STEAL(key);
    return COCOS_OK;
}

int cocos_key_type(const cocos_key *key)
{
    return key->type;
}

int cocos_key_is_private(const cocos_key *key)
{
    return key->is_private;
}

const uint8_t *cocos_key_spki(const cocos_key *key, size_t *len)
{
    *len = key->spki_len;
    return key->spki;
}

const uint8_t *cocos_key_thumbprint(const cocos_key *key)
{
    return key->thumbprint;
}

int cocos__key_equal(const cocos_key *a, const cocos_key *b)
{
    return a && b && a->spki_len == b->spki_len && memcmp(a->spki, b->spki, a->spki_len) == 0;
}

void cocos_free_text(char *text)
{
    if (text)
        cocos__wipe(text, strlen(text));
    free(text);
}

cocos_key *cocos__key_ref(const cocos_key *key)
{
    cocos_key *k = (cocos_key *)(uintptr_t)key;

    atomic_fetch_add(&k->more, 1);
    return k;
}

/* OpenSSL wipes the private numbers when the last reference goes. */
void cocos_key_free(cocos_key *key)
{
    if (!key || atomic_fetch_sub(&key->more, 1) > 0)
        return;
    EVP_PKEY_free(key->pkey);
    free(key->spki);
    free(key);
}
