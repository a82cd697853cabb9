/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "attest/vtpm.h"
#include "codec/hex.h"
#include "snp/id_key.h"
#include "tdx/tcb.h"

#define BYTES_MAX 65536

int cocos_policy_new(cocos_policy **ret, cocos_error **err)
{
    cocos_policy *policy = calloc(1, sizeof *policy);
    if (!policy)
        return cocos__fail_memory(err);
    *ret = policy;
    return COCOS_OK;
}

void cocos_policy_free(cocos_policy *policy)
{
    if (!policy)
        return;
    for (size_t i = 0; i < cocos__rules_n; i++) {
        cocos__rule rule = cocos__rule_at(i);
        if (rule.type == COCOS__RULE_BYTES)
            cocos__match_done(cocos__rule_in(policy, &rule));
    }
    cocos__certs_done(&policy->roots);
    free(policy);
}

int cocos__policy_copy(const cocos_policy *policy, cocos_policy **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__policy_freep) cocos_policy *copy = malloc(sizeof *copy);
    if (!copy)
        return cocos__fail_memory(err);
    *copy = *policy;

    /* First take away everything that still belongs to the original. */
    for (size_t i = 0; i < copy->roots.n; i++)
        cocos__cert_ref(copy->roots.at[i]);
    for (size_t i = 0; i < cocos__rules_n; i++) {
        cocos__rule rule = cocos__rule_at(i);
        if (rule.type == COCOS__RULE_BYTES)
            ((cocos__match *)cocos__rule_in(copy, &rule))->values = NULL;
    }
    for (size_t i = 0; i < cocos__rules_n; i++) {
        cocos__rule rule = cocos__rule_at(i);
        if (rule.type != COCOS__RULE_BYTES)
            continue;
        const cocos__match *from = (const void *)((const char *)policy + rule.offset);
        cocos__match *to = cocos__rule_in(copy, &rule);
        if (from->state != COCOS__RULE_GIVEN)
            continue;
        to->values = malloc(from->count * from->size);
        if (!to->values)
            return cocos__fail_memory(err);
        memcpy(to->values, from->values, from->count * from->size);
    }
    *ret = COCOS__STEAL(copy);
    return COCOS_OK;
}

void cocos__policy_swap(cocos_policy *a, cocos_policy *b)
{
    cocos_policy c = *a;

    *a = *b;
    *b = c;
}

static int bad_value(const cocos__rule *rule, const char *value, cocos_error **err)
{
    char takes[256];

    return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "%s: \"%.80s\" is not one of: %s, any",
                       rule->name, value, cocos__rule_takes(rule, takes, sizeof takes));
}

static int bad_length(const cocos__rule *rule, size_t len, cocos_error **err)
{
    if (len == 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.length", "%s: an empty value%s",
                           rule->name,
                           rule->offset == offsetof(cocos_policy, vtpm.nonce)
                               ? "; for quotes without a nonce there is vtpm.without_nonce"
                               : "");
    if (rule->size == 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.length",
                           "%s: %zu bytes, at most %d are taken", rule->name, len, BYTES_MAX);
    return cocos__fail(err, COCOS_ERR_USAGE, "policy.length", "%s: %zu bytes, the rule wants %zu",
                       rule->name, len, rule->size);
}

static int find_rule(const char *name, cocos__rule *ret, cocos_error **err)
{
    return cocos__rule_find(name, ret) ? COCOS_OK
                                       : cocos__fail(err, COCOS_ERR_USAGE, "policy.name",
                                                     "there is no rule \"%.80s\"", name);
}

/* Rules of digests of keys that take the key, or a certificate for it, as well. */
static int takes_keys(const cocos__rule *rule)
{
    return rule->offset == offsetof(cocos_policy, snp.id_keys) ||
           rule->offset == offsetof(cocos_policy, snp.author_keys);
}

