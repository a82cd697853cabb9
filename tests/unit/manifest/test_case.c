/* SPDX-License-Identifier: Apache-2.0 */
/* A case is sound only when everything in it belongs together; what is beside it turns nothing. */
#include <inttypes.h>

#include "cases.h"
#include "suite.h"

#define ALL "[\"algorithm-provider\",\"data-provider\",\"consumer\"]"

static snp_authority milan;
static struct parties p;
static cocos_key *guest;
static cocos_error *err;

static case_plan begin(void)
{
    parties_make(&p, ALL);
    assert_ok(cocos_key_generate(COCOS_KEY_P384, &guest, &err), err);
    return case_plan_new(&milan, &p, guest);
}

static void end(void)
{
    parties_done(&p);
    cocos_key_free(guest);
}

static cocos_verifier *verifier(void)
{
    cocos_policy *policy = case_policy(&milan);
    cocos_verifier *v = NULL;

    assert_ok(cocos_verifier_new(policy, &v, &err), err);
    cocos_policy_free(policy);
    return v;
}

/* The verdict on a case; a status that is no judgement ends the test. */
static cocos_verdict *judge(const cocos_case *file, const cocos_case_terms *terms)
{
    cocos_verifier *v = verifier();
    cocos_verdict *verdict = NULL;
    cocos_error *e = NULL;

    int r = cocos_case_verify(file, v, terms, &verdict, &e);
    ck_assert_msg(verdict != NULL, "%s", cocos_error_message(e));
    ck_assert_int_eq(r == COCOS_OK, cocos_verdict_judgement(verdict) == COCOS_ACCEPTED);
    cocos_error_free(e);
    cocos_verifier_free(v);
    return verdict;
}

static size_t row(const cocos_verdict *v, const char *name)
{
    for (size_t i = 0; i < cocos_verdict_row_count(v); i++) {
        if (strcmp(cocos_verdict_row_text(v, i, COCOS_ROW_NAME), name) == 0)
            return i;
    }
    ck_abort_msg("no row %s", name);
}

static int outcome(const cocos_verdict *v, const char *name)
{
    return cocos_verdict_row_outcome(v, row(v, name));
}

static const char *found(const cocos_verdict *v, const char *name)
{
    return cocos_verdict_row_text(v, row(v, name), COCOS_ROW_FOUND);
}

/* Reason for which a plan's case is refused, "" when it is sound. */
static const char *reason_of(case_plan *c)
{
    static char code[80];
    cocos_case *file = case_make(c);
    cocos_verdict *v = judge(file, NULL);

    snprintf(code, sizeof code, "%s", cocos_verdict_reason(v));
    ck_assert_int_eq(outcome(v, "case.sound"),
                     code[0] ? cocos_verdict_judgement(v) == COCOS_REJECTED ? COCOS_OUTCOME_FAILED
                                                                            : COCOS_OUTCOME_UNKNOWN
                             : COCOS_OUTCOME_PASSED);
    cocos_verdict_free(v);
    cocos_case_free(file);
    return code;
}

START_TEST(a_whole_case_is_sound_and_says_what_was_not_checked)
{
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    cocos_verdict *v = judge(file, NULL);

    ck_assert_str_eq(cocos_verdict_reason(v), "");
    ck_assert_int_eq(cocos_verdict_simulated(v), 1);
    ck_assert_int_eq(outcome(v, "case.sound"), COCOS_OUTCOME_PASSED);
    ck_assert_int_eq(outcome(v, "case.result"), COCOS_OUTCOME_NOT_CHECKED);
    ck_assert_int_eq(outcome(v, "case.time"), COCOS_OUTCOME_NOT_CHECKED);
    ck_assert_ptr_nonnull(strstr(found(v, "case.time"), "claimed only"));
    ck_assert_int_eq(outcome(v, "case.runs"), COCOS_OUTCOME_NOT_CHECKED);
    ck_assert_ptr_nonnull(strstr(found(v, "case.runs"), "per boot"));
    ck_assert_int_eq(outcome(v, "snp.signature"), COCOS_OUTCOME_PASSED);
    ck_assert_int_eq(outcome(v, "envelope.statement_key"), COCOS_OUTCOME_PASSED);
    ck_assert_int_eq(outcome(v, "case.wiped"), COCOS_OUTCOME_PASSED);
    cocos_verdict_free(v);
    cocos_case_free(file);
    end();
}
END_TEST

