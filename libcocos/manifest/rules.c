/* SPDX-License-Identifier: Apache-2.0 */
/* What values a manifest may have (cocos-v1 section 2, "Strict"), whichever form it came in. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/model.h"

#define ID_MAX    64
#define CERTS_DIR "/etc/certs/"
#define TEXT_MAX  65536

static int is_one_of(const char *text, const char *const *allowed)
{
    while (*allowed && strcmp(*allowed, text) != 0)
        allowed++;
    return *allowed != NULL;
}

/* The place is told as a JSON Pointer, like the defects that parsing finds. */
static void check_choice(cocos__defects *d,
                         const char *code,
                         const char *where,
                         const char *text,
                         const char *const *allowed)
{
    if (text && !is_one_of(text, allowed))
        cocos__defect(d, code, where, "\"%.64s\" is none of the allowed values", text);
}

static void check_id(const cocos_manifest *m, cocos__defects *d)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = m->id ? strlen(m->id) : 0;

    if (len == 0)
        cocos__defect(d, "manifest.required", "/id", "must be stated");
    else if (len > ID_MAX)
        cocos__defect(d, "manifest.id", "/id", "has %zu characters, at most %d are allowed", len,
                      ID_MAX);
    else if (strspn(m->id, allowed) != len)
        cocos__defect(d, "manifest.id", "/id",
                      "only letters, digits, '.', '_' and '-' are allowed");
}

static void check_size(cocos__defects *d, const char *where, uint64_t size)
{
    if (size != COCOS_SIZE_UNKNOWN && size > INT64_MAX)
        cocos__defect_in(d, "manifest.size", where, "size", "at most 2^63 - 1 bytes are possible");
}

static void check_source(const cocos__asset *a, const char *where, cocos__defects *d)
{
    static const char *const types[] = {"https", "http", "s3", "oci-image", NULL};
    const cocos__source *s = &a->source;
    char place[64];

    snprintf(place, sizeof place, "%s/source/type", where);
    check_choice(d, "manifest.source.type", place, s->type, types);
    if (!s->url && (s->type || s->kbs_resource_path || s->encrypted))
        cocos__defect_in(d, "manifest.source.url", where, "source/url", "a source has an address");
    if (s->encrypted && !s->kbs_resource_path)
        cocos__defect_in(d, "manifest.source.key", where, "source/kbs_resource_path",
                         "an encrypted source needs a key");
    if (a->kbs_enabled && !a->kbs_url)
        cocos__defect_in(d, "manifest.kbs.url", where, "kbs/url", "a key broker has an address");
}

static void check_filename(const char *name, const char *where, cocos__defects *d)
{
    if (!name) {
        cocos__defect_in(d, "manifest.required", where, "filename", "must be stated");
    } else if (strlen(name) > COCOS__MANIFEST_NAME_MAX) {
        cocos__defect_in(d, "manifest.filename", where, "filename",
                         "has %zu bytes, at most %d are allowed", strlen(name),
                         COCOS__MANIFEST_NAME_MAX);
    } else if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        cocos__defect_in(d, "manifest.filename", where, "filename",
                         "must be one name, without '/', and not '.' or '..'");
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
check_unique(const char **names, size_t n, const char *code, const char *where, cocos__defects *d)
{
    if (n > 1)
        qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            cocos__defect(d, code, where, "\"%.64s\" stands twice", names[i]);
    }
}

static void check_datasets(const cocos_manifest *m, cocos__defects *d)
{
    const char *names[COCOS__MANIFEST_LIST_MAX];
    char where[32];
    size_t n = 0;

    for (size_t i = 0; i < m->n_datasets; i++) {
        const cocos__asset *a = &m->datasets[i];
        if (!a->present)
            continue; /* not a map: told already */
        snprintf(where, sizeof where, "/datasets/%zu", i);
        check_filename(a->filename, where, d);
        check_size(d, where, a->size);
        check_source(a, where, d);
        if (a->filename)
            names[n++] = a->filename;
    }
    check_unique(names, n, "manifest.filename.double", "/datasets", d);
}