static int add_bytes(cocos_policy *policy,
                     const cocos__rule *rule,
                     const uint8_t *data,
                     size_t len,
                     int more,
                     cocos_error **err)
{
    cocos__match *m = cocos__rule_in(policy, rule);
    cocos__match made = {0};
    uint8_t digest[COCOS__SNP_KEY_DIGEST];

    /* No key is as short as its digest. */
    if (takes_keys(rule) && len > sizeof digest && len <= BYTES_MAX) {
        int r = cocos__snp_key_digest((cocos__span){data, len}, digest, err);
        if (r < 0)
            return r;
        data = digest;
        len = sizeof digest;
    }
    if (len == 0 || len > BYTES_MAX || (rule->size && len != rule->size))
        return bad_length(rule, len, err);
    if (more && m->state == COCOS__RULE_GIVEN && rule->single)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.conflict", "%s: one value, not several",
                           rule->name);
    if (more && m->state == COCOS__RULE_GIVEN)
        return cocos__match_add(m, data, len, err);

    int r = cocos__match_add(&made, data, len, err);
    if (r < 0)
        return r;
    cocos__match_done(m);
    *m = made;
    return COCOS_OK;
}

static int add_hex(
    cocos_policy *policy, const cocos__rule *rule, const char *value, int more, cocos_error **err)
{
    size_t len = strlen(value);
    if (takes_keys(rule) && strncmp(value, "-----BEGIN ", 11) == 0)
        return add_bytes(policy, rule, (const uint8_t *)value, len, more, err);
    if (len % 2 || len > 2 * BYTES_MAX)
        return bad_value(rule, value, err);

    COCOS__CLEANUP(cocos__freep) uint8_t *data = malloc(len / 2 + 1);
    if (!data)
        return cocos__fail_memory(err);
    if (cocos__hex_decode(value, len, data, len / 2, NULL) < 0)
        return bad_value(rule, value, err);
    return add_bytes(policy, rule, data, len / 2, more, err);
}

static int
set_number(cocos_policy *policy, const cocos__rule *rule, const char *value, cocos_error **err)
{
    char *end = NULL;

    if (!isdigit((unsigned char)value[0]))
        return bad_value(rule, value, err);
    errno = 0;
    unsigned long long number = strtoull(value, &end, strncmp(value, "0x", 2) == 0 ? 16 : 10);
    if (errno || *end || (rule->size != SIZE_MAX && number > rule->size))
        return bad_value(rule, value, err);
    *(cocos__number *)cocos__rule_in(policy, rule) = (cocos__number){COCOS__RULE_GIVEN, number};
    return COCOS_OK;
}

static int
set_flag(cocos_policy *policy, const cocos__rule *rule, const char *value, cocos_error **err)
{
    int yes = strcmp(value, "true") == 0;

    if (!yes && strcmp(value, "false") != 0)
        return bad_value(rule, value, err);
    *(cocos__number *)cocos__rule_in(policy, rule) =
        (cocos__number){COCOS__RULE_GIVEN, (uint64_t)yes};
    return COCOS_OK;
}

static int add_line(
    cocos_policy *policy, const cocos__rule *rule, const char *value, int more, cocos_error **err)
{
    cocos__number *n = cocos__rule_in(policy, rule);
    int line = cocos__snp_line_by_name(value, strlen(value));

    if (line == COCOS__SNP_LINE_UNKNOWN)
        return bad_value(rule, value, err);
    uint64_t before = more && n->state == COCOS__RULE_GIVEN ? n->value : 0;
    *n = (cocos__number){COCOS__RULE_GIVEN, before | UINT64_C(1) << line};
    return COCOS_OK;
}

static int add_status(
    cocos_policy *policy, const cocos__rule *rule, const char *value, int more, cocos_error **err)
{
    cocos__number *n = cocos__rule_in(policy, rule);
    int status = cocos__tdx_status_by_name(value, strlen(value));

    if (status < 0)
        return bad_value(rule, value, err);
    uint64_t before = more && n->state == COCOS__RULE_GIVEN ? n->value : 0;
    *n = (cocos__number){COCOS__RULE_GIVEN, before | UINT64_C(1) << status};
    return COCOS_OK;
}

