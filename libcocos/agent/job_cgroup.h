/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_JOB_CGROUP_H
#define COCOS_AGENT_JOB_CGROUP_H

/* The control group of a job: ours, made before anything of the job runs. cgroup v2 only. */

#include <stdint.h>

#include "base/error.h"

typedef struct cocos__job_limits {
    uint64_t memory;    /* bytes; swap gets none */
    uint64_t cpu_milli; /* thousandths of a core */
    uint64_t processes;
} cocos__job_limits;

typedef struct cocos__job_cgroup {
    int dir;   /* -1: no control group */
    int procs; /* cgroup.procs, to be entered by writing "0" */
    char path[128];
} cocos__job_cgroup;

/* Whether this system can enforce all limits; "job.limits" with the reason when it cannot. */
int cocos__job_cgroup_supported(cocos_error **err);
int cocos__job_cgroup_open(const char *id,
                           const cocos__job_limits *limits,
                           cocos__job_cgroup *cg,
                           cocos_error **err);
/* 1 when the kernel killed in it for want of memory. */
int cocos__job_cgroup_oom(const cocos__job_cgroup *cg);
/* Kills what may be left in it, and removes it. */
int cocos__job_cgroup_close(cocos__job_cgroup *cg, cocos_error **err);

#endif
