/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <time.h>

#include <cocos/key.h>
#include <cocos/verifier.h>

#include "evidence_session.h"
#include "scratch.h"

static cocos_error *err;

static cocos__attester *open_sim(const char *providers, const char *dir)
{
    cocos__attester_options o = {.providers = providers, .simulator = dir, .vmpl = -1};
    cocos__attester *a = NULL;

    assert_ok(cocos__attester_open(&o, &a, &err), err);
    return a;
}

static void add_file(cocos_evidence *ev, int part, const char *name)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    char path[4300];

    cocos__buf_init(&b, 65536);
    snprintf(path, sizeof path, "%s/%s", session_simulator(), name);
    assert_ok(cocos__read_file(path, 32768, &b, &err), err);
    assert_ok(cocos_evidence_add(ev, part, b.data, b.len, &err), err);
}

/* Accepts what the simulator makes, for these claims, when `root` is listed. */
static cocos_policy *policy_of(const char *kind, const cocos__envelope *e, const char *root)
{
    static const char *const rules[2][7][2] = {{{"snp.products", "Milan"},
                                                {"snp.measurement", "any"},
                                                {"coverage.kernel", "snp.measurement"},
                                                {"coverage.command_line", "snp.measurement"},
                                                {"coverage.initrd", "snp.measurement"},
                                                {"coverage.agent", "snp.measurement"}},
                                               {{"tdx.fmspc", "00806f050000"},
                                                {"tdx.mrtd", "any"},
                                                {"coverage.kernel", "any"},
                                                {"coverage.command_line", "any"},
                                                {"coverage.initrd", "any"},
                                                {"coverage.agent", "any"}}};
    int tdx = strcmp(kind, "tdx") == 0;
    cocos_policy *policy = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf pem;
    uint8_t data[64];
    char path[4300];

    cocos__buf_init(&pem, 65536);
    assert_ok(cocos_policy_new(&policy, &err), err);
    for (size_t i = 0; rules[tdx][i][0]; i++)
        assert_ok(cocos_policy_set(policy, rules[tdx][i][0], rules[tdx][i][1], &err), err);
    uint8_t measured[48];
    memset(measured, 0xa1, sizeof measured);
    assert_ok(
        cocos_policy_set_bytes(policy, tdx ? "tdx.mrtd" : "snp.measurement", measured, 48, &err),
        err);
    assert_ok(cocos__claims_report_data(e->claims, data, &err), err);
    assert_ok(
        cocos_policy_set_bytes(policy, tdx ? "tdx.report_data" : "snp.report_data", data, 64, &err),
        err);
    if (root) {
        snprintf(path, sizeof path, "%s/%s", session_simulator(), root);
        assert_ok(cocos__read_file(path, 32768, &pem, &err), err);
        assert_ok(cocos_policy_add_root(policy, pem.data, pem.len, &err), err);
    }
    return policy;
}

static int
judge(const char *kind, const cocos__envelope *e, const char *root, cocos_verdict **verdict)
{
    int tdx = strcmp(kind, "tdx") == 0;
    cocos__span main = session_part(e, tdx ? COCOS__MEDIA_TDX_QUOTE : COCOS__MEDIA_SNP_REPORT);
    cocos__span certs = session_part(e, COCOS__MEDIA_SNP_CERTS);
    cocos_policy *policy = policy_of(kind, e, root);
    cocos_verifier *verifier = NULL;
    cocos_evidence *ev = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    assert_ok(cocos_evidence_new(tdx ? COCOS_EVIDENCE_TDX : COCOS_EVIDENCE_SNP, main.data, main.len,
                                 &ev, &err),
              err);
    if (tdx) {
        add_file(ev, COCOS_PART_TCB_INFO, "tdx-tcb-info.json");
        add_file(ev, COCOS_PART_QE_IDENTITY, "tdx-qe-identity.json");
        add_file(ev, COCOS_PART_TCB_CHAIN, "tdx-tcb-chain.pem");
        add_file(ev, COCOS_PART_CRL, "tdx-crl-root.der");
        add_file(ev, COCOS_PART_CRL, "tdx-crl-pck.der");
    } else {
        assert_ok(cocos_evidence_add(ev, COCOS_PART_CERT_TABLE, certs.data, certs.len, &err), err);
        add_file(ev, COCOS_PART_CRL, "snp-crl.der");
    }
    int r = cocos_verifier_verify(verifier, ev, time(NULL) * INT64_C(1000000000), COCOS_TIME_CLOCK,
                                  verdict, NULL);
    cocos_evidence_free(ev);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    return r;
}

