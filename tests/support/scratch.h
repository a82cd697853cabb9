/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_SCRATCH_H
#define COCOS_TESTS_SCRATCH_H

/* A temporary directory per test, and files in it. */

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

typedef struct scratch {
    char path[64];
    int fd;
} scratch;

static inline scratch scratch_new(void)
{
    scratch s = {"/tmp/cocos-test-XXXXXX", -1};

    ck_assert_ptr_nonnull(mkdtemp(s.path));
    s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(s.fd, 0);
    return s;
}

static inline void scratch_free(scratch *s)
{
    close(s->fd);
    ck_assert_int_eq(cocos__remove_tree(s->path, 0, NULL), COCOS_OK);
}

/* Makes the directories on the way too. */
static inline void
scratch_write_bytes(const scratch *s, const char *name, const void *data, size_t n, mode_t mode)
{
    char path[4200];

    for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/')) {
        snprintf(path, sizeof path, "%s/%.*s", s->path, (int)(p - name), name);
        mkdir(path, 0755);
    }
    int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_msg(fd >= 0, "cannot make %s", name);
    ck_assert_int_eq((int)write(fd, data, n), (int)n);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static inline void scratch_write(const scratch *s, const char *name, const char *text, mode_t mode)
{
    scratch_write_bytes(s, name, text, strlen(text), mode);
}

/* At most 64 KiB, NUL-terminated, to be freed; NULL when there is no such file. */
static inline char *scratch_read(const scratch *s, const char *name)
{
    int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
    char *text = calloc(1, 65537);

    if (fd < 0 || !text) {
        free(text);
        return NULL;
    }
    ck_assert_int_ge((int)read(fd, text, 65536), 0);
    close(fd);
    return text;
}

static inline int scratch_count(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    for (struct dirent *e; d && (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return n;
}

#endif
