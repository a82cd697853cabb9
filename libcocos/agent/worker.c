/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that runs jobs, stops computations and wipes results when their time is over. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/proof.h"
#include "agent/report.h"
#include "agent/service.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"
#include "crypto/digest.h"

#define READ_LEN (256 * 1024)

enum work { WORK_QUIT, WORK_STOP, WORK_RUN, WORK_WIPE };

/* The failure's code, as events and Download carry it. */
static const char *failure_of(const cocos__job_outcome *o)
{
    switch (o->end) {
    case COCOS__JOB_EXITED:
        return o->value == 0 ? "" : "job.failed";
    case COCOS__JOB_DEADLINE:
        return "job.deadline";
    case COCOS__JOB_MEMORY:
        return "job.memory";
    case COCOS__JOB_DISK:
        return "job.disk";
    case COCOS__JOB_STOPPED:
        return "job.interrupted";
    default:
        return "job.failed";
    }
}

/* What the job's specification borrows: paths of the assets and argument texts. */
struct inputs {
    char (*paths)[COCOS__SERVICE_PATH];
    cocos__job_dataset *datasets;
    const char **args;
    size_t n_datasets;
    size_t n_args;
};

static void inputs_done(struct inputs *in)
{
    free(in->paths);
    free(in->datasets);
    free(in->args);
}

/* paths[0] is the algorithm. */
static int inputs_init(struct inputs *in, const cocos__computation *c, cocos_error **err)
{
    const cocos_manifest *m = c->manifest;

    in->n_datasets = cocos_manifest_asset_count(m, COCOS_ASSET_DATASET);
    in->n_args = cocos_manifest_algo_arg_count(m);
    in->paths = calloc(in->n_datasets + 1, sizeof *in->paths);
    in->datasets = calloc(in->n_datasets + 1, sizeof *in->datasets);
    in->args = calloc(in->n_args + 1, sizeof *in->args);
    if (!in->paths || !in->datasets || !in->args)
        return cocos__fail_memory(err);

    cocos__store_path(c->store, COCOS_ASSET_ALGORITHM, 0, in->paths[0], sizeof in->paths[0]);
    for (size_t i = 0; i < in->n_datasets; i++) {
        cocos__store_path(c->store, COCOS_ASSET_DATASET, (uint32_t)i, in->paths[i + 1],
                          sizeof in->paths[0]);
        in->datasets[i] =
            (cocos__job_dataset){cocos_manifest_asset_name(m, COCOS_ASSET_DATASET, i),
                                 in->paths[i + 1], cocos_manifest_dataset_decompress(m, i)};
    }
    for (size_t i = 0; i < in->n_args; i++)
        in->args[i] = cocos_manifest_algo_arg(m, i);
    return COCOS_OK;
}

static int start(cocos_agent_service *s, cocos__computation *c, cocos__job **job, cocos_error **err)
{
    const cocos_manifest *m = c->manifest;
    struct inputs in __attribute__((cleanup(inputs_done))) = {NULL, NULL, NULL, 0, 0};
    char dir[COCOS__SERVICE_PATH + 8];
    char id[COCOS__SERVICE_PATH];

    int r = inputs_init(&in, c, err);
    if (r < 0)
        return r;
    snprintf(dir, sizeof dir, "%s/job", c->dir);
    snprintf(id, sizeof id, "cocos-%02x%02x%02x%02x-%" PRIu64, s->identity.instance_id[0],
             s->identity.instance_id[1], s->identity.instance_id[2], s->identity.instance_id[3],
             c->run);
    cocos__job_spec spec = {
        .id = id,
        .dir = dir,
        .kind = cocos_manifest_algo_type(m),
        .algorithm = in.paths[0],
        .args = in.args,
        .n_args = in.n_args,
        .datasets = in.datasets,
        .n_datasets = in.n_datasets,
        .memory = cocos_manifest_job_limit(m, COCOS_JOB_MEMORY),
        .cpu_milli = cocos_manifest_job_limit(m, COCOS_JOB_CPU),
        .processes = cocos_manifest_job_limit(m, COCOS_JOB_PROCESSES),
        .disk = cocos_manifest_job_limit(m, COCOS_JOB_DISK),
        .deadline_ns =
            (int64_t)cocos_manifest_job_limit(m, COCOS_JOB_DEADLINE_MS) * COCOS__NS_PER_MS,
        .unlimited = s->options.unlimited,
        .crun = s->options.crun,
    };
    return cocos__job_start(&spec, job, err);
}

