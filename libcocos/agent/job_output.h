/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_JOB_OUTPUT_H
#define COCOS_AGENT_JOB_OUTPUT_H

/* What a job printed: its beginning and its end, whatever it printed in between. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct cocos__job_output {
    uint8_t *head; /* `keep` bytes each, in one block */
    uint8_t *tail; /* a ring: the next byte goes to tail[(total - keep) % keep] */
    size_t keep;
    uint64_t total;
} cocos__job_output;

int cocos__job_output_init(cocos__job_output *o, size_t keep, cocos_error **err);
void cocos__job_output_add(cocos__job_output *o, const uint8_t *data, size_t n);
/* A new anonymous file (0644) with what was kept, and a line that says how much was left out. */
int cocos__job_output_file(const cocos__job_output *o, int *fd, cocos_error **err);
void cocos__job_output_done(cocos__job_output *o); /* wipes */

#endif
