/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_SOURCE_H
#define COCOS_COMPUTE_SOURCE_H

/* The bytes of an asset on the owner's machine: a file, or a directory as its deterministic zip. */

#include <sys/stat.h>

#include <cocos/manifest.h>

#include "base/cancel.h"
#include "base/error.h"

typedef struct cocos__source {
    int fd;
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
/* "asset.changed" when the file is not the one that was opened any more. */
int cocos__source_unchanged(const cocos__source *s, cocos_error **err);
void cocos__source_done(cocos__source *s); /* cleanup function */

#endif
