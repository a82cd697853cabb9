/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges a case: what the parties signed, what the machine proves, what it stated, and how these
 * fit together. The order of the rows is that of the sections below, whatever the case.
 */
#include <inttypes.h>
#include <string.h>

#include "attest/verdict.h"
#include "crypto/key.h"
#include "crypto/timestamp.h"
#include "manifest/casefile.h"

#define SPEC        "cocos-v1 section 5"
#define BY_MANIFEST "manifest"
#define GUEST       "the statement's key"
#define CASE        "case file"
#define CALLER      "caller"
#define BUILT_IN    "compiled in"

typedef struct judging {
    const cocos_case *c;
    const cocos_case_terms *terms;
    const cocos__stating *says;
    cocos__rows *rows;
    int64_t time_s;
    int simulated;
} judging;

static cocos__said by(const char *text, const char *who)
{
    return (cocos__said){text, who};
}

static const char *hex(const judging *j, const uint8_t *data, size_t len)
{
    return cocos__rows_hex(j->rows, data, len);
}

static const char *foreign(const judging *j, cocos__span s)
{
    return cocos__rows_foreign(j->rows, (const char *)s.data, s.len, 255);
}

static const char *why(const judging *j, const cocos_error *e)
{
    const char *text = cocos_error_message(e);

    return cocos__rows_foreign(j->rows, text, strlen(text), 300);
}

static const char *date(const judging *j, int64_t time_s)
{
    return time_s == COCOS__NEVER ? "never" : cocos__rows_time(j->rows, time_s);
}

/* Passes or fails a row by what a call said of it; lack of memory is no judgement. */
static int row_of(judging *j, size_t id, int r, cocos_error *e, cocos__said want, cocos__said found)
{
    if (r == COCOS_ERR_MEMORY)
        return r;
    if (r == COCOS_OK)
        cocos__row_pass(j->rows, id, want, found);
    else
        cocos__row_fail(j->rows, id, cocos__rows_printf(j->rows, "%s", cocos_error_code(e)), want,
                        by(why(j, e), found.by));
    return COCOS_OK;
}

/* ---- time ---- */

enum { TIME, TIME_CHECKS };
static const cocos__check time_checks[TIME_CHECKS] = {{COCOS__CASE_TIME, SPEC ", Time"}};

static int64_t claimed_time(const cocos__stating *s)
{
    return s->end.wall_s != COCOS__NEVER ? s->end.wall_s : s->start.wall_s;
}

/* A time-stamp that is missing or broken never turns a verdict: then the time is claimed only. */
static int check_time(judging *j, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf signature;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *e = NULL;
    const cocos__cose *cose = j->c->statement->is.cose;
    cocos__span token = cocos__cose_timestamp(cose);
    cocos__timestamp stamp;
    const char *reason = "no time-stamp";
    cocos__said want = {"a time-stamp of an authority that the caller lists", CALLER};

    cocos__buf_init(&signature, COCOS__STATEMENT_MAX);
    cocos__rows_begin(j->rows, time_checks, TIME_CHECKS);
    j->time_s = claimed_time(j->says);
    const char *claimed = date(j, j->time_s);
    if (token.len && j->terms->tsa_roots.n == 0)
        reason = "a time-stamp, but no authority is listed";
    if (token.len && j->terms->tsa_roots.n > 0) {
        cocos__cose_put_signature(cose, &signature);
        int r = signature.failed
                    ? COCOS_ERR_MEMORY
                    : cocos__timestamp_verify(token, (cocos__span){signature.data, signature.len},
                                              &j->terms->tsa_roots, &stamp, &e);
        if (r == COCOS_ERR_MEMORY)
            return cocos__fail_memory(err);
        if (r == COCOS_OK) {
            j->time_s = stamp.time_s;
            cocos__row_pass(
                j->rows, TIME, want,
                by(cocos__rows_printf(j->rows, "anchored: signed before %s; the guest claims %s",
                                      date(j, stamp.time_s), claimed),
                   cocos__rows_printf(j->rows, "time-stamp authority %s", stamp.authority)));
        } else {
            reason = why(j, e);
        }
    }
    if (cocos__row_outcome(j->rows, TIME) != COCOS__PASSED)
        cocos__row_skip(
            j->rows, TIME, want,
            by(cocos__rows_printf(j->rows, "claimed only: %s (%s%s)", claimed, reason,
                                  cocos__cose_has_receipts(cose) ? "; receipts are not looked at"
                                                                 : ""),
               "the host's clock"));
    if (j->terms->time_s != COCOS__NEVER)
        j->time_s = j->terms->time_s;
    if (j->time_s == COCOS__NEVER)
        return cocos__fail(err, COCOS_ERR_USAGE, "case.time",
                           "neither time-stamp nor statement say when it was signed: name a time");
    return COCOS_OK;
}

