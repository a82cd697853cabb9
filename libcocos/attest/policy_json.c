/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form of a policy: the names of the rules as nested members
 * (doc/schema/policy.schema.json). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attest/policy.h"
#include "base/defects.h"
#include "codec/json.h"
#include "tdx/tcb.h"

#define JSON_MAX     (4u << 20)
#define NAME_MAX_LEN 64

static const char *const sections[] = {"coverage", "envelope", "snp", "tdx", "vtpm"};

static int refuse(const cocos__json *at,
                  const char *code,
                  const char *expected,
                  const char *found,
                  cocos_error **err)
{
    return cocos__json_fail(at, COCOS_ERR_MALFORMED, code, expected, found, err);
}

/* One JSON value as the text that a setter takes. */
static int
scalar_text(const cocos__json *value, char *buf, size_t size, const char **ret, cocos_error **err)
{
    int64_t number = 0;
    int yes = 0;

    switch (cocos__json_kind(value)) {
    case COCOS__JSON_TEXT:
        return cocos__json_text(value, ret, err);
    case COCOS__JSON_INT:
        if (cocos__json_int(value, &number, err) < 0)
            return COCOS_ERR_MALFORMED;
        snprintf(buf, size, "%" PRId64, number);
        break;
    case COCOS__JSON_BOOL:
        if (cocos__json_bool(value, &yes, err) < 0)
            return COCOS_ERR_MALFORMED;
        snprintf(buf, size, "%s", yes ? "true" : "false");
        break;
    default:
        return refuse(value, "policy.value", "a text, a number, true or false",
                      "another kind of value", err);
    }
    *ret = buf;
    return COCOS_OK;
}

/* {"tee": 1, ...} as the text that a setter takes: "tee=1,...". Cut, it is no value. */
static int
tcb_text(const cocos__json *object, char *buf, size_t size, const char **ret, cocos_error **err)
{
    void *state = NULL;
    cocos__json member;
    size_t n = 0;

    buf[0] = '\0';
    *ret = buf;
    while (cocos__json_next(object, &state, &member)) {
        uint64_t number = 0;
        int r = cocos__json_uint(&member, &number, err);
        if (r < 0)
            return r;
        if (member.path.name_len > 10 || number > 255)
            return refuse(&member, "policy.value", "a component of a TCB from 0 to 255", "another",
                          err);
        n += (size_t)snprintf(buf + n, size - n, "%s%.*s=%u", n ? "," : "",
                              (int)member.path.name_len, member.path.name, (unsigned)number);
        if (n >= size)
            break;
    }
    return COCOS_OK;
}

