/* SPDX-License-Identifier: Apache-2.0 */
/* SNP and TDX through the kernel's interfaces, played by a file system of our own. */
#include <time.h>

#include <cocos/verifier.h>

#include "guest_devices.h"

#define MS INT64_C(1000000)

static cocos_error *err;

/* Paths of the options, for one test. */
static char tsm_dir[128];
static char sev_guest[128];
static char tdx_guest[128];

static cocos__attester_options options(const guest *g, const char *providers)
{
    snprintf(tsm_dir, sizeof tsm_dir, "%s/tsm", g->dir.path);
    snprintf(sev_guest, sizeof sev_guest, "%s/sev-guest", g->dir.path);
    snprintf(tdx_guest, sizeof tdx_guest, "%s/tdx_guest", g->dir.path);
    return (cocos__attester_options){.providers = providers,
                                     .tsm_dir = tsm_dir,
                                     .sev_guest = sev_guest,
                                     .tdx_guest = tdx_guest,
                                     .tcti = "device:/nonexistent",
                                     .ccel = "/nonexistent",
                                     .vmpl = -1};
}

static cocos__attester *open_with(const cocos__attester_options *o)
{
    cocos__attester *a = NULL;

    assert_ok(cocos__attester_open(o, &a, &err), err);
    return a;
}

static cocos__attester *open_guest(const guest *g, const char *providers)
{
    cocos__attester_options o = options(g, providers);

    return open_with(&o);
}

/* A guest whose kernel has the device only. */
static cocos__attester *open_device(const guest *g, int vmpl)
{
    cocos__attester_options o = options(g, "snp");

    o.tsm_dir = "/nonexistent";
    o.vmpl = vmpl;
    return open_with(&o);
}

static int ask(cocos__attester *a, int64_t deadline_ns)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__claims claims = session_claims();

    cocos__buf_init(&bytes, COCOS__ENVELOPE_MAX);
    return cocos__attester_evidence(a, &claims, deadline_ns, NULL, &bytes, &err);
}

/* The whole verifier over the whole envelope, the simulator's root listed. */
static void expect_accepted(const cocos__buf *bytes, int tdx)
{
    static const char *const rules[2][7][2] = {{{"snp.products", "Milan"},
                                                {"snp.revocation", "any"},
                                                {"coverage.kernel", "snp.measurement"},
                                                {"coverage.command_line", "snp.measurement"},
                                                {"coverage.initrd", "snp.measurement"},
                                                {"coverage.agent", "snp.measurement"}},
                                               {{"tdx.fmspc", "00806f050000"},
                                                {"coverage.kernel", "any"},
                                                {"coverage.command_line", "any"},
                                                {"coverage.initrd", "any"},
                                                {"coverage.agent", "any"}}};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf file;
    static const struct {
        int part;
        const char *name;
    } collateral[] = {{COCOS_PART_TCB_INFO, "tdx-tcb-info.json"},
                      {COCOS_PART_QE_IDENTITY, "tdx-qe-identity.json"},
                      {COCOS_PART_TCB_CHAIN, "tdx-tcb-chain.pem"},
                      {COCOS_PART_CRL, "tdx-crl-root.der"},
                      {COCOS_PART_CRL, "tdx-crl-pck.der"}};
    uint8_t measured[48];
    char path[4300];
    cocos_policy *policy = NULL;
    cocos_verifier *verifier = NULL;
    cocos_evidence *ev = NULL;
    cocos_verdict *verdict = NULL;

    cocos__buf_init(&file, 65536);
    assert_ok(cocos_policy_new(&policy, &err), err);
    for (size_t i = 0; rules[tdx][i][0]; i++)
        assert_ok(cocos_policy_set(policy, rules[tdx][i][0], rules[tdx][i][1], &err), err);
    memset(measured, 0xa1, sizeof measured);
    assert_ok(
        cocos_policy_set_bytes(policy, tdx ? "tdx.mrtd" : "snp.measurement", measured, 48, &err),
        err);
    snprintf(path, sizeof path, "%s/%s-root.pem", session_simulator(), tdx ? "tdx" : "snp");
    assert_ok(cocos__read_file(path, 32768, &file, &err), err);
    assert_ok(cocos_policy_add_root(policy, file.data, file.len, &err), err);
    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    assert_ok(cocos_evidence_new(0, bytes->data, bytes->len, &ev, &err), err);
    assert_ok(
        cocos_evidence_expect(ev, COCOS_CLAIM_PURPOSE, (const uint8_t *)"channel-server", 14, &err),
        err);
    assert_ok(cocos_evidence_expect(ev, COCOS_CLAIM_CHALLENGE, session_challenge,
                                    sizeof session_challenge, &err),
              err);
    assert_ok(cocos_evidence_expect(ev, COCOS_CLAIM_LEAF, session_leaf, sizeof session_leaf, &err),
              err);
    for (size_t i = 0; tdx && i < sizeof collateral / sizeof *collateral; i++) {
        cocos__buf_reset(&file);
        snprintf(path, sizeof path, "%s/%s", session_simulator(), collateral[i].name);
        assert_ok(cocos__read_file(path, 32768, &file, &err), err);
        assert_ok(cocos_evidence_add(ev, collateral[i].part, file.data, file.len, &err), err);
    }
    char failed[4000] = "";
    int r = cocos_verifier_verify(verifier, ev, time(NULL) * INT64_C(1000000000), COCOS_TIME_CLOCK,
                                  &verdict, &err);
    ck_assert_ptr_nonnull(verdict);
    for (size_t i = 0; i < cocos_verdict_row_count(verdict); i++) {
        if (*cocos_verdict_row_text(verdict, i, COCOS_ROW_CODE))
            snprintf(failed + strlen(failed), sizeof failed - strlen(failed), " %s (%s)",
                     cocos_verdict_row_text(verdict, i, COCOS_ROW_NAME),
                     cocos_verdict_row_text(verdict, i, COCOS_ROW_CODE));
    }
    ck_assert_msg(r == COCOS_OK, "not passed:%s", failed);
    cocos_verdict_free(verdict);
    cocos_evidence_free(ev);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
}

