/* SPDX-License-Identifier: Apache-2.0 */
#include <cocos/key.h>

#include "attest/policy.h"

#include <stdio.h>
#include <string.h>

#include "pki.h"
#include "suite.h"

#define SNP "\"snp\":{\"products\":\"any\",\"measurement\":\"any\""

static void refuse(const char *text, const char *code, const char *pointer)
{
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;

    ck_assert_int_eq(cocos_policy_from_json(text, strlen(text), &policy, &err),
                     COCOS_ERR_MALFORMED);
    ck_assert_msg(!code || strcmp(cocos_error_code(err), code) == 0, "%s: %s, %s", text,
                  cocos_error_code(err), cocos_error_message(err));
    if (pointer)
        ck_assert_str_eq(cocos_error_check(err), pointer);
    cocos_error_free(err);
}

START_TEST(refuses_unknown_and_doubled_names_by_pointer)
{
    refuse("{\"version\":1,\"snq\":{}}", "policy.name", "/snq");
    refuse("{\"version\":1," SNP ",\"vmpI\":0}}", "policy.name", "/snp/vmpI");
    refuse("{\"version\":1," SNP ",\"vmpl\":0,\"vmpl\":1}}", "json.double", NULL);
    refuse("{\"version\":1,\"coverage\":{\"grub\":\"any\"}}", "policy.name", "/coverage/grub");
}
END_TEST

START_TEST(refuses_values_of_another_form)
{
    refuse("[]", "json.type", NULL);
    refuse("{}", "json.absent", "/version");
    refuse("{\"version\":2}", "policy.version", "/version");
    refuse("{\"version\":1,\"roots\":\"any\"}", "policy.roots", "/roots");
    refuse("{\"version\":1,\"roots\":[]}", "policy.roots", "/roots");
    refuse("{\"version\":1,\"roots\":[\"none\"]}", "policy.roots", "/roots/0");
    refuse("{\"version\":1," SNP ",\"vmpl\":-1}}", "policy.value", "/snp/vmpl");
    refuse("{\"version\":1," SNP ",\"vmpl\":0.5}}", "policy.value", "/snp/vmpl");
    refuse("{\"version\":1," SNP ",\"vmpl\":null}}", "policy.value", "/snp/vmpl");
    refuse("{\"version\":1," SNP ",\"vmpl\":[0]}}", "policy.value", "/snp/vmpl");
    refuse("{\"version\":1," SNP ",\"host_data\":\"00\"}}", "policy.length", "/snp/host_data");
    refuse("{\"version\":1," SNP ",\"host_data\":[]}}", "policy.value", "/snp/host_data");
    refuse("{\"version\":1,\"snp\":{\"products\":[\"Milan\",\"any\"],\"measurement\":\"any\"}}",
           "policy.value", "/snp/products/1");
    refuse("{\"version\":1," SNP ",\"min_tcb\":{}}}", "policy.value", "/snp/min_tcb");
    refuse("{\"version\":1," SNP ",\"min_tcb\":{\"tea\":1}}}", "policy.value", "/snp/min_tcb");
    refuse("{\"version\":1," SNP ",\"min_tcb\":{\"tee\":256}}}", "policy.value",
           "/snp/min_tcb/tee");
    refuse("{\"version\":1," SNP ",\"min_tcb\":{\"tee\":-1}}}", NULL, "/snp/min_tcb/tee");
    refuse("{\"version\":1," SNP ",\"min_tcb\":{\"tee\":\"1\"}}}", NULL, "/snp/min_tcb/tee");
    refuse("{\"version\":1," SNP ",\"min_tcb\":{\"tee\":1,\"tee\":1}}}", "json.double", NULL);
    refuse("{\"version\":1," SNP ",\"min_tcb\":[1]}}", "policy.value", "/snp/min_tcb");
    refuse("{\"version\":1,\"claims\":[\"a0\",\"a1\"]}", "policy.value", "/claims");
    refuse("{\"version\":1,\"snp\":{\"products\":{},\"measurement\":\"any\"}}", "policy.value",
           "/snp/products");
}
END_TEST

