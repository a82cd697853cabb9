/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much verification costs over the OpenSSL calls that it cannot do without: parsing of the
 * certificates, keys, signatures, hashes. Ours and bare take turns in short rounds on one core, so
 * that a change of clock speed meets both. Prints one JSON line.
 *
 *     bench-verify [rounds]        default 40; each round runs each side for about 10 ms
 */
#define SNP_RSA_BITS 4096

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>

#include "snp_maker.h"
#include "tdx_maker.h"

#define ROUND_NS INT64_C(10000000)

/* ---- allocations: all, and those of OpenSSL ---- */

static unsigned long all_allocations, openssl_allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *malloc(size_t size)
{
    all_allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    all_allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    all_allocations++;
    return __libc_realloc(p, size);
}
#endif

static void *openssl_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    openssl_allocations++;
    return n ? malloc(n) : NULL;
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    openssl_allocations++;
    return realloc(p, n);
}

static void openssl_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* ---- the two sides ---- */

/* DER and raw signatures that the bare side works on. */
typedef struct material {
    pki_bytes certs[5];
    size_t n_certs;
    pki_bytes crls[2];
    size_t n_crls;
    struct {
        pki_bytes data;
        uint8_t rs[96];
        int size;   /* of one number */
        size_t key; /* certificate whose key signed */
    } raw[3];
    size_t n_raw;
    pki_bytes quote; /* TDX: its attestation key and signature */
} material;

typedef struct job {
    const char *name;
    cocos_verifier *verifier;
    const uint8_t *main;
    size_t len;
    int kind;
    pki_bytes parts[8];
    int part[8];
    size_t n_parts;
    int64_t time_ns;
    material bare;
    int only_signatures; /* the bare side neither parses nor checks certificates */
    X509 *parsed[5];
} job;

static void need(int ok)
{
    if (!ok)
        abort();
}

static void ours(const job *j)
{
    cocos_evidence *ev = NULL;
    cocos_verdict *verdict = NULL;

    need(cocos_evidence_new(j->kind, j->main, j->len, &ev, NULL) == COCOS_OK);
    for (size_t i = 0; i < j->n_parts; i++)
        need(cocos_evidence_add(ev, j->part[i], j->parts[i].data, j->parts[i].len, NULL) ==
             COCOS_OK);
    need(cocos_verifier_verify(j->verifier, ev, j->time_ns, COCOS_TIME_CHOSEN, &verdict, NULL) ==
         COCOS_OK);
    cocos_verdict_free(verdict);
    cocos_evidence_free(ev);
}

static void bare_ecdsa(
    EVP_PKEY *key, const EVP_MD *md, const uint8_t *data, size_t len, const uint8_t *rs, int size)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    uint8_t *der = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    need(ECDSA_SIG_set0(sig, BN_bin2bn(rs, size, NULL), BN_bin2bn(rs + size, size, NULL)));
    int n = i2d_ECDSA_SIG(sig, &der);
    need(EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) > 0 &&
         EVP_DigestVerify(ctx, der, (size_t)n, data, len) == 1);
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
}

static EVP_PKEY *bare_point(const uint8_t *xy)
{
    uint8_t point[65] = {4};
    char group[] = "prime256v1";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", group, 0),
                           OSSL_PARAM_construct_octet_string("pub", point, 65),
                           OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    memcpy(point + 1, xy, 64);
    need(EVP_PKEY_fromdata_init(ctx) > 0 &&
         EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/*
 * Certificates in chain order: each is signed by the next, the last of the first n_chain by itself.
 * d2i_X509() leaves extensions unread until they are asked for, and no chain can be judged without.
 */
static void bare(const job *j)
{
    const material *m = &j->bare;
    X509 *x[5] = {NULL};
    size_t root = m->n_crls ? 2 : m->n_certs - 1;

    for (size_t i = 0; i < m->n_certs && !j->only_signatures; i++) {
        const uint8_t *p = m->certs[i].data;
        x[i] = d2i_X509(NULL, &p, (long)m->certs[i].len);
        need(!(X509_get_extension_flags(x[i]) & EXFLAG_INVALID));
    }
    /* 0: leaf, 1: intermediate, 2: root; then the signer and its copy of the root. */
    for (size_t i = 0; i < m->n_certs && !j->only_signatures; i++) {
        size_t issuer = i < root ? i + 1 : i == 3 ? 4 : i;
        need(X509_verify(x[i], X509_get0_pubkey(x[issuer])) == 1);
    }
    X509 *const *keys = j->only_signatures ? j->parsed : x;
    for (size_t i = 0; i < m->n_crls; i++) {
        const uint8_t *p = m->crls[i].data;
        X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)m->crls[i].len);
        need(X509_CRL_verify(crl, X509_get0_pubkey(keys[i == 0 ? 2 : 1])) == 1);
        X509_CRL_free(crl);
    }
    for (size_t i = 0; i < m->n_raw; i++)
        bare_ecdsa(X509_get0_pubkey(keys[m->raw[i].key]),
                   m->raw[i].size == 48 ? EVP_sha384() : EVP_sha256(), m->raw[i].data.data,
                   m->raw[i].data.len, m->raw[i].rs, m->raw[i].size);
    if (m->quote.data) {
        EVP_PKEY *key = bare_point(m->quote.data + 636 + 64);
        bare_ecdsa(key, EVP_sha256(), m->quote.data, 632, m->quote.data + 636, 32);
        EVP_PKEY_free(key);
    }
    for (size_t i = 0; i < 5; i++)
        X509_free(x[i]);
}

