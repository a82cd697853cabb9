/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel modules, in the order that the image lists (eos/kernel.lock). */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY "/usr/lib/eos/modules/"

static void insert_module(const char *name, int optional)
{
    char path[256];

    snprintf(path, sizeof path, DIRECTORY "%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        init_fail("cannot open the module %s: %s", name, strerror(errno));

    /* An optional one is a driver whose device this platform does not have (ENODEV and others). */
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST && !optional)
        init_fail("cannot insert the module %s: %s", name, strerror(errno));
    close(fd);
}

void init_insert_modules(void)
{
    char line[128];

    FILE *order = fopen(DIRECTORY "order", "re");
    if (!order)
        init_fail("cannot open the list of modules: %s", strerror(errno));
    while (fgets(line, sizeof line, order)) {
        line[strcspn(line, "\n")] = '\0';
        int optional = line[0] == '-';
        insert_module(line + optional, optional);
    }
    fclose(order);
}
