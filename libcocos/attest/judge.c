/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges evidence in an envelope: the parts by the rules of their kinds, with the hash of the
 * claims as what their data slots must hold; then the claims, which are believed only when a part
 * that holds has signed that hash.
 */
#include "attest/judge.h"

#include <string.h>

#include "attest/envelope.h"
#include "attest/tee.h"
#include "attest/verdict.h"
#include "crypto/digest.h"
#include "vtpm/message.h"
#include "vtpm/verify.h"

#define BY_CLAIMS "claims of the envelope"
#define NOBODY    "nobody"

enum { FORM, PARTS, FORM_CHECKS };

static const cocos__check form_checks[FORM_CHECKS] = {
    [FORM] = {"envelope.form", "cocos-v1 section 1, envelope"},
    [PARTS] = {"envelope.parts", "cocos-v1 section 1, envelope"},
};

enum {
    SIGNED,
    PURPOSE,
    CHALLENGE,
    LEAF,
    INSTANCE,
    MANIFEST,
    STATEMENT_KEY,
    AK,
    DICE,
    COMPAT,
    CLAIM_CHECKS
};

static const cocos__check claim_checks[CLAIM_CHECKS] = {
    [SIGNED] = {"envelope.signed", "cocos-v1 section 1, REPORT_DATA"},
    [PURPOSE] = {"envelope.purpose", "cocos-v1 section 1, claim 1"},
    [CHALLENGE] = {"envelope.challenge", "cocos-v1 section 1, claim 2"},
    [LEAF] = {"envelope.leaf", "cocos-v1 section 1, claim 3"},
    [INSTANCE] = {"envelope.instance", "cocos-v1 section 1, claim 7"},
    [MANIFEST] = {"envelope.manifest", "cocos-v1 section 1, claim 8"},
    [STATEMENT_KEY] = {"envelope.statement_key", "cocos-v1 section 1, claim 6"},
    [AK] = {"envelope.ak", "cocos-v1 section 1, claim 5"},
    [DICE] = {"envelope.dice", "cocos-v1 section 1, claim 4"},
    [COMPAT] = {"envelope.compat", "cocos-v1 section 1, claim 9"},
};

/* One judgement in the making. */
typedef struct judgement {
    const cocos_policy *policy;
    const cocos_evidence *ev;
    const cocos__kept *kept;
    int64_t time_s;
    cocos__rows *rows;
    int simulated; /* of the TEE */

    cocos__envelope envelope;
    cocos__claims claims;
    uint8_t report_data[64]; /* what the slots must hold */
    uint8_t nonce[32];
    cocos__span
        snp; /* parts that are judged; data NULL: not there, or the policy has no word on it */
    cocos__span tdx;
    cocos__span tpm;
    const char *tee_row; /* rows of the TEE that was judged: its slot, its measurement, its name */
    const char *launch_row;
    const char *tee_name;
    int64_t vmpl;              /* of the SNP report; -1: it is too short to say */
    cocos__span svsm_manifest; /* of the SVSM that asked for it; data NULL: none */
} judgement;

static int is_tee_trust(const cocos_policy *p)
{
    return p->vtpm.ak_trust.state == COCOS__RULE_GIVEN && p->vtpm.ak_trust.value >= COCOS__AK_TEE;
}

/* A part whose kind the policy never mentions is passed over, unless it mentions none at all. */
static void choose_parts(judgement *j)
{
    const cocos_policy *p = j->policy;
    int snp = cocos__policy_mentions(p, "snp");
    int tdx = cocos__policy_mentions(p, "tdx");
    int tpm = cocos__policy_mentions(p, "vtpm");
    int none = !snp && !tdx && !tpm;

    if (snp || none || (is_tee_trust(p) && !tdx))
        j->snp = cocos__envelope_find(&j->envelope, COCOS__MEDIA_SNP_REPORT);
    if (tdx || none || (is_tee_trust(p) && !snp))
        j->tdx = cocos__envelope_find(&j->envelope, COCOS__MEDIA_TDX_QUOTE);
    if (tpm || none)
        j->tpm = cocos__envelope_find(&j->envelope, COCOS__MEDIA_TPM_QUOTES);
}

