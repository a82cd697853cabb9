/* SPDX-License-Identifier: Apache-2.0 */
/* A policy as JSON; walks the table of rules. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attest/policy.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "tdx/tcb.h"

#define TEXT_MAX (8u << 20)

static void put_bytes(cocos__json_out *o, const char *name, const cocos__match *m)
{
    if (m->count == 1) {
        cocos__json_put_hex(o, name, m->values, m->size);
        return;
    }
    cocos__json_put_array(o, name);
    for (size_t i = 0; i < m->count; i++)
        cocos__json_put_hex(o, NULL, m->values + i * m->size, m->size);
    cocos__json_put_end(o);
}

static void put_mask(cocos__json_out *o, const char *name, uint64_t mask, const char *(*text)(int))
{
    cocos__json_put_array(o, name);
    for (int i = 0; i < 64; i++) {
        if (mask >> i & 1)
            cocos__json_put_text(o, NULL, text(i));
    }
    cocos__json_put_end(o);
}

/* The word that a rule of choice says; cut at the size, which none needs. */
const char *cocos__rule_choice(const cocos__rule *rule, uint64_t value, char *buf, size_t size)
{
    const char *c = cocos__rule_choices(rule);

    for (; c && value > 0; value--) {
        c = strchr(c, '|');
        c = c ? c + 1 : NULL;
    }
    snprintf(buf, size, "%.*s", c ? (int)strcspn(c, "|") : 0, c ? c : "");
    return buf;
}

static void put_tcb(cocos__json_out *o, const char *name, const cocos__snp_min_tcb *least)
{
    cocos__json_put_object(o, name);
    for (size_t i = 0; i < COCOS__SNP_TCB_PARTS; i++) {
        if (least->named >> i & 1)
            cocos__json_put_int(o, cocos__snp_tcb_names[i], least->part[i]);
    }
    cocos__json_put_end(o);
}

static void
put_rule(cocos__json_out *o, const cocos_policy *policy, const cocos__rule *rule, const char *name)
{
    const void *at = (const char *)policy + rule->offset;
    const cocos__number *n = at;
    char text[32];

    if (cocos__rule_state_of(policy, rule) == COCOS__RULE_ANY) {
        cocos__json_put_text(o, name, "any");
        return;
    }
    if (rule->type == COCOS__RULE_TCB && ((const cocos__snp_min_tcb *)at)->named) {
        put_tcb(o, name, at);
        return;
    }
    switch (rule->type) {
    case COCOS__RULE_BYTES:
        put_bytes(o, name, at);
        break;
    case COCOS__RULE_FLAG:
        cocos__json_put_bool(o, name, n->value != 0);
        break;
    case COCOS__RULE_LINES:
        put_mask(o, name, n->value, cocos__snp_line_name);
        break;
    case COCOS__RULE_STATUSES:
        put_mask(o, name, n->value, cocos__tdx_status_name);
        break;
    case COCOS__RULE_WORD:
        cocos__json_put_text(o, name, ((const cocos__word *)at)->text);
        break;
    case COCOS__RULE_CHOICE:
        cocos__json_put_text(o, name, cocos__rule_choice(rule, n->value, text, sizeof text));
        break;
    default:
        /* Hex text: JSON numbers lose bits beyond 2^53 in many readers. */
        snprintf(text, sizeof text, "0x%" PRIx64, n->value);
        cocos__json_put_text(o, name, text);
        break;
    }
}

/* The rules of one section that are set, as one member; nothing when none is. */
static void put_section(cocos__json_out *o, const cocos_policy *policy, const char *section)
{
    size_t len = strlen(section);
    int open = 0;

    for (size_t i = 0; i < cocos__rules_n; i++) {
        cocos__rule rule = cocos__rule_at(i);
        if (strncmp(rule.name, section, len) != 0 || rule.name[len] != '.' ||
            cocos__rule_state_of(policy, &rule) == COCOS__RULE_UNSET)
            continue;
        if (!open++)
            cocos__json_put_object(o, section);
        put_rule(o, policy, &rule, rule.name + len + 1);
    }
    if (open)
        cocos__json_put_end(o);
}

/* PEM with lines of 64 characters. */
static int put_root(cocos__json_out *o, const cocos__cert *cert, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf raw;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf pem;
    cocos__span der = cocos__cert_der(cert);

    cocos__buf_init(&raw, TEXT_MAX);
    cocos__buf_init(&pem, TEXT_MAX);
    cocos__base64_add(&raw, COCOS__BASE64, der.data, der.len);
    cocos__buf_add_str(&pem, "-----BEGIN CERTIFICATE-----\n");
    for (size_t i = 0; i < raw.len; i += 64) {
        cocos__buf_add(&pem, raw.data + i, raw.len - i < 64 ? raw.len - i : 64);
        cocos__buf_add_u8(&pem, '\n');
    }
    cocos__buf_add_str(&pem, "-----END CERTIFICATE-----\n");
    const char *text = raw.failed ? NULL : cocos__buf_cstr(&pem);
    if (!text)
        return cocos__fail_memory(err);
    cocos__json_put_text(o, NULL, text);
    return COCOS_OK;
}

static int put_roots(cocos__json_out *o, const cocos_policy *policy, cocos_error **err)
{
    int r = COCOS_OK;

    if (policy->roots.n == 0) {
        cocos__json_put_text(o, "roots", "vendor");
        return r;
    }
    cocos__json_put_array(o, "roots");
    for (size_t i = 0; r == COCOS_OK && i < policy->roots.n; i++)
        r = put_root(o, policy->roots.at[i], err);
    cocos__json_put_end(o);
    return r;
}

int cocos_policy_to_json(const cocos_policy *policy, char **ret, cocos_error **err)
{
    static const char *const sections[] = {"coverage", "envelope", "snp", "tdx", "vtpm"};
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
    cocos__rule claims;

    if (!policy)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "a policy is needed");
    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    cocos__json_put_object(o, NULL);
    cocos__json_put_int(o, "version", 1);
    r = put_roots(o, policy, err);
    if (r < 0)
        return r;
    if (policy->claims.state != COCOS__RULE_UNSET && cocos__rule_find("claims", &claims))
        put_rule(o, policy, &claims, claims.name);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(sections); i++)
        put_section(o, policy, sections[i]);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
