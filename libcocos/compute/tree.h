/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_TREE_H
#define COCOS_COMPUTE_TREE_H

/* Opening below a directory that a hostile program may have filled, and listing what is there. */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

/* The longest name of an entry; what openat2(2) takes in one call. */
#define COCOS__TREE_PATH_MAX 4095

/*
 * openat(2) that never leaves `dir`, crosses no magic link, and follows symbolic links only with
 * follow != 0. Adds O_CLOEXEC, O_NONBLOCK and O_NOCTTY. -1 with errno.
 */
int cocos__tree_open(int dir, const char *path, int flags, mode_t mode, int follow);

typedef struct cocos__tree_file {
    char *path; /* relative, with '/' */
    int fd;     /* of an added file, -1 for one of the tree */
} cocos__tree_file;

typedef struct cocos__tree {
    cocos__tree_file *files;
    size_t n_files;
    size_t cap;
    size_t name_bytes;
} cocos__tree;

/* Lists all that is not a directory below dir, at any depth, without recursion; sorts nothing. */
int cocos__tree_list(int dir, int follow, cocos__tree *tree, cocos_error **err);
int cocos__tree_add(cocos__tree *tree, const char *path, int fd, cocos_error **err);
void cocos__tree_done(cocos__tree *tree);

#endif
