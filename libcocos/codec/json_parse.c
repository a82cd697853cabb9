/* SPDX-License-Identifier: Apache-2.0 */
/* From text to document. jansson parses; what it does not do is bound depth and say where. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "codec/json.h"
#include "codec/json_impl.h"

/* Follows a JSON text lightly, to know at each byte how deep and below which names it is. */
struct scanner {
    const char *text;
    size_t pos;
    int in_string;
    int depth;
    struct {
        char kind; /* '{' or '[' */
        size_t name;
        size_t name_len; /* of the member being read, quotes left out */
        int64_t index;
    } levels[COCOS__JSON_DEPTH_MAX];
    size_t string; /* where the last string began */
};

static void leave_string(struct scanner *s)
{
    s->in_string = 0;
    if (s->depth > 0 && s->levels[s->depth - 1].kind == '{') {
        s->levels[s->depth - 1].name = s->string;
        s->levels[s->depth - 1].name_len = s->pos - s->string;
    }
}

/* 0 when the text nests too deeply at this byte. Only a name or the value behind it changes it. */
static int scan_structure(struct scanner *s, char c)
{
    switch (c) {
    case '"':
        s->in_string = 1;
        s->string = s->pos + 1;
        return 1;
    case '{':
    case '[':
        if (s->depth == COCOS__JSON_DEPTH_MAX)
            return 0;
        s->levels[s->depth].kind = c;
        s->levels[s->depth].name_len = 0;
        s->levels[s->depth++].index = 0;
        return 1;
    case '}':
    case ']':
        if (s->depth > 0)
            s->depth--;
        return 1;
    case ',':
        if (s->depth > 0)
            s->levels[s->depth - 1].index++;
        return 1;
    default:
        return 1;
    }
}

/* Up to byte `end`; returns where the text nests too deeply, or `end`. */
static size_t scan(struct scanner *s, size_t end)
{
    for (; s->pos < end; s->pos++) {
        char c = s->text[s->pos];
        if (!s->in_string) {
            if (!scan_structure(s, c))
                break;
        } else if (c == '\\') {
            s->pos++;
        } else if (c == '"') {
            leave_string(s);
        }
    }
    return s->pos < end ? s->pos : end;
}

static void print_pointer(const struct scanner *s, char *out, size_t size)
{
    cocos__path steps[COCOS__JSON_DEPTH_MAX + 1] = {{0}};
    int n = s->depth < COCOS__JSON_DEPTH_MAX ? s->depth : COCOS__JSON_DEPTH_MAX;

    for (int i = 0; i < n; i++) {
        steps[i + 1] = (cocos__path){.up = &steps[i], .number = s->levels[i].index};
        if (s->levels[i].kind == '{') {
            steps[i + 1].name = s->text + s->levels[i].name;
            steps[i + 1].name_len = s->levels[i].name_len;
        }
    }
    cocos__path_print(&steps[n], out, size);
}

static const char *code_of(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "json.utf8";
    case json_error_duplicate_key:
        return "json.double";
    case json_error_numeric_overflow:
        return "json.number";
    default:
        return "json.syntax";
    }
}

static int fail_parse(const char *text, size_t len, const json_error_t *e, cocos_error **err)
{
    struct scanner s = {.text = text};
    char where[COCOS__POINTER_MAX];
    const char *code = code_of(e);

    if (json_error_code(e) == json_error_out_of_memory)
        return cocos__fail_memory(err);

    /* jansson has read past what it refuses; only a doubled name must be read to its end. */
    size_t end = e->position > 0 && (size_t)e->position < len ? (size_t)e->position : len;
    if (end > 0 && json_error_code(e) != json_error_duplicate_key)
        end--;
    (void)scan(&s, end);
    print_pointer(&s, where, sizeof where);
    return cocos__fail_check(err, COCOS_ERR_MALFORMED, code, where, NULL, NULL,
                             "JSON, line %d, column %d, at \"%s\": %s", e->line, e->column, where,
                             strcmp(code, "json.double") == 0 ? "this name stands twice" : e->text);
}

int cocos__json_parse(
    const char *text, size_t len, size_t limit, cocos__json_doc **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    struct scanner s = {.text = text};
    json_error_t e;

    if (len > limit) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "json.size",
                           "JSON of %zu bytes; at most %zu are read", len, limit);
    }
    size_t at = scan(&s, len);
    if (at < len) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "json.depth",
                           "JSON, byte %zu: nested deeper than %d levels", at,
                           COCOS__JSON_DEPTH_MAX);
    }

    doc = calloc(1, sizeof *doc);
    if (!doc)
        return cocos__fail_memory(err);
    doc->root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (!doc->root)
        return fail_parse(text, len, &e, err);

    *ret = COCOS__STEAL(doc);
    return COCOS_OK;
}

void cocos__json_doc_free(cocos__json_doc *doc)
{
    if (!doc)
        return;
    json_decref(doc->root);
    free(doc);
}
