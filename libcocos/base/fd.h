/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_FD_H
#define COCOS_BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

static inline void cocos__closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* All of n bytes or an error; EINTR is retried. read_full: fewer bytes give MALFORMED `code`. */
int cocos__write_full(int fd, const void *data, size_t n, const char *what, cocos_error **err);
int cocos__pread_full(
    int fd, void *data, size_t n, uint64_t offset, const char *what, cocos_error **err);

/* Whole regular file (or pipe), at most `limit` bytes ("file.size" when longer), appended to b. */
int cocos__read_file(const char *path, size_t limit, cocos__buf *b, cocos_error **err);
int cocos__read_fd(int fd, const char *name, size_t limit, cocos__buf *b, cocos_error **err);
int cocos__read_file_secret(const char *path, size_t limit, cocos__secret **ret, cocos_error **err);

/* Write a new file beside `path`, fsync, rename over it, fsync the directory. */
int cocos__write_file(const char *path, const void *data, size_t n, mode_t mode, cocos_error **err);

/* mkdir -p with mode for what is made. */
int cocos__mkdirs(const char *path, mode_t mode, cocos_error **err);

/* Overwrite a regular file's bytes with zeros, fsync, unlink, and check that it is gone. ENOENT is
 * OK. */
int cocos__wipe_file(const char *path, cocos_error **err);

/* Remove a tree without following links; `wipe` != 0 overwrites regular files first. ENOENT is OK.
 */
int cocos__remove_tree(const char *path, int wipe, cocos_error **err);

/* Free bytes that an unprivileged writer can have below path. */
int cocos__free_space(const char *path, uint64_t *bytes, cocos_error **err);

/* Random bytes from the kernel; aborts when the kernel cannot give any. */
void cocos__random(void *out, size_t n);

#endif
