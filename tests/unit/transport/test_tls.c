/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in: pins, certificates of a CA made here, protocol versions; and what a configuration
 * refuses. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/thread.h"
#include "suite.h"
#include "transport/conn.h"
#include "transport/net.h"

#define SECOND COCOS__NS_PER_S

struct pem {
    char cert[8192];
    char key[4096];
};

static void store(BIO *bio, char *out, size_t size)
{
    int n = BIO_read(bio, out, (int)size - 1);

    ck_assert_int_gt(n, 0);
    out[n] = '\0';
    BIO_free(bio);
}

/* A certificate for `name` (DNS and 127.0.0.1), signed by `ca` or by itself as a CA. */
static EVP_PKEY *issue(const char *name, X509 *ca, EVP_PKEY *ca_key, X509 **ret, struct pem *pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    BIO *c = BIO_new(BIO_s_mem());
    BIO *k = BIO_new(BIO_s_mem());
    X509V3_CTX ctx;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ca ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(cert, ca ? X509_get_subject_name(ca) : subject);
    X509_set_pubkey(cert, key);
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, ca ? ca : cert, cert, NULL, NULL, 0);
    X509_EXTENSION *e[2] = {
        X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
                            ca ? "CA:FALSE" : "critical,CA:TRUE"),
        X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, "DNS:good.example,IP:127.0.0.1"),
    };
    for (int i = 0; i < 2; i++) {
        X509_add_ext(cert, e[i], -1);
        X509_EXTENSION_free(e[i]);
    }
    ck_assert_int_gt(X509_sign(cert, ca ? ca_key : key, EVP_sha256()), 0);
    PEM_write_bio_X509(c, cert);
    PEM_write_bio_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL);
    store(c, pem->cert, sizeof pem->cert);
    store(k, pem->key, sizeof pem->key);
    *ret = cert;
    return key;
}

/* Two authorities; a server and a client of the first, a stranger of the second. */
static struct pem ca, other_ca, server_pem, client_pem, stranger_pem;

static void make_pki(void)
{
    X509 *x[5];
    EVP_PKEY *k[5];

    k[0] = issue("ca", NULL, NULL, &x[0], &ca);
    k[1] = issue("other ca", NULL, NULL, &x[1], &other_ca);
    k[2] = issue("server", x[0], k[0], &x[2], &server_pem);
    k[3] = issue("client", x[0], k[0], &x[3], &client_pem);
    k[4] = issue("stranger", x[1], k[1], &x[4], &stranger_pem);
    for (int i = 0; i < 5; i++) {
        X509_free(x[i]);
        EVP_PKEY_free(k[i]);
    }
}

static cocos__span text(const char *s)
{
    return (cocos__span){(const uint8_t *)s, strlen(s)};
}

static cocos__tls_config *server_config(const char *client_ca)
{
    cocos__tls_options o = {.cert_pem = text(server_pem.cert), .key_pem = text(server_pem.key)};
    cocos__tls_config *c = NULL;
    cocos_error *err = NULL;

    if (client_ca)
        o.ca_pem = text(client_ca);
    assert_ok(cocos__tls_config_server(&o, &c, &err), err);
    return c;
}

static cocos__tls_config *client_config(const char *root, const struct pem *own)
{
    cocos__tls_options o = {.ca_pem = text(root)};
    cocos__tls_config *c = NULL;
    cocos_error *err = NULL;

    if (own) {
        o.cert_pem = text(own->cert);
        o.key_pem = text(own->key);
    }
    assert_ok(cocos__tls_config_client(&o, &c, &err), err);
    return c;
}

/* One connection, the server's half in a thread of its own. */
struct half {
    cocos__conn *conn;
    const cocos__tls_config *config;
    int status;
    cocos_error *err;
};

static void *serve_half(void *user)
{
    struct half *h = user;

    h->status = cocos__conn_handshake(h->conn, h->config, NULL, cocos_deadline_in(10 * SECOND),
                                      NULL, &h->err);
    return NULL;
}

struct pair {
    struct half server, client;
};

static void tcp_pair(int fds[2])
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int l = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(l, (struct sockaddr *)&sa, sizeof sa), 0);
    ck_assert_int_eq(listen(l, 1), 0);
    getsockname(l, (struct sockaddr *)&sa, &len);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&sa, sizeof sa), 0);
    fds[1] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    close(l);
}

