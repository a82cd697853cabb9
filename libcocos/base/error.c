/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 4096
#define CODE_MAX    64

struct cocos_error {
    int status;
    char *code;
    char *message;
    char *check;
    char *expected;
    char *found;
    cocos_error *cause;
    void *detail;
    cocos__error_detail_free_fn free_detail; /* says what kind of detail it is */
};

/* What a caller gets when there is no memory to say more. Never freed. */
static char memory_code[] = "memory";
static char memory_message[] = "out of memory";
static cocos_error memory_error = {
    COCOS_ERR_MEMORY, memory_code, memory_message, NULL, NULL, NULL, NULL, NULL, NULL};

static void put(cocos_error **err, cocos_error *made)
{
    if (!err) {
        cocos_error_free(made);
        return;
    }
    cocos_error_free(*err);
    *err = made;
}

static char *dup_or_null(const char *s)
{
    return s ? strdup(s) : NULL;
}

static int is_code(const char *code)
{
    size_t len = code ? strlen(code) : 0;
    return len > 0 && len <= CODE_MAX &&
           strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == len;
}

/* One line of text: control characters would let a peer forge log lines or drive a terminal. */
static void make_printable(char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20 || c == 0x7f)
            *s = ' ';
    }
}

static cocos_error *error_new(int status, const char *code, const char *message)
{
    cocos_error *e = calloc(1, sizeof *e);
    if (!e)
        return &memory_error;

    e->status = status < 0 ? status : COCOS_ERR_INTERNAL;
    e->code = strdup(code);
    e->message = strndup(message, MESSAGE_MAX);
    if (!e->code || !e->message) {
        cocos_error_free(e);
        return &memory_error;
    }
    make_printable(e->message);
    return e;
}

static cocos_error *error_vnew(int status, const char *code, const char *fmt, va_list ap)
{
    char text[MESSAGE_MAX];

    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    return error_new(status, code, text);
}

int cocos__fail(cocos_error **err, int status, const char *code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put(err, error_vnew(status, code, fmt, ap));
    va_end(ap);
    return status;
}

int cocos__fail_check(cocos_error **err,
                      int status,
                      const char *code,
                      const char *check,
                      const char *expected,
                      const char *found,
                      const char *fmt,
                      ...)
{
    va_list ap;

    va_start(ap, fmt);
    cocos_error *e = error_vnew(status, code, fmt, ap);
    va_end(ap);
    if (e != &memory_error) {
        e->check = dup_or_null(check);
        e->expected = dup_or_null(expected);
        e->found = dup_or_null(found);
    }
    put(err, e);
    return status;
}

static int status_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
        return COCOS_ERR_EXHAUSTED;
    case ENOENT:
        return COCOS_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return COCOS_ERR_DENIED;
    case ENOMEM:
        return COCOS_ERR_MEMORY;
    case ETIMEDOUT:
        return COCOS_ERR_TIMEOUT;
    default:
        return COCOS_ERR_IO;
    }
}

int cocos__fail_errno(cocos_error **err, int errnum, const char *code, const char *fmt, ...)
{
    int status = status_of_errno(errnum);
    char text[MESSAGE_MAX];
    char reason[128];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    return cocos__fail(err, status, code, "%s: %s", text,
                       strerror_r(errnum, reason, sizeof reason));
}

int cocos__fail_cause(
    cocos_error **err, int status, const char *code, cocos_error *cause_take, const char *fmt, ...)
{
    va_list ap;

    if (status >= 0)
        status = cause_take ? cause_take->status : COCOS_ERR_INTERNAL;
    va_start(ap, fmt);
    cocos_error *e = error_vnew(status, code, fmt, ap);
    va_end(ap);
    if (e == &memory_error)
        cocos_error_free(cause_take);
    else
        e->cause = cause_take;
    put(err, e);
    return status;
}

int cocos__fail_memory(cocos_error **err)
{
    put(err, &memory_error);
    return COCOS_ERR_MEMORY;
}

void cocos__error_set_cause(cocos_error *e, cocos_error *cause_take)
{
    if (e == &memory_error)
        cocos_error_free(cause_take);
    else
        e->cause = cause_take;
}

void cocos__error_attach(cocos_error *e, void *detail_take, cocos__error_detail_free_fn free_detail)
{
    if (!e || e == &memory_error || e->detail) {
        free_detail(detail_take);
        return;
    }
    e->detail = detail_take;
    e->free_detail = free_detail;
}

const void *cocos__error_attached(const cocos_error *e, cocos__error_detail_free_fn free_detail)
{
    while (e && e->free_detail != free_detail)
        e = e->cause;
    return e ? e->detail : NULL;
}

int cocos__fail_remote(cocos_error **err, int status, const char *code, const char *message)
{
    put(err, error_new(status, is_code(code) ? code : "remote.error", message ? message : ""));
    return status < 0 ? status : COCOS_ERR_INTERNAL;
}

int cocos_error_status(const cocos_error *err)
{
    return err ? err->status : COCOS_OK;
}

const char *cocos_error_code(const cocos_error *err)
{
    return err ? err->code : "ok";
}

const char *cocos_error_message(const cocos_error *err)
{
    return err ? err->message : "no error";
}

const char *cocos_error_check(const cocos_error *err)
{
    return err ? err->check : NULL;
}

const char *cocos_error_expected(const cocos_error *err)
{
    return err ? err->expected : NULL;
}

const char *cocos_error_found(const cocos_error *err)
{
    return err ? err->found : NULL;
}

const cocos_error *cocos_error_cause(const cocos_error *err)
{
    return err ? err->cause : NULL;
}

void cocos_error_free(cocos_error *err)
{
    while (err && err != &memory_error) {
        cocos_error *cause = err->cause;
        free(err->code);
        free(err->message);
        free(err->check);
        free(err->expected);
        free(err->found);
        if (err->detail)
            err->free_detail(err->detail);
        free(err);
        err = cause;
    }
}
