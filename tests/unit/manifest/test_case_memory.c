/* SPDX-License-Identifier: Apache-2.0 */
/* Making, reading and telling cases when memory runs out: an error each time, a case that could not
 * be changed is as before, nothing left behind. */
#include "allocfail.h"

#include "cases.h"
#include "suite.h"

static snp_authority milan;
static struct parties p;
static authority tsa, other_tsa;
static cocos_key *guest;
static uint8_t *bytes;
static size_t len;
static pki_bytes answer, other_answer; /* of time-stamps over this statement and over another */
static pki_bytes tsa_roots;

/* ---- making ---- */

static int add_parts(cocos_case *to, const cocos_case *from, cocos_error **err)
{
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < from->n_approvals; i++) {
        const cocos_approval *a = from->approvals[i];
        r = cocos_case_add_approval(to, a->encoded, a->len, err);
        if (cocos_case_approval_count(to) != i + (r == COCOS_OK))
            abort();
    }
    for (size_t i = 0; r == COCOS_OK && i < from->n_collateral; i++)
        r = cocos_case_add_collateral(to, from->collateral[i].part, from->collateral[i].data.data,
                                      from->collateral[i].data.len, err);
    /* The second one takes the place of the first. */
    for (int i = 0; r == COCOS_OK && i < 2; i++)
        r = cocos_case_set_closure(to, from->closure->encoded, from->closure->len, err);
    return r;
}

static int make(void *user, cocos_error **err)
{
    const cocos_case *from = user;
    cocos_case *file = NULL;
    int r = cocos_case_new(from->manifest, from->envelope.data, from->envelope.len,
                           from->statement->encoded, from->statement->len, &file, err);

    if (r == COCOS_OK)
        r = add_parts(file, from, err);
    cocos_case_free(file);
    return r;
}

/* Each part one byte short, or of another kind. */
static int never_make(void *user, cocos_error **err)
{
    cocos_case *from = user;
    cocos_case *file = NULL;
    const cocos_statement *s = from->statement;
    const cocos_approval *a = from->approvals[0];

    allocfail_refused(cocos_case_new(from->manifest, from->envelope.data, from->envelope.len - 1,
                                     s->encoded, s->len, &file, err),
                      err);
    allocfail_refused(cocos_case_new(from->manifest, from->envelope.data, from->envelope.len,
                                     a->encoded, a->len, &file, err),
                      err);
    allocfail_refused(cocos_case_add_approval(from, a->encoded, a->len - 1, err), err);
    allocfail_refused(cocos_case_set_closure(from, s->encoded, s->len, err), err);
    return allocfail_refused(
        cocos_case_add_collateral(from, COCOS_PART_EVENT_LOG, a->encoded, a->len, err), err);
}

static int write_case(void *user, cocos_error **err)
{
    const uint8_t *data;
    size_t n;

    return cocos_case_cbor(user, &data, &n, err);
}

static int parse(void *user, cocos_error **err)
{
    cocos_case *file = NULL;
    int r = cocos_case_parse(bytes, len, &file, err);

    (void)user;
    cocos_case_free(file);
    return r;
}

/* ---- time-stamps and terms ---- */

static int request(void *user, cocos_error **err)
{
    const uint8_t *data;
    size_t n;

    return cocos_case_anchor_request(user, &data, &n, err);
}

static int anchor(void *user, cocos_error **err)
{
    const cocos_statement *before = cocos_case_statement(user);
    int r = cocos_case_anchor(user, answer.data, answer.len, err);

    if (r < 0 && cocos_case_statement(user) != before)
        abort();
    return allocfail_judged(r);
}

static int never_anchor(void *user, cocos_error **err)
{
    allocfail_refused(cocos_case_anchor(user, answer.data, answer.len - 1, err), err);
    return allocfail_refused(cocos_case_anchor(user, other_answer.data, other_answer.len, err),
                             err);
}

