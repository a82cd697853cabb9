/* SPDX-License-Identifier: Apache-2.0 */
/* What the parties sign and what the agent testifies: approvals, withdrawals, statement, closure,
 * evidence on request, and the attested port, with simulated evidence. */
#include "fixture.h"

#include <cocos/computation.h>

#include "agent/proof.h"
#include "attest/envelope.h"
#include "evidence_session.h"

#define KIND_D COCOS_ASSET_DATASET
#define KIND_A COCOS_ASSET_ALGORITHM

/* What the simulator measures. */
#define MEASURED                                                                                   \
    "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

static world w;

static int cannot_run_jobs(void)
{
    int can =
        geteuid() == 0 && (access("/usr/bin/crun", X_OK) == 0 || access("/bin/crun", X_OK) == 0);

    if (!can)
        fprintf(stderr, "skipped: jobs need root and crun\n");
    return !can;
}

/* An agent on a simulated platform. */
static void open_world(const char *script)
{
    world_open(&w, script, 1000);
    cocos_agent_service_free(w.service);
    set_option(&w, "evidence", "sim-snp");
    set_option(&w, "simulator", session_simulator());
    start_agent(&w);
}

static void restart(void)
{
    cocos_agent_service_free(w.service);
    start_agent(&w);
}

static void upload_all(void)
{
    upload(&w, w.alg, KIND_A, 0, &w.algorithm);
    upload(&w, w.data[0], KIND_D, 0, &w.sets[0]);
    upload(&w, w.data[1], KIND_D, 1, &w.sets[1]);
}

static const char *state_now(void)
{
    return cocos__agent_state_name(cocos__machine_state(w.service));
}

/* ---- Approvals ---- */

static cocos__approving approving(const char *role)
{
    return (cocos__approving){.manifest = cocos_manifest_digest(w.manifest),
                              .role = role,
                              .not_after_s = COCOS__NEVER,
                              .not_before_s = COCOS__NEVER,
                              .max_runs = -1};
}

/* Brings signed bytes; what is still missing, or the error. */
static int bring(const uint8_t *data, size_t len, size_t *missing, cocos_error **err)
{
    Cocos__V1__ApproveRequest rq = COCOS__V1__APPROVE_REQUEST__INIT;
    cocos__rpc_channel *ch = dial(&w);
    ProtobufCMessage *m = NULL;

    rq.approval = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
    int r =
        cocos__rpc_unary(ch, APPROVE, NULL, 0, &rq.base, &cocos__v1__approve_response__descriptor,
                         cocos_deadline_in(20000000000), NULL, &m, err);
    if (r == COCOS_OK) {
        *missing = ((Cocos__V1__ApproveResponse *)m)->n_missing;
        protobuf_c_message_free_unpacked(m, NULL);
    }
    cocos__rpc_channel_close(ch);
    return r;
}

static int
sign_and_bring(const cocos_key *key, const cocos__approving *a, size_t *missing, cocos_error **err)
{
    cocos__buf b;

    cocos__buf_init(&b, COCOS__APPROVAL_MAX);
    ck_assert_int_eq(cocos__approval_sign(key, a, &b, NULL), COCOS_OK);
    int r = bring(b.data, b.len, missing, err);
    cocos__buf_done(&b);
    return r;
}

static size_t approve(const cocos_key *key, const char *role)
{
    cocos__approving a = approving(role);
    cocos_error *err = NULL;
    size_t missing = 0;

    assert_ok(sign_and_bring(key, &a, &missing, &err), err);
    return missing;
}