static const char *const kinds[] = {"snp", "tdx"};
static const char *const names[] = {"sim-snp", "sim-tdx"};
static const char *const roots[] = {"snp-root.pem", "tdx-root.pem"};

START_TEST(is_accepted_as_simulated_where_its_root_is_listed)
{
    COCOS__CLEANUP(cocos__attester_closep)
    cocos__attester *a = open_sim(names[_i], session_simulator());
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    cocos_verdict *verdict = NULL;
    char *table = NULL;

    ck_assert_str_eq(cocos__attester_platform(a), names[_i]);
    ck_assert_ptr_nonnull(strstr(cocos__attester_reasons(a), "SIMULATED"));
    ck_assert_ptr_null(cocos__attester_ak(a));
    session_evidence(a, &bytes, &e, &err);
    int r = judge(kinds[_i], &e, roots[_i], &verdict);
    assert_ok(cocos_verdict_to_table(verdict, &table, &err), err);
    ck_assert_msg(r == COCOS_OK, "%s", table);
    ck_assert_int_eq(cocos_verdict_simulated(verdict), 1);
    ck_assert_ptr_nonnull(strstr(table, "simulated"));
    cocos_free_text(table);
    cocos_verdict_free(verdict);
}
END_TEST

START_TEST(is_refused_by_policies_that_do_not_list_its_root)
{
    COCOS__CLEANUP(cocos__attester_closep)
    cocos__attester *a = open_sim(names[_i], session_simulator());
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    cocos_verdict *verdict = NULL;

    session_evidence(a, &bytes, &e, &err);
    ck_assert_int_eq(judge(kinds[_i], &e, NULL, &verdict), COCOS_ERR_REJECTED);
    cocos_verdict_free(verdict);
}
END_TEST

START_TEST(vouches_for_these_claims_and_no_others)
{
    COCOS__CLEANUP(cocos__attester_closep)
    cocos__attester *a = open_sim(names[_i], session_simulator());
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf other_bytes;
    cocos__envelope e;
    cocos__envelope other;
    cocos__claims claims = session_claims();
    cocos_verdict *verdict = NULL;

    session_evidence(a, &bytes, &e, &err);
    cocos__buf_init(&other_bytes, COCOS__ENVELOPE_MAX);
    claims.purpose = COCOS__PURPOSE_CHANNEL_CLIENT;
    assert_ok(cocos__attester_evidence(a, &claims, 0, NULL, &other_bytes, &err), err);
    assert_ok(cocos__envelope_parse((cocos__span){other_bytes.data, other_bytes.len}, &other, &err),
              err);
    other.claims = e.claims;
    ck_assert_int_eq(judge(kinds[_i], &other, roots[_i], &verdict), COCOS_ERR_REJECTED);
    cocos_verdict_free(verdict);
}
END_TEST

START_TEST(puts_no_byte_of_a_caller_into_what_is_signed)
{
    COCOS__CLEANUP(cocos__attester_closep)
    cocos__attester *a = open_sim("sim-snp,sim-tdx", session_simulator());
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    static const uint8_t nonce[64] = "bytes that a stranger chose, to be signed as they are";
    cocos__claims claims = {.purpose = COCOS__PURPOSE_RPC,
                            .challenge = {nonce, sizeof nonce},
                            .instance_id = session_instance};
    cocos__envelope e;

    ck_assert_str_eq(cocos__attester_platform(a), "sim-snp, sim-tdx");
    cocos__buf_init(&bytes, COCOS__ENVELOPE_MAX);
    assert_ok(cocos__attester_evidence(a, &claims, 0, NULL, &bytes, &err), err);
    assert_ok(cocos__envelope_parse((cocos__span){bytes.data, bytes.len}, &e, &err), err);
    ck_assert_uint_eq(e.n, 3);
    for (size_t i = 0; i < e.n; i++)
        ck_assert_ptr_null(memmem(e.parts[i].data.data, e.parts[i].data.len, nonce, 8));
    ck_assert_ptr_nonnull(memmem(e.claims.data, e.claims.len, nonce, sizeof nonce));
}
END_TEST

/* Returns user when all went well: Check's assertions may not be used in threads. */
static void *make_many(void *user)
{
    cocos__claims claims = session_claims();

    for (int i = 0; i < 8; i++) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
        cocos__envelope e;

        cocos__buf_init(&bytes, COCOS__ENVELOPE_MAX);
        if (cocos__attester_evidence(user, &claims, 0, NULL, &bytes, NULL) < 0 ||
            cocos__envelope_parse((cocos__span){bytes.data, bytes.len}, &e, NULL) < 0 || e.n != 2)
            return NULL;
    }
    return user;
}