/* ---- form and manifest ---- */

enum { FORM, MANIFEST, COMPUTATION, FORM_CHECKS };
static const cocos__check form_checks[FORM_CHECKS] = {
    [FORM] = {"case.form", SPEC},
    [MANIFEST] = {"case.manifest", SPEC ", statement 5"},
    [COMPUTATION] = {"case.computation", SPEC ", statement 2"},
};

static void check_form(judging *j)
{
    const cocos_manifest *m = j->c->manifest;
    const char *id = cocos_manifest_id(m);
    cocos__span of = j->says->computation_id;

    cocos__rows_begin(j->rows, form_checks, FORM_CHECKS);
    cocos__row_pass(
        j->rows, FORM, by("all parts in their one form", BUILT_IN),
        by(cocos__rows_printf(j->rows,
                              "%zu approvals and withdrawals, %zu pieces of collateral,"
                              " %s closure",
                              j->c->n_approvals, j->c->n_collateral, j->c->closure ? "a" : "no"),
           CASE));
    cocos__row_test(j->rows, MANIFEST, memcmp(m->digest, j->says->manifest, 32) == 0,
                    "case.manifest", by(hex(j, m->digest, 32), "the manifest in the file"),
                    by(hex(j, j->says->manifest, 32), GUEST));
    cocos__row_test(j->rows, COMPUTATION, strlen(id) == of.len && memcmp(id, of.data, of.len) == 0,
                    "case.computation", by(id, BY_MANIFEST), by(foreign(j, of), GUEST));
}

/* ---- approvals ---- */

static const cocos__check approval_check[] = {{"case.approval", "cocos-v1 section 4"}};
static const cocos__check withdrawal_check[] = {{"case.withdrawal", "cocos-v1 section 4"}};
enum { APPROVALS, NAMED, APPROVALS_CHECKS };
static const cocos__check approvals_checks[APPROVALS_CHECKS] = {
    [APPROVALS] = {"case.approvals", "cocos-v1 section 2, approvals"},
    [NAMED] = {"case.named", SPEC ", statement 7"},
};

static const cocos__named *named_as(const judging *j, const cocos_approval *a)
{
    for (size_t i = 0; i < j->says->n_named; i++) {
        if (memcmp(j->says->named[i].digest, a->is.digest, 32) == 0)
            return &j->says->named[i];
    }
    return NULL;
}

static const char *show_approval(const judging *j, const cocos_approval *a)
{
    const cocos__approving *s = &a->says;
    const char *text = cocos__rows_printf(j->rows, "%s", s->role);

    if (s->max_runs >= 0)
        text = cocos__rows_printf(j->rows, "%s; at most %" PRId64 " runs", text, s->max_runs);
    if (s->not_before_s != COCOS__NEVER)
        text = cocos__rows_printf(j->rows, "%s; from %s", text, date(j, s->not_before_s));
    if (s->not_after_s != COCOS__NEVER)
        text = cocos__rows_printf(j->rows, "%s; until %s", text, date(j, s->not_after_s));
    if (s->instance)
        text = cocos__rows_printf(j->rows, "%s; only instance %s", text, hex(j, s->instance, 16));
    if (s->policy)
        text = cocos__rows_printf(j->rows, "%s; under policy %s", text, hex(j, s->policy, 32));
    return text;
}

