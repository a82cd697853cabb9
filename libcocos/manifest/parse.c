/* SPDX-License-Identifier: Apache-2.0 */
/* From a document to the model: names and types, member by member. Rules on values are in rules.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "manifest/node.h"

struct reading {
    const char *base;
    cocos__defects *d;
};

static const char *const source_names[] = {"type", "url", "encrypted", "kbs_resource_path", NULL};
static const char *const kbs_names[] = {"url", "enabled", NULL};
static const char *const consumer_names[] = {"user_key", NULL};
static const char *const job_names[] = {"output",    "network", "memory",   "cpu",
                                        "processes", "disk",    "deadline", NULL};
static const char *const config_names[] = {
    "port", "attested_tls", "cert_file", "key_file", "client_ca_file", "log_level", NULL};
/* `file` stands in the JSON form only: the last name of these lists, left out for CBOR. */
static const char *const requirements_names[] = {"hash", "file", NULL};
static const char *const algorithm_names[] = {
    "hash",         "size",   "user_key", "algo_type", "algo_args",
    "requirements", "source", "kbs",      "file",      NULL};
static const char *const dataset_names[] = {"filename", "hash", "size", "user_key", "decompress",
                                            "source",   "kbs",  "file", NULL};
static const char *const top_names[] = {
    "version",          "id",        "name", "description",  "algorithm", "datasets",
    "result_consumers", "approvals", "job",  "agent_config", NULL};

/* One call a type: what is not stated stays as it was, what is wrong becomes a defect. */
#define TAKE(name, type, call)                                                                     \
    static void name(const struct reading *rd, const cocos__node *n, const char *member, type ret) \
    {                                                                                              \
        cocos__node m = cocos__node_member(n, member);                                             \
        cocos_error *e = NULL;                                                                     \
        if (!cocos__node_is_empty(&m) && call < 0)                                                 \
            cocos__defect_take(rd->d, e);                                                          \
    }

TAKE(take_text, char **, cocos__node_text(&m, ret, &e))
TAKE(take_bool, int *, cocos__node_bool(&m, ret, &e))
TAKE(take_uint, uint64_t *, cocos__node_uint(&m, ret, &e))
TAKE(take_bytes, uint64_t *, cocos__node_bytes(&m, ret, &e))
TAKE(take_duration, uint64_t *, cocos__node_duration(&m, ret, &e))
TAKE(take_cpu, uint64_t *, cocos__node_cpu(&m, ret, &e))

static void
defect_at(const struct reading *rd, const cocos__node *n, const char *code, const char *what)
{
    char where[COCOS__POINTER_MAX];

    cocos__path_print(&n->path, where, sizeof where);
    cocos__defect(rd->d, code, where, "%s", what);
}

/* 1 when the member is there and a map; a defect when it is something else, or needed and not
 * there. */
static int enter_map(const struct reading *rd, const cocos__node *m, int required)
{
    cocos_error *e = NULL;

    if (cocos__node_is_empty(m)) {
        if (required)
            defect_at(rd, m, "manifest.required", "must be stated");
        return 0;
    }
    if (cocos__node_expect_map(m, &e) < 0) {
        cocos__defect_take(rd->d, e);
        return 0;
    }
    return 1;
}

/* The same for a list; at most max items. Gives the number of items. */
static size_t enter_list(const struct reading *rd, const cocos__node *m, size_t max)
{
    cocos_error *e = NULL;
    char what[64];
    size_t n = cocos__node_count(m);

    if (cocos__node_is_empty(m))
        return 0;
    if (cocos__node_expect_list(m, &e) < 0) {
        cocos__defect_take(rd->d, e);
        return 0;
    }
    if (n > max) {
        snprintf(what, sizeof what, "at most %zu entries are allowed, found %zu", max, n);
        defect_at(rd, m, "manifest.count", what);
        return 0;
    }
    return n;
}

static void take_texts(const struct reading *rd,
                       const cocos__node *n,
                       const char *member,
                       size_t max,
                       cocos__texts *ret)
{
    cocos__node list = cocos__node_member(n, member);
    size_t count = enter_list(rd, &list, max);

    ret->item = count ? calloc(count, sizeof *ret->item) : NULL;
    if (count && !ret->item)
        rd->d->broken = 1;
    for (size_t i = 0; i < count && ret->item; i++) {
        cocos__node item = cocos__node_item(&list, i);
        cocos_error *e = NULL;
        if (cocos__node_text(&item, &ret->item[ret->n], &e) < 0)
            cocos__defect_take(rd->d, e);
        else
            ret->n++;
    }
}

/* Whatever file the key came from, a manifest holds no private part. */
static int without_private(cocos_key **key, cocos_error **err)
{
    cocos_key *public = NULL;
    size_t len;

    if (!cocos_key_is_private(*key))
        return COCOS_OK;
    const uint8_t *spki = cocos_key_spki(*key, &len);
    int r = cocos_key_from_spki(spki, len, &public, err);
    cocos_key_free(*key);
    *key = public;
    return r;
}

