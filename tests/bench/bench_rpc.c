/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upload through TLS and rpc between two processes, beside a bare OpenSSL connection that carries
 * the same bytes, in the same run: `bench-rpc [MIB] [ROUNDS]`, one JSON line. Best of the rounds,
 * which alternate, since neighbours disturb single ones.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "rpc/rpc.h"

#define BLOCK  (1 << 20)
#define UPLOAD "/bench/Upload"

static cocos__buf cert;
static cocos__buf key;
static int mib = 1024;

static void die(const char *what, const cocos_error *err)
{
    fprintf(stderr, "bench-rpc: %s: %s\n", what, cocos_error_message(err));
    exit(1);
}

static void check(int ok, const char *what)
{
    if (!ok)
        die(what, NULL);
}

static double rate(int64_t began)
{
    return (double)mib / ((double)(cocos__clock_mono_ns() - began) / (double)COCOS__NS_PER_S);
}

/* ---- rpc ---- */

static int on_upload(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos__rpc_msg *m = NULL;
    uint64_t bytes = 0;
    int r;

    (void)user;
    while ((r = cocos__rpc_recv(call, &m, err)) == COCOS_OK && m) {
        cocos__span data;
        if (cocos__pb_only_bytes(cocos__rpc_msg_bytes(m), 2, &data))
            bytes += data.len;
        cocos__rpc_msg_free(m);
        m = NULL;
    }
    return r < 0 ? r : cocos__rpc_send(call, &bytes, sizeof bytes, err);
}

static void rpc_server(int to_parent, int from_parent)
{
    static const cocos__rpc_method methods[] = {{UPLOAD, on_upload, NULL, 2 * BLOCK}};
    cocos__rpc_server_options o = {.methods = methods, .n_methods = 1};
    cocos__tls_options t = {.cert_pem = {cert.data, cert.len}, .key_pem = {key.data, key.len}};
    cocos__tls_config *tls = NULL;
    cocos__rpc_server *s = NULL;
    cocos__rpc_listener *l = NULL;
    cocos_error *err = NULL;
    char line[160] = "";

    if (cocos__tls_config_server(&t, &tls, &err) < 0 || cocos__rpc_server_new(&o, &s, &err) < 0 ||
        cocos__rpc_server_listen(s, "127.0.0.1:0", tls, &l, &err) < 0)
        die("server", err);
    snprintf(line, sizeof line, "%s", cocos__rpc_listener_address(l));
    check(write(to_parent, line, sizeof line) == sizeof line, "pipe");
    (void)!read(from_parent, line, 1);
    cocos__rpc_server_free(s);
    cocos__tls_config_unref(tls);
}

static void send_all(cocos__rpc_call *c)
{
    cocos_error *err = NULL;
    uint8_t head[16];
    size_t n = cocos__pb_bytes_head(head, 2, BLOCK);

    for (int i = 0; i < mib; i++) {
        uint8_t *body = malloc(BLOCK); /* what a reader of a file would fill */
        check(body != NULL, "memory");
        if (cocos__rpc_send_parts(c, head, n, body, BLOCK, free, body, &err) < 0)
            die("send", err);
    }
}

static double rpc_client(const char *address)
{
    cocos__tls_config *tls = NULL;
    cocos__rpc_channel *ch = NULL;
    cocos__rpc_call *c = NULL;
    cocos__rpc_msg *m = NULL;
    cocos_error *err = NULL;
    uint64_t got = 0;

    if (cocos__tls_config_client(&(cocos__tls_options){.insecure = 1}, &tls, &err) < 0 ||
        cocos__rpc_channel_open(&(cocos__rpc_channel_options){.target = address, .tls = tls}, &ch,
                                &err) < 0 ||
        cocos__rpc_call_start(ch, UPLOAD, NULL, 0, 0, NULL, &c, &err) < 0)
        die("client", err);
    int64_t began = cocos__clock_mono_ns();
    send_all(c);
    cocos__rpc_send_end(c, NULL);
    if (cocos__rpc_recv(c, &m, &err) < 0)
        die("receive", err);
    double r = rate(began);
    memcpy(&got, cocos__rpc_msg_bytes(m).data, sizeof got);
    check(got == (uint64_t)mib * BLOCK, "not all bytes arrived");
    cocos__rpc_msg_free(m);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    cocos__tls_config_unref(tls);
    return r;
}

/* ---- bare TLS ---- */

