/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attested TLS costs over plain TLS 1.3, with simulated SNP evidence that the whole verifier
 * judges, on loopback within one process:
 *
 *     bench-attest SIMULATOR [CONNECTS] [IN_A_ROW]      default 400 and 10000
 *
 * One JSON line. Sides take turns connect by connect, bare signature and bare chain verification
 * too, so that neighbours and clock speed meet all of them.
 */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cocos/verifier.h>

#include "base/clock.h"
#include "base/fd.h"
#include "evidence/evidence.h"
#include "pki.h"
#include "rpc/rpc.h"
#include "transport/conn.h"
#include "transport/net.h"

#define UPLOAD  "/bench/Upload"
#define AT_ONCE 100
#define MAX     2000

static cocos__attester *attester;
static cocos__rpc_server *server;
static cocos__rpc_server *plain_server; /* the same, without attestation */
static const char *address;
static const char *plain_address;
static cocos__tls_config *server_tls;
static cocos__tls_config *client_tls;
static cocos__buf crl;

static void check(int ok, const char *what, const cocos_error *err)
{
    if (ok)
        return;
    fprintf(stderr, "bench-attest: %s: %s\n", what, cocos_error_message(err));
    exit(1);
}

/* ---- The two parties ---- */

static int make(void *user,
                const cocos__attest_binding *b,
                int64_t deadline_ns,
                int *version,
                cocos__buf *evidence,
                cocos_error **err)
{
    static const uint8_t instance[16] = {1};
    cocos__claims c = {.purpose = COCOS__PURPOSE_CHANNEL_SERVER,
                       .challenge = {b->exported, 32},
                       .leaf = b->leaf,
                       .instance_id = instance};

    (void)user;
    (void)version;
    return cocos__attester_evidence(attester, &c, deadline_ns, NULL, evidence, err);
}

/* `user` is the verifier: with or without a kept chain. */
static int judge(void *user,
                 const cocos__attest_binding *b,
                 int version,
                 cocos__span evidence,
                 cocos_error **err)
{
    static const char purpose[] = "channel-server";
    cocos_evidence *e = NULL;
    cocos_verdict *verdict = NULL;

    (void)version;
    int r = cocos_evidence_new(COCOS_EVIDENCE_ENVELOPE, evidence.data, evidence.len, &e, err);
    if (r == COCOS_OK)
        r = cocos_evidence_add(e, COCOS_PART_CRL, crl.data, crl.len, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(e, COCOS_CLAIM_PURPOSE, (const uint8_t *)purpose,
                                  sizeof purpose - 1, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(e, COCOS_CLAIM_CHALLENGE, b->exported, 32, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(e, COCOS_CLAIM_LEAF, b->leaf, 32, err);
    if (r == COCOS_OK)
        r = cocos_verifier_verify(user, e, cocos__clock_wall_ns(), COCOS_TIME_CLOCK, &verdict, err);
    cocos_verdict_free(verdict);
    cocos_evidence_free(e);
    return r;
}

static cocos_verifier *make_verifier(const char *dir)
{
    static const char *const rules[][2] = {
        {"snp.products", "Milan"},
        {"snp.measurement", "any"},
        {"coverage.kernel", "snp.measurement"},
        {"coverage.command_line", "snp.measurement"},
        {"coverage.initrd", "snp.measurement"},
        {"coverage.agent", "snp.measurement"},
    };
    uint8_t measured[48];
    cocos_policy *policy = NULL;
    cocos_verifier *v = NULL;
    cocos_error *err = NULL;
    char path[4200];
    cocos__buf root;

    memset(measured, 0xa1, sizeof measured); /* of sim/make_sim.c */
    cocos__buf_init(&root, 65536);
    snprintf(path, sizeof path, "%s/snp-root.pem", dir);
    check(cocos__read_file(path, 65536, &root, &err) == COCOS_OK, path, err);
    check(cocos_policy_new(&policy, &err) == COCOS_OK, "policy", err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(rules); i++)
        check(cocos_policy_set(policy, rules[i][0], rules[i][1], &err) == COCOS_OK, rules[i][0],
              err);
    check(cocos_policy_set_bytes(policy, "snp.measurement", measured, 48, &err) == COCOS_OK,
          "measurement", err);
    check(cocos_policy_add_root(policy, root.data, root.len, &err) == COCOS_OK, "root", err);
    check(cocos_verifier_new(policy, &v, &err) == COCOS_OK, "verifier", err);
    cocos_policy_free(policy);
    cocos__buf_done(&root);
    return v;
}

/* ---- Bare OpenSSL: one signature, and the verification of a whole chain ---- */

struct bare {
    EVP_PKEY *key; /* P-384 */
    pki_bytes report;
    uint8_t sig[160];
    size_t sig_len;
    pki_bytes certs[3]; /* leaf, intermediate, root */
};

static void bare_sign(struct bare *b)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    b->sig_len = sizeof b->sig;
    PKI_NEED(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, b->key) > 0 &&
             EVP_DigestSign(ctx, b->sig, &b->sig_len, b->report.data, b->report.len) > 0);
    EVP_MD_CTX_free(ctx);
}

static void bare_verify(struct bare *b)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    PKI_NEED(EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, b->key) > 0 &&
             EVP_DigestVerify(ctx, b->sig, b->sig_len, b->report.data, b->report.len) > 0);
    EVP_MD_CTX_free(ctx);
}

