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

/* A file that is put in beside those of the directory. Read from its start; borrowed. */
typedef struct cocos__zip_extra {
    const char *name;
    int fd;
} cocos__zip_extra;

/*
 * Zip all files below the directory `dir_fd` (-1: none, only the extra files) into the sink. Empty
 * directories vanish. Symbolic links to files are followed only with follow_links != 0 and never out
 * of the tree ("archive.link"); other kinds of file are refused "archive.kind", a file that an extra
 * one would hide "archive.duplicate", names no zip can hold "archive.name". More than 65,535 entries
 * or 4 GiB (no zip64 in the format): "archive.size".
 */
int cocos__zip_write(int dir_fd,
                     const cocos__zip_extra *extra,
                     size_t n_extra,
                     int follow_links,
                     cocos__sink sink,
                     void *user,
                     cocos_error **err);

typedef struct cocos__unzip_limits {
    uint64_t total; /* bytes unpacked */
    uint64_t file;  /* bytes of one entry */
    size_t entries;
    uint64_t ratio; /* unpacked : packed, per archive, from 1 MiB on; 0: 200 */
} cocos__unzip_limits;

/*
 * Unpack the zip in fd below the directory dir_fd, beside what is there. Files become 0644,
 * directories 0755, whatever the archive says. Refused, with nothing of it left behind: names that
 * are absolute, hold "..", NUL, backslash or control characters ("archive.name"), are doubled, also
 * as file and as directory, or there already ("archive.duplicate"), links and devices
 * ("archive.kind"), encryption ("archive.encrypted"), methods but store and deflate
 * ("archive.method"), what exceeds the limits, counted in bytes that really came out
 * ("archive.limit"), and all that is no consistent zip ("archive.malformed").
 */
int cocos__unzip(int fd, int dir_fd, const cocos__unzip_limits *limits, cocos_error **err);

#endif
