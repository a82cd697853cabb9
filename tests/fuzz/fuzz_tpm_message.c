/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole verification of hostile TPM messages, with the log in them and an IMA list behind a length.
 * The policy trusts every key, so that good signatures lead on to log and list, but it names no
 * register for the kernel: nothing may be accepted.
 */
#include <stdlib.h>
#include <string.h>

#include <cocos/verifier.h>

#include "vtpm/hcl.h"
#include "vtpm/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cocos_verifier *make_verifier(void)
{
    static const char *const any[] = {"vtpm.nonce",      "vtpm.pcrs",
                                      "vtpm.ak_trust",   "coverage.firmware",
                                      "coverage.initrd", "coverage.command_line",
                                      "coverage.agent"};
    static const uint8_t digest[32] = {1};
    cocos_policy *policy = NULL;
    cocos_verifier *verifier = NULL;

    if (cocos_policy_new(&policy, NULL) < 0)
        abort();
    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
        if (cocos_policy_set(policy, any[i], "any", NULL) < 0)
            abort();
    }
    if (cocos_policy_set_bytes(policy, "vtpm.kernel", digest, sizeof digest, NULL) < 0 ||
        cocos_verifier_new(policy, &verifier, NULL) < 0)
        abort();
    cocos_policy_free(policy);
    return verifier;
}

static void judge(const cocos_verifier *verifier, const uint8_t *data, size_t size, size_t ima)
{
    cocos_evidence *ev = NULL;
    cocos_verdict *verdict = NULL;

    if (cocos_evidence_new(COCOS_EVIDENCE_VTPM, data, size - ima, &ev, NULL) < 0)
        return;
    if (ima && cocos_evidence_add(ev, COCOS_PART_IMA_LOG, data + size - ima, ima, NULL) < 0)
        abort();
    if (cocos_verifier_verify(verifier, ev, 1, COCOS_TIME_CHOSEN, &verdict, NULL) == COCOS_OK ||
        !verdict)
        abort();
    cocos_verdict_free(verdict);
    cocos_evidence_free(ev);
}

/* The report inside a message, and what a paravisor left beside it. */
static void read_reports(const uint8_t *data, size_t size)
{
    cocos__vtpm_message m;
    cocos__vtpm_snp snp;
    cocos__span slot;
    cocos__hcl hcl;
    uint64_t vmpl;

    (void)!cocos__hcl_read((cocos__span){data, size}, &hcl, NULL);
    (void)!cocos__vtpm_snp_rebuild((cocos__span){data, size}, &snp, NULL);
    if (cocos__vtpm_message_read((cocos__span){data, size}, &m, NULL) < 0)
        return;
    (void)!cocos__vtpm_snp_slot(m.snp, &slot, &vmpl, NULL);
    (void)!cocos__vtpm_snp_rebuild(m.snp, &snp, NULL);
    (void)!cocos__vtpm_tdx_slot(m.tdx, &slot, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cocos_verifier *verifier;

    if (!verifier)
        verifier = make_verifier();
    judge(verifier, data, size, 0);
    read_reports(data, size);
    if (size > 2) {
        size_t ima = (size_t)(data[0] | data[1] << 8);
        if (ima <= size - 2)
            judge(verifier, data + 2, size - 2, ima);
    }
    return 0;
}
