/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/verdict.h"

#include <assert.h>

static_assert((int)COCOS_OUTCOME_PASSED == (int)COCOS__PASSED, "one numbering of outcomes");
static_assert((int)COCOS_OUTCOME_FAILED == (int)COCOS__FAILED, "one numbering of outcomes");
static_assert((int)COCOS_OUTCOME_NOT_CHECKED == (int)COCOS__NOT_CHECKED,
              "one numbering of outcomes");
static_assert((int)COCOS_OUTCOME_UNKNOWN == (int)COCOS__UNKNOWN, "one numbering of outcomes");

static const char *text(const char *s)
{
    return s ? s : "";
}

/* Any failed row refuses; without one, any row that could not tell leaves it open. */
static int judge(const cocos__rows *rows)
{
    const cocos__row *reason = cocos__rows_reason(rows);

    if (!reason)
        return COCOS_ACCEPTED;
    return reason->outcome == COCOS__FAILED ? COCOS_REJECTED : COCOS_UNDECIDED;
}

static int refusal(const cocos_verdict *v, cocos_error **err)
{
    const cocos__row *row = cocos__rows_reason(v->rows);
    int status = v->judgement == COCOS_REJECTED ? COCOS_ERR_REJECTED : COCOS_ERR_UNDECIDED;

    return cocos__fail_check(err, status, row->code, row->check->name, row->expected.text,
                             row->found.text, "%s: expected %s, found %s", row->check->name,
                             text(row->expected.text), text(row->found.text));
}

int cocos__verdict_make(cocos__rows *rows_take,
                        int simulated,
                        cocos_verdict **ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__rows_freep) cocos__rows *rows = rows_take;
    COCOS__CLEANUP(cocos__verdict_freep) cocos_verdict *v = NULL;

    int r = cocos__rows_status(rows, err);
    if (r < 0)
        return r;
    v = calloc(1, sizeof *v);
    if (!v)
        return cocos__fail_memory(err);
    v->judgement = judge(rows);
    v->simulated = simulated;
    v->rows = COCOS__STEAL(rows);

    r = v->judgement == COCOS_ACCEPTED ? COCOS_OK : refusal(v, err);
    *ret = COCOS__STEAL(v);
    return r;
}

void cocos_verdict_free(cocos_verdict *verdict)
{
    if (!verdict)
        return;
    cocos__rows_free(verdict->rows);
    free(verdict);
}

static void free_attached(void *verdict)
{
    cocos_verdict_free(verdict);
}

void cocos__verdict_attach(cocos_error *e, cocos_verdict *verdict_take)
{
    cocos__error_attach(e, verdict_take, free_attached);
}

const cocos_verdict *cocos_verdict_of_error(const cocos_error *err)
{
    return cocos__error_attached(err, free_attached);
}

int cocos_verdict_judgement(const cocos_verdict *verdict)
{
    return verdict->judgement;
}

const char *cocos_verdict_reason(const cocos_verdict *verdict)
{
    const cocos__row *row = cocos__rows_reason(verdict->rows);
    return row ? text(row->code) : "";
}

int cocos_verdict_simulated(const cocos_verdict *verdict)
{
    return verdict->simulated;
}

size_t cocos_verdict_row_count(const cocos_verdict *verdict)
{
    return cocos__rows_count(verdict->rows);
}

int cocos_verdict_row_outcome(const cocos_verdict *verdict, size_t i)
{
    const cocos__row *row = cocos__rows_at(verdict->rows, i);
    return row ? row->outcome : COCOS_OUTCOME_UNKNOWN;
}

const char *cocos_verdict_row_text(const cocos_verdict *verdict, size_t i, int which)
{
    const cocos__row *row = cocos__rows_at(verdict->rows, i);

    if (!row)
        return "";
    switch (which) {
    case COCOS_ROW_NAME:
        return row->check->name;
    case COCOS_ROW_EXPECTED:
        return text(row->expected.text);
    case COCOS_ROW_ORIGIN:
        return text(row->expected.by);
    case COCOS_ROW_FOUND:
        return text(row->found.text);
    case COCOS_ROW_SIGNER:
        return text(row->found.by);
    case COCOS_ROW_SOURCE:
        return row->check->source;
    case COCOS_ROW_CODE:
        return text(row->code);
    default:
        return "";
    }
}
