/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <string.h>

#include <jansson.h>

#include "codec/json_impl.h"

static const char *const kind_names[] = {"nothing",    "null",   "true or false", "a number",
                                         "a fraction", "a text", "a list",        "an object"};

cocos__json cocos__json_root(const cocos__json_doc *doc)
{
    return (cocos__json){.node = doc->root};
}

int cocos__json_kind(const cocos__json *c)
{
    if (!c->node)
        return COCOS__JSON_ABSENT;
    switch (json_typeof((const json_t *)c->node)) {
    case JSON_OBJECT:
        return COCOS__JSON_OBJECT;
    case JSON_ARRAY:
        return COCOS__JSON_ARRAY;
    case JSON_STRING:
        return COCOS__JSON_TEXT;
    case JSON_INTEGER:
        return COCOS__JSON_INT;
    case JSON_REAL:
        return COCOS__JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return COCOS__JSON_BOOL;
    default:
        return COCOS__JSON_NULL;
    }
}

size_t cocos__json_count(const cocos__json *c)
{
    switch (cocos__json_kind(c)) {
    case COCOS__JSON_ARRAY:
        return json_array_size(c->node);
    case COCOS__JSON_OBJECT:
        return json_object_size(c->node);
    default:
        return 0;
    }
}

int cocos__json_is_empty(const cocos__json *c)
{
    switch (cocos__json_kind(c)) {
    case COCOS__JSON_ABSENT:
    case COCOS__JSON_NULL:
        return 1;
    case COCOS__JSON_BOOL:
        return json_is_false((const json_t *)c->node);
    case COCOS__JSON_TEXT:
        return json_string_length(c->node) == 0;
    case COCOS__JSON_ARRAY:
    case COCOS__JSON_OBJECT:
        return cocos__json_count(c) == 0;
    default:
        return 0;
    }
}

cocos__json cocos__json_member(const cocos__json *c, const char *name)
{
    cocos__json m = {{.up = &c->path, .name = name, .name_len = strlen(name)}, NULL};

    if (cocos__json_kind(c) == COCOS__JSON_OBJECT)
        m.node = json_object_get(c->node, name);
    return m;
}

cocos__json cocos__json_item(const cocos__json *c, size_t i)
{
    cocos__json m = {{.up = &c->path, .number = (int64_t)i}, NULL};

    if (cocos__json_kind(c) == COCOS__JSON_ARRAY)
        m.node = json_array_get(c->node, i);
    return m;
}

int cocos__json_next(const cocos__json *c, void **state, cocos__json *member)
{
    if (cocos__json_kind(c) != COCOS__JSON_OBJECT)
        return 0;

    /* jansson takes a plain pointer, but only reads while nothing is changed. */
    json_t *object = (json_t *)(uintptr_t)c->node;
    *state = *state ? json_object_iter_next(object, *state) : json_object_iter(object);
    if (!*state)
        return 0;

    const char *name = json_object_iter_key(*state);
    *member = (cocos__json){{.up = &c->path, .name = name, .name_len = strlen(name)},
                            json_object_iter_value(*state)};
    return 1;
}

int cocos__json_fail(const cocos__json *c,
                     int status,
                     const char *code,
                     const char *expected,
                     const char *found,
                     cocos_error **err)
{
    char where[COCOS__POINTER_MAX];

    cocos__path_print(&c->path, where, sizeof where);
    return cocos__fail_check(err, status, code, where, expected, found, "%s: expected %s, found %s",
                             where[0] ? where : "the whole", expected, found);
}

static int fail_type(const cocos__json *c, const char *expected, cocos_error **err)
{
    if (!c->node)
        return cocos__json_fail(c, COCOS_ERR_MALFORMED, "json.absent", expected, "nothing", err);
    return cocos__json_fail(c, COCOS_ERR_MALFORMED, "json.type", expected,
                            kind_names[cocos__json_kind(c)], err);
}

int cocos__json_expect(const cocos__json *c, int kind, cocos_error **err)
{
    return cocos__json_kind(c) == kind ? COCOS_OK : fail_type(c, kind_names[kind], err);
}

int cocos__json_text(const cocos__json *c, const char **ret, cocos_error **err)
{
    int r = cocos__json_expect(c, COCOS__JSON_TEXT, err);

    if (r == COCOS_OK)
        *ret = json_string_value(c->node);
    return r;
}

int cocos__json_int(const cocos__json *c, int64_t *ret, cocos_error **err)
{
    int r = cocos__json_expect(c, COCOS__JSON_INT, err);

    if (r == COCOS_OK)
        *ret = json_integer_value(c->node);
    return r;
}

int cocos__json_uint(const cocos__json *c, uint64_t *ret, cocos_error **err)
{
    int64_t v = 0;
    int r = cocos__json_int(c, &v, err);

    if (r < 0)
        return r;
    if (v < 0) {
        return cocos__json_fail(c, COCOS_ERR_MALFORMED, "json.range", "a number from 0 on",
                                "a negative number", err);
    }
    *ret = (uint64_t)v;
    return COCOS_OK;
}

int cocos__json_number(const cocos__json *c, double *ret, cocos_error **err)
{
    int kind = cocos__json_kind(c);

    if (kind != COCOS__JSON_INT && kind != COCOS__JSON_REAL)
        return fail_type(c, "a number", err);
    *ret = json_number_value(c->node);
    return COCOS_OK;
}

int cocos__json_bool(const cocos__json *c, int *ret, cocos_error **err)
{
    int r = cocos__json_expect(c, COCOS__JSON_BOOL, err);

    if (r == COCOS_OK)
        *ret = json_is_true((const json_t *)c->node);
    return r;
}

int cocos__json_unknown(const cocos__json *c,
                        const char *const *names,
                        void **state,
                        cocos__json *member)
{
    while (cocos__json_next(c, state, member)) {
        const char *const *name = names;
        while (*name && strcmp(*name, member->path.name) != 0)
            name++;
        if (!*name)
            return 1;
    }
    return 0;
}

int cocos__json_only(const cocos__json *c, const char *const *names, cocos_error **err)
{
    cocos__json member;
    void *state = NULL;

    int r = cocos__json_expect(c, COCOS__JSON_OBJECT, err);
    if (r < 0)
        return r;
    if (!cocos__json_unknown(c, names, &state, &member))
        return COCOS_OK;
    return cocos__json_fail(&member, COCOS_ERR_MALFORMED, "json.unknown", "no such name",
                            kind_names[cocos__json_kind(&member)], err);
}
