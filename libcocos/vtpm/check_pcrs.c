/* SPDX-License-Identifier: Apache-2.0 */
/* PCRs against the values that the policy lists, in each bank for which it lists one. */
#include <string.h>

#include "vtpm/checks.h"

/* The strongest bank that holds this PCR, for people to see. */
static const cocos__vtpm_quote *best(const cocos__vtpm_state *s, int pcr)
{
    for (int b = COCOS__BANKS - 1; b >= 0; b--) {
        if (s->believed[b] && (s->believed[b]->mask & UINT32_C(1) << pcr))
            return s->believed[b];
    }
    return NULL;
}

static void missing(cocos__vtpm_state *s, int pcr, int bank)
{
    int no_bank = !s->believed[bank];

    cocos__row_fail(
        s->rows, VTPM_PCR + (size_t)pcr, no_bank ? "vtpm.pcr_bank_missing" : "vtpm.pcr_policy",
        (cocos__said){cocos__rows_printf(s->rows, "PCR %d in bank %s", pcr, cocos__bank_name(bank)),
                      "policy"},
        (cocos__said){no_bank ? "the bank was not quoted" : "it was not quoted", BY_MESSAGE});
}

static int stated_in(const cocos__vtpm_state *s, int pcr, unsigned banks)
{
    for (int b = 0; b < COCOS__BANKS; b++) {
        if ((banks & 1u << b) && s->policy->pcr[b][pcr].state == COCOS__RULE_GIVEN)
            return 1;
    }
    return 0;
}

/* One PCR in one bank. Values of SHA-1 alone are no proof, so they do not pass a row; beside the
 * value of a bank that counts they need only be right. */
static void check_value(cocos__vtpm_state *s, int pcr, int bank)
{
    const cocos__match *rule = &s->policy->pcr[bank][pcr];
    const cocos__vtpm_quote *q = s->believed[bank];
    size_t id = VTPM_PCR + (size_t)pcr;

    if (!q || !(q->mask & UINT32_C(1) << pcr)) {
        missing(s, pcr, bank);
        return;
    }
    cocos__span value = q->pcr[pcr];
    if (cocos__match_has(rule, value.data, value.len) && !(cocos__vtpm_banks(s) & 1u << bank)) {
        if (stated_in(s, pcr, ~(1u << COCOS__BANK_SHA1)))
            return;
        cocos__row_unknown(s->rows, id, "vtpm.bank_weak",
                           (cocos__said){"a value of a bank stronger than SHA-1", "default"},
                           (cocos__said){"the SHA-1 value is the listed one", BY_AK});
        return;
    }
    cocos__match_check(s->rows, id, "vtpm.pcr_policy", rule, COCOS__UNSET_FREE, value.data,
                       value.len, BY_AK);
}

static int check_pcr(cocos__vtpm_state *s, int pcr)
{
    const cocos__vtpm_quote *q = best(s, pcr);
    int stated = 0;

    for (int b = 0; b < COCOS__BANKS; b++) {
        if (s->policy->pcr[b][pcr].state != COCOS__RULE_GIVEN)
            continue;
        check_value(s, pcr, b);
        stated = 1;
    }
    if (!stated && q)
        cocos__row_skip(
            s->rows, VTPM_PCR + (size_t)pcr, (cocos__said){"nothing stated", "default"},
            (cocos__said){cocos__rows_hex(s->rows, q->pcr[pcr].data, q->pcr[pcr].len), BY_AK});
    return stated;
}

/* Quotes over whatever values are no measurement: the policy has to say something about them. */
void cocos__vtpm_check_pcrs(cocos__vtpm_state *s)
{
    int stated = s->policy->boot.kernel.state == COCOS__RULE_GIVEN;
    cocos__said want = {"a PCR or image that the policy lists", "default"};

    for (int i = 0; i < COCOS__PCRS; i++)
        stated |= check_pcr(s, i);
    if (s->policy->pcrs.state == COCOS__RULE_ANY)
        cocos__row_skip(s->rows, VTPM_PCRS, (cocos__said){"any", "policy"},
                        (cocos__said){stated ? "some are listed" : "none is listed", "policy"});
    else if (stated)
        cocos__row_skip(s->rows, VTPM_PCRS, want, (cocos__said){"see above", "policy"});
    else
        cocos__row_unknown(s->rows, VTPM_PCRS, "policy.missing", want,
                           (cocos__said){"the policy lists none", "policy"});
}
