/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/cbor.h"
#include "manifest/model.h"

/*
 * Reads the CBOR form into a model. A member of a wrong type ends the reading with that one defect;
 * what is well formed goes through all rules. In the end the bytes must be exactly what we would
 * write, so that a manifest has one digest only.
 */

static int read_text(const cocos__cbor *map, const char *name, char **out, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_named(map, name);
    cocos__span s;

    if (cocos__cbor_kind(&item) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_text(&item, &s, err);
    if (r < 0)
        return r;
    if (memchr(s.data, 0, s.len))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.text.nul", "%s holds a NUL byte",
                           name);
    *out = strndup((const char *)s.data, s.len);
    return *out ? COCOS_OK : cocos__fail_memory(err);
}

static int read_bool(const cocos__cbor *map, const char *name, int *out, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_named(map, name);
    return cocos__cbor_kind(&item) == COCOS__CBOR_ABSENT ? COCOS_OK
                                                         : cocos__cbor_bool(&item, out, err);
}

static int read_uint(const cocos__cbor *map, const char *name, uint64_t *out, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_named(map, name);
    return cocos__cbor_kind(&item) == COCOS__CBOR_ABSENT ? COCOS_OK
                                                         : cocos__cbor_uint(&item, out, err);
}

/* Number of items of an optional array within its cap. */
static int
read_count(const cocos__cbor *array, const char *name, size_t max, size_t *n, cocos_error **err)
{
    *n = 0;
    if (cocos__cbor_kind(array) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_expect(array, COCOS__CBOR_ARRAY, err);
    if (r < 0)
        return r;
    *n = cocos__cbor_count(array);
    if (*n > max)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.count",
                           "%s has %zu entries, at most %zu are allowed", name, *n, max);
    return COCOS_OK;
}

static int read_list(
    const cocos__cbor *map, const char *name, size_t max, cocos__text_list *out, cocos_error **err)
{
    cocos__cbor array = cocos__cbor_named(map, name);
    cocos__cbor_iter it;
    cocos__cbor item;
    size_t n;

    int r = read_count(&array, name, max, &n, err);
    if (r < 0 || n == 0)
        return r;
    out->items = calloc(n, sizeof *out->items);
    if (!out->items)
        return cocos__fail_memory(err);

    cocos__cbor_each(&it, &array);
    while (cocos__cbor_next(&it, NULL, &item)) {
        cocos__span s;
        r = cocos__cbor_text(&item, &s, err);
        if (r < 0)
            return r;
        if (memchr(s.data, 0, s.len))
            return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.text.nul", "%s holds a NUL byte",
                               name);
        out->items[out->n] = strndup((const char *)s.data, s.len);
        if (!out->items[out->n])
            return cocos__fail_memory(err);
        out->n++;
    }
    return COCOS_OK;
}

