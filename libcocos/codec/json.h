/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_JSON_H
#define COCOS_CODEC_JSON_H

/*
 * JSON (RFC 8259) read strictly and walked by cursors that know their place; written through one
 * emitter. A thin layer over jansson. Numbers are integers of 64 bits with sign, or doubles.
 */

#include "base/bytes.h"
#include "base/error.h"
#include "codec/path.h"

/* ---- Reading ---- */

enum cocos__json_kind {
    COCOS__JSON_ABSENT = 0, /* what looking up a missing member gives */
    COCOS__JSON_NULL = 1,
    COCOS__JSON_BOOL = 2,
    COCOS__JSON_INT = 3,
    COCOS__JSON_REAL = 4,
    COCOS__JSON_TEXT = 5,
    COCOS__JSON_ARRAY = 6,
    COCOS__JSON_OBJECT = 7
};

#define COCOS__JSON_DEPTH_MAX 32

/* A parsed text; cursors borrow from it. */
typedef struct cocos__json_doc cocos__json_doc;

typedef struct cocos__json {
    cocos__path path;
    const void *node; /* NULL: absent */
} cocos__json;

/*
 * Parse a whole text of at most `limit` bytes. Refused, with line and pointer where there is one:
 * MALFORMED "json.size", "json.depth" (more than COCOS__JSON_DEPTH_MAX levels), "json.syntax",
 * "json.utf8" (also NUL in a string), "json.double" (a name twice in one object), "json.number".
 */
int cocos__json_parse(
    const char *text, size_t len, size_t limit, cocos__json_doc **ret, cocos_error **err);
cocos__json cocos__json_root(const cocos__json_doc *doc);
void cocos__json_doc_free(cocos__json_doc *doc);
COCOS__DEFINE_FREEP(cocos__json_doc_freep, cocos__json_doc *, cocos__json_doc_free)

int cocos__json_kind(const cocos__json *c);
/* Absent, null, "", [], {} or false: what some formats treat as not written. */
int cocos__json_is_empty(const cocos__json *c);
/* Items of an array, members of an object; 0 for others. */
size_t cocos__json_count(const cocos__json *c);

/* Members and items; what is not there gives a cursor of kind ABSENT. `c` must outlive the result.
 */
cocos__json cocos__json_member(const cocos__json *c, const char *name);
cocos__json cocos__json_item(const cocos__json *c, size_t i);
/* Walks members in the order of the text; *state begins as NULL. 0 at the end. */
int cocos__json_next(const cocos__json *c, void **state, cocos__json *member);

/*
 * Typed values. MALFORMED "json.absent", "json.type", "json.range" with the pointer as check, and
 * what was expected and found.
 */
int cocos__json_expect(const cocos__json *c, int kind, cocos_error **err);
int cocos__json_text(const cocos__json *c, const char **ret, cocos_error **err);
int cocos__json_int(const cocos__json *c, int64_t *ret, cocos_error **err);
int cocos__json_uint(const cocos__json *c, uint64_t *ret, cocos_error **err); /* to INT64_MAX */
int cocos__json_number(const cocos__json *c, double *ret, cocos_error **err);
int cocos__json_bool(const cocos__json *c, int *ret, cocos_error **err);

/*
 * The next member after *state whose name is not in `names` (ended by NULL); 0 when there is none.
 * cocos__json_only() makes the first one an error: MALFORMED "json.unknown".
 */
int cocos__json_unknown(const cocos__json *c,
                        const char *const *names,
                        void **state,
                        cocos__json *member);
int cocos__json_only(const cocos__json *c, const char *const *names, cocos_error **err);

/* A refusal of the value at c: check is its pointer, the message "POINTER: expected E, found F". */
int cocos__json_fail(const cocos__json *c,
                     int status,
                     const char *code,
                     const char *expected,
                     const char *found,
                     cocos_error **err);

/* ---- Writing: a stack of open objects and arrays; the first failure is remembered ---- */

typedef struct cocos__json_out cocos__json_out;

int cocos__json_out_new(cocos__json_out **ret, cocos_error **err);
void cocos__json_out_free(cocos__json_out *o);
COCOS__DEFINE_FREEP(cocos__json_out_freep, cocos__json_out *, cocos__json_out_free)

/* `name` is that of the member in an object, NULL in an array and at the top. */
void cocos__json_put_object(cocos__json_out *o, const char *name);
void cocos__json_put_array(cocos__json_out *o, const char *name);
void cocos__json_put_end(cocos__json_out *o);
void cocos__json_put_text(cocos__json_out *o, const char *name, const char *value); /* NULL: null */
void cocos__json_put_hex(cocos__json_out *o, const char *name, const uint8_t *data, size_t len);
void cocos__json_put_int(cocos__json_out *o, const char *name, int64_t value);
void cocos__json_put_real(cocos__json_out *o, const char *name, double value);
void cocos__json_put_bool(cocos__json_out *o, const char *name, int value);
void cocos__json_put_null(cocos__json_out *o, const char *name);

/*
 * The text, members in the order they were put; indented and ended by a newline, or on one line
 * without. Free with free(). INTERNAL "json.encode": something was not put as it must be, such as
 * text that is not UTF-8.
 */
int cocos__json_finish(cocos__json_out *o, int indent, char **ret, cocos_error **err);

#endif
