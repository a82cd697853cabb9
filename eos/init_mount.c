/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of the guest: root, kernel file systems, the two shares of the host, cgroups. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAFE      (MS_NOSUID | MS_NODEV)
#define SAFE_DATA (MS_NOSUID | MS_NODEV | MS_NOEXEC)

typedef struct mount_entry {
    const char *type;
    const char *target;
    unsigned long flags;
    const char *options;
    int optional; /* absent from some kernels; what needs it says so itself */
} mount_entry;

/* Sizes in percent of memory: together they cannot take all of it. */
static const mount_entry kernel_mounts[] = {
    {"proc", "/proc", SAFE_DATA, NULL, 0},
    {"sysfs", "/sys", SAFE_DATA, NULL, 0},
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755", 0},
    {"tmpfs", "/run", SAFE_DATA, "mode=0755,size=5%", 0},
    {"tmpfs", "/tmp", SAFE_DATA, "mode=1777,size=5%", 0},
    /* Assets, jobs and results. Jobs execute from here. */
    {"tmpfs", "/var/lib/cocos", SAFE, "mode=0700,size=75%", 0},
};

static const mount_entry late_mounts[] = {
    {"cgroup2", "/sys/fs/cgroup", SAFE_DATA, "nsdelegate", 0},
    {"securityfs", "/sys/kernel/security", SAFE_DATA, NULL, 1},
    {"configfs", "/sys/kernel/config", SAFE_DATA, NULL, 1},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666", 0},
    {"tmpfs", "/dev/shm", SAFE_DATA, "mode=1777,size=5%", 0},
};

/*
 * 9P of QEMU (protocol.md 6.1). The host can change the files at any time: no cache. access=any:
 * the host's owner numbers mean nothing here.
 */
#define SHARE_OPTIONS "trans=virtio,version=9p2000.L,msize=131072,cache=none,access=any"

/* What a guest can use of its limits on a job. */
#define CONTROLLERS "+cpu +memory +pids"

/*
 * The initramfs is the root of all mounts, which pivot_root refuses to leave; an OCI runtime needs
 * pivot_root. A bind mount of it, moved over it, is an ordinary mount with the same content and
 * costs no copy. It is made read-only: what changes lives in the tmpfs mounts below.
 */
void init_mount_root(void)
{
    if (mount("/", "/sysroot", NULL, MS_BIND, NULL) < 0 || chdir("/sysroot") < 0 ||
        mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        init_fail("cannot turn the initramfs into a root: %s", strerror(errno));
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL) < 0)
        init_fail("cannot make the root read-only: %s", strerror(errno));
}

static void mount_all(const mount_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const mount_entry *m = &entries[i];
        if (mount(m->type, m->target, m->type, m->flags, m->options) < 0 && !m->optional)
            init_fail("cannot mount %s on %s: %s", m->type, m->target, strerror(errno));
    }
}

void init_mount_kernel(void)
{
    mount_all(kernel_mounts, sizeof kernel_mounts / sizeof kernel_mounts[0]);
}

static void make_directory(const char *path)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        init_fail("cannot make %s: %s", path, strerror(errno));
}

void init_mount_late(void)
{
    make_directory("/dev/pts");
    make_directory("/dev/shm");
    mount_all(late_mounts, sizeof late_mounts / sizeof late_mounts[0]);
}

/* The mount says read-only; believe it only when a write is refused. */
static void expect_read_only(const char *tag, const char *target)
{
    char probe[64];

    snprintf(probe, sizeof probe, "%s/.writable", target);
    int fd = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        init_fail("the share %s is writable", tag);
    if (errno != EROFS)
        init_fail("the share %s answers a write with: %s", tag, strerror(errno));
}

static void mount_share(const char *tag, const char *target)
{
    if (mount(tag, target, "9p", SAFE_DATA | MS_RDONLY, SHARE_OPTIONS) < 0)
        init_fail("cannot mount the share %s: %s", tag, strerror(errno));
    expect_read_only(tag, target);
}

void init_mount_shares(const eos_options *o)
{
    if (o->env)
        mount_share("env_share", "/etc/cocos");
    if (o->certs)
        mount_share("certs_share", "/etc/certs");
}

void init_enable_controllers(void)
{
    const char *path = "/sys/fs/cgroup/cgroup.subtree_control";
    const ssize_t len = (ssize_t)strlen(CONTROLLERS);

    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, CONTROLLERS, (size_t)len) != len)
        init_fail("cannot enable the controllers %s: %s", CONTROLLERS, strerror(errno));
    close(fd);
}
