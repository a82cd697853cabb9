/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_SHOWN_H
#define COCOS_TESTS_SHOWN_H

/* What a person is shown of evidence. */

#include <cocos/key.h>

#include <check.h>
#include <string.h>

/* A list of texts and how many there are, for holds(). */
#define TEXTS(...)                                                                                 \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* Each of the parts is in the text. Frees it. */
static inline void holds(char *text, const char *const *parts, size_t n)
{
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "%s is not in\n%.3000s", parts[i], text);
    cocos_free_text(text);
}

#endif