static void
shake(struct pair *p, cocos__tls_config *server, cocos__tls_config *client, const char *name)
{
    pthread_t t;
    int fds[2];

    memset(p, 0, sizeof *p);
    tcp_pair(fds);
    ck_assert_int_eq(cocos__conn_new(fds[0], &p->client.conn, NULL), COCOS_OK);
    ck_assert_int_eq(cocos__conn_new(fds[1], &p->server.conn, NULL), COCOS_OK);
    p->server.config = server;
    pthread_create(&t, NULL, serve_half, &p->server);
    p->client.status = cocos__conn_handshake(p->client.conn, client, name,
                                             cocos_deadline_in(10 * SECOND), NULL, &p->client.err);
    if (p->client.status < 0)
        cocos__conn_kill(p->client.conn);
    pthread_join(t, NULL);
}

static void part(struct pair *p)
{
    cocos__conn_unref(p->client.conn);
    cocos__conn_unref(p->server.conn);
    cocos_error_free(p->client.err);
    cocos_error_free(p->server.err);
}

START_TEST(connects_both_ways_with_certificates_of_a_ca)
{
    struct pair p;
    uint8_t a[32];
    uint8_t b[32];

    make_pki();
    cocos__tls_config *s = server_config(ca.cert);
    cocos__tls_config *c = client_config(ca.cert, &client_pem);
    shake(&p, s, c, "good.example");
    assert_ok(p.client.status, p.client.err);
    assert_ok(p.server.status, p.server.err);
    ck_assert_str_eq(cocos__conn_peer_subject(p.server.conn), "/CN=client");
    ck_assert_str_eq(cocos__conn_peer_subject(p.client.conn), "/CN=server");
    ck_assert_int_eq(cocos__tls_config_spki(c, a), COCOS_OK);
    ck_assert_mem_eq(cocos__conn_peer_spki(p.server.conn), a, 32);
    ck_assert_int_eq(cocos__tls_config_spki(s, a), COCOS_OK);
    ck_assert_mem_eq(cocos__conn_peer_spki(p.client.conn), a, 32);
    ck_assert_uint_ne(cocos__conn_id(p.server.conn), cocos__conn_id(p.client.conn));

    ck_assert_int_eq(cocos__conn_exporter(p.client.conn, "EXPORTER-x", NULL, 0, a, 32, NULL),
                     COCOS_OK);
    ck_assert_int_eq(cocos__conn_exporter(p.server.conn, "EXPORTER-x", NULL, 0, b, 32, NULL),
                     COCOS_OK);
    ck_assert_mem_eq(a, b, 32);
    ck_assert_int_eq(cocos__conn_exporter(p.server.conn, "EXPORTER-y", NULL, 0, b, 32, NULL),
                     COCOS_OK);
    ck_assert_mem_ne(a, b, 32);
    ck_assert_int_eq(
        cocos__conn_exporter(p.server.conn, "EXPORTER-x", (const uint8_t *)"c", 1, b, 32, NULL),
        COCOS_OK);
    ck_assert_mem_ne(a, b, 32);
    part(&p);
    cocos__tls_config_unref(s);
    cocos__tls_config_unref(c);
}
END_TEST

START_TEST(checks_the_name_of_the_server)
{
    static const char *const wrong[] = {"bad.example", "127.0.0.2", "sub.good.example"};
    struct pair p;

    make_pki();
    cocos__tls_config *s = server_config(NULL);
    cocos__tls_config *c = client_config(ca.cert, NULL);
    shake(&p, s, c, "127.0.0.1");
    assert_ok(p.client.status, p.client.err);
    part(&p);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(wrong); i++) {
        shake(&p, s, c, wrong[i]);
        ck_assert_int_eq(p.client.status, COCOS_ERR_UNAUTHENTICATED);
        ck_assert_str_eq(cocos_error_code(p.client.err), "tls.peer");
        part(&p);
    }
    shake(&p, s, c, NULL); /* a chain without a name to check would let any holder in */
    ck_assert_int_eq(p.client.status, COCOS_ERR_USAGE);
    ck_assert_str_eq(cocos_error_code(p.client.err), "tls.name");
    part(&p);
    cocos__tls_config_unref(s);
    cocos__tls_config_unref(c);
}
END_TEST

START_TEST(refuses_a_server_of_another_ca)
{
    struct pair p;

    make_pki();
    cocos__tls_config *s = server_config(NULL);
    cocos__tls_config *c = client_config(other_ca.cert, NULL);
    shake(&p, s, c, "good.example");
    ck_assert_int_eq(p.client.status, COCOS_ERR_UNAUTHENTICATED);
    ck_assert_str_eq(cocos_error_code(p.client.err), "tls.peer");
    ck_assert_int_lt(p.server.status, 0);
    part(&p);
    cocos__tls_config_unref(s);
    cocos__tls_config_unref(c);
}
END_TEST