static int put_scalar(cocos_policy *policy,
                      const cocos__rule *rule,
                      const cocos__json *value,
                      int more,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    const char *text = NULL;
    char buf[128];

    int r = rule->type == COCOS__RULE_TCB && cocos__json_kind(value) == COCOS__JSON_OBJECT
                ? tcb_text(value, buf, sizeof buf, &text, err)
                : scalar_text(value, buf, sizeof buf, &text, err);
    if (r < 0)
        return r;
    r = more ? cocos_policy_add(policy, rule->name, text, &why)
             : cocos_policy_set(policy, rule->name, text, &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    return r < 0 ? cocos__json_fail(value, r == COCOS_ERR_USAGE ? COCOS_ERR_MALFORMED : r,
                                    cocos_error_code(why), rule->meaning, cocos_error_message(why),
                                    err)
                 : COCOS_OK;
}

static int takes_several(const cocos__rule *rule)
{
    return !rule->single && (rule->type == COCOS__RULE_BYTES || rule->type == COCOS__RULE_LINES ||
                             rule->type == COCOS__RULE_STATUSES);
}

/* Item `i` of a list. */
static int put_item(cocos_policy *policy,
                    const cocos__rule *rule,
                    const cocos__json *item,
                    size_t i,
                    cocos_error **err)
{
    const char *text = "";

    (void)cocos__json_text(item, &text, NULL);
    if (strcmp(text, "any") == 0)
        return refuse(item, "policy.value", "a value; any stands alone", "any in a list", err);
    return put_scalar(policy, rule, item, i > 0, err);
}

/* What read_… find wrong goes to the defects, so that a person mends a policy in one round. */
static void note(cocos__defects *defects, int r, cocos_error *why_take)
{
    if (r < 0)
        cocos__defect_take(defects, why_take);
}

static void
read_rule(cocos_policy *policy, const char *name, const cocos__json *value, cocos__defects *defects)
{
    cocos__rule rule;
    size_t n = cocos__json_count(value);
    cocos_error *why = NULL;
    int r = COCOS_OK;

    if (!cocos__rule_find(name, &rule))
        r = refuse(value, "policy.name", "a rule of cocos-policy(5)", name, &why);
    else if (cocos__json_kind(value) != COCOS__JSON_ARRAY)
        r = put_scalar(policy, &rule, value, 0, &why);
    else if ((!takes_several(&rule) && !(rule.single && n == 1)) || n == 0)
        r = refuse(value, "policy.value", takes_several(&rule) ? "at least one value" : "one value",
                   "a list", &why);
    note(defects, r, why);
    if (r < 0 || cocos__json_kind(value) != COCOS__JSON_ARRAY)
        return;
    for (size_t i = 0; i < n; i++) {
        cocos__json item = cocos__json_item(value, i);
        why = NULL;
        r = put_item(policy, &rule, &item, i, &why);
        note(defects, r, why);
    }
}

static void read_section(cocos_policy *policy,
                         const char *section,
                         const cocos__json *object,
                         cocos__defects *defects)
{
    void *state = NULL;
    cocos__json member;
    char name[NAME_MAX_LEN];
    cocos_error *why = NULL;

    int r = cocos__json_expect(object, COCOS__JSON_OBJECT, &why);
    note(defects, r, why);
    while (r == COCOS_OK && cocos__json_next(object, &state, &member)) {
        snprintf(name, sizeof name, "%s.%.*s", section,
                 (int)(member.path.name_len > 40 ? 40 : member.path.name_len), member.path.name);
        read_rule(policy, name, &member, defects);
    }
}

static int read_root(cocos_policy *policy, const cocos__json *item, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    const char *text = NULL;

    int r = cocos__json_text(item, &text, err);
    if (r == COCOS_OK &&
        cocos_policy_add_root(policy, (const uint8_t *)text, strlen(text), &why) < 0)
        r = refuse(item, "policy.roots", "PEM certificates, one of them self-signed",
                   cocos_error_message(why), err);
    return r;
}

/* "vendor", or a list of PEM texts. */
static void read_roots(cocos_policy *policy, const cocos__json *value, cocos__defects *defects)
{
    size_t n = cocos__json_count(value);
    const char *text = NULL;
    cocos_error *why = NULL;

    if (cocos__json_kind(value) == COCOS__JSON_TEXT &&
        cocos__json_text(value, &text, NULL) == COCOS_OK && strcmp(text, "vendor") == 0)
        return;
    if (cocos__json_kind(value) != COCOS__JSON_ARRAY || n == 0) {
        int r = refuse(value, "policy.roots", "\"vendor\" or a list of PEM certificates",
                       "something else", &why);
        note(defects, r, why);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        cocos__json item = cocos__json_item(value, i);
        why = NULL;
        int r = read_root(policy, &item, &why);
        note(defects, r, why);
    }
}

static int is_named(const cocos__json *member, const char *name)
{
    return member->path.name_len == strlen(name) &&
           memcmp(member->path.name, name, member->path.name_len) == 0;
}

static int read_version(const cocos__json *value, cocos_error **err)
{
    uint64_t version = 0;
    int r = cocos__json_uint(value, &version, err);

    return r < 0 || version == 1 ? r : refuse(value, "policy.version", "1", "another version", err);
}

static void read_member(cocos_policy *policy, const cocos__json *member, cocos__defects *defects)
{
    cocos_error *why = NULL;
    int r = COCOS_OK;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(sections); i++) {
        if (is_named(member, sections[i])) {
            read_section(policy, sections[i], member, defects);
            return;
        }
    }
    if (is_named(member, "roots"))
        read_roots(policy, member, defects);
    else if (is_named(member, "claims"))
        read_rule(policy, "claims", member, defects);
    else if (is_named(member, "description"))
        r = cocos__json_expect(member, COCOS__JSON_TEXT, &why);
    else if (!is_named(member, "version"))
        r = refuse(member, "policy.name", "a member of cocos-policy(5)", "another name", &why);
    note(defects, r, why);
}

/* A section that is there must state what has no default; the data slot may follow later. */
static void check_stated(const cocos__json *root, cocos__defects *defects)
{
    static const char *const stated[][2] = {
        {"snp", "products"}, {"snp", "measurement"}, {"tdx", "fmspc"}, {"tdx", "mrtd"}};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(stated); i++) {
        cocos__json section = cocos__json_member(root, stated[i][0]);
        cocos__json member = cocos__json_member(&section, stated[i][1]);
        cocos_error *why = NULL;

        if (cocos__json_kind(&section) != COCOS__JSON_OBJECT ||
            cocos__json_kind(&member) != COCOS__JSON_ABSENT)
            continue;
        int r = refuse(&member, "policy.missing", "a value, or any", "nothing", &why);
        note(defects, r, why);
    }
}

static int read_policy(cocos_policy *policy, const cocos__json *root, cocos_error **err)
{
    COCOS__CLEANUP(cocos__defects_done) cocos__defects defects = {0};
    cocos__json version = cocos__json_member(root, "version");
    cocos_error *why = NULL;
    void *state = NULL;
    cocos__json member;

    int r = cocos__json_expect(root, COCOS__JSON_OBJECT, err);
    if (r < 0)
        return r;
    r = read_version(&version, &why);
    note(&defects, r, why);
    while (cocos__json_next(root, &state, &member))
        read_member(policy, &member, &defects);
    check_stated(root, &defects);
    return cocos__defects_result(&defects, err);
}

int cocos_policy_from_json(const char *text, size_t len, cocos_policy **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    COCOS__CLEANUP(cocos__policy_freep) cocos_policy *policy = NULL;

    if (!text)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "a policy text is needed");
    int r = cocos__json_parse(text, len, JSON_MAX, &doc, err);
    if (r == COCOS_OK)
        r = cocos_policy_new(&policy, err);
    if (r < 0)
        return r;

    cocos__json root = cocos__json_root(doc);
    r = read_policy(policy, &root, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(policy);
    return COCOS_OK;
}
