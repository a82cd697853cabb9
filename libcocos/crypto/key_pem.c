/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as PEM text (RFC 7468). The labels and bodies are those that tools write, old ones included
 * (protocol.md 5.3): a PKCS#1 body may stand under the label PRIVATE KEY.
 */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/fd.h"
#include "base/secret.h"
#include "crypto/key_impl.h"
#include "crypto/ossl.h"

#define PEM_MAX (64 * 1024)

/* One block, read with PEM_FLAG_SECURE: the body may be a private key, and all copies are wiped. */
struct block {
    char *label;
    char *header;
    unsigned char *der;
    long len;
};

static void block_done(struct block *b)
{
    OPENSSL_secure_free(b->label);
    OPENSSL_secure_free(b->header);
    OPENSSL_secure_clear_free(b->der, b->len > 0 ? (size_t)b->len : 0);
    memset(b, 0, sizeof *b);
}

static void bio_freep(BIO **bio)
{
    BIO_free_all(*bio);
}

static void p8_freep(PKCS8_PRIV_KEY_INFO **p8)
{
    PKCS8_PRIV_KEY_INFO_free(*p8);
}

static EVP_PKEY *read_pkcs8(const struct block *b)
{
    const unsigned char *p = b->der;
    COCOS__CLEANUP(p8_freep) PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, b->len);

    return p8 && p == b->der + b->len ? EVP_PKCS82PKEY(p8) : NULL;
}

static EVP_PKEY *read_plain(const struct block *b, int id)
{
    const unsigned char *p = b->der;
    EVP_PKEY *pkey = d2i_PrivateKey(id, NULL, &p, b->len);

    if (pkey && p != b->der + b->len) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

static int is_encrypted(const struct block *b)
{
    return strcmp(b->label, PEM_STRING_PKCS8) == 0 || strstr(b->header, "ENCRYPTED") != NULL;
}

static int key_of_block(const struct block *b, cocos_key **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__pkey_freep) EVP_PKEY *pkey = NULL;

    if (is_encrypted(b)) {
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "key.encrypted",
                           "the private key is encrypted; decrypt it first (openssl pkey)");
    }

    if (strcmp(b->label, PEM_STRING_PUBLIC) == 0)
        return cocos_key_from_spki(b->der, (size_t)b->len, ret, err);
    if (strcmp(b->label, PEM_STRING_PKCS8INF) == 0) {
        pkey = read_pkcs8(b);
        if (!pkey)
            pkey = read_plain(b, EVP_PKEY_RSA);
    } else if (strcmp(b->label, PEM_STRING_RSA) == 0) {
        pkey = read_plain(b, EVP_PKEY_RSA);
    } else if (strcmp(b->label, PEM_STRING_ECPRIVATEKEY) == 0) {
        pkey = read_plain(b, EVP_PKEY_EC);
    } else {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "key.label",
                           "the PEM label is neither PUBLIC KEY nor a PRIVATE KEY");
    }
    if (!pkey)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "key.private", "not a private key");
    return cocos__key_wrap(pkey, 1, ret, err);
}

/* 1: a block; 0: no further one; negative: broken. `openssl ecparam -genkey` puts the curve first.
 */
static int next_block(BIO *bio, struct block *b)
{
    do {
        block_done(b);
        if (PEM_read_bio_ex(bio, &b->label, &b->header, &b->der, &b->len, PEM_FLAG_SECURE) != 1)
            return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? 0 : -1;
    } while (strcmp(b->label, PEM_STRING_ECPARAMETERS) == 0);
    return 1;
}

int cocos_key_from_pem(const uint8_t *data, size_t len, cocos_key **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(bio_freep) BIO *bio = NULL;
    COCOS__CLEANUP(block_done) struct block first = {0};
    COCOS__CLEANUP(block_done) struct block second = {0};
    unsigned long before = ERR_peek_error();

    if (!ret || (!data && len > 0))
        return cocos__fail(err, COCOS_ERR_USAGE, "key.usage", "data and ret must be given");
    if (len == 0 || len > PEM_MAX) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "key.pem",
                           "PEM text has 1 to %d bytes, not %zu", PEM_MAX, len);
    }

    bio = BIO_new_mem_buf(data, (int)len);
    if (!bio)
        return cocos__fail_memory(err);
    if (next_block(bio, &first) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "key.pem", "no PEM block with a key");
    if (next_block(bio, &second) != 0) {
        if (cocos__ossl_out_of_memory(before))
            return cocos__fail_memory(err);
        return cocos__fail(err, COCOS_ERR_MALFORMED, "key.pem",
                           "more than one key, or garbage, in the PEM text");
    }
    return key_of_block(&first, ret, err);
}

int cocos_key_from_file(const char *path, cocos_key **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__secret_freep) cocos__secret *text = NULL;

    if (!path || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "key.usage", "path and ret must be given");

    int r = cocos__read_file_secret(path, PEM_MAX, &text, err);
    if (r < 0)
        return r;
    return cocos_key_from_pem(cocos__secret_data(text), cocos__secret_len(text), ret, err);
}

int cocos_key_to_pem(const cocos_key *key, int private_part, char **ret, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(bio_freep) BIO *bio = NULL;
    char *text = NULL;

    if (!key || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "key.usage", "key and ret must be given");
    if (private_part && !key->is_private) {
        return cocos__fail(err, COCOS_ERR_USAGE, "key.public",
                           "the private part of a public key was asked for");
    }

    bio = BIO_new(BIO_s_secmem()); /* also wiped when the secure heap is not set up */
    if (!bio)
        return cocos__fail_memory(err);

    int ok = private_part ? PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL)
                          : PEM_write_bio_PUBKEY(bio, key->pkey);
    if (ok != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "key.failed", "cannot write the key");

    long len = BIO_get_mem_data(bio, &text);
    char *copy = strndup(text, (size_t)len);
    if (!copy)
        return cocos__fail_memory(err);
    *ret = copy;
    return COCOS_OK;
}