START_TEST(is_the_same_after_it_was_written_and_read)
{
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    cocos_case *back = NULL;
    const uint8_t *data;
    const uint8_t *again;
    size_t len;
    size_t len2;

    assert_ok(cocos_case_cbor(file, &data, &len, &err), err);
    assert_ok(cocos_case_parse(data, len, &back, &err), err);
    assert_ok(cocos_case_cbor(back, &again, &len2, &err), err);
    ck_assert_uint_eq(len, len2);
    ck_assert_mem_eq(data, again, len);
    ck_assert_uint_eq(cocos_case_approval_count(back), 3);
    ck_assert_ptr_null(cocos_case_approval(back, 3));
    ck_assert_ptr_nonnull(cocos_case_closure(back));
    ck_assert_mem_eq(cocos_manifest_digest(cocos_case_manifest(back)),
                     cocos_manifest_digest(p.manifest), 32);
    ck_assert_uint_eq(cocos_statement_result_size(cocos_case_statement(back)), 1234);
    cocos_case_free(file);
    cocos_case_free(back);
    end();
}
END_TEST

START_TEST(two_successes_are_told_apart)
{
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    cocos_case_terms *terms = NULL;
    char *text = NULL;

    assert_ok(cocos_case_terms_new(&terms, &err), err);
    assert_ok(cocos_case_terms_set_result(terms, a_result, 1234, &err), err);
    cocos_verdict *v = judge(file, terms);
    ck_assert_int_eq(outcome(v, "case.result"), COCOS_OUTCOME_PASSED);
    ck_assert_str_eq(cocos_verdict_reason(v), "");
    cocos_verdict_free(v);

    for (int i = 0; i < 2; i++) {
        assert_ok(
            cocos_case_terms_set_result(terms, i ? a_result : a_sha256, i ? 1235 : 1234, &err),
            err);
        v = judge(file, terms);
        ck_assert_str_eq(cocos_verdict_reason(v), "case.result");
        ck_assert_int_eq(outcome(v, "case.sound"), COCOS_OUTCOME_PASSED);
        assert_ok(cocos_case_explain(file, v, &text, &err), err);
        ck_assert_ptr_nonnull(strstr(text, "The case is sound. But the result file"));
        cocos_free_text(text);
        cocos_verdict_free(v);
    }
    cocos_case_terms_free(terms);
    cocos_case_free(file);
    end();
}
END_TEST

START_TEST(refuses_evidence_that_is_not_for_this_statement)
{
    static const uint8_t other[32] = {9};
    case_plan good = begin();
    case_plan c = good;

    c.claims.statement_key = other;
    ck_assert_str_eq(reason_of(&c), "envelope.statement_key");
    c = good;
    c.claims.statement_key = NULL;
    ck_assert_str_eq(reason_of(&c), "envelope.statement_key");
    c = good;
    c.claims.instance_id = other;
    ck_assert_str_eq(reason_of(&c), "envelope.instance");
    c = good;
    c.claims.manifest = other;
    ck_assert_str_eq(reason_of(&c), "envelope.manifest");
    c = good;
    c.claims.purpose = COCOS__PURPOSE_CVMS;
    c.claims.challenge = (cocos__span){other, 32};
    ck_assert_str_eq(reason_of(&c), "envelope.purpose");
    end();
}
END_TEST

