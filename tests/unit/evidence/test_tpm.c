/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence from a real software TPM, judged by our own verifier; and one that misbehaves. */
#include <time.h>

#include <cocos/key.h>
#include <cocos/verifier.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tcti_swtpm.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "evidence_session.h"
#include "swtpm.h"
#include "vtpm/message.h"

#define AK_HANDLE 0x81008f01
#define MS        INT64_C(1000000)

static cocos_error *err;

static const uint8_t manifest[32] = {0x3a, 0x01};
static const uint8_t second[32] = {0x3a, 0x02};

static cocos__attester_options options(const swtpm *t)
{
    return (cocos__attester_options){
        .providers = "tpm", .tcti = t->tcti, .security_dir = t->dir.path, .vmpl = -1};
}

static cocos__attester *open_with(const cocos__attester_options *o)
{
    cocos__attester *a = NULL;
    int r = cocos__attester_open(o, &a, &err);

    ck_assert_msg(r == COCOS_OK, "%s", cocos_error_message(cocos_error_cause(err)));
    return a;
}

static cocos__attester *open_tpm(const swtpm *t)
{
    cocos__attester_options o = options(t);

    return open_with(&o);
}

/* ---- judging ---- */

static void rule(cocos_policy *p, const char *name, const char *value)
{
    assert_ok(cocos_policy_set(p, name, value, &err), err);
}

/* Accepts quotes of these claims, whatever was measured, once the key is trusted. */
static cocos_policy *policy_for(const cocos__envelope *e)
{
    static const char *const any[] = {"vtpm.pcrs",       "coverage.firmware",
                                      "coverage.kernel", "coverage.command_line",
                                      "coverage.initrd", "coverage.agent"};
    cocos_policy *policy = NULL;

    assert_ok(cocos_policy_new(&policy, &err), err);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        rule(policy, any[i], "any");
    assert_ok(cocos_policy_set_bytes(policy, "claims", e->claims.data, e->claims.len, &err), err);
    return policy;
}

/* The verdict over the quotes of an envelope; takes the policy. */
static int judge(const cocos__envelope *e, cocos_policy *policy, char **table)
{
    cocos__span quotes = session_part(e, COCOS__MEDIA_TPM_QUOTES);
    cocos__span report = session_part(e, COCOS__MEDIA_SNP_REPORT);
    cocos__span certs = session_part(e, COCOS__MEDIA_SNP_CERTS);
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_evidence *ev = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    assert_ok(cocos_evidence_new(COCOS_EVIDENCE_VTPM, quotes.data, quotes.len, &ev, &err), err);
    if (report.len) {
        assert_ok(cocos_evidence_add(ev, COCOS_PART_TEE_REPORT, report.data, report.len, &err),
                  err);
        assert_ok(cocos_evidence_add(ev, COCOS_PART_CERT_TABLE, certs.data, certs.len, &err), err);
    }
    int r = cocos_verifier_verify(verifier, ev, time(NULL) * INT64_C(1000000000), COCOS_TIME_CLOCK,
                                  &verdict, &err);
    ck_assert_ptr_nonnull(verdict);
    assert_ok(cocos_verdict_to_table(verdict, table, NULL), err);
    cocos_error_free(err);
    err = NULL;
    cocos_verdict_free(verdict);
    cocos_evidence_free(ev);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    return r;
}

static void read_message(const cocos__envelope *e, cocos__vtpm_message *m)
{
    cocos__span quotes = session_part(e, COCOS__MEDIA_TPM_QUOTES);

    assert_ok(cocos__vtpm_message_read(quotes, m, &err), err);
}

/* ---- good TPMs ---- */

