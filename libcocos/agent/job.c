/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/job.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/job_internal.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"

/* Kept of each end of each stream; less when the job's disk is small. */
#define OUTPUT_KEEP (1u << 20)
/* Each inode costs the kernel about a kilobyte that no limit on bytes counts. */
#define INODES_MAX 65536
#define DISK_MIN   65536

static int check_id(const char *id, cocos_error **err)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(id);

    if (len == 0 || len > 64 || strspn(id, good) != len || id[0] == '.')
        return cocos__fail(err, COCOS_ERR_USAGE, "job.id",
                           "a job's id has 1 to 64 of A-Z a-z 0-9 . _ - and no dot at the start");
    return COCOS_OK;
}

static int check_spec(const cocos__job_spec *spec, cocos_error **err)
{
    int r = check_id(spec->id, err);

    if (r < 0)
        return r;
    if (strcmp(spec->kind, "bin") != 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "job.kind",
                           "jobs of kind \"%.16s\" are not supported, only \"bin\"", spec->kind);
    if (spec->memory == 0 || spec->cpu_milli == 0 || spec->processes == 0 || spec->disk < DISK_MIN)
        return cocos__fail(
            err, COCOS_ERR_USAGE, "job.limits",
            "a job needs limits: memory, cpu, processes, and a disk of at least %d bytes",
            DISK_MIN);
    if (geteuid() != 0)
        return cocos__fail(err, COCOS_ERR_DENIED, "job.privilege",
                           "a sandbox can be made by root only, and this is user %d",
                           (int)geteuid());
    return COCOS_OK;
}

static int find_crun(const char *name, char out[PATH_MAX], cocos_error **err)
{
    static const char *const dirs[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"};

    if (name && strchr(name, '/')) {
        if (realpath(name, out) && access(out, X_OK) == 0)
            return COCOS_OK;
        return cocos__fail_errno(err, errno, "job.runtime", "cannot use the container runtime %s",
                                 name);
    }
    for (size_t i = 0; i < COCOS__ARRAY_LEN(dirs); i++) {
        snprintf(out, PATH_MAX, "%s/%s", dirs[i], name ? name : "crun");
        if (access(out, X_OK) == 0)
            return COCOS_OK;
    }
    return cocos__fail(err, COCOS_ERR_NOT_FOUND, "job.runtime",
                       "the container runtime %s is not installed", name ? name : "crun");
}

static int make_scratch_dirs(int fd, cocos_error **err)
{
    static const char *const names[] = {"results", "tmp", "shm"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++)
        if (mkdirat(fd, names[i], 0755) < 0 ||
            fchownat(fd, names[i], COCOS__JOB_UID, COCOS__JOB_UID, AT_SYMLINK_NOFOLLOW) < 0 ||
            fchmodat(fd, names[i], 0755, 0) < 0)
            return cocos__fail_errno(err, errno, "job.scratch", "cannot prepare the scratch space");
    return COCOS_OK;
}

/*
 * The kernel holds the quota: a tmpfs of that size. It is mounted nowhere but in the job; our
 * descriptor keeps it until the results are packed, then its memory is free. What it holds counts
 * against the memory limit of the job that wrote it.
 */
static int open_scratch(uint64_t bytes, int *ret, cocos_error **err)
{
    char size[32];
    char inodes[32];
    uint64_t n = bytes / 4096 < INODES_MAX ? bytes / 4096 + 16 : INODES_MAX;

    snprintf(size, sizeof size, "%llu", (unsigned long long)bytes);
    snprintf(inodes, sizeof inodes, "%llu", (unsigned long long)n);
    COCOS__CLEANUP(cocos__closep) int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
        fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0) < 0 ||
        fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return cocos__fail_errno(err, errno, "job.scratch",
                                 "cannot make a scratch space of %s bytes", size);
    COCOS__CLEANUP(cocos__closep)
    int fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "job.scratch", "cannot make a scratch space");

    int r = make_scratch_dirs(fd, err);
    if (r == COCOS_OK) {
        *ret = fd;
        fd = -1;
    }
    return r;
}

static int prepare_limits(const cocos__job_spec *spec, cocos__job *job, cocos_error **err)
{
    const cocos__job_limits limits = {spec->memory, spec->cpu_milli, spec->processes};
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    if (cocos__job_cgroup_supported(&why) < 0) {
        if (!spec->unlimited)
            return cocos__fail_cause(err, COCOS_ERR_UNSUPPORTED, "job.limits", COCOS__STEAL(why),
                                     "the job is not started without enforced limits");
        cocos__log(COCOS_LOG_WARN, "agent", "a job runs without enforced limits: %s",
                   cocos_error_message(why));
        return COCOS_OK;
    }
    int r = cocos__job_cgroup_open(spec->id, &limits, &job->cgroup, err);
    job->outcome.limits_enforced = r == COCOS_OK;
    return r;
}

