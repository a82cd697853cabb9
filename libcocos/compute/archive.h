/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_ARCHIVE_H
#define COCOS_COMPUTE_ARCHIVE_H

/*
 * Archives: the deterministic zip of protocol.md 4.7 (written by us, byte for byte, UTC), made as a
 * stream in constant memory, and contained unpacking through libzip.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef int (*cocos__sink)(void *user, const void *data, size_t len, cocos_error **err);

/*
 * Zip all files below the directory `dir_fd` into the sink. `prefix`/`extra`: see cocos__zip_extra.
 * Symlinks to files are followed only with follow_links != 0 and never out of the tree; other kinds of
 * file are refused "archive.kind". More than 65,535 entries or 4 GiB (no zip64 in the format): "archive.size".
 */
typedef struct cocos__zip_extra { /* a file that is put in beside those of the directory */
    const char *name;
    int fd;
} cocos__zip_extra;

int cocos__zip_write(int dir_fd,
                     const cocos__zip_extra *extra,
                     size_t n_extra,
                     int follow_links,
                     cocos__sink sink,
                     void *user,
                     cocos_error **err);

typedef struct cocos__unzip_limits {
    uint64_t total;     /* bytes unpacked */
    uint64_t file;      /* bytes of one entry */
    size_t entries;
    uint64_t ratio;     /* unpacked : packed, per archive; 0: 200 */
} cocos__unzip_limits;

/*
 * Unpack the zip in fd below the directory dir_fd. Refused, with nothing left behind: names that are
 * absolute, hold "..", NUL, backslash or control characters, are doubled (also by case of directory
 * and file), links, devices, encryption, unknown methods, and what exceeds the limits.
 */
int cocos__unzip(int fd, int dir_fd, const cocos__unzip_limits *limits, cocos_error **err);

#endif
