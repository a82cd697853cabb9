/* SPDX-License-Identifier: Apache-2.0 */
/* The public object: both ways in, and what it tells. */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "manifest/node.h"

/* Defaults of doc: what a job may use when its manifest is silent. */
static const uint64_t default_limits[] = {
    [COCOS_JOB_MEMORY] = UINT64_C(512) << 20,
    [COCOS_JOB_CPU] = 1000,
    [COCOS_JOB_PROCESSES] = 64,
    [COCOS_JOB_DISK] = UINT64_C(1) << 30,
    [COCOS_JOB_DEADLINE_MS] = 600000,
};

static cocos_manifest *manifest_new(void)
{
    cocos_manifest *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->algorithm.size = COCOS_SIZE_UNKNOWN;
    m->requirements.size = COCOS_SIZE_UNKNOWN;
    for (size_t i = 0; i < COCOS__ARRAY_LEN(m->limits); i++)
        m->limits[i] = COCOS__MANIFEST_NOT_GIVEN;
    return m;
}

/* Each four bytes of the digest as five digits: 8 * log2(100000) = 132.9 bits, and what the modulus
 * prefers is less than 1 in 40,000. */
static void write_fingerprint(cocos_manifest *m)
{
    for (size_t i = 0; i < COCOS_DIGEST_SIZE / 4; i++) {
        snprintf(m->fingerprint + 6 * i, 6, "%05u", cocos__u32be(m->digest + 4 * i) % 100000);
        m->fingerprint[6 * i + 5] = i + 1 < COCOS_DIGEST_SIZE / 4 ? ' ' : '\0';
    }
}

static int encode(cocos_manifest *m, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    cocos__buf_init(&b, COCOS__MANIFEST_CBOR_MAX);
    cocos__manifest_encode(m, &b);
    if (b.failed) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.size",
                           "the manifest has more than %d bytes of CBOR", COCOS__MANIFEST_CBOR_MAX);
    }
    m->cbor = cocos__buf_steal(&b, &m->cbor_len);
    if (!m->cbor)
        return cocos__fail_memory(err);
    int r = cocos__digest(COCOS__SHA3_256, m->cbor, m->cbor_len, m->digest, err);
    if (r == COCOS_OK)
        write_fingerprint(m);
    return r;
}

static int
read_node(const cocos__node *root, const char *base, cocos_manifest **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = manifest_new();
    COCOS__CLEANUP(cocos__defects_done) cocos__defects defects = {0};

    if (!m)
        return cocos__fail_memory(err);
    if (cocos__manifest_parse(root, base, m, &defects))
        cocos__manifest_check(m, &defects);

    int r = cocos__defects_result(&defects, err);
    if (r == COCOS_OK)
        r = encode(m, err);
    if (r < 0)
        return r;
    *ret = COCOS__STEAL(m);
    return COCOS_OK;
}

int cocos_manifest_from_json(
    const char *json, size_t len, const char *base, cocos_manifest **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    cocos__node root = {.is_cbor = 0};

    if (!ret || (!json && len > 0))
        return cocos__fail(err, COCOS_ERR_USAGE, "manifest.usage", "json and ret must be given");

    int r = cocos__json_parse(json ? json : "", len, COCOS__MANIFEST_JSON_MAX, &doc, err);
    if (r < 0)
        return r;
    root.json = cocos__json_root(doc);
    return read_node(&root, base, ret, err);
}

int cocos_manifest_from_file(const char *path, cocos_manifest **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf text;
    COCOS__CLEANUP(cocos__freep) char *dir = NULL;

    cocos__buf_init(&text, COCOS__MANIFEST_JSON_MAX + 65536);
    if (!path || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "manifest.usage", "path and ret must be given");

    int r = cocos__read_file(path, COCOS__MANIFEST_JSON_MAX, &text, err);
    if (r < 0)
        return r;

    const char *slash = strrchr(path, '/');
    dir = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (!dir)
        return cocos__fail_memory(err);
    return cocos_manifest_from_json((const char *)text.data, text.len, dir, ret, err);
}

int cocos_manifest_from_cbor(const uint8_t *data,
                             size_t len,
                             cocos_manifest **ret,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = NULL;
    cocos__node root = {.is_cbor = 1};

    if (!ret || (!data && len > 0))
        return cocos__fail(err, COCOS_ERR_USAGE, "manifest.usage", "data and ret must be given");
    if (len > COCOS__MANIFEST_CBOR_MAX) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.size",
                           "the manifest has %zu bytes of CBOR, at most %d are allowed", len,
                           COCOS__MANIFEST_CBOR_MAX);
    }

    int r = cocos__cbor_open(data, len, COCOS__CBOR_STRICT, &root.cbor, err);
    if (r == COCOS_OK)
        r = read_node(&root, NULL, &m, err);
    if (r < 0)
        return r;
    if (m->cbor_len != len || memcmp(m->cbor, data, len) != 0) {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.encoding",
                           "the manifest is not in its one encoding: it would have %zu bytes, not "
                           "%zu, or others (for instance, a member that is empty)",
                           m->cbor_len, len);
    }
    *ret = COCOS__STEAL(m);
    return COCOS_OK;
}

