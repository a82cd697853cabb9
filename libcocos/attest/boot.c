/* SPDX-License-Identifier: Apache-2.0 */
/* What a boot will measure, as rules of a policy. */
#include "measure/boot.h"
#include "attest/policy.h"

#include <stdio.h>
#include <string.h>

static int
add(cocos_policy *p, const char *rule, const uint8_t *digest, int bank, cocos_error **err)
{
    cocos__rule found;

    if (!cocos__rule_find(rule, &found))
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.name", "there is no rule \"%s\"", rule);
    return cocos__match_add(cocos__rule_in(p, &found), digest, cocos__bank_size(bank), err);
}

static int add_kernels(cocos_policy *p, const cocos_boot *b, int bank, cocos_error **err)
{
    uint8_t digest[COCOS__PCR_MAX];
    int r = cocos_policy_set(p, "coverage.kernel", "vtpm.kernel", err);

    for (size_t i = 0; r == COCOS_OK && i <= b->n_memory; i++) {
        r = cocos__boot_kernel(b, i, bank, digest, err);
        if (r == COCOS_OK)
            r = add(p, "vtpm.kernel", digest, bank, err);
    }
    return r;
}

static int add_line(cocos_policy *p, const cocos_boot *b, int bank, cocos_error **err)
{
    uint8_t digest[COCOS__PCR_MAX];

    int r = cocos__boot_line(b, bank, digest, err);
    if (r == COCOS_OK)
        r = add(p, "vtpm.command_line", digest, bank, err);
    return r == COCOS_OK ? cocos_policy_set(p, "coverage.command_line", "vtpm.command_line", err)
                         : r;
}

static int add_initrd(cocos_policy *p, const cocos_boot *b, int bank, cocos_error **err)
{
    int r = add(p, "vtpm.initrd", b->initrd[bank], bank, err);

    if (r == COCOS_OK)
        r = cocos_policy_set(p, "coverage.initrd", "vtpm.initrd", err);
    return r == COCOS_OK ? cocos_policy_set(p, "coverage.agent", "vtpm.initrd", err) : r;
}

static int add_firmware(cocos_policy *p, const cocos_boot *b, int bank, cocos_error **err)
{
    char rule[32];
    int r = cocos_policy_set(p, "coverage.firmware", "vtpm.pcr.0", err);

    snprintf(rule, sizeof rule, "vtpm.pcr.%s.0", cocos__bank_name(bank));
    for (size_t i = 0; r == COCOS_OK && i < b->n_firmware; i++) {
        if (!(b->firmware[i].banks & 1u << bank))
            return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.log",
                               "event log %zu has no digests of bank %s", i,
                               cocos__bank_name(bank));
        r = add(p, rule, b->firmware[i].pcr0[bank], bank, err);
    }
    return r;
}

static int bank_of(const char *name)
{
    int bank = name ? cocos__bank_by_name(name, strlen(name)) : COCOS__BANK_NONE;
    return bank == COCOS__BANK_SHA1 ? COCOS__BANK_NONE : bank;
}

static int add_boot(cocos_policy *p, const cocos_boot *b, int bank, cocos_error **err)
{
    int r = b->kernel ? add_kernels(p, b, bank, err) : COCOS_OK;

    if (r == COCOS_OK && b->has_line)
        r = add_line(p, b, bank, err);
    if (r == COCOS_OK && b->initrd_len)
        r = add_initrd(p, b, bank, err);
    if (r == COCOS_OK && b->n_firmware)
        r = add_firmware(p, b, bank, err);
    return r;
}

int cocos_policy_add_boot(cocos_policy *policy,
                          const cocos_boot *boot,
                          const char *bank_name,
                          cocos_error **err)
{
    COCOS__CLEANUP(cocos__policy_freep) cocos_policy *changed = NULL;
    int bank = bank_of(bank_name);

    if (!policy || !boot)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "a policy and a boot are needed");
    if (bank == COCOS__BANK_NONE)
        return cocos__fail(err, COCOS_ERR_USAGE, "measure.bank",
                           "the bank is \"%.32s\"; expected sha256, sha384 or sha512",
                           bank_name ? bank_name : "");
    int r = cocos__policy_copy(policy, &changed, err);
    if (r == COCOS_OK)
        r = add_boot(changed, boot, bank, err);
    if (r == COCOS_OK)
        cocos__policy_swap(policy, changed);
    return r;
}