START_TEST(starts_only_when_every_approval_is_there)
{
    open_world("#!/bin/sh\n");
    give_manifest(&w, "c1", ", \"approvals\": [\"consumer\", \"data-provider\"]");
    ck_assert_uint_eq(approve(w.data[0], "data-provider"), 2);
    ck_assert_uint_eq(approve(w.data[0], "data-provider"), 2); /* once more is no more */
    upload_all();
    ck_assert_str_eq(state_now(), "ReceivingData");
    ck_assert_uint_eq(approve(w.data[1], "data-provider"), 1);
    restart(); /* they are still there */
    ck_assert_str_eq(state_now(), "ReceivingData");
    cocos__approving once = approving("consumer");
    cocos_error *err = NULL;
    size_t missing = 1;
    once.max_runs = 1;
    assert_ok(sign_and_bring(w.consumer, &once, &missing, &err), err);
    ck_assert_uint_eq(missing, 0); /* also now that it has started */
    ck_assert(strcmp(state_now(), "ReceivingData") != 0);
    ck_assert_uint_eq(w.service->record.start_run, 1);
    world_close(&w);
}
END_TEST

START_TEST(refuses_what_no_party_signed_for_this_manifest_and_instance)
{
    static const uint8_t other[32] = {9};
    cocos_error *err = NULL;
    size_t missing = 0;
    cocos__buf b;

    open_world("#!/bin/sh\n");
    give_manifest(&w, "c1", ", \"approvals\": [\"consumer\"]");
    assert_fails(bring((const uint8_t *)"x", 1, &missing, &err), COCOS_ERR_MALFORMED, "cbor.short",
                 err);
    cocos__approving a = approving("consumer");
    err = NULL;
    assert_fails(sign_and_bring(w.stranger, &a, &missing, &err), COCOS_ERR_DENIED,
                 "approval.signer", err);
    err = NULL;
    assert_fails(sign_and_bring(w.data[0], &a, &missing, &err), COCOS_ERR_DENIED, "approval.signer",
                 err);
    a.instance = other;
    err = NULL;
    assert_fails(sign_and_bring(w.consumer, &a, &missing, &err), COCOS_ERR_DENIED,
                 "approval.instance", err);
    a = approving("consumer");
    a.manifest = other;
    err = NULL;
    assert_fails(sign_and_bring(w.consumer, &a, &missing, &err), COCOS_ERR_UNAUTHENTICATED,
                 "approval.manifest", err);
    a = approving("consumer");
    cocos__buf_init(&b, COCOS__APPROVAL_MAX);
    ck_assert_int_eq(cocos__approval_sign(w.consumer, &a, &b, NULL), COCOS_OK);
    b.data[b.len - 1] ^= 1; /* of the signature */
    err = NULL;
    assert_fails(bring(b.data, b.len, &missing, &err), COCOS_ERR_UNAUTHENTICATED, "cose.signature",
                 err);
    cocos__buf_done(&b);
    ck_assert_uint_eq(approve(w.consumer, "consumer"), 0);
    world_close(&w);
}
END_TEST

static void withdraw(const cocos_key *key, const char *role)
{
    cocos__approving a = approving(role);
    cocos_error *err = NULL;
    size_t missing = 0;

    a.withdrawal = 1;
    assert_ok(sign_and_bring(key, &a, &missing, &err), err);
    ck_assert_uint_ge(missing, 1);
}

START_TEST(a_withdrawal_before_the_start_is_final_for_the_boot)
{
    cocos_error *err = NULL;
    size_t missing = 0;

    open_world("#!/bin/sh\n");
    give_manifest(&w, "c1", ", \"approvals\": [\"consumer\"]");
    ck_assert_uint_eq(approve(w.consumer, "consumer"), 0);
    withdraw(w.data[1], "data-provider"); /* nobody asked for its approval; it is a party */
    upload_all();
    ck_assert_str_eq(state_now(), "ReceivingData");
    cocos__approving a = approving("data-provider");
    assert_fails(sign_and_bring(w.data[1], &a, &missing, &err), COCOS_ERR_DENIED,
                 "approval.withdrawn", err);
    restart();
    ck_assert_str_eq(state_now(), "ReceivingData");

    /* The same manifest as a new run has the same parties' words. */
    err = NULL;
    assert_ok(cocos__machine_stop(w.service, "c1", &err), err);
    wait_for_state(&w, COCOS__AGENT_RECEIVING_MANIFEST);
    give_manifest(&w, "c1", ", \"approvals\": [\"consumer\"]");
    upload_all();
    ck_assert_str_eq(state_now(), "ReceivingData");
    world_close(&w);
}
END_TEST

