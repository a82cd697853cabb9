/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_SNP_MAKER_H
#define COCOS_TESTS_SNP_MAKER_H

/*
 * SEV-SNP evidence of a test hierarchy: AMD's names and formats, keys made on the spot. A test
 * changes the plan, then makes evidence from it; what the plan does not change is correct.
 */

#include <cocos/verifier.h>

#include "pki.h"

/* AMD has 4096 bits; tests do with less, which is quicker to make. */
#ifndef SNP_RSA_BITS
#define SNP_RSA_BITS 2048
#endif

#define SNP_FROM INT64_C(1600000000)
#define SNP_NOW  INT64_C(1750000000)
#ifndef SNP_TO /* a program whose evidence is judged by the clock sets its own */
#define SNP_TO INT64_C(1900000000)
#endif

#define SNP_AMD   "Advanced Micro Devices"
#define SNP_WHERE "Santa Clara"
#define SNP_ARC   "1.3.6.1.4.1.3704.1."

/* One root with the intermediates for both kinds of keys; made once a program. */
typedef struct snp_authority {
    const char *line;
    EVP_PKEY *ark_key, *ask_key, *asvk_key;
    X509 *ark, *ask, *asvk;
} snp_authority;

typedef struct snp_plan {
    const snp_authority *ca;
    int vlek;
    int turin;
    uint8_t report[1184];
    /* TCB in the certificate, in the order fmc, boot loader, TEE, SNP, microcode */
    uint8_t tcb[5];
    const char *product;
    const char *leaf_cn; /* NULL: as the kind wants */
    const char *group;   /* NULL: P-384 */
    int leaf_scheme;     /* of enum pki_scheme; PSS when `scheme_set` is 0 */
    int scheme_set;
    X509 *leaf_issuer; /* NULL: as the kind wants */
    EVP_PKEY *leaf_issuer_key;
    int64_t leaf_from, leaf_to;
    uint8_t hwid; /* every byte of the hardware id */
    size_t hwid_len;
    int hwid_wrapped;
    int with_hwid, with_csp; /* -1: as the kind wants */
    int doubled;             /* the microcode extension twice */
    int without_product;
    int flip_report; /* byte changed after signing; -1: none */
    int send_root, send_mid;
    int stale_leaf; /* a key of an older TCB beside it: -1 before it, 1 behind it */
} snp_plan;

static inline X509 *snp_ca(
    const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *url, long serial)
{
    pki_spec s = {.cn = cn,
                  .org = SNP_AMD,
                  .location = SNP_WHERE,
                  .key = key,
                  .issuer = issuer,
                  .issuer_key = issuer_key,
                  .scheme = PKI_PSS_SHA384,
                  .not_before = SNP_FROM,
                  .not_after = SNP_TO,
                  .serial = serial,
                  .ca = 1,
                  .crl_url = url};
    return pki_cert(&s);
}

static inline snp_authority snp_authority_new(const char *line)
{
    snp_authority a = {.line = line,
                       .ark_key = pki_key_rsa(SNP_RSA_BITS),
                       .ask_key = pki_key_rsa(SNP_RSA_BITS),
                       .asvk_key = pki_key_rsa(SNP_RSA_BITS)};
    char cn[64];
    char vcek[128];
    char vlek[128];

    snprintf(vcek, sizeof vcek, "https://kdsintf.amd.com/vcek/v1/%s/crl", line);
    snprintf(vlek, sizeof vlek, "https://kdsintf.amd.com/vlek/v1/%s/crl", line);
    snprintf(cn, sizeof cn, "ARK-%s", line);
    a.ark = snp_ca(cn, a.ark_key, NULL, NULL, vcek, 0x100);
    snprintf(cn, sizeof cn, "SEV-%s", line);
    a.ask = snp_ca(cn, a.ask_key, a.ark, a.ark_key, vcek, 0x101);
    snprintf(cn, sizeof cn, "SEV-VLEK-%s", line);
    a.asvk = snp_ca(cn, a.asvk_key, a.ark, a.ark_key, vlek, 0x102);
    return a;
}

static inline void snp_authority_free(snp_authority *a)
{
    X509_free(a->ark);
    X509_free(a->ask);
    X509_free(a->asvk);
    EVP_PKEY_free(a->ark_key);
    EVP_PKEY_free(a->ask_key);
    EVP_PKEY_free(a->asvk_key);
}