/* Kinds of parts, and with which of the three that are judged they are looked at. */
static const struct {
    const char *type;
    size_t with; /* offset of its span in the judgement */
} known[] = {
    {COCOS__MEDIA_SNP_REPORT, offsetof(judgement, snp)},
    {COCOS__MEDIA_SNP_CERTS, offsetof(judgement, snp)},
    {COCOS__MEDIA_SVSM_MANIFEST, offsetof(judgement, snp)},
    {COCOS__MEDIA_TDX_QUOTE, offsetof(judgement, tdx)},
    {COCOS__MEDIA_CCEL, offsetof(judgement, tdx)},
    {COCOS__MEDIA_TPM_QUOTES, offsetof(judgement, tpm)},
    {COCOS__MEDIA_EVENT_LOG, offsetof(judgement, tpm)},
    {COCOS__MEDIA_IMA_LOG, offsetof(judgement, tpm)},
    {COCOS__MEDIA_EXTENDS, offsetof(judgement, tpm)},
    {COCOS__MEDIA_AK_CERTIFIED, offsetof(judgement, tpm)},
};

static int is_looked_at(const judgement *j, const char *media_type)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(known); i++) {
        if (strcmp(media_type, known[i].type) == 0)
            return ((const cocos__span *)(const void *)((const char *)j + known[i].with))->data !=
                   NULL;
    }
    return 0;
}

/* What is judged, and what is not: nothing that lies in an envelope is passed over in silence. */
static const char *parts_found(judgement *j)
{
    const char *text = cocos__rows_printf(j->rows, "judged: %s%s%s%s", j->snp.data ? "snp " : "",
                                          j->tdx.data ? "tdx " : "", j->tpm.data ? "tpm " : "",
                                          j->snp.data || j->tdx.data || j->tpm.data ? "" : "none ");

    for (size_t i = 0; i < j->envelope.n; i++) {
        const char *type = j->envelope.parts[i].media_type;
        if (!is_looked_at(j, type))
            text = cocos__rows_printf(j->rows, "%s; passed over: %s", text, type);
    }
    return text;
}

/* What the policy judges must be there: a host may have left out what would not have held. */
static int check_parts(judgement *j)
{
    const cocos_policy *p = j->policy;
    int tee = cocos__policy_mentions(p, "snp") || cocos__policy_mentions(p, "tdx");
    int tpm = cocos__policy_mentions(p, "vtpm");
    int has_tee = j->snp.data || j->tdx.data;
    cocos__said want = {tee && tpm ? "a TEE report and TPM quotes"
                        : tee      ? "a TEE report"
                        : tpm      ? "TPM quotes"
                                   : "a TEE report or TPM quotes",
                        tee || tpm ? "policy" : "compiled in"};
    int ok = (!tee || has_tee) && (!tpm || j->tpm.data) && (has_tee || j->tpm.data);

    return cocos__row_test(j->rows, PARTS, ok, "envelope.parts", want,
                           (cocos__said){parts_found(j), "evidence"});
}

/* 1 when there is something to judge. */
static int check_form(judgement *j, int *status, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__said want = {"one readable envelope", "compiled in"};

    *status = COCOS_OK;
    int r = cocos__envelope_parse(j->ev->main, &j->envelope, &why);
    if (r == COCOS_OK)
        r = cocos__claims_parse(j->envelope.claims, &j->claims, &why);
    if (r < 0) {
        const char *text = cocos_error_message(why);
        if (r == COCOS_ERR_MEMORY)
            *status = cocos__fail_memory(err);
        cocos__row_unknown(
            j->rows, FORM, "envelope.form", want,
            (cocos__said){cocos__rows_foreign(j->rows, text, strlen(text), 200), "evidence"});
        return 0;
    }
    cocos__row_pass(j->rows, FORM, want, (cocos__said){"it is", "evidence"});
    choose_parts(j);
    return check_parts(j);
}

