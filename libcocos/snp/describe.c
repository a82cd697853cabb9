/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of a report with what it means. Believes nothing and judges nothing. */
#include "snp/describe.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/describe.h"
#include "snp/endorsement.h"
#include "snp/report.h"
#include "snp/table.h"

static const cocos__place guest[] = {
    {0x090, 48, 0, "measurement", "launch digest of the guest's first memory"},
    {0x050, 64, 0, "report_data", "what the guest put in: nonce or hash of claims"},
    {0x0c0, 32, 0, "host_data", "what the host put in at launch"},
    {0x010, 16, 0, "family_id", "by the ID block"},
    {0x020, 16, 0, "image_id", "by the ID block"},
    {0x0e0, 48, 0, "id_key_digest", "key that signed the ID block"},
    {0x140, 32, 0, "report_id", "this guest, for the length of its life"},
    {0x160, 32, 0, "report_id_ma", "its migration agent; all ff: none"},
};

static const cocos__place signature[] = {
    {0x2a0, 72, 0, "signature_r", "of the report's signature, little-endian"},
    {0x2e8, 72, 0, "signature_s", "of the report's signature, little-endian"},
};

static const cocos__flag platform_flags[] = {{0, "SMT"},
                                             {1, "TSME"},
                                             {2, "ECC"},
                                             {3, "RAPL off"},
                                             {4, "ciphertext hiding"},
                                             {5, "alias check done"},
                                             {7, "SEV-TIO"}};

/* Bits of POLICY by which the guest demands something. */
static const cocos__flag demands[] = {{20, "single socket"},
                                      {22, "AES-256"},
                                      {23, "RAPL off"},
                                      {24, "ciphertext hiding"},
                                      {25, "no page swap"}};
#define DEMANDS UINT64_C(0x3d00000)

static void number(const cocos__fields *f, const char *name, uint64_t value, const char *meaning)
{
    f->put(f->user, name, cocos__rows_printf(f->text, "0x%" PRIx64, value), meaning);
}

static const char *policy_meaning(const cocos__fields *f, uint64_t p)
{
    return cocos__rows_printf(
        f->text, "ABI %u.%u; SMT %s, migration agent %s, debug %s, CXL %s; demanded: %s",
        (unsigned)(p >> 8 & 0xff), (unsigned)(p & 0xff),
        p & COCOS__SNP_POLICY_SMT ? "allowed" : "forbidden",
        p & COCOS__SNP_POLICY_MIGRATE_MA ? "ALLOWED" : "forbidden",
        p & COCOS__SNP_POLICY_DEBUG ? "ALLOWED" : "forbidden",
        p & COCOS__SNP_POLICY_CXL ? "allowed" : "forbidden",
        p & DEMANDS ? cocos__fields_flags(f, p & DEMANDS, demands, COCOS__ARRAY_LEN(demands))
                    : "nothing");
}

static const char *tcb_text(const cocos__fields *f, const cocos__snp_tcb *t, int line)
{
    const char *fmc =
        line == COCOS__SNP_TURIN ? cocos__rows_printf(f->text, "FMC %u, ", t->fmc) : "";

    return cocos__rows_printf(f->text, "%sboot loader %u, TEE %u, SNP %u, microcode %u", fmc,
                              t->boot_loader, t->tee, t->snp, t->microcode);
}

static void
tcb(const cocos__fields *f, const char *name, uint64_t value, int line, const char *what)
{
    cocos__snp_tcb t = cocos__snp_tcb_split(value, line);

    number(f, name, value, cocos__rows_printf(f->text, "%s: %s", what, tcb_text(f, &t, line)));
}

/* Version 2 does not say its line; the TCB is then shown in the layout of Milan and Genoa. */
static void describe_machine(const cocos__fields *f, const cocos__snp_report *r)
{
    int line = cocos__snp_line_of_report(r);

    if (r->version >= 3)
        f->put(f->user, "cpuid",
               cocos__rows_printf(f->text, "family 0x%x model 0x%x stepping %u", r->family,
                                  r->model, r->stepping),
               cocos__snp_line_name(line));
    tcb(f, "current_tcb", r->current_tcb, line, "firmware that runs");
    tcb(f, "reported_tcb", r->reported_tcb, line, "TCB the signing key was derived for");
    tcb(f, "committed_tcb", r->committed_tcb, line, "below this the platform does not go back");
    tcb(f, "launch_tcb", r->launch_tcb, line, "when the guest was launched");
    f->put(f->user, "current_firmware",
           cocos__rows_printf(f->text, "%u.%u build %u", r->current_version >> 8,
                              r->current_version & 0xff, r->current_build),
           "SNP firmware that runs");
    f->put(f->user, "committed_firmware",
           cocos__rows_printf(f->text, "%u.%u build %u", r->committed_version >> 8,
                              r->committed_version & 0xff, r->committed_build),
           "SNP firmware that is committed");
    number(
        f, "platform_info", r->platform_info,
        cocos__fields_flags(f, r->platform_info, platform_flags, COCOS__ARRAY_LEN(platform_flags)));
    cocos__fields_bytes(f, "chip_id", (cocos__span){r->chip_id, 64},
                        cocos__snp_chip_id_masked(r) ? "masked" : "this processor");
    if (r->version >= 5) {
        number(f, "launch_mitigations", r->launch_mit, "mitigations when the guest was launched");
        number(f, "current_mitigations", r->current_mit, "mitigations now");
    }
}

