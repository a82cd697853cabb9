/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "compute/archive.h"
#include "crypto/digest.h"

#define READ_SIZE (1u << 20)
#define SKIP_SIZE (64u << 10)

void cocos__source_init(cocos__source *s)
{
    memset(s, 0, sizeof *s);
    s->fd = -1;
}

void cocos__source_done(cocos__source *s)
{
    cocos__closep(&s->fd);
    s->fd = -1;
}

typedef struct zip_target {
    int fd;
    uint64_t size;
    cocos__hasher *hasher;
    cocos_cancel *cancel;
} zip_target;

static int zip_sink(void *user, const void *data, size_t len, cocos_error **err)
{
    zip_target *t = user;

    if (cocos_cancel_triggered(t->cancel))
        return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled",
                           "cancelled while the directory was packed");
    int r = cocos__hasher_update(t->hasher, data, len, err);
    if (r < 0)
        return r;
    t->size += len;
    return cocos__write_full(t->fd, data, len, "temporary archive", err);
}

/* No name, so that nothing of the data remains whatever happens to this process. */
static int open_private(int *ret, cocos_error **err)
{
    const char *dir = secure_getenv("TMPDIR");
    int fd;

    if (!dir || *dir != '/')
        dir = "/var/tmp"; /* not /tmp, which is often memory */
    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
        char name[4096];

        snprintf(name, sizeof name, "%s/cocos-XXXXXX", dir);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
    }
    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.create", "no temporary file in %s", dir);
    *ret = fd;
    return COCOS_OK;
}

static int open_directory(cocos__source *s, int dir_fd, cocos_cancel *cancel, cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *hasher = NULL;
    COCOS__CLEANUP(cocos__closep) int fd = -1;
    int r = cocos__hasher_new(COCOS__SHA3_256, &hasher, err);

    if (r == COCOS_OK)
        r = open_private(&fd, err);
    if (r < 0)
        return r;

    zip_target t = {.fd = fd, .hasher = hasher, .cancel = cancel};
    r = cocos__zip_write(dir_fd, NULL, 0, 1, zip_sink, &t, err);
    if (r == COCOS_OK)
        r = cocos__hasher_finish(hasher, s->digest, err);
    if (r < 0)
        return r;

    s->has_digest = 1;
    s->size = t.size;
    s->fd = fd;
    fd = -1;
    return COCOS_OK;
}

int cocos__source_open(cocos__source *s, const char *path, cocos_cancel *cancel, cocos_error **err)
{
    /* Without O_NONBLOCK a FIFO in the place of the file would hold us up before it can be refused.
     */
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return cocos__fail_errno(err, errno, "io.open", "%s", path);
    if (S_ISDIR(st.st_mode)) {
        int r = open_directory(s, fd, cancel, err);
        return r < 0 ? r
                     : (fstat(s->fd, &s->opened) < 0
                            ? cocos__fail_errno(err, errno, "io.open", "temporary archive")
                            : COCOS_OK);
    }
    if (!S_ISREG(st.st_mode))
        return cocos__fail(err, COCOS_ERR_USAGE, "asset.kind",
                           "%s is neither a file nor a directory", path);

    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    s->fd = fd;
    fd = -1;
    s->size = (uint64_t)st.st_size;
    s->opened = st;
    return COCOS_OK;
}

int cocos__source_hash(cocos__source *s, cocos_cancel *cancel, cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *hasher = NULL;
    COCOS__CLEANUP(cocos__freep) uint8_t *part = malloc(READ_SIZE);
    int r = part ? cocos__hasher_new(COCOS__SHA3_256, &hasher, err) : cocos__fail_memory(err);

    for (uint64_t at = 0; r == COCOS_OK && at < s->size;) {
        size_t n = s->size - at < READ_SIZE ? (size_t)(s->size - at) : READ_SIZE;

        if (cocos_cancel_triggered(cancel))
            return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled",
                               "cancelled while the file was read");
        r = cocos__pread_full(s->fd, part, n, at, "asset", err);
        if (r == COCOS_OK)
            r = cocos__hasher_update(hasher, part, n, err);
        at += n;
    }
    if (r == COCOS_OK)
        r = cocos__hasher_finish(hasher, s->digest, err);
    if (r == COCOS_OK)
        s->has_digest = 1;
    return r;
}