START_TEST(refuses_a_statement_that_does_not_fit_the_manifest)
{
    static const uint8_t other[32] = {9};
    case_plan good = begin();
    case_plan c = good;

    c.says.computation_id = text_span("study-8");
    ck_assert_str_eq(reason_of(&c), "case.computation");
    c = good;
    c.assets[1].digest = other;
    ck_assert_str_eq(reason_of(&c), "case.assets");
    c = good;
    c.assets[0].size = 12; /* the manifest states 11 */
    ck_assert_str_eq(reason_of(&c), "case.assets");
    c = good;
    c.says.n_assets = 1;
    ck_assert_str_eq(reason_of(&c), "case.assets");
    c = good;
    c.assets[1].name = text_span("b.csv");
    ck_assert_str_eq(reason_of(&c), "case.assets");
    c = good;
    c.says.network_used = 1;
    ck_assert_str_eq(reason_of(&c), "case.network");
    c = good;
    ck_assert_str_eq(reason_of(&c), "");
    end();
}
END_TEST

START_TEST(refuses_a_statement_of_another_manifest)
{
    struct parties others;
    case_plan c = begin();

    parties_make(&others, "[]");
    c.says.manifest = cocos_manifest_digest(others.manifest);
    ck_assert_str_eq(reason_of(&c), "case.manifest");
    parties_done(&others);
    end();
}
END_TEST

START_TEST(needs_the_approvals_that_the_manifest_asks_for)
{
    case_plan good = begin();
    case_plan c = good;

    c.approvals = 2;
    ck_assert_str_eq(reason_of(&c), "case.approvals");
    c = good;
    c.hide_approval = 1;
    ck_assert_str_eq(reason_of(&c), "case.approvals");
    c = good;
    c.forget_name = 1;
    ck_assert_str_eq(reason_of(&c), "case.approvals");
    end();
}
END_TEST

START_TEST(holds_approvals_to_their_bounds)
{
    static const struct {
        const char *option;
        const char *value;
        const char *reason;
    } all[] = {{"max_runs", "2", ""},
               {"max_runs", "1", "approval.runs"},
               {"not_after", "1749999996", ""},
               {"not_after", "1749999995", "approval.time"},
               {"not_before", "1749999997", "approval.time"},
               {"instance", "696e7374616e6365206f6620626f6f74", ""},
               {"instance", "00000000000000000000000000000000", "approval.instance"},
               {"policy", ONES, ""}};
    case_plan good = begin();

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        case_plan c = good;
        c.says.run = 2;
        c.option = all[i].option;
        c.value = all[i].value;
        ck_assert_str_eq(reason_of(&c), all[i].reason);
    }
    end();
}
END_TEST

START_TEST(a_withdrawal_is_shown_and_answers_nothing)
{
    case_plan c = begin();

    c.option = "withdraw";
    c.value = "true";
    ck_assert_str_eq(reason_of(&c), "case.approvals");
    /* A run that was withdrawn before it began. */
    c.says.start.wall_s = c.says.end.wall_s = COCOS__NEVER;
    c.says.n_assets = 0;
    c.says.exit_status = COCOS__NEVER;
    c.says.result = c.says.result_sha256 = NULL;
    cocos_case *file = case_make(&c);
    cocos_case_terms *terms = NULL;
    cocos_verdict *none = NULL;
    cocos_verifier *vf = verifier();
    assert_fails(cocos_case_verify(file, vf, NULL, &none, &err), COCOS_ERR_USAGE, "case.time", err);
    assert_ok(cocos_case_terms_new(&terms, &err), err);
    assert_ok(cocos_case_terms_set_time(terms, SNP_NOW * INT64_C(1000000000), &err), err);
    cocos_verdict *v = judge(file, terms);
    ck_assert_str_eq(cocos_verdict_reason(v), "");
    ck_assert_int_eq(outcome(v, "case.withdrawal"), COCOS_OUTCOME_NOT_CHECKED);
    ck_assert_str_eq(found(v, "case.withdrawal"), "withdrawn; the statement names it");
    cocos_verdict_free(v);
    cocos_verifier_free(vf);
    cocos_case_terms_free(terms);
    cocos_case_free(file);
    end();
}
END_TEST