START_TEST(quotes_every_bank_so_that_the_verifier_accepts)
{
    swtpm t = swtpm_start();
    cocos__attester *a = open_tpm(&t);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    cocos__vtpm_message m;
    cocos__claims claims;
    char *table = NULL;

    ck_assert_str_eq(cocos__attester_platform(a), "tpm");
    session_evidence(a, &bytes, &e, &err);
    assert_ok(cocos__claims_parse(e.claims, &claims, &err), err);
    ck_assert_mem_eq(claims.ak, cocos__attester_ak(a), 32);
    read_message(&e, &m);
    ck_assert_uint_eq(m.n_quotes, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(m.quote[i].mask, 0xffffff);
    cocos_policy *policy = policy_for(&e);
    assert_ok(cocos_policy_set_bytes(policy, "vtpm.ak", cocos__attester_ak(a), 32, &err), err);
    int r = judge(&e, policy, &table);
    ck_assert_msg(r == COCOS_OK, "%s", table);
    cocos_free_text(table);
    cocos__attester_close(a);
    swtpm_stop(&t);
}
END_TEST

/* Taken from any other bytes than the claims, the nonce is another and the quote is refused. */
START_TEST(quotes_of_other_claims_are_refused)
{
    swtpm t = swtpm_start();
    cocos__attester *a = open_tpm(&t);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    char *table = NULL;
    uint8_t claims[COCOS__CLAIMS_MAX];

    session_evidence(a, &bytes, &e, &err);
    memcpy(claims, e.claims.data, e.claims.len);
    claims[e.claims.len - 1] ^= 1; /* compat: the last byte */
    e.claims.data = claims;
    cocos_policy *policy = policy_for(&e);
    assert_ok(cocos_policy_set_bytes(policy, "vtpm.ak", cocos__attester_ak(a), 32, &err), err);
    ck_assert_int_eq(judge(&e, policy, &table), COCOS_ERR_REJECTED);
    ck_assert_msg(strstr(table, "vtpm.nonce") != NULL, "%s", table);
    cocos_free_text(table);
    cocos__attester_close(a);
    swtpm_stop(&t);
}
END_TEST

START_TEST(a_simulated_report_vouches_for_the_key_of_a_real_tpm)
{
    static const char *const any[] = {"coverage.kernel", "coverage.command_line", "coverage.initrd",
                                      "coverage.agent", "snp.revocation"};
    swtpm t = swtpm_start();
    cocos__attester_options o = options(&t);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf pem;
    cocos__envelope e;
    uint8_t measured[48];
    char path[4300];
    char *table = NULL;

    o.providers = "tpm,sim-snp";
    o.simulator = session_simulator();
    cocos__attester *a = open_with(&o);
    ck_assert_str_eq(cocos__attester_platform(a), "sim-snp, tpm");
    session_evidence(a, &bytes, &e, &err);
    ck_assert_uint_eq(e.n, 3);

    cocos_policy *policy = policy_for(&e);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        rule(policy, any[i], "any");
    rule(policy, "snp.products", "Milan");
    rule(policy, "vtpm.ak_trust", "tee");
    rule(policy, "vtpm.binding", "claims");
    memset(measured, 0xa1, sizeof measured);
    assert_ok(cocos_policy_set_bytes(policy, "snp.measurement", measured, 48, &err), err);
    cocos__buf_init(&pem, 65536);
    snprintf(path, sizeof path, "%s/snp-root.pem", session_simulator());
    assert_ok(cocos__read_file(path, 32768, &pem, &err), err);
    assert_ok(cocos_policy_add_root(policy, pem.data, pem.len, &err), err);
    int r = judge(&e, policy, &table);
    ck_assert_msg(r == COCOS_OK, "%s", table);
    ck_assert_msg(strstr(table, "simulated") != NULL, "%s", table);
    cocos_free_text(table);
    cocos__attester_close(a);
    swtpm_stop(&t);
}
END_TEST

/* ---- the attestation key ---- */

/* Puts a signing key of another template at the handle. */
static void put_foreign(const swtpm *t)
{
    TPM2B_PUBLIC public = {
        .publicArea = {.type = TPM2_ALG_ECC,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                           TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_SIGN_ENCRYPT,
                       .parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
                                                .scheme.scheme = TPM2_ALG_NULL,
                                                .curveID = TPM2_ECC_NIST_P256,
                                                .kdf.scheme = TPM2_ALG_NULL}}};
    TPM2B_SENSITIVE_CREATE sensitive = {.size = 0};
    TPML_PCR_SELECTION pcrs = {.count = 0};
    TPM2B_DATA outside = {.size = 0};
    TSS2_TCTI_CONTEXT *tcti = NULL;
    ESYS_CONTEXT *esys = NULL;
    ESYS_TR key;
    ESYS_TR kept;
    ESYS_TR old;
    size_t size = 0;

    ck_assert_uint_eq(Tss2_Tcti_Swtpm_Init(NULL, &size, NULL), 0);
    tcti = calloc(1, size);
    ck_assert_uint_eq(Tss2_Tcti_Swtpm_Init(tcti, &size, t->tcti + 6), 0);
    ck_assert_uint_eq(Esys_Initialize(&esys, tcti, NULL), 0);
    ck_assert_uint_eq(
        Esys_TR_FromTPMPublic(esys, AK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &old), 0);
    ck_assert_uint_eq(Esys_EvictControl(esys, ESYS_TR_RH_OWNER, old, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                        ESYS_TR_NONE, AK_HANDLE, &kept),
                      0);
    ck_assert_uint_eq(Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                         ESYS_TR_NONE, &sensitive, &public, &outside, &pcrs, &key,
                                         NULL, NULL, NULL, NULL),
                      0);
    ck_assert_uint_eq(Esys_EvictControl(esys, ESYS_TR_RH_OWNER, key, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                        ESYS_TR_NONE, AK_HANDLE, &kept),
                      0);
    ck_assert_uint_eq(Esys_FlushContext(esys, key), 0);
    Esys_Finalize(&esys);
    Tss2_Tcti_Finalize(tcti);
    free(tcti);
}