static void server_refuses(const struct pem *own)
{
    struct pair p;

    make_pki();
    cocos__tls_config *s = server_config(ca.cert);
    cocos__tls_config *c = client_config(ca.cert, own);
    shake(&p, s, c, "good.example");
    ck_assert_int_lt(p.server.status, 0);
    part(&p);
    cocos__tls_config_unref(s);
    cocos__tls_config_unref(c);
}

START_TEST(refuses_a_client_of_another_ca)
{
    server_refuses(&stranger_pem);
}
END_TEST

START_TEST(refuses_a_client_without_a_certificate)
{
    server_refuses(NULL);
}
END_TEST

START_TEST(trusts_a_pinned_key_and_no_other)
{
    cocos__tls_options o = {.has_pin = 1};
    cocos__tls_config *c = NULL;
    cocos_error *err = NULL;
    struct pair p;

    make_pki();
    cocos__tls_config *s = server_config(NULL);
    ck_assert_int_eq(cocos__tls_config_spki(s, o.pin), COCOS_OK);
    assert_ok(cocos__tls_config_client(&o, &c, &err), err);
    shake(&p, s, c, "any.name"); /* the pin alone is the trust */
    assert_ok(p.client.status, p.client.err);
    part(&p);
    cocos__tls_config_unref(c);
    for (int bit = 0; bit < 256; bit += 37) {
        o.pin[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_ok(cocos__tls_config_client(&o, &c, &err), err);
        shake(&p, s, c, "good.example");
        ck_assert_int_eq(p.client.status, COCOS_ERR_UNAUTHENTICATED);
        ck_assert_str_eq(cocos_error_code(p.client.err), "tls.pin");
        ck_assert_ptr_nonnull(cocos_error_expected(p.client.err));
        ck_assert_str_ne(cocos_error_expected(p.client.err), cocos_error_found(p.client.err));
        part(&p);
        cocos__tls_config_unref(c);
        o.pin[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cocos__tls_config_unref(s);
}
END_TEST

/* A stock OpenSSL client with other habits than ours. */
static int foreign_client(cocos__tls_config *s, int max_version, const char *alpn)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    struct half h = {.config = s};
    pthread_t t;
    int fds[2];

    tcp_pair(fds);
    fcntl(fds[0], F_SETFL, 0);
    ck_assert_int_eq(cocos__conn_new(fds[1], &h.conn, NULL), COCOS_OK);
    pthread_create(&t, NULL, serve_half, &h);
    SSL_CTX_set_max_proto_version(ctx, max_version);
    if (alpn)
        SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fds[0]);
    (void)SSL_connect(ssl);
    pthread_join(t, NULL);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fds[0]);
    cocos__conn_unref(h.conn);
    cocos_error_free(h.err);
    return h.status;
}

START_TEST(speaks_tls_1_3_with_h2_only)
{
    make_pki();
    cocos__tls_config *s = server_config(NULL);
    ck_assert_int_eq(foreign_client(s, TLS1_3_VERSION, "\x02h2"), COCOS_OK);
    ck_assert_int_eq(foreign_client(s, TLS1_3_VERSION, "\x08http/1.1\x02h2"), COCOS_OK);
    ck_assert_int_lt(foreign_client(s, TLS1_2_VERSION, "\x02h2"), 0);
    ck_assert_int_lt(foreign_client(s, TLS1_3_VERSION, "\x08http/1.1"), 0);
    ck_assert_int_lt(foreign_client(s, TLS1_3_VERSION, NULL), 0);
    cocos__tls_config_unref(s);
}
END_TEST

START_TEST(ends_a_handshake_by_deadline_and_by_cancel)
{
    cocos__tls_config *c = NULL;
    cocos__conn *conn = NULL;
    cocos_error *err = NULL;
    int pair[2];

    make_pki();
    c = client_config(ca.cert, NULL);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_ok(cocos__conn_new(pair[0], &conn, &err), err);
    assert_fails(cocos__conn_handshake(conn, c, "x", cocos_deadline_in(SECOND / 20), NULL, &err),
                 COCOS_ERR_TIMEOUT, "net.timeout", err);
    cocos__conn_unref(conn);
    cocos_cancel *cancel = cocos_cancel_new();
    cocos_cancel_trigger(cancel);
    /* The peer is gone: an error, and no SIGPIPE, which would end this process. */
    assert_ok(cocos__conn_new(dup(pair[1]), &conn, &err), err);
    assert_fails(cocos__conn_handshake(conn, c, "x", 0, NULL, &err), COCOS_ERR_IO, "tls.handshake",
                 err);
    cocos__conn_unref(conn);
    close(pair[1]);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_ok(cocos__conn_new(pair[0], &conn, &err), err);
    assert_fails(cocos__conn_handshake(conn, c, "x", 0, cancel, &err), COCOS_ERR_CANCELLED,
                 "net.cancelled", err);
    cocos__conn_unref(conn);
    cocos_cancel_free(cancel);
    close(pair[1]);
    cocos__tls_config_unref(c);
}
END_TEST

