/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_RECORD_H
#define COCOS_AGENT_RECORD_H

/*
 * What an agent must know again after it was killed within one boot (cocos-v1 section 4), as one
 * small file that is replaced as a whole. The manifest, the assets and the results lie beside it.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__RECORD_CONSUMERS   256 /* the manifest's cap */
#define COCOS__RECORD_FAILURE_MAX 64

typedef struct cocos__record_file {
    int present;
    uint64_t size;
    uint8_t digest[32];
} cocos__record_file;

typedef struct cocos__record {
    uint64_t runs;        /* manifests accepted since boot; names the directory of the run */
    uint64_t next_event;  /* sequence number of the next event */
    uint64_t first_event; /* of this computation */
    int state;            /* enum cocos__agent_state */
    int assets_wiped;
    uint64_t start_run; /* which start of this manifest in this boot it was; 0: not started */
    uint64_t start_mono_ns;
    int64_t start_wall_s;
    int64_t complete_boot_ns; /* CLOCK_BOOTTIME when the last consumer had the result; 0: not yet */
    char failure[COCOS__RECORD_FAILURE_MAX + 1]; /* code of a failed job, else "" */
    cocos__record_file result[2];                /* parts 0 and 1 of Download */
    uint8_t delivered[COCOS__RECORD_CONSUMERS / 8];
} cocos__record;

/* Appends the encoding. */
void cocos__record_encode(const cocos__record *r, cocos__buf *out);
/* MALFORMED "agent.record" for anything that encode does not give; *r is then zero. */
int cocos__record_decode(const uint8_t *data, size_t len, cocos__record *r, cocos_error **err);

#endif
