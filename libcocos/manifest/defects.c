/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/defects.h"

#include <stdarg.h>
#include <stdio.h>

void cocos__defect_take(cocos__defects *d, cocos_error *err_take)
{
    if (d->n == COCOS__DEFECTS_MAX) {
        d->more++;
        cocos_error_free(err_take);
        return;
    }
    d->list[d->n++] = err_take;
}

void cocos__defect(cocos__defects *d,
                   int status,
                   const char *code,
                   const char *pointer,
                   const char *expected,
                   const char *found,
                   const char *fmt,
                   ...)
{
    char text[1024];
    cocos_error *err = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    cocos__fail_check(&err, status, code, pointer, expected, found, "%s%s%s",
                      pointer ? pointer : "", pointer && *pointer ? ": " : "", text);
    cocos__defect_take(d, err);
}

int cocos__defects_finish(cocos__defects *d, cocos_error **err)
{
    cocos_error *chain = NULL;

    if (d->n == 0)
        return COCOS_OK;
    if (d->more)
        cocos__fail(&chain, COCOS_ERR_MALFORMED, "manifest.defects", "and %zu further defects",
                    d->more);
    while (d->n > 0) {
        cocos_error *e = d->list[--d->n];
        cocos__error_set_cause(e, chain);
        chain = e;
    }
    d->more = 0;

    int status = cocos_error_status(chain);
    if (err) {
        cocos_error_free(*err);
        *err = chain;
    } else {
        cocos_error_free(chain);
    }
    return status;
}

void cocos__defects_done(cocos__defects *d)
{
    while (d->n > 0)
        cocos_error_free(d->list[--d->n]);
    d->more = 0;
}