START_TEST(does_not_run_more_often_than_was_approved)
{
    cocos_error *err = NULL;
    size_t missing = 0;

    if (cannot_run_jobs())
        return;
    open_world("#!/bin/sh\n:\n");
    for (int run = 1; run <= 2; run++) {
        give_manifest(&w, "c1", ", \"approvals\": [\"consumer\"]");
        cocos__approving a = approving("consumer");
        a.max_runs = 1;
        err = NULL;
        assert_ok(sign_and_bring(w.consumer, &a, &missing, &err), err);
        ck_assert_uint_eq(missing, run == 1 ? 0 : 1);
        upload_all();
        if (run == 2)
            break;
        wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);
        err = NULL;
        assert_ok(cocos__machine_stop(w.service, "c1", &err), err);
        wait_for_state(&w, COCOS__AGENT_RECEIVING_MANIFEST);
        restart(); /* the number of runs is not forgotten */
    }
    ck_assert_str_eq(state_now(), "ReceivingData");
    world_close(&w);
}
END_TEST

/* ---- Statement and closure ---- */

typedef struct told {
    cocos_statement *statement;
    cocos_closure *closure; /* NULL: none */
    cocos_evidence *evidence;
    size_t approvals;
} told;

static void told_done(told *t)
{
    cocos_statement_free(t->statement);
    cocos_closure_free(t->closure);
    cocos_evidence_free(t->evidence);
    memset(t, 0, sizeof *t);
}

static int fetch_statement(const cocos_key *key, told *t, cocos_error **err)
{
    Cocos__V1__StatementRequest rq = COCOS__V1__STATEMENT_REQUEST__INIT;
    cocos__rpc_channel *ch = dial(&w);
    ProtobufCMessage *m = NULL;

    memset(t, 0, sizeof *t);
    cocos__rpc_call *call = ask(&w, ch, key, STATEMENT, "observer", &rq.base, NULL, NULL);
    int r = cocos__rpc_recv_pb(call, &cocos__v1__statement_response__descriptor, &m, err);
    if (r == COCOS_OK && m) {
        const Cocos__V1__StatementResponse *s = (const Cocos__V1__StatementResponse *)m;
        assert_ok(cocos_statement_parse(s->statement.data, s->statement.len, &t->statement, err),
                  *err);
        ck_assert_int_eq(cocos__signed_verify(&t->statement->is, COCOS__TYPE_STATEMENT, NULL),
                         COCOS_OK);
        if (s->closure.len > 0) {
            assert_ok(cocos_closure_parse(s->closure.data, s->closure.len, &t->closure, err), *err);
            ck_assert_int_eq(cocos__signed_verify(&t->closure->is, COCOS__TYPE_CLOSURE, NULL),
                             COCOS_OK);
        }
        assert_ok(cocos_evidence_new(0, s->evidence.data, s->evidence.len, &t->evidence, err),
                  *err);
        t->approvals = s->n_approvals;
        protobuf_c_message_free_unpacked(m, NULL);
    }
    if (r == COCOS_OK)
        r = cocos__rpc_finish(call, err);
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(ch);
    return r;
}

static told statement(const cocos_key *key)
{
    cocos_error *err = NULL;
    told t;

    assert_ok(fetch_statement(key, &t, &err), err);
    return t;
}

