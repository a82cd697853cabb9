/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "codec/hex.h"
#include "codec/json.h"

struct cocos__json_out {
    json_t *root;
    json_t *open[COCOS__JSON_DEPTH_MAX]; /* borrowed from root */
    int depth;
    int failed;
};

int cocos__json_out_new(cocos__json_out **ret, cocos_error **err)
{
    cocos__json_out *o = calloc(1, sizeof *o);

    if (!o)
        return cocos__fail_memory(err);
    *ret = o;
    return COCOS_OK;
}

void cocos__json_out_free(cocos__json_out *o)
{
    if (!o)
        return;
    json_decref(o->root);
    free(o);
}

/* Takes the value, also on failure. */
static int add_take(cocos__json_out *o, const char *name, json_t *value)
{
    json_t *parent = o->depth > 0 ? o->open[o->depth - 1] : NULL;
    int ok = value && !o->failed;

    if (ok && json_is_object(parent) && name)
        ok = json_object_set_new(parent, name, value) == 0;
    else if (ok && json_is_array(parent) && !name)
        ok = json_array_append_new(parent, value) == 0;
    else if (ok && !o->root && !name)
        o->root = value;
    else {
        json_decref(value);
        ok = 0;
    }
    o->failed |= !ok;
    return ok;
}

static void open_take(cocos__json_out *o, const char *name, json_t *value)
{
    if (o->depth == COCOS__JSON_DEPTH_MAX) {
        json_decref(value);
        o->failed = 1;
    } else if (add_take(o, name, value)) {
        o->open[o->depth++] = value;
    }
}

void cocos__json_put_object(cocos__json_out *o, const char *name)
{
    open_take(o, name, json_object());
}

void cocos__json_put_array(cocos__json_out *o, const char *name)
{
    open_take(o, name, json_array());
}

void cocos__json_put_end(cocos__json_out *o)
{
    if (o->depth > 0)
        o->depth--;
    else
        o->failed = 1;
}

void cocos__json_put_text(cocos__json_out *o, const char *name, const char *value)
{
    add_take(o, name, value ? json_string(value) : json_null());
}

void cocos__json_put_hex(cocos__json_out *o, const char *name, const uint8_t *data, size_t len)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    cocos__buf_init(&b, SIZE_MAX / 2);
    cocos__hex_add(&b, data, len);
    add_take(o, name, b.failed ? NULL : json_stringn((const char *)b.data, b.len));
}

void cocos__json_put_int(cocos__json_out *o, const char *name, int64_t value)
{
    add_take(o, name, json_integer(value));
}

void cocos__json_put_real(cocos__json_out *o, const char *name, double value)
{
    add_take(o, name, json_real(value));
}

void cocos__json_put_bool(cocos__json_out *o, const char *name, int value)
{
    add_take(o, name, json_boolean(value));
}

void cocos__json_put_null(cocos__json_out *o, const char *name)
{
    add_take(o, name, json_null());
}

static int append(const char *text, size_t len, void *user)
{
    cocos__buf *b = user;

    cocos__buf_add(b, text, len);
    return b->failed ? -1 : 0;
}

int cocos__json_finish(cocos__json_out *o, int indent, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    /* 15 digits: what every decimal of that length survives as written, 0.1 as 0.1. */
    size_t flags =
        JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | (indent ? JSON_INDENT(2) : JSON_COMPACT);
    size_t len;

    cocos__buf_init(&b, SIZE_MAX / 2);
    if (o->failed || o->depth > 0 || !o->root)
        return cocos__fail(err, COCOS_ERR_INTERNAL, "json.encode", "JSON could not be written");

    int r = json_dump_callback(o->root, append, &b, flags);
    if (indent)
        cocos__buf_add_str(&b, "\n");
    char *text = r == 0 ? (char *)cocos__buf_steal(&b, &len) : NULL;
    if (!text)
        return cocos__fail_memory(err);
    *ret = text;
    return COCOS_OK;
}
