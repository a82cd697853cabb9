/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "codec/hex.h"
#include "manifest/model.h"

/* Every rule that cocos-v1 section 2 calls strict, and our own caps. */

#define ID_MAX           64
#define FILENAME_MAX_LEN 255
#define TEXT_MAX         1024
#define LONG_MAX_LEN     16384 /* description, one argument */
#define CERTS            "/etc/certs/"

/* Upper bounds of limits, by enum cocos_job_limit: beyond them a number is a mistake. */
static const struct {
    const char *pointer;
    uint64_t max;
} limit_rules[] = {
    [COCOS_JOB_MEMORY] = {"/job/memory", UINT64_C(1) << 50},
    [COCOS_JOB_CPU] = {"/job/cpu", 1024000},
    [COCOS_JOB_PROCESSES] = {"/job/processes", 4194304},
    [COCOS_JOB_DISK] = {"/job/disk", UINT64_C(1) << 50},
    [COCOS_JOB_DEADLINE_MS] = {"/job/deadline", UINT64_C(30) * 86400 * 1000},
};

static const char *text(const char *s)
{
    return s ? s : "";
}

static int is_one_of(const char *s, const char *const *choices)
{
    while (*choices && strcmp(s, *choices) != 0)
        choices++;
    return *choices != NULL;
}

static void check_text(const char *s, const char *pointer, size_t max, cocos__defects *d)
{
    char found[32];

    if (strlen(text(s)) <= max)
        return;
    snprintf(found, sizeof found, "%zu bytes", strlen(s));
    cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.text.length", pointer, NULL, found,
                  "at most %zu bytes are allowed", max);
}

static void check_choice(const char *s,
                         const char *pointer,
                         const char *const *choices,
                         const char *list,
                         cocos__defects *d)
{
    if (*text(s) && !is_one_of(s, choices))
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.choice", pointer, list, s,
                      "must be one of %s", list);
}

static void check_id(const cocos_manifest *m, cocos__defects *d)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *id = text(m->id);
    size_t len = strlen(id);

    if (len == 0 || len > ID_MAX || strspn(id, allowed) != len)
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.id", "/id", "1 to 64 of A-Z a-z 0-9 . _ -",
                      id, "must be 1 to 64 characters of A-Z a-z 0-9 . _ -");
}

static void check_source(const cocos__asset *a, const char *pointer, cocos__defects *d)
{
    static const char *const types[] = {"https", "http", "s3", "oci-image", NULL};
    char at[96];

    snprintf(at, sizeof at, "%s/source/type", pointer);
    check_choice(a->source.type, at, types, "https, http, s3, oci-image", d);
    snprintf(at, sizeof at, "%s/source/url", pointer);
    check_text(a->source.url, at, TEXT_MAX, d);
    snprintf(at, sizeof at, "%s/source/kbs_resource_path", pointer);
    check_text(a->source.kbs_resource_path, at, TEXT_MAX, d);
    snprintf(at, sizeof at, "%s/kbs/url", pointer);
    check_text(a->kbs_url, at, TEXT_MAX, d);
}

static void check_hash(const cocos__asset *a, const char *pointer, cocos__defects *d)
{
    char at[96];

    snprintf(at, sizeof at, "%s/hash", pointer);
    if (!a->has_hash)
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.hash.missing", at, "SHA3-256 of the asset",
                      "nothing", "the digest is missing");
}

static void check_asset(const cocos__asset *a, const char *pointer, cocos__defects *d)
{
    char at[96];

    check_hash(a, pointer, d);
    check_source(a, pointer, d);
    snprintf(at, sizeof at, "%s/user_key", pointer);
    if (!a->owner)
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.key.missing", at, "public key of the owner",
                      "nothing", "the owner's key is missing");
}

static void check_algorithm(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const types[] = {"bin", "python", "wasm", "docker", NULL};

    if (!m->has_algorithm) {
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.algorithm.missing", "/algorithm", NULL,
                      NULL, "there is no algorithm");
        return;
    }
    check_asset(&m->algorithm, "/algorithm", d);
    if (!*text(m->algo_type))
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.choice", "/algorithm/algo_type",
                      "bin, python, wasm, docker", "nothing",
                      "the kind of the algorithm is missing");
    check_choice(m->algo_type, "/algorithm/algo_type", types, "bin, python, wasm, docker", d);
    if (m->has_requirements)
        check_hash(&m->requirements, "/algorithm/requirements", d);
    if (m->has_requirements && (m->requirements.owner || m->requirements.filename))
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.unknown", "/algorithm/requirements",
                      "hash, size", NULL, "has only hash and size");
}

static int is_filename(const char *s)
{
    size_t len = strlen(s);
    return len > 0 && len <= FILENAME_MAX_LEN && !strchr(s, '/') && strcmp(s, ".") != 0 &&
           strcmp(s, "..") != 0;
}

/* Quadratic, and bounded by the cap on data sets. */
static void check_unique(const cocos_manifest *m, size_t i, const char *at, cocos__defects *d)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(text(m->datasets[k].filename), m->datasets[i].filename) == 0) {
            cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.filename.double", at, NULL,
                          m->datasets[i].filename, "data set %zu has the same file name", k);
            return;
        }
    }
}