/* Its evidence is for the key that signed it. */
static void assert_proven(const told *t)
{
    const uint8_t *data = NULL;
    size_t len = 0;

    ck_assert_int_eq(cocos_evidence_kind(t->evidence), COCOS_EVIDENCE_ENVELOPE);
    ck_assert_int_eq(
        cocos_evidence_claim(t->evidence, COCOS_CLAIM_STATEMENT_KEY, &data, &len, NULL), COCOS_OK);
    ck_assert_mem_eq(data, cocos_key_thumbprint(t->statement->is.key), 32);
    ck_assert_int_eq(cocos_evidence_claim(t->evidence, COCOS_CLAIM_PURPOSE, &data, &len, NULL),
                     COCOS_OK);
    ck_assert_mem_eq(data, "statement", 9);
    ck_assert_int_eq(cocos_evidence_claim(t->evidence, COCOS_CLAIM_MANIFEST, &data, &len, NULL),
                     COCOS_OK);
    ck_assert_mem_eq(data, cocos_manifest_digest(w.manifest), 32);
}

static void set_nonce(cocos__request *rq, void *user)
{
    (void)user;
    rq->has_offset = 1;
}

/* Downloads part 0 with a nonce. */
static void download_all(const char *nonce)
{
    Cocos__V1__DownloadRequest m = COCOS__V1__DOWNLOAD_REQUEST__INIT;
    cocos__rpc_channel *ch = dial(&w);
    cocos__rpc_msg *got = NULL;
    cocos_error *err = NULL;
    int r;

    m.consumer_nonce = (ProtobufCBinaryData){strlen(nonce), (uint8_t *)(uintptr_t)nonce};
    cocos__rpc_call *call = ask(&w, ch, w.consumer, DOWNLOAD, "consumer", &m.base, set_nonce, NULL);
    while ((r = cocos__rpc_recv(call, &got, &err)) == COCOS_OK && got)
        cocos__rpc_msg_free(got);
    assert_ok(r, err);
    cocos__rpc_call_free(call);
    cocos__rpc_channel_close(ch);
}

START_TEST(states_what_ran_and_closes_when_everybody_has_the_result)
{
    cocos_error *err = NULL;
    told t;

    if (cannot_run_jobs())
        return;
    open_world("#!/bin/sh\ncat datasets/set1 > results/copy\n");
    give_manifest(&w, "c1", ", \"approvals\": [\"consumer\"]");
    assert_fails(fetch_statement(w.consumer, &t, &err), COCOS_ERR_STATE, "statement.early", err);
    approve(w.consumer, "consumer");
    upload_all();
    wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);

    t = statement(w.data[0]);
    const cocos__stating *s = &t.statement->says;
    assert_proven(&t);
    ck_assert_ptr_null(t.closure);
    ck_assert_uint_eq(t.approvals, 1);
    ck_assert_uint_eq(s->run, 1);
    ck_assert_uint_eq(s->n_assets, 3);
    ck_assert_uint_eq(s->assets[1].size, 1000);
    ck_assert_mem_eq(s->assets[2].digest, w.sets[1].digest, 32);
    ck_assert_uint_eq(s->n_named, 1);
    ck_assert_mem_eq(s->named[0].signer, cocos_key_thumbprint(w.consumer), 32);
    ck_assert_mem_eq(s->result, w.service->record.result[0].digest, 32);
    ck_assert_uint_eq(s->result_size, w.service->record.result[0].size);
    ck_assert_int_eq(s->exit_status, 0);
    ck_assert_uint_gt(s->end.monotonic_ns, s->start.monotonic_ns);
    ck_assert_int_eq(s->network_used, 0);
    ck_assert_ptr_null(s->consumer_nonce.data);
    told_done(&t);
    err = NULL;
    assert_fails(fetch_statement(w.stranger, &t, &err), COCOS_ERR_UNAUTHENTICATED, "auth.key", err);

    download_all("nonce of the consumer");
    wait_for_state(&w, COCOS__AGENT_COMPLETE);
    t = statement(w.consumer);
    ck_assert_ptr_nonnull(t.closure);
    ck_assert_uint_eq(t.statement->says.consumer_nonce.len, 21);
    ck_assert_mem_eq(t.closure->says.statement, t.statement->is.digest, 32);
    ck_assert_mem_eq(cocos_key_thumbprint(t.closure->is.key),
                     cocos_key_thumbprint(t.statement->is.key), 32);
    ck_assert_uint_eq(t.closure->says.n_wiped, 3);
    assert_proven(&t);
    told other = statement(w.alg);
    ck_assert_ptr_nonnull(other.closure);
    ck_assert_ptr_null(other.statement->says.consumer_nonce.data);
    told_done(&other);

    /* The key is gone, what it signed is not. */
    restart();
    told again = statement(w.consumer);
    ck_assert_mem_eq(again.statement->is.digest, t.statement->is.digest, 32);
    ck_assert_mem_eq(again.closure->is.digest, t.closure->is.digest, 32);
    assert_proven(&again);
    told_done(&again);
    told_done(&t);
    world_close(&w);
}
END_TEST

