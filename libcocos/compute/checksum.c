/* SPDX-License-Identifier: Apache-2.0 */
#include <cocos/computation.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/fd.h"
#include "compute/archive.h"
#include "crypto/digest.h"

#define BLOCK (256u * 1024)

struct counting {
    cocos__hasher *hasher;
    const cocos_cancel *cancel;
    uint64_t size;
};

static int count_and_hash(void *user, const void *data, size_t len, cocos_error **err)
{
    struct counting *c = user;

    if (cocos_cancel_triggered(c->cancel))
        return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled", "cancelled while hashing");
    c->size += len;
    return cocos__hasher_update(c->hasher, data, len, err);
}

static int hash_file(int fd, const char *path, struct counting *c, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) uint8_t *block = malloc(BLOCK);
    if (!block)
        return cocos__fail_memory(err);

    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (;;) {
        ssize_t n = read(fd, block, BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cocos__fail_errno(err, errno, "io.read", "cannot read %s", path);
        if (n == 0)
            return COCOS_OK;
        int r = count_and_hash(c, block, (size_t)n, err);
        if (r < 0)
            return r;
    }
}

int cocos_checksum(const char *path,
                   uint8_t digest[COCOS_DIGEST_SIZE],
                   uint64_t *size,
                   cocos_cancel *cancel,
                   cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *hasher = NULL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return cocos__fail_errno(err, errno, "io.open", "cannot open %s", path);

    int r = cocos__hasher_new(COCOS__SHA3_256, &hasher, err);
    if (r < 0)
        return r;

    struct counting c = {hasher, cancel, 0};
    r = S_ISDIR(st.st_mode) ? cocos__zip_write(fd, NULL, 0, 1, count_and_hash, &c, err)
                            : hash_file(fd, path, &c, err);
    if (r == COCOS_OK)
        r = cocos__hasher_finish(hasher, digest, err);
    if (r == COCOS_OK && size)
        *size = c.size;
    return r;
}