static int
set_word(cocos_policy *policy, const cocos__rule *rule, const char *value, cocos_error **err)
{
    cocos__word *w = cocos__rule_in(policy, rule);
    size_t len = strlen(value);

    if (len == 0 || len >= sizeof w->text ||
        strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789._") != len)
        return bad_value(rule, value, err);
    w->state = COCOS__RULE_GIVEN;
    memcpy(w->text, value, len + 1);
    return COCOS_OK;
}

/* "name=number,..."; 1 with the component, 0 at the end, -1: another form. */
static int next_part(const char **text, size_t *which, uint8_t *value)
{
    const char *s = *text;
    char *end = NULL;

    if (!*s)
        return 0;
    size_t len = strcspn(s, "=");
    for (*which = 0; *which < COCOS__SNP_TCB_PARTS; ++*which) {
        const char *name = cocos__snp_tcb_names[*which];
        if (strlen(name) == len && memcmp(name, s, len) == 0)
            break;
    }
    if (*which == COCOS__SNP_TCB_PARTS || !isdigit((unsigned char)s[len + (s[len] == '=')]))
        return -1;
    unsigned long number = strtoul(s + len + 1, &end, 10);
    if (number > 255 || (*end && (*end != ',' || !end[1])))
        return -1;
    *value = (uint8_t)number;
    *text = end + (*end == ',');
    return 1;
}

static int
set_tcb(cocos_policy *policy, const cocos__rule *rule, const char *value, cocos_error **err)
{
    cocos__snp_min_tcb *least = cocos__rule_in(policy, rule);
    cocos__snp_min_tcb made = {.state = COCOS__RULE_GIVEN};
    const char *text = value;
    uint8_t number = 0;
    size_t i = 0;
    int r;

    if (isdigit((unsigned char)value[0])) {
        r = set_number(policy, rule, value, err);
        if (r == COCOS_OK)
            least->named = 0;
        return r;
    }
    while ((r = next_part(&text, &i, &number)) > 0 && !(made.named >> i & 1)) {
        made.named |= 1u << i;
        made.part[i] = number;
    }
    if (r != 0 || !made.named)
        return bad_value(rule, value, err);
    *least = made;
    return COCOS_OK;
}

/* The value is the place of the word in the list. */
static int
set_choice(cocos_policy *policy, const cocos__rule *rule, const char *value, cocos_error **err)
{
    size_t len = strlen(value);
    uint64_t at = 0;

    for (const char *c = cocos__rule_choices(rule); c && *c; at++) {
        size_t n = strcspn(c, "|");
        if (n == len && memcmp(c, value, n) == 0) {
            *(cocos__number *)cocos__rule_in(policy, rule) = (cocos__number){COCOS__RULE_GIVEN, at};
            return COCOS_OK;
        }
        c += n + (c[n] == '|');
    }
    return bad_value(rule, value, err);
}

static void set_any(cocos_policy *policy, const cocos__rule *rule)
{
    void *at = cocos__rule_in(policy, rule);

    if (rule->type == COCOS__RULE_BYTES)
        cocos__match_any(at);
    else if (rule->type == COCOS__RULE_WORD)
        *(cocos__word *)at = (cocos__word){COCOS__RULE_ANY, ""};
    else if (rule->type == COCOS__RULE_TCB)
        *(cocos__snp_min_tcb *)at = (cocos__snp_min_tcb){.state = COCOS__RULE_ANY};
    else
        *(cocos__number *)at = (cocos__number){COCOS__RULE_ANY, 0};
}

static int
put(cocos_policy *policy, const char *name, const char *value, int more, cocos_error **err)
{
    cocos__rule rule;

    int r = find_rule(name, &rule, err);
    if (r < 0)
        return r;
    if (strcmp(value, "any") == 0) {
        set_any(policy, &rule);
        return COCOS_OK;
    }
    switch (rule.type) {
    case COCOS__RULE_BYTES:
        return add_hex(policy, &rule, value, more, err);
    case COCOS__RULE_NUMBER:
        return set_number(policy, &rule, value, err);
    case COCOS__RULE_FLAG:
        return set_flag(policy, &rule, value, err);
    case COCOS__RULE_LINES:
        return add_line(policy, &rule, value, more, err);
    case COCOS__RULE_STATUSES:
        return add_status(policy, &rule, value, more, err);
    case COCOS__RULE_WORD:
        return set_word(policy, &rule, value, err);
    case COCOS__RULE_CHOICE:
        return set_choice(policy, &rule, value, err);
    case COCOS__RULE_TCB:
        return set_tcb(policy, &rule, value, err);
    default:
        return bad_value(&rule, value, err);
    }
}

int cocos_policy_set(cocos_policy *policy, const char *name, const char *value, cocos_error **err)
{
    if (!policy || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value",
                           "a policy, a rule and a value are needed");
    return put(policy, name, value, 0, err);
}

int cocos_policy_add(cocos_policy *policy, const char *name, const char *value, cocos_error **err)
{
    if (!policy || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value",
                           "a policy, a rule and a value are needed");
    return put(policy, name, value, 1, err);
}

int cocos_policy_set_bytes(
    cocos_policy *policy, const char *name, const uint8_t *data, size_t len, cocos_error **err)
{
    cocos__rule rule;

    if (!policy || !name || (!data && len))
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value",
                           "a policy, a rule and bytes are needed");
    int r = find_rule(name, &rule, err);
    if (r < 0)
        return r;
    if (rule.type != COCOS__RULE_BYTES)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "%s does not take bytes",
                           rule.name);
    return add_bytes(policy, &rule, data, len, 0, err);
}