START_TEST(an_agent_that_was_killed_states_the_same_under_a_key_of_its_own)
{
    if (cannot_run_jobs())
        return;
    open_world("#!/bin/sh\ncat datasets/set1 > results/copy\n");
    give_manifest(&w, "c1", "");
    upload_all();
    wait_for_state(&w, COCOS__AGENT_CONSUMING_RESULTS);
    told before = statement(w.consumer);
    restart();
    told after = statement(w.consumer);
    ck_assert_mem_ne(cocos_key_thumbprint(before.statement->is.key),
                     cocos_key_thumbprint(after.statement->is.key), 32);
    ck_assert_mem_eq(before.statement->says.result, after.statement->says.result, 32);
    ck_assert_uint_eq(before.statement->says.end.monotonic_ns,
                      after.statement->says.end.monotonic_ns);
    assert_proven(&before);
    assert_proven(&after);
    told_done(&before);
    told_done(&after);
    world_close(&w);
}
END_TEST

START_TEST(a_party_stops_the_run_and_the_statement_says_who)
{
    cocos_error *err = NULL;
    size_t missing = 0;

    if (cannot_run_jobs())
        return;
    open_world("#!/bin/sh\nsleep 600\n");
    give_manifest(&w, "c1", "");
    upload_all();
    wait_for_state(&w, COCOS__AGENT_RUNNING);
    cocos__approving late = approving("consumer");
    assert_fails(sign_and_bring(w.consumer, &late, &missing, &err), COCOS_ERR_STATE,
                 "approval.late", err);
    withdraw(w.data[1], "data-provider");
    wait_for_state(&w, COCOS__AGENT_FAILED);
    ck_assert_str_eq(w.service->record.failure, "job.withdrawn");
    told t = statement(w.alg);
    ck_assert_uint_eq(t.statement->says.n_named, 1);
    ck_assert_int_eq(t.statement->says.named[0].withdrawal, 1);
    ck_assert_mem_eq(t.statement->says.named[0].signer, cocos_key_thumbprint(w.data[1]), 32);
    ck_assert_ptr_null(t.statement->says.result);
    ck_assert_ptr_nonnull(t.closure); /* there is nothing to be delivered */
    assert_proven(&t);
    told_done(&t);
    world_close(&w);
}
END_TEST

/* ---- Evidence on request ---- */