START_TEST(a_closure_must_be_of_this_statement_and_complete)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *other = NULL;
    case_plan good = begin();
    case_plan c = good;

    assert_ok(cocos_key_generate(COCOS_KEY_P384, &other, &err), err);
    c.closure_key = other;
    ck_assert_str_eq(reason_of(&c), "case.closure");
    c = good;
    c.n_wiped = 1;
    ck_assert_str_eq(reason_of(&c), "case.wiped");
    c = good;
    c.scratch_not_erased = 1;
    ck_assert_str_eq(reason_of(&c), "case.wiped");
    c = good;
    c.without_closure = 1;
    ck_assert_str_eq(reason_of(&c), "");

    c = good;
    cocos_case *one = case_make(&c);
    c.says.run = 2;
    cocos_case *two = case_make(&c);
    size_t len;
    const uint8_t *closure = cocos_closure_cbor(cocos_case_closure(two), &len);
    assert_ok(cocos_case_set_closure(one, closure, len, &err), err);
    cocos_verdict *v = judge(one, NULL);
    ck_assert_str_eq(cocos_verdict_reason(v), "case.closure");
    cocos_verdict_free(v);
    cocos_case_free(one);
    cocos_case_free(two);
    end();
}
END_TEST

/* Puts a time-stamp of the authority into the case. */
static void anchor(cocos_case *file, const authority *a, int64_t time_s)
{
    const uint8_t *request;
    size_t len;

    assert_ok(cocos_case_anchor_request(file, &request, &len, &err), err);
    pki_bytes answer = authority_answer(a, request, len, time_s);
    assert_ok(cocos_case_anchor(file, answer.data, answer.len, &err), err);
    free(answer.data);
}

static cocos_case_terms *trusting(const authority *a)
{
    cocos_case_terms *terms = NULL;
    pki_bytes pem = pki_pem(&a->root, 1);

    assert_ok(cocos_case_terms_new(&terms, &err), err);
    assert_ok(cocos_case_terms_add_tsa_root(terms, pem.data, pem.len, &err), err);
    free(pem.data);
    return terms;
}

START_TEST(a_time_stamp_anchors_the_case)
{
    authority a = authority_new("critical,timeStamping");
    authority b = authority_new("critical,timeStamping");
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    cocos_case_terms *terms = trusting(&a);
    cocos_case_terms *others = trusting(&b);
    uint8_t before[32];

    memcpy(before, cocos_case_statement(file)->is.digest, 32);
    anchor(file, &b, SNP_NOW + 50);
    anchor(file, &a, SNP_NOW + 100); /* replaces it */
    ck_assert_mem_eq(cocos_case_statement(file)->is.digest, before, 32);
    cocos_verdict *v = judge(file, terms);
    ck_assert_str_eq(cocos_verdict_reason(v), "");
    ck_assert_int_eq(outcome(v, "case.time"), COCOS_OUTCOME_PASSED);
    ck_assert_ptr_nonnull(strstr(found(v, "case.time"), "anchored"));
    ck_assert_str_eq(found(v, "time"), "2025-06-15T15:08:20Z");
    cocos_verdict_free(v);

    v = judge(file, others);
    ck_assert_str_eq(cocos_verdict_reason(v), "");
    ck_assert_ptr_nonnull(strstr(found(v, "case.time"), "claimed only"));
    cocos_verdict_free(v);
    v = judge(file, NULL);
    ck_assert_ptr_nonnull(strstr(found(v, "case.time"), "no authority is listed"));
    cocos_verdict_free(v);
    cocos_case_terms_free(terms);
    cocos_case_terms_free(others);
    cocos_case_free(file);
    authority_free(&a);
    authority_free(&b);
    end();
}
END_TEST

START_TEST(a_certificate_for_something_else_stamps_no_time)
{
    authority a = authority_new("critical,serverAuth");
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    const uint8_t *request;
    size_t len;
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();

    /* OpenSSL itself refuses to stamp with it. */
    ck_assert_int_eq(TS_RESP_CTX_set_signer_cert(ctx, a.cert), 0);
    TS_RESP_CTX_free(ctx);
    assert_ok(cocos_case_anchor_request(file, &request, &len, &err), err);
    ck_assert_uint_eq(len, 59);
    cocos_case_free(file);
    authority_free(&a);
    end();
}
END_TEST

