/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_PATH_H
#define COCOS_CODEC_PATH_H

/*
 * Where in a document a cursor stands, as a chain of steps that lives on the stack of the code that
 * walks: a step must not outlive the one above it.
 */

#include "base/bytes.h"

typedef struct cocos__path {
    const struct cocos__path *up; /* NULL: the root, whose other members mean nothing */
    const char *name;             /* name of a member, not NUL-terminated; NULL: number counts */
    size_t name_len;
    int64_t number; /* index in an array, or key of a CBOR map */
} cocos__path;

#define COCOS__POINTER_MAX 256

/*
 * The JSON Pointer (RFC 6901), "" for the root. Control characters are shown as "?"; what does not
 * fit in size is cut at the end.
 */
void cocos__path_print(const cocos__path *path, char *out, size_t size);

#endif