/* ---- measuring ---- */

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double nanoseconds(void (*side)(const job *), const job *j)
{
    int64_t start = now_ns();
    int64_t end = start;
    unsigned n = 0;

    for (; end - start < ROUND_NS; n++) {
        side(j);
        end = now_ns();
    }
    return (double)(end - start) / n;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const job *j, int rounds, int first)
{
    double mine[400];
    double theirs[400];
    double ratios[400]; /* of what ran side by side: a processor's pace changes from second to
                           second */

    ours(j);
    bare(j);
    for (int i = 0; i < rounds; i++) {
        mine[i] = nanoseconds(ours, j);
        theirs[i] = nanoseconds(bare, j);
        ratios[i] = theirs[i] / mine[i];
    }
    qsort(ratios, (size_t)rounds, sizeof *ratios, compare);
    qsort(mine, (size_t)rounds, sizeof *mine, compare);
    qsort(theirs, (size_t)rounds, sizeof *theirs, compare);
    double m = mine[rounds / 2];
    double t = theirs[rounds / 2];

    unsigned long all = all_allocations;
    unsigned long openssl = openssl_allocations;
    ours(j);
    all = all_allocations - all;
    openssl = openssl_allocations - openssl;
    printf(
        "%s\"%s\":{\"us\":%.1f,\"bare_us\":%.1f,\"ratio\":%.3f,\"per_second\":%.0f,\"own_allocations\":%lu,\"openssl_allocations\":%lu}",
        first ? "" : ",", j->name, m / 1000, t / 1000, ratios[rounds / 2], 1e9 / m, all - openssl,
        openssl);
}

/* ---- the four jobs ---- */

static void add_part(job *j, int part, pki_bytes b)
{
    j->parts[j->n_parts] = b;
    j->part[j->n_parts++] = part;
}

static job snp_job(snp_authority *ca, snp_plan *p, int kept)
{
    job j = {.name = kept ? "snp_kept_chain" : "snp_full",
             .kind = COCOS_EVIDENCE_SNP,
             .time_ns = SNP_NOW * 1000000000,
             .only_signatures = kept};
    EVP_PKEY *key = pki_key_ec("P-384");
    X509 *leaf = snp_leaf(p, key);
    X509 *chain[] = {leaf, ca->ask, ca->ark};
    cocos_policy *policy = snp_policy(ca);

    snp_sign(key, p->report);
    j.main = p->report;
    j.len = sizeof p->report;
    for (size_t i = 0; i < 3; i++) {
        j.bare.certs[i] = pki_der(chain[i]);
        add_part(&j, COCOS_PART_CERTIFICATES, j.bare.certs[i]);
        j.parsed[i] = chain[i];
    }
    j.bare.n_certs = 3;
    j.bare.n_raw = 1;
    j.bare.raw[0].data = (pki_bytes){p->report, 0x2a0};
    j.bare.raw[0].size = 48;
    for (int i = 0; i < 48; i++) {
        j.bare.raw[0].rs[i] = p->report[0x2a0 + 47 - i];
        j.bare.raw[0].rs[48 + i] = p->report[0x2e8 + 47 - i];
    }
    need(cocos_verifier_new(policy, &j.verifier, NULL) == COCOS_OK);
    cocos_policy_free(policy);
    return j;
}

static pki_bytes copied(const char *text)
{
    pki_bytes b = {malloc(strlen(text)), strlen(text)};
    need(b.data != NULL);
    memcpy(b.data, text, b.len);
    return b;
}