/* A rule on the data slot, as the claims want it. What it points to lives as long as j. */
static cocos__match slot_rule(const uint8_t *hash, size_t size)
{
    return (cocos__match){COCOS__RULE_GIVEN, size, 1, (uint8_t *)(uintptr_t)hash, BY_CLAIMS};
}

static const cocos__certs *roots_of(const judgement *j)
{
    return j->policy->roots.n ? &j->policy->roots : NULL;
}

static int judge_snp(judgement *j, cocos_error **err)
{
    cocos__snp_evidence ev = cocos__evidence_snp(j->ev);
    cocos__span table = cocos__envelope_find(&j->envelope, COCOS__MEDIA_SNP_CERTS);
    cocos__snp_policy policy = j->policy->snp;

    ev.report = j->snp;
    if (ev.table.len == 0)
        ev.table = table;
    policy.report_data = slot_rule(j->report_data, sizeof j->report_data);
    j->tee_row = "snp.report_data";
    j->launch_row = "snp.measurement";
    j->tee_name = "SEV-SNP report";
    j->vmpl = cocos__attest_vmpl(ev.report);
    j->svsm_manifest = cocos__envelope_find(&j->envelope, COCOS__MEDIA_SVSM_MANIFEST);
    return cocos__attest_snp(&ev, j->svsm_manifest, &policy, roots_of(j),
                             j->kept->snp.endorsement.leaf ? &j->kept->snp : NULL, j->time_s,
                             j->rows, &j->simulated, err);
}

static int judge_tdx(judgement *j, cocos_error **err)
{
    cocos__tdx_evidence ev = cocos__evidence_tdx(j->ev);
    cocos__tdx_policy policy = j->policy->tdx;

    ev.quote = j->tdx;
    policy.report_data = slot_rule(j->report_data, sizeof j->report_data);
    j->tee_row = "tdx.report_data";
    j->launch_row = "tdx.mrtd";
    j->tee_name = "TDX quote";
    return cocos__attest_tdx(&ev, cocos__envelope_find(&j->envelope, COCOS__MEDIA_CCEL), &policy,
                             roots_of(j), j->kept->tdx, j->time_s, j->rows, &j->simulated, err);
}

static int row_passed(const judgement *j, const char *name)
{
    const cocos__row *row = name ? cocos__rows_find(j->rows, name) : NULL;

    return row && row->outcome == COCOS__PASSED;
}

static int judge_tpm(judgement *j, cocos_error **err)
{
    static const uint8_t nothing[64]; /* a slot that names no key */
    cocos__vtpm_evidence ev = {
        .main = j->tpm,
        .tee_vmpl = j->snp.data ? j->vmpl : -1,
        .certified = cocos__envelope_find(&j->envelope, COCOS__MEDIA_AK_CERTIFIED),
        .event_log = cocos__envelope_find(&j->envelope, COCOS__MEDIA_EVENT_LOG),
        .ima_log = cocos__envelope_find(&j->envelope, COCOS__MEDIA_IMA_LOG),
        .extends = cocos__envelope_find(&j->envelope, COCOS__MEDIA_EXTENDS),
        .manifest = cocos__claims_value(&j->claims, COCOS_CLAIM_MANIFEST),
    };
    COCOS__CLEANUP(cocos__freep) cocos__vtpm_policy *policy = malloc(sizeof *policy);

    if (!policy)
        return cocos__fail_memory(err);
    *policy = j->policy->vtpm;
    policy->nonce = slot_rule(j->nonce, sizeof j->nonce);
    policy->without_nonce = (cocos__number){COCOS__RULE_UNSET, 0};
    policy->has_claims = 1;
    memcpy(policy->claims_slot, j->report_data, sizeof policy->claims_slot);
    policy->has_claims_ak = j->claims.ak != NULL;
    if (j->claims.ak)
        memcpy(policy->claims_ak, j->claims.ak, sizeof policy->claims_ak);
    if (j->tee_row) {
        const cocos__row *row = cocos__rows_find(j->rows, j->tee_row);
        ev.svsm_manifest = j->snp.data ? j->svsm_manifest : (cocos__span){NULL, 0};
        ev.tee_data = row ? row->outcome : COCOS__UNKNOWN;
        ev.tee_slot =
            (cocos__span){row_passed(j, j->tee_row) ? j->report_data : nothing, sizeof nothing};
        ev.tee_name = j->tee_name;
        ev.tee_rows = j->launch_row;
    }
    ev.n_certs =
        cocos__evidence_parts(j->ev, COCOS_PART_CERTIFICATES, ev.certs, COCOS__VTPM_BLOBS_MAX);
    return cocos__vtpm_verify(&ev, policy, roots_of(j), &j->kept->vtpm, j->time_s, j->rows, err);
}