START_TEST(refuses_answers_that_are_no_time_stamp_of_this_case)
{
    authority a = authority_new("critical,timeStamping");
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    c.says.run = 3;
    cocos_case *other = case_make(&c);
    const uint8_t *request;
    size_t len;

    assert_ok(cocos_case_anchor_request(other, &request, &len, &err), err);
    pki_bytes answer = authority_answer(&a, request, len, SNP_NOW);
    assert_fails(cocos_case_anchor(file, answer.data, answer.len, &err), COCOS_ERR_REJECTED,
                 "timestamp.imprint", err);
    assert_fails(cocos_case_anchor(file, answer.data, answer.len - 1, &err), COCOS_ERR_MALFORMED,
                 "timestamp.form", err);
    assert_fails(cocos_case_anchor(file, request, 10, &err), COCOS_ERR_MALFORMED, "timestamp.form",
                 err);
    free(answer.data);
    /* A request of a digest that the authority does not take. */
    uint8_t strange[59];
    memcpy(strange, request, len);
    strange[20] = 2; /* SHA-384 */
    answer = authority_answer(&a, strange, len, SNP_NOW);
    assert_fails(cocos_case_anchor(file, answer.data, answer.len, &err), COCOS_ERR_DENIED,
                 "timestamp.refused", err);
    free(answer.data);
    cocos_case_free(file);
    cocos_case_free(other);
    authority_free(&a);
    end();
}
END_TEST

/* The chain ends in the past, but not at the time of the token. */
START_TEST(a_time_stamp_outlives_its_certificate)
{
    authority a = authority_new("critical,timeStamping");
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    cocos_case_terms *terms = trusting(&a);

    anchor(file, &a, SNP_FROM - 1);
    cocos_verdict *v = judge(file, terms);
    ck_assert_ptr_nonnull(strstr(found(v, "case.time"), "claimed only"));
    cocos_verdict_free(v);
    anchor(file, &a, SNP_FROM + 1);
    v = judge(file, terms);
    ck_assert_ptr_nonnull(strstr(found(v, "case.time"), "anchored"));
    cocos_verdict_free(v);
    cocos_case_terms_free(terms);
    cocos_case_free(file);
    authority_free(&a);
    end();
}
END_TEST

START_TEST(refuses_files_that_are_no_case)
{
    static const struct {
        const char *bytes;
        size_t len;
        int status;
        const char *code;
    } all[] = {{"\xa0", 1, COCOS_ERR_UNSUPPORTED, "case.tag"},
               {"\x80", 1, COCOS_ERR_MALFORMED, "cbor.type"},
               {"\xa1\x01\x6c"
                "cocos.case/2",
                15, COCOS_ERR_UNSUPPORTED, "case.tag"},
               {"\xa1\x01\x6c"
                "cocos.case/1",
                15, COCOS_ERR_MALFORMED, "cbor.absent"},
               {"\xa1\x08\x00", 3, COCOS_ERR_MALFORMED, "cbor.unknown"}};
    cocos_case *file = NULL;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_fails(cocos_case_parse((const uint8_t *)all[i].bytes, all[i].len, &file, &err),
                     all[i].status, all[i].code, err);
    uint8_t *huge = calloc(1, COCOS__CASE_MAX + 1);
    assert_fails(cocos_case_parse(huge, COCOS__CASE_MAX + 1, &file, &err), COCOS_ERR_EXHAUSTED,
                 "case.size", err);
    free(huge);
}
END_TEST

