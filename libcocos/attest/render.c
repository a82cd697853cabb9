/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict as a table that a person reads, and as JSON. */
#include <string.h>

#include "attest/verdict.h"
#include "base/bytes.h"
#include "codec/json.h"

#define TEXT_MAX (1u << 20)
#define WIDTH    28

static const char *const outcomes[] = {"", "passed", "FAILED", "not checked", "COULD NOT TELL"};
static const char *const judgements[] = {"", "ACCEPTED", "REJECTED", "UNDECIDED"};

static void add_line(cocos__buf *b, const char *label, const char *text, const char *by)
{
    if (text[0])
        cocos__buf_printf(b, "  %*s  %-8s  %s%s%s%s\n", WIDTH, "", label, text, by[0] ? " (" : "",
                          by, by[0] ? ")" : "");
}

static void add_row(cocos__buf *b, const cocos_verdict *v, size_t i)
{
    cocos__buf_printf(b, "  %-*s  %-14s  %s\n", WIDTH, cocos_verdict_row_text(v, i, COCOS_ROW_NAME),
                      outcomes[cocos_verdict_row_outcome(v, i)],
                      cocos_verdict_row_text(v, i, COCOS_ROW_SOURCE));
    add_line(b, "expected", cocos_verdict_row_text(v, i, COCOS_ROW_EXPECTED),
             cocos_verdict_row_text(v, i, COCOS_ROW_ORIGIN));
    add_line(b, "found", cocos_verdict_row_text(v, i, COCOS_ROW_FOUND),
             cocos_verdict_row_text(v, i, COCOS_ROW_SIGNER));
}

static void add_counts(cocos__buf *b, const cocos_verdict *v)
{
    size_t n[5] = {0};

    for (size_t i = 0; i < cocos_verdict_row_count(v); i++)
        n[cocos_verdict_row_outcome(v, i)]++;
    cocos__buf_printf(b, "%zu passed, %zu failed, %zu not checked, %zu could not tell\n", n[1],
                      n[2], n[3], n[4]);
}

int cocos_verdict_to_table(const cocos_verdict *v, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    size_t len = 0;

    cocos__buf_init(&b, TEXT_MAX);
    cocos__buf_printf(&b, "%s%s\n", judgements[v->judgement],
                      v->simulated ? " (SIMULATED: a test root, not a vendor's)" : "");
    if (v->judgement != COCOS_ACCEPTED)
        cocos__buf_printf(&b, "reason: %s\n", cocos_verdict_reason(v));
    for (size_t i = 0; i < cocos_verdict_row_count(v); i++)
        add_row(&b, v, i);
    add_counts(&b, v);

    char *text = (char *)cocos__buf_steal(&b, &len);
    if (!text)
        return cocos__fail_memory(err);
    *ret = text;
    return COCOS_OK;
}

static const char *const json_outcomes[] = {"", "passed", "failed", "not checked",
                                            "could not tell"};
static const char *const json_judgements[] = {"", "accepted", "rejected", "undecided"};

static void put_row(cocos__json_out *o, const cocos_verdict *v, size_t i)
{
    static const struct {
        const char *name;
        int text;
    } members[] = {{"check", COCOS_ROW_NAME},    {"expected", COCOS_ROW_EXPECTED},
                   {"origin", COCOS_ROW_ORIGIN}, {"found", COCOS_ROW_FOUND},
                   {"signer", COCOS_ROW_SIGNER}, {"source", COCOS_ROW_SOURCE},
                   {"code", COCOS_ROW_CODE}};

    cocos__json_put_object(o, NULL);
    cocos__json_put_text(o, "outcome", json_outcomes[cocos_verdict_row_outcome(v, i)]);
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        const char *text = cocos_verdict_row_text(v, i, members[m].text);
        if (text[0])
            cocos__json_put_text(o, members[m].name, text);
    }
    cocos__json_put_end(o);
}

int cocos_verdict_to_json(const cocos_verdict *v, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;

    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    cocos__json_put_object(o, NULL);
    cocos__json_put_text(o, "verdict", json_judgements[v->judgement]);
    cocos__json_put_text(o, "reason",
                         v->judgement == COCOS_ACCEPTED ? NULL : cocos_verdict_reason(v));
    cocos__json_put_bool(o, "simulated", v->simulated);
    cocos__json_put_array(o, "checks");
    for (size_t i = 0; i < cocos_verdict_row_count(v); i++)
        put_row(o, v, i);
    cocos__json_put_end(o);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