START_TEST(makes_its_key_once_and_replaces_what_is_none_of_its)
{
    swtpm t = swtpm_start();
    uint8_t first[32];

    cocos__attester *a = open_tpm(&t);
    ck_assert_ptr_nonnull(strstr(cocos__attester_reasons(a), "key made"));
    memcpy(first, cocos__attester_ak(a), 32);
    cocos__attester_close(a);

    a = open_tpm(&t);
    ck_assert_ptr_nonnull(strstr(cocos__attester_reasons(a), "key found"));
    ck_assert_mem_eq(cocos__attester_ak(a), first, 32);
    cocos__attester_close(a);

    put_foreign(&t);
    a = open_tpm(&t);
    ck_assert_ptr_nonnull(strstr(cocos__attester_reasons(a), "key made"));
    ck_assert_mem_eq(cocos__attester_ak(a), first, 32); /* it follows from the owner's seed */
    cocos__attester_close(a);
    swtpm_stop(&t);
}
END_TEST

/* ---- registers ---- */

/* PCR 15 after these manifests, as the definition has it. */
static void expect_pcr15(const cocos__vtpm_quote *q, const uint8_t *const *manifests, size_t n)
{
    int alg = cocos__bank_digest(q->bank);
    size_t size = cocos__bank_size(q->bank);
    uint8_t folded[128] = {0};
    uint8_t text[17 + 32] = "cocos-manifest/1";

    for (size_t i = 0; i < n; i++) {
        memcpy(text + 17, manifests[i], 32);
        assert_ok(cocos__digest(alg, text, sizeof text, folded + size, &err), err);
        assert_ok(cocos__digest(alg, folded, 2 * size, folded, &err), err);
    }
    ck_assert_uint_eq(q->pcr[15].len, size);
    ck_assert_mem_eq(q->pcr[15].data, folded, size);
}

static void expect_manifests(cocos__attester *a, const uint8_t *const *manifests, size_t n)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;
    cocos__vtpm_message m;

    session_evidence(a, &bytes, &e, &err);
    read_message(&e, &m);
    ck_assert_uint_eq(m.n_quotes, 4);
    for (size_t i = 0; i < m.n_quotes; i++)
        expect_pcr15(&m.quote[i], manifests, n);
    cocos__span list = session_part(&e, COCOS__MEDIA_EXTENDS);
    ck_assert_int_eq(list.len > 0, n > 0);
    for (size_t i = 0; i < n; i++)
        ck_assert_ptr_nonnull(memmem(list.data, list.len, manifests[i], 32));
}