/* A signed object as Intel serves it, for both sides. */
static void
add_object(job *j, const tdx_authority *ca, int part, const char *name, const char *object)
{
    material *m = &j->bare;
    char body[16384];
    char hex[129];
    size_t i = m->n_raw++;

    m->raw[i].data = copied(object);
    m->raw[i].size = 32;
    m->raw[i].key = 3;
    pki_sign_raw(ca->signer_key, PKI_ECDSA_SHA256, m->raw[i].data.data, m->raw[i].data.len,
                 m->raw[i].rs, 32);
    for (int k = 0; k < 64; k++)
        snprintf(hex + 2 * k, 3, "%02x", m->raw[i].rs[k]);
    snprintf(body, sizeof body, "{\"%s\":%s,\"signature\":\"%s\"}", name, object, hex);
    add_part(j, part, copied(body));
}

static job tdx_job(const tdx_authority *ca, tdx_plan *p, int kept)
{
    job j = {.name = kept ? "tdx_kept_collateral" : "tdx_full",
             .kind = COCOS_EVIDENCE_TDX,
             .time_ns = TDX_NOW * 1000000000,
             .only_signatures = kept};
    cocos_policy *policy = tdx_policy(ca);
    X509 *signing[] = {ca->signer, ca->root};
    char object[8192];
    pki_bytes q = tdx_quote(p);
    material *m = &j.bare;
    pki_bytes pem = tdx_chain(p);
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);

    m->quote = q;
    j.main = q.data;
    j.len = q.len;
    for (size_t i = 0; i < 3; i++)
        need((j.parsed[i] = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL);
    j.parsed[3] = ca->signer;
    j.parsed[4] = ca->root;
    for (size_t i = 0; i < 5; i++)
        m->certs[i] = pki_der(j.parsed[i]);
    m->n_certs = 5;
    add_part(&j, COCOS_PART_TCB_CHAIN, pki_pem(signing, 2));
    tdx_tcb_info(p, object, sizeof object);
    add_object(&j, ca, COCOS_PART_TCB_INFO, "tcbInfo", object);
    tdx_identity(p, object, sizeof object);
    add_object(&j, ca, COCOS_PART_QE_IDENTITY, "enclaveIdentity", object);
    if (kept)
        m->n_raw = 0;
    size_t i = m->n_raw++;
    m->raw[i].data = (pki_bytes){q.data + 636 + 134, 384};
    m->raw[i].size = 32;
    m->raw[i].key = 0;
    memcpy(m->raw[i].rs, q.data + 636 + 518, 64);
    m->crls[0] = pki_crl(ca->root, ca->root_key, PKI_ECDSA_SHA256, TDX_FROM, TDX_TO, 0);
    m->crls[1] = pki_crl(ca->platform, ca->platform_key, PKI_ECDSA_SHA256, TDX_FROM, TDX_TO, 0);
    m->n_crls = 2;
    add_part(&j, COCOS_PART_CRL, m->crls[0]);
    add_part(&j, COCOS_PART_CRL, m->crls[1]);
    need(cocos_verifier_new(policy, &j.verifier, NULL) == COCOS_OK);
    cocos_policy_free(policy);
    BIO_free(bio);
    free(pem.data);
    return j;
}

static void keep(const job *j)
{
    cocos_evidence *ev = NULL;

    need(cocos_evidence_new(j->kind, j->main, j->len, &ev, NULL) == COCOS_OK);
    for (size_t i = 0; i < j->n_parts; i++)
        need(cocos_evidence_add(ev, j->part[i], j->parts[i].data, j->parts[i].len, NULL) ==
             COCOS_OK);
    need(cocos_verifier_keep_chain(j->verifier, ev, NULL) == COCOS_OK);
    cocos_evidence_free(ev);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 40;

    if (rounds < 1 || rounds > 400 ||
        !CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
        return 2;
    snp_authority amd = snp_authority_new("Milan");
    tdx_authority intel = tdx_authority_new();
    snp_plan snp[2] = {snp_plan_new(&amd, 3), snp_plan_new(&amd, 3)};
    tdx_plan tdx[2] = {tdx_plan_new(&intel), tdx_plan_new(&intel)};
    job jobs[] = {snp_job(&amd, &snp[0], 0), snp_job(&amd, &snp[1], 1), tdx_job(&intel, &tdx[0], 0),
                  tdx_job(&intel, &tdx[1], 1)};

    keep(&jobs[1]);
    keep(&jobs[3]);
    printf("{");
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        measure(&jobs[i], rounds, i == 0);
    printf("}\n");
    /* What the jobs hold lives until the end. */
    return 0;
}
