/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#include "run_vectors.h"

#include <stdio.h>
#include <string.h>

/* `of` is where the member stands; a member of "options" is called option. */
static int defect(const char *of, const char *name, const char *what, const char *more)
{
    int n = (int)strlen(of);

    n -= n > 1 && of[n - 1] == 's';
    printf("%s: %.*s %s is %s%s\n", row_name(), n, of, name, what, more);
    return 0;
}

static const char *type_defect(const shape *s, const json_t *value)
{
    switch (s->type) {
    case SHAPE_TEXT:
        return json_is_string(value) ? NULL : "no text";
    case SHAPE_FLAG:
        return json_is_boolean(value) ? NULL : "neither true nor false";
    case SHAPE_NUMBER:
        return json_is_integer(value) ? NULL : "no number";
    case SHAPE_LIST:
        return json_is_array(value) ? NULL : "no list";
    default:
        return json_is_object(value) ? NULL : "no object";
    }
}

static int is_listed(const char *values, const char *text)
{
    size_t n = strlen(text);

    for (const char *v = values; *v; v += strcspn(v, "|"), v += *v == '|') {
        if (strcspn(v, "|") == n && memcmp(v, text, n) == 0)
            return 1;
    }
    return 0;
}

static int members_fit(const json_t *object, const shape *shapes, const char *of);

static int value_fits(const json_t *value, const shape *s, const char *of)
{
    const char *wrong = type_defect(s, value);
    json_t *item = NULL;
    size_t i = 0;
    int ok = 1;

    if (json_is_null(value) && s->presence >= MAY_NULL)
        return 1;
    if (wrong)
        return defect(of, s->name, wrong, "");
    if (s->values && !is_listed(s->values, json_string_value(value)))
        return defect(of, s->name, "none of ", s->values);
    if (s->shapes && s->type == SHAPE_OBJECT)
        return members_fit(value, s->shapes, s->name);
    json_array_foreach(s->shapes ? value : NULL, i, item)
    {
        if (!json_is_object(item))
            return defect(of, s->name, "no list of objects", "");
        ok &= members_fit(item, s->shapes, s->name);
    }
    return ok;
}

static const shape *find(const shape *shapes, const char *name)
{
    while (shapes->name && strcmp(shapes->name, name) != 0)
        shapes++;
    return shapes->name ? shapes : NULL;
}

static int members_fit(const json_t *object, const shape *shapes, const char *of)
{
    const char *name = NULL;
    json_t *value = NULL;
    int ok = 1;

    json_object_foreach((json_t *)object, name, value)
    {
        const shape *s = find(shapes, name);
        ok &= s ? value_fits(value, s, of) : defect(of, name, "not known", "");
    }
    for (; shapes->name; shapes++) {
        int must = shapes->presence == MUST || shapes->presence == MUST_NULL;
        if (must && !json_object_get(object, shapes->name))
            ok = defect(of, shapes->name, "missing", "");
    }
    return ok;
}

int shape_fits(const json_t *row, const shape *shapes)
{
    if (json_is_object(row))
        return members_fit(row, shapes, "key");
    printf("%s: the row is no object\n", row_name());
    return 0;
}
