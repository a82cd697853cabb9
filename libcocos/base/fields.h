/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_FIELDS_H
#define COCOS_BASE_FIELDS_H

/* The decoded fields of evidence on their way to a person: nothing in them was verified. */

#include "base/bytes.h"
#include "base/rows.h"

typedef struct cocos__fields {
    cocos__rows *text; /* keeps the texts that values point to */
    void (*put)(void *user, const char *name, const char *value, const char *meaning);
    void *user;
} cocos__fields;

/* A field at a fixed place. Its bytes are shown in hex, or as a number. */
typedef struct cocos__place {
    uint16_t at;
    uint16_t len;
    uint8_t number; /* little-endian, at most 8 bytes, shown in decimal */
    const char *name;
    const char *meaning;
} cocos__place;

/* Shows each field of a table. The caller has checked that all places lie inside. */
void cocos__fields_put(const cocos__fields *f,
                       const uint8_t *data,
                       const cocos__place *p,
                       size_t n);
void cocos__fields_bytes(const cocos__fields *f, const char *name, cocos__span v, const char *says);

typedef struct cocos__flag {
    uint8_t bit;
    const char *name;
} cocos__flag;

/* "a, b" for the bits that are set, those without a name as "unknown 0x…"; "none is set". */
const char *
cocos__fields_flags(const cocos__fields *f, uint64_t v, const cocos__flag *flags, size_t n);

/* Puts fields into `outer`, each name behind "PREFIX."; both outlive what is made of it. */
typedef struct cocos__under {
    const cocos__fields *outer;
    const char *prefix;
} cocos__under;
cocos__fields cocos__fields_under(cocos__under *u);

/*
 * After a part was shown with result r: when it could not be read that is shown too, and is no
 * reason to hide the rest. Fails for lack of memory only.
 */
int cocos__fields_settle(
    const cocos__fields *f, int r, const char *name, cocos_error *why_take, cocos_error **err);

#endif
