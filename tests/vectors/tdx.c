/* SPDX-License-Identifier: Apache-2.0 */
#include "run_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rule and option of the same meaning; an option that is absent is an explicit any. */
static const char *const exact[][2] = {
    {"tdx.mrtd", "mr_td"},     {"tdx.report_data", "report_data"},         {"tdx.rtmr0", "rtmr0"},
    {"tdx.mrseam", "mr_seam"}, {"tdx.min_tee_tcb_svn", "min_tee_tcb_svn"},
};

static const char *const always_any[] = {
    "tdx.fmspc",         "tdx.mrservicetd", "tdx.td_attributes",     "tdx.xfam",
    "coverage.firmware", "coverage.kernel", "coverage.command_line", "coverage.initrd",
    "coverage.agent"};

static const shape options_shape[] = {TEXT(MAY, "mr_td"),
                                      TEXT(MAY, "report_data"),
                                      TEXT(MAY, "rtmr0"),
                                      TEXT(MAY, "mr_seam"),
                                      TEXT(MAY, "min_tee_tcb_svn"),
                                      ONE_OF(MAY, "permit_debug", "true|false"),
                                      END};

static const shape row_shape[] = {CASE,
                                  TEXT(MAY, "kind"),
                                  TEXT(MUST, "quote"),
                                  TEXT(MAY, "collateral"),
                                  FLAG(MAY, "check_crl"),
                                  TEXT(MUST, "trusted_root"),
                                  TEXT(MUST, "time"),
                                  TEXT(MAY, "tcb_status"),
                                  OBJECT(MAY, "options", options_shape),
                                  TEXT(MAY, "dcap_qvl_result"),
                                  TEXT(MAY, "go_tdx_guest_verdict"),
                                  TEXT(MAY, "go_tdx_guest_error"),
                                  END};

static cocos_policy *policy_of(const char *dir, const json_t *row)
{
    const json_t *options = json_object_get(row, "options");
    cocos_policy *policy = NULL;

    if (cocos_policy_new(&policy, NULL) < 0)
        abort();
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        rule_or_any(policy, exact[i][0], options, exact[i][1]);
    for (size_t i = 0; i < sizeof always_any / sizeof *always_any; i++)
        rule(policy, always_any[i], "any");
    rule_or_any(policy, "tdx.permit_debug", options, "permit_debug");
    if (!text_of(row, "collateral"))
        rule(policy, "tdx.collateral", "any");
    if (!json_is_true(json_object_get(row, "check_crl")))
        rule(policy, "tdx.revocation", "any");
    add_roots(policy, dir, text_of(row, "trusted_root"), "intel");
    return policy;
}

static void add_collateral(cocos_evidence *evidence, const char *dir, const json_t *row)
{
    static const struct {
        int part;
        const char *name;
    } files[] = {
        {COCOS_PART_TCB_INFO, "tcb_info.json"},
        {COCOS_PART_QE_IDENTITY, "qe_identity.json"},
        {COCOS_PART_TCB_CHAIN, "tcb_signing_chain.pem"},
        {COCOS_PART_CRL, "root_crl.der"},
        {COCOS_PART_CRL, "pck_crl.der"},
    };
    int crl = json_is_true(json_object_get(row, "check_crl"));
    char name[1024];
    int found = 0;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(name, sizeof name, "%s/%s", text_of(row, "collateral"), files[i].name);
        if (!has_file(dir, name))
            continue;
        found = 1;
        if (crl || files[i].part != COCOS_PART_CRL)
            add_part(evidence, files[i].part, dir, name);
    }
    if (!found)
        die("no collateral", text_of(row, "collateral"));
}

/* The machine of this quote left its log too (README of the set). */
static void
add_log(cocos_policy *policy, cocos_evidence *evidence, const char *dir, const json_t *row)
{
    static const char log[] = "ccel/ccel_data.bin";

    if (strcmp(text_of(row, "quote"), "quotes/real-gcp-cos-v4-ccel.bin") != 0 ||
        !has_file(dir, log))
        return;
    add_part(evidence, COCOS_PART_EVENT_LOG, dir, log);
    rule(policy, "tdx.require_event_log", "true");
}

int run_tdx(const char *dir, const json_t *row)
{
    if (!shape_fits(row, row_shape))
        return 1;
    cocos_policy *policy = policy_of(dir, row);
    cocos_evidence *evidence = NULL;
    blob quote = read_blob(dir, text_of(row, "quote"));

    if (cocos_evidence_new(COCOS_EVIDENCE_TDX, quote.data, quote.len, &evidence, NULL) < 0)
        die("no evidence", text_of(row, "quote"));
    if (text_of(row, "collateral"))
        add_collateral(evidence, dir, row);
    add_log(policy, evidence, dir, row);

    int failed = judge(row, policy, evidence, seconds_of(text_of(row, "time")));
    cocos_evidence_free(evidence);
    cocos_policy_free(policy);
    free(quote.data);
    return failed;
}
