/* SPDX-License-Identifier: Apache-2.0 */
#include <cocos/verifier.h>

#include "attest/policy.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static cocos_policy *fresh(void)
{
    cocos_policy *policy = NULL;

    assert_ok(cocos_policy_new(&policy, NULL), NULL);
    return policy;
}

/* A value that the rule takes. */
static const char *sample(const cocos__rule *rule, char *out)
{
    switch (rule->type) {
    case COCOS__RULE_BYTES:
        memset(out, 'a', 2 * (rule->size ? rule->size : 1));
        out[2 * (rule->size ? rule->size : 1)] = '\0';
        return out;
    case COCOS__RULE_NUMBER:
        return "1";
    case COCOS__RULE_TCB:
        return "tee=1";
    case COCOS__RULE_FLAG:
        return "true";
    case COCOS__RULE_LINES:
        return "Milan";
    case COCOS__RULE_STATUSES:
        return "SWHardeningNeeded";
    case COCOS__RULE_WORD:
        return "snp.measurement";
    case COCOS__RULE_CHOICE:
        snprintf(out, 32, "%.*s", (int)strcspn(cocos__rule_choices(rule), "|"),
                 cocos__rule_choices(rule));
        return out;
    default:
        return "any";
    }
}

START_TEST(takes_a_value_and_any_for_every_rule)
{
    cocos_policy *policy = fresh();
    cocos_error *err = NULL;
    char text[300];

    for (size_t i = 0; i < cocos__rules_n; i++) {
        const cocos__rule at = cocos__rule_at(i);
        const cocos__rule *rule = &at;
        cocos__rule found;
        int given = rule->type == COCOS__RULE_ONLY_ANY ? COCOS__RULE_ANY : COCOS__RULE_GIVEN;
        ck_assert_int_eq(cocos__rule_state_of(policy, rule), COCOS__RULE_UNSET);
        assert_ok(cocos_policy_set(policy, rule->name, sample(rule, text), &err), err);
        ck_assert_int_eq(cocos__rule_state_of(policy, rule), given);
        assert_ok(cocos_policy_set(policy, rule->name, "any", &err), err);
        ck_assert_int_eq(cocos__rule_state_of(policy, rule), COCOS__RULE_ANY);
        assert_fails(cocos_policy_set(policy, rule->name, "", &err), COCOS_ERR_USAGE,
                     rule->type == COCOS__RULE_BYTES ? "policy.length" : "policy.value", err);
        ck_assert_int_eq(cocos__rule_find(rule->name, &found), 1);
        ck_assert_uint_eq(found.offset, rule->offset);
    }
    cocos_policy_free(policy);
}
END_TEST