START_TEST(serves_many_threads_at_once)
{
    COCOS__CLEANUP(cocos__attester_closep)
    cocos__attester *a = open_sim("sim-snp", session_simulator());
    pthread_t t[4];

    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, make_many, a), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(t[i], &result);
        ck_assert_ptr_eq(result, a);
    }
}
END_TEST

START_TEST(is_never_chosen_unless_named)
{
    cocos__attester_options o = {.simulator = session_simulator(),
                                 .tsm_dir = "/nonexistent",
                                 .sev_guest = "/nonexistent",
                                 .tdx_guest = "/nonexistent",
                                 .tcti = "device:/nonexistent",
                                 .vmpl = -1};
    COCOS__CLEANUP(cocos__attester_closep) cocos__attester *a = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__claims claims = session_claims();
    static const uint8_t digest[32];

    assert_ok(cocos__attester_open(&o, &a, &err), err);
    ck_assert_str_eq(cocos__attester_platform(a), "none");
    cocos__buf_init(&bytes, COCOS__ENVELOPE_MAX);
    assert_fails(cocos__attester_evidence(a, &claims, 0, NULL, &bytes, &err), COCOS_ERR_UNSUPPORTED,
                 "evidence.none", err);
    ck_assert_uint_eq(bytes.len, 0);
    assert_ok(cocos__attester_extend_manifest(a, digest, 0, &err), err);
    ck_assert_uint_eq(cocos__attester_abandoned(a), 0);
}
END_TEST

START_TEST(refuses_a_provider_that_is_unknown_or_not_there)
{
    cocos__attester_options o = {.providers = "sim-snp, sgx", .simulator = session_simulator()};
    cocos__attester *a = NULL;

    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_UNSUPPORTED, "evidence.provider",
                 err);
    o.providers = "sim-snp";
    o.simulator = NULL;
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_UNSUPPORTED, "evidence.provider",
                 err);
    o.simulator = "/nonexistent";
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_UNSUPPORTED, "evidence.provider",
                 err);
}
END_TEST

static void copy_file(const scratch *s, const char *from, const char *to, size_t cut)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    char path[4300];

    cocos__buf_init(&b, 65536);
    snprintf(path, sizeof path, "%s/%s", session_simulator(), from);
    assert_ok(cocos__read_file(path, 32768, &b, &err), err);
    scratch_write_bytes(s, to, b.data, b.len - cut, 0600);
}

START_TEST(refuses_files_that_are_not_its_own)
{
    scratch s = scratch_new();
    cocos__attester_options o = {.providers = "sim-snp", .simulator = s.path, .vmpl = -1};
    cocos__attester *a = NULL;

    copy_file(&s, "snp-rest.bin", "snp-rest.bin", 0);
    copy_file(&s, "snp-template.bin", "snp-template.bin", 0);
    copy_file(&s, "tdx-key.pem", "snp-key.pem", 0);
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_MALFORMED, "evidence.provider", err);
    copy_file(&s, "snp-key.pem", "snp-key.pem", 0);
    copy_file(&s, "snp-template.bin", "snp-template.bin", 1);
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_MALFORMED, "evidence.provider", err);
    copy_file(&s, "snp-template.bin", "snp-template.bin", 0);
    assert_ok(cocos__attester_open(&o, &a, &err), err);
    cocos__attester_close(a);
    scratch_free(&s);
}
END_TEST

START_TEST(refuses_claims_that_their_purpose_does_not_have)
{
    COCOS__CLEANUP(cocos__attester_closep)
    cocos__attester *a = open_sim("sim-snp", session_simulator());
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__claims claims = session_claims();

    claims.leaf = NULL;
    cocos__buf_init(&bytes, COCOS__ENVELOPE_MAX);
    assert_fails(cocos__attester_evidence(a, &claims, 0, NULL, &bytes, &err), COCOS_ERR_USAGE,
                 "claims.form", err);
    ck_assert_uint_eq(bytes.len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulator");
    TCase *tc = tcase_create("simulator");
    const TTest *const once[] = {puts_no_byte_of_a_caller_into_what_is_signed,
                                 serves_many_threads_at_once,
                                 is_never_chosen_unless_named,
                                 refuses_a_provider_that_is_unknown_or_not_there,
                                 refuses_files_that_are_not_its_own,
                                 refuses_claims_that_their_purpose_does_not_have};

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, is_accepted_as_simulated_where_its_root_is_listed, 0, 2);
    tcase_add_loop_test(tc, is_refused_by_policies_that_do_not_list_its_root, 0, 2);
    tcase_add_loop_test(tc, vouches_for_these_claims_and_no_others, 0, 2);
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        tcase_add_test(tc, once[i]);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
