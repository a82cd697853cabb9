/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "agent/job_internal.h"
#include "agent/job_spawn.h"
#include "base/clock.h"
#include "base/fd.h"

#define READ_SIZE  65536
#define LOG_MAX    65536
#define MESSAGE    300
#define STATUS_SIG 128 /* crun, like a shell, reports a signal as 128 + its number */

struct watch {
    cocos__job *job;
    int out[2]; /* pipes, ours first */
    int err[2];
    int64_t started_ns;
    uint8_t *chunk;
};

static void close_pipe(int p[2])
{
    for (int i = 0; i < 2; i++) {
        cocos__closep(&p[i]);
        p[i] = -1;
    }
}

static int open_pipes(struct watch *w, cocos_error **err)
{
    if (pipe2(w->out, O_CLOEXEC) < 0 || pipe2(w->err, O_CLOEXEC) < 0 ||
        fcntl(w->out[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(w->err[0], F_SETFL, O_NONBLOCK) < 0)
        return cocos__fail_errno(err, errno, "job.sandbox", "cannot make the pipes of the job");
    return COCOS_OK;
}

static int spawn(struct watch *w, cocos_error **err)
{
    cocos__job *job = w->job;
    char log[PATH_MAX + 16];
    char pid_file[PATH_MAX + 16];
    char state[PATH_MAX + 32];
    COCOS__CLEANUP(cocos__closep) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return cocos__fail_errno(err, errno, "job.sandbox", "cannot open /dev/null");

    int r = open_pipes(w, err);
    if (r < 0)
        return r;
    snprintf(log, sizeof log, "--log=file:%s", job->bundle.log);
    snprintf(pid_file, sizeof pid_file, "--pid-file=%s", job->bundle.pid_file);
    const char *const argv[] = {job->crun,
                                log,
                                "--log-format=json",
                                "--cgroup-manager=disabled",
                                "--root",
                                job->bundle.state,
                                "run",
                                pid_file,
                                "--bundle",
                                job->bundle.bundle,
                                job->id,
                                NULL};
    /* where crun keeps a copy of itself for a moment; else in /tmp, and there after a SIGKILL */
    snprintf(state, sizeof state, "_LIBCONTAINER_STATEDIR=%s", job->bundle.state);
    const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", state, NULL};
    const cocos__job_spawn s = {argv,
                                env,
                                {null, w->out[1], w->err[1]},
                                job->cgroup.procs,
                                job->scratch,
                                job->bundle.scratch,
                                job->bundle.world};
    r = cocos__job_spawn_run(&s, &job->pid, &job->pidfd, err);
    cocos__closep(&w->out[1]);
    cocos__closep(&w->err[1]);
    w->out[1] = w->err[1] = -1;
    return r;
}

/* Some of what is there, so that neither stream keeps the other one waiting. 0 at the end. */
static int drain(struct watch *w, int fd, cocos__job_output *o)
{
    for (int i = 0; i < 16; i++) {
        ssize_t n = read(fd, w->chunk, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return 0;
        cocos__job_output_add(o, w->chunk, (size_t)n);
    }
    return 1;
}

/* SIGKILL to the first process of the pid namespace ends all that are in it (pid_namespaces(7)). */
static void kill_for(cocos__job *job, int end)
{
    int nobody = 0;

    atomic_compare_exchange_strong(&job->killed_for, &nobody, end);
    (void)pidfd_send_signal(job->pidfd, SIGKILL, NULL, 0);
}

static void run(struct watch *w)
{
    cocos__job *job = w->job;
    struct pollfd fds[] = {{.fd = job->pidfd, .events = POLLIN},
                           {.fd = job->wake, .events = POLLIN},
                           {.fd = w->out[0], .events = POLLIN},
                           {.fd = w->err[0], .events = POLLIN}};

    for (;;) {
        int n = poll(fds, COCOS__ARRAY_LEN(fds), cocos__deadline_left_ms(job->deadline_ns));
        if (n < 0 && errno != EINTR)
            kill_for(job, COCOS__JOB_RUNTIME);
        if (job->deadline_ns != 0 && cocos__deadline_left_ns(job->deadline_ns) == 0) {
            kill_for(job, COCOS__JOB_DEADLINE);
            job->deadline_ns = 0;
        }
        if (n <= 0)
            continue;
        if (fds[1].revents) {
            kill_for(job, COCOS__JOB_STOPPED);
            fds[1].fd = -1;
        }
        if (fds[2].revents && !drain(w, w->out[0], &job->out))
            fds[2].fd = -1;
        if (fds[3].revents && !drain(w, w->err[0], &job->errout))
            fds[3].fd = -1;
        if (fds[0].revents)
            return;
    }
}

/* Blocks until the namespace is empty: its first process is the last one to go. */
static int reap(struct watch *w, siginfo_t *info)
{
    int r;

    do
        r = waitid(P_PIDFD, (id_t)w->job->pidfd, info, WEXITED);
    while (r < 0 && errno == EINTR);

    /* All writers are gone: what is left in the pipes is all there will be. */
    while (drain(w, w->out[0], &w->job->out) == 1 &&
           poll(&(struct pollfd){w->out[0], POLLIN, 0}, 1, 0) > 0)
        ;
    while (drain(w, w->err[0], &w->job->errout) == 1 &&
           poll(&(struct pollfd){w->err[0], POLLIN, 0}, 1, 0) > 0)
        ;
    return r;
}

/* The first error in crun's log, one JSON object a line: {"msg":"...","level":"error",...}. */
static void runtime_complaint(const cocos__job *job, char message[MESSAGE])
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    snprintf(message, MESSAGE, "it ended without a word");
    cocos__buf_init(&b, LOG_MAX + 4096);
    if (cocos__read_file(job->bundle.log, LOG_MAX, &b, NULL) < 0)
        return;
    char *rest = cocos__buf_cstr(&b);
    for (char *line; (line = strsep(&rest, "\n"));) {
        const char *msg = strstr(line, "\"msg\":\"");
        if (!msg)
            continue;
        snprintf(message, MESSAGE, "%.*s", (int)strcspn(msg + 7, "\""), msg + 7);
        return;
    }
}

/*
 * crun writes this file once the container is made, before the job's first instruction. Later
 * errors (an interpreter that is not there) are the job's: crun writes them to the job's standard
 * error.
 */
static int was_made(const cocos__job *job)
{
    struct stat st;
    return stat(job->bundle.pid_file, &st) == 0 && st.st_size > 0;
}

static int scratch_is_full(const cocos__job *job)
{
    struct statvfs v;
    return fstatvfs(job->scratch, &v) == 0 && (v.f_bfree == 0 || v.f_ffree == 0);
}

static void set_end(cocos__job *job, int end, int value)
{
    job->outcome.end = end;
    job->outcome.value = value;
}

static void fail_runtime(cocos__job *job, const char *why)
{
    set_end(job, COCOS__JOB_RUNTIME, 0);
    job->end_status = cocos__fail(&job->end_err, COCOS_ERR_INTERNAL, "job.runtime",
                                  "the container runtime could not run the job: %s", why);
}

static void judge_status(cocos__job *job, const siginfo_t *info)
{
    int exited = info->si_code == CLD_EXITED;
    int status = info->si_status;
    char message[MESSAGE];

    if (!was_made(job) || !exited) {
        runtime_complaint(job, message);
        fail_runtime(job, message);
    } else if (status == 0) {
        set_end(job, COCOS__JOB_EXITED, 0);
    } else if (scratch_is_full(job)) {
        set_end(job, COCOS__JOB_DISK, 0);
    } else if (status > STATUS_SIG && status <= STATUS_SIG + 64) {
        set_end(job, COCOS__JOB_SIGNALED, status - STATUS_SIG);
    } else {
        set_end(job, COCOS__JOB_EXITED, status);
    }
}

static void judge(struct watch *w, int reaped, const siginfo_t *info)
{
    cocos__job *job = w->job;
    int killed = atomic_load(&job->killed_for);
    int exited_well = reaped == 0 && info->si_code == CLD_EXITED && info->si_status == 0;

    if (cocos__job_cgroup_oom(&job->cgroup) && !exited_well)
        set_end(job, COCOS__JOB_MEMORY, 0);
    else if (killed != 0 && !(reaped == 0 && info->si_code == CLD_EXITED))
        set_end(job, killed, 0);
    else if (reaped == 0)
        judge_status(job, info);
    else
        fail_runtime(job, "its end was taken by another part of this program");
    job->outcome.stdout_bytes = job->out.total;
    job->outcome.stderr_bytes = job->errout.total;
    job->outcome.run_ns = cocos__clock_mono_ns() - w->started_ns;
}

static void report_start(cocos__job *job, int status)
{
    pthread_mutex_lock(&job->lock);
    job->start_status = status;
    job->phase = status < 0 ? 2 : 1;
    pthread_cond_signal(&job->cond);
    pthread_mutex_unlock(&job->lock);
}

void *cocos__job_watch(void *arg)
{
    struct watch w = {.job = arg, .out = {-1, -1}, .err = {-1, -1}};
    cocos__job *job = w.job;
    siginfo_t info = {0};

    w.chunk = malloc(READ_SIZE);
    w.started_ns = cocos__clock_mono_ns();
    int r = w.chunk ? spawn(&w, &job->start_err) : cocos__fail_memory(&job->start_err);
    report_start(job, r);
    if (r == COCOS_OK) {
        run(&w);
        int reaped = reap(&w, &info);
        judge(&w, reaped, &info);
        r = cocos__job_cgroup_close(&job->cgroup, job->end_status < 0 ? NULL : &job->end_err);
        if (r < 0 && job->end_status == COCOS_OK)
            job->end_status = r;
    }
    close_pipe(w.out);
    close_pipe(w.err);
    free(w.chunk);
    return NULL;
}
