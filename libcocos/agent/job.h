/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_JOB_H
#define COCOS_AGENT_JOB_H

/*
 * One job in its sandbox: an OCI bundle run by crun with its own namespaces, cgroup limits, seccomp
 * filter, read-only inputs, one writable results directory with a quota, no network, no environment
 * but the documented one. Knows nothing of RPC, manifests or states. Needs root.
 *
 * What a job finds: /cocos (its working directory, read-only) with algo, datasets/ and the writable
 * results/; /tmp and /dev/shm, writable; the system's /usr, /bin, /lib read-only; an own /proc and
 * /dev. It is the first process of its pid namespace, as in any container: it takes no signal from
 * itself that it does not handle, and what it started ends with it. It runs as user 64000, without
 * capabilities, stdin empty, with PATH, HOME=/cocos, TMPDIR=/tmp, LANG=C.UTF-8,
 * COCOS_DATASETS=/cocos/datasets and COCOS_RESULTS=/cocos/results.
 *
 * The files of the asset store become readable for that user (0444, the algorithm 0555): what
 * guards them must be the directory they are in.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/error.h"

typedef struct cocos__job_dataset {
    const char *name; /* below datasets/ in the sandbox: one path component */
    const char *path; /* the file in the asset store */
    int decompress;   /* unpack the archive into datasets/<name without .zip>? see job.c: into
                         datasets/ */
} cocos__job_dataset;

typedef struct cocos__job_spec {
    const char *id; /* unique per run, [A-Za-z0-9._-] */
    const char
        *dir; /* private directory for this run: does not exist yet; made, and removed by free */
    const char *kind; /* "bin" (a binary or a script with #!); others: UNSUPPORTED "job.kind" */
    const char *algorithm; /* file in the asset store */
    const char *const *args;
    size_t n_args;
    const cocos__job_dataset *datasets;
    size_t n_datasets;
    uint64_t memory;    /* bytes */
    uint64_t cpu_milli; /* thousandths of a core */
    uint64_t processes;
    uint64_t disk;       /* bytes for results, /tmp and captured output together */
    int64_t deadline_ns; /* run time from start; 0: none */
    int unlimited; /* 1: run without enforced cgroup limits where the system cannot enforce them */
    const char *crun; /* path of the runtime; NULL: "crun" in PATH */
} cocos__job_spec;

enum cocos__job_end {
    COCOS__JOB_EXITED = 1, /* value: exit status */
    COCOS__JOB_SIGNALED =
        2, /* value: signal. As in a shell: an exit status above 128 reads like this */
    COCOS__JOB_DEADLINE = 3,
    COCOS__JOB_STOPPED = 4,
    COCOS__JOB_MEMORY = 5, /* killed for memory */
    COCOS__JOB_DISK = 6,   /* results over the quota */
    COCOS__JOB_RUNTIME = 7 /* the sandbox itself failed; see err of wait */
};

typedef struct cocos__job_outcome {
    int end; /* enum cocos__job_end */
    int value;
    int limits_enforced; /* all cgroup limits were in force */
    int64_t run_ns;
    uint64_t stdout_bytes; /* written by the job; what was kept is capped */
    uint64_t stderr_bytes;
} cocos__job_outcome;

typedef struct cocos__job cocos__job;

/* Whether this system can enforce all limits of a job; "job.limits" with the reason when it cannot.
 */
int cocos__job_limits_supported(cocos_error **err);
/* Lays the bundle out and starts it. On failure nothing is left. */
int cocos__job_start(const cocos__job_spec *spec, cocos__job **ret, cocos_error **err);
/*
 * Blocks until every process of the job is gone. Call once. COCOS_OK for every end but
 * COCOS__JOB_RUNTIME, which comes with the error "job.runtime"; *outcome is filled in either way.
 */
int cocos__job_wait(cocos__job *job, cocos__job_outcome *outcome, cocos_error **err);
/* Ends the whole process tree; from any thread, idempotent; wait then returns. */
void cocos__job_stop(cocos__job *job);
/*
 * After wait: pack results/ as the deterministic zip into a new file `path` (0600), with
 * cocos-job/{stdout,stderr,exit.json} beside them when `with_output` (and only these when the job
 * failed). Streams; constant memory. Results that no archive can hold (links, devices, names too long,
 * the name cocos-job): "job.results"; pack_output works all the same. On failure there is no file.
 */
int cocos__job_pack(cocos__job *job, int with_output, const char *path, cocos_error **err);
/* Only the output, same three files, for Download part 1. */
int cocos__job_pack_output(cocos__job *job, const char *path, cocos_error **err);
/* Stops if needed, removes everything of the job. NULL allowed. */
void cocos__job_free(cocos__job *job);
COCOS__DEFINE_FREEP(cocos__job_freep, cocos__job *, cocos__job_free)

#endif
