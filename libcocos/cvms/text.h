/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CVMS_TEXT_H
#define COCOS_CVMS_TEXT_H

#include <stddef.h>

#define COCOS__CVMS_TEXT_MAX 65536 /* run_res.error may be that long (cocos-v1 section 2) */

/*
 * What an agent said, fit for a terminal: at most max bytes, control characters but newline
 * replaced by spaces, and bytes that are not UTF-8 by '?'. malloc'ed; NULL when out of memory.
 */
char *cocos__cvms_text(const char *s, size_t max);

#endif
