/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict as a table that a person reads. */
#include <string.h>

#include "attest/verdict.h"
#include "base/bytes.h"

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
    cocos__buf_printf(b, "  %-*s  %s\n", WIDTH, cocos_verdict_row_text(v, i, COCOS_ROW_NAME),
                      outcomes[cocos_verdict_row_outcome(v, i)]);
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