static void check_dataset(const cocos_manifest *m, size_t i, cocos__defects *d)
{
    char pointer[64];
    char at[96];

    snprintf(pointer, sizeof pointer, "/datasets/%zu", i);
    snprintf(at, sizeof at, "%s/filename", pointer);
    check_asset(&m->datasets[i], pointer, d);
    if (is_filename(text(m->datasets[i].filename)))
        check_unique(m, i, at, d);
    else
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.filename", at,
                      "1 to 255 bytes without /, not . or ..", text(m->datasets[i].filename),
                      "must be a plain file name of 1 to 255 bytes");
}

static void check_consumers(const cocos_manifest *m, cocos__defects *d)
{
    char at[64];

    if (m->n_consumers == 0)
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.consumers.none", "/result_consumers", NULL,
                      NULL, "nobody is named who may get the result");
    for (size_t i = 0; i < m->n_consumers; i++) {
        snprintf(at, sizeof at, "/result_consumers/%zu/user_key", i);
        if (!m->consumers[i])
            cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.key.missing", at,
                          "public key of the consumer", "nothing", "the consumer's key is missing");
    }
}

static int is_thumbprint(const char *s)
{
    uint8_t bytes[32];
    return cocos__hex_decode(s, strlen(s), bytes, sizeof bytes, NULL) == COCOS_OK;
}

static void check_approvals(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const roles[] = {"algorithm-provider", "data-provider", "consumer", NULL};
    char at[64];

    for (size_t i = 0; i < m->approvals.n; i++) {
        const char *a = text(m->approvals.items[i]);
        snprintf(at, sizeof at, "/approvals/%zu", i);
        if (!is_one_of(a, roles) && !is_thumbprint(a))
            cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.approval", at,
                          "algorithm-provider, data-provider, consumer, or 64 hex digits", a,
                          "must be a role or the thumbprint of a key");
    }
}

static void
check_list(const cocos__text_list *list, const char *pointer, size_t max, cocos__defects *d)
{
    char at[96];

    for (size_t i = 0; i < list->n; i++) {
        snprintf(at, sizeof at, "%s/%zu", pointer, i);
        check_text(list->items[i], at, max, d);
    }
}

static void check_job(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const outputs[] = {"consumers", "parties", "none", NULL};
    char expected[64];
    char found[32];

    check_choice(m->output, "/job/output", outputs, "consumers, parties, none", d);
    for (size_t i = COCOS_JOB_MEMORY; i < COCOS__ARRAY_LEN(limit_rules); i++) {
        if (m->limits[i] <= limit_rules[i].max)
            continue;
        snprintf(expected, sizeof expected, "at most %llu", (unsigned long long)limit_rules[i].max);
        snprintf(found, sizeof found, "%llu", (unsigned long long)m->limits[i]);
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.limit", limit_rules[i].pointer, expected,
                      found, "the limit is too large");
    }
}

/* Below /etc/certs, without a way out of it; never key material itself. */
static void check_cert_path(const char *s, const char *pointer, cocos__defects *d)
{
    if (!*text(s))
        return;

    const char *rest = strncmp(s, CERTS, strlen(CERTS)) == 0 ? s + strlen(CERTS) : "";
    if (!*rest || strlen(s) > TEXT_MAX || strstr(s, "/../") || strstr(s, "//") ||
        strcmp(rest, "..") == 0 || strchr(s, '\n') ||
        (strlen(s) > 3 && strcmp(s + strlen(s) - 3, "/..") == 0))
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.certs", pointer, "a path below /etc/certs",
                      NULL, "must be a path below /etc/certs, or empty");
}

static void check_config(const cocos_manifest *m, cocos__defects *d)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    const char *port = text(m->config[COCOS_AGENT_PORT]);

    check_cert_path(m->config[COCOS_AGENT_CERT_FILE], "/agent_config/cert_file", d);
    check_cert_path(m->config[COCOS_AGENT_KEY_FILE], "/agent_config/key_file", d);
    check_cert_path(m->config[COCOS_AGENT_CLIENT_CA_FILE], "/agent_config/client_ca_file", d);
    check_choice(m->config[COCOS_AGENT_LOG_LEVEL], "/agent_config/log_level", levels,
                 "debug, info, warn, error", d);
    if (!*text(m->config[COCOS_AGENT_CERT_FILE]) != !*text(m->config[COCOS_AGENT_KEY_FILE]))
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.certs.pair", "/agent_config",
                      "cert_file and key_file", NULL, "cert_file and key_file belong together");
    if (*port && strcmp(port, "7002") != 0)
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.port", "/agent_config/port", "7002", port,
                      "must be empty or 7002");
    if (*text(m->server_ca_file))
        cocos__defect(d, COCOS_ERR_MALFORMED, "manifest.server_ca", "/agent_config/server_ca_file",
                      "nothing", NULL, "must be empty");
}

void cocos__manifest_check(const cocos_manifest *m, cocos__defects *d)
{
    char found[32];

    snprintf(found, sizeof found, "%llu", (unsigned long long)m->version);
    if (m->version != 1)
        cocos__defect(d, COCOS_ERR_UNSUPPORTED, "manifest.version", "/version", "1", found,
                      "this version of the format is not known");
    check_id(m, d);
    check_text(m->name, "/name", TEXT_MAX, d);
    check_text(m->description, "/description", LONG_MAX_LEN, d);
    check_algorithm(m, d);
    check_list(&m->algo_args, "/algorithm/algo_args", LONG_MAX_LEN, d);
    for (size_t i = 0; i < m->n_datasets; i++)
        check_dataset(m, i, d);
    check_consumers(m, d);
    check_approvals(m, d);
    check_list(&m->network, "/job/network", TEXT_MAX, d);
    check_job(m, d);
    check_config(m, d);
}