static int set_terms(void *user, cocos_error **err)
{
    cocos_case_terms *terms = NULL;
    int r = cocos_case_terms_new(&terms, err);

    (void)user;
    if (r == COCOS_OK)
        r = cocos_case_terms_set_time(terms, SNP_NOW * INT64_C(1000000000), err);
    if (r == COCOS_OK)
        r = cocos_case_terms_set_result(terms, a_result, 1234, err);
    if (r == COCOS_OK) {
        r = cocos_case_terms_add_tsa_root(terms, tsa_roots.data, tsa_roots.len, err);
        if (terms->tsa_roots.n != (r == COCOS_OK ? 2 : 0))
            abort();
    }
    cocos_case_terms_free(terms);
    return r;
}

static int never_set_terms(void *user, cocos_error **err)
{
    cocos_case_terms *terms = NULL;
    int r = cocos_case_terms_new(&terms, err);

    (void)user;
    if (r < 0)
        return r;
    /* A whole certificate, then one that ends too soon. */
    allocfail_refused(
        cocos_case_terms_add_tsa_root(terms, tsa_roots.data, tsa_roots.len - 40, err), err);
    if (terms->tsa_roots.n != 0)
        abort();
    r = allocfail_refused(cocos_case_terms_set_time(terms, -1, err), err);
    cocos_case_terms_free(terms);
    return r;
}

/* ---- telling ---- */

static int explain(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_case_explain(user, NULL, &text, err);

    cocos_free_text(text);
    return r;
}

static int explain_json(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_case_explain_json(user, NULL, &text, err);

    cocos_free_text(text);
    return r;
}

/* ---- tests ---- */

static pki_bytes stamped(const authority *a, cocos_case *file)
{
    const uint8_t *data;
    size_t n;

    PKI_NEED(cocos_case_anchor_request(file, &data, &n, NULL) == COCOS_OK);
    return authority_answer(a, data, n, SNP_NOW + 100);
}

static cocos_case *begin(void)
{
    const uint8_t *data;

    milan = snp_authority_new("Milan");
    parties_make(&p, "[\"algorithm-provider\"]");
    PKI_NEED(cocos_key_generate(COCOS_KEY_ED25519, &guest, NULL) == COCOS_OK);
    tsa = authority_new("critical,timeStamping");
    other_tsa = authority_new("critical,timeStamping");
    X509 *both[] = {tsa.root, other_tsa.root};
    tsa_roots = pki_pem(both, 2);

    case_plan c = case_plan_new(&milan, &p, guest);
    cocos_case *file = case_make(&c);
    c.says.run = 2;
    cocos_case *other = case_make(&c);
    answer = stamped(&tsa, file);
    other_answer = stamped(&tsa, other);
    cocos_case_free(other);
    PKI_NEED(cocos_case_cbor(file, &data, &len, NULL) == COCOS_OK);
    bytes = malloc(len);
    memcpy(bytes, data, len);
    return file;
}

static void end(cocos_case *file)
{
    cocos_case_free(file);
    free(bytes);
    free(answer.data);
    free(other_answer.data);
    free(tsa_roots.data);
    cocos_key_free(guest);
    authority_free(&tsa);
    authority_free(&other_tsa);
    parties_done(&p);
    snp_authority_free(&milan);
}

START_TEST(makes_reads_and_tells_cases)
{
    static int (*const calls[])(void *, cocos_error **) = {explain, explain_json, write_case,
                                                           parse};
    cocos_case *file = begin();

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        ck_assert_uint_gt(allocfail_sweep_some(calls[i], file, 200, 17), 0);
    ck_assert_uint_gt(allocfail_sweep_some(make, file, 60, 17), 0);
    ck_assert_uint_gt(allocfail_sweep_some(never_make, file, 60, 17), 0);
    end(file);
}
END_TEST

START_TEST(puts_time_stamps_in_and_sets_terms)
{
    cocos_case *file = begin();

    ck_assert_uint_gt(allocfail_sweep(request, file), 0);
    ck_assert_uint_gt(allocfail_sweep_some(anchor, file, 100, 3), 0);
    ck_assert_uint_gt(allocfail_sweep_some(never_anchor, file, 100, 3), 0);
    ck_assert_uint_gt(allocfail_sweep(set_terms, NULL), 0);
    ck_assert_uint_gt(allocfail_sweep(never_set_terms, NULL), 0);
    end(file);
}
END_TEST

TEST_MAIN(case_memory, makes_reads_and_tells_cases, puts_time_stamps_in_and_sets_terms)