/* One number stands for other components on lines with an FMC; only these have one. */
static int tcb_conflict(const cocos_policy *p, const cocos__snp_min_tcb *least, cocos_error **err)
{
    uint64_t lines = p->snp.products.state == COCOS__RULE_GIVEN ? p->snp.products.value : 0;
    uint64_t with_fmc = 0;

    for (int i = 1; i < COCOS__SNP_LINES; i++)
        with_fmc |= cocos__snp_line_has_fmc(i) ? lines & UINT64_C(1) << i : 0;
    if (least->state != COCOS__RULE_GIVEN || lines == 0)
        return COCOS_OK;
    if (!least->named && with_fmc && with_fmc != lines)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.conflict",
                           "one number is a least TCB for lines of two layouts: state components");
    if ((least->named >> COCOS__SNP_TCB_FMC & 1) && with_fmc != lines)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.conflict",
                           "a least TCB states an fmc, which not all of the product lines have");
    return COCOS_OK;
}

/* Claims say what the slots and the nonce must be. */
static int claims_conflict(const cocos_policy *p, cocos_error **err)
{
    if (p->claims.state == COCOS__RULE_GIVEN && (p->vtpm.nonce.state != COCOS__RULE_UNSET ||
                                                 p->snp.report_data.state != COCOS__RULE_UNSET ||
                                                 p->tdx.report_data.state != COCOS__RULE_UNSET))
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.conflict",
                           "claims and a value for a data slot or nonce contradict each other");
    return COCOS_OK;
}

int cocos__policy_conflict(const cocos_policy *policy, cocos_error **err)
{
    int r = cocos__attest_vtpm_conflict(policy, err);

    if (r == COCOS_OK)
        r = tcb_conflict(policy, &policy->snp.min_tcb, err);
    if (r == COCOS_OK)
        r = tcb_conflict(policy, &policy->snp.min_launch_tcb, err);
    return r == COCOS_OK ? claims_conflict(policy, err) : r;
}

int cocos_policy_add_root(cocos_policy *policy, const uint8_t *data, size_t len, cocos_error **err)
{
    cocos__certs list = {.n = 0};
    size_t before = policy ? policy->roots.n : 0;

    if (!policy || !data)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value",
                           "a policy and certificates are needed");
    int r = cocos__certs_add(&list, data, len, err);
    for (size_t i = 0; r == COCOS_OK && i < list.n; i++) {
        if (!cocos__cert_is_self_issued(list.at[i]))
            continue;
        if (policy->roots.n == COCOS__CERTS_MAX)
            r = cocos__fail(err, COCOS_ERR_EXHAUSTED, "cert.count", "more than %d roots",
                            COCOS__CERTS_MAX);
        else
            policy->roots.at[policy->roots.n++] = cocos__cert_ref(list.at[i]);
    }
    cocos__certs_done(&list);
    if (r == COCOS_OK && policy->roots.n == before)
        r = cocos__fail(err, COCOS_ERR_MALFORMED, "policy.roots",
                        "none of the certificates is self-signed");
    return r;
}
