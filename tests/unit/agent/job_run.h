/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_JOB_RUN_H
#define COCOS_TESTS_JOB_RUN_H

/* Running jobs in tests: with the real runtime, so as root only. */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent/job.h"
#include "base/clock.h"
#include "base/thread.h"
#include "compute/archive.h"
#include "scratch.h"
#include "suite.h"

typedef struct job_run {
    scratch s;
    char dir[128];
    char algorithm[128];
    char dataset[128];
    cocos__job_dataset datasets[2];
    cocos__job_spec spec;
    cocos__job *job;
    cocos__job_outcome outcome;
    cocos_error *err;
} job_run;

static inline int cannot_run_jobs(void)
{
    if (geteuid() == 0 && access("/usr/bin/crun", X_OK) == 0)
        return 0;
    printf("skipped: needs root and crun\n");
    return 1;
}

static inline void copy_program(const scratch *s, const char *name, const char *to)
{
    char command[1024];

    snprintf(command, sizeof command, "cp '%s/%s' '%s/%s' && chmod 600 '%s/%s'",
             getenv("COCOS_BUILD_ROOT"), name, s->path, to, s->path, to);
    ck_assert_int_eq(system(command), 0);
}

static inline void job_run_init(job_run *r, const char *const *args, size_t n_args)
{
    *r = (job_run){.s = scratch_new()};
    snprintf(r->dir, sizeof r->dir, "%s/run", r->s.path);
    snprintf(r->algorithm, sizeof r->algorithm, "%s/algo", r->s.path);
    snprintf(r->dataset, sizeof r->dataset, "%s/data", r->s.path);
    copy_program(&r->s, "tests/support/jobs/hostile", "algo");
    scratch_write(&r->s, "data", "1,2\n", 0600);
    r->datasets[0] = (cocos__job_dataset){"a.csv", r->dataset, 0};
    r->spec = (cocos__job_spec){.id = "test-1",
                                .dir = r->dir,
                                .kind = "bin",
                                .algorithm = r->algorithm,
                                .args = args,
                                .n_args = n_args,
                                .datasets = r->datasets,
                                .n_datasets = 1,
                                .memory = 256 << 20,
                                .cpu_milli = 1000,
                                .processes = 32,
                                .disk = 16 << 20,
                                .deadline_ns = 100 * COCOS__NS_PER_S,
                                .unlimited = 1};
}

static inline void job_run_start(job_run *r)
{
    assert_ok(cocos__job_start(&r->spec, &r->job, &r->err), r->err);
}

static inline void job_run_wait(job_run *r)
{
    assert_ok(cocos__job_wait(r->job, &r->outcome, &r->err), r->err);
}

/* One file out of the packed result, to be freed; NULL when it is not in it. */
static inline char *job_run_output(job_run *r, const char *name)
{
    static const cocos__unzip_limits limits = {256 << 20, 256 << 20, 1000, 0};
    scratch out = scratch_new();
    char path[128];

    snprintf(path, sizeof path, "%s/out.zip", out.path);
    assert_ok(cocos__job_pack(r->job, 1, path, &r->err), r->err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_ok(cocos__unzip(fd, out.fd, &limits, &r->err), r->err);
    close(fd);
    char *text = scratch_read(&out, name);
    scratch_free(&out);
    return text;
}

static inline int mounts_below(const char *path)
{
    char line[4096];
    int n = 0;
    FILE *f = fopen("/proc/self/mountinfo", "re");

    while (f && fgets(line, sizeof line, f))
        n += strstr(line, path) != NULL;
    if (f)
        fclose(f);
    return n;
}

/* How many processes run this very file, under whatever name they see it. */
static inline int processes_of(const char *path)
{
    struct stat want;
    struct stat st;
    DIR *d = opendir("/proc");
    int n = 0;

    ck_assert_int_eq(stat(path, &want), 0);
    for (struct dirent *e; d && (e = readdir(d));) {
        char exe[300];
        snprintf(exe, sizeof exe, "/proc/%.200s/exe", e->d_name);
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && stat(exe, &st) == 0)
            n += st.st_dev == want.st_dev && st.st_ino == want.st_ino;
    }
    if (d)
        closedir(d);
    return n;
}

/* Frees the job and holds: no file, mount, process of it is left. */
static inline void job_run_done(job_run *r)
{
    cocos__job_free(r->job);
    ck_assert_int_eq(access(r->dir, F_OK), -1);
    ck_assert_int_eq(mounts_below(r->s.path), 0);
    ck_assert_int_eq(processes_of(r->algorithm), 0);
    ck_assert_int_eq(access("/sys/fs/cgroup/cocos-job-test-1", F_OK), -1);
    scratch_free(&r->s);
}

#define START_JOB(r, ...)                                                                          \
    job_run r;                                                                                     \
    static const char *const r##_args[] = {__VA_ARGS__};                                           \
    if (cannot_run_jobs())                                                                         \
        return;                                                                                    \
    job_run_init(&r, r##_args, COCOS__ARRAY_LEN(r##_args))

#endif