START_TEST(refuses_values_of_another_form)
{
    static const char *const bad[][3] = {
        {"snp.nothing", "any", "policy.name"},
        {"snp.measurement", "abc", "policy.value"},
        {"snp.measurement", "abcd", "policy.length"},
        {"snp.measurement", "zz", "policy.value"},
        {"snp.vmpl", "4", "policy.value"},
        {"snp.vmpl", "-1", "policy.value"},
        {"snp.vmpl", "1x", "policy.value"},
        {"snp.vmpl", "0x", "policy.value"},
        {"snp.vmpl", "true", "policy.value"},
        {"snp.min_tcb", "99999999999999999999", "policy.value"},
        {"snp.min_tcb", "", "policy.value"},
        {"snp.min_tcb", "tee", "policy.value"},
        {"snp.min_tcb", "tee=", "policy.value"},
        {"snp.min_tcb", "tee=256", "policy.value"},
        {"snp.min_tcb", "tee=-1", "policy.value"},
        {"snp.min_tcb", "tee=1,", "policy.value"},
        {"snp.min_tcb", "tee=1,,snp=2", "policy.value"},
        {"snp.min_tcb", "tee=1,tee=1", "policy.value"},
        {"snp.min_tcb", "te=1", "policy.value"},
        {"snp.min_tcb", "tee=1;snp=2", "policy.value"},
        {"vtpm.nonce", "", "policy.length"},
        {"claims", "", "policy.length"},
        {"snp.permit_provisional", "1", "policy.value"},
        {"snp.products", "Rome", "policy.value"},
        {"snp.revocation", "none", "policy.value"},
        {"vtpm.ak_trust", "pinne", "policy.value"},
        {"vtpm.ak_trust", "pinned|tee", "policy.value"},
        {"vtpm.bank", "sha3", "policy.value"},
        {"vtpm.pcr.sha256.24", "00", "policy.name"},
        {"vtpm.pcr.sha256.4", "00", "policy.length"},
        {"coverage.kernel", "snp measurement", "policy.value"},
        {"coverage.kernel", "a.very.long.name.of.no.register.at.all", "policy.value"},
    };
    cocos_policy *policy = fresh();
    cocos_error *err = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(cocos_policy_set(policy, bad[i][0], bad[i][1], &err), COCOS_ERR_USAGE,
                     bad[i][2], err);
    assert_fails(cocos_policy_set_bytes(policy, "snp.vmpl", (const uint8_t *)"a", 1, &err),
                 COCOS_ERR_USAGE, "policy.value", err);
    assert_fails(cocos_policy_set(NULL, "snp.vmpl", "1", &err), COCOS_ERR_USAGE, "policy.value",
                 err);
    cocos_policy_free(policy);
}
END_TEST

/* What is allowed, in the message. */
START_TEST(names_the_values_that_a_rule_takes)
{
    static const char *const said[][3] = {
        {"snp.vmpl", "4", "from 0 to 3"},
        {"snp.measurement", "zz", "hex of 48 bytes"},
        {"snp.products", "Rome", "Milan, Genoa, Turin"},
        {"tdx.tcb_status", "Fine", "UpToDate, SWHardeningNeeded"},
        {"tdx.collateral", "none", "nothing but any"},
        {"vtpm.ak_trust", "pinne", "pinned|certificate|tee|svsm"},
        {"snp.permit_provisional", "1", "true or false"},
        {"snp.min_tcb", "te=1", "bootloader, tee, snp, microcode, fmc"},
        {"coverage.kernel", "A", "snp.measurement"},
        {"vtpm.nonce", "", "vtpm.without_nonce"},
    };
    cocos_policy *policy = fresh();

    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        cocos_error *err = NULL;
        ck_assert_int_eq(cocos_policy_set(policy, said[i][0], said[i][1], &err), COCOS_ERR_USAGE);
        ck_assert_msg(strstr(cocos_error_message(err), said[i][2]) != NULL, "%s",
                      cocos_error_message(err));
        cocos_error_free(err);
    }
    cocos_policy_free(policy);
}
END_TEST

