/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that every verdict has, whatever the evidence: time, simulation, coverage of the layers.
 */
#include <string.h>

#include "attest/verdict.h"

static const cocos__check time_check[] = {{"time", "RFC 5280 section 6.1.1"}};

enum { SIMULATED, COVERAGE, ALL = COVERAGE + COCOS__LAYERS };

/* The layers in the order of enum cocos__layer. */
static const cocos__check checks[ALL] = {
    {"simulated", "cocos-policy(5)"},       {"coverage.firmware", "cocos-policy(5)"},
    {"coverage.kernel", "cocos-policy(5)"}, {"coverage.command_line", "cocos-policy(5)"},
    {"coverage.initrd", "cocos-policy(5)"}, {"coverage.agent", "cocos-policy(5)"},
};

void cocos__verdict_time(cocos__rows *rows, int64_t time_s, int time_source)
{
    cocos__rows_begin(rows, time_check, 1);
    /* The verifier has no clock: a time that agrees with itself is no pass. */
    cocos__row_skip(rows, 0, (cocos__said){"the time of the judgement", "caller"},
                    (cocos__said){cocos__rows_time(rows, time_s), time_source == COCOS_TIME_CLOCK
                                                                      ? "the caller's clock"
                                                                      : "chosen by the caller"});
}

/* Only what was held to a value of the policy covers anything: agreeing with itself proves nothing.
 */
static int is_held(const cocos__row *row)
{
    return row->outcome == COCOS__PASSED && row->expected.by &&
           strcmp(row->expected.by, "policy") == 0;
}

/* Rows over what a boot measured, and nothing that could be something else's value. PCRs 16 and 23
 * can be reset by whoever runs in the guest (TCG PC Client Platform TPM Profile section 4.6). */
static int is_register(const char *name)
{
    static const char *const names[] = {"snp.measurement", "tdx.mrtd",         "tdx.rtmr0",
                                        "tdx.rtmr1",       "tdx.rtmr2",        "tdx.rtmr3",
                                        "tdx.kernel",      "tdx.command_line", "tdx.initrd",
                                        "vtpm.kernel",     "vtpm.initrd",      "vtpm.command_line"};
    static const char pcr[] = "vtpm.pcr.";

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    if (strncmp(name, pcr, sizeof pcr - 1) != 0)
        return 0;
    name += sizeof pcr - 1;
    return strcmp(name, "16") != 0 && strcmp(name, "23") != 0;
}

static void check_layer(cocos__rows *rows, size_t id, const cocos__word *word, const char *fallback)
{
    const char *name = word->state == COCOS__RULE_GIVEN ? word->text : fallback;
    const char *origin = word->state == COCOS__RULE_GIVEN ? "policy" : "default";

    if (word->state == COCOS__RULE_ANY) {
        cocos__row_skip(rows, id, (cocos__said){"any", "policy"},
                        (cocos__said){"not covered", "nobody"});
        return;
    }
    if (!name) {
        cocos__row_unknown(rows, id, "coverage.missing",
                           (cocos__said){"a verified register that covers it", "default"},
                           (cocos__said){"the policy names none", "policy"});
        return;
    }

    const cocos__row *row = cocos__rows_find(rows, name);
    cocos__said expected = {cocos__rows_printf(rows, "covered by %s", name), origin};
    if (!is_register(name))
        cocos__row_unknown(rows, id, "coverage.register", expected,
                           (cocos__said){"that is no register of a measured boot", "policy"});
    else if (!row)
        cocos__row_unknown(rows, id, "coverage.register", expected,
                           (cocos__said){"this evidence has no such register", "evidence"});
    else if (is_held(row))
        cocos__row_pass(rows, id, expected,
                        (cocos__said){"that register has an accepted value", row->found.by});
    else
        cocos__row_unknown(
            rows, id, "coverage.unverified", expected,
            (cocos__said){"that register was not found to have an accepted value", row->found.by});
}

static int reached_root(const cocos__rows *rows)
{
    const cocos__row *snp = cocos__rows_find(rows, "snp.root");
    const cocos__row *tdx = cocos__rows_find(rows, "tdx.root");

    return (snp && snp->outcome == COCOS__PASSED) || (tdx && tdx->outcome == COCOS__PASSED);
}

void cocos__verdict_coverage(cocos__rows *rows,
                             const cocos_policy *policy,
                             const char *launch_register,
                             int simulated)
{
    cocos__rows_begin(rows, checks, ALL);
    if (simulated == COCOS__UNROOTED)
        cocos__row_skip(
            rows, SIMULATED, (cocos__said){"a vendor's root", "compiled in"},
            (cocos__said){"no vendor's root is involved, only what the policy trusts", "policy"});
    else if (simulated)
        cocos__row_skip(
            rows, SIMULATED, (cocos__said){"roots that the policy lists", "policy"},
            (cocos__said){
                "SIMULATED: the root is no vendor's, no hardware vouches for anything here",
                "test root"});
    else if (!reached_root(rows))
        cocos__row_skip(rows, SIMULATED, (cocos__said){"a vendor's root", "compiled in"},
                        (cocos__said){"no trusted root was reached", "nobody"});
    else
        cocos__row_pass(rows, SIMULATED, (cocos__said){"a vendor's root", "compiled in"},
                        (cocos__said){"no test root", "evidence"});
    for (size_t i = 0; i < COCOS__LAYERS; i++)
        check_layer(rows, COVERAGE + i, &policy->coverage[i],
                    i == COCOS__LAYER_FIRMWARE ? launch_register : NULL);
}
