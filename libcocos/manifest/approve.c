/* SPDX-License-Identifier: Apache-2.0 */
/* Making approvals: the options, and the role that a key has. */
#include <errno.h>
#include <string.h>

#include "codec/hex.h"
#include "crypto/key.h"
#include "manifest/approval.h"
#include "manifest/model.h"

struct cocos_approval_options {
    cocos__approving says;
    char role[COCOS__ROLE_MAX + 1];
    uint8_t policy[32];
    uint8_t instance[16];
};

int cocos_approval_options_new(cocos_approval_options **ret, cocos_error **err)
{
    cocos_approval_options *o = calloc(1, sizeof *o);

    if (!o)
        return cocos__fail_memory(err);
    o->says.not_after_s = COCOS__NEVER;
    o->says.not_before_s = COCOS__NEVER;
    o->says.max_runs = -1;
    *ret = o;
    return COCOS_OK;
}

void cocos_approval_options_free(cocos_approval_options *options)
{
    free(options);
}

static int bad_value(const char *name, const char *value, cocos_error **err)
{
    return cocos__fail_check(err, COCOS_ERR_USAGE, "option.value", name, NULL, value,
                             "%s cannot be \"%.100s\"", name, value);
}

static int
set_number(const char *name, const char *value, int64_t min, int64_t *to, cocos_error **err)
{
    char *end = NULL;

    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (errno || end == value || *end || v < min)
        return bad_value(name, value, err);
    *to = v;
    return COCOS_OK;
}

static int set_hex(const char *name,
                   const char *value,
                   uint8_t *to,
                   size_t n,
                   const uint8_t **says,
                   cocos_error **err)
{
    if (cocos__hex_decode(value, strlen(value), to, n, NULL) < 0)
        return bad_value(name, value, err);
    *says = to;
    return COCOS_OK;
}

int cocos_approval_options_set(cocos_approval_options *o,
                               const char *name,
                               const char *value,
                               cocos_error **err)
{
    if (!o || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.name",
                           "options, name and value are needed");
    cocos__approving *s = &o->says;
    if (strcmp(name, "not_after") == 0)
        return set_number(name, value, 0, &s->not_after_s, err);
    if (strcmp(name, "not_before") == 0)
        return set_number(name, value, 0, &s->not_before_s, err);
    if (strcmp(name, "max_runs") == 0)
        return set_number(name, value, 1, &s->max_runs, err);
    if (strcmp(name, "policy") == 0)
        return set_hex(name, value, o->policy, sizeof o->policy, &s->policy, err);
    if (strcmp(name, "instance") == 0)
        return set_hex(name, value, o->instance, sizeof o->instance, &s->instance, err);
    if (strcmp(name, "role") == 0) {
        if (!cocos__is_role(value))
            return bad_value(name, value, err);
        strcpy(o->role, value);
        s->role = o->role;
        return COCOS_OK;
    }
    if (strcmp(name, "withdraw") == 0) {
        s->withdrawal = strcmp(value, "true") == 0;
        return s->withdrawal || strcmp(value, "false") == 0 ? COCOS_OK
                                                            : bad_value(name, value, err);
    }
    return cocos__fail(err, COCOS_ERR_USAGE, "option.name", "no option \"%.100s\"", name);
}

int cocos_approval_sign(const cocos_manifest *manifest,
                        const cocos_key *key,
                        const cocos_approval_options *options,
                        cocos_approval **ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__approving says = {0, NULL, NULL, COCOS__NEVER, COCOS__NEVER, -1, NULL, NULL};

    cocos__buf_init(&b, COCOS__APPROVAL_MAX);
    if (!manifest || !key || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "approval.value",
                           "a manifest and a key are needed");
    if (options)
        says = options->says;
    says.manifest = manifest->digest;
    if (!says.role)
        says.role = cocos__role_of(manifest, cocos_key_thumbprint(key));

    int r = cocos__approval_sign(key, &says, &b, err);
    if (r == COCOS_OK)
        r = cocos__approval_parse((cocos__span){b.data, b.len}, 0, &a, err);
    if (r == COCOS_OK)
        r = cocos__approval_check(a, manifest, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(a);
    return COCOS_OK;
}