static void take_key(const struct reading *rd, const cocos__node *n, cocos_key **ret)
{
    cocos__node m = cocos__node_member(n, "user_key");
    cocos_error *e = NULL;

    if (cocos__node_is_empty(&m)) {
        defect_at(rd, &m, "manifest.required", "must be stated");
        return;
    }
    int r = cocos__node_key(&m, rd->base, ret, &e);
    if (r == COCOS_OK)
        r = without_private(ret, &e);
    if (r < 0)
        cocos__defect_take(rd->d, e);
}

#define READ_SIZE 65536

static int digest_fd(int fd, const char *path, uint8_t *hash, cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
    COCOS__CLEANUP(cocos__freep) uint8_t *chunk = malloc(READ_SIZE);
    ssize_t n = 0;

    int r = chunk ? cocos__hasher_new(COCOS__SHA3_256, &h, err) : cocos__fail_memory(err);
    while (r == COCOS_OK) {
        n = read(fd, chunk, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        r = cocos__hasher_update(h, chunk, (size_t)n, err);
    }
    if (r < 0)
        return r;
    if (n < 0)
        return cocos__fail_errno(err, errno, "manifest.file", "cannot read %s", path);
    return cocos__hasher_finish(h, hash, err);
}

static int digest_file(const char *base, const char *file, uint8_t *hash, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) char *path = NULL;
    COCOS__CLEANUP(cocos__closep) int fd = -1;
    struct stat st;

    if (asprintf(&path, "%s%s%s", file[0] == '/' ? "" : base, file[0] == '/' ? "" : "/", file) <
        0) {
        path = NULL;
        return cocos__fail_memory(err);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return cocos__fail_errno(err, errno, "manifest.file", "cannot open %s", path);
    if (!S_ISREG(st.st_mode)) {
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "manifest.file",
                           "%s is not a regular file; state its hash instead", path);
    }
    return digest_fd(fd, path, hash, err);
}

static void take_hash(const struct reading *rd, const cocos__node *n, uint8_t *hash)
{
    COCOS__CLEANUP(cocos__freep) char *file = NULL;
    cocos__node m = cocos__node_member(n, "hash");
    cocos_error *e = NULL;
    int r = COCOS_OK;

    if (!n->is_cbor)
        take_text(rd, n, "file", &file);
    if (!cocos__node_is_empty(&m))
        r = cocos__node_hash(&m, hash, &e);
    else if (file && rd->base)
        r = digest_file(rd->base, file, hash, &e);
    else
        defect_at(rd, &m, "manifest.required",
                  file ? "must be stated: files are not read here" : "must be stated");
    if (r < 0)
        cocos__defect_take(rd->d, e);
}

static void
only(const struct reading *rd, const cocos__node *n, const char *const *names, size_t count)
{
    const char *without_file[16];

    if (!n->is_cbor) {
        cocos__node_only(n, names, rd->d);
        return;
    }
    for (size_t i = 0; i < count - 2; i++)
        without_file[i] = names[i];
    without_file[count - 2] = NULL;
    cocos__node_only(n, without_file, rd->d);
}

static void take_source(const struct reading *rd, const cocos__node *n, cocos__asset *a)
{
    cocos__node source = cocos__node_member(n, "source");
    cocos__node kbs = cocos__node_member(n, "kbs");

    if (enter_map(rd, &source, 0)) {
        cocos__node_only(&source, source_names, rd->d);
        take_text(rd, &source, "type", &a->source.type);
        take_text(rd, &source, "url", &a->source.url);
        take_text(rd, &source, "kbs_resource_path", &a->source.kbs_resource_path);
        take_bool(rd, &source, "encrypted", &a->source.encrypted);
    }
    if (enter_map(rd, &kbs, 0)) {
        cocos__node_only(&kbs, kbs_names, rd->d);
        take_text(rd, &kbs, "url", &a->kbs_url);
        take_bool(rd, &kbs, "enabled", &a->kbs_enabled);
    }
}

static void take_asset(const struct reading *rd, const cocos__node *n, cocos__asset *a)
{
    a->present = 1;
    take_hash(rd, n, a->hash);
    take_bytes(rd, n, "size", &a->size);
    take_key(rd, n, &a->user_key);
    take_source(rd, n, a);
}

static void take_algorithm(const struct reading *rd, const cocos__node *root, cocos_manifest *m)
{
    cocos__node n = cocos__node_member(root, "algorithm");
    cocos__node requirements = cocos__node_member(&n, "requirements");

    if (!enter_map(rd, &n, 1))
        return;
    only(rd, &n, algorithm_names, COCOS__ARRAY_LEN(algorithm_names));
    take_asset(rd, &n, &m->algorithm);
    take_text(rd, &n, "algo_type", &m->algo_type);
    take_texts(rd, &n, "algo_args", COCOS__MANIFEST_ARGS_MAX, &m->algo_args);
    if (enter_map(rd, &requirements, 0)) {
        only(rd, &requirements, requirements_names, COCOS__ARRAY_LEN(requirements_names));
        m->requirements.present = 1;
        take_hash(rd, &requirements, m->requirements.hash);
    }
}