static int attest(size_t len, cocos_evidence **ret, cocos_error **err)
{
    Cocos__V1__AttestRequest rq = COCOS__V1__ATTEST_REQUEST__INIT;
    cocos__rpc_channel *ch = dial(&w);
    ProtobufCMessage *m = NULL;
    uint8_t nonce[80] = {7};

    rq.nonce = (ProtobufCBinaryData){len, nonce};
    int r = cocos__rpc_unary(ch, ATTEST, NULL, 0, &rq.base, &cocos__v1__attest_response__descriptor,
                             cocos_deadline_in(20000000000), NULL, &m, err);
    if (r == COCOS_OK) {
        const ProtobufCBinaryData *e = &((Cocos__V1__AttestResponse *)m)->evidence;
        ck_assert_int_eq(cocos_evidence_new(0, e->data, e->len, ret, NULL), COCOS_OK);
        protobuf_c_message_free_unpacked(m, NULL);
    }
    cocos__rpc_channel_close(ch);
    return r;
}

START_TEST(gives_evidence_for_nonces_of_8_to_64_bytes_and_not_too_often)
{
    cocos_evidence *e = NULL;
    cocos_error *err = NULL;
    const uint8_t *data = NULL;
    size_t len = 0;

    open_world("#!/bin/sh\n");
    assert_fails(attest(7, &e, &err), COCOS_ERR_MALFORMED, "attest.nonce", err);
    err = NULL;
    assert_fails(attest(65, &e, &err), COCOS_ERR_MALFORMED, "attest.nonce", err);
    err = NULL;
    assert_ok(attest(64, &e, &err), err);
    ck_assert_int_eq(cocos_evidence_claim(e, COCOS_CLAIM_PURPOSE, &data, &len, NULL), COCOS_OK);
    ck_assert_mem_eq(data, "rpc", 3);
    ck_assert_int_eq(cocos_evidence_claim(e, COCOS_CLAIM_CHALLENGE, &data, &len, NULL), COCOS_OK);
    ck_assert_uint_eq(len, 64);
    ck_assert_int_eq(cocos_evidence_claim(e, COCOS_CLAIM_INSTANCE, &data, &len, NULL), COCOS_OK);
    ck_assert_mem_eq(data, w.service->identity.instance_id, 16);
    cocos_evidence_free(e);
    int r = COCOS_OK;
    for (int i = 0; r == COCOS_OK && i < 1000; i++) {
        e = NULL;
        r = attest(8, &e, &err);
        cocos_evidence_free(e);
    }
    assert_fails(r, COCOS_ERR_EXHAUSTED, "attest.rate", err);
    world_close(&w);
}
END_TEST

START_TEST(says_so_where_there_is_no_platform)
{
    cocos_evidence *e = NULL;
    cocos_error *err = NULL;
    cocos_manifest *m;

    if (access("/dev/tpmrm0", F_OK) == 0)
        return; /* there is one */
    world_open(&w, "#!/bin/sh\n", 10);
    assert_fails(attest(8, &e, &err), COCOS_ERR_UNSUPPORTED, "evidence.none", err);
    m = make_manifest(&w, "c1", 1, ", \"agent_config\": {\"attested_tls\": true}");
    err = NULL;
    assert_fails(cocos__machine_accept(w.service, m, &err), COCOS_ERR_UNSUPPORTED,
                 "agent.attestation.none", err);
    ck_assert_str_eq(state_now(), "ReceivingManifest");
    cocos_agent_service_free(w.service);
    w.service = NULL;
    set_option(&w, "require", "snp");
    err = NULL;
    assert_fails(cocos_agent_service_start(w.options, &w.service, &err), COCOS_ERR_UNSUPPORTED,
                 "evidence.required", err);
    world_close(&w);
}
END_TEST

/* ---- The attested port, by the library ---- */