START_TEST(wants_measurement_and_line_to_be_written_out)
{
    refuse("{\"version\":1,\"snp\":{\"measurement\":\"any\"}}", "policy.missing", "/snp/products");
    refuse("{\"version\":1,\"snp\":{\"products\":\"any\"}}", "policy.missing", "/snp/measurement");
    refuse("{\"version\":1,\"tdx\":{\"mrtd\":\"any\"}}", "policy.missing", "/tdx/fmspc");
    refuse("{\"version\":1,\"tdx\":{\"fmspc\":\"any\"}}", "policy.missing", "/tdx/mrtd");
}
END_TEST

START_TEST(tells_every_defect_in_one_round)
{
    static const char text[] =
        "{\"version\":2,\"surprise\":1,\"roots\":[\"x\",7],\"snp\":{\"measurement\":[\"00\",\"zz\"],"
        "\"vmpl\":9},\"tdx\":[],\"description\":1}";
    static const char *const pointers[] = {
        "/version",           "/surprise", "/roots/0", "/roots/1",     "/snp/measurement/0",
        "/snp/measurement/1", "/snp/vmpl", "/tdx",     "/description", "/snp/products"};
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;
    size_t n = 0;

    ck_assert_int_eq(cocos_policy_from_json(text, strlen(text), &policy, &err),
                     COCOS_ERR_MALFORMED);
    for (const cocos_error *e = err; e; e = cocos_error_cause(e), n++) {
        ck_assert_uint_lt(n, sizeof pointers / sizeof *pointers);
        ck_assert_str_eq(cocos_error_check(e), pointers[n]);
    }
    ck_assert_uint_eq(n, sizeof pointers / sizeof *pointers);
    cocos_error_free(err);
}
END_TEST

/* 257 chips: one more than a rule takes; the defect behind it is told too. */
START_TEST(goes_on_behind_a_list_that_is_too_long)
{
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;
    char *text = malloc(65536);
    size_t n = 0;

    ck_assert_ptr_nonnull(text);
    n = (size_t)sprintf(text, "{\"version\":1," SNP ",\"image_id\":[");
    for (int i = 0; i < 257; i++)
        n += (size_t)sprintf(text + n, "%s\"%032x\"", i ? "," : "", i);
    sprintf(text + n, "],\"vmpl\":9}}");
    ck_assert_int_eq(cocos_policy_from_json(text, strlen(text), &policy, &err),
                     COCOS_ERR_EXHAUSTED);
    ck_assert_str_eq(cocos_error_check(err), "/snp/image_id/256");
    ck_assert_ptr_nonnull(cocos_error_cause(err));
    ck_assert_str_eq(cocos_error_check(cocos_error_cause(err)), "/snp/vmpl");
    cocos_error_free(err);
    free(text);
}
END_TEST