START_TEST(has_room_for_so_much_and_no_more)
{
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    uint8_t *much = calloc(1, COCOS__EVIDENCE_MAX);
    const uint8_t *data;
    size_t len;
    int r = COCOS_OK;

    assert_fails(cocos_case_add_collateral(file, COCOS_PART_EVENT_LOG, much, 1, &err),
                 COCOS_ERR_MALFORMED, "case.form", err);
    assert_ok(cocos_case_add_collateral(file, COCOS_PART_TCB_INFO, much, 1, &err), err);
    assert_fails(cocos_case_add_collateral(file, COCOS_PART_TCB_INFO, much, 1, &err),
                 COCOS_ERR_MALFORMED, "case.form", err);
    for (int i = 0; i < 4; i++)
        assert_ok(cocos_case_add_collateral(file, COCOS_PART_CRL, much, COCOS__EVIDENCE_MAX, &err),
                  err);
    assert_fails(cocos_case_cbor(file, &data, &len, &err), COCOS_ERR_EXHAUSTED, "case.size", err);
    for (int i = 0; r == COCOS_OK; i++) {
        ck_assert_int_lt(i, 40);
        r = cocos_case_add_collateral(file, COCOS_PART_CRL, much, 1, NULL);
    }
    ck_assert_int_eq(r, COCOS_ERR_EXHAUSTED);
    const uint8_t *approval = cocos_approval_cbor(cocos_case_approval(file, 0), &len);
    for (int i = 3; i < COCOS__CASE_APPROVALS; i++)
        assert_ok(cocos_case_add_approval(file, approval, len, &err), err);
    assert_fails(cocos_case_add_approval(file, approval, len, &err), COCOS_ERR_EXHAUSTED,
                 "case.size", err);
    free(much);
    /* All of them have their rows. */
    cocos_verdict *v = judge(file, NULL);
    ck_assert_uint_gt(cocos_verdict_row_count(v), COCOS__CASE_APPROVALS);
    cocos_verdict_free(v);
    cocos_case_free(file);
    end();
}
END_TEST

START_TEST(is_explained_in_plain_words)
{
    static const char *const words[] = {"The case is sound.",
                                        "People:",
                                        "Project:",
                                        "Setting:",
                                        "Data:",
                                        "Output:",
                                        "What is NOT proven",
                                        "SIMULATED",
                                        "data set a.csv: 4096 bytes",
                                        "study-7",
                                        "Then 2 assets were wiped",
                                        "No network was used",
                                        "per boot",
                                        "Not checked: case.result"};
    case_plan c = begin();
    cocos_case *file = case_make(&c);
    cocos_verdict *v = judge(file, NULL);
    char *text = NULL;

    assert_ok(cocos_case_explain(file, v, &text, &err), err);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ck_assert_msg(strstr(text, words[i]) != NULL, "no \"%s\" in: %s", words[i], text);
    ck_assert_ptr_nonnull(strstr(text, cocos_manifest_fingerprint(p.manifest)));
    cocos_free_text(text);
    assert_ok(cocos_case_explain_json(file, v, &text, &err), err);
    ck_assert_ptr_nonnull(strstr(text, "\"not_proven\": ["));
    cocos_free_text(text);
    assert_ok(cocos_case_explain(file, NULL, &text, &err), err);
    ck_assert_ptr_nonnull(strstr(text, "NOT JUDGED"));
    ck_assert_ptr_null(strstr(text, "accepted"));
    cocos_free_text(text);
    cocos_verdict_free(v);
    cocos_case_free(file);
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_whole_case_is_sound_and_says_what_was_not_checked,
                                  is_the_same_after_it_was_written_and_read,
                                  two_successes_are_told_apart,
                                  refuses_evidence_that_is_not_for_this_statement,
                                  refuses_a_statement_that_does_not_fit_the_manifest,
                                  refuses_a_statement_of_another_manifest,
                                  needs_the_approvals_that_the_manifest_asks_for,
                                  holds_approvals_to_their_bounds,
                                  a_withdrawal_is_shown_and_answers_nothing,
                                  a_closure_must_be_of_this_statement_and_complete,
                                  a_time_stamp_anchors_the_case,
                                  a_certificate_for_something_else_stamps_no_time,
                                  refuses_answers_that_are_no_time_stamp_of_this_case,
                                  a_time_stamp_outlives_its_certificate,
                                  refuses_files_that_are_no_case,
                                  has_room_for_so_much_and_no_more,
                                  is_explained_in_plain_words,
                                  NULL};

    milan = snp_authority_new("Milan");
    int failed = run_suite("case", tests, 110);
    snp_authority_free(&milan);
    return failed;
}
