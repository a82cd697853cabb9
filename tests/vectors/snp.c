/* SPDX-License-Identifier: Apache-2.0 */
#include "run_vectors.h"

#include <stdlib.h>
#include <string.h>

/* Rule and option of the same meaning; an option that is absent is an explicit any. */
static const char *const exact[][2] = {
    {"snp.measurement", "measurement"},
    {"snp.report_data", "report_data"},
    {"snp.host_data", "host_data"},
    {"snp.family_id", "family_id"},
    {"snp.image_id", "image_id"},
    {"snp.report_id", "report_id"},
    {"snp.chip_id", "chip_id"},
    {"snp.min_tcb", "min_tcb"},
    {"snp.min_launch_tcb", "min_launch_tcb"},
    {"snp.min_build", "min_build"},
    {"snp.min_version", "min_version"},
    {"snp.min_guest_svn", "min_guest_svn"},
    {"snp.platform_info", "platform_info"},
    {"snp.vmpl", "vmpl"},
    {"snp.launch_mitigations", "min_launch_mit_vector"},
    {"snp.current_mitigations", "min_current_mit_vector"},
};

/* These have the defaults of the README, which are ours too, so they are set only when given. */
static const char *const defaulted[][2] = {
    {"snp.guest_policy", "guest_policy"},         {"snp.permit_provisional", "permit_provisional"},
    {"snp.require_id_block", "require_id_block"}, {"snp.require_author_key", "require_author_key"},
    {"snp.id_keys", "trusted_id_key_hash"},       {"snp.author_keys", "trusted_author_key_hash"},
};

static const shape options_shape[] = {
    TEXT(MAY, "measurement"),
    TEXT(MAY, "report_data"),
    TEXT(MAY, "host_data"),
    TEXT(MAY, "family_id"),
    TEXT(MAY, "image_id"),
    TEXT(MAY, "report_id"),
    TEXT(MAY, "chip_id"),
    TEXT(MAY, "min_tcb"),
    TEXT(MAY, "min_launch_tcb"),
    TEXT(MAY, "min_build"),
    TEXT(MAY, "min_version"),
    TEXT(MAY, "min_guest_svn"),
    TEXT(MAY, "platform_info"),
    TEXT(MAY, "vmpl"),
    TEXT(MAY, "min_launch_mit_vector"),
    TEXT(MAY, "min_current_mit_vector"),
    TEXT(MAY, "guest_policy"),
    TEXT(MAY, "permit_provisional"),
    TEXT(MAY, "require_id_block"),
    TEXT(MAY, "require_author_key"),
    TEXT(MAY, "trusted_id_key_hash"),
    TEXT(MAY, "trusted_author_key_hash"),
    ONE_OF(MAY, "ek_kind", "vcek|vlek"), /* told of the certificate, which says it itself */
    END};

static const shape row_shape[] = {CASE,
                                  TEXT(MAY, "kind"),
                                  TEXT(MUST, "report"),
                                  TEXT(MUST, "endorsement_cert"),
                                  TEXT(MUST, "chain"),
                                  TEXT(MAY, "cert_table"),
                                  TEXT(MAY, "crl"),
                                  TEXT(MUST, "trusted_root"),
                                  TEXT(MUST, "time"),
                                  OBJECT(MAY, "options", options_shape),
                                  TEXT(MAY, "go_sev_guest_verdict"),
                                  TEXT(MAY, "go_sev_guest_error"),
                                  END};

static const char *const layers[] = {"coverage.firmware", "coverage.kernel",
                                     "coverage.command_line", "coverage.initrd", "coverage.agent"};

static cocos_policy *policy_of(const char *dir, const json_t *row)
{
    const json_t *options = json_object_get(row, "options");
    cocos_policy *policy = NULL;

    if (cocos_policy_new(&policy, NULL) < 0)
        abort();
    rule(policy, "snp.products", "any");
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        rule_or_any(policy, exact[i][0], options, exact[i][1]);
    for (size_t i = 0; i < sizeof defaulted / sizeof *defaulted; i++) {
        if (text_of(options, defaulted[i][1]))
            rule(policy, defaulted[i][0], text_of(options, defaulted[i][1]));
    }
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        rule(policy, layers[i], "any");
    if (!text_of(row, "crl"))
        rule(policy, "snp.revocation", "any");
    add_roots(policy, dir, text_of(row, "trusted_root"), "amd");
    return policy;
}

int run_snp(const char *dir, const json_t *row)
{
    if (!shape_fits(row, row_shape))
        return 1;
    cocos_policy *policy = policy_of(dir, row);
    cocos_evidence *evidence = NULL;
    blob report = read_blob(dir, text_of(row, "report"));

    if (cocos_evidence_new(COCOS_EVIDENCE_SNP, report.data, report.len, &evidence, NULL) < 0)
        die("no evidence", text_of(row, "report"));
    add_part(evidence, COCOS_PART_CERTIFICATES, dir, text_of(row, "endorsement_cert"));
    add_part(evidence, COCOS_PART_CERTIFICATES, dir, text_of(row, "chain"));
    if (text_of(row, "cert_table"))
        add_part(evidence, COCOS_PART_CERT_TABLE, dir, text_of(row, "cert_table"));
    if (text_of(row, "crl"))
        add_part(evidence, COCOS_PART_CRL, dir, text_of(row, "crl"));

    int failed = judge(row, policy, evidence, seconds_of(text_of(row, "time")));
    cocos_evidence_free(evidence);
    cocos_policy_free(policy);
    free(report.data);
    return failed;
}
