/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_MODEL_H
#define COCOS_MANIFEST_MODEL_H

/* A manifest in memory (cocos-v1 section 2), and the steps from and to it. For this module only. */

#include <cocos/manifest.h>

#include "base/bytes.h"
#include "base/defects.h"

#define COCOS__MANIFEST_JSON_MAX  (2 * 1024 * 1024)
#define COCOS__MANIFEST_CBOR_MAX  (1024 * 1024)
#define COCOS__MANIFEST_LIST_MAX  256 /* data sets, consumers; also approvals, network */
#define COCOS__MANIFEST_ARGS_MAX  1024
#define COCOS__MANIFEST_NAME_MAX  255
#define COCOS__MANIFEST_NOT_GIVEN UINT64_MAX /* of sizes and limits */

typedef struct cocos__texts {
    char **item;
    size_t n;
} cocos__texts;

typedef struct cocos__source {
    char *type; /* texts: NULL when absent */
    char *url;
    char *kbs_resource_path;
    int encrypted;
} cocos__source;

typedef struct cocos__asset {
    int present;
    uint8_t hash[COCOS_DIGEST_SIZE];
    uint64_t size;
    cocos_key *user_key;
    char *filename;
    int decompress;
    cocos__source source;
    char *kbs_url;
    int kbs_enabled;
} cocos__asset;

struct cocos_manifest {
    char *id;
    char *name;
    char *description;
    cocos__asset algorithm;
    cocos__asset requirements;
    char *algo_type;
    cocos__texts algo_args;
    cocos__asset *datasets;
    size_t n_datasets;
    cocos_key **consumers;
    size_t n_consumers;
    cocos__texts approvals;
    char *output;
    cocos__texts network;
    uint64_t limits[COCOS_JOB_DEADLINE_MS + 1]; /* by enum cocos_job_limit */
    char *config[COCOS_AGENT_PORT + 1];         /* by enum cocos_agent_config */
    int attested_tls;
    uint8_t *cbor;
    size_t cbor_len;
    uint8_t digest[COCOS_DIGEST_SIZE];
    char fingerprint[COCOS_DIGEST_SIZE / 4 * 6];
};

COCOS__DEFINE_FREEP(cocos__manifest_freep, cocos_manifest *, cocos_manifest_free)

/* rules.c: what holds between values and within them, whichever form they came in. */
void cocos__manifest_check(const cocos_manifest *m, cocos__defects *d);
/* encode.c */
void cocos__manifest_encode(const cocos_manifest *m, cocos__buf *out);

/* units.c. 0 when the text is none. */
int cocos__bytes_parse(const char *text, uint64_t *bytes);       /* 12, 512M: powers of 1024 */
int cocos__duration_parse(const char *text, uint64_t *ms);       /* Go: 1h30m, 1.5s; whole ms */
void cocos__duration_print(uint64_t ms, char *out, size_t size); /* Go's shortest: 10m0s as 10m */

#endif
