/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_JOB_INTERNAL_H
#define COCOS_AGENT_JOB_INTERNAL_H

/* Shared by job.c (life of a run), job_watch.c (its thread) and job_pack.c (what it leaves). */

#include <pthread.h>
#include <stdatomic.h>

#include "agent/job.h"
#include "agent/job_bundle.h"
#include "agent/job_cgroup.h"
#include "agent/job_output.h"

struct cocos__job {
    cocos__job_bundle bundle;
    cocos__job_cgroup cgroup;
    cocos__job_output out;
    cocos__job_output errout;
    char crun[PATH_MAX];
    char id[72];
    int64_t deadline_ns;

    int scratch; /* the tmpfs with results/; lives as long as this descriptor */
    int wake;    /* eventfd: stop */
    int pid;
    int pidfd;

    pthread_t thread;
    int started;
    int joined;
    atomic_int killed_for; /* enum cocos__job_end, 0: nobody killed it */

    /* the thread reports its start, then its end, under the lock */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int phase; /* 0: starting, 1: running, 2: failed to start */
    int start_status;
    cocos_error *start_err;

    cocos__job_outcome outcome;
    int end_status;
    cocos_error *end_err;
};

/* The thread of a run: starts the runtime, reads its output, ends it, judges the end. */
void *cocos__job_watch(void *job);

#endif
