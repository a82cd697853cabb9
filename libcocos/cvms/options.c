/* SPDX-License-Identifier: Apache-2.0 */
#include "cvms/options.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "collateral/bundle.h"

int cocos_cvms_options_new(cocos_cvms_options **ret, cocos_error **err)
{
    cocos_cvms_options *o = calloc(1, sizeof *o);
    if (!o)
        return cocos__fail_memory(err);
    *ret = o;
    return COCOS_OK;
}

static void clear(char **text)
{
    if (*text)
        cocos__wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static char **member(cocos_cvms_options *o, const char *name)
{
    struct {
        const char *name;
        char **text;
    } members[] = {
        {"listen", &o->listen},       {"cert", &o->cert},     {"key", &o->key},
        {"client_ca", &o->client_ca}, {"policy", &o->policy},
    };

    for (size_t i = 0; i < COCOS__ARRAY_LEN(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].text;
    return NULL;
}

int cocos_cvms_options_set(cocos_cvms_options *o,
                           const char *name,
                           const char *value,
                           cocos_error **err)
{
    char **text = member(o, name);
    if (!text)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.name", "the server has no option \"%s\"",
                           name);

    char *copy = strdup(value);
    if (!copy)
        return cocos__fail_memory(err);
    clear(text);
    *text = copy;
    return COCOS_OK;
}

int cocos_cvms_options_set_bundle(cocos_cvms_options *o,
                                  const cocos_bundle *bundle,
                                  cocos_error **err)
{
    cocos_bundle *copy = NULL;
    int r = cocos__bundle_copy(bundle, &copy, err);

    if (r < 0)
        return r;
    cocos_bundle_free(o->bundle);
    o->bundle = copy;
    return COCOS_OK;
}

void cocos_cvms_options_free(cocos_cvms_options *o)
{
    if (!o)
        return;
    clear(&o->listen);
    clear(&o->cert);
    clear(&o->key);
    clear(&o->client_ca);
    clear(&o->policy);
    cocos_bundle_free(o->bundle);
    free(o);
}
