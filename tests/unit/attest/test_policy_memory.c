/* SPDX-License-Identifier: Apache-2.0 */
/* Policies when memory runs out: an error each time, nothing left behind, and a policy that could
 * not be changed says what it said before; one that was says all of it. */
#include <cocos/key.h>
#include <cocos/policy.h>

#include <string.h>

#include "allocfail.h"
#include "attest/policy.h"
#include "snp_maker.h"
#include "suite.h"

#define PCR_4                                                                                      \
    "{\"pcr_values\":{\"sha256\":{\"4\":"                                                          \
    "\"0101010101010101010101010101010101010101010101010101010101010101\",\"7\":"                  \
    "\"0202020202020202020202020202020202020202020202020202020202020202\"}}}"

static cocos_policy *base;
static char *base_json;
static pki_bytes roots; /* PEM of two */
static pki_bytes leaf;  /* DER, on P-384, not self-signed */
static char *key_pem;

static void make(void)
{
    snp_authority milan = snp_authority_new("Milan");
    snp_authority genoa = snp_authority_new("Genoa");
    snp_plan plan = snp_plan_new(&milan, 3);
    X509 *both[] = {milan.ark, genoa.ark};
    EVP_PKEY *chip = pki_key_ec("P-384");
    X509 *vcek = snp_leaf(&plan, chip);
    cocos_key *key = NULL;

    PKI_NEED(cocos_key_generate(COCOS_KEY_P384, &key, NULL) == COCOS_OK &&
             cocos_key_to_pem(key, 0, &key_pem, NULL) == COCOS_OK);
    base = snp_policy(&milan);
    PKI_NEED(cocos_policy_to_json(base, &base_json, NULL) == COCOS_OK);
    roots = pki_pem(both, 2);
    leaf = pki_der(vcek);
    cocos_key_free(key);
    X509_free(vcek);
    EVP_PKEY_free(chip);
    snp_authority_free(&milan);
    snp_authority_free(&genoa);
}

static void done(void)
{
    cocos_policy_free(base);
    cocos_free_text(base_json);
    cocos_free_text(key_pem);
    free(roots.data);
    free(leaf.data);
}

/* ---- whole policies ---- */

static int make_new(void *user, cocos_error **err)
{
    cocos_policy *policy = NULL;
    int r = cocos_policy_new(&policy, err);

    (void)user;
    cocos_policy_free(policy);
    return r;
}

static int read_and_write(void *user, cocos_error **err)
{
    cocos_policy *policy = NULL;
    char *text[3] = {NULL, NULL, NULL};

    (void)user;
    int r = cocos_policy_from_json(base_json, strlen(base_json), &policy, err);
    if (r == COCOS_OK)
        r = cocos_policy_to_json(policy, &text[0], err);
    if (r == COCOS_OK)
        r = cocos_policy_explain(policy, &text[1], err);
    if (r == COCOS_OK)
        r = cocos_policy_explain_json(policy, &text[2], err);
    for (int i = 0; i < 3; i++)
        cocos_free_text(text[i]);
    cocos_policy_free(policy);
    return r;
}

static int refuse(void *user, cocos_error **err)
{
    static const char text[] = "{\"version\":2,\"x\":1,\"snp\":{\"vmpl\":[9],\"chip_id\":\"zz\"}}";
    cocos_policy *policy = NULL;

    (void)user;
    return allocfail_refused(cocos_policy_from_json(text, strlen(text), &policy, err), err);
}

START_TEST(reads_writes_and_explains_policies)
{
    ck_assert_uint_gt(allocfail_sweep(make_new, NULL), 0);
    ck_assert_uint_gt(allocfail_sweep(read_and_write, NULL), 0);
    ck_assert_uint_gt(allocfail_sweep(refuse, NULL), 0);
}
END_TEST

/* ---- changes ---- */

typedef int (*change)(cocos_policy *policy, cocos_error **err);

