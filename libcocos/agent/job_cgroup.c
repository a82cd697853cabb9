/* SPDX-License-Identifier: Apache-2.0 */
/* Files and their values: kernel documentation, admin-guide/cgroup-v2. */
#include "agent/job_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fd.h"

#define ROOT      "/sys/fs/cgroup"
#define PERIOD_US 100000
/*
 * The runtime is in the group too: its main process, one more while it starts, and a copy of its
 * program in memory (3 MB seen).
 */
#define RUNTIME_PROCESSES 2
#define RUNTIME_MEMORY    (8u << 20)

static int write_value(int dir, const char *file, const char *value)
{
    COCOS__CLEANUP(cocos__closep) int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    return write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -1;
}

static int read_text(int dir, const char *file, char *text, size_t room)
{
    COCOS__CLEANUP(cocos__closep) int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

    text[n < 0 ? 0 : n] = '\0';
    return n < 0 ? -1 : 0;
}

static int has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; (p = strstr(p, word)); p += len)
        if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\n' || p[len] == '\0'))
            return 1;
    return 0;
}

static int unsupported(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "job.limits",
                       "this system cannot enforce the limits of a job: %s", why);
}

int cocos__job_cgroup_supported(cocos_error **err)
{
    static const char *const needed[] = {"cpu", "memory", "pids"};
    char text[512];
    struct statfs fs;

    if (statfs(ROOT, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
        return unsupported(err, "no cgroup v2 hierarchy on " ROOT);
    COCOS__CLEANUP(cocos__closep) int root = open(ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || read_text(root, "cgroup.controllers", text, sizeof text) < 0)
        return unsupported(err, "cannot read " ROOT);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(needed); i++)
        if (!has_word(text, needed[i]))
            return unsupported(err, "a controller (cpu, memory or pids) is missing in " ROOT);

    /* Writing what is there already succeeds; a read-only hierarchy refuses. */
    if (write_value(root, "cgroup.subtree_control", "+cpu +memory +pids") < 0)
        return unsupported(err, "cannot enable controllers in " ROOT);
    return COCOS_OK;
}

static int set_limit(int dir, const char *file, const char *value, cocos_error **err)
{
    if (write_value(dir, file, value) < 0)
        return cocos__fail_errno(err, errno, "job.limits", "cannot set %s to %s", file, value);
    return COCOS_OK;
}

static int set_limits(int dir, const cocos__job_limits *l, cocos_error **err)
{
    char value[64];

    snprintf(value, sizeof value, "%llu", (unsigned long long)l->memory + RUNTIME_MEMORY);
    int r = set_limit(dir, "memory.max", value, err);
    if (r == COCOS_OK && faccessat(dir, "memory.swap.max", F_OK, 0) == 0) /* absent without swap */
        r = set_limit(dir, "memory.swap.max", "0", err);
    if (r == COCOS_OK)
        r = set_limit(dir, "memory.oom.group", "1", err);
    snprintf(value, sizeof value, "%llu", (unsigned long long)l->processes + RUNTIME_PROCESSES);
    if (r == COCOS_OK)
        r = set_limit(dir, "pids.max", value, err);
    uint64_t quota = l->cpu_milli * (PERIOD_US / 1000);
    snprintf(value, sizeof value, "%llu %d", (unsigned long long)(quota < 1000 ? 1000 : quota),
             PERIOD_US);
    return r < 0 ? r : set_limit(dir, "cpu.max", value, err);
}

/* Kills what is in a group, and removes it: a killed process leaves a moment later. */
static int remove_group(const char *path)
{
    COCOS__CLEANUP(cocos__closep) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t until = cocos__clock_mono_ns() + 2 * COCOS__NS_PER_S;

    if (dir >= 0)
        (void)write_value(dir, "cgroup.kill", "1");
    while (rmdir(path) < 0 && errno != ENOENT) {
        if (errno != EBUSY || cocos__clock_mono_ns() > until)
            return -1;
        nanosleep(&(struct timespec){0, 2 * 1000 * 1000}, NULL);
    }
    return 0;
}

/* One of this name is left of an agent that was killed: a run's id is used once. */
static int make_group(const char *path, cocos_error **err)
{
    if (mkdir(path, 0755) == 0 ||
        (errno == EEXIST && remove_group(path) == 0 && mkdir(path, 0755) == 0))
        return COCOS_OK;
    return cocos__fail_errno(err, errno, "job.limits", "cannot make the control group %s", path);
}

int cocos__job_cgroup_open(const char *id,
                           const cocos__job_limits *limits,
                           cocos__job_cgroup *cg,
                           cocos_error **err)
{
    *cg = (cocos__job_cgroup){-1, -1, ""};
    int r = cocos__job_cgroup_supported(err);
    if (r < 0)
        return r;

    snprintf(cg->path, sizeof cg->path, ROOT "/cocos-job-%s", id);
    r = make_group(cg->path, err);
    if (r < 0)
        return r;
    cg->dir = open(cg->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cg->dir < 0)
        return cocos__fail_errno(err, errno, "job.limits", "cannot open the control group %s",
                                 cg->path);

    r = set_limits(cg->dir, limits, err);
    if (r == COCOS_OK) {
        cg->procs = openat(cg->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (cg->procs < 0)
            r = cocos__fail_errno(err, errno, "job.limits", "cannot enter the control group");
    }
    if (r < 0)
        (void)cocos__job_cgroup_close(cg, NULL);
    return r;
}

int cocos__job_cgroup_oom(const cocos__job_cgroup *cg)
{
    char text[512];

    if (cg->dir < 0 || read_text(cg->dir, "memory.events", text, sizeof text) < 0)
        return 0;
    const char *p = strstr(text, "oom_kill ");
    return p && strtoull(p + 9, NULL, 10) > 0;
}

int cocos__job_cgroup_close(cocos__job_cgroup *cg, cocos_error **err)
{
    int r = COCOS_OK;

    if (cg->dir < 0)
        return COCOS_OK;
    close(cg->dir);
    if (cg->procs >= 0)
        close(cg->procs);
    if (remove_group(cg->path) < 0)
        r = cocos__fail_errno(err, errno, "job.limits", "cannot remove the control group %s",
                              cg->path);
    *cg = (cocos__job_cgroup){-1, -1, ""};
    return r;
}