/* A policy in which every rule says something. */
static cocos_policy *full(void)
{
    EVP_PKEY *key = pki_key_ec("P-256");
    pki_spec s = {.cn = "root",
                  .key = key,
                  .scheme = PKI_ECDSA_SHA256,
                  .not_before = 1600000000,
                  .not_after = 1900000000,
                  .serial = 1,
                  .ca = 1};
    X509 *root = pki_cert(&s);
    pki_bytes pem = pki_pem(&root, 1);
    cocos_policy *policy = NULL;
    char text[300];

    assert_ok(cocos_policy_new(&policy, NULL), NULL);
    assert_ok(cocos_policy_add_root(policy, pem.data, pem.len, NULL), NULL);
    for (size_t i = 0; i < cocos__rules_n; i++) {
        const cocos__rule at = cocos__rule_at(i);
        const cocos__rule *rule = &at;
        const char *value = rule->type == COCOS__RULE_NUMBER ? "0x3"
                            : rule->type == COCOS__RULE_FLAG ? "true"
                            : rule->type == COCOS__RULE_WORD ? "tdx.mrtd"
                            : rule->type == COCOS__RULE_TCB  ? "fmc=1,tee=0,microcode=255"
                                                             : "any";
        if (rule->type == COCOS__RULE_BYTES) {
            size_t n = 2 * (rule->size ? rule->size : 5);
            memset(text, 'a', n);
            text[n] = '\0';
            value = text;
        }
        assert_ok(cocos_policy_set(policy, rule->name, value, NULL), NULL);
    }
    assert_ok(cocos_policy_add(policy, "snp.products", "Milan", NULL), NULL);
    assert_ok(cocos_policy_add(policy, "snp.products", "Turin", NULL), NULL);
    assert_ok(cocos_policy_add(policy, "tdx.tcb_status", "SWHardeningNeeded", NULL), NULL);
    assert_ok(cocos_policy_set(policy, "vtpm.ak_trust", "tee", NULL), NULL);
    assert_ok(cocos_policy_set(policy, "vtpm.bank", "sha512", NULL), NULL);
    free(pem.data);
    X509_free(root);
    EVP_PKEY_free(key);
    return policy;
}

START_TEST(reads_back_what_it_writes)
{
    cocos_policy *policy = full();
    cocos_policy *again = NULL;
    cocos_error *err = NULL;
    char *first = NULL;
    char *second = NULL;

    assert_ok(cocos_policy_to_json(policy, &first, &err), err);
    assert_ok(cocos_policy_from_json(first, strlen(first), &again, &err), err);
    assert_ok(cocos_policy_to_json(again, &second, &err), err);
    ck_assert_str_eq(first, second);
    ck_assert_ptr_nonnull(strstr(first, "BEGIN CERTIFICATE"));
    ck_assert_ptr_nonnull(strstr(first, "\"fmc\": 1"));
    cocos_free_text(first);
    cocos_free_text(second);
    cocos_policy_free(policy);
    cocos_policy_free(again);
}
END_TEST

static char *explained(const cocos_policy *policy)
{
    cocos_error *err = NULL;
    char *text = NULL;

    assert_ok(cocos_policy_explain(policy, &text, &err), err);
    return text;
}

/* Once a kind is judged at all, each of its rules has a line; PCRs only where they are stated. */
START_TEST(explains_every_rule)
{
    static const char *const used[] = {"snp.vmpl", "tdx.fmspc", "vtpm.ak_trust",
                                       "vtpm.pcr.sha256.7", "envelope.purpose"};
    cocos_policy *policy = NULL;
    char line[80];

    assert_ok(cocos_policy_new(&policy, NULL), NULL);
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        assert_ok(cocos_policy_set(policy, used[i], "any", NULL), NULL);
    char *text = explained(policy);
    for (size_t i = 0; i < cocos__rules_n; i++) {
        const cocos__rule rule = cocos__rule_at(i);
        int pcr = strncmp(rule.name, "vtpm.pcr.", 9) == 0;
        int stated = strcmp(rule.name, used[3]) == 0;
        snprintf(line, sizeof line, "\n  %s: ", rule.name);
        ck_assert_msg((strstr(text, line) != NULL) == (!pcr || stated), "%s", line);
    }
    cocos_free_text(text);
    cocos_policy_free(policy);
}
END_TEST

/* Offsets of the headings and rules, in the order in which they must come. */
static void in_order(const char *text, const char *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = strstr(text, parts[i]);
        ck_assert_msg(at != NULL, "\"%s\" is not in, or before its place in\n%s", parts[i], text);
        text = at;
    }
}

