/* SPDX-License-Identifier: Apache-2.0 */
/* TLS configurations: trust and own identity, checked once, when they are made. */
#include "transport/internal.h"

#include <string.h>

#include <openssl/err.h>

#define PEM_LIMIT   (1024 * 1024)
#define CHAIN_LIMIT 16
#define ROOTS_LIMIT 1024
#define READ_BUFFER (256 * 1024) /* one read of the socket brings up to 16 records */

static const uint8_t alpn_h2[] = {2, 'h', '2'};

COCOS__DEFINE_FREEP(bio_freep, BIO *, BIO_free)
COCOS__DEFINE_FREEP(x509_freep, X509 *, X509_free)
COCOS__DEFINE_FREEP(pkey_freep, EVP_PKEY *, EVP_PKEY_free)

const char *cocos__tls_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return text ? text : "no reason given";
}

int cocos__x509_spki(const X509 *cert, uint8_t sha256[32])
{
    uint8_t *der = NULL;
    unsigned int n = 0;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (len <= 0)
        return 0;
    int ok = EVP_Digest(der, (size_t)len, sha256, &n, EVP_sha256(), NULL);
    OPENSSL_free(der);
    return ok == 1 && n == 32;
}

/* OpenSSL would otherwise ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *user)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)user;
    return -1;
}

static int bad_pem(const char *what, const char *why, cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "tls.config", "%s: %s", what, why);
}

static BIO *pem_bio(cocos__span pem)
{
    return pem.len <= PEM_LIMIT ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
}

/* 1 when all that follows in the PEM text is no further block; anything else is a defect. */
static int at_pem_end(void)
{
    unsigned long e = ERR_peek_last_error();
    int end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;

    ERR_clear_error();
    return end;
}

