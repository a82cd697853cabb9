/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case in plain words under five headings, for people who will not read rows. Each sentence is
 * either proven by the verdict beside it or says that it is not.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attest/verdict.h"
#include "base/clock.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "manifest/casefile.h"

#define TEXT_MAX (4u << 20)

enum heading { PEOPLE, PROJECT, SETTING, DATA, OUTPUT, NOT_PROVEN, HEADINGS };

static const struct {
    const char *title;
    const char *name;
} headings[HEADINGS] = {
    [PEOPLE] = {"People: who approved what", "people"},
    [PROJECT] = {"Project: what was to be done", "project"},
    [SETTING] = {"Setting: what ran where", "setting"},
    [DATA] = {"Data: what it ran on", "data"},
    [OUTPUT] = {"Output: what came out, what was wiped", "output"},
    [NOT_PROVEN] = {"What is NOT proven", "not_proven"},
};

/* Where sentences go: a text or JSON. */
typedef struct teller {
    cocos__buf *text;
    cocos__json_out *json;
    const cocos_case *c;
    const cocos_verdict *v;
} teller;

static void say(const teller *t, const char *fmt, ...) COCOS__PRINTF(2, 3);

static void say(const teller *t, const char *fmt, ...)
{
    char sentence[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    /* Names of the parties are foreign text: nothing of it may move a cursor. */
    for (char *c = sentence; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    if (t->json)
        cocos__json_put_text(t->json, NULL, sentence);
    else
        cocos__buf_printf(t->text, "  * %s\n", sentence);
}

static const char *date(int64_t time_s, char text[32])
{
    struct tm tm;

    if (!cocos__date_of(time_s, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
        strcpy(text, "an impossible time");
    return text;
}

static const char *hex32(const uint8_t *data, char text[65])
{
    cocos__hex_encode(data, 32, text);
    return text;
}

static const cocos__row *row_named(const teller *t, const char *name)
{
    return t->v ? cocos__rows_find(t->v->rows, name) : NULL;
}

static int has_passed(const teller *t, const char *name)
{
    const cocos__row *row = row_named(t, name);

    return row && row->outcome == COCOS__PASSED;
}

static void tell_people(const teller *t)
{
    char signer[65];
    char when[32];

    for (size_t i = 0; i < t->c->n_approvals; i++) {
        const cocos_approval *a = t->c->approvals[i];
        const cocos__approving *s = &a->says;
        hex32(cocos_key_thumbprint(a->is.key), signer);
        say(t, "%s %s %s this manifest.", s->role, signer,
            s->withdrawal ? "withdrew the approval of" : "approved");
        if (s->max_runs >= 0)
            say(t, "%s approved at most %" PRId64 " runs of one boot.", signer, s->max_runs);
        if (s->not_after_s != COCOS__NEVER)
            say(t, "%s approved until %s.", signer, date(s->not_after_s, when));
        if (s->policy)
            say(t, "%s named the policy file that had to be fulfilled.", signer);
    }
    if (t->c->n_approvals == 0)
        say(t, "Nobody's approval is in this file%s.",
            cocos_manifest_approval_count(t->c->manifest) ? "" : "; the manifest asks for none");
    for (size_t i = 0; i < cocos_manifest_consumer_count(t->c->manifest); i++)
        say(t, "The result was for %s.",
            hex32(cocos_key_thumbprint(cocos_manifest_consumer(t->c->manifest, i)), signer));
}

static void tell_project(const teller *t)
{
    const cocos_manifest *m = t->c->manifest;
    char digest[65];

    say(t, "Computation %s%s%s.", cocos_manifest_id(m), cocos_manifest_name(m)[0] ? ": " : "",
        cocos_manifest_name(m));
    if (cocos_manifest_description(m)[0])
        say(t, "Described as: %s", cocos_manifest_description(m));
    say(t, "Its manifest has the digest %s (%s).", hex32(m->digest, digest),
        cocos_manifest_fingerprint(m));
    say(t, "The algorithm (%s) has the digest %s.", cocos_manifest_algo_type(m),
        hex32(cocos_manifest_asset_digest(m, COCOS_ASSET_ALGORITHM, 0), digest));
}

static void tell_setting(const teller *t)
{
    const cocos__stating *s = &t->c->statement->says;
    const cocos__row *time = row_named(t, COCOS__CASE_TIME);
    char id[33];

    cocos__hex_encode(s->instance, 16, id);
    say(t, "It ran in instance %s, as run %" PRIu64 " of that boot, under agent %.*s.", id, s->run,
        (int)s->agent_version.len, (const char *)s->agent_version.data);
    if (t->v && t->v->simulated)
        say(t, "SIMULATED: the root of the evidence is no vendor's; no hardware vouches for this.");
    else if (has_passed(t, COCOS__CASE_SOUND))
        say(t, "Hardware evidence for it was judged by the policy and accepted.");
    else
        say(t, "That this was a confidential machine was not shown: the case is not sound.");
    say(t, "%s network was used; the limits of the job were %senforced.",
        s->network_used ? "A" : "No", s->limits_enforced ? "" : "NOT ");
    if (time && time->found.text)
        say(t, "When it was signed: %s.", time->found.text);
}

static void tell_data(const teller *t)
{
    const cocos__stating *s = &t->c->statement->says;
    char digest[65];

    for (size_t i = 0; i < s->n_assets; i++) {
        const cocos__used *a = &s->assets[i];
        say(t, "%s%.*s: %" PRIu64 " bytes, digest %s.",
            a->kind == COCOS_ASSET_DATASET ? "data set " : "", (int)a->name.len,
            (const char *)a->name.data, a->size, hex32(a->digest, digest));
    }
    if (s->n_assets == 0)
        say(t, "Nothing was used.");
    else if (t->v)
        say(t, "%s",
            has_passed(t, "case.assets")
                ? "These are exactly the assets of the manifest."
                : "These were NOT shown to be the assets of the manifest.");
}

static void tell_closure(const teller *t)
{
    const cocos_closure *c = t->c->closure;

    if (!c)
        say(t, "No closure: nothing says that anything was wiped.");
    else if (t->v && !has_passed(t, "case.wiped"))
        say(t, "The closure does not show that everything was wiped.");
    else
        say(t, "Then %zu assets were wiped and the key of the scratch space was %s.",
            c->says.n_wiped, c->says.scratch_key_erased ? "erased" : "NOT erased");
}

static void tell_output(const teller *t)
{
    const cocos__stating *s = &t->c->statement->says;
    const cocos__row *result = row_named(t, COCOS__CASE_RESULT);
    char digest[65];

    if (s->exit_status == COCOS__NEVER)
        say(t, "The job did not end by itself.");
    else
        say(t, "The job ended with status %" PRId64 " (0 means that it says it went well).",
            s->exit_status);
    for (size_t i = 0; i < s->n_named; i++) {
        if (s->named[i].withdrawal)
            say(t, "It was stopped by a withdrawal of %s.", hex32(s->named[i].signer, digest));
    }
    if (s->result)
        say(t, "The result has %" PRIu64 " bytes and the digest %s.", s->result_size,
            hex32(s->result, digest));
    else
        say(t, "There is no result.");
    if (result && result->outcome == COCOS__PASSED)
        say(t, "The result file at hand is the one.");
    else if (result && result->outcome == COCOS__FAILED)
        say(t, "The result file at hand is NOT the one.");
    tell_closure(t);
}

/* What is ours, and what the policy gives away by saying "any". */
static int is_worth_telling(const cocos__row *row)
{
    return strncmp(row->check->name, "case.", 5) == 0 ||
           (row->expected.text && strcmp(row->expected.text, "any") == 0);
}

/* What holds for every case, then what was not checked in this one. */
static void tell_not_proven(const teller *t)
{
    size_t n = 0;

    say(t, "That the algorithm does what its owner says, or that the data are true: only which "
           "bytes were used is.");
    say(t, "That this was the only run: runs are counted per boot of one instance.");
    say(t, "That copies which the parties keep themselves were deleted.");
    if (!t->v) {
        say(t, "Anything above: the case was not judged. Judge it with a policy.");
        return;
    }
    for (size_t i = 0; i < cocos__rows_count(t->v->rows); i++) {
        const cocos__row *row = cocos__rows_at(t->v->rows, i);
        if (row->outcome != COCOS__NOT_CHECKED)
            continue;
        if (is_worth_telling(row))
            say(t, "Not checked: %s%s%.300s", row->check->name, row->found.text ? ": " : "",
                row->found.text ? row->found.text : "");
        else
            n++;
    }
    if (n > 0)
        say(t,
            "%zu more values of the evidence were held against nothing, since the policy is "
            "silent about them; the verdict lists them.",
            n);
}

static void tell_judgement(const teller *t)
{
    static const char *const words[] = {
        [COCOS_ACCEPTED] = "The case is sound.",
        [COCOS_REJECTED] = "The case is REFUSED",
        [COCOS_UNDECIDED] = "The case could NOT BE DECIDED",
    };

    if (!t->v)
        cocos__buf_printf(t->text, "The case was NOT JUDGED: what follows is only what it says.\n");
    else if (has_passed(t, COCOS__CASE_SOUND))
        cocos__buf_printf(t->text, "%s%s\n", words[COCOS_ACCEPTED],
                          t->v->judgement == COCOS_ACCEPTED
                              ? ""
                              : " But the result file at hand is NOT the one.");
    else
        cocos__buf_printf(t->text, "%s: %s. What follows is only what it says.\n",
                          words[t->v->judgement], cocos_verdict_reason(t->v));
}

static void tell_all(const teller *t)
{
    static void (*const tell[HEADINGS])(const teller *) = {
        tell_people, tell_project, tell_setting, tell_data, tell_output, tell_not_proven};

    for (size_t i = 0; i < HEADINGS; i++) {
        if (t->json)
            cocos__json_put_array(t->json, headings[i].name);
        else
            cocos__buf_printf(t->text, "\n%s\n", headings[i].title);
        tell[i](t);
        if (t->json)
            cocos__json_put_end(t->json);
    }
}

int cocos_case_explain(const cocos_case *c, const cocos_verdict *v, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    teller t = {&b, NULL, c, v};
    size_t len;

    cocos__buf_init(&b, TEXT_MAX);
    if (!c || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "case.usage", "a case is needed");
    tell_judgement(&t);
    tell_all(&t);
    char *text = (char *)cocos__buf_steal(&b, &len);
    if (!text)
        return cocos__fail_memory(err);
    *ret = text;
    return COCOS_OK;
}

int cocos_case_explain_json(const cocos_case *c,
                            const cocos_verdict *v,
                            char **ret,
                            cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
    static const char *const words[] = {"not judged", "accepted", "rejected", "undecided"};

    if (!c || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "case.usage", "a case is needed");
    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    teller t = {NULL, o, c, v};
    cocos__json_put_object(o, NULL);
    cocos__json_put_text(o, "verdict", words[v ? v->judgement : 0]);
    cocos__json_put_text(o, "reason",
                         v && v->judgement != COCOS_ACCEPTED ? cocos_verdict_reason(v) : NULL);
    tell_all(&t);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