static void bare_chain(struct bare *b)
{
    const uint8_t *p = crl.data;
    X509 *x[3];

    for (int i = 0; i < 3; i++) {
        const uint8_t *der = b->certs[i].data;
        PKI_NEED(x[i] = d2i_X509(NULL, &der, (long)b->certs[i].len));
    }
    for (int i = 0; i < 3; i++)
        PKI_NEED(X509_verify(x[i], X509_get0_pubkey(x[i < 2 ? i + 1 : 2])) == 1);
    X509_CRL *list = d2i_X509_CRL(NULL, &p, (long)crl.len);
    PKI_NEED(list && X509_CRL_verify(list, X509_get0_pubkey(x[2])) == 1);
    X509_CRL_free(list);
    for (int i = 0; i < 3; i++)
        X509_free(x[i]);
    bare_verify(b);
}

/* The chain of the simulator, from its certificate table. */
static void bare_init(struct bare *b, const char *dir)
{
    static const uint8_t guids[3][16] = {
        /* VCEK, ASK, ARK: AMD 56421, table of certificates */
        {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
         0xcd},
        {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
         0x82},
        {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
         0xae},
    };
    char path[4200];
    cocos__buf table;

    cocos__buf_init(&table, 65536);
    snprintf(path, sizeof path, "%s/snp-rest.bin", dir);
    check(cocos__read_file(path, 65536, &table, NULL) == COCOS_OK, path, NULL);
    for (size_t at = 0; at + 24 <= table.len; at += 24) {
        size_t off = cocos__u32le(table.data + at + 16);
        size_t len = cocos__u32le(table.data + at + 20);
        if (len == 0)
            break;
        for (int i = 0; i < 3; i++) {
            if (memcmp(table.data + at, guids[i], 16) == 0 && off + len <= table.len) {
                b->certs[i] = (pki_bytes){malloc(len), len};
                memcpy(b->certs[i].data, table.data + off, len);
            }
        }
    }
    for (int i = 0; i < 3; i++)
        check(b->certs[i].data != NULL, "the simulator's certificates", NULL);
    b->key = pki_key_ec("P-384");
    b->report = (pki_bytes){calloc(1, 0x2a0), 0x2a0};
    bare_sign(b);
    cocos__buf_done(&table);
}

/* ---- Connecting ---- */