static cocos_policy *sim_policy(const char *measurement)
{
    static const char *const rules[][2] = {
        {"snp.products", "Milan"},        {"snp.revocation", "any"},  {"coverage.kernel", "any"},
        {"coverage.command_line", "any"}, {"coverage.initrd", "any"}, {"coverage.agent", "any"}};
    cocos_policy *p = NULL;
    cocos_error *err = NULL;
    cocos__buf pem;
    char path[4200];

    assert_ok(cocos_policy_new(&p, &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(rules); i++)
        assert_ok(cocos_policy_set(p, rules[i][0], rules[i][1], &err), err);
    assert_ok(cocos_policy_set(p, "snp.measurement", measurement, &err), err);
    cocos__buf_init(&pem, 65536);
    snprintf(path, sizeof path, "%s/snp-root.pem", session_simulator());
    assert_ok(cocos__read_file(path, 32768, &pem, &err), err);
    assert_ok(cocos_policy_add_root(p, pem.data, pem.len, &err), err);
    cocos__buf_done(&pem);
    return p;
}

static cocos_agent_options *options_with(cocos_policy *p)
{
    cocos_agent_options *o = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_agent_options_new(&o, &err), err);
    assert_ok(cocos_agent_options_set_address(o, cocos_agent_service_address(w.service), &err),
              err);
    if (p)
        assert_ok(cocos_agent_options_set_policy(o, p, &err), err);
    cocos_policy_free(p);
    return o;
}

START_TEST(is_judged_on_every_connection_and_signs_only_a_confirmed_manifest)
{
    cocos_agent_options *o;
    cocos_agent_conn *c = NULL;
    cocos_agent_info *info = NULL;
    cocos_error *err = NULL;
    cocos_upload *u = NULL;
    char path[128];

    open_world("#!/bin/sh\n");
    give_manifest(&w, "c1", "");
    o = options_with(sim_policy(MEASURED));
    for (int i = 0; i < 3; i++) { /* the second finds the chain kept */
        assert_ok(cocos_agent_connect(o, cocos_deadline_in(20000000000), NULL, &c, &err), err);
        ck_assert_int_eq(cocos_verdict_judgement(cocos_agent_conn_verdict(c)), COCOS_ACCEPTED);
        ck_assert_int_eq(cocos_verdict_simulated(cocos_agent_conn_verdict(c)), 1);
        if (i < 2)
            cocos_agent_conn_close(c);
    }
    snprintf(path, sizeof path, "%s/set1", w.dir);
    assert_ok(cocos__write_file(path, w.sets[1].data, w.sets[1].size, 0600, &err), err);
    assert_ok(cocos_agent_describe(c, w.data[1], cocos_deadline_in(20000000000), NULL, &info, &err),
              err);
    cocos_agent_info_free(info);
    assert_ok(cocos_upload_new(KIND_D, 1, &u, &err), err);
    assert_ok(cocos_upload_set_path(u, path, &err), err);
    assert_fails(cocos_agent_upload(c, u, w.data[1], cocos_deadline_in(20000000000), NULL, &err),
                 COCOS_ERR_USAGE, "agent.manifest.unconfirmed", err);
    err = NULL;
    assert_ok(cocos_agent_confirm_manifest(c, cocos_manifest_digest(w.manifest), &err), err);
    assert_ok(cocos_agent_upload(c, u, w.data[1], cocos_deadline_in(20000000000), NULL, &err), err);
    cocos_upload_free(u);
    cocos_agent_conn_close(c);
    cocos_agent_options_free(o);
    world_close(&w);
}
END_TEST

START_TEST(is_not_talked_to_when_its_evidence_is_not_accepted)
{
    static const char other[] = "000000000000000000000000000000000000000000000000"
                                "000000000000000000000000000000000000000000000000";
    cocos_agent_options *o;
    cocos_agent_conn *c = NULL;
    cocos_error *err = NULL;
    cocos_policy *empty = NULL;

    open_world("#!/bin/sh\n");
    o = options_with(sim_policy(other));
    ck_assert_int_eq(cocos_agent_connect(o, cocos_deadline_in(20000000000), NULL, &c, &err),
                     COCOS_ERR_REJECTED);
    const cocos_verdict *verdict = cocos_verdict_of_error(err);
    ck_assert_ptr_nonnull(verdict);
    ck_assert_int_eq(cocos_verdict_judgement(verdict), COCOS_REJECTED);
    ck_assert_str_eq(cocos_verdict_reason(verdict), "snp.measurement");
    assert_fails(COCOS_ERR_REJECTED, COCOS_ERR_REJECTED, "snp.measurement", err);
    cocos_agent_options_free(o);
    assert_ok(cocos_policy_new(&empty, &err), err);
    o = options_with(empty);
    err = NULL;
    int r = cocos_agent_connect(o, cocos_deadline_in(20000000000), NULL, &c, &err);
    ck_assert(r == COCOS_ERR_UNDECIDED || r == COCOS_ERR_REJECTED);
    cocos_error_free(err);
    ck_assert_ptr_null(c);
    cocos_agent_options_free(o);
    world_close(&w);
}
END_TEST