static void asset_done(cocos__asset *a)
{
    cocos_key_free(a->user_key);
    free(a->filename);
    free(a->source.type);
    free(a->source.url);
    free(a->source.kbs_resource_path);
    free(a->kbs_url);
}

static void texts_done(cocos__texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->item[i]);
    free(t->item);
}

void cocos_manifest_free(cocos_manifest *m)
{
    if (!m)
        return;
    free(m->id);
    free(m->name);
    free(m->description);
    asset_done(&m->algorithm);
    asset_done(&m->requirements);
    free(m->algo_type);
    texts_done(&m->algo_args);
    for (size_t i = 0; i < m->n_datasets; i++)
        asset_done(&m->datasets[i]);
    free(m->datasets);
    for (size_t i = 0; i < m->n_consumers; i++)
        cocos_key_free(m->consumers[i]);
    free(m->consumers);
    texts_done(&m->approvals);
    free(m->output);
    texts_done(&m->network);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(m->config); i++)
        free(m->config[i]);
    free(m->cbor);
    free(m);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

const uint8_t *cocos_manifest_cbor(const cocos_manifest *m, size_t *len)
{
    *len = m->cbor_len;
    return m->cbor;
}

const char *cocos_manifest_fingerprint(const cocos_manifest *m)
{
    return m->fingerprint;
}

const uint8_t *cocos_manifest_digest(const cocos_manifest *m)
{
    return m->digest;
}

const char *cocos_manifest_id(const cocos_manifest *m)
{
    return m->id;
}

const char *cocos_manifest_name(const cocos_manifest *m)
{
    return or_empty(m->name);
}

const char *cocos_manifest_description(const cocos_manifest *m)
{
    return or_empty(m->description);
}

const char *cocos_manifest_algo_type(const cocos_manifest *m)
{
    return m->algo_type ? m->algo_type : "bin";
}

size_t cocos_manifest_algo_arg_count(const cocos_manifest *m)
{
    return m->algo_args.n;
}

const char *cocos_manifest_algo_arg(const cocos_manifest *m, size_t i)
{
    return i < m->algo_args.n ? m->algo_args.item[i] : NULL;
}

static const cocos__asset *find_asset(const cocos_manifest *m, int kind, size_t index)
{
    if (kind == COCOS_ASSET_DATASET)
        return index < m->n_datasets ? &m->datasets[index] : NULL;
    if (index > 0)
        return NULL;
    if (kind == COCOS_ASSET_ALGORITHM)
        return &m->algorithm;
    return kind == COCOS_ASSET_REQUIREMENTS && m->requirements.present ? &m->requirements : NULL;
}

size_t cocos_manifest_asset_count(const cocos_manifest *m, int kind)
{
    return kind == COCOS_ASSET_DATASET ? m->n_datasets : find_asset(m, kind, 0) != NULL;
}

const uint8_t *cocos_manifest_asset_digest(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = find_asset(m, kind, index);
    return a ? a->hash : NULL;
}

uint64_t cocos_manifest_asset_size(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = find_asset(m, kind, index);
    return a ? a->size : COCOS_SIZE_UNKNOWN;
}

const cocos_key *cocos_manifest_asset_owner(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = find_asset(m, kind, index);

    if (!a)
        return NULL;
    return kind == COCOS_ASSET_REQUIREMENTS ? m->algorithm.user_key : a->user_key;
}

const char *cocos_manifest_asset_name(const cocos_manifest *m, int kind, size_t index)
{
    const cocos__asset *a = find_asset(m, kind, index);

    if (!a)
        return NULL;
    if (kind == COCOS_ASSET_DATASET)
        return a->filename;
    return kind == COCOS_ASSET_ALGORITHM ? "algorithm" : "requirements.txt";
}

int cocos_manifest_dataset_decompress(const cocos_manifest *m, size_t index)
{
    return index < m->n_datasets && m->datasets[index].decompress;
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
    return i < m->approvals.n ? m->approvals.item[i] : NULL;
}

uint64_t cocos_manifest_job_limit(const cocos_manifest *m, int limit)
{
    if (limit < COCOS_JOB_MEMORY || limit > COCOS_JOB_DEADLINE_MS)
        return 0;
    return m->limits[limit] == COCOS__MANIFEST_NOT_GIVEN ? default_limits[limit] : m->limits[limit];
}

const char *cocos_manifest_job_output(const cocos_manifest *m)
{
    return m->output ? m->output : "consumers";
}

size_t cocos_manifest_job_network_count(const cocos_manifest *m)
{
    return m->network.n;
}

const char *cocos_manifest_agent_config(const cocos_manifest *m, int which)
{
    return which >= COCOS_AGENT_CERT_FILE && which <= COCOS_AGENT_PORT ? or_empty(m->config[which])
                                                                       : "";
}

int cocos_manifest_attested_tls(const cocos_manifest *m)
{
    return m->attested_tls;
}
