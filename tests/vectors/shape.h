/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_VECTORS_SHAPE_H
#define COCOS_TESTS_VECTORS_SHAPE_H

/* What a row of vectors may hold: a member that no list names is an error, not a thing to skip. */

#include <jansson.h>

enum shape_type {
    SHAPE_TEXT,
    SHAPE_FLAG,
    SHAPE_NUMBER,
    SHAPE_LIST,
    SHAPE_OBJECT
};

/* In both: may also be null. */
enum { MAY, MUST, MAY_NULL, MUST_NULL };

typedef struct shape {
    const char *name; /* NULL: end of the list */
    int type;
    int presence;
    const char *values;         /* of a text: "A|B"; NULL: any */
    const struct shape *shapes; /* of an object, or of each object of a list; NULL: any */
} shape;

#define TEXT(presence, name)                                                                       \
    {                                                                                              \
        name, SHAPE_TEXT, presence, NULL, NULL                                                     \
    }
#define ONE_OF(presence, name, values)                                                             \
    {                                                                                              \
        name, SHAPE_TEXT, presence, values, NULL                                                   \
    }
#define FLAG(presence, name)                                                                       \
    {                                                                                              \
        name, SHAPE_FLAG, presence, NULL, NULL                                                     \
    }
#define NUMBER(presence, name)                                                                     \
    {                                                                                              \
        name, SHAPE_NUMBER, presence, NULL, NULL                                                   \
    }
#define LIST(presence, name, of)                                                                   \
    {                                                                                              \
        name, SHAPE_LIST, presence, NULL, of                                                       \
    }
#define OBJECT(presence, name, of)                                                                 \
    {                                                                                              \
        name, SHAPE_OBJECT, presence, NULL, of                                                     \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, 0, 0, NULL, NULL                                                                     \
    }

/* What rows of every cases.json have. */
#define CASE                                                                                       \
    TEXT(MUST, "id"), ONE_OF(MUST, "expect", "ok|fail"), TEXT(MAY, "error_class"),                 \
        TEXT(MAY, "source"), TEXT(MAY, "note")

/* 1 when the row has that form; else prints every defect in a line that begins with its name. */
int shape_fits(const json_t *row, const shape *shapes);

#endif
