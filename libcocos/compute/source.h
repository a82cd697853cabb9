/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_SOURCE_H
#define COCOS_COMPUTE_SOURCE_H

/* The bytes of an asset on the owner's machine: a file, a directory as its deterministic zip, or
 * what a callback of the caller gives. */

#include <sys/stat.h>

#include <cocos/computation.h>

#include "base/cancel.h"
#include "base/error.h"

/* A caller's callbacks, and how far they were read. */
typedef struct cocos__asset_reader {
    cocos_read_fn read;
    cocos_seek_fn seek; /* NULL: only forward */
    void *user;
    uint64_t size;     /* COCOS_SIZE_UNKNOWN: the manifest's */
    uint64_t position; /* of the next byte that read gives */
} cocos__asset_reader;

typedef struct cocos__source {
    int fd;
    cocos__asset_reader *reader; /* borrowed; NULL: fd */
    uint64_t size;
    uint8_t digest[COCOS_DIGEST_SIZE];
    int has_digest;
    struct stat opened; /* a file is compared with this: it must not change while it is sent */
} cocos__source;

void cocos__source_init(cocos__source *s);
/* A directory is zipped into a file without a name, and then has its digest. "asset.kind": neither
 * file nor directory. */
int cocos__source_open(cocos__source *s, const char *path, cocos_cancel *cancel, cocos_error **err);
/* Read everything once for the digest. */
int cocos__source_hash(cocos__source *s, cocos_cancel *cancel, cocos_error **err);
/* Exactly these bytes. Of a reader: "asset.rewind", "asset.read", "asset.size". */
int cocos__source_read(const cocos__source *s,
                       uint8_t *data,
                       size_t n,
                       uint64_t at,
                       cocos_cancel *cancel,
                       cocos_error **err);
/* "asset.changed" when the file is not the one that was opened any more. */
int cocos__source_unchanged(const cocos__source *s, cocos_error **err);
void cocos__source_done(cocos__source *s); /* cleanup function */

#endif
