/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ERROR_H
#define COCOS_ERROR_H

/*
 * What went wrong, as an object that the failing call returns; there is no last error kept
 * anywhere.
 */

#include <cocos/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What went wrong, returned by the call that failed. Immutable; may be read from many threads.
 * Every `cocos_error **err` parameter may be NULL, is untouched on success, and on failure
 * receives an object that the caller frees with cocos_error_free().
 */
typedef struct cocos_error cocos_error;

/** Kind of the failure: a negative value of enum cocos_status. NULL gives COCOS_OK.   @since 0.1 */
COCOS_API int cocos_error_status(const cocos_error *err);

/** Stable dotted code such as "manifest.hash.length", listed in doc/errors.md. Borrowed, never
 * NULL.
 *  @since 0.1 */
COCOS_API const char *cocos_error_code(const cocos_error *err);

/** One plain sentence for a person; no secrets, no newline. Borrowed, never NULL.   @since 0.1 */
COCOS_API const char *cocos_error_message(const cocos_error *err);

/** Name of the check that failed, or NULL. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_error_check(const cocos_error *err);

/** What the check expected, or NULL. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_error_expected(const cocos_error *err);

/** What the check found, or NULL. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_error_found(const cocos_error *err);

/** The error that led to this one, or NULL. Borrowed.   @since 0.1 */
COCOS_API const cocos_error *cocos_error_cause(const cocos_error *err);

/** Free @p err and its causes; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_error_free(cocos_error *err);

#ifdef __cplusplus
}
#endif
#endif