static int is_thumbprint(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static void check_approvals(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const roles[] = {"algorithm-provider", "data-provider", "consumer", NULL};
    const char *names[COCOS__MANIFEST_LIST_MAX];
    char number[24];

    for (size_t i = 0; i < m->approvals.n; i++) {
        names[i] = m->approvals.item[i];
        if (!is_thumbprint(names[i]) && !is_one_of(names[i], roles)) {
            snprintf(number, sizeof number, "%zu", i);
            cocos__defect_in(d, "manifest.approvals", "/approvals", number,
                             "neither a thumbprint of 64 lower-case hex digits nor "
                             "algorithm-provider, data-provider or consumer");
        }
    }
    check_unique(names, m->approvals.n, "manifest.approvals", "/approvals", d);
}

/* By enum cocos_job_limit. Beyond these a number is a mistake. */
static const struct {
    const char *name;
    uint64_t max;
} limits[] = {
    [COCOS_JOB_MEMORY] = {"memory", UINT64_C(1) << 50},
    [COCOS_JOB_CPU] = {"cpu", 1024000},
    [COCOS_JOB_PROCESSES] = {"processes", 4194304}, /* Linux: PID_MAX_LIMIT */
    [COCOS_JOB_DISK] = {"disk", UINT64_C(1) << 50},
    [COCOS_JOB_DEADLINE_MS] = {"deadline", UINT64_C(30) * 86400 * 1000},
};

static void check_job(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const outputs[] = {"consumers", "parties", "none", NULL};
    char number[24];

    check_choice(d, "manifest.job.output", "/job/output", m->output, outputs);
    for (int i = COCOS_JOB_MEMORY; i <= COCOS_JOB_DEADLINE_MS; i++) {
        uint64_t v = m->limits[i];
        if (v != COCOS__MANIFEST_NOT_GIVEN && (v == 0 || v > limits[i].max))
            cocos__defect_in(d, "manifest.job.limit", "/job", limits[i].name,
                             "is %" PRIu64 ", must be from 1 to %" PRIu64, v, limits[i].max);
    }
    for (size_t i = 0; i < m->network.n; i++) {
        snprintf(number, sizeof number, "%zu", i);
        if (!m->network.item[i][0])
            cocos__defect_in(d, "manifest.job.network", "/job/network", number, "is empty");
    }
}

/* Not a place the host could choose: only below the directory of certificates. */
static void check_cert_path(const char *path, const char *where, cocos__defects *d)
{
    size_t prefix = strlen(CERTS_DIR);

    if (!path)
        return;
    if (strncmp(path, CERTS_DIR, prefix) != 0 || !path[prefix] || strstr(path, "/../") ||
        strstr(path, "//") || (strlen(path) > 3 && strcmp(path + strlen(path) - 3, "/..") == 0) ||
        strlen(path) > 4095)
        cocos__defect(d, "manifest.agent_config.path", where, "must be a file below %s", CERTS_DIR);
}

static void check_config(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const ports[] = {"7002", NULL};
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};

    check_choice(d, "manifest.agent_config.port", "/agent_config/port", m->config[COCOS_AGENT_PORT],
                 ports);
    check_choice(d, "manifest.agent_config.log_level", "/agent_config/log_level",
                 m->config[COCOS_AGENT_LOG_LEVEL], levels);
    check_cert_path(m->config[COCOS_AGENT_CERT_FILE], "/agent_config/cert_file", d);
    check_cert_path(m->config[COCOS_AGENT_KEY_FILE], "/agent_config/key_file", d);
    check_cert_path(m->config[COCOS_AGENT_CLIENT_CA_FILE], "/agent_config/client_ca_file", d);
    if (!m->config[COCOS_AGENT_CERT_FILE] != !m->config[COCOS_AGENT_KEY_FILE])
        cocos__defect(d, "manifest.agent_config.pair", "/agent_config",
                      "cert_file and key_file belong together");
}

static void check_text(const char *text, const char *where, cocos__defects *d)
{
    if (text && strlen(text) > TEXT_MAX)
        cocos__defect(d, "manifest.text.length", where, "has %zu bytes, at most %d are allowed",
                      strlen(text), TEXT_MAX);
}

void cocos__manifest_check(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const kinds[] = {"bin", "python", "wasm", "docker", NULL};

    check_id(m, d);
    check_text(m->name, "/name", d);
    check_text(m->description, "/description", d);
    check_choice(d, "manifest.algo_type", "/algorithm/algo_type", m->algo_type, kinds);
    check_size(d, "/algorithm", m->algorithm.size);
    check_source(&m->algorithm, "/algorithm", d);
    check_datasets(m, d);
    check_approvals(m, d);
    check_job(m, d);
    check_config(m, d);
}