START_TEST(closes_direct_connections_when_the_manifest_asks_for_attested_tls)
{
    Cocos__V1__DescribeRequest rq = COCOS__V1__DESCRIBE_REQUEST__INIT;
    cocos_agent_conn *c = NULL;
    cocos_error *err = NULL;
    ProtobufCMessage *m = NULL;

    open_world("#!/bin/sh\n");
    cocos__rpc_channel *before = dial(&w);
    assert_ok(cocos__rpc_unary(before, DESCRIBE, NULL, 0, &rq.base,
                               &cocos__v1__describe_response__descriptor,
                               cocos_deadline_in(20000000000), NULL, &m, &err),
              err);
    protobuf_c_message_free_unpacked(m, NULL);
    give_manifest(&w, "c1", ", \"agent_config\": {\"attested_tls\": true}");
    m = NULL;
    ck_assert_int_ne(cocos__rpc_unary(before, DESCRIBE, NULL, 0, &rq.base,
                                      &cocos__v1__describe_response__descriptor,
                                      cocos_deadline_in(20000000000), NULL, &m, NULL),
                     COCOS_OK);
    cocos__rpc_channel_close(before);
    cocos__rpc_channel *direct = dial(&w);
    assert_fails(cocos__rpc_unary(direct, DESCRIBE, NULL, 0, &rq.base,
                                  &cocos__v1__describe_response__descriptor,
                                  cocos_deadline_in(20000000000), NULL, &m, &err),
                 COCOS_ERR_STATE, "rpc.attested", err);
    cocos__rpc_channel_close(direct);
    cocos_agent_options *o = options_with(sim_policy(MEASURED));
    err = NULL;
    assert_ok(cocos_agent_connect(o, cocos_deadline_in(20000000000), NULL, &c, &err), err);
    cocos_agent_conn_close(c);
    restart(); /* also for the next process of this boot */
    direct = dial(&w);
    err = NULL;
    assert_fails(cocos__rpc_unary(direct, DESCRIBE, NULL, 0, &rq.base,
                                  &cocos__v1__describe_response__descriptor,
                                  cocos_deadline_in(20000000000), NULL, &m, &err),
                 COCOS_ERR_STATE, "rpc.attested", err);
    cocos__rpc_channel_close(direct);
    cocos_agent_options_free(o);
    world_close(&w);
}
END_TEST

TEST_MAIN(parties,
          starts_only_when_every_approval_is_there,
          refuses_what_no_party_signed_for_this_manifest_and_instance,
          a_withdrawal_before_the_start_is_final_for_the_boot,
          does_not_run_more_often_than_was_approved,
          states_what_ran_and_closes_when_everybody_has_the_result,
          an_agent_that_was_killed_states_the_same_under_a_key_of_its_own,
          a_party_stops_the_run_and_the_statement_says_who,
          gives_evidence_for_nonces_of_8_to_64_bytes_and_not_too_often,
          says_so_where_there_is_no_platform,
          is_judged_on_every_connection_and_signs_only_a_confirmed_manifest,
          is_not_talked_to_when_its_evidence_is_not_accepted,
          closes_direct_connections_when_the_manifest_asks_for_attested_tls)
