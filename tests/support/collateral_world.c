/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collateral-world DIR: evidence of a test hierarchy, and everything that AMD's and Intel's
 * services would answer about it, as files. DIR/index lists the answers: path, file, file with the
 * chain of a header and the header's name ("-": none), separated by tabs. Valid for a year from
 * now.
 */
#include <time.h>

/* Twelve keys, which cost their time. */
#define SNP_RSA_BITS 1024

#define SNP_TO ((int64_t)time(NULL) + 365 * 86400)
#define TDX_TO ((int64_t)time(NULL) + 365 * 86400)

#include "attest/evidence.h"
#include "snp_maker.h"
#include "tdx_maker.h"

static const char *dir;
static FILE *index_file;

static void save(const char *name, const uint8_t *data, size_t len)
{
    char path[4096];

    PKI_NEED(snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path);
    FILE *f = fopen(path, "we");
    PKI_NEED(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

static void save_bytes(const char *name, pki_bytes b)
{
    save(name, b.data, b.len);
    free(b.data);
}

static void serve(const char *path, const char *file, const char *chain, const char *header)
{
    fprintf(index_file, "%s\t%s\t%s\t%s\n", path, file, chain ? chain : "-", header ? header : "-");
}

static void save_crl(const char *name, const snp_authority *ca, int64_t to, long revoked)
{
    save_bytes(name, pki_crl(ca->ark, ca->ark_key, PKI_PSS_SHA384, SNP_FROM, to, revoked));
}

static void add_root(X509 *x)
{
    char path[4096];
    pki_bytes pem = pki_pem(&x, 1);

    snprintf(path, sizeof path, "%s/roots.pem", dir);
    FILE *f = fopen(path, "ae");
    PKI_NEED(f && fwrite(pem.data, 1, pem.len, f) == pem.len && fclose(f) == 0);
    free(pem.data);
}

/* Certificate table with one entry (GHCB specification, SNP Extended Guest Request). */
static void save_extended(const char *name, const uint8_t *report, X509 *vlek)
{
    static const uint8_t guid[16] = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e,
                                     0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};
    uint8_t all[8192] = {0};
    pki_bytes der = pki_der(vlek);

    PKI_NEED(der.len < sizeof all - 1184 - 48);
    memcpy(all, report, 1184);
    memcpy(all + 1184, guid, 16);
    snp_le(all + 1184 + 16, 48, 4);
    snp_le(all + 1184 + 20, der.len, 4);
    memcpy(all + 1184 + 48, der.data, der.len);
    save(name, all, 1184 + 48 + der.len);
    free(der.data);
}

static void vcek_path(const snp_plan *p, char *out, size_t size)
{
    char hwid[129] = "";

    for (size_t i = 0; i < p->hwid_len; i++)
        snprintf(hwid + 2 * i, 3, "%02x", p->report[0x1a0 + i]);
    snprintf(out, size, "/vcek/v1/%s/%s?%sblSPL=04&teeSPL=01&snpSPL=24&ucodeSPL=219", p->ca->line,
             hwid, p->turin ? "fmcSPL=02&" : "");
}

/* A report without anything beside it, and its VCEK at the service. */
static void
chip(const snp_authority *ca, uint32_t version, uint8_t id, const char *name, const char *leaf_name)
{
    snp_plan p = snp_plan_new(ca, version);
    char path[512];

    p.hwid = id;
    memset(p.report + 0x1a0, id, p.hwid_len);
    EVP_PKEY *key = pki_key_ec("P-384");
    X509 *leaf = snp_leaf(&p, key);
    snp_sign(key, p.report);
    save(name, p.report, sizeof p.report);
    save_bytes(leaf_name, pki_der(leaf));
    vcek_path(&p, path, sizeof path);
    serve(path, leaf_name, NULL, NULL);
    X509_free(leaf);
    EVP_PKEY_free(key);
}

/* The service gives the certificate of one chip also when it is asked for another. */
static void other_chip(const snp_authority *ca)
{
    snp_plan p = snp_plan_new(ca, 3);
    char path[512];

    memset(p.report + 0x1a0, 0xc2, 64);
    save("other-chip.bin", p.report, sizeof p.report);
    vcek_path(&p, path, sizeof path);
    serve(path, "milan.vcek", NULL, NULL);
}

static void masked_chip(const snp_authority *ca)
{
    snp_plan p = snp_plan_new(ca, 3);

    memset(p.report + 0x1a0, 0, 64);
    save("masked.bin", p.report, sizeof p.report);
}

static void line(const snp_authority *ca)
{
    X509 *vcek[] = {ca->ask, ca->ark};
    X509 *vlek[] = {ca->asvk, ca->ark};
    char path[128];
    char file[64];

    snprintf(file, sizeof file, "%s.chain", ca->line);
    save_bytes(file, pki_pem(vcek, 2));
    snprintf(path, sizeof path, "/vcek/v1/%s/cert_chain", ca->line);
    serve(path, file, NULL, NULL);
    snprintf(file, sizeof file, "%s.vlek-chain", ca->line);
    save_bytes(file, pki_pem(vlek, 2));
    snprintf(path, sizeof path, "/vlek/v1/%s/cert_chain", ca->line);
    serve(path, file, NULL, NULL);
    snprintf(file, sizeof file, "%s.crl", ca->line);
    save_crl(file, ca, SNP_TO, 0);
    snprintf(path, sizeof path, "/vcek/v1/%s/crl", ca->line);
    serve(path, file, NULL, NULL);
    snprintf(path, sizeof path, "/vlek/v1/%s/crl", ca->line);
    serve(path, file, NULL, NULL);
}

static void vlek(const snp_authority *ca)
{
    snp_plan p = snp_plan_new(ca, 3);
    EVP_PKEY *key = pki_key_ec("P-384");

    snp_use_vlek(&p);
    X509 *leaf = snp_leaf(&p, key);
    snp_sign(key, p.report);
    save_extended("vlek.bin", p.report, leaf);
    save("vlek-alone.bin", p.report, sizeof p.report);
    X509_free(leaf);
    EVP_PKEY_free(key);
}

/* Of the chip of milan.bin, but from another authority with AMD's names. */
static void stranger_leaf(const snp_authority *ca)
{
    snp_plan p = snp_plan_new(ca, 3);
    EVP_PKEY *key = pki_key_ec("P-384");
    X509 *leaf = snp_leaf(&p, key);

    save_bytes("stranger.vcek", pki_der(leaf));
    X509_free(leaf);
    EVP_PKEY_free(key);
}

/* Of the chip of milan.bin, from before an update of its firmware. */
static void stale_leaf(const snp_authority *ca)
{
    snp_plan p = snp_plan_new(ca, 3);
    EVP_PKEY *key = pki_key_ec("P-384");

    p.tcb[3]--;
    X509 *leaf = snp_leaf(&p, key);
    save_bytes("stale.vcek", pki_der(leaf));
    X509_free(leaf);
    EVP_PKEY_free(key);
}

static void amd(void)
{
    snp_authority milan = snp_authority_new("Milan");
    snp_authority genoa = snp_authority_new("Genoa");
    snp_authority turin = snp_authority_new("Turin");
    snp_authority stranger = snp_authority_new("Milan");
    X509 *chain[] = {stranger.ask, stranger.ark};

    line(&milan);
    line(&genoa);
    line(&turin);
    add_root(milan.ark);
    add_root(genoa.ark);
    add_root(turin.ark);
    chip(&milan, 3, 0xc1, "milan.bin", "milan.vcek");
    chip(&genoa, 2, 0xc3, "genoa-2.bin", "genoa.vcek");
    chip(&turin, 3, 0xc4, "turin.bin", "turin.vcek");
    chip(&turin, 2, 0xc5, "turin-2.bin", "turin-2.vcek");
    stale_leaf(&milan);
    other_chip(&milan);
    masked_chip(&milan);
    vlek(&milan);
    save_crl("stale.crl", &milan, SNP_FROM + 86400, 0);
    save_crl("revoked.crl", &milan, SNP_TO, 0x101);
    save_crl("stranger.crl", &stranger, SNP_TO, 0);
    save_bytes("stranger.chain", pki_pem(chain, 2));
    stranger_leaf(&stranger);
    snp_authority_free(&milan);
    snp_authority_free(&genoa);
    snp_authority_free(&turin);
    snp_authority_free(&stranger);
}

static void save_part(const cocos_evidence *ev, int part, const char *name)
{
    cocos__span s = {NULL, 0};

    PKI_NEED(cocos__evidence_parts(ev, part, &s, 1) == 1);
    save(name, s.data, s.len);
}

static void text_time(int64_t s, char out[32])
{
    time_t t = (time_t)s;
    struct tm tm;

    PKI_NEED(gmtime_r(&t, &tm) && strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
}

/* As Intel's PCCS writes it: hex digits. */
static void save_hex(const char *name, cocos__span s)
{
    char *hex = malloc(2 * s.len + 1);

    PKI_NEED(hex);
    for (size_t i = 0; i < s.len; i++)
        snprintf(hex + 2 * i, 3, "%02X", s.data[i]);
    save(name, (const uint8_t *)hex, 2 * s.len);
    free(hex);
}

static void tdx_collateral(const tdx_authority *ca, const cocos_evidence *ev)
{
    X509 *pck[] = {ca->platform, ca->root};
    cocos__span crls[2];

    save_part(ev, COCOS_PART_TCB_INFO, "tcb-info");
    save_part(ev, COCOS_PART_QE_IDENTITY, "qe-identity");
    save_part(ev, COCOS_PART_TCB_CHAIN, "tcb.chain");
    PKI_NEED(cocos__evidence_parts(ev, COCOS_PART_CRL, crls, 2) == 2);
    save_hex("root.crl-hex", crls[0]);
    save("root.crl", crls[0].data, crls[0].len);
    save("pck.crl", crls[1].data, crls[1].len);
    save_bytes("pck.chain", pki_pem(pck, 2));
    serve("/tdx/certification/v4/tcb?fmspc=00806f050000", "tcb-info", "tcb.chain",
          "TCB-Info-Issuer-Chain");
    serve("/tdx/certification/v4/qe/identity", "qe-identity", "tcb.chain",
          "SGX-Enclave-Identity-Issuer-Chain");
    serve("/sgx/certification/v4/pckcrl?ca=platform&encoding=der", "pck.crl", "pck.chain",
          "SGX-PCK-CRL-Issuer-Chain");
    serve("/sgx/certification/v4/rootcacrl", "root.crl-hex", NULL, NULL);
    serve("/IntelSGXRootCA.der", "root.crl", NULL, NULL);
}

static void save_object(tdx_plan *p, int part, const char *name)
{
    cocos_evidence *ev = tdx_make(p);

    save_part(ev, part, name);
    cocos_evidence_free(ev);
}

/* The day on which Intel signs with a new certificate of the same root. */
static void next_signer(const tdx_authority *ca, const tdx_plan *plan)
{
    tdx_authority next = *ca;
    tdx_plan p = *plan;
    X509 *chain[2];

    next.signer_key = pki_key_ec("P-256");
    next.signer = tdx_cert("Intel SGX TCB Signing", next.signer_key, ca->root, ca->root_key, 0,
                           0x14, TDX_TO, NULL);
    p.ca = &next;
    chain[0] = next.signer;
    chain[1] = ca->root;
    save_object(&p, COCOS_PART_TCB_INFO, "next-tcb-info");
    save_object(&p, COCOS_PART_QE_IDENTITY, "next-qe-identity");
    save_bytes("next.chain", pki_pem(chain, 2));
    X509_free(next.signer);
    EVP_PKEY_free(next.signer_key);
}

/* Another root with Intel's names, its signer, and what that signs. */
static void other_root(const tdx_plan *plan)
{
    tdx_authority other = tdx_authority_new();
    tdx_plan p = *plan;
    X509 *chain[] = {other.signer, other.root};

    p.ca = &other;
    save_object(&p, COCOS_PART_TCB_INFO, "stranger-tcb-info");
    save_bytes("stranger-tcb.chain", pki_pem(chain, 2));
    save_bytes("stranger-pck.crl",
               pki_crl(other.platform, other.platform_key, PKI_ECDSA_SHA256, TDX_FROM, TDX_TO, 0));
    tdx_authority_free(&other);
}

/* A quote whose PCK certificate the processor CA issued. */
static void processor(tdx_authority *ca, const tdx_plan *plan)
{
    tdx_plan p = *plan;
    X509 *chain[] = {ca->processor, ca->root};

    p.processor_ca = 1;
    cocos_evidence *ev = tdx_make(&p);
    save("tdx-processor.bin", ev->main.data, ev->main.len);
    cocos_evidence_free(ev);
    save_bytes("processor.chain", pki_pem(chain, 2));
    save_bytes("processor.crl",
               pki_crl(ca->processor, ca->processor_key, PKI_ECDSA_SHA256, TDX_FROM, TDX_TO, 0));
    serve("/sgx/certification/v4/pckcrl?ca=processor&encoding=der", "processor.crl",
          "processor.chain", "SGX-PCK-CRL-Issuer-Chain");
}

static void intel(void)
{
    tdx_authority ca = tdx_authority_new();
    tdx_plan p = tdx_plan_new(&ca);
    char later[32];
    char before[32];

    text_time(TDX_TO, later);
    text_time(time(NULL) - 86400, before);
    p.tcb_next = p.qe_next = later;
    cocos_evidence *ev = tdx_make(&p);
    save("tdx.bin", ev->main.data, ev->main.len);
    tdx_collateral(&ca, ev);
    cocos_evidence_free(ev);
    next_signer(&ca, &p);
    other_root(&p);
    processor(&ca, &p);
    save_bytes("stale-pck.crl", pki_crl(ca.platform, ca.platform_key, PKI_ECDSA_SHA256, TDX_FROM,
                                        TDX_FROM + 86400, 0));

    p.tcb_next = p.qe_next = before;
    save_object(&p, COCOS_PART_TCB_INFO, "stale-tcb-info");
    save_object(&p, COCOS_PART_QE_IDENTITY, "stale-qe-identity");
    p.tcb_next = p.qe_next = later;
    p.tcb_fmspc = "00906F050000";
    save_object(&p, COCOS_PART_TCB_INFO, "other-tcb-info");
    add_root(ca.root);
    tdx_authority_free(&ca);
}

int main(int argc, char **argv)
{
    char path[4096];

    if (argc != 2)
        return 2;
    dir = argv[1];
    snprintf(path, sizeof path, "%s/index", dir);
    index_file = fopen(path, "we");
    PKI_NEED(index_file);
    amd();
    intel();
    return fclose(index_file) == 0 ? 0 : 1;
}