/* Who signed the hash of the claims; NULL: nobody whom one may believe. */
static const char *claims_signer(const judgement *j)
{
    if (j->tee_row)
        return row_passed(j, j->tee_row) ? j->tee_name : NULL;
    if (!row_passed(j, "vtpm.nonce"))
        return NULL;
    return row_passed(j, "vtpm.ak.trust") || j->policy->vtpm.ak_trust.state == COCOS__RULE_ANY
               ? "TPM quotes"
               : NULL;
}

/* A value for the slot that the policy states by itself must be this hash too. */
static int contradicts(const cocos__match *rule, const uint8_t *hash, size_t size)
{
    return rule->state == COCOS__RULE_GIVEN && !cocos__match_has(rule, hash, size);
}

static const char *check_signed(judgement *j)
{
    const char *signer = claims_signer(j);
    cocos__said want = {"the hash of the claims in the slot that the hardware signed",
                        "compiled in"};

    if ((j->snp.data && contradicts(&j->policy->snp.report_data, j->report_data, 64)) ||
        (j->tdx.data && contradicts(&j->policy->tdx.report_data, j->report_data, 64)) ||
        (j->tpm.data && contradicts(&j->policy->vtpm.nonce, j->nonce, 32))) {
        cocos__row_fail(j->rows, SIGNED, "envelope.signed",
                        (cocos__said){"the data slot that the policy states", "policy"},
                        (cocos__said){"the hash of other claims", signer ? signer : NOBODY});
        return NULL;
    }
    /* Why no part holds is said by its own rows: what is wrong with it, or what is missing. */
    if (signer)
        cocos__row_pass(j->rows, SIGNED, want, (cocos__said){"it is there", signer});
    else
        cocos__row_unknown(j->rows, SIGNED, "envelope.signed", want,
                           (cocos__said){"no part that holds carries it", NOBODY});
    return signer;
}

/* What the row of a claim needs. */
typedef struct claim_rule {
    size_t row;
    int claim; /* enum cocos_claim */
    const char *code;
    const cocos__match *rule; /* of the policy; NULL: it has none */
    int must;                 /* somebody has to state it */
    int is_text;
} claim_rule;

static const char *text_of(judgement *j, cocos__span s, int is_text)
{
    if (!s.data)
        return "null";
    return is_text ? cocos__rows_foreign(j->rows, (const char *)s.data, s.len, 64)
                   : cocos__rows_hex(j->rows, s.data, s.len);
}

static int equal(cocos__span a, cocos__span b)
{
    return a.data && b.data && a.len == b.len && cocos__equal_ct(a.data, b.data, a.len);
}

