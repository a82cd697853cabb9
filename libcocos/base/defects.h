/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_DEFECTS_H
#define COCOS_BASE_DEFECTS_H

/* Everything that is wrong, collected, so that a person mends it in one round. */

#include "base/error.h"

typedef struct cocos__defects {
    cocos_error *first; /* each the cause of the one before */
    cocos_error *last;
    size_t n;
    int broken; /* out of memory: no judgement */
} cocos__defects;

void cocos__defects_done(cocos__defects *d);

/* `where` is the place as a JSON Pointer, or the name of an old field: check, and begins the
 * message. */
void cocos__defect(cocos__defects *d, const char *code, const char *where, const char *fmt, ...)
    COCOS__PRINTF(4, 5);
/* The same at "where/member". */
void cocos__defect_in(cocos__defects *d,
                      const char *code,
                      const char *where,
                      const char *member,
                      const char *fmt,
                      ...) COCOS__PRINTF(5, 6);
/* The same for an error from elsewhere, which is taken. */
void cocos__defect_take(cocos__defects *d, cocos_error *error_take);

/* OK when there is none; else the chain, which moves to err. */
int cocos__defects_result(cocos__defects *d, cocos_error **err);

#endif