static int prepare(const cocos__job_spec *spec, cocos__job *job, cocos_error **err)
{
    size_t keep = spec->disk / 8 < OUTPUT_KEEP ? (size_t)(spec->disk / 8) : OUTPUT_KEEP;

    snprintf(job->id, sizeof job->id, "%s", spec->id);
    int r = find_crun(spec->crun, job->crun, err);
    if (r == COCOS_OK)
        r = prepare_limits(spec, job, err);
    if (r == COCOS_OK)
        r = cocos__job_bundle_make(spec, job->outcome.limits_enforced, &job->bundle, err);
    if (r == COCOS_OK)
        r = open_scratch(spec->disk - 4 * keep, &job->scratch, err);
    if (r == COCOS_OK)
        r = cocos__job_output_init(&job->out, keep, err);
    if (r == COCOS_OK)
        r = cocos__job_output_init(&job->errout, keep, err);
    if (r < 0)
        return r;
    job->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (job->wake < 0)
        return cocos__fail_errno(err, errno, "job.sandbox", "cannot make an event descriptor");
    job->deadline_ns = spec->deadline_ns > 0 ? cocos__clock_mono_ns() + spec->deadline_ns : 0;
    return COCOS_OK;
}

static int launch(cocos__job *job, cocos_error **err)
{
    int r = cocos__thread_start(&job->thread, "cocos-job", cocos__job_watch, job, err);
    if (r < 0)
        return r;
    job->started = 1;

    pthread_mutex_lock(&job->lock);
    while (job->phase == 0)
        pthread_cond_wait(&job->cond, &job->lock);
    r = job->start_status;
    pthread_mutex_unlock(&job->lock);
    if (r < 0 && err) {
        cocos_error_free(*err);
        *err = COCOS__STEAL(job->start_err);
    }
    return r;
}

int cocos__job_limits_supported(cocos_error **err)
{
    return cocos__job_cgroup_supported(err);
}

int cocos__job_start(const cocos__job_spec *spec, cocos__job **ret, cocos_error **err)
{
    int r = check_spec(spec, err);
    if (r < 0)
        return r;

    COCOS__CLEANUP(cocos__job_freep) cocos__job *job = calloc(1, sizeof *job);
    if (!job)
        return cocos__fail_memory(err);
    job->scratch = job->wake = job->pidfd = -1;
    job->cgroup = (cocos__job_cgroup){-1, -1, ""};
    pthread_mutex_init(&job->lock, NULL);
    cocos__cond_init(&job->cond);

    r = prepare(spec, job, err);
    if (r == COCOS_OK)
        r = launch(job, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(job);
    return COCOS_OK;
}

static void join(cocos__job *job)
{
    if (job->started && !job->joined)
        pthread_join(job->thread, NULL);
    job->joined = 1;
}

int cocos__job_wait(cocos__job *job, cocos__job_outcome *outcome, cocos_error **err)
{
    join(job);
    *outcome = job->outcome;
    if (job->end_status < 0 && err) {
        cocos_error_free(*err);
        *err = COCOS__STEAL(job->end_err);
    }
    return job->end_status;
}

void cocos__job_stop(cocos__job *job)
{
    (void)!write(job->wake, &(uint64_t){1}, sizeof(uint64_t));
}

void cocos__job_free(cocos__job *job)
{
    cocos_error *err = NULL;

    if (!job)
        return;
    if (job->started)
        cocos__job_stop(job);
    join(job);
    (void)cocos__job_cgroup_close(&job->cgroup, NULL); /* when it was never started */
    cocos__closep(&job->scratch);
    cocos__closep(&job->wake);
    cocos__closep(&job->pidfd);
    cocos__job_output_done(&job->out);
    cocos__job_output_done(&job->errout);
    if (job->bundle.dir[0] && cocos__remove_tree(job->bundle.dir, 1, &err) < 0)
        cocos__log(COCOS_LOG_ERROR, "agent", "cannot remove a job's directory: %s",
                   cocos_error_code(err)); /* the message may name files of a data set */
    cocos_error_free(err);
    cocos_error_free(job->start_err);
    cocos_error_free(job->end_err);
    pthread_cond_destroy(&job->cond);
    pthread_mutex_destroy(&job->lock);
    free(job);
}
