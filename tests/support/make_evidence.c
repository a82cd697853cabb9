/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-evidence DIR: writes DIR/snp, DIR/tdx and DIR/vtpm, each with evidence of a hierarchy whose
 * keys are made on the spot, all that is needed to judge it (single files, and for SNP and TDX a
 * bundle), and a policy that accepts it as simulated: SNP from 2020 on, TDX from June 2025 on, both
 * until ten years from now. For tests that drive programs and bindings, and for trying out without
 * a confidential machine (doc/guide/verify.md).
 */
#include <cocos/key.h>

#include "attest/evidence.h"
#include "collateral/bundle.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#define SNP_TO ((int64_t)time(NULL) + INT64_C(86400) * 3650)
#define TDX_TO SNP_TO
#include "snp_maker.h"
#include "tdx_maker.h"
#include "tpm_maker.h"

static void write_file(const char *dir, const char *name, const void *data, size_t len)
{
    char path[4096];

    PKI_NEED(snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path);
    FILE *f = fopen(path, "wbe");
    PKI_NEED(f && fwrite(data, 1, len, f) == len);
    PKI_NEED(fclose(f) == 0);
}

/* Name of file number k of a part; evidence here has few of each. */
static const char *file_of(int part, size_t k)
{
    static const char *const certs[] = {"vcek.der", "ask.der", "ark.der"};
    static const char *const crls[] = {"crl-0.der", "crl-1.der"};

    PKI_NEED(k < 2 || (part == COCOS_PART_CERTIFICATES && k < 3));
    switch (part) {
    case COCOS_PART_CERTIFICATES:
        return certs[k];
    case COCOS_PART_CRL:
        return crls[k];
    case COCOS_PART_TCB_INFO:
        return "tcb-info.json";
    case COCOS_PART_QE_IDENTITY:
        return "qe-identity.json";
    default:
        return "tcb-chain.pem";
    }
}

/* What 'cocos collateral bundle' would write, had the services heard of this machine. */
static void write_bundle(const char *dir, cocos__bundle_draft *d)
{
    cocos_bundle *b = NULL;
    size_t len;

    PKI_NEED(cocos__bundle_finish(d, &b, NULL) == COCOS_OK);
    const uint8_t *cbor = cocos_bundle_cbor(b, &len);
    write_file(dir, "bundle", cbor, len);
    cocos_bundle_free(b);
    cocos__bundle_draft_done(d);
}

/* Takes both. */
static void
write_case(const char *top, const char *kind, const char *file, cocos_evidence *ev, cocos_policy *p)
{
    static const int parts[] = {COCOS_PART_CERTIFICATES, COCOS_PART_CRL, COCOS_PART_TCB_INFO,
                                COCOS_PART_QE_IDENTITY, COCOS_PART_TCB_CHAIN};
    cocos__span found[COCOS__EVIDENCE_PARTS];
    cocos__bundle_draft draft = {.kind = cocos_evidence_kind(ev),
                                 .subject = "made by make-evidence"};
    char dir[4096];
    char *json = NULL;

    PKI_NEED(snprintf(dir, sizeof dir, "%s/%s", top, kind) < (int)sizeof dir);
    PKI_NEED(mkdir(dir, 0777) == 0 || errno == EEXIST);
    write_file(dir, file, ev->main.data, ev->main.len);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = cocos__evidence_parts(ev, parts[i], found, COCOS__EVIDENCE_PARTS);
        for (size_t k = 0; k < n; k++) {
            const char *name = file_of(parts[i], k);
            write_file(dir, name, found[k].data, found[k].len);
            PKI_NEED(cocos__bundle_draft_add(&draft, parts[i], found[k], name, NULL) == COCOS_OK);
        }
    }
    if (draft.n > 0) /* TPM quotes need none */
        write_bundle(dir, &draft);
    PKI_NEED(cocos_policy_to_json(p, &json, NULL) == COCOS_OK);
    write_file(dir, "policy.json", json, strlen(json));
    cocos_free_text(json);
    cocos_policy_free(p);
    cocos_evidence_free(ev);
}

/* As snp_policy(), but revocation counts and the line is named. */
static cocos_policy *strict_policy(const snp_authority *ca)
{
    static const char *const rules[][2] = {{"snp.products", "Milan"},
                                           {"coverage.kernel", "snp.measurement"},
                                           {"coverage.command_line", "snp.measurement"},
                                           {"coverage.initrd", "snp.measurement"},
                                           {"coverage.agent", "snp.measurement"}};
    pki_bytes pem = pki_pem((X509 *[]){ca->ark}, 1);
    uint8_t value[64];
    cocos_policy *policy = NULL;

    PKI_NEED(cocos_policy_new(&policy, NULL) == COCOS_OK);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        PKI_NEED(cocos_policy_set(policy, rules[i][0], rules[i][1], NULL) == COCOS_OK);
    memset(value, 0xa1, 48);
    PKI_NEED(cocos_policy_set_bytes(policy, "snp.measurement", value, 48, NULL) == COCOS_OK);
    memset(value, 0xd1, 64);
    PKI_NEED(cocos_policy_set_bytes(policy, "snp.report_data", value, 64, NULL) == COCOS_OK);
    PKI_NEED(cocos_policy_add_root(policy, pem.data, pem.len, NULL) == COCOS_OK);
    free(pem.data);
    return policy;
}

static void write_pem(const char *top, const char *name, X509 *cert)
{
    pki_bytes pem = pki_pem(&cert, 1);

    write_file(top, name, pem.data, pem.len);
    free(pem.data);
}

/* As collateral has it. */
static void text_time(time_t t, char out[32])
{
    struct tm tm;

    PKI_NEED(gmtime_r(&t, &tm) && strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make-evidence DIR\n");
        return 2;
    }
    PKI_NEED(mkdir(argv[1], 0777) == 0 || errno == EEXIST);

    snp_authority amd = snp_authority_new("Milan");
    snp_plan snp = snp_plan_new(&amd, 3);
    cocos_evidence *report = snp_make(&snp);
    snp_add_crl(report, &amd, SNP_FROM, SNP_TO, 0x999);
    write_case(argv[1], "snp", "report.bin", report, strict_policy(&amd));
    write_pem(argv[1], "snp/root.pem", amd.ark);
    snp_authority_free(&amd);

    tdx_authority intel = tdx_authority_new();
    tdx_plan tdx = tdx_plan_new(&intel);
    char end[32];
    text_time(TDX_TO, end);
    tdx.tcb_next = tdx.qe_next = end;
    write_case(argv[1], "tdx", "quote.bin", tdx_make(&tdx), tdx_policy(&intel));
    write_pem(argv[1], "tdx/root.pem", intel.root);
    tdx_authority_free(&intel);

    EVP_PKEY *ak = pki_key_ec("P-256");
    tpm_plan quoted = tpm_plan_new(ak);
    tpm_parts *parts = tpm_make(&quoted);
    write_case(argv[1], "vtpm", "quotes.bin", tpm_evidence(parts), tpm_policy(&quoted));
    write_file(argv[1], "vtpm/attest.bin", parts->attest[1].data, parts->attest[1].len);
    tpm_parts_free(parts);
    EVP_PKEY_free(ak);
    return 0;
}
