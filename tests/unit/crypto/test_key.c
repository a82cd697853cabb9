/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "suite.h"

static const int types[] = {COCOS_KEY_ED25519, COCOS_KEY_P256, COCOS_KEY_P384, COCOS_KEY_RSA};

static cocos_key *make(int type)
{
    cocos_error *err = NULL;
    cocos_key *key = NULL;

    assert_ok(cocos_key_generate(type, &key, &err), err);
    return key;
}

static cocos_key *parse(const char *pem)
{
    cocos_error *err = NULL;
    cocos_key *key = NULL;

    assert_ok(cocos_key_from_pem((const uint8_t *)pem, strlen(pem), &key, &err), err);
    return key;
}

#define assert_refused(pem, status, code)                                                          \
    do {                                                                                           \
        cocos_error *refused_err = NULL;                                                           \
        cocos_key *refused_key = NULL;                                                             \
        assert_fails(                                                                              \
            cocos_key_from_pem((const uint8_t *)(pem), strlen(pem), &refused_key, &refused_err),   \
            status, code, refused_err);                                                            \
        ck_assert_ptr_null(refused_key);                                                           \
    } while (0)

/* The key as OpenSSL sees it, to write it in the forms of other tools. */
static EVP_PKEY *openssl_key(const cocos_key *key)
{
    cocos_error *err = NULL;
    char *pem = NULL;

    assert_ok(cocos_key_to_pem(key, 1, &pem, &err), err);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(pkey);
    BIO_free(bio);
    cocos_free_text(pem);
    return pkey;
}

static void take_text(BIO *bio, char *out, size_t size)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    ck_assert_int_lt(len, (long)size);
    memcpy(out, data, (size_t)len);
    out[len] = '\0';
    BIO_free(bio);
}

static void der_as_pem(const char *label, const uint8_t *der, long len, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_gt(PEM_write_bio(bio, label, "", der, len), 0);
    take_text(bio, out, size);
}

START_TEST(makes_keys_of_every_type_that_round_trip)
{
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(types); i++) {
        COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(types[i]);
        char *private_pem = NULL;
        char *public_pem = NULL;

        ck_assert_int_eq(cocos_key_type(key), types[i]);
        ck_assert_int_eq(cocos_key_is_private(key), 1);
        assert_ok(cocos_key_to_pem(key, 1, &private_pem, &err), err);
        assert_ok(cocos_key_to_pem(key, 0, &public_pem, &err), err);
        ck_assert_int_eq(strncmp(private_pem, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
        ck_assert_int_eq(strncmp(public_pem, "-----BEGIN PUBLIC KEY-----\n", 27), 0);

        COCOS__CLEANUP(cocos__key_freep) cocos_key *again = parse(private_pem);
        COCOS__CLEANUP(cocos__key_freep) cocos_key *public = parse(public_pem);
        ck_assert_int_eq(cocos__key_equal(key, again), 1);
        ck_assert_int_eq(cocos__key_equal(key, public), 1);
        ck_assert_int_eq(cocos_key_is_private(again), 1);
        ck_assert_int_eq(cocos_key_is_private(public), 0);
        ck_assert_mem_eq(cocos_key_thumbprint(key), cocos_key_thumbprint(public), 32);
        cocos_free_text(private_pem);
        assert_fails(cocos_key_to_pem(public, 1, &private_pem, &err), COCOS_ERR_USAGE, "key.public",
                     err);
        cocos_free_text(public_pem);
    }
}
END_TEST

START_TEST(tells_different_keys_apart)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *a = make(COCOS_KEY_P256);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *b = make(COCOS_KEY_P256);

    ck_assert_int_eq(cocos__key_equal(a, b), 0);
    ck_assert_int_eq(cocos__key_equal(a, NULL), 0);
    ck_assert_int_eq(cocos__key_equal(NULL, NULL), 0);
}
END_TEST

