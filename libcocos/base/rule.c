/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rule.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"

void cocos__match_done(cocos__match *m)
{
    free(m->values);
    *m = (cocos__match){0};
}

void cocos__match_any(cocos__match *m)
{
    cocos__match_done(m);
    m->state = COCOS__RULE_ANY;
}

int cocos__match_add(cocos__match *m, const uint8_t *value, size_t size, cocos_error **err)
{
    size_t count = m->state == COCOS__RULE_GIVEN ? m->count : 0;

    if (size == 0 || (count > 0 && size != m->size))
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.length",
                           "a value of %zu bytes beside ones of %zu bytes", size, m->size);
    if (count >= COCOS__MATCH_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "policy.count",
                           "more than %d values for one rule", COCOS__MATCH_MAX);

    uint8_t *values = realloc(m->values, (count + 1) * size);
    if (!values)
        return cocos__fail_memory(err);
    memcpy(values + count * size, value, size);
    *m = (cocos__match){COCOS__RULE_GIVEN, size, count + 1, values, m->by};
    return COCOS_OK;
}

int cocos__match_has(const cocos__match *m, const uint8_t *value, size_t size)
{
    int found = 0;

    if (m->state != COCOS__RULE_GIVEN || m->size != size)
        return 0;
    for (size_t i = 0; i < m->count; i++)
        found |= cocos__equal_ct(m->values + i * size, value, size);
    return found;
}

static cocos__said expected_value(cocos__rows *rows, const cocos__match *rule)
{
    if (rule->count == 0)
        return (cocos__said){"no value: the policy states another", rule->by};
    const char *first = cocos__rows_hex(rows, rule->values, rule->size);

    if (rule->count > 1)
        first = cocos__rows_printf(rows, "one of %zu values, the first %s", rule->count, first);
    return (cocos__said){first, rule->by ? rule->by : "policy"};
}

int cocos__match_check(cocos__rows *rows,
                       size_t id,
                       const char *code,
                       const cocos__match *rule,
                       int unset,
                       const uint8_t *value,
                       size_t size,
                       const char *signer)
{
    cocos__said found = {cocos__rows_hex(rows, value, size), signer};

    if (rule->state == COCOS__RULE_GIVEN)
        return cocos__row_test(rows, id, cocos__match_has(rule, value, size), code,
                               expected_value(rows, rule), found);

    if (rule->state == COCOS__RULE_ANY)
        cocos__row_skip(rows, id, (cocos__said){"any", "policy"}, found);
    else if (unset == COCOS__UNSET_MISSING)
        cocos__row_unknown(rows, id, "policy.missing", (cocos__said){"a value, or any", "default"},
                           found);
    else
        cocos__row_skip(rows, id, (cocos__said){"nothing stated", "default"}, found);
    return 1;
}

int cocos__least_check(cocos__rows *rows,
                       size_t id,
                       const char *code,
                       const cocos__number *rule,
                       uint64_t value,
                       const char *signer)
{
    cocos__said found = {cocos__rows_printf(rows, "%" PRIu64, value), signer};

    if (rule->state == COCOS__RULE_GIVEN) {
        cocos__said least = {cocos__rows_printf(rows, "at least %" PRIu64, rule->value), "policy"};
        return cocos__row_test(rows, id, value >= rule->value, code, least, found);
    }
    cocos__row_skip(rows, id,
                    rule->state == COCOS__RULE_ANY ? (cocos__said){"any", "policy"}
                                                   : (cocos__said){"nothing stated", "default"},
                    found);
    return 1;
}