START_TEST(says_what_is_demanded_given_away_and_open)
{
    static const char *const parts[] = {
        "AMD SEV-SNP: judged",
        "Intel TDX: nothing is stated",
        "Roots: the vendors'",
        "Demanded",
        "snp.products",
        "Milan or Turin",
        "snp.image_id",
        "01010101010101010101010101010101 or 02020202020202020202020202020202",
        "GIVEN AWAY",
        "snp.report_data",
        "a recording of old evidence",
        "Open",
        "coverage.kernel",
        "snp.measurement",
        "Not stated, so the default counts",
        "0x30000: SMT allowed",
        "not checked:",
        "snp.host_data",
    };
    cocos_policy *policy = NULL;

    assert_ok(cocos_policy_new(&policy, NULL), NULL);
    assert_ok(cocos_policy_set(policy, "snp.products", "Milan", NULL), NULL);
    assert_ok(cocos_policy_add(policy, "snp.products", "Turin", NULL), NULL);
    assert_ok(cocos_policy_set(policy, "snp.image_id", "01010101010101010101010101010101", NULL),
              NULL);
    assert_ok(cocos_policy_add(policy, "snp.image_id", "02020202020202020202020202020202", NULL),
              NULL);
    assert_ok(cocos_policy_set(policy, "snp.report_data", "any", NULL), NULL);
    char *text = explained(policy);
    in_order(text, parts, sizeof parts / sizeof *parts);
    ck_assert_ptr_null(strstr(text, "tdx.mrtd"));
    cocos_free_text(text);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(explains_as_json_too)
{
    cocos_policy *policy = full();
    cocos_error *err = NULL;
    char *text = NULL;

    assert_ok(cocos_policy_set(policy, "snp.vmpl", "any", NULL), NULL);
    assert_ok(cocos_policy_explain_json(policy, &text, &err), err);
    ck_assert_ptr_nonnull(strstr(text, "\"roots\": \"listed\""));
    ck_assert_ptr_nonnull(strstr(text, "\"state\": \"given away\""));
    ck_assert_ptr_nonnull(strstr(text, "SWHardeningNeeded"));
    cocos_free_text(text);
    text = NULL;
    ck_assert_int_eq(cocos_policy_explain_json(NULL, &text, NULL), COCOS_ERR_USAGE);
    ck_assert_ptr_null(text);
    cocos_policy_free(policy);
}
END_TEST

START_TEST(cuts_what_is_too_long_to_read)
{
    cocos_policy *policy = full();
    uint8_t claims[1000] = {0};
    char id[33];

    assert_ok(cocos_policy_set_bytes(policy, "claims", claims, sizeof claims, NULL), NULL);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "%032x", i);
        assert_ok(cocos_policy_add(policy, "snp.family_id", id, NULL), NULL);
    }
    char *text = explained(policy);
    ck_assert_ptr_nonnull(strstr(text, "or one of 13 more"));
    ck_assert_ptr_nonnull(strstr(text, "0000…"));
    ck_assert_ptr_nonnull(strstr(text, "SIMULATED"));
    cocos_free_text(text);
    cocos_policy_free(policy);
}
END_TEST

/* Every rule of the table stands in the schema under its section. */
START_TEST(has_every_rule_in_the_schema)
{
    const char *root = getenv("COCOS_SOURCE_ROOT");
    char path[4096];
    char text[65536];
    char name[64];

    snprintf(path, sizeof path, "%s/doc/schema/policy.schema.json", root ? root : ".");
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < cocos__rules_n; i++) {
        const cocos__rule rule = cocos__rule_at(i);
        const char *dot = strchr(rule.name, '.');
        snprintf(name, sizeof name, "\"%s\": {", dot ? dot + 1 : rule.name);
        ck_assert_msg(strstr(text, name) != NULL, "%s", name);
    }
}
END_TEST

TEST_MAIN(policy_json,
          refuses_unknown_and_doubled_names_by_pointer,
          refuses_values_of_another_form,
          wants_measurement_and_line_to_be_written_out,
          tells_every_defect_in_one_round,
          goes_on_behind_a_list_that_is_too_long,
          reads_back_what_it_writes,
          explains_every_rule,
          says_what_is_demanded_given_away_and_open,
          explains_as_json_too,
          cuts_what_is_too_long_to_read,
          has_every_rule_in_the_schema)