/* ---- configfs-tsm ---- */

START_TEST(configfs_gives_reports_that_the_verifier_accepts)
{
    static const char *const names[] = {"snp", "tdx"};
    static const int kinds[] = {GUEST_SNP, GUEST_TDX};
    guest *g = guest_start(kinds[_i]);
    cocos__attester *a = open_guest(g, NULL); /* chosen without being named */
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    uint8_t want[64];

    ck_assert_str_eq(cocos__attester_platform(a), names[_i]);
    ck_assert_ptr_nonnull(strstr(cocos__attester_reasons(a), "not in use"));
    session_evidence(a, &bytes, &e, &err);
    expect_accepted(&bytes, _i);
    assert_ok(cocos__claims_report_data(e.claims, want, &err), err);
    ck_assert_mem_eq(g->last_data, want, 64);
    ck_assert_int_eq(guest_open_entries(g), 0);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(configfs_asks_at_the_lowest_level_or_at_the_one_that_is_wanted)
{
    guest *g = guest_start(GUEST_SNP);
    cocos__attester_options o = options(g, "snp");
    static const int wanted[] = {-1, 2, 3};
    static const uint8_t got[] = {1, 2, 3};

    g->floor = 1;
    for (size_t i = 0; i < 3; i++) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
        cocos__envelope e;
        o.vmpl = wanted[i];
        cocos__attester *a = open_with(&o);
        session_evidence(a, &bytes, &e, &err);
        ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_SNP_REPORT).data[0x30], got[i]);
        cocos__attester_close(a);
    }
    o.vmpl = 0;
    cocos__attester *a = open_with(&o);
    assert_fails(ask(a, 0), COCOS_ERR_UNSUPPORTED, "evidence.vmpl", err);
    ck_assert_int_eq(guest_open_entries(g), 0);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(configfs_lets_an_svsm_ask_where_there_is_one)
{
    guest *g = guest_start(GUEST_SNP);
    cocos__attester_options o = options(g, "snp");
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf own;
    cocos__envelope e;

    g->svsm = 1;
    g->floor = 2;
    cocos__attester *a = open_with(&o);
    ck_assert_ptr_nonnull(strstr(cocos__attester_reasons(a), "SVSM"));
    session_evidence(a, &bytes, &e, &err);
    ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_SNP_REPORT).data[0x30], 0);
    ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_SVSM_MANIFEST).len, 100);
    cocos__attester_close(a);

    /* One that wants its own level does not get the SVSM's. */
    o.vmpl = 2;
    a = open_with(&o);
    session_evidence(a, &own, &e, &err);
    ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_SNP_REPORT).data[0x30], 2);
    ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_SVSM_MANIFEST).len, 0);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(configfs_without_certificates_gives_the_report_alone)
{
    guest *g = guest_start(GUEST_SNP);
    cocos__attester *a = open_guest(g, "snp");
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;

    g->certs = 0;
    session_evidence(a, &bytes, &e, &err);
    ck_assert_uint_eq(e.n, 1);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(tdx_gives_the_log_of_its_registers_too)
{
    guest *g = guest_start(GUEST_TDX);
    scratch s = scratch_new();
    cocos__attester_options o = options(g, "tdx");
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    char path[80];

    scratch_write(&s, "ccel", "the log", 0600);
    snprintf(path, sizeof path, "%s/ccel", s.path);
    o.ccel = path;
    cocos__attester *a = open_with(&o);
    session_evidence(a, &bytes, &e, &err);
    ck_assert_mem_eq(session_part(&e, COCOS__MEDIA_CCEL).data, "the log", 7);
    cocos__attester_close(a);
    scratch_free(&s);
    guest_stop(g);
}
END_TEST

START_TEST(an_answer_of_somebody_elses_request_is_not_taken)
{
    guest *g = guest_start(GUEST_SNP);
    cocos__attester *a = open_guest(g, "snp");

    atomic_store(&g->faults_left, 2);
    atomic_store(&g->fault, GUEST_SECOND_HAND);
    int before = atomic_load(&g->entries);
    assert_ok(ask(a, 0), err);
    ck_assert_int_eq(atomic_load(&g->entries) - before, 3); /* each try in a directory of its own */
    atomic_store(&g->faults_left, 1000);
    assert_fails(ask(a, 0), COCOS_ERR_IO, "evidence.device", err);
    ck_assert_int_eq(guest_open_entries(g), 0);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(a_driver_that_is_busy_is_asked_again)
{
    guest *g = guest_start(GUEST_TDX);
    cocos__attester *a = open_guest(g, "tdx");

    atomic_store(&g->faults_left, 3);
    atomic_store(&g->fault, GUEST_BUSY);
    assert_ok(ask(a, 0), err);
    atomic_store(&g->faults_left, 1000000);
    assert_fails(ask(a, cocos_deadline_in(200 * MS)), COCOS_ERR_TIMEOUT, "evidence.timeout", err);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(a_driver_that_fails_or_answers_wrongly_is_named)
{
    static const int faults[] = {GUEST_BROKEN, GUEST_OTHER_DATA, GUEST_SHORT};
    guest *g = guest_start(GUEST_SNP);
    cocos__attester *a = open_guest(g, "snp");

    for (size_t i = 0; i < 3; i++) {
        atomic_store(&g->fault, faults[i]);
        assert_fails(ask(a, 0), COCOS_ERR_IO, "evidence.device", err);
        atomic_store(&g->fault, GUEST_GOOD);
        assert_ok(ask(a, 0), err);
    }
    ck_assert_int_eq(guest_open_entries(g), 0);
    cocos__attester_close(a);
    guest_stop(g);

    g = guest_start(GUEST_TDX);
    a = open_guest(g, "tdx");
    atomic_store(&g->fault, GUEST_OTHER_DATA);
    assert_fails(ask(a, 0), COCOS_ERR_IO, "evidence.device", err);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(a_driver_that_hangs_costs_a_caller_its_deadline_and_nobody_the_process)
{
    guest *g = guest_start(GUEST_SNP);
    cocos__attester_options o = options(g, "snp");

    o.device_ns = 2000 * MS;
    cocos__attester *a = open_with(&o);
    atomic_store(&g->fault, GUEST_HOLD);
    /* On a busy machine a short time may be over before the request is put to the device. */
    for (int64_t ns = 50 * MS; cocos__attester_abandoned(a) == 0; ns *= 2)
        assert_fails(ask(a, cocos_deadline_in(ns)), COCOS_ERR_TIMEOUT, "evidence.timeout", err);
    ck_assert_uint_eq(cocos__attester_abandoned(a), 1);
    /* Queued behind it until it is overdue, then refused, and never put to the device. */
    assert_fails(ask(a, 0), COCOS_ERR_BUSY, "evidence.busy", err);
    assert_fails(ask(a, 0), COCOS_ERR_BUSY, "evidence.busy", err);
    ck_assert_int_le(atomic_load(&g->asked), 1);
    atomic_store(&g->fault, GUEST_GOOD);
    for (int i = 0; cocos__attester_abandoned(a); i++) {
        ck_assert_int_lt(i, 2000);
        poll(NULL, 0, 10);
    }
    assert_ok(ask(a, 0), err);
    ck_assert_int_eq(atomic_load(&g->asked), 2);
    ck_assert_int_eq(guest_open_entries(g), 0);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(a_real_and_a_simulated_one_of_a_kind_are_not_mixed)
{
    guest *g = guest_start(GUEST_SNP);
    cocos__attester_options o = options(g, "snp,sim-snp");
    cocos__attester *a = NULL;

    o.simulator = session_simulator();
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_UNSUPPORTED, "evidence.provider",
                 err);
    guest_stop(g);
}
END_TEST

/* ---- the devices ---- */

START_TEST(the_device_gives_extended_reports_that_the_verifier_accepts)
{
    guest *g = guest_start(GUEST_NOTHING);
    cocos__attester *a = open_guest(g, NULL);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    uint8_t want[64];

    ck_assert_str_eq(cocos__attester_platform(a), "snp");
    ck_assert_ptr_nonnull(strstr(cocos__attester_reasons(a), "no driver gives reports"));
    session_evidence(a, &bytes, &e, &err);
    expect_accepted(&bytes, 0);
    /* The table comes in whole pages; what is sent ends with its last certificate. */
    ck_assert_uint_lt(session_part(&e, COCOS__MEDIA_SNP_CERTS).len, GUEST_CERTS);
    assert_ok(cocos__claims_report_data(e.claims, want, &err), err);
    ck_assert_mem_eq(g->last_data, want, 64);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(the_device_is_asked_at_the_lowest_level_that_it_takes)
{
    guest *g = guest_start(GUEST_NOTHING);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;

    g->floor = 2;
    cocos__attester *a = open_device(g, -1);
    session_evidence(a, &bytes, &e, &err);
    ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_SNP_REPORT).data[0x30], 2);
    int made = atomic_load(&g->reports);
    assert_ok(ask(a, 0), err);
    ck_assert_int_eq(atomic_load(&g->reports) - made, 1); /* and remembered */
    cocos__attester_close(a);

    a = open_device(g, 1);
    assert_fails(ask(a, 0), COCOS_ERR_IO, "evidence.device", err);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(the_device_without_certificates_gives_the_report_alone)
{
    guest *g = guest_start(GUEST_NOTHING);
    cocos__attester *a = open_device(g, -1);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;

    g->certs = 0;
    session_evidence(a, &bytes, &e, &err);
    ck_assert_uint_eq(e.n, 1);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(a_device_that_is_busy_or_fails_is_told_apart)
{
    static const int faults[] = {GUEST_BROKEN, GUEST_OTHER_DATA, GUEST_SHORT, GUEST_FIRMWARE};
    guest *g = guest_start(GUEST_NOTHING);
    cocos__attester *a = open_device(g, -1);

    atomic_store(&g->faults_left, 3);
    atomic_store(&g->fault, GUEST_BUSY);
    assert_ok(ask(a, 0), err);
    atomic_store(&g->faults_left, 1000000);
    assert_fails(ask(a, cocos_deadline_in(200 * MS)), COCOS_ERR_TIMEOUT, "evidence.timeout", err);
    for (size_t i = 0; i < 4; i++) {
        atomic_store(&g->fault, faults[i]);
        assert_fails(ask(a, 0), COCOS_ERR_IO, "evidence.device", err);
    }
    atomic_store(&g->fault, GUEST_GOOD);
    assert_ok(ask(a, 0), err);
    cocos__attester_close(a);
    guest_stop(g);
}
END_TEST

START_TEST(the_tdx_device_alone_is_refused_with_the_reason)
{
    guest *g = guest_start(GUEST_NOTHING);
    cocos__attester_options o = options(g, "tdx");
    cocos__attester *a = NULL;

    o.tsm_dir = "/nonexistent";
    ck_assert_int_eq(cocos__attester_open(&o, &a, &err), COCOS_ERR_UNSUPPORTED);
    ck_assert_str_eq(cocos_error_code(err), "evidence.provider");
    ck_assert_ptr_nonnull(strstr(cocos_error_message(cocos_error_cause(err)), "gives no quotes"));
    cocos_error_free(err);
    err = NULL;
    guest_stop(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        configfs_asks_at_the_lowest_level_or_at_the_one_that_is_wanted,
        configfs_lets_an_svsm_ask_where_there_is_one,
        configfs_without_certificates_gives_the_report_alone,
        tdx_gives_the_log_of_its_registers_too,
        an_answer_of_somebody_elses_request_is_not_taken,
        a_driver_that_is_busy_is_asked_again,
        a_driver_that_fails_or_answers_wrongly_is_named,
        a_driver_that_hangs_costs_a_caller_its_deadline_and_nobody_the_process,
        a_real_and_a_simulated_one_of_a_kind_are_not_mixed,
        the_device_gives_extended_reports_that_the_verifier_accepts,
        the_device_is_asked_at_the_lowest_level_that_it_takes,
        the_device_without_certificates_gives_the_report_alone,
        a_device_that_is_busy_or_fails_is_told_apart,
        the_tdx_device_alone_is_refused_with_the_reason};

    if (!guest_can_mount()) {
        printf("skipped: this machine lets nobody mount a file system in user space\n");
        return 77;
    }
    Suite *suite = suite_create("devices");
    TCase *tc = tcase_create("devices");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, configfs_gives_reports_that_the_verifier_accepts, 0, 2);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
