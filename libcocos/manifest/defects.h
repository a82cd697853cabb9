/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_DEFECTS_H
#define COCOS_MANIFEST_DEFECTS_H

/* Everything that is wrong with one input, found in one pass and told together. */

#include "base/error.h"

#define COCOS__DEFECTS_MAX 256 /* further ones are only counted */

typedef struct cocos__defects {
    cocos_error *list[COCOS__DEFECTS_MAX];
    size_t n;
    size_t more;
} cocos__defects;

/* expected and found as in cocos__fail_check(); pointer is the JSON Pointer of the member. */
void cocos__defect(cocos__defects *d,
                   int status,
                   const char *code,
                   const char *pointer,
                   const char *expected,
                   const char *found,
                   const char *fmt,
                   ...) COCOS__PRINTF(7, 8);
/* One that another call made; taken. */
void cocos__defect_take(cocos__defects *d, cocos_error *err_take);
/*
 * OK when there are none. Else the status of the first, which becomes *err; each further defect is
 * the cause of the one before. The collector is empty afterwards.
 */
int cocos__defects_finish(cocos__defects *d, cocos_error **err);
/* Frees what was not handed out; cleanup function. */
void cocos__defects_done(cocos__defects *d);

#endif