/* Signed by whom the manifest names, and within its bounds. A withdrawal has effect if it is. */
static int check_approval(judging *j, const cocos_approval *a, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *e = NULL;
    cocos__start start = {j->says->instance, j->says->run, j->says->start.wall_s};
    cocos__said want = {"signed for this manifest by a key that it names, and within its bounds",
                        BY_MANIFEST};
    cocos__said found = {show_approval(j, a), hex(j, cocos_approval_signer(a), 32)};

    cocos__rows_begin(j->rows, a->says.withdrawal ? withdrawal_check : approval_check, 1);
    int r = cocos__approval_check(a, j->c->manifest, &e);
    if (r == COCOS_OK && !a->says.withdrawal)
        r = cocos__approval_holds(a, &start, &e);
    if (r == COCOS_OK && a->says.withdrawal) {
        cocos__row_skip(j->rows, 0, want,
                        by(cocos__rows_printf(j->rows, "withdrawn; the statement %s it",
                                              named_as(j, a) ? "names" : "does not name"),
                           found.by));
        return COCOS_OK;
    }
    r = row_of(j, 0, r, e, want, found);
    return r < 0 ? cocos__fail_memory(err) : COCOS_OK;
}

/* Is it in the file, named by the statement, and of this signature? */
static int is_answered(const judging *j, const cocos__required *what)
{
    for (size_t i = 0; i < j->c->n_approvals; i++) {
        if (cocos__approval_answers(j->c->approvals[i], what) && named_as(j, j->c->approvals[i]))
            return 1;
    }
    return 0;
}

static int check_required(judging *j, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) cocos__required *list = NULL;
    size_t n = 0;
    size_t missing = 0;
    const char *first = "";

    int r = cocos__manifest_required(j->c->manifest, &list, &n, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (is_answered(j, &list[i]))
            continue;
        if (missing++ == 0)
            first = cocos__rows_printf(j->rows, "%s %s", list[i].role ? list[i].role : "key",
                                       hex(j, list[i].signer, 32));
    }
    cocos__said want = {cocos__rows_printf(j->rows, "%zu approvals before the start", n),
                        BY_MANIFEST};
    if (j->says->start.wall_s == COCOS__NEVER)
        cocos__row_skip(j->rows, APPROVALS, want, by("the job never started", GUEST));
    else
        cocos__row_test(
            j->rows, APPROVALS, missing == 0, "case.approvals", want,
            by(missing ? cocos__rows_printf(j->rows, "%zu missing, first %s", missing, first)
                       : "each is there, and named by the statement",
               CASE));
    return COCOS_OK;
}

static void check_named(judging *j)
{
    cocos__said want = {"all that the statement names, by those whom it names", GUEST};

    for (size_t i = 0; i < j->says->n_named; i++) {
        const cocos__named *n = &j->says->named[i];
        const cocos_approval *a = cocos__case_find(j->c, n->digest);
        if (!a || a->says.withdrawal != n->withdrawal ||
            memcmp(cocos_approval_signer(a), n->signer, 32) != 0)
            cocos__row_fail(j->rows, NAMED, "case.named", want,
                            by(cocos__rows_printf(j->rows, "%s %s by %s is not in the file",
                                                  n->withdrawal ? "withdrawal" : "approval",
                                                  hex(j, n->digest, 32), hex(j, n->signer, 32)),
                               CASE));
    }
    if (cocos__row_outcome(j->rows, NAMED) == COCOS__NOT_CHECKED)
        cocos__row_pass(j->rows, NAMED, want,
                        by(cocos__rows_printf(j->rows, "%zu", j->says->n_named), CASE));
}

static int check_approvals(judging *j, cocos_error **err)
{
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < j->c->n_approvals; i++)
        r = check_approval(j, j->c->approvals[i], err);
    cocos__rows_begin(j->rows, approvals_checks, APPROVALS_CHECKS);
    if (r == COCOS_OK)
        r = check_required(j, err);
    if (r == COCOS_OK)
        check_named(j);
    return r;
}

/* ---- evidence: the whole verifier, at the time of signing ---- */

