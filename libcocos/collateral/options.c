/* SPDX-License-Identifier: Apache-2.0 */
#include "collateral/options.h"

#include <string.h>

#define URL_MAX 512 /* leaves room for paths and numbers behind it */

enum form { BASE_URL, URL, PATH, OPTIONAL_PATH, FLAG, PATIENCE, ATTEMPT };

static const struct option {
    const char *name;
    enum form form;
    const char *fallback;
} options[COCOS__COLLATERAL_OPTIONS] = {
    [COCOS__COLLATERAL_KDS] = {"kds", BASE_URL, "https://kdsintf.amd.com"},
    [COCOS__COLLATERAL_PCS] = {"pcs", BASE_URL, "https://api.trustedservices.intel.com"},
    [COCOS__COLLATERAL_ROOT_CRL] =
        {"root_crl", URL, "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"},
    [COCOS__COLLATERAL_CACHE] = {"cache", OPTIONAL_PATH, ""},
    [COCOS__COLLATERAL_CA] = {"ca", PATH, ""},
    [COCOS__COLLATERAL_OFFLINE] = {"offline", FLAG, "false"},
    [COCOS__COLLATERAL_PATIENCE] = {"patience", PATIENCE, "120"},
    [COCOS__COLLATERAL_ATTEMPT] = {"attempt", ATTEMPT, "30"},
};

/* A decimal number of seconds up to `max`; -1: not one. */
static int64_t seconds(const char *s, int64_t max)
{
    int64_t n = 0;

    if (!*s || strlen(s) > 6)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        n = n * 10 + (*s - '0');
    }
    return n <= max ? n : -1;
}

/*
 * Scheme and host without a user, printable, no fragment. A base may not have a query either, since
 * paths are put behind it.
 */
static int is_url(const char *s, int base)
{
    size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;

    if (scheme == 0 || strlen(s) > URL_MAX || strchr("/:?#", s[scheme]))
        return 0;
    for (const char *p = s; *p; p++) {
        if (*p <= ' ' || *p > '~' || strchr("@#\\\"<>", *p) || (base && *p == '?'))
            return 0;
    }
    return !base || s[strlen(s) - 1] != '/';
}

static int has_form(enum form form, const char *s)
{
    switch (form) {
    case BASE_URL:
    case URL:
        return is_url(s, form == BASE_URL);
    case OPTIONAL_PATH:
    case PATH:
        return (form == OPTIONAL_PATH && !*s) || (s[0] == '/' && strlen(s) < 3000);
    case FLAG:
        return strcmp(s, "true") == 0 || strcmp(s, "false") == 0;
    case PATIENCE:
        return seconds(s, 3600) >= 0;
    case ATTEMPT:
        return seconds(s, 600) > 0;
    }
    return 0;
}

static const char *expected(enum form form)
{
    static const char *const texts[] = {
        [BASE_URL] =
            "a URL that begins with https:// or http://, without user, query or last slash",
        [URL] = "a URL that begins with https:// or http://, without user or fragment",
        [PATH] = "an absolute path",
        [OPTIONAL_PATH] = "an absolute path, or empty",
        [FLAG] = "true or false",
        [PATIENCE] = "a number of seconds from 0 to 3600",
        [ATTEMPT] = "a number of seconds from 1 to 600",
    };
    return texts[form];
}

int cocos_collateral_options_new(cocos_collateral_options **ret, cocos_error **err)
{
    cocos_collateral_options *o = calloc(1, sizeof *o);

    if (!o)
        return cocos__fail_memory(err);
    *ret = o;
    return COCOS_OK;
}

static int find(const char *name)
{
    for (int i = 0; i < COCOS__COLLATERAL_OPTIONS; i++) {
        if (strcmp(options[i].name, name) == 0)
            return i;
    }
    return -1;
}

int cocos_collateral_options_set(cocos_collateral_options *o,
                                 const char *name,
                                 const char *value,
                                 cocos_error **err)
{
    if (!o || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "options, name and value are needed");
    int i = find(name);
    if (i < 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.name",
                           "collateral has no option \"%.64s\"", name);
    if (!has_form(options[i].form, value))
        return cocos__fail_check(err, COCOS_ERR_USAGE, "option.value", options[i].name,
                                 expected(options[i].form), NULL, "option %s must be %s", name,
                                 expected(options[i].form));
    char *copy = strdup(value);
    if (!copy)
        return cocos__fail_memory(err);
    free(o->values[i]);
    o->values[i] = copy;
    return COCOS_OK;
}

int cocos_collateral_options_add_root(cocos_collateral_options *o,
                                      const uint8_t *data,
                                      size_t len,
                                      cocos_error **err)
{
    if (!o || !data)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "options and certificates are needed");
    return cocos__certs_add(&o->roots, data, len, err);
}

void cocos_collateral_options_free(cocos_collateral_options *o)
{
    if (!o)
        return;
    for (int i = 0; i < COCOS__COLLATERAL_OPTIONS; i++)
        free(o->values[i]);
    cocos__certs_done(&o->roots);
    free(o);
}

const char *cocos__collateral_option(const cocos_collateral_options *o, int which)
{
    return o && o->values[which] ? o->values[which] : options[which].fallback;
}

const cocos__certs *cocos__collateral_roots(const cocos_collateral_options *o)
{
    return o && o->roots.n > 0 ? &o->roots : NULL;
}

int cocos__collateral_is_url(const char *s)
{
    return is_url(s, 0);
}

int64_t cocos__collateral_seconds(const cocos_collateral_options *o, int which)
{
    return seconds(cocos__collateral_option(o, which), INT32_MAX);
}