static int set_hex(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_set(policy, "snp.family_id", "000102030405060708090a0b0c0d0e0f", err);
}

static int set_key(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_set(policy, "snp.id_keys", key_pem, err);
}

static int add_key(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_add(policy, "snp.author_keys", key_pem, err);
}

static int add_hex(cocos_policy *policy, cocos_error **err)
{
    char text[97];

    memset(text, 'b', 96);
    text[96] = '\0';
    return cocos_policy_add(policy, "snp.measurement", text, err);
}

static int set_bytes(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_set_bytes(policy, "snp.chip_id", leaf.data, 64, err);
}

static int set_certificate(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_set_bytes(policy, "snp.id_keys", leaf.data, leaf.len, err);
}

static int add_roots(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_add_root(policy, roots.data, roots.len, err);
}

static int add_pcrs(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_add_pcrs(policy, PCR_4, strlen(PCR_4), err);
}

static void need_says(const cocos_policy *policy, const char *json)
{
    char *text = NULL;

    allocfail.countdown = 0; /* where the change needed less memory */
    if (cocos_policy_to_json(policy, &text, NULL) < 0 || strcmp(text, json) != 0)
        abort();
    cocos_free_text(text);
}

/* `json`: what a policy says after the change. */
static int on_a_copy(change fn, const char *json, cocos_error **err)
{
    cocos_policy *policy = NULL;
    int r = cocos__policy_copy(base, &policy, err);

    if (r == COCOS_OK) {
        r = fn(policy, err);
        need_says(policy, r == COCOS_OK ? json : base_json);
    }
    cocos_policy_free(policy);
    return r;
}

typedef struct changing {
    change fn;
    char *json;
} changing;

static int succeed(void *user, cocos_error **err)
{
    const changing *c = user;

    return on_a_copy(c->fn, c->json, err);
}

static char *changed(change fn)
{
    cocos_policy *policy = NULL;
    cocos_error *err = NULL;
    char *json = NULL;

    assert_ok(cocos__policy_copy(base, &policy, &err), err);
    assert_ok(fn(policy, &err), err);
    assert_ok(cocos_policy_to_json(policy, &json, &err), err);
    ck_assert_str_ne(json, base_json);
    cocos_policy_free(policy);
    return json;
}

START_TEST(a_change_is_made_whole_or_not_at_all)
{
    static const change all[] = {set_hex,   set_key,         add_key,   add_hex,
                                 set_bytes, set_certificate, add_roots, add_pcrs};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        changing c = {all[i], changed(all[i])};
        ck_assert_uint_gt(allocfail_sweep_some(succeed, &c, 100, 3), 0);
        cocos_free_text(c.json);
    }
}
END_TEST

static int set_no_hex(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_set(policy, "snp.chip_id", "zz", err);
}

static int add_another_length(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_add(policy, "snp.measurement", "bbbb", err);
}

static int set_no_key(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_set_bytes(policy, "snp.id_keys", roots.data, roots.len, err);
}

static int add_no_root(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_add_root(policy, leaf.data, leaf.len, err);
}

static int add_no_pcrs(cocos_policy *policy, cocos_error **err)
{
    return cocos_policy_add_pcrs(policy, PCR_4, strlen(PCR_4) - 1, err);
}

static int never_succeed(void *user, cocos_error **err)
{
    return allocfail_refused(on_a_copy(*(change *)user, NULL, err), err);
}

START_TEST(never_takes_a_value_that_is_none)
{
    static change all[] = {set_no_hex, add_another_length, set_no_key, add_no_root, add_no_pcrs};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ck_assert_uint_gt(allocfail_sweep_some(never_succeed, &all[i], 100, 3), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {reads_writes_and_explains_policies,
                                  a_change_is_made_whole_or_not_at_all,
                                  never_takes_a_value_that_is_none, NULL};

    make();
    int failed = run_suite("policy_memory", tests, 100);
    done();
    return failed;
}
