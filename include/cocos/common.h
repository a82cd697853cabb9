/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMMON_H
#define COCOS_COMMON_H

/*
 * What every other header needs: export and check attributes, status codes, deadlines,
 * cancellation, the log callback and the library's version.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define COCOS_API        __attribute__((visibility("default")))
#define COCOS_NODISCARD  __attribute__((warn_unused_result))
#define COCOS_DEPRECATED __attribute__((deprecated))
#else
#define COCOS_API
#define COCOS_NODISCARD
#define COCOS_DEPRECATED
#endif

/**
 * Kinds of failure, for programs to switch on. Every fallible call returns one of these.
 * Only COCOS_ERR_REJECTED means that evidence was judged and refused; every other negative value
 * means that no decision was reached, and a caller must then refuse too.
 * The table kind, gRPC status, exit code stands in doc/errors.md.
 */
enum cocos_status {
    COCOS_OK = 0,
    COCOS_ERR_USAGE = -1,           /**< the caller broke the contract of a call */
    COCOS_ERR_MALFORMED = -2,       /**< input does not have the form it must have */
    COCOS_ERR_UNSUPPORTED = -3,     /**< well formed, but not something this version does */
    COCOS_ERR_REJECTED = -4,        /**< judged and refused */
    COCOS_ERR_UNDECIDED = -5,       /**< could not be judged */
    COCOS_ERR_UNAUTHENTICATED = -6, /**< no or bad proof of who asks */
    COCOS_ERR_DENIED = -7,          /**< known, but without this right */
    COCOS_ERR_STATE = -8,           /**< not now */
    COCOS_ERR_NOT_FOUND = -9,       /**< no such thing */
    COCOS_ERR_EXHAUSTED = -10,      /**< a limit, a quota or the disk is full */
    COCOS_ERR_ABORTED = -11,        /**< fenced or stopped by somebody else */
    COCOS_ERR_IO = -12,             /**< the operating system or the network refused */
    COCOS_ERR_TIMEOUT = -13,        /**< the deadline passed */
    COCOS_ERR_BUSY = -14,           /**< taken; try again */
    COCOS_ERR_CANCELLED = -15,      /**< cocos_cancel_trigger() was called */
    COCOS_ERR_MEMORY = -16,         /**< out of memory */
    COCOS_ERR_INTERNAL = -17        /**< a fault of the library */
};

/**
 * Name of a status in lower case, e.g. "malformed". Never NULL; static.
 * @param status  a value of enum cocos_status; others give "unknown".   @since 0.1
 */
COCOS_API const char *cocos_status_name(int status);

/**
 * Exit code of a program for @p status, as fixed in doc/errors.md (0..130).   @since 0.1
 */
COCOS_API int cocos_status_exit_code(int status);

/** Version of the library in use as "major.minor.micro". Static.   @since 0.1 */
COCOS_API const char *cocos_version(void);

/**
 * A deadline @p timeout_ns from now, for the `deadline_ns` parameters of blocking calls.
 * Deadlines are nanoseconds of CLOCK_MONOTONIC; 0 means none.
 * @param timeout_ns  nanoseconds; 0 or less gives a deadline that has passed already.   @since 0.1
 */
COCOS_API int64_t cocos_deadline_in(int64_t timeout_ns);

/** A switch that ends blocking calls from another thread. Usable from several threads at once. */
typedef struct cocos_cancel cocos_cancel;

/**
 * Make a cancel switch.
 * @return the switch, owned by the caller, free with cocos_cancel_free(); NULL when out of memory
 *         or of file descriptors.   @since 0.1
 */
COCOS_API COCOS_NODISCARD cocos_cancel *cocos_cancel_new(void);

/**
 * End every call that was given @p cancel, now and later, with COCOS_ERR_CANCELLED.
 * Thread-safe and idempotent. Not async-signal-safe.   @since 0.1
 */
COCOS_API void cocos_cancel_trigger(cocos_cancel *cancel);

/** 1 once cocos_cancel_trigger() was called, else 0. NULL gives 0. Thread-safe.   @since 0.1 */
COCOS_API int cocos_cancel_triggered(const cocos_cancel *cancel);

/** Free @p cancel; NULL is allowed. No call may still be using it.   @since 0.1 */
COCOS_API void cocos_cancel_free(cocos_cancel *cancel);

/** Levels of log messages. */
enum cocos_log_level {
    COCOS_LOG_ERROR = 1,
    COCOS_LOG_WARN = 2,
    COCOS_LOG_INFO = 3,
    COCOS_LOG_DEBUG = 4
};

/** One name and value beside a log message. Borrowed for the callback. */
typedef struct cocos_log_field {
    const char *name;
    const char *value;
} cocos_log_field;

/**
 * Receives log messages, from any thread, also concurrently; must not call back into the library,
 * and must return: neither an exception nor a long jump may leave it. All pointers live for the
 * call only.
 */
typedef void (*cocos_log_fn)(void *user,
                             int level,
                             const char *module,
                             const char *message,
                             const cocos_log_field *fields,
                             size_t n_fields);

/**
 * Set where log messages go, for the whole process. The library is silent until this is called.
 * Call before any other thread uses the library.
 * @param fn     callback, or NULL for silence.
 * @param level  the most detailed enum cocos_log_level wanted.
 * @param user   handed to @p fn.   @since 0.1
 */
COCOS_API void cocos_log_set(cocos_log_fn fn, int level, void *user);

#ifdef __cplusplus
}
#endif
#endif