START_TEST(reads_pkcs1_also_under_the_label_of_pkcs8)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_RSA);
    EVP_PKEY *pkey = openssl_key(key);
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(pkey, &der);
    char pem[8192];

    der_as_pem("PRIVATE KEY", der, len, pem, sizeof pem);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *mislabelled = parse(pem);
    ck_assert_int_eq(cocos__key_equal(key, mislabelled), 1);

    der_as_pem("RSA PRIVATE KEY", der, len, pem, sizeof pem);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *labelled = parse(pem);
    ck_assert_int_eq(cocos__key_equal(key, labelled), 1);
    ck_assert_int_eq(cocos_key_is_private(labelled), 1);

    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(reads_sec1_with_the_curve_before_it)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_P256);
    EVP_PKEY *pkey = openssl_key(key);
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(pkey, &der);
    static const uint8_t curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    char pem[4096];
    char both[8192];

    der_as_pem("EC PRIVATE KEY", der, len, pem, sizeof pem);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *alone = parse(pem);
    ck_assert_int_eq(cocos__key_equal(key, alone), 1);

    char head[512];
    der_as_pem("EC PARAMETERS", curve, sizeof curve, head, sizeof head);
    snprintf(both, sizeof both, "%s%s", head, pem);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *behind = parse(both);
    ck_assert_int_eq(cocos__key_equal(key, behind), 1);

    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(refuses_bytes_behind_the_key)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_P256);
    EVP_PKEY *pkey = openssl_key(key);
    unsigned char *sec1 = NULL;
    int len = i2d_PrivateKey(pkey, &sec1);
    uint8_t longer[1024];
    char pem[4096];
    size_t spki_len;
    const uint8_t *spki = cocos_key_spki(key, &spki_len);

    memcpy(longer, sec1, (size_t)len);
    longer[len] = 0;
    der_as_pem("EC PRIVATE KEY", longer, len + 1, pem, sizeof pem);
    assert_refused(pem, COCOS_ERR_MALFORMED, "key.private");

    memcpy(longer, spki, spki_len);
    longer[spki_len] = 0;
    der_as_pem("PUBLIC KEY", longer, (long)spki_len + 1, pem, sizeof pem);
    assert_refused(pem, COCOS_ERR_MALFORMED, "key.spki");

    OPENSSL_free(sec1);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(refuses_encrypted_keys_by_name)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_P256);
    EVP_PKEY *pkey = openssl_key(key);
    char pem[4096];

    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_128_cbc(), "pass", 4, NULL, NULL);
    take_text(bio, pem, sizeof pem);
    assert_refused(pem, COCOS_ERR_UNSUPPORTED, "key.encrypted");

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(),
                                         (const unsigned char *)"pass", 4, NULL, NULL);
    take_text(bio, pem, sizeof pem);
    assert_refused(pem, COCOS_ERR_UNSUPPORTED, "key.encrypted");
    EVP_PKEY_free(pkey);
}
END_TEST

static void refuse_type(EVP_PKEY *pkey, const char *code)
{
    char pem[8192];

    ck_assert_ptr_nonnull(pkey);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    take_text(bio, pem, sizeof pem);
    assert_refused(pem, COCOS_ERR_UNSUPPORTED, code);

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, pkey);
    take_text(bio, pem, sizeof pem);
    assert_refused(pem, COCOS_ERR_UNSUPPORTED, code);
    EVP_PKEY_free(pkey);
}

START_TEST(refuses_other_kinds_of_keys)
{
    refuse_type(EVP_RSA_gen(2048), "key.rsa.size");
    refuse_type(EVP_EC_gen("secp256k1"), "key.type");
    refuse_type(EVP_EC_gen("P-521"), "key.type");
    refuse_type(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "key.type");
    refuse_type(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "key.type");
}
END_TEST

START_TEST(refuses_text_without_exactly_one_key)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_ED25519);
    cocos_error *err = NULL;
    char *pem = NULL;
    char twice[2048];

    assert_refused("", COCOS_ERR_MALFORMED, "key.pem");
    assert_refused("no key here\n", COCOS_ERR_MALFORMED, "key.pem");
    assert_refused("-----BEGIN PRIVATE KEY-----\n", COCOS_ERR_MALFORMED, "key.pem");
    assert_refused("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
                   COCOS_ERR_MALFORMED, "key.pem");
    assert_refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                   COCOS_ERR_MALFORMED, "key.private");
    assert_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                   COCOS_ERR_MALFORMED, "key.label");
    assert_refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                   COCOS_ERR_MALFORMED, "key.spki");

    assert_ok(cocos_key_to_pem(key, 1, &pem, &err), err);
    snprintf(twice, sizeof twice, "%s%s", pem, pem);
    assert_refused(twice, COCOS_ERR_MALFORMED, "key.pem");
    snprintf(twice, sizeof twice, "a comment\n%s\nanother\n", pem);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *commented = parse(twice);
    ck_assert_int_eq(cocos__key_equal(key, commented), 1);
    cocos_free_text(pem);
}
END_TEST

START_TEST(refuses_text_over_the_limit)
{
    cocos_error *err = NULL;
    cocos_key *key = NULL;
    size_t len = 64 * 1024 + 1;
    uint8_t *text = malloc(len);

    memset(text, '\n', len);
    assert_fails(cocos_key_from_pem(text, len, &key, &err), COCOS_ERR_MALFORMED, "key.pem", err);
    free(text);
}
END_TEST

/* The same key with a compressed point, and with its curve spelt out, would have other thumbprints.
 */