/* What the caller states comes first; the policy, when it has a word too, must agree. */
static void check_claim(judgement *j, const claim_rule *c, const char *signer)
{
    cocos__span is = cocos__claims_value(&j->claims, c->claim);
    cocos__span want = j->ev->expected[c->claim];
    cocos__said found = {text_of(j, is, c->is_text), signer};
    int given = c->rule && c->rule->state == COCOS__RULE_GIVEN;

    if (want.data) {
        cocos__said expected = {text_of(j, want, c->is_text), "caller"};
        if (!cocos__row_test(j->rows, c->row, equal(is, want), c->code, expected, found))
            return;
    }
    if (given && is.data)
        cocos__match_check(j->rows, c->row, c->code, c->rule, COCOS__UNSET_FREE, is.data, is.len,
                           signer);
    else if (given)
        cocos__row_fail(j->rows, c->row, c->code, (cocos__said){"a value", "policy"}, found);
    else if (want.data)
        return;
    else if (c->rule && c->rule->state == COCOS__RULE_ANY)
        cocos__row_skip(j->rows, c->row, (cocos__said){"any", "policy"}, found);
    else if (c->must)
        cocos__row_unknown(j->rows, c->row, "policy.missing",
                           (cocos__said){"a value, by the caller or the policy", "default"}, found);
    else
        cocos__row_skip(j->rows, c->row, (cocos__said){"nothing stated", "default"}, found);
}

static void check_purpose(judgement *j, const char *signer)
{
    const cocos__number *rule = &j->policy->envelope.purpose;
    cocos__match word = {.state = rule->state};
    claim_rule c = {PURPOSE, COCOS_CLAIM_PURPOSE, "envelope.purpose", NULL, 1, 1};

    if (rule->state == COCOS__RULE_GIVEN) {
        const char *name = cocos__purpose_name((int)rule->value + 1);
        cocos__row_test(j->rows, PURPOSE, (int)rule->value + 1 == j->claims.purpose,
                        "envelope.purpose", (cocos__said){name, "policy"},
                        (cocos__said){cocos__purpose_name(j->claims.purpose), signer});
        c.must = 0;
        if (!j->ev->expected[COCOS_CLAIM_PURPOSE].data)
            return;
    } else {
        c.rule = &word;
    }
    check_claim(j, &c, signer);
}

/* The key that signed the quotes is the one that the claims name. */
static int check_ak(judgement *j, const char *signer, cocos_error **err)
{
    claim_rule c = {AK, COCOS_CLAIM_AK, "envelope.ak", NULL, 0, 0};
    cocos__said found = {text_of(j, (cocos__span){j->claims.ak, 32}, 0), signer};
    cocos__vtpm_message m;
    uint8_t digest[32];

    check_claim(j, &c, signer);
    if (!j->tpm.data || cocos__vtpm_message_read(j->tpm, &m, NULL) < 0)
        return COCOS_OK;
    int r = cocos__digest(COCOS__SHA256, m.ak_pub.data, m.ak_pub.len, digest, err);
    if (r < 0)
        return r;
    cocos__row_test(j->rows, AK, j->claims.ak && memcmp(digest, j->claims.ak, sizeof digest) == 0,
                    "envelope.ak",
                    (cocos__said){cocos__rows_printf(j->rows, "%s, the key of the quotes",
                                                     cocos__rows_hex(j->rows, digest, 32)),
                                  "evidence"},
                    found);
    return COCOS_OK;
}

static void check_compat(judgement *j, const char *signer)
{
    const cocos__number *rule = &j->policy->envelope.compat;
    cocos__said found = {j->claims.compat ? "true: the old, weaker protocol" : "false", signer};

    if (rule->state == COCOS__RULE_ANY || (rule->state == COCOS__RULE_GIVEN && rule->value))
        cocos__row_skip(j->rows, COMPAT, (cocos__said){"either", "policy"}, found);
    else
        cocos__row_test(
            j->rows, COMPAT, !j->claims.compat, "envelope.compat",
            (cocos__said){"false", rule->state == COCOS__RULE_GIVEN ? "policy" : "default"}, found);
}

