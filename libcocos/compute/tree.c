/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * The list must be held to be sorted, so it is what the memory of a zip is bounded by. A zip
 * without zip64 has 16 bits for its number of entries (APPNOTE 4.4.22).
 */
#define FILES_MAX      65535
#define DIRS_MAX       65535
#define NAME_BYTES_MAX (16u << 20)

int cocos__tree_open(int dir, const char *path, int flags, mode_t mode, int follow)
{
    int quiet = flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY; /* which O_PATH does not allow */
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | quiet),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (follow ? 0 : RESOLVE_NO_SYMLINKS),
    };
    long fd;

    /* EAGAIN: something was renamed meanwhile and the kernel cannot tell whether we left the tree
     */
    do
        fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return (int)fd;
}

void cocos__tree_done(cocos__tree *tree)
{
    for (size_t i = 0; i < tree->n_files; i++)
        free(tree->files[i].path);
    free(tree->files);
    *tree = (cocos__tree){0};
}

int cocos__tree_add(cocos__tree *tree, const char *path, int fd, cocos_error **err)
{
    tree->name_bytes += strlen(path);
    if (tree->n_files == FILES_MAX || tree->name_bytes > NAME_BYTES_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "archive.size",
                           "more than %d files, or more than %u bytes of names", FILES_MAX,
                           NAME_BYTES_MAX);

    if (tree->n_files == tree->cap) {
        size_t cap = tree->cap ? tree->cap * 2 : 32;
        cocos__tree_file *files = realloc(tree->files, cap * sizeof *files);
        if (!files)
            return cocos__fail_memory(err);
        tree->files = files;
        tree->cap = cap;
    }
    char *copy = strdup(path);
    if (!copy)
        return cocos__fail_memory(err);
    tree->files[tree->n_files++] = (cocos__tree_file){copy, fd};
    return COCOS_OK;
}

/* "a" below "b/c" is "b/c/a"; the root is "". */
static int
join(char out[COCOS__TREE_PATH_MAX + 1], const char *dir, const char *name, cocos_error **err)
{
    int n = snprintf(out, COCOS__TREE_PATH_MAX + 1, "%s%s%s", dir, *dir ? "/" : "", name);

    if (n > COCOS__TREE_PATH_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "archive.name",
                           "a path in the directory is longer than %d bytes", COCOS__TREE_PATH_MAX);
    return COCOS_OK;
}

/* What a name stands for: a directory to be listed too (1), a file (0), or a refusal. */
static int
classify(int root, int at, const char *name, const char *path, int follow, cocos_error **err)
{
    struct stat st;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return cocos__fail_errno(err, errno, "archive.read", "cannot look at %s", path);
    if (S_ISDIR(st.st_mode))
        return 1;
    if (S_ISLNK(st.st_mode)) {
        COCOS__CLEANUP(cocos__closep)
        int fd = follow ? cocos__tree_open(root, path, O_PATH, 0, 1) : -1;
        if (fd < 0)
            return cocos__fail(err, COCOS_ERR_DENIED, "archive.link", "%s is a symbolic link%s",
                               path, follow ? " that leads nowhere or out of the directory" : "");
        if (fstat(fd, &st) < 0)
            return cocos__fail_errno(err, errno, "archive.read", "cannot look at %s", path);
    }
    if (!S_ISREG(st.st_mode))
        return cocos__fail(err, COCOS_ERR_DENIED, "archive.kind",
                           "%s is neither a file nor a directory", path);
    return 0;
}

static int list_one(int root,
                    DIR *d,
                    const char *dir,
                    int follow,
                    cocos__tree *files,
                    cocos__tree *dirs,
                    cocos_error **err)
{
    char path[COCOS__TREE_PATH_MAX + 1];

    for (struct dirent *e; (errno = 0, e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int r = join(path, dir, e->d_name, err);
        if (r < 0)
            return r;
        r = classify(root, dirfd(d), e->d_name, path, follow, err);
        if (r < 0)
            return r;
        r = cocos__tree_add(r == 1 ? dirs : files, path, -1, err);
        if (r < 0)
            return r;
    }
    if (errno != 0)
        return cocos__fail_errno(err, errno, "archive.read", "cannot list %s", *dir ? dir : ".");
    return COCOS_OK;
}

static void closedirp(DIR **d)
{
    if (*d)
        closedir(*d);
}

int cocos__tree_list(int dir, int follow, cocos__tree *tree, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tree_done) cocos__tree dirs = {0};

    int r = cocos__tree_add(&dirs, "", -1, err);
    for (size_t i = 0; r == COCOS_OK && i < dirs.n_files; i++) {
        const char *path = dirs.files[i].path;
        int fd = cocos__tree_open(dir, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0, 0);
        COCOS__CLEANUP(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d) {
            r = cocos__fail_errno(err, errno, "archive.read", "cannot list %s", *path ? path : ".");
            if (fd >= 0)
                close(fd);
            return r;
        }
        r = list_one(dir, d, path, follow, tree, &dirs, err);
    }
    return r;
}