START_TEST(refuses_a_second_encoding_of_a_public_key)
{
    cocos_error *err = NULL;
    cocos_key *key = NULL;
    unsigned char *der = NULL;
    EVP_PKEY *pkey = EVP_EC_gen("P-256");

    EVP_PKEY_set_utf8_string_param(pkey, "point-format", "compressed");
    int len = i2d_PUBKEY(pkey, &der);
    assert_fails(cocos_key_from_spki(der, (size_t)len, &key, &err), COCOS_ERR_MALFORMED, "key.spki",
                 err);
    OPENSSL_free(der);
    der = NULL;

    EVP_PKEY_set_utf8_string_param(pkey, "encoding", "explicit");
    len = i2d_PUBKEY(pkey, &der);
    ck_assert_int_gt(len, 150);
    assert_fails(cocos_key_from_spki(der, (size_t)len, &key, &err), COCOS_ERR_UNSUPPORTED,
                 "key.type", err);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(never_takes_a_changed_public_key_for_the_same)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(types); i++) {
        COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(types[i]);
        uint8_t der[4096];
        size_t len;

        const uint8_t *spki = cocos_key_spki(key, &len);
        memcpy(der, spki, len);
        for (size_t bit = 0; bit < 8 * len; bit += bit < 400 ? 1 : 37) {
            COCOS__CLEANUP(cocos__key_freep) cocos_key *other = NULL;
            der[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (cocos_key_from_spki(der, len, &other, NULL) == COCOS_OK)
                ck_assert_int_eq(cocos__key_equal(key, other), 0);
            der[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t cut = 0; cut < len; cut++) {
            cocos_key *other = NULL;
            ck_assert_int_ne(cocos_key_from_spki(der, cut, &other, NULL), COCOS_OK);
        }
    }
}
END_TEST

START_TEST(reads_a_file_and_names_what_is_wrong_with_it)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = make(COCOS_KEY_P384);
    COCOS__CLEANUP(cocos__key_freep) cocos_key *again = NULL;
    cocos_error *err = NULL;
    cocos_key *none = NULL;
    char dir[] = "/tmp/cocos-key-XXXXXX";
    char path[64];
    char *pem = NULL;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/key.pem", dir);
    assert_fails(cocos_key_from_file(path, &none, &err), COCOS_ERR_NOT_FOUND, "io.open", err);

    assert_ok(cocos_key_to_pem(key, 1, &pem, &err), err);
    FILE *f = fopen(path, "w");
    fputs(pem, f);
    fclose(f);
    assert_ok(cocos_key_from_file(path, &again, &err), err);
    ck_assert_int_eq(cocos__key_equal(key, again), 1);

    cocos_free_text(pem);
    unlink(path);
    rmdir(dir);
}
END_TEST

START_TEST(refuses_calls_without_arguments)
{
    cocos_error *err = NULL;
    cocos_key *key = NULL;
    char *pem = NULL;

    assert_fails(cocos_key_generate(99, &key, &err), COCOS_ERR_USAGE, "key.usage", err);
    assert_fails(cocos_key_from_pem(NULL, 1, &key, &err), COCOS_ERR_USAGE, "key.usage", err);
    assert_fails(cocos_key_from_spki(NULL, 1, &key, &err), COCOS_ERR_USAGE, "key.usage", err);
    assert_fails(cocos_key_from_file(NULL, &key, &err), COCOS_ERR_USAGE, "key.usage", err);
    assert_fails(cocos_key_to_pem(NULL, 0, &pem, &err), COCOS_ERR_USAGE, "key.usage", err);
    cocos_key_free(NULL);
    cocos_free_text(NULL);
}
END_TEST

/* It is the program's: empty, and with an entry of its own. */
START_TEST(leaves_the_error_queue_as_it_was)
{
    cocos_key *key = NULL;

    for (int filled = 0; filled < 2; filled++) {
        ERR_clear_error();
        if (filled)
            ERR_raise(ERR_LIB_USER, 1);
        unsigned long before = ERR_peek_error();
        ck_assert_int_eq(cocos_key_from_pem((const uint8_t *)"no key", 6, &key, NULL),
                         COCOS_ERR_MALFORMED);
        ck_assert_uint_eq(ERR_peek_error(), before);
        ck_assert_uint_eq(ERR_peek_last_error(), before);
    }
    ERR_clear_error();
}
END_TEST

TEST_MAIN(key,
          makes_keys_of_every_type_that_round_trip,
          tells_different_keys_apart,
          reads_pkcs1_also_under_the_label_of_pkcs8,
          reads_sec1_with_the_curve_before_it,
          refuses_bytes_behind_the_key,
          refuses_encrypted_keys_by_name,
          refuses_other_kinds_of_keys,
          refuses_text_without_exactly_one_key,
          refuses_text_over_the_limit,
          refuses_a_second_encoding_of_a_public_key,
          never_takes_a_changed_public_key_for_the_same,
          reads_a_file_and_names_what_is_wrong_with_it,
          leaves_the_error_queue_as_it_was,
          refuses_calls_without_arguments)
