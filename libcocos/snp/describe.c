/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of a report with what it means. Believes nothing and judges nothing. */
#include "snp/describe.h"

#include <inttypes.h>

#include "snp/report.h"
#include "snp/table.h"

static void number(const cocos__fields *f, const char *name, uint64_t value, const char *meaning)
{
    f->put(f->user, name, cocos__rows_printf(f->text, "0x%" PRIx64, value), meaning);
}

static void bytes(
    const cocos__fields *f, const char *name, const uint8_t *data, size_t len, const char *meaning)
{
    f->put(f->user, name, cocos__rows_hex(f->text, data, len), meaning);
}

static const char *policy_meaning(const cocos__fields *f, uint64_t p)
{
    return cocos__rows_printf(
        f->text, "ABI %u.%u; SMT %s, migration agent %s, debug %s, CXL %s; demands:%s%s%s%s%s",
        (unsigned)(p >> 8 & 0xff), (unsigned)(p & 0xff),
        p & COCOS__SNP_POLICY_SMT ? "allowed" : "forbidden",
        p & COCOS__SNP_POLICY_MIGRATE_MA ? "ALLOWED" : "forbidden",
        p & COCOS__SNP_POLICY_DEBUG ? "ALLOWED" : "forbidden",
        p & COCOS__SNP_POLICY_CXL ? "allowed" : "forbidden",
        p & COCOS__SNP_POLICY_SINGLE_SOCKET ? " single socket" : "",
        p & COCOS__SNP_POLICY_AES256 ? " AES-256" : "",
        p & COCOS__SNP_POLICY_RAPL ? " RAPL off" : "",
        p & COCOS__SNP_POLICY_CIPHERTEXT ? " ciphertext hiding" : "",
        p & COCOS__SNP_POLICY_PAGE_SWAP ? " no page swap" : "");
}

static const char *platform_meaning(const cocos__fields *f, uint64_t p)
{
    static const char *const names[] = {
        "SMT", "TSME", "ECC", "RAPL off", "ciphertext hiding", "alias check done", NULL, "SEV-TIO"};
    const char *text = "";

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++) {
        if (names[i] && (p >> i & 1))
            text = cocos__rows_printf(f->text, "%s%s%s", text, text[0] ? ", " : "", names[i]);
    }
    return text;
}

static void
tcb(const cocos__fields *f, const char *name, uint64_t value, int line, const char *what)
{
    cocos__snp_tcb t = cocos__snp_tcb_split(value, line);
    const char *fmc =
        line == COCOS__SNP_TURIN ? cocos__rows_printf(f->text, "FMC %u, ", t.fmc) : "";

    number(f, name, value,
           cocos__rows_printf(f->text, "%s: %sboot loader %u, TEE %u, SNP %u, microcode %u", what,
                              fmc, t.boot_loader, t.tee, t.snp, t.microcode));
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
    number(f, "platform_info", r->platform_info, platform_meaning(f, r->platform_info));
    bytes(f, "chip_id", r->chip_id, 64, cocos__snp_chip_id_masked(r) ? "masked" : "this processor");
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
    bytes(f, "measurement", r->measurement, 48, "launch digest of the guest's first memory");
    bytes(f, "report_data", r->report_data, 64, "what the guest put in: nonce or hash of claims");
    bytes(f, "host_data", r->host_data, 32, "what the host put in at launch");
    bytes(f, "family_id", r->family_id, 16, "by the ID block");
    bytes(f, "image_id", r->image_id, 16, "by the ID block");
    bytes(f, "id_key_digest", r->id_key_digest, 48, "key that signed the ID block");
    bytes(f, "author_key_digest", r->author_key_digest, 48,
          cocos__snp_author_key_enabled(r) ? "key that signed the ID key" : "not in use");
    bytes(f, "report_id", r->report_id, 32, "this guest, for the length of its life");
    bytes(f, "report_id_ma", r->report_id_ma, 32, "its migration agent; all ff: none");
    f->put(f->user, "signing_key",
           key == COCOS__SNP_VCEK     ? "VCEK"
           : key == COCOS__SNP_VLEK   ? "VLEK"
           : key == COCOS__SNP_NO_KEY ? "none"
                                      : "reserved",
           "kind of key that signed");
    f->put(f->user, "signature_algorithm", cocos__rows_printf(f->text, "%u", r->signature_algo),
           r->signature_algo == 1 ? "ECDSA P-384 with SHA-384" : "NOT a known algorithm");
}

int cocos__snp_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err)
{
    size_t len = evidence.len < COCOS__SNP_REPORT_SIZE ? evidence.len : COCOS__SNP_REPORT_SIZE;
    cocos__snp_table table = {.n = 0};
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
    if (cocos__snp_table_parse((cocos__span){evidence.data + len, evidence.len - len}, &table,
                               err) < 0)
        return COCOS_ERR_MALFORMED;
    static const char *const kinds[] = {
        "unknown", "VCEK", "VLEK", "ASK", "ARK", "CRL", "platform information"};
    for (size_t i = 0; i < table.n; i++)
        f->put(f->user, "certificate_table_entry",
               cocos__rows_hex(f->text, table.entry[i].guid, 16),
               cocos__rows_printf(f->text, "%s, %zu bytes", kinds[table.entry[i].kind],
                                  table.entry[i].blob.len));
    return COCOS_OK;
}
