/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all rules of a policy, but for golden values of PCRs, which are alike. cocos-policy(5)
 * and the JSON Schema are held against it. */
#include <stdio.h>
#include <string.h>

#include "attest/claims.h"
#include "attest/policy.h"
#include "tdx/tcb.h"

#define SNP(member)   offsetof(cocos_policy, snp.member)
#define TDX(member)   offsetof(cocos_policy, tdx.member)
#define VTPM(member)  offsetof(cocos_policy, vtpm.member)
#define ENVELOPE(m)   offsetof(cocos_policy, envelope.m)
#define LAYER(number) offsetof(cocos_policy, coverage[number])
#define STATE         "must be stated"
#define FREE          "not checked"

static const cocos__rule rules[] = {
    {"claims", COCOS__RULE_BYTES, offsetof(cocos_policy, claims), 0,
     "claims whose hash the evidence must carry", FREE, 1},
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

    {"envelope.purpose", COCOS__RULE_CHOICE, ENVELOPE(purpose), 0, "what the evidence was made for",
     "must be stated, here or by the caller"},
    {"envelope.challenge", COCOS__RULE_BYTES, ENVELOPE(challenge), 0,
     "challenge that the evidence answers", "must be stated, here or by the caller"},
    {"envelope.instance", COCOS__RULE_BYTES, ENVELOPE(instance), 16,
     "instance ids of agents that are accepted", FREE},
    {"envelope.manifest", COCOS__RULE_BYTES, ENVELOPE(manifest), 32,
     "digests of manifests that are accepted", FREE},
    {"envelope.compat", COCOS__RULE_FLAG, ENVELOPE(compat), 1,
     "an agent that speaks the old, weaker protocol is accepted", "false"},

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
    {"snp.min_tcb", COCOS__RULE_TCB, SNP(min_tcb), SIZE_MAX, "least REPORTED_TCB, by component",
     FREE},
    {"snp.min_launch_tcb", COCOS__RULE_TCB, SNP(min_launch_tcb), SIZE_MAX,
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
     "ID keys that are trusted: SHA-384 digests, or keys or certificates in PEM", "none"},
    {"snp.author_keys", COCOS__RULE_BYTES, SNP(author_keys), 48,
     "author keys that are trusted: SHA-384 digests, or keys or certificates in PEM", "none"},
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
     "least TEE_TCB_SVN, by component; one value", FREE, 1},
    {"tdx.min_qe_svn", COCOS__RULE_NUMBER, TDX(min_qe_svn), 65535,
     "least SVN of the quoting enclave", FREE},
    {"tdx.min_pce_svn", COCOS__RULE_NUMBER, TDX(min_pce_svn), 65535,
     "least SVN of the provisioning certification enclave", FREE},
    {"tdx.require_event_log", COCOS__RULE_FLAG, TDX(boot.require_log), 1,
     "an event log (CCEL) must be there", "false; a stated image, line or file system needs one in any case"},
    {"tdx.kernel", COCOS__RULE_BYTES, TDX(boot.kernel), 48,
     "SHA-384 digests of all images that firmware may start", FREE},
    {"tdx.command_line", COCOS__RULE_BYTES, TDX(boot.command_line), 48,
     "SHA-384 digests of the kernel command line, in UTF-16 as the EFI stub measures it", FREE},
    {"tdx.initrd", COCOS__RULE_BYTES, TDX(boot.initrd), 48,
     "SHA-384 digests of the initial file system", FREE},
    {"tdx.permit_debug", COCOS__RULE_FLAG, TDX(debug), 1, "a TD that can be debugged is accepted",
     "false"},
    {"tdx.tcb_status", COCOS__RULE_STATUSES, TDX(statuses), 0,
     "TCB statuses that are accepted", "UpToDate"},
    {"tdx.collateral", COCOS__RULE_ONLY_ANY, TDX(collateral), 0,
     "what Intel says of the platform, its TDX module and its quoting enclave", "required"},
    {"tdx.revocation", COCOS__RULE_ONLY_ANY, TDX(revocation), 0,
     "revocation of Intel's certificates", "current lists are required"},

    {"vtpm.nonce", COCOS__RULE_BYTES, VTPM(nonce), 0, "qualifying data of the quotes",
     "must be stated, here, by claims or by vtpm.without_nonce"},
    {"vtpm.without_nonce", COCOS__RULE_FLAG, VTPM(without_nonce), 1,
     "the quotes must carry an empty nonce", "false"},
    {"vtpm.ak_trust", COCOS__RULE_CHOICE, VTPM(ak_trust), 0,
     "why the attestation key may be believed", "pinned when keys are listed, else must be stated"},
    {"vtpm.ak", COCOS__RULE_BYTES, VTPM(ak), 32,
     "SHA-256 digests of public areas of attestation keys that are trusted", "none"},
    {"vtpm.binding", COCOS__RULE_CHOICE, VTPM(binding), 0,
     "how a TEE report names the attestation key", "claims"},
    {"vtpm.tee_nonce", COCOS__RULE_BYTES, VTPM(tee_nonce), 0,
     "nonce of the TEE report, for the legacy binding", "none"},
    {"vtpm.allow_sha1", COCOS__RULE_FLAG, VTPM(allow_sha1), 1,
     "banks and signatures with SHA-1 count", "false"},
    {"vtpm.bank", COCOS__RULE_CHOICE, VTPM(bank), 0, "bank that must be quoted", FREE},
    {"vtpm.require_event_log", COCOS__RULE_FLAG, VTPM(boot.require_log), 1, "an event log must be there",
     "false; a stated image, line or file system needs one in any case"},
    {"vtpm.kernel", COCOS__RULE_BYTES, VTPM(boot.kernel), 0,
     "digests of all images that firmware may start (32, 48 or 64 bytes name the bank)", FREE},
    {"vtpm.command_line", COCOS__RULE_BYTES, VTPM(boot.command_line), 0,
     "digests of the kernel command line, in UTF-16 as the EFI stub measures it", FREE},
    {"vtpm.initrd", COCOS__RULE_BYTES, VTPM(boot.initrd), 0, "digests of the initial file system", FREE},
    {"vtpm.require_ima", COCOS__RULE_FLAG, VTPM(require_ima), 1, "an IMA list must be there",
     "false"},
    {"vtpm.ima_violations", COCOS__RULE_FLAG, VTPM(ima_violations), 1,
     "entries that the kernel could not measure are accepted", "false"},
    {"vtpm.ima_padded", COCOS__RULE_FLAG, VTPM(ima_padded), 1,
     "IMA extends SHA-1 hashes with zeros into other banks (kernels before 5.8)", "false"},
    {"vtpm.pcrs", COCOS__RULE_ONLY_ANY, VTPM(pcrs), 0, "listed PCRs or images",
     "at least one must be stated"},
};
#define RULES COCOS__ARRAY_LEN(rules)

