/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/agree.h"

#include <stdio.h>
#include <string.h>

#include "manifest/model.h"

static const char *text(const char *s)
{
    return s ? s : "";
}

static cocos__span spki(const cocos_key *key)
{
    cocos__span s;
    s.data = cocos_key_spki(key, &s.len);
    return s;
}

static cocos__old_asset old_asset(const cocos__asset *a)
{
    cocos__old_asset o = {
        .hash = {a->hash, sizeof a->hash},
        .user_key = spki(a->owner),
        .filename = text(a->filename),
        .decompress = a->decompress,
        .source = {text(a->source.type), text(a->source.url), text(a->source.kbs_resource_path),
                   a->source.encrypted},
        .kbs_url = text(a->kbs_url),
        .kbs_enabled = a->kbs_enabled,
    };
    return o;
}

int cocos__manifest_old_fields(const cocos_manifest *m, cocos__old_fields *old, cocos_error **err)
{
    COCOS__CLEANUP(cocos__old_fields_done)
    cocos__old_fields o = {
        .id = text(m->id),
        .name = text(m->name),
        .description = text(m->description),
        .algorithm = old_asset(&m->algorithm),
        .algo_type = text(m->algo_type),
        .port = text(m->config[COCOS_AGENT_PORT]),
        .cert_file = text(m->config[COCOS_AGENT_CERT_FILE]),
        .key_file = text(m->config[COCOS_AGENT_KEY_FILE]),
        .client_ca_file = text(m->config[COCOS_AGENT_CLIENT_CA_FILE]),
        .server_ca_file = "",
        .log_level = text(m->config[COCOS_AGENT_LOG_LEVEL]),
        .attested_tls = m->attested_tls,
    };

    o.algo_args = calloc(m->algo_args.n + 1, sizeof *o.algo_args);
    o.datasets = calloc(m->n_datasets + 1, sizeof *o.datasets);
    o.consumers = calloc(m->n_consumers + 1, sizeof *o.consumers);
    if (!o.algo_args || !o.datasets || !o.consumers)
        return cocos__fail_memory(err);

    while (o.n_algo_args < m->algo_args.n) {
        o.algo_args[o.n_algo_args] = m->algo_args.items[o.n_algo_args];
        o.n_algo_args++;
    }
    while (o.n_datasets < m->n_datasets) {
        o.datasets[o.n_datasets] = old_asset(&m->datasets[o.n_datasets]);
        o.n_datasets++;
    }
    while (o.n_consumers < m->n_consumers) {
        o.consumers[o.n_consumers] = spki(m->consumers[o.n_consumers]);
        o.n_consumers++;
    }
    *old = o;
    o = (cocos__old_fields){0};
    return COCOS_OK;
}

void cocos__old_fields_done(cocos__old_fields *old)
{
    free(old->algo_args);
    free(old->datasets);
    free(old->consumers);
    *old = (cocos__old_fields){0};
}

/* One comparison run: where it stands and what was found. */
struct comparing {
    cocos__defects *defects;
    char at[64];
};

static void differs(struct comparing *c, const char *name)
{
    cocos__defect(c->defects, COCOS_ERR_MALFORMED, "manifest.disagrees", NULL, NULL, NULL,
                  "old field %s%s is not what the manifest says", c->at, name);
}

static void compare_text(struct comparing *c, const char *name, const char *a, const char *b)
{
    if (strcmp(text(a), text(b)) != 0)
        differs(c, name);
}

static void compare_bytes(struct comparing *c, const char *name, cocos__span a, cocos__span b)
{
    if (a.len != b.len || (a.len && memcmp(a.data, b.data, a.len) != 0))
        differs(c, name);
}

static void compare_flag(struct comparing *c, const char *name, int a, int b)
{
    if (!a != !b)
        differs(c, name);
}

static int compare_count(struct comparing *c, const char *name, size_t a, size_t b)
{
    if (a != b)
        differs(c, name);
    return a == b;
}

static void compare_asset(struct comparing *c, const cocos__old_asset *a, const cocos__old_asset *b)
{
    compare_bytes(c, "hash", a->hash, b->hash);
    compare_bytes(c, "userKey", a->user_key, b->user_key);
    compare_text(c, "filename", a->filename, b->filename);
    compare_flag(c, "decompress", a->decompress, b->decompress);
    compare_text(c, "source.type", a->source.type, b->source.type);
    compare_text(c, "source.url", a->source.url, b->source.url);
    compare_text(c, "source.kbs_resource_path", a->source.kbs_resource_path,
                 b->source.kbs_resource_path);
    compare_flag(c, "source.encrypted", a->source.encrypted, b->source.encrypted);
    compare_text(c, "kbs.url", a->kbs_url, b->kbs_url);
    compare_flag(c, "kbs.enabled", a->kbs_enabled, b->kbs_enabled);
}

static void
compare_lists(struct comparing *c, const cocos__old_fields *a, const cocos__old_fields *b)
{
    int same_args = compare_count(c, "algorithm.algo_args", a->n_algo_args, b->n_algo_args);
    int same_sets = compare_count(c, "datasets", a->n_datasets, b->n_datasets);
    int same_consumers = compare_count(c, "result_consumers", a->n_consumers, b->n_consumers);

    for (size_t i = 0; same_args && i < a->n_algo_args; i++) {
        snprintf(c->at, sizeof c->at, "algorithm.algo_args[%zu]", i);
        compare_text(c, "", a->algo_args[i], b->algo_args[i]);
    }
    for (size_t i = 0; same_sets && i < a->n_datasets; i++) {
        snprintf(c->at, sizeof c->at, "datasets[%zu].", i);
        compare_asset(c, &a->datasets[i], &b->datasets[i]);
    }
    for (size_t i = 0; same_consumers && i < a->n_consumers; i++) {
        snprintf(c->at, sizeof c->at, "result_consumers[%zu].", i);
        compare_bytes(c, "userKey", a->consumers[i], b->consumers[i]);
    }
}

static void
compare_config(struct comparing *c, const cocos__old_fields *a, const cocos__old_fields *b)
{
    snprintf(c->at, sizeof c->at, "agent_config.");
    compare_text(c, "port", a->port, b->port);
    compare_text(c, "cert_file", a->cert_file, b->cert_file);
    compare_text(c, "key_file", a->key_file, b->key_file);
    compare_text(c, "client_ca_file", a->client_ca_file, b->client_ca_file);
    compare_text(c, "server_ca_file", a->server_ca_file, b->server_ca_file);
    compare_text(c, "log_level", a->log_level, b->log_level);
    compare_flag(c, "attested_tls", a->attested_tls, b->attested_tls);
}

int cocos__manifest_agrees(const cocos_manifest *m, const cocos__old_fields *old, cocos_error **err)
{
    COCOS__CLEANUP(cocos__old_fields_done) cocos__old_fields expected = {0};
    COCOS__CLEANUP(cocos__defects_done) cocos__defects defects = {.n = 0};
    struct comparing c = {&defects, ""};

    int r = cocos__manifest_old_fields(m, &expected, err);
    if (r < 0)
        return r;

    compare_text(&c, "id", old->id, expected.id);
    compare_text(&c, "name", old->name, expected.name);
    compare_text(&c, "description", old->description, expected.description);
    compare_lists(&c, old, &expected);
    snprintf(c.at, sizeof c.at, "algorithm.");
    compare_text(&c, "algo_type", old->algo_type, expected.algo_type);
    compare_asset(&c, &old->algorithm, &expected.algorithm);
    compare_config(&c, old, &expected);
    return cocos__defects_finish(&defects, err);
}
