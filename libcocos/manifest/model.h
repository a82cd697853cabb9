/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_MODEL_H
#define COCOS_MANIFEST_MODEL_H

/*
 * A manifest in memory. Both readers (JSON, CBOR) fill this, and cocos__manifest_finish() then
 * checks every rule, encodes it and computes its digest: a cocos_manifest that a caller sees is
 * valid.
 */

#include <cocos/manifest.h>

#include "base/bytes.h"
#include "manifest/defects.h"

#define COCOS__MANIFEST_MAX           (1u << 20) /* bytes of CBOR */
#define COCOS__MANIFEST_DATASETS_MAX  256
#define COCOS__MANIFEST_CONSUMERS_MAX 256
#define COCOS__MANIFEST_ARGS_MAX      256
#define COCOS__MANIFEST_APPROVALS_MAX 256
#define COCOS__MANIFEST_NETWORK_MAX   256

/* Texts are malloc'ed; NULL and "" both mean absent. */
typedef struct cocos__text_list {
    char **items;
    size_t n;
} cocos__text_list;

typedef struct cocos__source {
    char *type;
    char *url;
    char *kbs_resource_path;
    int encrypted;
} cocos__source;

typedef struct cocos__asset {
    uint8_t hash[COCOS_DIGEST_SIZE];
    int has_hash;
    uint64_t size;    /* COCOS_SIZE_UNKNOWN: not stated */
    cocos_key *owner; /* NULL: missing (always so for requirements) */
    char *filename;   /* data sets */
    int decompress;   /* data sets */
    cocos__source source;
    char *kbs_url;
    int kbs_enabled;
} cocos__asset;

struct cocos_manifest {
    uint64_t version;
    char *id;
    char *name;
    char *description;
    int has_algorithm;
    cocos__asset algorithm;
    char *algo_type;
    cocos__text_list algo_args;
    int has_requirements;
    cocos__asset requirements; /* hash and size only */
    cocos__asset *datasets;
    size_t n_datasets;
    cocos_key **consumers; /* an element is NULL when its key is missing */
    size_t n_consumers;
    cocos__text_list approvals;
    char *output;
    cocos__text_list network;
    uint64_t limits[COCOS_JOB_DEADLINE_MS + 1]; /* by enum cocos_job_limit; 0: not stated */
    char *config[COCOS_AGENT_PORT + 1];         /* by enum cocos_agent_config */
    char *server_ca_file;                       /* must be empty */
    int attested_tls;

    uint8_t *cbor; /* made by cocos__manifest_finish() */
    size_t cbor_len;
    uint8_t digest[COCOS_DIGEST_SIZE];
};

COCOS__DEFINE_FREEP(cocos__manifest_freep, cocos_manifest *, cocos_manifest_free)

/* An empty model: version 0, sizes unknown. */
int cocos__manifest_new(cocos_manifest **ret, cocos_error **err);
/* Room for n data sets or consumers, as new ones are (n within the caps; checked by the caller). */
int cocos__manifest_set_datasets(cocos_manifest *m, size_t n, cocos_error **err);
int cocos__manifest_set_consumers(cocos_manifest *m, size_t n, cocos_error **err);

/* Appends every broken rule; the JSON Pointer of each is its check. */
void cocos__manifest_check(const cocos_manifest *m, cocos__defects *defects);

/*
 * Check, encode, digest, and hand out. `defects` may hold what reading found already; with any
 * defect the model is freed and the chain of defects is the error.
 */
int cocos__manifest_finish(cocos_manifest *m_take,
                           cocos__defects *defects,
                           cocos_manifest **ret,
                           cocos_error **err);

/* Deterministic CBOR of a model that holds no defect. */
void cocos__manifest_encode(const cocos_manifest *m, cocos__buf *out);

#endif
