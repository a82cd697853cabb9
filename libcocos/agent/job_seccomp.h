/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_JOB_SECCOMP_H
#define COCOS_AGENT_JOB_SECCOMP_H

#include "base/bytes.h"

/* Appends the value of "seccomp" in an OCI config (runtime-spec, config-linux, "Seccomp"). */
void cocos__job_seccomp_json(cocos__buf *b);

#endif