/* Both tell of it: the setters at once, or whoever makes a verifier of it. */
START_TEST(refuses_rules_that_cannot_hold_together)
{
    static const char *const pairs[][4] = {
        {"snp.products", "Milan+Turin", "snp.min_tcb", "0x0100000000000001"},
        {"snp.products", "Milan+Turin", "snp.min_launch_tcb", "1"},
        {"snp.products", "Milan", "snp.min_tcb", "tee=1,fmc=1"},
        {"snp.products", "Milan+Turin", "snp.min_tcb", "fmc=1"},
        {"claims", "a0", "snp.report_data", "any"},
        {"claims", "a0", "tdx.report_data", "any"},
        {"claims", "a0", "vtpm.nonce", "any"},
        {"claims", "a0", "vtpm.without_nonce", "true"},
    };
    static const char *const fit[][2] = {{"snp.min_tcb", "tee=1,snp=2,microcode=3,bootloader=4"},
                                         {"snp.min_tcb", "any"}};
    cocos_verifier *verifier = NULL;
    cocos_error *err = NULL;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cocos_policy *policy = fresh();
        const char *plus = strchr(pairs[i][1], '+');
        assert_ok(cocos_policy_set(policy, pairs[i][0], plus ? "Milan" : pairs[i][1], &err), err);
        if (plus)
            assert_ok(cocos_policy_add(policy, pairs[i][0], plus + 1, &err), err);
        assert_ok(cocos_policy_set(policy, pairs[i][2], pairs[i][3], &err), err);
        assert_fails(cocos_verifier_new(policy, &verifier, &err), COCOS_ERR_USAGE,
                     "policy.conflict", err);
        for (size_t k = 0; plus && k < 2; k++) {
            assert_ok(cocos_policy_set(policy, "snp.min_launch_tcb", "any", &err), err);
            assert_ok(cocos_policy_set(policy, fit[k][0], fit[k][1], &err), err);
            assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
            cocos_verifier_free(verifier);
        }
        cocos_policy_free(policy);
    }
    cocos_policy *policy = fresh();
    assert_ok(cocos_policy_set(policy, "claims", "a0", &err), err);
    assert_fails(cocos_policy_add(policy, "claims", "a1", &err), COCOS_ERR_USAGE, "policy.conflict",
                 err);
    assert_ok(cocos_policy_set(policy, "claims", "a1", &err), err);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(collects_several_values_and_replaces_them)
{
    cocos_policy *policy = fresh();
    cocos_error *err = NULL;

    assert_ok(cocos_policy_set(policy, "snp.products", "any", &err), err);
    assert_ok(cocos_policy_add(policy, "snp.products", "Milan", &err), err);
    assert_ok(cocos_policy_add(policy, "snp.products", "Turin", &err), err);
    ck_assert_uint_eq(policy->snp.products.value, 1u << COCOS__SNP_MILAN | 1u << COCOS__SNP_TURIN);
    assert_ok(cocos_policy_set(policy, "snp.products", "Genoa", &err), err);
    ck_assert_uint_eq(policy->snp.products.value, 1u << COCOS__SNP_GENOA);

    char text[33] = "000102030405060708090a0b0c0d0e0f";
    assert_ok(cocos_policy_add(policy, "snp.family_id", text, &err), err);
    text[0] = 'f';
    assert_ok(cocos_policy_add(policy, "snp.family_id", text, &err), err);
    ck_assert_uint_eq(policy->snp.family_id.count, 2);
    assert_ok(cocos_policy_set(policy, "snp.family_id", text, &err), err);
    ck_assert_uint_eq(policy->snp.family_id.count, 1);
    ck_assert_uint_eq(policy->snp.family_id.values[0], 0xf0);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(copies_without_sharing)
{
    cocos_policy *policy = fresh();
    cocos_policy *copy = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_policy_set(policy, "snp.family_id", "000102030405060708090a0b0c0d0e0f", &err),
              err);
    assert_ok(cocos_policy_set(policy, "coverage.kernel", "snp.measurement", &err), err);
    assert_ok(cocos__policy_copy(policy, &copy, &err), err);
    cocos_policy_free(policy);
    ck_assert_uint_eq(copy->snp.family_id.values[15], 0x0f);
    ck_assert_str_eq(copy->coverage[COCOS__LAYER_KERNEL].text, "snp.measurement");
    cocos_policy_free(copy);
}
END_TEST

START_TEST(wants_a_root_among_the_certificates)
{
    cocos_policy *policy = fresh();
    cocos_error *err = NULL;

    assert_fails(cocos_policy_add_root(policy, (const uint8_t *)"none", 4, &err),
                 COCOS_ERR_MALFORMED, "cert.form", err);
    assert_fails(cocos_policy_add_root(policy, NULL, 0, &err), COCOS_ERR_USAGE, "policy.value",
                 err);
    cocos_policy_free(policy);
}
END_TEST

TEST_MAIN(policy,
          takes_a_value_and_any_for_every_rule,
          refuses_values_of_another_form,
          names_the_values_that_a_rule_takes,
          refuses_rules_that_cannot_hold_together,
          collects_several_values_and_replaces_them,
          copies_without_sharing,
          wants_a_root_among_the_certificates)
