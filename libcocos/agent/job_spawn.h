/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_JOB_SPAWN_H
#define COCOS_AGENT_JOB_SPAWN_H

/*
 * Starts the runtime as the first process of a pid namespace and with a mount namespace of its own.
 * So the kernel itself ends every process of the job with it, also when the agent is killed, and no
 * mount is ever seen outside.
 *
 * This is what posix_spawn does (clone with CLONE_VM and CLONE_VFORK, nothing but system calls
 * until exec, no fork handlers), with two more flags: a program with threads, such as one with gRPC
 * in it, may not fork.
 */

#include "base/error.h"

typedef struct cocos__job_spawn {
    const char *const *argv; /* argv[0]: absolute path of the runtime */
    const char *const *env;
    int stdio[3];
    int cgroup_procs;         /* -1: none */
    int scratch;              /* a detached mount... */
    const char *scratch_path; /* ...and where it goes */
    const char *world;        /* an empty directory */
} cocos__job_spawn;

/*
 * On success *pid and *pidfd (owned) name the runtime. It is killed when the calling thread ends
 * (prctl(2), PR_SET_PDEATHSIG), so that thread must stay.
 */
int cocos__job_spawn_run(const cocos__job_spawn *s, int *pid, int *pidfd, cocos_error **err);

#endif