static void connect_once(cocos_verifier *verifier)
{
    cocos__attest_options o = {.judge = judge, .user = verifier};
    cocos__net_address a;
    cocos__conn *c = NULL;
    cocos_error *err = NULL;
    int64_t deadline = cocos_deadline_in(60 * COCOS__NS_PER_S);
    int fd = -1;

    int r = cocos__net_parse(verifier ? address : plain_address, &a, &err);
    if (r == COCOS_OK)
        r = cocos__net_connect(&a, deadline, NULL, &fd, &err);
    if (r == COCOS_OK)
        r = cocos__conn_new(fd, &c, &err);
    if (r == COCOS_OK)
        r = cocos__conn_handshake(c, client_tls, "localhost", deadline, NULL, &err);
    if (r == COCOS_OK && verifier)
        r = cocos__conn_attest_client(c, &o, deadline, NULL, &err);
    check(r == COCOS_OK, "connect", err);
    cocos__conn_unref(c);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double percentile(double *list, size_t n, size_t percent)
{
    qsort(list, n, sizeof *list, by_size);
    return list[(n - 1) * percent / 100];
}

/* Of all threads: what both parties spend, whatever neighbours do. */
static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms_since(int64_t start)
{
    return (double)(cocos__clock_mono_ns() - start) / 1e6;
}

enum side { PLAIN, FULL, KEPT, SIGN, CHAIN, VERIFY, SIDES };

static void take_turns(struct bare *b, cocos_verifier *full, cocos_verifier *kept, size_t n)
{
    static double ms[SIDES][MAX];
    static double cpu[SIDES][MAX];
    double p50[SIDES];
    double c50[SIDES];

    for (size_t i = 0; i < n; i++) {
        for (int side = 0; side < SIDES; side++) {
            int64_t start = cocos__clock_mono_ns();
            double before = cpu_ms();
            if (side <= KEPT)
                connect_once(side == PLAIN ? NULL : side == FULL ? full : kept);
            else if (side == SIGN)
                bare_sign(b);
            else if (side == CHAIN)
                bare_chain(b);
            else
                bare_verify(b);
            ms[side][i] = ms_since(start);
            cpu[side][i] = cpu_ms() - before;
        }
    }
    for (int side = 0; side < SIDES; side++) {
        p50[side] = percentile(ms[side], n, 50);
        c50[side] = percentile(cpu[side], n, 50);
    }
    printf("\"plain_ms\":%.3f,\"attested_ms\":%.3f,\"kept_ms\":%.3f,\"sign_ms\":%.3f,"
           "\"chain_ms\":%.3f,\"verify_ms\":%.3f,\"attested_bound_ms\":%.3f,"
           "\"kept_bound_ms\":%.3f",
           p50[PLAIN], p50[FULL], p50[KEPT], p50[SIGN], p50[CHAIN], p50[VERIFY],
           p50[PLAIN] + 1.25 * (p50[SIGN] + p50[CHAIN]) + 0.3,
           p50[PLAIN] + 1.25 * (p50[SIGN] + p50[VERIFY]) + 0.3);
    printf(",\"plain_cpu_ms\":%.3f,\"attested_cpu_ms\":%.3f,\"kept_cpu_ms\":%.3f,"
           "\"sign_cpu_ms\":%.3f,\"chain_cpu_ms\":%.3f,\"verify_cpu_ms\":%.3f",
           c50[PLAIN], c50[FULL], c50[KEPT], c50[SIGN], c50[CHAIN], c50[VERIFY]);
}

/* ---- Many at once, beside an upload ---- */

static atomic_int uploading;

static int on_upload(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos__rpc_msg *m = NULL;
    int r;

    (void)user;
    while ((r = cocos__rpc_recv(call, &m, err)) == COCOS_OK && m) {
        cocos__rpc_msg_free(m);
        m = NULL;
    }
    return r;
}

static cocos__rpc_channel *open_channel(cocos_verifier *verifier)
{
    cocos__attest_options o = {.judge = judge, .user = verifier};
    cocos__rpc_channel_options c = {.target = address,
                                    .tls = client_tls,
                                    .attest = &o,
                                    .deadline_ns = cocos_deadline_in(60 * COCOS__NS_PER_S)};
    cocos__rpc_channel *ch = NULL;
    cocos_error *err = NULL;

    check(cocos__rpc_channel_open(&c, &ch, &err) == COCOS_OK, "channel", err);
    return ch;
}

static void *upload(void *user)
{
    static uint8_t block[1 << 20];
    cocos__rpc_channel *ch = open_channel(user);
    cocos__rpc_call *call = NULL;
    cocos_error *err = NULL;

    check(cocos__rpc_call_start(ch, UPLOAD, NULL, 0, 0, NULL, &call, &err) == COCOS_OK, "call",
          err);
    while (atomic_load(&uploading))
        check(cocos__rpc_send(call, block, sizeof block, &err) == COCOS_OK, "upload", err);
    check(cocos__rpc_finish(call, &err) == COCOS_OK, "end of the upload", err);
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(ch);
    return NULL;
}

struct crowd {
    cocos_verifier *verifier;
    pthread_barrier_t gate;
    double ms[AT_ONCE];
    atomic_int next;
};

static void *one_of_many(void *user)
{
    struct crowd *c = user;
    int me = atomic_fetch_add(&c->next, 1);

    pthread_barrier_wait(&c->gate);
    int64_t start = cocos__clock_mono_ns();
    connect_once(c->verifier);
    c->ms[me] = ms_since(start);
    return NULL;
}

static void at_once(cocos_verifier *verifier)
{
    static struct crowd c;
    pthread_t t[AT_ONCE];
    pthread_t up;

    c.verifier = verifier;
    pthread_barrier_init(&c.gate, NULL, AT_ONCE);
    atomic_store(&uploading, 1);
    pthread_create(&up, NULL, upload, verifier);
    for (int i = 0; i < AT_ONCE; i++)
        pthread_create(&t[i], NULL, one_of_many, &c);
    for (int i = 0; i < AT_ONCE; i++)
        pthread_join(t[i], NULL);
    atomic_store(&uploading, 0);
    pthread_join(up, NULL);
    double p50 = percentile(c.ms, AT_ONCE, 50);
    printf(",\"at_once_p50_ms\":%.1f,\"at_once_p99_ms\":%.1f", p50, percentile(c.ms, AT_ONCE, 99));
}

/* ---- Many in a row ---- */

static long rss_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (f && fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int count(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* The last connections of a series end a moment later. */
static void settle(int fds, int threads)
{
    for (int i = 0; i < 200; i++) {
        if (count("/proc/self/fd") <= fds && count("/proc/self/task") <= threads)
            return;
        usleep(10000);
    }
}

static void in_a_row(cocos_verifier *verifier, size_t n)
{
    int fds = count("/proc/self/fd");
    int threads = count("/proc/self/task");

    for (size_t i = 0; i < n / 10; i++)
        connect_once(verifier);
    settle(fds, threads);
    long before = rss_kib();
    for (size_t i = 0; i < n; i++)
        connect_once(verifier);
    settle(fds, threads);
    printf(",\"in_a_row\":%zu,\"rss_growth_kib\":%ld,\"fd_growth\":%d,\"thread_growth\":%d", n,
           rss_kib() - before, count("/proc/self/fd") - fds, count("/proc/self/task") - threads);
}

/* ---- Set-up ---- */

static void start_server(void)
{
    static const cocos__rpc_method methods[] = {{UPLOAD, on_upload, NULL, 2 << 20, 0}};
    static const cocos__attest_options attest = {.make = make};
    cocos__rpc_server_options o = {.methods = methods, .n_methods = 1};
    cocos__rpc_listener *l = NULL;
    cocos_error *err = NULL;
    cocos__buf cert, key;

    cocos__buf_init(&cert, 65536);
    cocos__buf_init(&key, 65536);
    check(cocos__tls_self_signed("bench", &cert, &key, &err) == COCOS_OK, "certificate", err);
    cocos__tls_options t = {.cert_pem = {cert.data, cert.len}, .key_pem = {key.data, key.len}};
    check(cocos__tls_config_server(&t, &server_tls, &err) == COCOS_OK, "server", err);
    check(cocos__tls_config_client(&(cocos__tls_options){.insecure = 1}, &client_tls, &err) ==
              COCOS_OK,
          "client", err);
    for (int plain = 0; plain < 2; plain++) {
        cocos__rpc_server **s = plain ? &plain_server : &server;
        o.attest = plain ? NULL : &attest;
        check(cocos__rpc_server_new(&o, s, &err) == COCOS_OK, "server", err);
        check(cocos__rpc_server_listen(*s, "127.0.0.1:0", server_tls, &l, &err) == COCOS_OK,
              "listen", err);
        *(plain ? &plain_address : &address) = cocos__rpc_listener_address(l);
    }
    cocos__buf_done(&cert);
    cocos__buf_wipe_done(&key);
}

/* The chain of evidence as the verifier will meet it. */
static void keep_chain(cocos_verifier *v)
{
    static const uint8_t some[32];
    cocos__attest_binding b = {.exported = some, .leaf = some};
    cocos_evidence *e = NULL;
    cocos_error *err = NULL;
    cocos__buf bytes;
    int version = 2;

    cocos__buf_init(&bytes, COCOS__ENVELOPE_MAX);
    check(make(NULL, &b, 0, &version, &bytes, &err) == COCOS_OK, "evidence", err);
    check(cocos_evidence_new(COCOS_EVIDENCE_ENVELOPE, bytes.data, bytes.len, &e, &err) ==
                  COCOS_OK &&
              cocos_evidence_add(e, COCOS_PART_CRL, crl.data, crl.len, &err) == COCOS_OK &&
              cocos_verifier_keep_chain(v, e, &err) == COCOS_OK,
          "keep", err);
    cocos_evidence_free(e);
    cocos__buf_done(&bytes);
}

int main(int argc, char **argv)
{
    size_t n = argc > 2 ? (size_t)atol(argv[2]) : 400;
    size_t row = argc > 3 ? (size_t)atol(argv[3]) : 10000;
    cocos_error *err = NULL;
    struct bare b = {0};
    char path[4200];

    if (argc < 2 || n == 0 || n > MAX) {
        fprintf(stderr, "usage: bench-attest SIMULATOR [CONNECTS] [IN_A_ROW]\n");
        return 2;
    }
    cocos__attester_options a = {.providers = "sim-snp", .simulator = argv[1], .vmpl = -1};
    check(cocos__attester_open(&a, &attester, &err) == COCOS_OK, "simulator", err);
    cocos__buf_init(&crl, 65536);
    snprintf(path, sizeof path, "%s/snp-crl.der", argv[1]);
    check(cocos__read_file(path, 65536, &crl, &err) == COCOS_OK, path, err);
    bare_init(&b, argv[1]);
    start_server();
    cocos_verifier *full = make_verifier(argv[1]);
    cocos_verifier *kept = make_verifier(argv[1]);
    keep_chain(kept);
    for (int i = 0; i < 5; i++)
        connect_once(full); /* first calls load what OpenSSL loads once */
    printf("{");
    take_turns(&b, full, kept, n);
    at_once(full);
    in_a_row(kept, row);
    printf("}\n");
    cocos_verifier_free(full);
    cocos_verifier_free(kept);
    cocos__rpc_server_free(server);
    cocos__rpc_server_free(plain_server);
    cocos__attester_close(attester);
    cocos__tls_config_unref(server_tls);
    cocos__tls_config_unref(client_tls);
    return 0;
}