START_TEST(measures_each_manifest_into_every_bank_once)
{
    const uint8_t *const both[] = {manifest, second};
    swtpm t = swtpm_start();
    cocos__attester *a = open_tpm(&t);

    expect_manifests(a, both, 0);
    assert_ok(cocos__attester_extend_manifest(a, manifest, 0, &err), err);
    expect_manifests(a, both, 1);
    cocos__attester_close(a);

    /* The agent was killed and started anew: the same manifest is there already. */
    a = open_tpm(&t);
    assert_ok(cocos__attester_extend_manifest(a, manifest, 0, &err), err);
    expect_manifests(a, both, 1);
    assert_ok(cocos__attester_extend_manifest(a, second, 0, &err), err);
    expect_manifests(a, both, 2);
    cocos__attester_close(a);

    /* What it knows of its predecessor it can say. */
    a = open_tpm(&t);
    assert_ok(cocos__attester_note_manifest(a, manifest, 0, &err), err);
    assert_ok(cocos__attester_note_manifest(a, second, 0, &err), err);
    expect_manifests(a, both, 2);
    cocos__attester_close(a);
    swtpm_stop(&t);
}
END_TEST

/* ---- logs ---- */

START_TEST(gives_the_kernels_logs_as_they_are)
{
    swtpm t = swtpm_start();
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__envelope e;

    scratch_write(&t.dir, "tpm0/binary_bios_measurements", "event log", 0600);
    scratch_write(&t.dir, "integrity/ima/ascii_runtime_measurements", "10 list\n", 0600);
    cocos__attester *a = open_tpm(&t);
    session_evidence(a, &bytes, &e, &err);
    ck_assert_uint_eq(e.n, 3);
    ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_EVENT_LOG).len, 9);
    ck_assert_mem_eq(session_part(&e, COCOS__MEDIA_EVENT_LOG).data, "event log", 9);
    ck_assert_mem_eq(session_part(&e, COCOS__MEDIA_IMA_LOG).data, "10 list\n", 8);
    cocos__attester_close(a);
    swtpm_stop(&t);
}
END_TEST

START_TEST(leaves_out_a_log_that_is_too_large_and_fails_on_one_that_cannot_be_read)
{
    swtpm t = swtpm_start();
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf none;
    cocos__claims claims = session_claims();
    uint8_t *large = calloc(1, (1 << 20) + 1);
    cocos__envelope e;

    scratch_write_bytes(&t.dir, "tpm0/binary_bios_measurements", large, (1 << 20) + 1, 0600);
    scratch_write_bytes(&t.dir, "integrity/ima/ascii_runtime_measurements", large, 1 << 20, 0600);
    free(large);
    cocos__attester *a = open_tpm(&t);
    session_evidence(a, &bytes, &e, &err);
    ck_assert_uint_eq(e.n, 2);
    ck_assert_uint_eq(session_part(&e, COCOS__MEDIA_IMA_LOG).len, 1 << 20);

    scratch_write(&t.dir, "tpm0/log", "", 0600);
    ck_assert_int_eq(unlinkat(t.dir.fd, "tpm0/binary_bios_measurements", 0), 0);
    ck_assert_int_eq(mkdirat(t.dir.fd, "tpm0/binary_bios_measurements", 0700), 0);
    cocos__buf_init(&none, COCOS__ENVELOPE_MAX);
    assert_fails(cocos__attester_evidence(a, &claims, 0, NULL, &none, &err), COCOS_ERR_IO,
                 "evidence.log", err);
    cocos__attester_close(a);
    swtpm_stop(&t);
}
END_TEST

/* ---- bad TPMs ---- */

typedef struct misbehaving {
    swtpm tpm;
    swtpm_proxy *proxy;
    cocos__attester *a;
} misbehaving;