static void tls_server(int to_parent, int from_parent)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int l = socket(AF_INET, SOCK_STREAM, 0);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *c = BIO_new_mem_buf(cert.data, (int)cert.len);
    BIO *k = BIO_new_mem_buf(key.data, (int)key.len);
    char line[160] = "";
    char *buf = malloc(BLOCK);
    uint64_t total = 0;
    size_t n = 0;

    check(bind(l, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(l, 1) == 0, "listen");
    getsockname(l, (struct sockaddr *)&sa, &len);
    snprintf(line, sizeof line, "%u", ntohs(sa.sin_port));
    check(write(to_parent, line, sizeof line) == sizeof line, "pipe");
    check(SSL_CTX_use_certificate(ctx, PEM_read_bio_X509(c, NULL, NULL, NULL)) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, PEM_read_bio_PrivateKey(k, NULL, NULL, NULL)) == 1,
          "certificate");
    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, 256 * 1024);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, accept(l, NULL, NULL));
    check(SSL_accept(ssl) == 1, "accept");
    while (total < (uint64_t)mib * BLOCK && SSL_read_ex(ssl, buf, BLOCK, &n) == 1)
        total += n;
    check(total == (uint64_t)mib * BLOCK && SSL_write_ex(ssl, "k", 1, &n) == 1,
          "not all bytes arrived");
    (void)!read(from_parent, line, 1);
}

static double tls_client(const char *port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    char *block = calloc(1, BLOCK);
    char k;
    size_t n = 0;

    sa.sin_port = htons((uint16_t)atoi(port));
    check(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0, "connect");
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    check(SSL_connect(ssl) == 1, "TLS");
    int64_t began = cocos__clock_mono_ns();
    for (int i = 0; i < mib; i++)
        check(SSL_write_ex(ssl, block, BLOCK, &n) == 1, "write");
    check(SSL_read_ex(ssl, &k, 1, &n) == 1, "read");
    return rate(began);
}

/* ---- Rounds: both sides in children, so that gRPC never runs in the process that forks ---- */

struct result {
    double rate;
    long server_rss_kib;
    double server_cpu_s;
};

static struct result round_of(void (*server)(int, int), double (*client)(const char *))
{
    int up[2];
    int down[2];
    int out[2];
    char line[160];
    struct rusage use;
    struct result r = {0};

    check(pipe(up) == 0 && pipe(down) == 0 && pipe(out) == 0, "pipe");
    pid_t s = fork();
    if (s == 0) {
        close(down[1]);
        server(up[1], down[0]);
        _exit(0);
    }
    check(read(up[0], line, sizeof line) == sizeof line, "server");
    pid_t c = fork();
    if (c == 0) {
        double d = client(line);
        _exit(write(out[1], &d, sizeof d) != sizeof d);
    }
    close(out[1]);
    check(read(out[0], &r.rate, sizeof r.rate) == sizeof r.rate, "client");
    waitpid(c, NULL, 0);
    close(down[1]);
    wait4(s, NULL, 0, &use);
    r.server_rss_kib = use.ru_maxrss;
    r.server_cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                     (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    close(up[0]);
    close(up[1]);
    close(down[0]);
    close(out[0]);
    return r;
}

static void better(struct result *best, struct result r)
{
    if (r.rate > best->rate)
        *best = r;
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 3;
    struct result rpc = {0};
    struct result tls = {0};

    mib = argc > 1 ? atoi(argv[1]) : mib;
    check(mib > 0 && rounds > 0, "usage: bench-rpc [MIB] [ROUNDS]");
    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    check(cocos__tls_self_signed("bench", &cert, &key, NULL) == COCOS_OK, "certificate");
    for (int i = 0; i < rounds; i++) {
        better(&rpc, round_of(rpc_server, rpc_client));
        better(&tls, round_of(tls_server, tls_client));
    }
    printf(
        "{\"bench\": \"rpc-upload\", \"mib\": %d, \"rpc_mib_s\": %.0f, \"tls_mib_s\": %.0f, \"ratio\": %.2f, "
        "\"server_rss_kib\": %ld, \"server_cpu_s\": %.2f, \"tls_server_cpu_s\": %.2f}\n",
        mib, rpc.rate, tls.rate, rpc.rate / tls.rate, rpc.server_rss_kib, rpc.server_cpu_s,
        tls.server_cpu_s);
    return 0;
}
