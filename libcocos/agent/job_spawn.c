/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/job_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"

/* The thread sanitizer takes every clone() for a fork, and refuses threads after one. */
#ifdef __SANITIZE_THREAD__
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

#define STACK  65536
#define CGROUP "/sys/fs/cgroup"

struct child {
    const cocos__job_spawn *s;
    int stdio[3]; /* duplicates above 2 */
    int move_root;
    int replace_cgroup;
    const char *step; /* what failed, written by the child into our memory */
    int error;
};

/*
 * crun leaves the old root by pivot_root(2), which the first file system of a guest (an initramfs)
 * and a bare chroot do not allow. A copy of the tree that is a mount of its own does.
 */
static int needs_other_root(void)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    int found = 0;

    cocos__buf_init(&b, 1 << 20);
    if (cocos__read_file("/proc/self/mountinfo", 1 << 20, &b, NULL) < 0)
        return 0;
    char *rest = cocos__buf_cstr(&b);
    /* proc(5): id, parent, device, root, mount point; after " - " the type */
    for (char *line; (line = strsep(&rest, "\n"));) {
        char point[4];
        const char *type = strstr(line, " - ");
        if (sscanf(line, "%*s %*s %*s %*s %3s", point) != 1 || strcmp(point, "/") != 0 || !type)
            continue;
        found = strncmp(type, " - rootfs ", 10) != 0;
    }
    return !found;
}

/* crun gives up where version 1 controllers are mounted, even when it is to leave them alone. */
static int has_other_cgroups(void)
{
    struct statfs fs;
    return statfs(CGROUP, &fs) == 0 && fs.f_type != CGROUP2_SUPER_MAGIC;
}

static int change_root(const char *world)
{
    if (mount("/", world, NULL, MS_BIND | MS_REC, NULL) < 0)
        return -1;
    return chroot(world) < 0 || chdir("/") < 0 ? -1 : 0;
}

static int hide_cgroups(void)
{
    while (umount2(CGROUP, MNT_DETACH) == 0)
        ;
    return mount("none", CGROUP, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int set_up_mounts(struct child *c)
{
    c->step = "make mounts private";
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && !c->move_root)
        return -1;
    c->step = "change the root";
    if (c->move_root &&
        (change_root(c->s->world) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
        return -1;
    c->step = "mount /proc";
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return -1;
    c->step = "mount " CGROUP;
    if (c->replace_cgroup && hide_cgroups() < 0)
        return -1;
    c->step = "mount the scratch space";
    return move_mount(c->s->scratch, "", AT_FDCWD, c->s->scratch_path, MOVE_MOUNT_F_EMPTY_PATH);
}

/* The thread that calls has all signals blocked, and the program may ignore some. */
static void reset_signals(void)
{
    struct sigaction sa = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, &sa, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_up_process(struct child *c)
{
    c->step = "enter the control group";
    if (c->s->cgroup_procs >= 0 && write(c->s->cgroup_procs, "0", 1) != 1)
        return -1;
    c->step = "set the standard streams";
    for (int i = 0; i < 3; i++)
        if (dup2(c->stdio[i], i) < 0)
            return -1;
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return -1;
    umask(022);
    reset_signals();
    return 0;
}

/* In the child, in the caller's memory: nothing here may allocate, lock or return. */
static int child_main(void *arg)
{
    struct child *c = arg;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setsid();
    if (set_up_mounts(c) == 0 && set_up_process(c) == 0) {
        c->step = "execute the runtime";
        execve(c->s->argv[0], (char *const *)(uintptr_t)c->s->argv,
               (char *const *)(uintptr_t)c->s->env);
    }
    c->error = errno;
    _exit(127);
}

static int run_child(struct child *c, int *pid, int *pidfd, cocos_error **err)
{
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED)
        return cocos__fail_memory(err);

    int fd = -1;
    int p =
        clone(child_main, (char *)stack + STACK,
              CLONE_VM | CLONE_VFORK | CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD | SIGCHLD, c, &fd);
    int e = errno;
    munmap(stack, STACK); /* CLONE_VFORK: the child has left it */
    if (p < 0)
        return cocos__fail_errno(err, e, "job.sandbox", "cannot make the namespaces of the job");
    if (c->error != 0) {
        close(fd);
        (void)waitpid(p, NULL, 0);
        return cocos__fail_errno(err, c->error, "job.sandbox", "cannot %s for the job", c->step);
    }
    *pid = p;
    *pidfd = fd;
    return COCOS_OK;
}

int cocos__job_spawn_run(const cocos__job_spawn *s, int *pid, int *pidfd, cocos_error **err)
{
    struct child c = {.s = s, .stdio = {-1, -1, -1}};
    int r = COCOS_OK;

    c.move_root = needs_other_root();
    c.replace_cgroup = has_other_cgroups();
    for (int i = 0; r == COCOS_OK && i < 3; i++) {
        c.stdio[i] = fcntl(s->stdio[i], F_DUPFD_CLOEXEC, 3);
        if (c.stdio[i] < 0)
            r = cocos__fail_errno(err, errno, "job.sandbox", "cannot duplicate a descriptor");
    }
    if (r == COCOS_OK)
        r = run_child(&c, pid, pidfd, err);
    for (int i = 0; i < 3; i++)
        cocos__closep(&c.stdio[i]);
    return r;
}
