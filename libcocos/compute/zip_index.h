/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_ZIP_INDEX_H
#define COCOS_COMPUTE_ZIP_INDEX_H

/*
 * What a foreign zip says it holds, read by us from its central directory before libzip sees it: so
 * that libzip's memory is bounded, and so that a name with a NUL inside does not pass as another.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct cocos__zip_name {
    char *path;     /* without the '/' at the end that marks a directory */
    uint64_t index; /* place in the central directory */
    int is_dir;
} cocos__zip_name;

typedef struct cocos__zip_index {
    cocos__zip_name *names; /* sorted: a directory comes right before what is in it */
    size_t n;
    uint64_t size; /* bytes of the archive */
} cocos__zip_index;

/* Reads and judges every entry's name, kind, method; refusals as in archive.h. */
int cocos__zip_index_read(int fd, size_t max_entries, cocos__zip_index *index, cocos_error **err);
void cocos__zip_index_done(cocos__zip_index *index);

#endif
