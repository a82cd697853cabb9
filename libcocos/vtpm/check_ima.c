/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "vtpm/checks.h"
#include "vtpm/ima.h"

#define PCR_IMA 10

static int is_set(const cocos__number *n)
{
    return n->state == COCOS__RULE_ANY || n->value;
}

static void no_list(cocos__vtpm_state *s)
{
    if (s->policy->require_ima.state == COCOS__RULE_GIVEN && s->policy->require_ima.value)
        cocos__row_fail(s->rows, VTPM_IMA_LIST, "vtpm.ima_missing",
                        (cocos__said){"an IMA list", "policy"}, (cocos__said){"none", BY_MESSAGE});
    else
        cocos__row_skip(s->rows, VTPM_IMA_LIST, (cocos__said){"no list is demanded", "default"},
                        (cocos__said){"none", BY_MESSAGE});
}

static int unreadable(cocos__vtpm_state *s, cocos_error *why, cocos_error **err)
{
    const char *text = cocos_error_message(why);
    int status = cocos_error_status(why);

    if (status != COCOS_ERR_MALFORMED && status != COCOS_ERR_REJECTED)
        return cocos__fail(err, status, "vtpm.ima_format", "%s", text);
    cocos__row_fail(
        s->rows, VTPM_IMA_LIST,
        status == COCOS_ERR_REJECTED ? "vtpm.ima_template_hash" : "vtpm.ima_format",
        (cocos__said){"a readable list whose hashes are those of its entries", "compiled in"},
        (cocos__said){cocos__rows_foreign(s->rows, text, strlen(text), 200), BY_MESSAGE});
    return COCOS_OK;
}

/* Banks in which PCR 10 was quoted and counts. */
static unsigned banks_of(const cocos__vtpm_state *s)
{
    unsigned banks = cocos__vtpm_banks(s);

    for (int b = 0; b < COCOS__BANKS; b++) {
        if ((banks & 1u << b) && !(s->believed[b]->mask & 1u << PCR_IMA))
            banks &= ~(1u << b);
    }
    return banks;
}

static void compare(cocos__vtpm_state *s, const cocos__ima_result *got, unsigned banks)
{
    cocos__said want = {"a replay that gives the quoted PCR 10", "compiled in"};

    if (banks == 0) {
        cocos__row_unknown(s->rows, VTPM_IMA_PCR, "vtpm.ima_pcr", want,
                           (cocos__said){"PCR 10 was not quoted", BY_MESSAGE});
        return;
    }
    for (int b = 0; b < COCOS__BANKS; b++) {
        if (!(banks & 1u << b))
            continue;
        int same =
            memcmp(got->pcr10[b], s->believed[b]->pcr[PCR_IMA].data, cocos__bank_size(b)) == 0;
        cocos__row_test(s->rows, VTPM_IMA_PCR, same, "vtpm.ima_pcr", want,
                        (cocos__said){cocos__rows_printf(
                                          s->rows, "%s in bank %s, %zu entries; %zu of other PCRs",
                                          same ? "that value" : "another value",
                                          cocos__bank_name(b), got->entries, got->others),
                                      BY_AK});
    }
}

int cocos__vtpm_check_ima(cocos__vtpm_state *s, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__span list = s->ev->ima_log;
    unsigned banks = banks_of(s);
    cocos__ima_result got;

    if (list.len == 0) {
        no_list(s);
        return COCOS_OK;
    }
    if (cocos__ima_replay(list, cocos__ima_form_of(list), banks, is_set(&s->policy->ima_padded),
                          &got, &why) < 0)
        return unreadable(s, why, err);
    cocos__row_pass(
        s->rows, VTPM_IMA_LIST,
        (cocos__said){"a readable list whose hashes are those of its entries", "compiled in"},
        (cocos__said){"it is", BY_MESSAGE});

    cocos__said found = {cocos__rows_printf(s->rows, "%zu violations", got.violations), BY_MESSAGE};
    if (is_set(&s->policy->ima_violations))
        cocos__row_skip(s->rows, VTPM_IMA_VIOLATIONS, (cocos__said){"any number", "policy"}, found);
    else
        cocos__row_test(s->rows, VTPM_IMA_VIOLATIONS, got.violations == 0, "vtpm.ima_violation",
                        (cocos__said){"no entry that the kernel could not measure", "default"},
                        found);
    compare(s, &got, banks);
    return COCOS_OK;
}
