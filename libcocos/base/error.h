/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_ERROR_H
#define COCOS_BASE_ERROR_H

#include <cocos/error.h>

#include "base/cleanup.h"

#define COCOS__PRINTF(f, a) __attribute__((format(printf, f, a)))

COCOS__DEFINE_FREEP(cocos__error_freep, cocos_error *, cocos_error_free)

/*
 * Make an error and return `status`. `code` must be a string literal that doc/errors.md lists.
 * Out of memory gives a static object with COCOS_ERR_MEMORY. err may be NULL.
 * An error already in *err is freed first.
 */
int cocos__fail(cocos_error **err, int status, const char *code, const char *fmt, ...)
    COCOS__PRINTF(4, 5);

/* The same with the three parts of a refused check; expected and found are copied, may be NULL. */
int cocos__fail_check(cocos_error **err,
                      int status,
                      const char *code,
                      const char *check,
                      const char *expected,
                      const char *found,
                      const char *fmt,
                      ...) COCOS__PRINTF(7, 8);

/*
 * The operating system refused: COCOS_ERR_IO (ENOSPC, EDQUOT, EMFILE, ENFILE: EXHAUSTED; ENOENT:
 * NOT_FOUND; EACCES, EPERM: DENIED; ENOMEM: MEMORY; ETIMEDOUT: TIMEOUT), message + ": " + strerror.
 */
int cocos__fail_errno(cocos_error **err, int errnum, const char *code, const char *fmt, ...)
    COCOS__PRINTF(4, 5);

/* Wrap `cause` (taken, may be NULL): same status as the cause unless status < 0 is given. */
int cocos__fail_cause(
    cocos_error **err, int status, const char *code, cocos_error *cause_take, const char *fmt, ...)
    COCOS__PRINTF(5, 6);

int cocos__fail_memory(cocos_error **err);

/* Make `cause` (taken) the cause of e, which must have none and not be shared yet. */
void cocos__error_set_cause(cocos_error *e, cocos_error *cause_take);

/*
 * An object that says more than the error does, taken; with a second one, or an error for which
 * there was no memory, it is freed. It is found again, also below what wraps the error, by the
 * function that frees it.
 */
typedef void (*cocos__error_detail_free_fn)(void *detail);
void cocos__error_attach(cocos_error *e,
                         void *detail_take,
                         cocos__error_detail_free_fn free_detail);
const void *cocos__error_attached(const cocos_error *e, cocos__error_detail_free_fn free_detail);

/*
 * An error that arrived from a peer: status and code as received (code is copied, and replaced by
 * "remote.error" unless it looks like a code: lower case, digits, dots, dashes, at most 64 bytes).
 * Control characters in the message are replaced, it is cut at 4 KiB.
 */
int cocos__fail_remote(cocos_error **err, int status, const char *code, const char *message);

#endif
