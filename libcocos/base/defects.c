/* SPDX-License-Identifier: Apache-2.0 */
#include "base/defects.h"

#include <stdarg.h>
#include <stdio.h>

#define DEFECTS_MAX 256
#define TEXT_MAX    512
#define WHERE_MAX   320

void cocos__defects_done(cocos__defects *d)
{
    cocos_error_free(d->first);
    *d = (cocos__defects){0};
}

static void append(cocos__defects *d, cocos_error *e)
{
    if (d->last)
        cocos__error_set_cause(d->last, e);
    else
        d->first = e;
    d->last = e;
    d->n++;
}

void cocos__defect_take(cocos__defects *d, cocos_error *error_take)
{
    if (!error_take || cocos_error_status(error_take) == COCOS_ERR_MEMORY) {
        d->broken = 1;
    } else if (d->n < DEFECTS_MAX) {
        append(d, error_take);
        return;
    } else if (d->n == DEFECTS_MAX) {
        cocos_error *more = NULL;
        cocos__fail(&more, COCOS_ERR_MALFORMED, "defects.more", "there are more defects");
        append(d, more);
    }
    cocos_error_free(error_take);
}

static void add(cocos__defects *d, const char *code, const char *where, const char *fmt, va_list ap)
{
    char text[TEXT_MAX];
    cocos_error *e = NULL;

    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    cocos__fail_check(&e, COCOS_ERR_MALFORMED, code, where, NULL, NULL, "%s: %s", where, text);
    cocos__defect_take(d, e);
}

void cocos__defect(cocos__defects *d, const char *code, const char *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(d, code, where, fmt, ap);
    va_end(ap);
}

void cocos__defect_in(cocos__defects *d,
                      const char *code,
                      const char *where,
                      const char *member,
                      const char *fmt,
                      ...)
{
    char place[WHERE_MAX];
    va_list ap;

    snprintf(place, sizeof place, "%s/%s", where, member);
    va_start(ap, fmt);
    add(d, code, place, fmt, ap);
    va_end(ap);
}

int cocos__defects_result(cocos__defects *d, cocos_error **err)
{
    int status = cocos_error_status(d->first);

    if (d->broken)
        return cocos__fail_memory(err);
    if (!d->first)
        return COCOS_OK;
    if (err) {
        cocos_error_free(*err);
        *err = d->first;
        d->first = NULL;
        d->last = NULL;
    }
    return status;
}
