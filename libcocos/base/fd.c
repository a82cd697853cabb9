/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

int cocos__write_full(int fd, const void *data, size_t n, const char *what, cocos_error **err)
{
    const uint8_t *p = data;

    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return cocos__fail_errno(err, errno, "io.write", "cannot write %s", what);
        p += w;
        n -= (size_t)w;
    }
    return COCOS_OK;
}

int cocos__pread_full(
    int fd, void *data, size_t n, uint64_t offset, const char *what, cocos_error **err)
{
    uint8_t *p = data;

    while (n > 0) {
        ssize_t r = pread(fd, p, n, (off_t)offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return cocos__fail_errno(err, errno, "io.read", "cannot read %s", what);
        if (r == 0)
            return cocos__fail(err, COCOS_ERR_IO, "io.short", "%s ended early", what);
        p += r;
        n -= (size_t)r;
        offset += (uint64_t)r;
    }
    return COCOS_OK;
}

int cocos__read_fd(int fd, const char *name, size_t limit, cocos__buf *b, cocos_error **err)
{
    size_t start = b->len;

    for (;;) {
        uint8_t *p = cocos__buf_room(b, 4096);
        if (!p)
            return cocos__fail(err,
                               b->limit - b->len < 4096 ? COCOS_ERR_EXHAUSTED : COCOS_ERR_MEMORY,
                               "file.size", "%s is larger than %zu bytes", name, limit);
        ssize_t r;
        do
            r = read(fd, p, 4096);
        while (r < 0 && errno == EINTR);
        b->len -= 4096 - (r > 0 ? (size_t)r : 0);
        if (r < 0)
            return cocos__fail_errno(err, errno, "io.read", "cannot read %s", name);
        if (r == 0)
            return COCOS_OK;
        if (b->len - start > limit)
            return cocos__fail(err, COCOS_ERR_EXHAUSTED, "file.size", "%s is larger than %zu bytes",
                               name, limit);
    }
}

int cocos__read_file(const char *path, size_t limit, cocos__buf *b, cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.open", "cannot open %s", path);
    return cocos__read_fd(fd, path, limit, b, err);
}

int cocos__read_file_secret(const char *path, size_t limit, cocos__secret **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.open", "cannot open %s", path);

    COCOS__CLEANUP(cocos__secret_freep) cocos__secret *s = NULL;
    int r = cocos__secret_new(limit + 1, &s, err);
    if (r < 0)
        return r;

    size_t len = 0;
    while (len <= limit) {
        ssize_t n = read(fd, cocos__secret_data(s) + len, limit + 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cocos__fail_errno(err, errno, "io.read", "cannot read %s", path);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    if (len > limit)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "file.size", "%s is larger than %zu bytes",
                           path, limit);

    cocos__secret_shrink(s, len);
    *ret = COCOS__STEAL(s);
    return COCOS_OK;
}

static void fsync_dir_of(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (!slash)
        snprintf(dir, sizeof dir, ".");
    else
        snprintf(dir, sizeof dir, "%.*s", (int)(slash == path ? 1 : slash - path), path);

    COCOS__CLEANUP(cocos__closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd); /* some file systems (9P, overlays) refuse; the rename is still atomic */
}

int cocos__write_file(const char *path, const void *data, size_t n, mode_t mode, cocos_error **err)
{
    char tmp[PATH_MAX];

    if ((size_t)snprintf(tmp, sizeof tmp, "%s.XXXXXX", path) >= sizeof tmp)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "path is longer than %d bytes",
                           PATH_MAX);

    COCOS__CLEANUP(cocos__closep) int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.create", "cannot create a file beside %s", path);

    int r = cocos__write_full(fd, data, n, path, err);
    if (r == COCOS_OK && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        r = cocos__fail_errno(err, errno, "io.write", "cannot write %s", path);
    if (r == COCOS_OK && rename(tmp, path) < 0)
        r = cocos__fail_errno(err, errno, "io.rename", "cannot rename into %s", path);
    if (r < 0)
        unlink(tmp);
    else
        fsync_dir_of(path);
    return r;
}

int cocos__mkdirs(const char *path, mode_t mode, cocos_error **err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof part)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "path of %zu bytes", len);

    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return cocos__fail_errno(err, errno, "io.mkdir", "cannot make directory %s", part);
    }
    return COCOS_OK;
}

static int zero_out(int fd, const char *path, cocos_error **err)
{
    static uint8_t zeros[4096]; /* never written; not const, so that no file holds them */
    struct stat st;

    if (fstat(fd, &st) < 0)
        return cocos__fail_errno(err, errno, "io.wipe", "cannot look at %s", path);
    for (off_t left = st.st_size; left > 0;) {
        size_t n = left > (off_t)sizeof zeros ? sizeof zeros : (size_t)left;
        int r = cocos__write_full(fd, zeros, n, path, err);
        if (r < 0)
            return r;
        left -= (off_t)n;
    }
    if (fsync(fd) < 0)
        return cocos__fail_errno(err, errno, "io.wipe", "cannot flush %s", path);
    return COCOS_OK;
}

static int wipe_at(int dir, const char *name, const char *path, cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep)
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0600, 0) == 0)
        fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.wipe", "cannot open %s to wipe it", path);
    return zero_out(fd, path, err);
}

