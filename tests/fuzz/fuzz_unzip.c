/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks anything. What must hold for any input: no crash, and after a refusal the target
 * directory is as empty as it was; after a success it holds only files and directories.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "compute/archive.h"
#include "compute/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(const char *path, int dir, int status)
{
    COCOS__CLEANUP(cocos__tree_done) cocos__tree tree = {0};

    if (status < 0) {
        if (rmdir(path) < 0)
            abort(); /* something was left behind */
        return;
    }
    if (cocos__tree_list(dir, 0, &tree, NULL) < 0)
        abort();
    if (cocos__remove_tree(path, 0, NULL) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const cocos__unzip_limits limits = {4 << 20, 2 << 20, 64, 0};
    char path[] = "/tmp/cocos-fuzz-XXXXXX";
    COCOS__CLEANUP(cocos__closep) int fd = memfd_create("zip", MFD_CLOEXEC);

    if (fd < 0 || !mkdtemp(path) || cocos__write_full(fd, data, size, "input", NULL) < 0)
        abort();
    COCOS__CLEANUP(cocos__closep) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_target(path, dir, cocos__unzip(fd, dir, &limits, NULL));
    return 0;
}
