/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole verification of hostile evidence: the input is the evidence itself, and again, behind a
 * length, evidence with parts beside it. Nothing that was not signed by a root may be accepted.
 */
#include <stdlib.h>

#include <cocos/key.h>
#include <cocos/verifier.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cocos_verifier *make_verifier(void)
{
    static const char *const any[] = {
        "snp.products",      "snp.measurement", "snp.report_data",
        "snp.revocation",    "snp.vmpl",        "snp.guest_policy",
        "tdx.fmspc",         "tdx.mrtd",        "tdx.report_data",
        "tdx.mrservicetd",   "tdx.xfam",        "tdx.td_attributes",
        "tdx.permit_debug",  "tdx.collateral",  "tdx.revocation",
        "coverage.firmware", "coverage.kernel", "coverage.command_line",
        "coverage.initrd",   "coverage.agent",  "vtpm.nonce",
        "vtpm.pcrs",
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
    int r = cocos_verifier_verify(verifier, evidence, INT64_C(1750000000) * 1000000000,
                                  COCOS_TIME_CHOSEN, &verdict, NULL);
    int alone = cocos_evidence_kind(evidence) == COCOS_EVIDENCE_PART;

    if (r == COCOS_OK || alone != !verdict || (alone && r != COCOS_ERR_UNSUPPORTED))
        abort();
    cocos_verdict_free(verdict);
}

static const uint8_t parts[] = {
    COCOS_PART_CERTIFICATES,  COCOS_PART_CERT_TABLE,    COCOS_PART_CRL,
    COCOS_PART_TCB_INFO,      COCOS_PART_QE_IDENTITY,   COCOS_PART_TCB_CHAIN,
    COCOS_PART_EVENT_LOG,     COCOS_PART_IMA_LOG,       COCOS_PART_TPM_PUBLIC,
    COCOS_PART_TPM_SIGNATURE, COCOS_PART_TPM_PCRS,      COCOS_PART_TEE_REPORT,
    COCOS_PART_HCL_REPORT,    COCOS_PART_SVSM_MANIFEST, COCOS_PART_AK_CERTIFIED,
};

/* Takes one piece from the front: two bytes of length, then so many bytes, or what is left. */
static size_t take(const uint8_t **data, size_t *size, const uint8_t **piece)
{
    if (*size < 2)
        return 0;
    size_t len = (size_t)((*data)[0] | (*data)[1] << 8);
    if (len > *size - 2)
        len = *size - 2;
    *piece = *data + 2;
    *data += 2 + len;
    *size -= 2 + len;
    return len;
}

/* One byte of kind, the evidence, then parts: a byte that chooses, the bytes. */
static void judge_with_parts(const cocos_verifier *verifier, const uint8_t *data, size_t size)
{
    cocos_evidence *evidence = NULL;
    const uint8_t *piece = NULL;
    int kind = *data++ % (COCOS_EVIDENCE_VTPM + 1);

    size--;
    size_t len = take(&data, &size, &piece);
    if (!piece || cocos_evidence_new(kind, piece, len, &evidence, NULL) < 0)
        return;
    while (size > 2) {
        int part = parts[*data++ % sizeof parts];
        size--;
        len = take(&data, &size, &piece);
        if (cocos_evidence_add(evidence, part, piece, len, NULL) < 0)
            break;
    }
    judge(verifier, evidence);
    cocos_evidence_free(evidence);
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
    if (size > 1)
        judge_with_parts(verifier, data, size);
    return 0;
}
