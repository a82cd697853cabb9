/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole verification of hostile evidence: the input is the evidence itself, and again, behind a
 * length, evidence with a part beside it. Nothing that was not signed by a root may be accepted.
 */
#include <stdlib.h>

#include <cocos/key.h>
#include <cocos/verifier.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cocos_verifier *make_verifier(void)
{
    static const char *const any[] = {
        "snp.products",     "snp.measurement",       "snp.report_data", "snp.revocation",
        "snp.vmpl",         "snp.guest_policy",      "tdx.fmspc",       "tdx.mrtd",
        "tdx.report_data",  "tdx.mrservicetd",       "tdx.xfam",        "tdx.td_attributes",
        "tdx.permit_debug", "tdx.tcb_status",        "tdx.revocation",  "coverage.firmware",
        "coverage.kernel",  "coverage.command_line", "coverage.initrd", "coverage.agent",
    };
    cocos_policy *policy = NULL;
    cocos_verifier *verifier = NULL;

    if (cocos_policy_new(&policy, NULL) < 0)
        abort();
    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
        if (cocos_policy_set(policy, any[i], "any", NULL) < 0)
            abort();
    }
    if (cocos_verifier_new(policy, &verifier, NULL) < 0)
        abort();
    cocos_policy_free(policy);
    return verifier;
}

static void judge(const cocos_verifier *verifier, const cocos_evidence *evidence)
{
    cocos_verdict *verdict = NULL;

    if (cocos_verifier_verify(verifier, evidence, INT64_C(1750000000) * 1000000000,
                              COCOS_TIME_CHOSEN, &verdict, NULL) == COCOS_OK)
        abort();
    if (!verdict)
        abort();
    cocos_verdict_free(verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cocos_verifier *verifier;
    cocos_evidence *evidence = NULL;
    char *text = NULL;

    if (!verifier)
        verifier = make_verifier();
    if (cocos_evidence_new(0, data, size, &evidence, NULL) == COCOS_OK) {
        judge(verifier, evidence);
        if (cocos_evidence_to_json(evidence, &text, NULL) == COCOS_OK)
            cocos_free_text(text);
        cocos_evidence_free(evidence);
    }
    /* kind, part, two bytes of length, the evidence, the part */
    size_t len = size > 4 ? (size_t)(data[2] | data[3] << 8) : 0;
    if (size <= 4 || len > size - 4 ||
        cocos_evidence_new(data[0] % 3, data + 4, len, &evidence, NULL) < 0)
        return 0;
    if (cocos_evidence_add(evidence, data[1] % 8, data + 4 + len, size - 4 - len, NULL) == COCOS_OK)
        judge(verifier, evidence);
    cocos_evidence_free(evidence);
    return 0;
}