START_TEST(refuses_configurations_that_cannot_work)
{
    cocos__tls_config *c = NULL;
    cocos_error *err = NULL;
    char encrypted[4096];

    make_pki();
    cocos__tls_options good = {.cert_pem = text(server_pem.cert), .key_pem = text(server_pem.key)};
    cocos__tls_options o = good;
    o.key_pem = text(client_pem.key);
    assert_fails(cocos__tls_config_server(&o, &c, &err), COCOS_ERR_MALFORMED, "tls.config", err);
    o = good;
    o.cert_pem = (cocos__span){NULL, 0};
    assert_fails(cocos__tls_config_server(&o, &c, &err), COCOS_ERR_MALFORMED, "tls.config", err);
    o = good;
    o.cert_pem = text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_fails(cocos__tls_config_server(&o, &c, &err), COCOS_ERR_MALFORMED, "tls.config", err);
    o = good;
    o.ca_pem = text("no certificate at all");
    assert_fails(cocos__tls_config_server(&o, &c, &err), COCOS_ERR_MALFORMED, "tls.config", err);
    assert_fails(cocos__tls_config_client(&(cocos__tls_options){0}, &c, &err), COCOS_ERR_USAGE,
                 "tls.trust", err);

    /* An encrypted key is refused; nobody is asked for a passphrase on the terminal. */
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), (char *)"x", 1, NULL, NULL);
    store(bio, encrypted, sizeof encrypted);
    EVP_PKEY_free(key);
    o = good;
    o.key_pem = text(encrypted);
    assert_fails(cocos__tls_config_server(&o, &c, &err), COCOS_ERR_MALFORMED, "tls.config", err);
}
END_TEST

START_TEST(makes_certificates_that_clients_can_check)
{
    cocos__buf cert;
    cocos__buf key;
    cocos__tls_config *s = NULL;
    cocos_error *err = NULL;
    struct pair p;

    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    assert_ok(cocos__tls_self_signed("agent", &cert, &key, &err), err);
    cocos__tls_options o = {.cert_pem = {cert.data, cert.len}, .key_pem = {key.data, key.len}};
    assert_ok(cocos__tls_config_server(&o, &s, &err), err);
    cocos__tls_config *c = client_config(cocos__buf_cstr(&cert), NULL);
    shake(&p, s, c, "localhost");
    assert_ok(p.client.status, p.client.err);
    part(&p);
    cocos__tls_config_unref(c);
    cocos__tls_config_unref(s);
    cocos__buf_done(&cert);
    cocos__buf_wipe_done(&key);
}
END_TEST

static int slots_made;
static int slots_freed;

static void *make_slot(void)
{
    slots_made++;
    return malloc(1);
}

static void free_slot(void *p)
{
    slots_freed++;
    free(p);
}

START_TEST(remembers_one_thing_for_a_service)
{
    cocos__conn *conn = NULL;
    cocos_error *err = NULL;
    uint8_t out[32];
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_ok(cocos__conn_new(pair[0], &conn, &err), err);
    ck_assert_int_eq(cocos__conn_kind(conn), COCOS__CONN_UNIX);
    ck_assert_uint_eq(cocos__conn_peer_uid(conn), getuid());
    ck_assert_str_eq(cocos__conn_peer_address(conn), "unix");
    ck_assert_ptr_null(cocos__conn_peer_spki(conn));
    assert_fails(cocos__conn_exporter(conn, "x", NULL, 0, out, 32, &err), COCOS_ERR_USAGE,
                 "tls.exporter", err);
    void *slot = cocos__conn_slot(conn, make_slot, free_slot);
    ck_assert_ptr_eq(cocos__conn_slot(conn, make_slot, free_slot), slot);
    cocos__conn_unref(conn);
    ck_assert_int_eq(slots_made, 1);
    ck_assert_int_eq(slots_freed, 1);
    close(pair[1]);
}
END_TEST

TEST_MAIN(tls,
          connects_both_ways_with_certificates_of_a_ca,
          checks_the_name_of_the_server,
          refuses_a_server_of_another_ca,
          refuses_a_client_of_another_ca,
          refuses_a_client_without_a_certificate,
          trusts_a_pinned_key_and_no_other,
          speaks_tls_1_3_with_h2_only,
          ends_a_handshake_by_deadline_and_by_cancel,
          refuses_configurations_that_cannot_work,
          makes_certificates_that_clients_can_check,
          remembers_one_thing_for_a_service)
