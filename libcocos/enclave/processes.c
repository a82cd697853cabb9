/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and ending QEMU and swtpm processes that libvirt does not know (any more). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "enclave/local.h"

#define ARGS_MAX (256u << 10)
#define END_MS   5000

/* Command line of a process, its NULs kept, with one more NUL behind. 0: none, or not ours to see.
 */
static size_t read_args(int pid, char *out, size_t size)
{
    char path[64];
    size_t n = 0;

    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    for (ssize_t r; n < size - 1 && (r = read(fd, out + n, size - 1 - n)) > 0;)
        n += (size_t)r;
    out[n] = '\0';
    return n;
}

static int is_machine_part(const char *program)
{
    const char *base = strrchr(program, '/');

    base = base ? base + 1 : program;
    return strncmp(base, "qemu-", 5) == 0 || strncmp(base, "swtpm", 5) == 0;
}

static int matches(int pid, const char *needle, char *args, size_t *len)
{
    *len = read_args(pid, args, ARGS_MAX);
    return *len > 0 && is_machine_part(args) && memmem(args, *len, needle, strlen(needle));
}

void cocos__processes(const char *needle, cocos__process_fn fn, void *user)
{
    COCOS__CLEANUP(cocos__freep) char *args = malloc(ARGS_MAX);
    DIR *d = args ? opendir("/proc") : NULL;
    size_t len;
    int go_on = 1;

    if (!d)
        return;
    for (struct dirent *e; go_on && (e = readdir(d));) {
        int pid = atoi(e->d_name);
        if (pid > 0 && matches(pid, needle, args, &len))
            go_on = fn(user, pid, args, len) == 0;
    }
    closedir(d);
}

int cocos__process_kill(int pid, const char *needle)
{
    COCOS__CLEANUP(cocos__freep) char *args = malloc(ARGS_MAX);
    size_t len;

    /* The handle first, then the look: a number that was reused in between is not hit. */
    COCOS__CLEANUP(cocos__closep) int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    if (handle < 0)
        return errno == ESRCH;
    if (!args || !matches(pid, needle, args, &len))
        return 1;
    if (syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0) < 0)
        return errno == ESRCH;
    struct pollfd p = {.fd = handle, .events = POLLIN};
    return poll(&p, 1, END_MS) == 1;
}