static int read_key(const cocos__cbor *map, cocos_key **out, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_named(map, "user_key");
    cocos__span spki;

    if (cocos__cbor_kind(&item) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_bytes(&item, &spki, err);
    return r < 0 ? r : cocos_key_from_spki(spki.data, spki.len, out, err);
}

static int read_source(const cocos__cbor *map, cocos__source *s, cocos_error **err)
{
    static const char *const names[] = {"type", "url", "encrypted", "kbs_resource_path", NULL};
    cocos__cbor inner = cocos__cbor_named(map, "source");

    if (cocos__cbor_kind(&inner) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_only_names(&inner, names, err);
    if (r == COCOS_OK)
        r = read_text(&inner, "type", &s->type, err);
    if (r == COCOS_OK)
        r = read_text(&inner, "url", &s->url, err);
    if (r == COCOS_OK)
        r = read_bool(&inner, "encrypted", &s->encrypted, err);
    if (r == COCOS_OK)
        r = read_text(&inner, "kbs_resource_path", &s->kbs_resource_path, err);
    return r;
}

static int read_kbs(const cocos__cbor *map, cocos__asset *a, cocos_error **err)
{
    static const char *const names[] = {"url", "enabled", NULL};
    cocos__cbor inner = cocos__cbor_named(map, "kbs");

    if (cocos__cbor_kind(&inner) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_only_names(&inner, names, err);
    if (r == COCOS_OK)
        r = read_text(&inner, "url", &a->kbs_url, err);
    if (r == COCOS_OK)
        r = read_bool(&inner, "enabled", &a->kbs_enabled, err);
    return r;
}

static int read_hash(const cocos__cbor *map, cocos__asset *a, cocos_error **err)
{
    cocos__cbor item = cocos__cbor_named(map, "hash");
    cocos__span s;

    if (cocos__cbor_kind(&item) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_bytes(&item, &s, err);
    if (r < 0)
        return r;
    if (s.len != sizeof a->hash)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.hash.length",
                           "a digest has %zu bytes, not %zu", sizeof a->hash, s.len);
    memcpy(a->hash, s.data, sizeof a->hash);
    a->has_hash = 1;
    return COCOS_OK;
}

static int read_asset(const cocos__cbor *map, cocos__asset *a, cocos_error **err)
{
    int r = read_hash(map, a, err);
    if (r == COCOS_OK)
        r = read_uint(map, "size", &a->size, err);
    if (r == COCOS_OK)
        r = read_key(map, &a->owner, err);
    if (r == COCOS_OK)
        r = read_source(map, &a->source, err);
    if (r == COCOS_OK)
        r = read_kbs(map, a, err);
    return r;
}

static int read_requirements(const cocos__cbor *algorithm, cocos_manifest *m, cocos_error **err)
{
    static const char *const names[] = {"hash", "size", NULL};
    cocos__cbor map = cocos__cbor_named(algorithm, "requirements");

    if (cocos__cbor_kind(&map) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    m->has_requirements = 1;
    int r = cocos__cbor_only_names(&map, names, err);
    return r < 0 ? r : read_asset(&map, &m->requirements, err);
}

static int read_algorithm(const cocos__cbor *root, cocos_manifest *m, cocos_error **err)
{
    static const char *const names[] = {"hash",      "size",      "user_key",     "source", "kbs",
                                        "algo_type", "algo_args", "requirements", NULL};
    cocos__cbor map = cocos__cbor_named(root, "algorithm");

    if (cocos__cbor_kind(&map) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    m->has_algorithm = 1;
    int r = cocos__cbor_only_names(&map, names, err);
    if (r == COCOS_OK)
        r = read_asset(&map, &m->algorithm, err);
    if (r == COCOS_OK)
        r = read_text(&map, "algo_type", &m->algo_type, err);
    if (r == COCOS_OK)
        r = read_list(&map, "algo_args", COCOS__MANIFEST_ARGS_MAX, &m->algo_args, err);
    if (r == COCOS_OK)
        r = read_requirements(&map, m, err);
    return r;
}

static int read_dataset(const cocos__cbor *map, cocos__asset *a, cocos_error **err)
{
    static const char *const names[] = {"hash", "size",     "user_key",   "source",
                                        "kbs",  "filename", "decompress", NULL};

    int r = cocos__cbor_only_names(map, names, err);
    if (r == COCOS_OK)
        r = read_asset(map, a, err);
    if (r == COCOS_OK)
        r = read_text(map, "filename", &a->filename, err);
    if (r == COCOS_OK)
        r = read_bool(map, "decompress", &a->decompress, err);
    return r;
}

static int read_datasets(const cocos__cbor *root, cocos_manifest *m, cocos_error **err)
{
    cocos__cbor array = cocos__cbor_named(root, "datasets");
    cocos__cbor_iter it;
    cocos__cbor item;
    size_t n;

    int r = read_count(&array, "datasets", COCOS__MANIFEST_DATASETS_MAX, &n, err);
    if (r == COCOS_OK && n > 0)
        r = cocos__manifest_set_datasets(m, n, err);
    if (r < 0 || n == 0)
        return r;

    cocos__cbor_each(&it, &array);
    for (size_t i = 0; r == COCOS_OK && cocos__cbor_next(&it, NULL, &item); i++)
        r = read_dataset(&item, &m->datasets[i], err);
    return r;
}

static int read_consumers(const cocos__cbor *root, cocos_manifest *m, cocos_error **err)
{
    static const char *const names[] = {"user_key", NULL};
    cocos__cbor array = cocos__cbor_named(root, "result_consumers");
    cocos__cbor_iter it;
    cocos__cbor item;
    size_t n;

    int r = read_count(&array, "result_consumers", COCOS__MANIFEST_CONSUMERS_MAX, &n, err);
    if (r == COCOS_OK && n > 0)
        r = cocos__manifest_set_consumers(m, n, err);
    if (r < 0 || n == 0)
        return r;

    cocos__cbor_each(&it, &array);
    for (size_t i = 0; r == COCOS_OK && cocos__cbor_next(&it, NULL, &item); i++) {
        r = cocos__cbor_only_names(&item, names, err);
        if (r == COCOS_OK)
            r = read_key(&item, &m->consumers[i], err);
    }
    return r;
}

static int read_limits(const cocos__cbor *map, cocos_manifest *m, cocos_error **err)
{
    static const char *const names[] = {
        [COCOS_JOB_MEMORY] = "memory",        [COCOS_JOB_CPU] = "cpu",
        [COCOS_JOB_PROCESSES] = "processes",  [COCOS_JOB_DISK] = "disk",
        [COCOS_JOB_DEADLINE_MS] = "deadline",
    };
    int r = COCOS_OK;

    for (size_t i = COCOS_JOB_MEMORY; r == COCOS_OK && i < COCOS__ARRAY_LEN(names); i++)
        r = read_uint(map, names[i], &m->limits[i], err);
    return r;
}

static int read_job(const cocos__cbor *root, cocos_manifest *m, cocos_error **err)
{
    static const char *const names[] = {"output",    "network", "memory",   "cpu",
                                        "processes", "disk",    "deadline", NULL};
    cocos__cbor map = cocos__cbor_named(root, "job");

    if (cocos__cbor_kind(&map) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_only_names(&map, names, err);
    if (r == COCOS_OK)
        r = read_text(&map, "output", &m->output, err);
    if (r == COCOS_OK)
        r = read_list(&map, "network", COCOS__MANIFEST_NETWORK_MAX, &m->network, err);
    if (r == COCOS_OK)
        r = read_limits(&map, m, err);
    return r;
}

static int read_config(const cocos__cbor *root, cocos_manifest *m, cocos_error **err)
{
    static const char *const names[] = {"port",           "attested_tls", "cert_file", "key_file",
                                        "client_ca_file", "log_level",    NULL};
    static const char *const texts[] = {
        [COCOS_AGENT_CERT_FILE] = "cert_file",
        [COCOS_AGENT_KEY_FILE] = "key_file",
        [COCOS_AGENT_CLIENT_CA_FILE] = "client_ca_file",
        [COCOS_AGENT_LOG_LEVEL] = "log_level",
        [COCOS_AGENT_PORT] = "port",
    };
    cocos__cbor map = cocos__cbor_named(root, "agent_config");

    if (cocos__cbor_kind(&map) == COCOS__CBOR_ABSENT)
        return COCOS_OK;
    int r = cocos__cbor_only_names(&map, names, err);
    for (size_t i = COCOS_AGENT_CERT_FILE; r == COCOS_OK && i < COCOS__ARRAY_LEN(texts); i++)
        r = read_text(&map, texts[i], &m->config[i], err);
    if (r == COCOS_OK)
        r = read_bool(&map, "attested_tls", &m->attested_tls, err);
    return r;
}

static int read_root(const cocos__cbor *root, cocos_manifest *m, cocos_error **err)
{
    static const char *const names[] = {
        "version",          "id",        "name", "description",  "algorithm", "datasets",
        "result_consumers", "approvals", "job",  "agent_config", NULL};

    int r = cocos__cbor_only_names(root, names, err);
    if (r == COCOS_OK)
        r = read_uint(root, "version", &m->version, err);
    if (r == COCOS_OK)
        r = read_text(root, "id", &m->id, err);
    if (r == COCOS_OK)
        r = read_text(root, "name", &m->name, err);
    if (r == COCOS_OK)
        r = read_text(root, "description", &m->description, err);
    if (r == COCOS_OK)
        r = read_algorithm(root, m, err);
    if (r == COCOS_OK)
        r = read_datasets(root, m, err);
    if (r == COCOS_OK)
        r = read_consumers(root, m, err);
    if (r == COCOS_OK)
        r = read_list(root, "approvals", COCOS__MANIFEST_APPROVALS_MAX, &m->approvals, err);
    if (r == COCOS_OK)
        r = read_job(root, m, err);
    if (r == COCOS_OK)
        r = read_config(root, m, err);
    return r;
}

static int check_bytes(const cocos_manifest *m, const uint8_t *data, size_t len, cocos_error **err)
{
    if (m->cbor_len == len && memcmp(m->cbor, data, len) == 0)
        return COCOS_OK;
    return cocos__fail(
        err, COCOS_ERR_MALFORMED, "manifest.encoding",
        "the bytes are not the one encoding of this manifest (a default or empty member is written out)");
}

int cocos_manifest_from_cbor(const uint8_t *data,
                             size_t len,
                             cocos_manifest **ret,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = NULL;
    COCOS__CLEANUP(cocos__defects_done) cocos__defects defects = {.n = 0};
    cocos__cbor root;

    if (len > COCOS__MANIFEST_MAX)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.size",
                           "the manifest has more than %u bytes", COCOS__MANIFEST_MAX);
    int r = cocos__manifest_new(&m, err);
    if (r == COCOS_OK)
        r = cocos__cbor_open(data, len, COCOS__CBOR_STRICT, &root, err);
    if (r == COCOS_OK)
        r = read_root(&root, m, err);
    if (r < 0)
        return r;

    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *done = NULL;
    r = cocos__manifest_finish(COCOS__STEAL(m), &defects, &done, err);
    if (r == COCOS_OK)
        r = check_bytes(done, data, len, err);
    if (r == COCOS_OK)
        *ret = COCOS__STEAL(done);
    return r;
}