static misbehaving misbehaving_open(int64_t device_ns)
{
    misbehaving m = {.tpm = swtpm_start()};
    cocos__attester_options o = options(&m.tpm);

    /* Making the key takes as long as it takes; the proxied attester only finds it. */
    cocos__attester_close(open_tpm(&m.tpm));
    m.proxy = swtpm_proxy_start(&m.tpm);
    o.tcti = m.proxy->tcti;
    o.device_ns = device_ns;
    m.a = open_with(&o);
    return m;
}

static void misbehaving_close(misbehaving *m)
{
    cocos__attester_close(m->a);
    swtpm_proxy_stop(m->proxy);
    swtpm_stop(&m->tpm);
}

static int ask(cocos__attester *a, int64_t deadline_ns, cocos_cancel *cancel)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf bytes;
    cocos__claims claims = session_claims();

    cocos__buf_init(&bytes, COCOS__ENVELOPE_MAX);
    return cocos__attester_evidence(a, &claims, deadline_ns, cancel, &bytes, &err);
}

static void wait_until_idle(const cocos__attester *a)
{
    for (int i = 0; cocos__attester_abandoned(a) > 0; i++) {
        ck_assert_int_lt(i, 2000);
        poll(NULL, 0, 10);
    }
}

START_TEST(one_that_is_slow_costs_a_caller_no_more_than_its_deadline)
{
    misbehaving m = misbehaving_open(20000 * MS);

    atomic_store(&m.proxy->mode, SWTPM_HOLD);
    /* On a busy machine a short time may be over before the request is put to the TPM. */
    for (int64_t ns = 50 * MS; cocos__attester_abandoned(m.a) == 0; ns *= 2)
        assert_fails(ask(m.a, cocos_deadline_in(ns), NULL), COCOS_ERR_TIMEOUT, "evidence.timeout",
                     err);
    ck_assert_uint_eq(cocos__attester_abandoned(m.a), 1);
    atomic_store(&m.proxy->mode, SWTPM_PASS);
    assert_ok(ask(m.a, 0, NULL), err);
    ck_assert_uint_eq(cocos__attester_abandoned(m.a), 0);
    misbehaving_close(&m);
}
END_TEST

START_TEST(one_that_is_overdue_is_asked_nothing_until_it_answers)
{
    misbehaving m = misbehaving_open(4000 * MS);

    atomic_store(&m.proxy->mode, SWTPM_HOLD);
    assert_fails(ask(m.a, 0, NULL), COCOS_ERR_TIMEOUT, "evidence.timeout", err);
    for (int i = 0; i < 3; i++)
        assert_fails(ask(m.a, 0, NULL), COCOS_ERR_BUSY, "evidence.busy", err);
    assert_fails(cocos__attester_extend_manifest(m.a, manifest, 0, &err), COCOS_ERR_BUSY,
                 "evidence.busy", err);
    ck_assert_uint_eq(cocos__attester_abandoned(m.a), 1);
    atomic_store(&m.proxy->mode, SWTPM_PASS);
    wait_until_idle(m.a);
    assert_ok(ask(m.a, 0, NULL), err);
    misbehaving_close(&m);
}
END_TEST

typedef struct giving_up {
    const swtpm_proxy *proxy;
    int answers; /* before the request */
    cocos_cancel *cancel;
} giving_up;

static void *cancel_when_held(void *user)
{
    giving_up *g = user;

    while (atomic_load(&g->proxy->answers) == g->answers)
        poll(NULL, 0, 5);
    cocos_cancel_trigger(g->cancel);
    return NULL;
}

START_TEST(one_that_is_slow_can_be_given_up)
{
    misbehaving m = misbehaving_open(20000 * MS);
    cocos_cancel *cancel = cocos_cancel_new();
    giving_up g = {m.proxy, atomic_load(&m.proxy->answers), cancel};
    pthread_t t;

    atomic_store(&m.proxy->mode, SWTPM_HOLD);
    ck_assert_int_eq(pthread_create(&t, NULL, cancel_when_held, &g), 0);
    assert_fails(ask(m.a, 0, cancel), COCOS_ERR_CANCELLED, "cancelled", err);
    pthread_join(t, NULL);
    atomic_store(&m.proxy->mode, SWTPM_PASS);
    assert_ok(ask(m.a, 0, NULL), err);
    assert_fails(ask(m.a, 0, cancel), COCOS_ERR_CANCELLED, "cancelled", err);
    misbehaving_close(&m);
    cocos_cancel_free(cancel);
}
END_TEST

