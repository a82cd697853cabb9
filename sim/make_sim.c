/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-sim DIR: writes the hierarchy of this build's simulator (libcocos/evidence/sim.c) and what
 * it signs: AMD's and Intel's names and formats, keys made on the spot. A policy that lists
 * DIR/snp-root.pem or DIR/tdx-root.pem accepts its evidence, and the verdict says "simulated".
 *
 *     {snp,tdx}-key.pem       the key that signs every report or quote
 *     {snp,tdx}-template.bin  what it signs, but for the data slot
 *     snp-rest.bin            certificate table (VCEK, ASK, ARK); tdx-rest.bin: behind the
 * signature {snp,tdx}-root.pem      for policies snp-crl.der, tdx-crl-{root,pck}.der,
 * tdx-{tcb-info,qe-identity}.json, tdx-tcb-chain.pem: collateral, for ten years
 */
#include <time.h>

#define SNP_RSA_BITS 4096
#define SNP_TO       ((int64_t)time(NULL) + INT64_C(86400) * 3650)
#define TDX_TO       SNP_TO
#include "attest/evidence.h"
#include "snp_maker.h"
#include "tdx_maker.h"

#define REPORT_DATA 0x050
#define QUOTE_BODY  48
#define QUOTE_DATA  0x208
#define QUOTE_REST  (632 + 4 + 64) /* behind header, body, length and signature */

static const char *top;

static void write_file(const char *name, const void *data, size_t len)
{
    char path[4096];

    PKI_NEED(snprintf(path, sizeof path, "%s/%s", top, name) < (int)sizeof path);
    FILE *f = fopen(path, "wbe");
    PKI_NEED(f && fwrite(data, 1, len, f) == len);
    PKI_NEED(fclose(f) == 0);
}

static void write_cert(const char *name, X509 *cert)
{
    pki_bytes pem = pki_pem(&cert, 1);

    write_file(name, pem.data, pem.len);
    free(pem.data);
}

static void write_key(const char *name, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    PKI_NEED(bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    size_t len = (size_t)BIO_get_mem_data(bio, &text);
    write_file(name, text, len);
    BIO_free(bio);
}

/* AMD 56421: GUID, offset and length of each, an entry of zeros, then the certificates. */
static void write_table(X509 *vcek, X509 *ask, X509 *ark)
{
    static const uint8_t guid[3][16] = {{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5,
                                         0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd},
                                        {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f,
                                         0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82},
                                        {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43,
                                         0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae}};
    X509 *cert[3] = {vcek, ask, ark};
    uint8_t table[16384] = {0};
    size_t at = 24 * 4;

    for (size_t i = 0; i < 3; i++) {
        pki_bytes der = pki_der(cert[i]);
        PKI_NEED(at + der.len <= sizeof table);
        memcpy(table + 24 * i, guid[i], 16);
        snp_le(table + 24 * i + 16, at, 4);
        snp_le(table + 24 * i + 20, der.len, 4);
        memcpy(table + at, der.data, der.len);
        at += der.len;
        free(der.data);
    }
    write_file("snp-rest.bin", table, at);
}

static void make_snp(void)
{
    snp_authority amd = snp_authority_new("Milan");
    snp_plan p = snp_plan_new(&amd, 3);
    EVP_PKEY *key = pki_key_ec("P-384");
    X509 *vcek = snp_leaf(&p, key);
    pki_bytes crl = pki_crl(amd.ark, amd.ark_key, PKI_PSS_SHA384, SNP_FROM, SNP_TO, 0x999);

    memset(p.report + REPORT_DATA, 0, 64);
    write_key("snp-key.pem", key);
    write_file("snp-template.bin", p.report, sizeof p.report);
    write_table(vcek, amd.ask, amd.ark);
    write_cert("snp-root.pem", amd.ark);
    write_file("snp-crl.der", crl.data, crl.len);
    free(crl.data);
    X509_free(vcek);
    EVP_PKEY_free(key);
    snp_authority_free(&amd);
}

/* The file of each kind of collateral; the first list of revoked ones is the root's. */
static void write_collateral(const cocos_evidence *ev)
{
    static const struct {
        int part;
        const char *name[2];
    } files[] = {{COCOS_PART_TCB_INFO, {"tdx-tcb-info.json"}},
                 {COCOS_PART_QE_IDENTITY, {"tdx-qe-identity.json"}},
                 {COCOS_PART_TCB_CHAIN, {"tdx-tcb-chain.pem"}},
                 {COCOS_PART_CRL, {"tdx-crl-root.der", "tdx-crl-pck.der"}}};
    cocos__span found[COCOS__EVIDENCE_PARTS];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t n = cocos__evidence_parts(ev, files[i].part, found, COCOS__EVIDENCE_PARTS);
        for (size_t k = 0; k < n; k++)
            write_file(files[i].name[k], found[k].data, found[k].len);
    }
}

static void make_tdx(void)
{
    tdx_authority intel = tdx_authority_new();
    tdx_plan p = tdx_plan_new(&intel);
    EVP_PKEY *key = pki_key_ec("P-256");
    time_t end = (time_t)TDX_TO;
    char next[32];

    PKI_NEED(strftime(next, sizeof next, "%Y-%m-%dT%H:%M:%SZ", gmtime(&end)));
    p.tcb_next = next;
    p.qe_next = next;
    p.attestation_key = key;
    memset(p.body + QUOTE_DATA, 0, 64);
    pki_bytes quote = tdx_quote(&p);
    cocos_evidence *ev = tdx_make(&p);
    write_key("tdx-key.pem", key);
    write_file("tdx-template.bin", quote.data, QUOTE_BODY + 584);
    write_file("tdx-rest.bin", quote.data + QUOTE_REST, quote.len - QUOTE_REST);
    write_cert("tdx-root.pem", intel.root);
    write_collateral(ev);
    cocos_evidence_free(ev);
    free(quote.data);
    EVP_PKEY_free(key);
    tdx_authority_free(&intel);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make-sim DIR\n");
        return 2;
    }
    top = argv[1];
    make_snp();
    make_tdx();
    return 0;
}