static inline void snp_le(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* Boot loader 4, TEE 1, SNP 24, microcode 0xdb, FMC 2 on Turin. */
static inline void snp_put_tcb(const snp_plan *p, uint8_t *at)
{
    memset(at, 0, 8);
    if (p->turin)
        memcpy(at, p->tcb, 4);
    else {
        at[0] = p->tcb[1];
        at[1] = p->tcb[2];
        at[6] = p->tcb[3];
    }
    at[7] = p->tcb[4];
}

static inline snp_plan snp_plan_new(const snp_authority *ca, uint32_t version)
{
    snp_plan p = {.ca = ca,
                  .tcb = {2, 4, 1, 24, 0xdb},
                  .leaf_from = SNP_FROM,
                  .leaf_to = SNP_TO,
                  .hwid = 0xc1,
                  .hwid_len = 64,
                  .with_hwid = -1,
                  .with_csp = -1,
                  .flip_report = -1,
                  .send_root = 1,
                  .send_mid = 1};
    uint8_t *r = p.report;

    p.turin = strcmp(ca->line, "Turin") == 0;
    p.product = ca->line;
    if (p.turin)
        p.hwid_len = 8;
    snp_le(r, version, 4);
    snp_le(r + 0x008, 0x30000, 8);
    snp_le(r + 0x034, 1, 4);
    snp_put_tcb(&p, r + 0x038);
    snp_put_tcb(&p, r + 0x180);
    snp_put_tcb(&p, r + 0x1e0);
    snp_put_tcb(&p, r + 0x1f0);
    memset(r + 0x050, 0xd1, 64);
    memset(r + 0x090, 0xa1, 48);
    memset(r + 0x160, 0xff, 32);
    memset(r + 0x1a0, 0xc1, p.turin ? 8 : 64);
    memcpy(r + 0x1e8, (uint8_t[]){7, 55, 1, 0, 7, 55, 1, 0}, 8);
    if (version >= 3) {
        r[0x188] = p.turin ? 0x1a : 0x19;
        r[0x189] = p.turin ? 0x02 : strcmp(ca->line, "Genoa") == 0 ? 0x11 : 0x01;
        r[0x18a] = 1;
    }
    return p;
}

/* The signing-key bits of the report. */
static inline void snp_use_vlek(snp_plan *p)
{
    p->vlek = 1;
    p->report[0x048] |= 1 << 2;
}

static inline X509 *snp_leaf(const snp_plan *p, EVP_PKEY *key)
{
    static const char *const oids[] = {SNP_ARC "3.9", SNP_ARC "3.1", SNP_ARC "3.2", SNP_ARC "3.3",
                                       SNP_ARC "3.8"};
    uint8_t values[16][80];
    pki_ext e[16];
    size_t n = 0;
    int hwid = p->with_hwid < 0 ? !p->vlek : p->with_hwid;
    int csp = p->with_csp < 0 ? p->vlek : p->with_csp;
    size_t name_len = strlen(p->product);

#define EXT(o, l) e[n] = (pki_ext){o, values[n], l, 0}, n++
    memcpy(values[n], (uint8_t[]){2, 1, 0}, 3);
    EXT(SNP_ARC "1", 3);
    if (!p->without_product) {
        values[n][0] = 0x16;
        values[n][1] = (uint8_t)name_len;
        memcpy(values[n] + 2, p->product, name_len);
        EXT(SNP_ARC "2", name_len + 2);
    }
    for (size_t i = p->turin ? 0 : 1; i < 5; i++) {
        int wide = p->tcb[i] > 127;
        memcpy(values[n], wide ? (uint8_t[]){2, 2, 0, p->tcb[i]} : (uint8_t[]){2, 1, p->tcb[i], 0},
               4);
        EXT(oids[i], wide ? 4u : 3u);
    }
    if (p->doubled) {
        memcpy(values[n], (uint8_t[]){2, 1, 1}, 3);
        EXT(SNP_ARC "3.8", 3);
    }
    if (hwid) {
        size_t head = p->hwid_wrapped ? 2 : 0;
        values[n][0] = 4;
        values[n][1] = (uint8_t)p->hwid_len;
        memset(values[n] + head, p->hwid, p->hwid_len);
        EXT(SNP_ARC "4", p->hwid_len + head);
    }
    if (csp) {
        memcpy(values[n],
               "\x16\x07"
               "CN=test",
               9);
        EXT(SNP_ARC "5", 9);
    }
#undef EXT
    pki_spec s = {.cn = p->leaf_cn ? p->leaf_cn
                        : p->vlek  ? "SEV-VLEK"
                                   : "SEV-VCEK",
                  .org = SNP_AMD,
                  .location = SNP_WHERE,
                  .key = key,
                  .issuer = p->leaf_issuer ? p->leaf_issuer
                            : p->vlek      ? p->ca->asvk
                                           : p->ca->ask,
                  .issuer_key = p->leaf_issuer_key ? p->leaf_issuer_key
                                : p->vlek          ? p->ca->asvk_key
                                                   : p->ca->ask_key,
                  .scheme = p->scheme_set ? p->leaf_scheme : PKI_PSS_SHA384,
                  .not_before = p->leaf_from,
                  .not_after = p->leaf_to,
                  .serial = 0,
                  .exts = e,
                  .n_exts = n};
    return pki_cert(&s);
}

static inline void snp_sign(EVP_PKEY *key, uint8_t *report)
{
    uint8_t raw[96];

    pki_sign_raw(key, PKI_ECDSA_SHA384, report, 0x2a0, raw, 48);
    memset(report + 0x2a0, 0, 144);
    for (int i = 0; i < 48; i++) {
        report[0x2a0 + i] = raw[47 - i];
        report[0x2e8 + i] = raw[95 - i];
    }
}

static inline void snp_add_cert(cocos_evidence *ev, X509 *x)
{
    pki_bytes der = pki_der(x);

    PKI_NEED(cocos_evidence_add(ev, COCOS_PART_CERTIFICATES, der.data, der.len, NULL) == COCOS_OK);
    free(der.data);
}

/* The key of the same chip from before an update of its firmware. */
static inline void snp_add_stale(cocos_evidence *ev, const snp_plan *p)
{
    EVP_PKEY *key = pki_key_ec("P-384");
    snp_plan old = *p;

    old.tcb[3]--;
    X509 *leaf = snp_leaf(&old, key);
    snp_add_cert(ev, leaf);
    X509_free(leaf);
    EVP_PKEY_free(key);
}

/* Signed evidence of the plan; the signed report is also in p->report. */
static inline cocos_evidence *snp_make(snp_plan *p)
{
    EVP_PKEY *key = pki_key_ec(p->group ? p->group : "P-384");
    X509 *leaf = snp_leaf(p, key);
    cocos_evidence *ev = NULL;

    if (!p->group)
        snp_sign(key, p->report);
    if (p->flip_report >= 0)
        p->report[p->flip_report] ^= 1;
    PKI_NEED(cocos_evidence_new(COCOS_EVIDENCE_SNP, p->report, sizeof p->report, &ev, NULL) ==
             COCOS_OK);
    if (p->stale_leaf < 0)
        snp_add_stale(ev, p);
    snp_add_cert(ev, leaf);
    if (p->stale_leaf > 0)
        snp_add_stale(ev, p);
    if (p->send_mid)
        snp_add_cert(ev, p->vlek ? p->ca->asvk : p->ca->ask);
    if (p->send_root)
        snp_add_cert(ev, p->ca->ark);
    X509_free(leaf);
    EVP_PKEY_free(key);
    return ev;
}

static inline void
snp_add_crl(cocos_evidence *ev, const snp_authority *ca, int64_t from, int64_t to, long serial)
{
    pki_bytes crl = pki_crl(ca->ark, ca->ark_key, PKI_PSS_SHA384, from, to, serial);

    PKI_NEED(cocos_evidence_add(ev, COCOS_PART_CRL, crl.data, crl.len, NULL) == COCOS_OK);
    free(crl.data);
}

/* What a plan's evidence has, stated; roots of the test authority. */
static inline cocos_policy *snp_policy(const snp_authority *ca)
{
    static const char *const rules[][2] = {{"snp.products", "any"},
                                           {"snp.revocation", "any"},
                                           {"coverage.kernel", "snp.measurement"},
                                           {"coverage.command_line", "snp.measurement"},
                                           {"coverage.initrd", "snp.measurement"},
                                           {"coverage.agent", "snp.measurement"}};
    uint8_t value[64];
    cocos_policy *policy = NULL;

    PKI_NEED(cocos_policy_new(&policy, NULL) == COCOS_OK);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        PKI_NEED(cocos_policy_set(policy, rules[i][0], rules[i][1], NULL) == COCOS_OK);
    memset(value, 0xa1, 48);
    PKI_NEED(cocos_policy_set_bytes(policy, "snp.measurement", value, 48, NULL) == COCOS_OK);
    memset(value, 0xd1, 64);
    PKI_NEED(cocos_policy_set_bytes(policy, "snp.report_data", value, 64, NULL) == COCOS_OK);
    if (ca) {
        pki_bytes pem = pki_pem(&ca->ark, 1);
        PKI_NEED(cocos_policy_add_root(policy, pem.data, pem.len, NULL) == COCOS_OK);
        free(pem.data);
    }
    return policy;
}

#endif