static int check_claims(judgement *j, cocos_error **err)
{
    const cocos__envelope_policy *p = &j->policy->envelope;
    int statement = j->claims.purpose == COCOS__PURPOSE_STATEMENT;
    const claim_rule rules[] = {
        {CHALLENGE, COCOS_CLAIM_CHALLENGE, "envelope.challenge", &p->challenge, !statement, 0},
        {LEAF, COCOS_CLAIM_LEAF, "envelope.leaf", NULL, j->claims.leaf != NULL, 0},
        {INSTANCE, COCOS_CLAIM_INSTANCE, "envelope.instance", &p->instance, 0, 0},
        {MANIFEST, COCOS_CLAIM_MANIFEST, "envelope.manifest", &p->manifest, 0, 0},
        {STATEMENT_KEY, COCOS_CLAIM_STATEMENT_KEY, "envelope.statement_key", NULL, statement, 0},
        {DICE, COCOS_CLAIM_DICE, "envelope.dice", NULL, 0, 0},
    };
    const char *signer = check_signed(j);

    if (!signer)
        return COCOS_OK;
    check_purpose(j, signer);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(rules); i++)
        check_claim(j, &rules[i], signer);
    check_compat(j, signer);
    return check_ak(j, signer, err);
}

static int judge_parts(judgement *j, cocos_error **err)
{
    int r = cocos__claims_report_data(j->envelope.claims, j->report_data, err);

    if (r == COCOS_OK)
        r = cocos__claims_nonce(j->envelope.claims, j->nonce, err);
    if (r == COCOS_OK && j->snp.data)
        r = judge_snp(j, err);
    if (r == COCOS_OK && j->tdx.data)
        r = judge_tdx(j, err);
    if (r == COCOS_OK && j->tpm.data)
        r = judge_tpm(j, err);
    return r;
}

int cocos__attest_envelope(const cocos_policy *policy,
                           const cocos_evidence *ev,
                           const cocos__kept *kept,
                           int64_t time_s,
                           cocos__rows *rows,
                           int *simulated,
                           cocos_error **err)
{
    judgement j = {.policy = policy, .ev = ev, .kept = kept, .time_s = time_s, .rows = rows};
    int r;

    *simulated = COCOS__UNROOTED;
    cocos__rows_begin(rows, form_checks, FORM_CHECKS);
    int go_on = check_form(&j, &r, err);
    if (r < 0)
        return r;
    if (go_on) {
        r = judge_parts(&j, err);
        if (r < 0)
            return r;
    }
    cocos__rows_begin(rows, claim_checks, CLAIM_CHECKS);
    if (go_on) {
        r = check_claims(&j, err);
        if (r < 0)
            return r;
    }
    if (j.tee_row)
        *simulated = j.simulated;
    cocos__verdict_coverage(rows, policy, j.launch_row ? j.launch_row : "vtpm.pcr.0", *simulated);
    return COCOS_OK;
}

int cocos__envelope_snp(const cocos_evidence *ev, cocos__snp_evidence *ret)
{
    cocos__envelope e;

    if (cocos__envelope_parse(ev->main, &e, NULL) < 0)
        return 0;
    cocos__span table = cocos__envelope_find(&e, COCOS__MEDIA_SNP_CERTS);
    *ret = cocos__evidence_snp(ev);
    ret->report = cocos__envelope_find(&e, COCOS__MEDIA_SNP_REPORT);
    if (ret->table.len == 0)
        ret->table = table;
    return ret->report.data != NULL;
}

int cocos__envelope_tdx(const cocos_evidence *ev, cocos__tdx_evidence *ret)
{
    cocos__envelope e;

    if (cocos__envelope_parse(ev->main, &e, NULL) < 0)
        return 0;
    *ret = cocos__evidence_tdx(ev);
    ret->quote = cocos__envelope_find(&e, COCOS__MEDIA_TDX_QUOTE);
    return ret->quote.data != NULL;
}

int cocos__envelope_vtpm(const cocos_evidence *ev, cocos__vtpm_evidence *ret)
{
    cocos__envelope e;

    if (cocos__envelope_parse(ev->main, &e, NULL) < 0)
        return 0;
    *ret = (cocos__vtpm_evidence){.main = cocos__envelope_find(&e, COCOS__MEDIA_TPM_QUOTES)};
    return ret->main.data != NULL;
}