int cocos__wipe_file(const char *path, cocos_error **err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT
                   ? COCOS_OK
                   : cocos__fail_errno(err, errno, "io.wipe", "cannot look at %s", path);

    /* A failed overwrite does not keep the name: what can be removed is removed, then reported. */
    int r = S_ISREG(st.st_mode) ? wipe_at(AT_FDCWD, path, path, err) : COCOS_OK;
    if (unlink(path) < 0 && errno != ENOENT)
        return cocos__fail_errno(err, errno, "io.wipe", "cannot remove %s", path);
    if (lstat(path, &st) == 0)
        return cocos__fail(err, COCOS_ERR_IO, "io.wipe", "%s is still there after its removal",
                           path);
    return r;
}

/*
 * Removal is flat: a subdirectory of a subdirectory is first renamed up into the root of the tree,
 * so that neither stack nor descriptors nor path length grow with what a job has made.
 */
struct removal {
    int root;
    int wipe;
    unsigned long moved;
    cocos_error **err;
};

static int open_dir_at(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd;
}

static int remove_file(struct removal *rm, int dir, const char *name, mode_t mode)
{
    int r = COCOS_OK;

    if (rm->wipe && S_ISREG(mode))
        r = wipe_at(dir, name, name, rm->err);
    if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
        r = cocos__fail_errno(rm->err, errno, "io.remove", "cannot remove %s", name);
    return r;
}

static int move_up(struct removal *rm, int dir, const char *name)
{
    char fresh[64];

    do
        snprintf(fresh, sizeof fresh, ".cocos-remove-%lu", rm->moved++);
    while (faccessat(rm->root, fresh, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    if (renameat(dir, name, rm->root, fresh) < 0)
        return cocos__fail_errno(rm->err, errno, "io.remove", "cannot move directory %s", name);
    return COCOS_OK;
}

static int is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Empties one directory; its own subdirectories are moved up, or handled when it is the root. */
static int empty_dir(struct removal *rm, int fd)
{
    int r = COCOS_OK;
    int copy = dup(fd);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);

    if (!d) {
        if (copy >= 0)
            close(copy);
        return cocos__fail_memory(rm->err);
    }
    rewinddir(d);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        int one = COCOS_OK;

        if (is_dots(e->d_name) || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (!S_ISDIR(st.st_mode)) {
            one = remove_file(rm, fd, e->d_name, st.st_mode);
        } else if (fd != rm->root) {
            one = move_up(rm, fd, e->d_name);
        } else {
            COCOS__CLEANUP(cocos__closep) int sub = open_dir_at(fd, e->d_name);
            one = sub < 0 ? cocos__fail_errno(rm->err, errno, "io.remove",
                                              "cannot open directory %s", e->d_name)
                          : empty_dir(rm, sub);
            if (one == COCOS_OK && unlinkat(fd, e->d_name, AT_REMOVEDIR) < 0)
                one = cocos__fail_errno(rm->err, errno, "io.remove", "cannot remove directory %s",
                                        e->d_name);
        }
        if (one < 0)
            r = one;
    }
    closedir(d);
    return r;
}

static int is_empty(int fd)
{
    int copy = dup(fd);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    int empty = 1;

    if (!d) {
        if (copy >= 0)
            close(copy);
        return 1;
    }
    rewinddir(d);
    for (struct dirent *e; empty && (e = readdir(d));)
        empty = is_dots(e->d_name);
    closedir(d);
    return empty;
}

int cocos__remove_tree(const char *path, int wipe, cocos_error **err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT
                   ? COCOS_OK
                   : cocos__fail_errno(err, errno, "io.remove", "cannot look at %s", path);

    struct removal rm = {AT_FDCWD, wipe, 0, err};
    if (!S_ISDIR(st.st_mode))
        return remove_file(&rm, AT_FDCWD, path, st.st_mode);

    COCOS__CLEANUP(cocos__closep) int root = open_dir_at(AT_FDCWD, path);
    if (root < 0)
        return cocos__fail_errno(err, errno, "io.remove", "cannot open directory %s", path);
    rm.root = root;

    /* Each round removes one level or moves one up, so rounds end; an error ends them too. */
    int r = COCOS_OK;
    while (r == COCOS_OK && !is_empty(root))
        r = empty_dir(&rm, root);
    if (rmdir(path) < 0 && errno != ENOENT && r == COCOS_OK)
        r = cocos__fail_errno(err, errno, "io.remove", "cannot remove directory %s", path);
    return r;
}

int cocos__free_space(const char *path, uint64_t *bytes, cocos_error **err)
{
    struct statvfs v;

    if (statvfs(path, &v) < 0)
        return cocos__fail_errno(err, errno, "io.space", "cannot ask for free space below %s",
                                 path);
    *bytes = (uint64_t)v.f_bavail * v.f_frsize;
    return COCOS_OK;
}

void cocos__random(void *out, size_t n)
{
    uint8_t *p = out;

    while (n > 0) {
        ssize_t r = getrandom(p, n, 0);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            abort(); /* no key may ever be made from something else */
        p += r;
        n -= (size_t)r;
    }
}
