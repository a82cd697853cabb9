/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all rules of a policy. cocos-policy(5) and the JSON Schema are held against it. */
#include <string.h>

#include "attest/policy.h"

#define SNP(member)   offsetof(cocos_policy, snp.member)
#define TDX(member)   offsetof(cocos_policy, tdx.member)
#define LAYER(number) offsetof(cocos_policy, coverage[number])
#define STATE         "must be stated"
#define FREE          "not checked"

const cocos__rule cocos__rules[] = {
    {"claims", COCOS__RULE_BYTES, offsetof(cocos_policy, claims), 0,
     "claims whose hash the evidence must carry", FREE},
    {"coverage.firmware", COCOS__RULE_WORD, LAYER(COCOS__LAYER_FIRMWARE), 0,
     "register that covers the firmware", "the launch measurement"},
    {"coverage.kernel", COCOS__RULE_WORD, LAYER(COCOS__LAYER_KERNEL), 0,
     "register that covers the kernel", STATE},
    {"coverage.command_line", COCOS__RULE_WORD, LAYER(COCOS__LAYER_CMDLINE), 0,
     "register that covers the kernel command line", STATE},
    {"coverage.initrd", COCOS__RULE_WORD, LAYER(COCOS__LAYER_INITRD), 0,
     "register that covers the initial file system", STATE},
    {"coverage.agent", COCOS__RULE_WORD, LAYER(COCOS__LAYER_AGENT), 0,
     "register that covers the agent", STATE},

    {"snp.products", COCOS__RULE_LINES, SNP(products), 0, "product lines that are accepted", STATE},
    {"snp.measurement", COCOS__RULE_BYTES, SNP(measurement), 48, "launch measurement", STATE},
    {"snp.report_data", COCOS__RULE_BYTES, SNP(report_data), 64, "REPORT_DATA",
     "must be stated, here or by claims"},
    {"snp.host_data", COCOS__RULE_BYTES, SNP(host_data), 32, "HOST_DATA", FREE},
    {"snp.family_id", COCOS__RULE_BYTES, SNP(family_id), 16, "FAMILY_ID of the ID block", FREE},
    {"snp.image_id", COCOS__RULE_BYTES, SNP(image_id), 16, "IMAGE_ID of the ID block", FREE},
    {"snp.report_id", COCOS__RULE_BYTES, SNP(report_id), 32, "REPORT_ID of the guest", FREE},
    {"snp.report_id_ma", COCOS__RULE_BYTES, SNP(report_id_ma), 32,
     "REPORT_ID of the migration agent", FREE},
    {"snp.chip_id", COCOS__RULE_BYTES, SNP(chip_id), 64, "chips that are accepted", FREE},
    {"snp.guest_policy", COCOS__RULE_NUMBER, SNP(guest_policy), SIZE_MAX,
     "most that the guest's launch policy may allow, least that it must demand",
     "0x30000: SMT allowed, nothing else"},
    {"snp.vmpl", COCOS__RULE_NUMBER, SNP(vmpl), 3, "privilege level that asked for the report",
     "0"},
    {"snp.min_guest_svn", COCOS__RULE_NUMBER, SNP(min_guest_svn), UINT32_MAX, "least GUEST_SVN",
     FREE},
    {"snp.min_tcb", COCOS__RULE_NUMBER, SNP(min_tcb), SIZE_MAX, "least REPORTED_TCB, by component",
     FREE},
    {"snp.min_launch_tcb", COCOS__RULE_NUMBER, SNP(min_launch_tcb), SIZE_MAX,
     "least LAUNCH_TCB, by component", FREE},
    {"snp.min_build", COCOS__RULE_NUMBER, SNP(min_build), 255, "least firmware build", FREE},
    {"snp.min_version", COCOS__RULE_NUMBER, SNP(min_version), 65535,
     "least firmware version, major << 8 | minor", FREE},
    {"snp.platform_info", COCOS__RULE_NUMBER, SNP(platform_info), SIZE_MAX,
     "acceptable PLATFORM_INFO", FREE},
    {"snp.permit_provisional", COCOS__RULE_FLAG, SNP(provisional), 1,
     "firmware that is not committed yet is accepted", "false"},
    {"snp.require_id_block", COCOS__RULE_FLAG, SNP(require_id_block), 1,
     "an ID block by a listed key is required", "false, or true when keys are listed"},
    {"snp.require_author_key", COCOS__RULE_FLAG, SNP(require_author_key), 1,
     "an ID block by a listed author key is required", "false"},
    {"snp.id_keys", COCOS__RULE_BYTES, SNP(id_keys), 48,
     "SHA-384 digests of ID keys that are trusted", "none"},
    {"snp.author_keys", COCOS__RULE_BYTES, SNP(author_keys), 48,
     "SHA-384 digests of author keys that are trusted", "none"},
    {"snp.launch_mitigations", COCOS__RULE_NUMBER, SNP(launch_mitigations), SIZE_MAX,
     "bits that LAUNCH_MIT_VECTOR must have", FREE},
    {"snp.current_mitigations", COCOS__RULE_NUMBER, SNP(current_mitigations), SIZE_MAX,
     "bits that CURRENT_MIT_VECTOR must have", FREE},
    {"snp.revocation", COCOS__RULE_ONLY_ANY, SNP(revocation), 0, "revocation of AMD's certificates",
     "a current list is required"},

    {"tdx.fmspc", COCOS__RULE_BYTES, TDX(fmspc), 6, "platform families that are accepted", STATE},
    {"tdx.mrtd", COCOS__RULE_BYTES, TDX(mrtd), 48, "launch measurement", STATE},
    {"tdx.report_data", COCOS__RULE_BYTES, TDX(report_data), 64, "REPORTDATA",
     "must be stated, here or by claims"},
    {"tdx.mrseam", COCOS__RULE_BYTES, TDX(mrseam), 48, "measurement of the TDX module", FREE},
    {"tdx.mrconfigid", COCOS__RULE_BYTES, TDX(mrconfigid), 48, "MRCONFIGID", FREE},
    {"tdx.mrowner", COCOS__RULE_BYTES, TDX(mrowner), 48, "MROWNER", FREE},
    {"tdx.mrownerconfig", COCOS__RULE_BYTES, TDX(mrownerconfig), 48, "MROWNERCONFIG", FREE},
    {"tdx.rtmr0", COCOS__RULE_BYTES, TDX(rtmr[0]), 48, "run-time measurement register 0", FREE},
    {"tdx.rtmr1", COCOS__RULE_BYTES, TDX(rtmr[1]), 48, "run-time measurement register 1", FREE},
    {"tdx.rtmr2", COCOS__RULE_BYTES, TDX(rtmr[2]), 48, "run-time measurement register 2", FREE},
    {"tdx.rtmr3", COCOS__RULE_BYTES, TDX(rtmr[3]), 48, "run-time measurement register 3", FREE},
    {"tdx.mrservicetd", COCOS__RULE_BYTES, TDX(mrservicetd), 48, "measurement of service TDs",
     "no service TD"},
    {"tdx.td_attributes", COCOS__RULE_BYTES, TDX(td_attributes), 8, "TDATTRIBUTES as in the quote",
     "no reserved bit"},
    {"tdx.xfam", COCOS__RULE_BYTES, TDX(xfam), 8, "XFAM as in the quote",
     "the fixed bits, no reserved one"},
    {"tdx.min_tee_tcb_svn", COCOS__RULE_BYTES, TDX(min_tee_tcb_svn), 16,
     "least TEE_TCB_SVN, by component; one value", FREE},
    {"tdx.permit_debug", COCOS__RULE_FLAG, TDX(debug), 1, "a TD that can be debugged is accepted",
     "false"},
    {"tdx.tcb_status", COCOS__RULE_STATUSES, TDX(statuses), 0,
     "TCB statuses that are accepted; any lets missing collateral pass", "UpToDate"},
    {"tdx.revocation", COCOS__RULE_ONLY_ANY, TDX(revocation), 0,
     "revocation of Intel's certificates", "current lists are required"},
};
const size_t cocos__rules_n = COCOS__ARRAY_LEN(cocos__rules);

const cocos__rule *cocos__rule_find(const char *name)
{
    for (size_t i = 0; i < cocos__rules_n; i++) {
        if (strcmp(cocos__rules[i].name, name) == 0)
            return &cocos__rules[i];
    }
    return NULL;
}

void *cocos__rule_in(cocos_policy *policy, const cocos__rule *rule)
{
    return (char *)policy + rule->offset;
}

int cocos__rule_state_of(const cocos_policy *policy, const cocos__rule *rule)
{
    const char *at = (const char *)policy + rule->offset;

    switch (rule->type) {
    case COCOS__RULE_BYTES:
        return ((const cocos__match *)(const void *)at)->state;
    case COCOS__RULE_WORD:
        return ((const cocos__word *)(const void *)at)->state;
    default:
        return ((const cocos__number *)(const void *)at)->state;
    }
}
