/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/job_internal.h"
#include "base/fd.h"
#include "compute/archive.h"
#include "compute/tree.h"

#define N_OUTPUT 3

static const char *end_name(int end)
{
    switch (end) {
    case COCOS__JOB_EXITED:
        return "exited";
    case COCOS__JOB_SIGNALED:
        return "signaled";
    case COCOS__JOB_DEADLINE:
        return "deadline";
    case COCOS__JOB_STOPPED:
        return "stopped";
    case COCOS__JOB_MEMORY:
        return "memory";
    case COCOS__JOB_DISK:
        return "disk";
    default:
        return "runtime";
    }
}

/* No times in it: the same job on the same data gives the same result, bit for bit. */
static int exit_file(const cocos__job_outcome *o, int *ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__closep) int fd = memfd_create("cocos-job-exit", MFD_CLOEXEC);

    cocos__buf_init(&b, 1024);
    cocos__buf_printf(&b, "{\"end\":\"%s\"", end_name(o->end));
    if (o->end == COCOS__JOB_EXITED)
        cocos__buf_printf(&b, ",\"status\":%d", o->value);
    if (o->end == COCOS__JOB_SIGNALED)
        cocos__buf_printf(&b, ",\"signal\":%d", o->value);
    cocos__buf_printf(&b, ",\"stdout_bytes\":%llu,\"stderr_bytes\":%llu,\"limits_enforced\":%s}\n",
                      (unsigned long long)o->stdout_bytes, (unsigned long long)o->stderr_bytes,
                      o->limits_enforced ? "true" : "false");
    if (fd < 0 || fchmod(fd, 0644) < 0)
        return cocos__fail_errno(err, errno, "job.output", "cannot make an anonymous file");
    int r = cocos__write_full(fd, b.data, b.len, "exit.json", err);
    if (r == COCOS_OK) {
        *ret = fd;
        fd = -1;
    }
    return r;
}

static int output_files(const cocos__job *job, cocos__zip_extra extra[N_OUTPUT], cocos_error **err)
{
    int r = exit_file(&job->outcome, &extra[0].fd, err);

    if (r == COCOS_OK)
        r = cocos__job_output_file(&job->errout, &extra[1].fd, err);
    if (r == COCOS_OK)
        r = cocos__job_output_file(&job->out, &extra[2].fd, err);
    return r;
}

static int to_file(void *user, const void *data, size_t len, cocos_error **err)
{
    return cocos__write_full(*(int *)user, data, len, "result", err);
}

/*
 * Names among the results are output of the job, which errors and logs must not carry (cocos-v1
 * section 2): of what is wrong with them only the code is told.
 */
static int hide_names(cocos_error *why_take, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = why_take;
    int status = cocos_error_status(why);

    if (strncmp(cocos_error_code(why), "archive.", 8) == 0)
        return cocos__fail(err, status, "job.results",
                           "the job left results that cannot be packed: %s", cocos_error_code(why));
    if (err) {
        cocos_error_free(*err);
        *err = COCOS__STEAL(why);
    }
    return status;
}

static int
write_zip(int dir, const cocos__zip_extra *extra, size_t n, const char *path, cocos_error **err)
{
    cocos_error *why = NULL;
    COCOS__CLEANUP(cocos__closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "job.output", "cannot create %s", path);

    int r = cocos__zip_write(dir, extra, n, 0, to_file, &fd, &why);
    if (r < 0)
        r = hide_names(why, err);
    else if (fsync(fd) < 0)
        r = cocos__fail_errno(err, errno, "job.output", "cannot write %s", path);
    if (r < 0)
        (void)cocos__wipe_file(path, NULL);
    return r;
}

static int
pack(cocos__job *job, int with_results, int with_output, const char *path, cocos_error **err)
{
    cocos__zip_extra extra[N_OUTPUT] = {
        {"cocos-job/exit.json", -1}, {"cocos-job/stderr", -1}, {"cocos-job/stdout", -1}};
    COCOS__CLEANUP(cocos__closep) int dir = -1;

    if (with_results) {
        dir = cocos__tree_open(job->scratch, "results", O_RDONLY | O_DIRECTORY, 0, 0);
        if (dir < 0)
            return cocos__fail_errno(err, errno, "job.output", "cannot open the results");
    }
    int r = with_output ? output_files(job, extra, err) : COCOS_OK;
    if (r == COCOS_OK)
        r = write_zip(dir, extra, with_output ? N_OUTPUT : 0, path, err);
    for (size_t i = 0; i < N_OUTPUT; i++)
        cocos__closep(&extra[i].fd);
    return r;
}

int cocos__job_pack(cocos__job *job, int with_output, const char *path, cocos_error **err)
{
    int succeeded = job->outcome.end == COCOS__JOB_EXITED && job->outcome.value == 0;
    return pack(job, succeeded, with_output, path, err);
}

int cocos__job_pack_output(cocos__job *job, const char *path, cocos_error **err)
{
    return pack(job, 0, 1, path, err);
}
