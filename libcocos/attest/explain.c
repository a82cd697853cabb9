/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in words, by what matters: what is demanded, what is given away, what is still open. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attest/policy.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "tdx/tcb.h"

#define TEXT_MAX   (1u << 20)
#define VALUES_MAX 8  /* of one rule; a policy may list 256 */
#define BYTES_SHOW 64 /* of one value; claims may have 65536 */

enum group { DEMANDED, GIVEN_AWAY, OPEN, DEFAULT, FREE, GROUPS };

static const char *const titles[GROUPS] = {
    "Demanded by this policy:",
    "GIVEN AWAY, by an 'any' that is written out:",
    "Open; evidence is undecided until the policy states it, or 'any':",
    "Not stated, so the default counts:",
    "Not stated and not checked:",
};

/* What an "any" costs, where it is more than that one value is not looked at. */
static const char *const costs[][2] = {
    {"claims", "nothing ties the evidence to claims"},
    {"coverage.firmware", "whatever firmware started is accepted"},
    {"coverage.kernel", "whatever kernel runs is accepted"},
    {"coverage.command_line", "whatever the kernel was told is accepted"},
    {"coverage.initrd", "whatever starts first is accepted"},
    {"coverage.agent", "whatever agent answers is accepted"},
    {"envelope.purpose", "evidence that was made for something else is accepted"},
    {"envelope.challenge", "a recording of old evidence is accepted"},
    {"envelope.compat", "an agent that speaks the old, weaker protocol is accepted"},
    {"snp.products", "processors of every line are accepted, the oldest too"},
    {"snp.measurement", "every guest on such a processor is accepted, an attacker's too"},
    {"snp.report_data", "a recording of old evidence is accepted"},
    {"snp.guest_policy", "guests that their host may debug or migrate are accepted"},
    {"snp.vmpl", "reports that less privileged software asked for are accepted"},
    {"snp.revocation", "keys that AMD has withdrawn are accepted"},
    {"tdx.fmspc", "platforms of every family are accepted"},
    {"tdx.mrtd", "every guest on such a platform is accepted, an attacker's too"},
    {"tdx.report_data", "a recording of old evidence is accepted"},
    {"tdx.mrservicetd", "guests that another one may migrate are accepted"},
    {"tdx.td_attributes", "guests with attributes nobody knows are accepted"},
    {"tdx.tcb_status", "platforms with known holes are accepted"},
    {"tdx.collateral", "platforms, modules and quoting enclaves of unknown state are accepted"},
    {"tdx.revocation", "keys that Intel has withdrawn are accepted"},
    {"vtpm.nonce", "a recording of old quotes is accepted"},
    {"vtpm.ak_trust", "quotes that any key signed are accepted, also one without a TPM"},
    {"vtpm.pcrs", "whatever was measured is accepted"},
};

static const char *cost_of(const char *name)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(costs); i++) {
        if (strcmp(costs[i][0], name) == 0)
            return costs[i][1];
    }
    return "this is not looked at";
}

static int is_in(const cocos__rule *rule, const char *section)
{
    size_t len = strlen(section);
    return strncmp(rule->name, section, len) == 0 && rule->name[len] == '.';
}

static enum group group_of(const cocos_policy *policy, const cocos__rule *rule)
{
    int state = cocos__rule_state_of(policy, rule);

    if (state != COCOS__RULE_UNSET)
        return state == COCOS__RULE_ANY ? GIVEN_AWAY : DEMANDED;
    if (strstr(rule->unset, "must be stated"))
        return OPEN;
    return strcmp(rule->unset, "not checked") == 0 ? FREE : DEFAULT;
}

static void add_bytes(cocos__buf *b, const cocos__match *m)
{
    char hex[2 * BYTES_SHOW + 1];
    size_t show = m->size < BYTES_SHOW ? m->size : BYTES_SHOW;

    for (size_t i = 0; i < m->count && i < VALUES_MAX; i++) {
        cocos__hex_encode(m->values + i * m->size, show, hex);
        cocos__buf_printf(b, "%s%s%s", i ? " or " : "", hex, show < m->size ? "…" : "");
    }
    if (m->count > VALUES_MAX)
        cocos__buf_printf(b, " or one of %zu more", m->count - VALUES_MAX);
}

static void add_mask(cocos__buf *b, uint64_t mask, const char *(*name)(int))
{
    const char *between = "";

    for (int i = 0; i < 64; i++) {
        if (!(mask >> i & 1))
            continue;
        cocos__buf_printf(b, "%s%s", between, name(i));
        between = " or ";
    }
}

static void add_tcb(cocos__buf *b, const cocos__snp_min_tcb *least)
{
    const char *between = "";

    for (size_t i = 0; i < COCOS__SNP_TCB_PARTS; i++) {
        if (!(least->named >> i & 1))
            continue;
        cocos__buf_printf(b, "%s%s %u", between, cocos__snp_tcb_names[i], least->part[i]);
        between = ", ";
    }
    if (!least->named)
        cocos__buf_printf(b, "0x%" PRIx64 " in the layout of the line", least->value);
}