/* Stop may come before there is a job to be stopped. */
static void register_job(cocos_agent_service *s, cocos__job *job)
{
    COCOS__LOCKED(&s->lock);

    s->job = job;
    if (job && (s->stopping || s->quitting || s->current->withdrawn))
        cocos__job_stop(job);
}

/* Also its SHA-256, for the statement. */
static int
digest_file(const char *path, cocos__record_file *f, uint8_t sha256[32], cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h2 = NULL;
    COCOS__CLEANUP(cocos__freep) uint8_t *buf = malloc(READ_LEN);
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    if (!buf)
        return cocos__fail_memory(err);
    if (fd < 0 || fstat(fd, &st) < 0)
        return cocos__fail_errno(err, errno, "io.read", "cannot read the result");
    int r = cocos__hasher_new(COCOS__SHA3_256, &h, err);
    if (r == COCOS_OK)
        r = cocos__hasher_new(COCOS__SHA256, &h2, err);
    uint64_t size = (uint64_t)st.st_size;
    for (uint64_t at = 0; r == COCOS_OK && at < size;) {
        size_t n = size - at < READ_LEN ? (size_t)(size - at) : READ_LEN;
        r = cocos__pread_full(fd, buf, n, at, "the result", err);
        if (r == COCOS_OK)
            r = cocos__hasher_update(h, buf, n, err);
        if (r == COCOS_OK)
            r = cocos__hasher_update(h2, buf, n, err);
        at += n;
    }
    if (r == COCOS_OK)
        r = cocos__hasher_finish(h, f->digest, err);
    if (r == COCOS_OK)
        r = cocos__hasher_finish(h2, sha256, err);
    f->size = size;
    f->present = r == COCOS_OK;
    return r;
}

/* job.output of the manifest decides what of the job's own words goes where (cocos-v1 section 2).
 */
static int pack(cocos__computation *c,
                cocos__job *job,
                cocos__record_file results[2],
                uint8_t sha256[32],
                cocos_error **err)
{
    uint8_t unused[32];
    int with_output = strcmp(cocos_manifest_job_output(c->manifest), "none") != 0;
    char path[COCOS__SERVICE_PATH];

    cocos__computation_result_path(c, 0, path);
    int r = cocos__job_pack(job, with_output, path, err);
    if (r == COCOS_OK)
        r = digest_file(path, &results[0], sha256, err);
    if (r < 0 || !with_output)
        return r;
    cocos__computation_result_path(c, 1, path);
    r = cocos__job_pack_output(job, path, err);
    if (r == COCOS_OK)
        r = digest_file(path, &results[1], unused, err);
    return r;
}

/* Half a result is none. */
static void drop_results(const cocos__computation *c, cocos__record_file results[2])
{
    char path[COCOS__SERVICE_PATH];

    for (int part = 0; part < 2; part++) {
        cocos__computation_result_path(c, part, path);
        (void)cocos__wipe_file(path, NULL);
        results[part] = (cocos__record_file){0};
    }
}

/* The error's words may be the job's, so they stay here; its code goes on. */
static const char *failure_code(const cocos_error *err, char code[COCOS__RECORD_FAILURE_MAX + 1])
{
    cocos__log_fields(COCOS_LOG_ERROR, "agent", "the job could not be run or its result not kept",
                      "code", cocos_error_code(err), NULL);
    snprintf(code, COCOS__RECORD_FAILURE_MAX + 1, "%s", cocos_error_code(err));
    return code;
}

static int run_to_end(cocos_agent_service *s,
                      cocos__computation *c,
                      cocos__job_outcome *outcome,
                      cocos__record_file results[2],
                      uint8_t sha256[32],
                      cocos_error **err)
{
    cocos__job *job = NULL;

    int r = start(s, c, &job, err);
    if (r < 0)
        return r;
    register_job(s, job);
    cocos__machine_job_started(s, c);
    r = cocos__job_wait(job, outcome, err);
    register_job(s, NULL);
    if (r == COCOS_OK && outcome->end != COCOS__JOB_STOPPED)
        r = pack(c, job, results, sha256, err);
    cocos__job_free(job);
    return r;
}