static void take_datasets(const struct reading *rd, const cocos__node *root, cocos_manifest *m)
{
    cocos__node list = cocos__node_member(root, "datasets");
    size_t n = enter_list(rd, &list, COCOS__MANIFEST_LIST_MAX);

    m->datasets = calloc(n + 1, sizeof *m->datasets);
    if (!m->datasets) {
        rd->d->broken = 1;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        cocos__node item = cocos__node_item(&list, i);
        cocos__asset *a = &m->datasets[m->n_datasets++];
        a->size = COCOS_SIZE_UNKNOWN;
        if (!enter_map(rd, &item, 1))
            continue;
        only(rd, &item, dataset_names, COCOS__ARRAY_LEN(dataset_names));
        take_asset(rd, &item, a);
        take_text(rd, &item, "filename", &a->filename);
        take_bool(rd, &item, "decompress", &a->decompress);
    }
}

static void take_consumers(const struct reading *rd, const cocos__node *root, cocos_manifest *m)
{
    cocos__node list = cocos__node_member(root, "result_consumers");
    size_t n = enter_list(rd, &list, COCOS__MANIFEST_LIST_MAX);

    if (cocos__node_is_empty(&list))
        defect_at(rd, &list, "manifest.required", "a computation has at least one consumer");
    m->consumers = calloc(n + 1, sizeof *m->consumers);
    if (!m->consumers) {
        rd->d->broken = 1;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        cocos__node item = cocos__node_item(&list, i);
        if (!enter_map(rd, &item, 1))
            continue;
        cocos__node_only(&item, consumer_names, rd->d);
        take_key(rd, &item, &m->consumers[m->n_consumers]);
        if (m->consumers[m->n_consumers])
            m->n_consumers++;
    }
}

static void take_job(const struct reading *rd, const cocos__node *root, cocos_manifest *m)
{
    cocos__node job = cocos__node_member(root, "job");

    if (!enter_map(rd, &job, 0))
        return;
    cocos__node_only(&job, job_names, rd->d);
    take_text(rd, &job, "output", &m->output);
    take_texts(rd, &job, "network", COCOS__MANIFEST_LIST_MAX, &m->network);
    take_bytes(rd, &job, "memory", &m->limits[COCOS_JOB_MEMORY]);
    take_cpu(rd, &job, "cpu", &m->limits[COCOS_JOB_CPU]);
    take_uint(rd, &job, "processes", &m->limits[COCOS_JOB_PROCESSES]);
    take_bytes(rd, &job, "disk", &m->limits[COCOS_JOB_DISK]);
    take_duration(rd, &job, "deadline", &m->limits[COCOS_JOB_DEADLINE_MS]);
}

static void take_config(const struct reading *rd, const cocos__node *root, cocos_manifest *m)
{
    cocos__node config = cocos__node_member(root, "agent_config");

    if (!enter_map(rd, &config, 0))
        return;
    cocos__node_only(&config, config_names, rd->d);
    take_text(rd, &config, "port", &m->config[COCOS_AGENT_PORT]);
    take_text(rd, &config, "cert_file", &m->config[COCOS_AGENT_CERT_FILE]);
    take_text(rd, &config, "key_file", &m->config[COCOS_AGENT_KEY_FILE]);
    take_text(rd, &config, "client_ca_file", &m->config[COCOS_AGENT_CLIENT_CA_FILE]);
    take_text(rd, &config, "log_level", &m->config[COCOS_AGENT_LOG_LEVEL]);
    take_bool(rd, &config, "attested_tls", &m->attested_tls);
}

/* A later version has other rules: nothing further is looked at. */
static int check_version(const struct reading *rd, const cocos__node *root)
{
    cocos__node m = cocos__node_member(root, "version");
    cocos_error *e = NULL;
    uint64_t version = 0;

    if (cocos__node_uint(&m, &version, &e) == COCOS_OK && version != 1) {
        cocos__fail(&e, COCOS_ERR_UNSUPPORTED, "manifest.version",
                    "manifest version %llu; this version reads 1", (unsigned long long)version);
    }
    if (e)
        cocos__defect_take(rd->d, e);
    return version == 0 || version == 1;
}

int cocos__manifest_parse(const cocos__node *root,
                          const char *base,
                          cocos_manifest *m,
                          cocos__defects *d)
{
    struct reading rd = {base, d};

    if (!enter_map(&rd, root, 1) || !check_version(&rd, root))
        return 0;
    cocos__node_only(root, top_names, d);
    take_text(&rd, root, "id", &m->id);
    take_text(&rd, root, "name", &m->name);
    take_text(&rd, root, "description", &m->description);
    take_algorithm(&rd, root, m);
    take_datasets(&rd, root, m);
    take_consumers(&rd, root, m);
    take_texts(&rd, root, "approvals", COCOS__MANIFEST_LIST_MAX, &m->approvals);
    take_job(&rd, root, m);
    take_config(&rd, root, m);
    return 1;
}