static int load_chain(cocos__tls_config *c, cocos__span pem, cocos_error **err)
{
    COCOS__CLEANUP(bio_freep) BIO *bio = pem_bio(pem);
    COCOS__CLEANUP(x509_freep)
    X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
    X509 *next;
    int n = 0;

    if (!leaf)
        return bad_pem("certificate", cocos__tls_reason(), err);
    if (SSL_CTX_use_certificate(c->ctx, leaf) != 1 || !cocos__x509_spki(leaf, c->spki))
        return bad_pem("certificate", cocos__tls_reason(), err);
    c->has_spki = 1;
    while ((next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
        if (++n > CHAIN_LIMIT || SSL_CTX_add0_chain_cert(c->ctx, next) != 1) {
            X509_free(next);
            return bad_pem("certificate chain", "more than 16 certificates", err);
        }
    }
    return at_pem_end() ? COCOS_OK
                        : bad_pem("certificate chain", "a block in it cannot be read", err);
}

static int load_key(cocos__tls_config *c, cocos__span pem, cocos_error **err)
{
    COCOS__CLEANUP(bio_freep) BIO *bio = pem_bio(pem);
    COCOS__CLEANUP(pkey_freep)
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

    if (!key)
        return bad_pem("private key", "no unencrypted private key in PEM form", err);
    if (SSL_CTX_use_PrivateKey(c->ctx, key) != 1 || SSL_CTX_check_private_key(c->ctx) != 1) {
        ERR_clear_error();
        return bad_pem("private key", "does not belong to the certificate", err);
    }
    return COCOS_OK;
}

static int load_roots(cocos__tls_config *c, cocos__span pem, cocos_error **err)
{
    COCOS__CLEANUP(bio_freep) BIO *bio = pem_bio(pem);
    X509_STORE *store = SSL_CTX_get_cert_store(c->ctx);
    X509 *root;
    int n = 0;

    while (bio && n < ROOTS_LIMIT && (root = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
        n += X509_STORE_add_cert(store, root) == 1;
        X509_free(root);
    }
    if (!bio || !at_pem_end())
        return bad_pem("CA certificates", "a block in them cannot be read", err);
    return n > 0 ? COCOS_OK : bad_pem("CA certificates", "there are none", err);
}

static int choose_h2(SSL *ssl,
                     const unsigned char **out,
                     unsigned char *out_len,
                     const unsigned char *in,
                     unsigned int in_len,
                     void *user)
{
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)user;
    if (SSL_select_next_proto(&chosen, out_len, alpn_h2, sizeof alpn_h2, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int set_protocol(cocos__tls_config *c, cocos_error **err)
{
    SSL_CTX *ctx = c->ctx;

    if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1)
        return cocos__fail(err, COCOS_ERR_INTERNAL, "tls.config", "no TLS 1.3: %s",
                           cocos__tls_reason());
    /* No resumption of any kind: a request is bound to its connection (cocos-v1 section 3). */
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
    SSL_CTX_set_cert_verify_callback(ctx, cocos__tls_judge, NULL);
    if (c->server)
        SSL_CTX_set_alpn_select_cb(ctx, choose_h2, NULL);
    else if (SSL_CTX_set_alpn_protos(ctx, alpn_h2, sizeof alpn_h2) != 0)
        return cocos__fail_memory(err);
    return COCOS_OK;
}

static int config_new(int server, cocos__tls_config **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *c = calloc(1, sizeof *c);
    if (!c)
        return cocos__fail_memory(err);

    atomic_init(&c->refs, 1);
    c->server = server;
    c->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (!c->ctx)
        return cocos__fail_memory(err);
    int r = set_protocol(c, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

static int load_identity(cocos__tls_config *c, const cocos__tls_options *o, cocos_error **err)
{
    int r = load_chain(c, o->cert_pem, err);

    return r < 0 ? r : load_key(c, o->key_pem, err);
}

int cocos__tls_config_server(const cocos__tls_options *o,
                             cocos__tls_config **ret,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *c = NULL;
    int r = config_new(1, &c, err);
    if (r < 0)
        return r;

    r = load_identity(c, o, err);
    if (r < 0)
        return r;
    if (o->ca_pem.len > 0) {
        r = load_roots(c, o->ca_pem, err);
        if (r < 0)
            return r;
        SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

static int set_trust(cocos__tls_config *c, const cocos__tls_options *o, cocos_error **err)
{
    if (o->has_pin) {
        c->has_pin = 1;
        memcpy(c->pin, o->pin, sizeof c->pin);
    } else if (o->insecure) {
        SSL_CTX_set_verify(c->ctx, SSL_VERIFY_NONE, NULL);
        return COCOS_OK;
    } else if (o->ca_pem.len == 0 && !o->system_roots) {
        return cocos__fail(
            err, COCOS_ERR_USAGE, "tls.trust",
            "nothing says why the server should be trusted: a pin, CA certificates or the system's");
    }
    c->check_name = !o->has_pin;
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    if (!o->has_pin && o->system_roots && SSL_CTX_set_default_verify_paths(c->ctx) != 1)
        return cocos__fail(err, COCOS_ERR_IO, "tls.config", "the system's roots cannot be read");
    return !o->has_pin && o->ca_pem.len > 0 ? load_roots(c, o->ca_pem, err) : COCOS_OK;
}

int cocos__tls_config_client(const cocos__tls_options *o,
                             cocos__tls_config **ret,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *c = NULL;
    int r = config_new(0, &c, err);
    if (r < 0)
        return r;

    r = set_trust(c, o, err);
    if (r == COCOS_OK && o->cert_pem.len > 0)
        r = load_identity(c, o, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(c);
    return COCOS_OK;
}

cocos__tls_config *cocos__tls_config_ref(const cocos__tls_config *c)
{
    cocos__tls_config *m = (cocos__tls_config *)c; /* the count is not part of what is immutable */

    atomic_fetch_add(&m->refs, 1);
    return m;
}

void cocos__tls_config_unref(cocos__tls_config *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    SSL_CTX_free(c->ctx);
    free(c);
}

int cocos__tls_config_spki(const cocos__tls_config *c, uint8_t sha256[32])
{
    if (!c->has_spki)
        return COCOS_ERR_NOT_FOUND;
    memcpy(sha256, c->spki, 32);
    return COCOS_OK;
}
