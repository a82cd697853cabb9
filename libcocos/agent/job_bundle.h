/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_JOB_BUNDLE_H
#define COCOS_AGENT_JOB_BUNDLE_H

/* The directory of one run, and the OCI bundle in it. */

#include <limits.h>

#include "agent/job.h"

/* Whom a job runs as: nobody else on the machine, so that limits and signals hit only jobs. */
#define COCOS__JOB_UID 64000

typedef struct cocos__job_bundle {
    char dir[PATH_MAX];      /* absolute; holds, all made by us: */
    char bundle[PATH_MAX];   /* config.json, rootfs/: mount points only */
    char scratch[PATH_MAX];  /* where the sized tmpfs with results/, tmp/, shm/ is mounted */
    char state[PATH_MAX];    /* the runtime's own */
    char world[PATH_MAX];    /* see job_spawn.h */
    char log[PATH_MAX];      /* the runtime's, JSON lines */
    char pid_file[PATH_MAX]; /* written by the runtime when the container is made */
} cocos__job_bundle;

/*
 * Makes the directory and all in it. The caller removes it, also after a failure. limited: a
 * control group holds the limits; otherwise each process gets what resource limits can do.
 */
int cocos__job_bundle_make(const cocos__job_spec *spec,
                           int limited,
                           cocos__job_bundle *b,
                           cocos_error **err);

#endif