/* Up to len bytes, at least one. */
static int read_some(cocos__asset_reader *r,
                     uint8_t *data,
                     size_t len,
                     uint64_t size,
                     size_t *got,
                     cocos_error **err)
{
    char want[24], have[24];

    *got = 0;
    int status = r->read(r->user, data, len, got);
    if (status != 0)
        return cocos__fail(err, status < 0 ? status : COCOS_ERR_IO, "asset.read",
                           "the asset could not be read at byte %" PRIu64, r->position);
    if (*got > len)
        return cocos__fail(err, COCOS_ERR_USAGE, "asset.read",
                           "the reader says that it gave %zu bytes, there is room for %zu", *got,
                           len);
    r->position += *got;
    if (*got > 0)
        return COCOS_OK;
    snprintf(want, sizeof want, "%" PRIu64, size);
    snprintf(have, sizeof have, "%" PRIu64, r->position);
    return cocos__fail_check(err, COCOS_ERR_MALFORMED, "asset.size", "size", want, have,
                             "the reader ended after %s of %s bytes", have, want);
}

static int
skip_to(cocos__asset_reader *r, uint64_t at, uint64_t size, cocos_cancel *cancel, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) uint8_t *part = malloc(SKIP_SIZE);

    if (!part)
        return cocos__fail_memory(err);
    while (r->position < at) {
        uint64_t left = at - r->position;
        size_t got;

        if (cocos_cancel_triggered(cancel))
            return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled",
                               "cancelled while the asset was read");
        int status =
            read_some(r, part, left < SKIP_SIZE ? (size_t)left : SKIP_SIZE, size, &got, err);
        if (status < 0)
            return status;
    }
    return COCOS_OK;
}

static int
go_to(cocos__asset_reader *r, uint64_t at, uint64_t size, cocos_cancel *cancel, cocos_error **err)
{
    if (r->position == at)
        return COCOS_OK;
    if (r->seek) {
        int status = r->seek(r->user, at);
        if (status != 0)
            return cocos__fail(err, status < 0 ? status : COCOS_ERR_IO, "asset.read",
                               "the reader could not go to byte %" PRIu64, at);
        r->position = at;
        return COCOS_OK;
    }
    if (r->position > at)
        return cocos__fail(err, COCOS_ERR_STATE, "asset.rewind",
                           "the agent has %" PRIu64 " bytes, %" PRIu64
                           " were read, and the reader cannot go back; begin anew with the asset "
                           "from its first byte",
                           at, r->position);
    return skip_to(r, at, size, cancel, err);
}

int cocos__source_read(const cocos__source *s,
                       uint8_t *data,
                       size_t n,
                       uint64_t at,
                       cocos_cancel *cancel,
                       cocos_error **err)
{
    if (!s->reader)
        return cocos__pread_full(s->fd, data, n, at, "asset", err);

    int r = go_to(s->reader, at, s->size, cancel, err);
    while (r == COCOS_OK && n > 0) {
        size_t got = 0;

        r = read_some(s->reader, data, n, s->size, &got, err);
        if (r == COCOS_OK) {
            data += got;
            n -= got;
        }
    }
    return r;
}

int cocos__source_unchanged(const cocos__source *s, cocos_error **err)
{
    struct stat now;

    if (s->reader)
        return COCOS_OK; /* nothing to compare with; the agent compares the digest */
    if (fstat(s->fd, &now) < 0)
        return cocos__fail_errno(err, errno, "io.read", "asset");
    if (now.st_size != s->opened.st_size || now.st_mtim.tv_sec != s->opened.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != s->opened.st_mtim.tv_nsec)
        return cocos__fail(err, COCOS_ERR_STATE, "asset.changed",
                           "the file was changed while it was read; nothing of it counts");
    return COCOS_OK;
}
