/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_FIELDS_H
#define COCOS_BASE_FIELDS_H

/* The decoded fields of evidence on their way to a person: nothing in them was verified. */

#include "base/rows.h"

typedef struct cocos__fields {
    cocos__rows *text; /* keeps the texts that values point to */
    void (*put)(void *user, const char *name, const char *value, const char *meaning);
    void *user;
} cocos__fields;

#endif