static int given_up(cocos_agent_service *s)
{
    COCOS__LOCKED(&s->lock);
    return s->stopping || s->quitting;
}

/* A closure says that they are wiped only where they are. */
static void wipe_assets(cocos_agent_service *s, cocos__computation *c)
{
    cocos_error *err = NULL;
    int r = cocos__store_wipe(c->store, &err);

    if (r < 0)
        cocos__report_log(s->queue, COCOS__REPORT_WIPE_FAILED, cocos_manifest_id(c->manifest),
                          cocos_error_code(err), 0, 0);
    cocos_error_free(err);
    COCOS__LOCKED(&s->lock);
    c->assets_wiped = r == COCOS_OK;
}

/* Whoever asks for the statement later tries again. */
static void prove(cocos_agent_service *s, cocos__computation *c)
{
    cocos_error *err = NULL;

    if (cocos__proof_testimony(s, c, &err) < 0)
        cocos__report_log(s->queue, COCOS__REPORT_UNPROVEN, cocos_manifest_id(c->manifest),
                          cocos_error_code(err), 0, 0);
    cocos_error_free(err);
}

static void run(cocos_agent_service *s)
{
    cocos__computation *c = cocos__machine_current(s);
    cocos__record_file results[2] = {{0}, {0}};
    cocos__job_outcome outcome = {0};
    char code[COCOS__RECORD_FAILURE_MAX + 1];
    uint8_t sha256[32] = {0};
    cocos_error *err = NULL;
    const char *failure;

    int r = run_to_end(s, c, &outcome, results, sha256, &err);
    failure = r < 0 ? failure_code(err, code) : failure_of(&outcome);
    if (r < 0)
        drop_results(c, results);
    cocos_error_free(err);

    /* A stop wipes everything itself; at the agent's end the record still says Running, so that the
     * next start tells. */
    if (!given_up(s)) {
        const cocos__facts facts = {.exit_status = r == COCOS_OK && outcome.end == COCOS__JOB_EXITED
                                                       ? outcome.value
                                                       : COCOS__NEVER,
                                    .limits_enforced = r == COCOS_OK && outcome.limits_enforced,
                                    .result_sha256 = sha256};
        wipe_assets(s, c);
        cocos__machine_job_ended(s, c, failure, results, &facts);
        prove(s, c);
    }
    cocos__computation_unref(s, c);
}

static enum work next_work(cocos_agent_service *s)
{
    COCOS__LOCKED(&s->lock);

    for (;;) {
        int64_t due = cocos__machine_wipe_due(s);
        if (s->quitting)
            return WORK_QUIT;
        if (s->stopping && s->current)
            return WORK_STOP;
        if (s->record.state == COCOS__AGENT_RUNNING)
            return WORK_RUN;
        if (due != 0 && due <= cocos__clock_mono_ns())
            return WORK_WIPE;
        if (due == 0) {
            pthread_cond_wait(&s->changed, &s->lock);
        } else {
            struct timespec t = cocos__deadline_timespec(due);
            pthread_cond_timedwait(&s->changed, &s->lock, &t);
        }
    }
}

static void *work(void *user)
{
    cocos_agent_service *s = user;

    for (;;) {
        switch (next_work(s)) {
        case WORK_QUIT:
            return NULL;
        case WORK_STOP:
            cocos__machine_stopped(s);
            break;
        case WORK_RUN:
            run(s);
            break;
        case WORK_WIPE:
            cocos__machine_wipe_result(s);
            break;
        }
    }
}

int cocos__worker_start(cocos_agent_service *s, cocos_error **err)
{
    int r = cocos__thread_start(&s->worker, "cocos-worker", work, s, err);

    s->worker_started = r == COCOS_OK;
    return r;
}

static void quit(cocos_agent_service *s)
{
    COCOS__LOCKED(&s->lock);
    s->quitting = 1;
    if (s->job)
        cocos__job_stop(s->job);
    pthread_cond_broadcast(&s->changed);
}

void cocos__worker_stop(cocos_agent_service *s)
{
    quit(s);
    if (s->worker_started)
        pthread_join(s->worker, NULL);
    s->worker_started = 0;
}
