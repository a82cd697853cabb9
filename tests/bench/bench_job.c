/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-job [N]: a trivial static job from start to packed result, N times (30), and in turns with
 * it the limit: the same runtime with an empty bundle (no seccomp, no data, no quota, no output),
 * started by posix_spawn. Prints medians. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/job.h"
#include "base/clock.h"
#include "base/fd.h"

#define RUNS_MAX 1000

static char dir[] = "/tmp/cocos-bench-XXXXXX";

static double run_job(int i, double *pack_ms)
{
    char run[128], algo[128], zip[128], data[128];
    static const char *const args[] = {"exit", "0"};
    cocos_error *err = NULL;
    cocos__job *job = NULL;
    cocos__job_outcome outcome;

    snprintf(run, sizeof run, "%s/run", dir);
    snprintf(algo, sizeof algo, "%s/algo", dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(zip, sizeof zip, "%s/%d.zip", dir, i);
    const cocos__job_dataset dataset = {"data.csv", data, 0};
    const cocos__job_spec spec = {.id = "bench",
                                  .dir = run,
                                  .kind = "bin",
                                  .algorithm = algo,
                                  .args = args,
                                  .n_args = 2,
                                  .datasets = &dataset,
                                  .n_datasets = 1,
                                  .memory = 256 << 20,
                                  .cpu_milli = 1000,
                                  .processes = 32,
                                  .disk = 64 << 20,
                                  .deadline_ns = 60 * COCOS__NS_PER_S,
                                  .unlimited = 1};
    int64_t start = cocos__clock_mono_ns();
    if (cocos__job_start(&spec, &job, &err) < 0 || cocos__job_wait(job, &outcome, &err) < 0 ||
        outcome.end != COCOS__JOB_EXITED || outcome.value != 0) {
        fprintf(stderr, "job: %s (%s)\n", cocos_error_message(err), cocos_error_code(err));
        exit(1);
    }
    int64_t end = cocos__clock_mono_ns();
    if (cocos__job_pack(job, 1, zip, &err) < 0)
        exit(1);
    cocos__job_free(job);
    *pack_ms = (double)(cocos__clock_mono_ns() - end) / 1e6;
    return (double)(end - start) / 1e6;
}

static double run_crun(void)
{
    char bundle[128], state[128];
    extern char **environ;
    pid_t pid;
    int status = -1;

    snprintf(bundle, sizeof bundle, "%s/bundle", dir);
    snprintf(state, sizeof state, "%s/state", dir);
    char *argv[] = {
        "crun", "--cgroup-manager=disabled", "--root", state, "run", "--bundle", bundle, "limit",
        NULL};
    int64_t start = cocos__clock_mono_ns();
    if (posix_spawnp(&pid, "crun", NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "crun alone: status %d\n", status);
        exit(1);
    }
    return (double)(cocos__clock_mono_ns() - start) / 1e6;
}

static void copy(const char *from, const char *name)
{
    char command[512];

    snprintf(command, sizeof command, "cp '%s' '%s/%s'", from, dir, name);
    if (system(command) != 0)
        exit(1);
}

static void prepare(void)
{
    static const char config[] =
        "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"process\":{\"cwd\":\"/\","
        "\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/algo\",\"exit\",\"0\"]},\"mounts\":[{\"destination\":\"/proc\","
        "\"type\":\"proc\",\"source\":\"proc\"}],\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"}]}}";
    const char *build = getenv("COCOS_BUILD_ROOT");
    char job[512], path[128];

    snprintf(job, sizeof job, "%s/tests/support/jobs/hostile", build ? build : "build");
    if (!mkdtemp(dir))
        exit(1);
    snprintf(path, sizeof path, "%s/bundle/rootfs/proc", dir);
    if (cocos__mkdirs(path, 0755, NULL) < 0)
        exit(1);
    snprintf(path, sizeof path, "%s/bundle/rootfs/dev", dir);
    if (mkdir(path, 0755) < 0)
        exit(1);
    copy(job, "algo");
    copy(job, "bundle/rootfs/algo");
    copy("/etc/passwd", "data");
    snprintf(path, sizeof path, "%s/bundle/config.json", dir);
    if (cocos__write_file(path, config, strlen(config), 0644, NULL) < 0)
        exit(1);
}

/* What job_spawn.c does for its runtime: crun alone does not start under version 1 controllers. */
static void hide_cgroups(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        exit(1);
    while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0)
        ;
    (void)!mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

int main(int argc, char **argv)
{
    static double job[RUNS_MAX], pack[RUNS_MAX], crun[RUNS_MAX];
    int n = argc > 1 ? atoi(argv[1]) : 30;

    if (geteuid() != 0 || n < 1 || n > RUNS_MAX) {
        fprintf(stderr, "usage (as root): bench-job [1..%d]\n", RUNS_MAX);
        return 2;
    }
    prepare();
    hide_cgroups();
    for (int i = 0; i < n; i++) {
        job[i] = run_job(i, &pack[i]);
        crun[i] = run_crun();
    }
    printf("job, start to wait:        p50 %6.2f ms\n", median(job, n));
    printf("pack and wipe:             p50 %6.2f ms\n", median(pack, n));
    printf("crun, empty bundle, alone: p50 %6.2f ms\n", median(crun, n));
    return cocos__remove_tree(dir, 0, NULL) < 0;
}
