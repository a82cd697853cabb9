/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define FIELDS_MAX 16

/* Process-wide on purpose: set once before threads start (common.h). */
static cocos_log_fn log_fn;
static int log_level;
static void *log_user;

void cocos_log_set(cocos_log_fn fn, int level, void *user)
{
    log_fn = fn;
    log_level = level;
    log_user = user;
}

static int wanted(int level)
{
    return log_fn && level <= log_level;
}

void cocos__log(int level, const char *module, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (!wanted(level))
        return;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    log_fn(log_user, level, module, text, NULL, 0);
}

void cocos__log_fields(int level, const char *module, const char *message, ...)
{
    cocos_log_field fields[FIELDS_MAX];
    size_t n = 0;
    va_list ap;

    if (!wanted(level))
        return;
    va_start(ap, message);
    for (const char *name; n < FIELDS_MAX && (name = va_arg(ap, const char *));) {
        const char *value = va_arg(ap, const char *);
        if (value)
            fields[n++] = (cocos_log_field){name, value};
    }
    va_end(ap);
    log_fn(log_user, level, module, message, fields, n);
}

void cocos__log_error(int level, const char *module, const char *what, const cocos_error *err)
{
    for (const cocos_error *e = err; e && wanted(level); e = cocos_error_cause(e)) {
        cocos_log_field f[2] = {{"code", cocos_error_code(e)}, {"error", cocos_error_message(e)}};
        log_fn(log_user, level, module, what, f, 2);
    }
}
