/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/model.h"

#include <string.h>

#include "crypto/digest.h"

/* What a job gets when its manifest does not say; by enum cocos_job_limit. */
static const uint64_t default_limits[] = {
    [COCOS_JOB_MEMORY] = UINT64_C(512) << 20,
    [COCOS_JOB_CPU] = 1000,
    [COCOS_JOB_PROCESSES] = 64,
    [COCOS_JOB_DISK] = UINT64_C(1) << 30,
    [COCOS_JOB_DEADLINE_MS] = 600000,
};

static const char *text(const char *s)
{
    return s ? s : "";
}

static void asset_init(cocos__asset *a)
{
    a->size = COCOS_SIZE_UNKNOWN;
}

static void asset_done(cocos__asset *a)
{
    cocos_key_free(a->owner);
    free(a->filename);
    free(a->source.type);
    free(a->source.url);
    free(a->source.kbs_resource_path);
    free(a->kbs_url);
}

static void list_done(cocos__text_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i]);
    free(l->items);
}

int cocos__manifest_new(cocos_manifest **ret, cocos_error **err)
{
    cocos_manifest *m = calloc(1, sizeof *m);
    if (!m)
        return cocos__fail_memory(err);

    asset_init(&m->algorithm);
    asset_init(&m->requirements);
    *ret = m;
    return COCOS_OK;
}

int cocos__manifest_set_datasets(cocos_manifest *m, size_t n, cocos_error **err)
{
    m->datasets = calloc(n ? n : 1, sizeof *m->datasets);
    if (!m->datasets)
        return cocos__fail_memory(err);

    m->n_datasets = n;
    for (size_t i = 0; i < n; i++)
        asset_init(&m->datasets[i]);
    return COCOS_OK;
}

int cocos__manifest_set_consumers(cocos_manifest *m, size_t n, cocos_error **err)
{
    m->consumers = calloc(n ? n : 1, sizeof(cocos_key *));
    if (!m->consumers)
        return cocos__fail_memory(err);

    m->n_consumers = n;
    return COCOS_OK;
}

int cocos__manifest_finish(cocos_manifest *m_take,
                           cocos__defects *defects,
                           cocos_manifest **ret,
                           cocos_error **err)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = m_take;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf cbor;

    cocos__buf_init(&cbor, COCOS__MANIFEST_MAX);
    cocos__manifest_check(m, defects);
    int r = cocos__defects_finish(defects, err);
    if (r < 0)
        return r;

    cocos__manifest_encode(m, &cbor);
    if (cbor.failed) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.size",
                           "the manifest has more than %u bytes of CBOR", COCOS__MANIFEST_MAX);
    }
    r = cocos__digest(COCOS__SHA3_256, cbor.data, cbor.len, m->digest, err);
    if (r < 0)
        return r;

    m->cbor = cocos__buf_steal(&cbor, &m->cbor_len);
    if (!m->cbor)
        return cocos__fail_memory(err);
    *ret = COCOS__STEAL(m);
    return COCOS_OK;
}

void cocos_manifest_free(cocos_manifest *m)
{
    if (!m)
        return;

    free(m->id);
    free(m->name);
    free(m->description);
    asset_done(&m->algorithm);
    free(m->algo_type);
    list_done(&m->algo_args);
    asset_done(&m->requirements);
    for (size_t i = 0; i < m->n_datasets; i++)
        asset_done(&m->datasets[i]);
    free(m->datasets);
    for (size_t i = 0; i < m->n_consumers; i++)
        cocos_key_free(m->consumers[i]);
    free(m->consumers);
    list_done(&m->approvals);
    free(m->output);
    list_done(&m->network);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(m->config); i++)
        free(m->config[i]);
    free(m->server_ca_file);
    free(m->cbor);
    free(m);
}

const uint8_t *cocos_manifest_cbor(const cocos_manifest *m, size_t *len)
{
    *len = m->cbor_len;
    return m->cbor;
}