static void add_value(cocos__buf *b, const cocos_policy *policy, const cocos__rule *rule)
{
    const void *at = (const char *)policy + rule->offset;
    const cocos__number *n = at;
    char text[32];

    switch (rule->type) {
    case COCOS__RULE_BYTES:
        add_bytes(b, at);
        break;
    case COCOS__RULE_TCB:
        add_tcb(b, at);
        break;
    case COCOS__RULE_FLAG:
        cocos__buf_add_str(b, n->value ? "true" : "false");
        break;
    case COCOS__RULE_WORD:
        cocos__buf_add_str(b, ((const cocos__word *)at)->text);
        break;
    case COCOS__RULE_CHOICE:
        cocos__buf_add_str(b, cocos__rule_choice(rule, n->value, text, sizeof text));
        break;
    case COCOS__RULE_LINES:
        add_mask(b, n->value, cocos__snp_line_name);
        break;
    case COCOS__RULE_STATUSES:
        add_mask(b, n->value, cocos__tdx_status_name);
        break;
    default:
        cocos__buf_printf(b, "0x%" PRIx64, n->value);
        break;
    }
}

/* What the rule comes to, in words: its value, what its absence or its "any" means. */
static void add_says(cocos__buf *b, const cocos_policy *policy, const cocos__rule *rule)
{
    enum group group = group_of(policy, rule);

    if (group == DEMANDED)
        add_value(b, policy, rule);
    else
        cocos__buf_add_str(b, group == GIVEN_AWAY ? cost_of(rule->name) : rule->unset);
}

static void
add_rule(cocos__buf *b, const cocos_policy *policy, const cocos__rule *rule, enum group group)
{
    cocos__buf_printf(b, "  %s: %s\n", rule->name, rule->meaning);
    if (group == FREE)
        return;
    cocos__buf_add_str(b, "      ");
    add_says(b, policy, rule);
    cocos__buf_add_u8(b, '\n');
}

static const char *const kinds[][2] = {
    {"snp", "AMD SEV-SNP"}, {"tdx", "Intel TDX"}, {"vtpm", "TPM quotes"}};

/* 96 rules for PCRs: only those that are stated are worth a line. Claims fill the data slot. */
static int worth_a_line(const cocos_policy *policy, const cocos__rule *rule, enum group group)
{
    int claimed = policy->claims.state == COCOS__RULE_GIVEN && strstr(rule->unset, "by claims");

    if (group_of(policy, rule) != group || (group == FREE && is_in(rule, "vtpm.pcr")) ||
        (group == OPEN && claimed))
        return 0;
    if (is_in(rule, "envelope"))
        return cocos__policy_mentions(policy, "envelope");
    for (size_t i = 0; i < COCOS__ARRAY_LEN(kinds); i++) {
        if (is_in(rule, kinds[i][0]))
            return cocos__policy_mentions(policy, kinds[i][0]);
    }
    return 1;
}

static void add_group(cocos__buf *b, const cocos_policy *policy, enum group group)
{
    int any = 0;

    for (size_t i = 0; i < cocos__rules_n; i++) {
        cocos__rule rule = cocos__rule_at(i);
        if (!worth_a_line(policy, &rule, group))
            continue;
        if (!any++)
            cocos__buf_printf(b, "\n%s\n", titles[group]);
        add_rule(b, policy, &rule, group);
    }
}

static void add_kinds(cocos__buf *b, const cocos_policy *policy)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(kinds); i++)
        cocos__buf_printf(b, "%s: %s\n", kinds[i][1],
                          cocos__policy_mentions(policy, kinds[i][0])
                              ? "judged by the rules below"
                              : "nothing is stated; such evidence is never accepted");
}

int cocos_policy_explain(const cocos_policy *policy, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    size_t len = 0;

    if (!policy)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "a policy is needed");
    cocos__buf_init(&b, TEXT_MAX);
    add_kinds(&b, policy);
    cocos__buf_printf(&b, "Roots: %s\n",
                      policy->roots.n
                          ? "those listed in the policy and no others; evidence that ends at a "
                            "root which is no vendor's is called SIMULATED"
                          : "the vendors', compiled in");
    for (int group = 0; group < GROUPS; group++)
        add_group(&b, policy, (enum group)group);
    char *text = (char *)cocos__buf_steal(&b, &len);
    if (!text)
        return cocos__fail_memory(err);
    *ret = text;
    return COCOS_OK;
}

static int put_rule(cocos__json_out *o, const cocos_policy *policy, const cocos__rule *rule)
{
    static const char *const states[GROUPS] = {"demanded", "given away", "open", "default",
                                               "not checked"};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    enum group group = group_of(policy, rule);

    if (!worth_a_line(policy, rule, group))
        return COCOS_OK;
    cocos__buf_init(&b, TEXT_MAX);
    add_says(&b, policy, rule);
    const char *says = cocos__buf_cstr(&b);
    if (!says)
        return COCOS_ERR_MEMORY;
    cocos__json_put_object(o, NULL);
    cocos__json_put_text(o, "rule", rule->name);
    cocos__json_put_text(o, "meaning", rule->meaning);
    cocos__json_put_text(o, "state", states[group]);
    cocos__json_put_text(o, "says", says);
    cocos__json_put_end(o);
    return COCOS_OK;
}

int cocos_policy_explain_json(const cocos_policy *policy, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;

    if (!policy)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "a policy is needed");
    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    cocos__json_put_object(o, NULL);
    cocos__json_put_object(o, "kinds");
    for (size_t i = 0; i < COCOS__ARRAY_LEN(kinds); i++)
        cocos__json_put_bool(o, kinds[i][0], cocos__policy_mentions(policy, kinds[i][0]));
    cocos__json_put_end(o);
    cocos__json_put_text(o, "roots", policy->roots.n ? "listed" : "vendor");
    cocos__json_put_array(o, "rules");
    for (size_t i = 0; i < cocos__rules_n; i++) {
        cocos__rule rule = cocos__rule_at(i);
        if (put_rule(o, policy, &rule) < 0)
            return cocos__fail_memory(err);
    }
    cocos__json_put_end(o);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