START_TEST(one_that_answers_wrongly_or_not_at_all_is_named_and_asked_again)
{
    static const int modes[] = {SWTPM_CORRUPT, SWTPM_CUT};
    misbehaving m = misbehaving_open(20000 * MS);

    for (int i = 0; i < 4; i++) {
        atomic_store(&m.proxy->mode, modes[i % 2]);
        assert_fails(ask(m.a, 0, NULL), COCOS_ERR_IO, "evidence.device", err);
        atomic_store(&m.proxy->mode, SWTPM_PASS);
        assert_ok(ask(m.a, 0, NULL), err);
    }
    misbehaving_close(&m);
}
END_TEST

/* The process lives on, and says so, when the TPM dies; another TPM is not taken for the same. */
START_TEST(one_that_dies_is_an_error_and_a_stranger_in_its_place_too)
{
    swtpm t = swtpm_start();
    cocos__attester *a = open_tpm(&t);

    assert_ok(ask(a, 0, NULL), err);
    swtpm_kill(&t);
    assert_fails(ask(a, 0, NULL), COCOS_ERR_IO, "evidence.device", err);

    swtpm other = swtpm_start();
    char moved[160];
    for (int i = 0; i < 2; i++) {
        char from[160];
        snprintf(from, sizeof from, "%s/tpm%s", other.dir.path, i ? ".ctrl" : "");
        snprintf(moved, sizeof moved, "%s/tpm%s", t.dir.path, i ? ".ctrl" : "");
        ck_assert_int_eq(rename(from, moved), 0);
    }
    assert_fails(ask(a, 0, NULL), COCOS_ERR_IO, "evidence.device", err);
    cocos__attester_close(a);
    swtpm_stop(&other);
    swtpm_stop(&t);
}
END_TEST

START_TEST(one_that_does_not_answer_cannot_be_opened)
{
    swtpm t = swtpm_start();
    swtpm_proxy *p = swtpm_proxy_start(&t);
    cocos__attester_options o = options(&t);
    cocos__attester *a = NULL;

    o.tcti = p->tcti;
    o.device_ns = 100 * MS;
    atomic_store(&p->mode, SWTPM_HOLD);
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_TIMEOUT, "evidence.provider", err);
    o.device_ns = 0;
    o.tcti = "swtpm:path=/nonexistent/tpm";
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_IO, "evidence.provider", err);
    o.tcti = "device:/nonexistent/tpm";
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_UNSUPPORTED, "evidence.provider",
                 err);
    o.tcti = "cmd:rm -rf /";
    assert_fails(cocos__attester_open(&o, &a, &err), COCOS_ERR_UNSUPPORTED, "evidence.provider",
                 err);
    atomic_store(&p->mode, SWTPM_PASS);
    swtpm_proxy_stop(p);
    swtpm_stop(&t);
}
END_TEST

TEST_MAIN(tpm,
          quotes_every_bank_so_that_the_verifier_accepts,
          quotes_of_other_claims_are_refused,
          a_simulated_report_vouches_for_the_key_of_a_real_tpm,
          makes_its_key_once_and_replaces_what_is_none_of_its,
          measures_each_manifest_into_every_bank_once,
          gives_the_kernels_logs_as_they_are,
          leaves_out_a_log_that_is_too_large_and_fails_on_one_that_cannot_be_read,
          one_that_is_slow_costs_a_caller_no_more_than_its_deadline,
          one_that_is_overdue_is_asked_nothing_until_it_answers,
          one_that_is_slow_can_be_given_up,
          one_that_answers_wrongly_or_not_at_all_is_named_and_asked_again,
          one_that_dies_is_an_error_and_a_stranger_in_its_place_too,
          one_that_does_not_answer_cannot_be_opened)