static void describe_guest(const cocos__fields *f, const cocos__snp_report *r)
{
    int key = cocos__snp_signing_key(r);

    f->put(f->user, "version", cocos__rows_printf(f->text, "%u", r->version),
           cocos__snp_version_known(r->version) ? "of the report's layout" : "NOT a known layout");
    f->put(f->user, "vmpl", cocos__rows_printf(f->text, "%u", r->vmpl),
           "privilege level that asked; 0 is the most privileged");
    f->put(f->user, "guest_svn", cocos__rows_printf(f->text, "%u", r->guest_svn),
           "security version of the guest, by its ID block");
    number(f, "policy", r->policy, policy_meaning(f, r->policy));
    cocos__fields_put(f, r->raw, guest, COCOS__ARRAY_LEN(guest));
    cocos__fields_bytes(f, "author_key_digest", (cocos__span){r->author_key_digest, 48},
                        cocos__snp_author_key_enabled(r) ? "key that signed the ID key"
                                                         : "not in use");
    number(f, "key_info", r->key_info,
           cocos__rows_printf(f->text, "author key %s, chip key %s",
                              cocos__snp_author_key_enabled(r) ? "in use" : "not in use",
                              r->key_info & 2 ? "masked: nothing is signed" : "not masked"));
    f->put(f->user, "signing_key",
           key == COCOS__SNP_VCEK     ? "VCEK"
           : key == COCOS__SNP_VLEK   ? "VLEK"
           : key == COCOS__SNP_NO_KEY ? "none"
                                      : "reserved",
           "kind of key that signed");
    f->put(f->user, "signature_algorithm", cocos__rows_printf(f->text, "%u", r->signature_algo),
           r->signature_algo == 1 ? "ECDSA P-384 with SHA-384" : "NOT a known algorithm");
    cocos__fields_put(f, r->raw, signature, COCOS__ARRAY_LEN(signature));
}

/* What the extensions of a VCEK or VLEK say. */
static void describe_leaf(const cocos__fields *f, const cocos__cert *cert, int kind)
{
    cocos__snp_leaf leaf;
    const char *defect = cocos__snp_leaf_read(cert, kind, &leaf);

    if (defect) {
        f->put(f->user, "certificate.defect", defect, "the certificate is not as AMD makes them");
        return;
    }
    f->put(f->user, "certificate.product",
           cocos__rows_foreign(f->text, leaf.product, strlen(leaf.product), sizeof leaf.product),
           "processor that the key is of");
    f->put(f->user, "certificate.tcb", tcb_text(f, &leaf.tcb, leaf.line),
           "TCB that the key was derived for");
    if (leaf.hwid.len)
        cocos__fields_bytes(f, "certificate.hwid", leaf.hwid, "CHIP_ID of the processor");
    else
        f->put(f->user, "certificate.csp_id",
               cocos__rows_foreign(f->text, (const char *)leaf.csp_id.data, leaf.csp_id.len, 64),
               "provider that the key was made for");
}

void cocos__snp_extensions_describe(const cocos__fields *f, const cocos__cert *cert)
{
    int kind = cocos__snp_leaf_kind(cert);

    if (kind >= 0)
        describe_leaf(f, cert, kind);
}

int cocos__snp_cert_describe(cocos__span blob, const cocos__fields *f, cocos_error **err)
{
    cocos__certs list = {.n = 0};
    cocos_error *why = NULL;

    int r = cocos__certs_add(&list, blob.data, blob.len, &why);
    for (size_t i = 0; i < list.n; i++) {
        cocos__cert_describe(f, "certificate", list.at[i]);
        cocos__snp_extensions_describe(f, list.at[i]);
    }
    cocos__certs_done(&list);
    return cocos__fields_settle(f, r, "certificate", why, err);
}

int cocos__snp_table_describe(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    static const char *const kinds[] = {
        "unknown", "VCEK", "VLEK", "ASK", "ARK", "CRL", "platform information"};
    cocos__snp_table table = {.n = 0};

    int r = cocos__snp_table_parse(data, &table, err);
    for (size_t i = 0; r == COCOS_OK && i < table.n; i++) {
        int kind = table.entry[i].kind;
        f->put(f->user, "certificate_table_entry",
               cocos__rows_hex(f->text, table.entry[i].guid, 16),
               cocos__rows_printf(f->text, "%s, %zu bytes", kinds[kind], table.entry[i].blob.len));
        if (kind >= COCOS__SNP_TABLE_VCEK && kind <= COCOS__SNP_TABLE_ARK)
            r = cocos__snp_cert_describe(table.entry[i].blob, f, err);
        else if (kind == COCOS__SNP_TABLE_CRL)
            r = cocos__crl_describe(f, table.entry[i].blob, err);
    }
    return r;
}

int cocos__snp_table_recognise(cocos__span data)
{
    cocos__snp_table table = {.n = 0};

    return cocos__snp_table_parse(data, &table, NULL) == COCOS_OK && table.n > 0 &&
           table.entry[0].kind != COCOS__SNP_TABLE_OTHER;
}

int cocos__snp_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err)
{
    size_t len = evidence.len < COCOS__SNP_REPORT_SIZE ? evidence.len : COCOS__SNP_REPORT_SIZE;
    cocos__snp_report r;

    if (cocos__snp_report_read(evidence.data, len, &r) < 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "snp.format", "a report of %zu bytes, not %d",
                           evidence.len, COCOS__SNP_REPORT_SIZE);
    describe_guest(f, &r);
    describe_machine(f, &r);

    const char *defect = cocos__snp_version_known(r.version) ? cocos__snp_form_defect(&r) : NULL;
    if (defect)
        f->put(f->user, "defect", defect, "the report is not well formed");
    if (evidence.len == len)
        return COCOS_OK;
    return cocos__snp_table_describe((cocos__span){evidence.data + len, evidence.len - len}, f,
                                     err);
}