static int make_evidence(const judging *j, cocos_evidence **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__evidence_freep) cocos_evidence *ev = NULL;
    static const char purpose[] = "statement";
    const cocos_case *c = j->c;

    int r =
        cocos_evidence_new(COCOS_EVIDENCE_ENVELOPE, c->envelope.data, c->envelope.len, &ev, err);
    for (size_t i = 0; r == COCOS_OK && i < c->n_collateral; i++)
        r = cocos_evidence_add(ev, c->collateral[i].part, c->collateral[i].data.data,
                               c->collateral[i].data.len, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(ev, COCOS_CLAIM_PURPOSE, (const uint8_t *)purpose,
                                  sizeof purpose - 1, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(ev, COCOS_CLAIM_STATEMENT_KEY,
                                  cocos_key_thumbprint(c->statement->is.key), 32, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(ev, COCOS_CLAIM_INSTANCE, j->says->instance, 16, err);
    if (r == COCOS_OK)
        r = cocos_evidence_expect(ev, COCOS_CLAIM_MANIFEST, c->manifest->digest, 32, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(ev);
    return COCOS_OK;
}

static int check_evidence(judging *j, const cocos_verifier *verifier, cocos_error **err)
{
    COCOS__CLEANUP(cocos__evidence_freep) cocos_evidence *ev = NULL;
    COCOS__CLEANUP(cocos__verdict_freep) cocos_verdict *v = NULL;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *e = NULL;

    int r = make_evidence(j, &ev, err);
    if (r < 0)
        return r;
    r = cocos_verifier_verify(verifier, ev, j->time_s * INT64_C(1000000000), COCOS_TIME_CHOSEN, &v,
                              &e);
    if (!v)
        return cocos__fail_cause(err, r, "case.evidence", COCOS__STEAL(e),
                                 "the evidence in the case could not be judged");
    j->simulated = v->simulated;
    cocos__rows_append(j->rows, COCOS__STEAL(v->rows));
    return COCOS_OK;
}

/* ---- statement ---- */

enum { SIGNATURE, ASSETS, NETWORK, LIMITS, EXIT, RUNS, STATEMENT_CHECKS };
static const cocos__check statement_checks[STATEMENT_CHECKS] = {
    [SIGNATURE] = {"case.statement", SPEC},
    [ASSETS] = {"case.assets", SPEC ", statement 6"},
    [NETWORK] = {"case.network", SPEC ", statement 15"},
    [LIMITS] = {"case.limits", SPEC ", statement 14"},
    [EXIT] = {"case.exit", SPEC ", statement 11"},
    [RUNS] = {"case.runs", SPEC ", statement 4"},
};

static const cocos__used *used_as(const judging *j, int kind, size_t index)
{
    const cocos_manifest *m = j->c->manifest;
    const char *name = cocos_manifest_asset_name(m, kind, index);

    for (size_t i = 0; i < j->says->n_assets; i++) {
        const cocos__used *a = &j->says->assets[i];
        if (a->kind == kind && a->name.len == strlen(name) &&
            memcmp(a->name.data, name, a->name.len) == 0)
            return a;
    }
    return NULL;
}

/* What the manifest has and what the statement says was used are the same, one to one. */
static void check_assets(judging *j)
{
    const cocos_manifest *m = j->c->manifest;
    const char *fault = NULL;
    size_t n = 0;
    size_t index = 0;
    int kind = 0;

    for (; cocos__manifest_asset_at(m, n, &kind, &index); n++) {
        const cocos__used *a = used_as(j, kind, index);
        uint64_t size = cocos_manifest_asset_size(m, kind, index);
        const char *name = cocos_manifest_asset_name(m, kind, index);
        if (!a)
            fault = cocos__rows_printf(j->rows, "%s was not used", name);
        else if (memcmp(a->digest, cocos_manifest_asset_digest(m, kind, index), 32) != 0)
            fault = cocos__rows_printf(j->rows, "%s was used with digest %s", name,
                                       hex(j, a->digest, 32));
        else if (size != COCOS_SIZE_UNKNOWN && size != a->size)
            fault = cocos__rows_printf(j->rows, "%s had %" PRIu64 " bytes, not %" PRIu64, name,
                                       a->size, size);
    }
    if (!fault && n != j->says->n_assets)
        fault = cocos__rows_printf(j->rows, "%zu assets were used", j->says->n_assets);
    cocos__said want = {cocos__rows_printf(j->rows, "the %zu assets of the manifest", n),
                        BY_MANIFEST};
    if (j->says->start.wall_s == COCOS__NEVER)
        cocos__row_skip(j->rows, ASSETS, want, by("the job never started", GUEST));
    else
        cocos__row_test(j->rows, ASSETS, !fault, "case.assets", want,
                        by(fault ? fault : "exactly these", GUEST));
}

static void check_conduct(judging *j)
{
    size_t allowed = cocos_manifest_job_network_count(j->c->manifest);

    cocos__row_test(
        j->rows, NETWORK, !j->says->network_used || allowed > 0, "case.network",
        by(allowed ? "the network that the manifest allows" : "no network", BY_MANIFEST),
        by(j->says->network_used ? "network used" : "no network used", GUEST));
    if (j->says->limits_enforced)
        cocos__row_pass(j->rows, LIMITS, by("limits of the job enforced", BUILT_IN),
                        by("enforced", GUEST));
    else
        cocos__row_skip(j->rows, LIMITS, by("limits of the job enforced", BUILT_IN),
                        by("NOT enforced: the image allows jobs without limits", GUEST));
    cocos__row_skip(
        j->rows, EXIT, by("what the job says of itself", GUEST),
        by(j->says->exit_status == COCOS__NEVER
               ? "it did not end by itself"
               : cocos__rows_printf(j->rows, "exit status %" PRId64, j->says->exit_status),
           GUEST));
    cocos__row_skip(j->rows, RUNS, by("runs of this computation in all", "nobody"),
                    by(cocos__rows_printf(j->rows,
                                          "run %" PRIu64 " of this boot; runs are counted per boot:"
                                          " other boots may have had others",
                                          j->says->run),
                       GUEST));
}

static int check_statement(judging *j, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *e = NULL;
    const cocos_statement *s = j->c->statement;

    cocos__rows_begin(j->rows, statement_checks, STATEMENT_CHECKS);
    int r = cocos__signed_verify(&s->is, COCOS__TYPE_STATEMENT, &e);
    r = row_of(j, SIGNATURE, r, e,
               by("signed by the key that the evidence vouches for", "evidence"),
               by("it is", hex(j, cocos_key_thumbprint(s->is.key), 32)));
    if (r < 0)
        return cocos__fail_memory(err);
    check_assets(j);
    check_conduct(j);
    return COCOS_OK;
}

/* ---- closure ---- */

enum { CLOSURE, WIPED, CLOSURE_CHECKS };
static const cocos__check closure_checks[CLOSURE_CHECKS] = {
    [CLOSURE] = {"case.closure", SPEC ", closure"},
    [WIPED] = {"case.wiped", SPEC ", closure 3 and 4"},
};

static int is_wiped(const cocos__closing *c, int kind, size_t index)
{
    for (size_t i = 0; i < c->n_wiped; i++) {
        if (c->wiped[i].kind == kind && c->wiped[i].index == index)
            return 1;
    }
    return 0;
}

static void check_wiped(judging *j, const cocos__closing *c)
{
    const char *fault =
        c->scratch_key_erased ? NULL : "the key of the scratch space was not erased";
    size_t index = 0;
    int kind = 0;

    for (size_t i = 0; cocos__manifest_asset_at(j->c->manifest, i, &kind, &index); i++) {
        if (!is_wiped(c, kind, index))
            fault = cocos__rows_printf(j->rows, "%s was not wiped",
                                       cocos_manifest_asset_name(j->c->manifest, kind, index));
    }
    cocos__row_test(j->rows, WIPED, !fault, "case.wiped",
                    by("every asset wiped, scratch key erased", BY_MANIFEST),
                    by(fault ? fault : "so it says", GUEST));
}

/* Its own signature, the same key, this statement, this manifest. */
static int hold_closure(const judging *j, const cocos_closure *c, cocos_error **err)
{
    const cocos__signed *s = &j->c->statement->is;

    if (!cocos__key_equal(c->is.key, s->key))
        return cocos__fail(err, COCOS_ERR_REJECTED, "case.closure", "it is signed by another key");
    if (memcmp(c->says.statement, s->digest, 32) != 0 ||
        memcmp(c->is.manifest, s->manifest, 32) != 0)
        return cocos__fail(err, COCOS_ERR_REJECTED, "case.closure",
                           "it closes another statement or manifest");
    return cocos__signed_verify(&c->is, COCOS__TYPE_CLOSURE, err);
}

static int check_closure(judging *j, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *e = NULL;
    const cocos_closure *c = j->c->closure;
    cocos__said want = {"a closure of this statement by its key", GUEST};

    cocos__rows_begin(j->rows, closure_checks, CLOSURE_CHECKS);
    if (!c) {
        cocos__row_skip(j->rows, CLOSURE, want,
                        by("none: that anything was wiped is not proven", CASE));
        return COCOS_OK;
    }
    int r = hold_closure(j, c, &e);
    int held = r == COCOS_OK;
    if (row_of(j, CLOSURE, r, e, want, by("it is", hex(j, cocos_key_thumbprint(c->is.key), 32))) <
        0)
        return cocos__fail_memory(err);
    if (held)
        check_wiped(j, &c->says);
    return COCOS_OK;
}

/* ---- the two successes ---- */

enum { SOUND, RESULT, SUMMARY_CHECKS };
static const cocos__check summary_checks[SUMMARY_CHECKS] = {
    [SOUND] = {COCOS__CASE_SOUND, SPEC},
    [RESULT] = {COCOS__CASE_RESULT, SPEC ", statement 8 and 10"},
};

static void check_result(judging *j)
{
    const cocos__stating *s = j->says;
    const char *stated = s->result ? cocos__rows_printf(j->rows, "%s, %" PRIu64 " bytes",
                                                        hex(j, s->result, 32), s->result_size)
                                   : "no result";

    if (!j->terms->has_result) {
        cocos__row_skip(j->rows, RESULT, by(stated, GUEST),
                        by("no result file was given to be compared", CALLER));
        return;
    }
    cocos__row_test(j->rows, RESULT,
                    s->result && s->result_size == j->terms->result_size &&
                        memcmp(s->result, j->terms->result, 32) == 0,
                    "case.result", by(stated, GUEST),
                    by(cocos__rows_printf(j->rows, "%s, %" PRIu64 " bytes",
                                          hex(j, j->terms->result, 32), j->terms->result_size),
                       "the file at hand"));
}

static void check_summary(judging *j)
{
    cocos__said want = {"every check above that was made passed", BUILT_IN};
    const cocos__row *reason = cocos__rows_reason(j->rows);

    cocos__rows_begin(j->rows, summary_checks, SUMMARY_CHECKS);
    if (!reason)
        cocos__row_pass(j->rows, SOUND, want, by("the case is sound", BUILT_IN));
    else if (reason->outcome == COCOS__FAILED)
        cocos__row_fail(j->rows, SOUND, "case.sound", want, by(reason->check->name, BUILT_IN));
    else
        cocos__row_unknown(j->rows, SOUND, "case.sound", want, by(reason->check->name, BUILT_IN));
    check_result(j);
}

int cocos_case_verify(const cocos_case *c,
                      const cocos_verifier *verifier,
                      const cocos_case_terms *terms,
                      cocos_verdict **ret,
                      cocos_error **err)
{
    static const cocos_case_terms defaults = {.time_s = COCOS__NEVER};
    COCOS__CLEANUP(cocos__rows_freep) cocos__rows *rows = NULL;

    if (!c || !verifier || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "case.usage", "a case and a verifier are needed");
    int r = cocos__rows_new(&rows, err);
    if (r < 0)
        return r;
    judging j = {c, terms ? terms : &defaults, &c->statement->says, rows, 0, 0};
    check_form(&j);
    r = check_approvals(&j, err);
    if (r == COCOS_OK)
        r = check_time(&j, err);
    if (r == COCOS_OK)
        r = check_evidence(&j, verifier, err);
    if (r == COCOS_OK)
        r = check_statement(&j, err);
    if (r == COCOS_OK)
        r = check_closure(&j, err);
    if (r < 0)
        return r;
    check_summary(&j);
    return cocos__verdict_make(COCOS__STEAL(rows), j.simulated, ret, err);
}
