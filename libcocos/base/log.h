/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_LOG_H
#define COCOS_BASE_LOG_H

#include "base/error.h"

/* One message to the callback of cocos_log_set(); nothing happens when there is none. */
void cocos__log(int level, const char *module, const char *fmt, ...) COCOS__PRINTF(3, 4);

/* The same with fields: pairs of name and value, ended by NULL. Values may be NULL. */
void cocos__log_fields(int level, const char *module, const char *message, ...)
    __attribute__((sentinel));

/* Logs an error with its code and causes. */
void cocos__log_error(int level, const char *module, const char *what, const cocos_error *err);

#endif