const size_t cocos__rules_n = RULES + (size_t)COCOS__BANKS * COCOS__PCRS;

static cocos__rule pcr_rule(int bank, unsigned pcr)
{
    cocos__rule rule = {"vtpm.pcr.",
                        COCOS__RULE_BYTES,
                        VTPM(pcr[bank][pcr]),
                        cocos__bank_size(bank),
                        "value of this PCR in this bank",
                        FREE,
                        0};
    const char *name = cocos__bank_name(bank);
    size_t len = strlen(name);
    char *at = rule.name + 9;

    memcpy(at, name, len);
    at += len;
    *at++ = '.';
    if (pcr > 9)
        *at++ = (char)('0' + pcr / 10);
    *at = (char)('0' + pcr % 10);
    return rule;
}

cocos__rule cocos__rule_at(size_t i)
{
    return i < RULES ? rules[i]
                     : pcr_rule((int)((i - RULES) / COCOS__PCRS),
                                (unsigned)((i - RULES) % COCOS__PCRS));
}

int cocos__rule_find(const char *name, cocos__rule *ret)
{
    /* What begins otherwise is none of the many rules behind the table. */
    size_t n = strncmp(name, "vtpm.pcr.", 9) == 0 ? cocos__rules_n : RULES;

    for (size_t i = 0; i < n; i++) {
        *ret = cocos__rule_at(i);
        if (strcmp(ret->name, name) == 0)
            return 1;
    }
    return 0;
}

const char *cocos__rule_choices(const cocos__rule *rule)
{
    static const char *const choices[][2] = {
        {"envelope.purpose", COCOS__PURPOSE_WORDS},
        {"vtpm.ak_trust", COCOS__AK_TRUST_WORDS},
        {"vtpm.binding", COCOS__BINDING_WORDS},
        {"vtpm.bank", COCOS__BANK_WORDS},
    };

    for (size_t i = 0; i < COCOS__ARRAY_LEN(choices); i++) {
        if (strcmp(choices[i][0], rule->name) == 0)
            return choices[i][1];
    }
    return NULL;
}

static void add_names(char *buf, size_t size, const char *(*name)(int), int from, int to)
{
    size_t n = 0;

    for (int i = from; i < to && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", name(i));
}

const char *cocos__rule_takes(const cocos__rule *rule, char *buf, size_t size)
{
    switch (rule->type) {
    case COCOS__RULE_BYTES:
        snprintf(buf, size, rule->size ? "hex of %zu bytes" : "hex of 1 to 65536 bytes", rule->size);
        break;
    case COCOS__RULE_NUMBER:
        snprintf(buf, size, "a number from 0 to %zu, or 0x and hex", rule->size);
        break;
    case COCOS__RULE_FLAG:
        snprintf(buf, size, "true or false");
        break;
    case COCOS__RULE_LINES:
        add_names(buf, size, cocos__snp_line_name, 1, COCOS__SNP_LINES);
        break;
    case COCOS__RULE_STATUSES:
        add_names(buf, size, cocos__tdx_status_name, 0, COCOS__TDX_STATUSES);
        break;
    case COCOS__RULE_WORD:
        snprintf(buf, size, "the name of a register, such as snp.measurement or vtpm.pcr.4");
        break;
    case COCOS__RULE_CHOICE:
        snprintf(buf, size, "%s", cocos__rule_choices(rule));
        break;
    case COCOS__RULE_TCB:
        snprintf(buf, size,
                 "a number in the layout of the line, or components (bootloader, tee, snp, "
                 "microcode, fmc) from 0 to 255, each once");
        break;
    default:
        snprintf(buf, size, "nothing but any");
    }
    return buf;
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

int cocos__policy_mentions(const cocos_policy *policy, const char *section)
{
    size_t len = strlen(section);
    const cocos__match *pcr = &policy->vtpm.pcr[0][0];

    for (size_t i = 0; i < RULES; i++) {
        if (strncmp(rules[i].name, section, len) == 0 && rules[i].name[len] == '.' &&
            cocos__rule_state_of(policy, &rules[i]) != COCOS__RULE_UNSET)
            return 1;
    }
    for (size_t i = 0; i < cocos__rules_n - RULES && strcmp(section, "vtpm") == 0; i++) {
        if (pcr[i].state != COCOS__RULE_UNSET)
            return 1;
    }
    return 0;
}