const uint8_t *cocos_manifest_digest(const cocos_manifest *m)
{
    return m->digest;
}

const char *cocos_manifest_id(const cocos_manifest *m)
{
    return text(m->id);
}

const char *cocos_manifest_name(const cocos_manifest *m)
{
    return text(m->name);
}

const char *cocos_manifest_description(const cocos_manifest *m)
{
    return text(m->description);
}

const char *cocos_manifest_algo_type(const cocos_manifest *m)
{
    return text(m->algo_type);
}

size_t cocos_manifest_algo_arg_count(const cocos_manifest *m)
{
    return m->algo_args.n;
}

const char *cocos_manifest_algo_arg(const cocos_manifest *m, size_t i)
{
    return i < m->algo_args.n ? m->algo_args.items[i] : NULL;
}

size_t cocos_manifest_asset_count(const cocos_manifest *m, int kind)
{
    switch (kind) {
    case COCOS_ASSET_ALGORITHM:
        return 1;
    case COCOS_ASSET_DATASET:
        return m->n_datasets;
    case COCOS_ASSET_REQUIREMENTS:
        return m->has_requirements ? 1 : 0;
    default:
        return 0;
    }
}

static const cocos__asset *asset(const cocos_manifest *m, int kind, size_t index)
{
    if (index >= cocos_manifest_asset_count(m, kind))
        return NULL;
    return kind == COCOS_ASSET_ALGORITHM ? &m->algorithm
           : kind == COCOS_ASSET_DATASET ? &m->datasets[index]
                                         : &m->requirements;
}

const uint8_t *cocos_manifest_asset_digest(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = asset(m, kind, index);
    return a ? a->hash : NULL;
}

uint64_t cocos_manifest_asset_size(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = asset(m, kind, index);
    return a ? a->size : COCOS_SIZE_UNKNOWN;
}

const cocos_key *cocos_manifest_asset_owner(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = asset(m, kind, index);

    if (a && kind == COCOS_ASSET_REQUIREMENTS)
        return m->algorithm.owner;
    return a ? a->owner : NULL;
}

const char *cocos_manifest_asset_name(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = asset(m, kind, index);

    if (!a)
        return NULL;
    return kind == COCOS_ASSET_DATASET     ? a->filename
           : kind == COCOS_ASSET_ALGORITHM ? "algorithm"
                                           : "requirements.txt";
}

int cocos_manifest_dataset_decompress(const cocos_manifest *m, size_t index)
{
    const cocos__asset *a = asset(m, COCOS_ASSET_DATASET, index);
    return a ? a->decompress : 0;
}

size_t cocos_manifest_consumer_count(const cocos_manifest *m)
{
    return m->n_consumers;
}

const cocos_key *cocos_manifest_consumer(const cocos_manifest *m, size_t i)
{
    return i < m->n_consumers ? m->consumers[i] : NULL;
}

size_t cocos_manifest_approval_count(const cocos_manifest *m)
{
    return m->approvals.n;
}

const char *cocos_manifest_approval(const cocos_manifest *m, size_t i)
{
    return i < m->approvals.n ? m->approvals.items[i] : NULL;
}

uint64_t cocos_manifest_job_limit(const cocos_manifest *m, int limit)
{
    if (limit < COCOS_JOB_MEMORY || limit > COCOS_JOB_DEADLINE_MS)
        return 0;
    return m->limits[limit] ? m->limits[limit] : default_limits[limit];
}

const char *cocos_manifest_job_output(const cocos_manifest *m)
{
    return m->output && *m->output ? m->output : "consumers";
}

size_t cocos_manifest_job_network_count(const cocos_manifest *m)
{
    return m->network.n;
}

const char *cocos_manifest_agent_config(const cocos_manifest *m, int which)
{
    return which >= COCOS_AGENT_CERT_FILE && which <= COCOS_AGENT_PORT ? text(m->config[which])
                                                                       : "";
}

int cocos_manifest_attested_tls(const cocos_manifest *m)
{
    return m->attested_tls;
}
