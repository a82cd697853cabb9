/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/cbor.h"
#include "manifest/model.h"

/*
 * The CBOR form (cocos-v1 section 2): the names of the JSON form as text keys, same nesting; what
 * is absent, "", [], {} or false is left out.
 */

typedef cocos__cbor_map map;

static void put_text(map *m, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_text(m->b, value);
}

static void put_true(map *m, const char *name, int value)
{
    if (!value)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_bool(m->b, 1);
}

static void put_number(map *m, const char *name, uint64_t value, uint64_t absent)
{
    if (value == absent)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_uint(m->b, value);
}

static void put_list(map *m, const char *name, const cocos__text_list *list)
{
    if (list->n == 0)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_array(m->b, list->n);
    for (size_t i = 0; i < list->n; i++)
        cocos__cbor_put_text(m->b, list->items[i]);
}

static void put_key(map *m, const cocos_key *key)
{
    size_t len;

    if (!key)
        return;
    cocos__cbor_map_name(m, "user_key");
    const uint8_t *spki = cocos_key_spki(key, &len);
    cocos__cbor_put_bytes(m->b, spki, len);
}

static int has(const char *s)
{
    return s && *s;
}

static void put_source(map *m, const cocos__source *s)
{
    map inner;

    if (!has(s->type) && !has(s->url) && !has(s->kbs_resource_path) && !s->encrypted)
        return;
    cocos__cbor_map_name(m, "source");
    cocos__cbor_map_begin(&inner, m->b);
    put_text(&inner, "type", s->type);
    put_text(&inner, "url", s->url);
    put_true(&inner, "encrypted", s->encrypted);
    put_text(&inner, "kbs_resource_path", s->kbs_resource_path);
    cocos__cbor_map_end(&inner);
}

static void put_kbs(map *m, const cocos__asset *a)
{
    map inner;

    if (!has(a->kbs_url) && !a->kbs_enabled)
        return;
    cocos__cbor_map_name(m, "kbs");
    cocos__cbor_map_begin(&inner, m->b);
    put_text(&inner, "url", a->kbs_url);
    put_true(&inner, "enabled", a->kbs_enabled);
    cocos__cbor_map_end(&inner);
}

static void put_asset(map *m, const cocos__asset *a)
{
    if (a->has_hash) {
        cocos__cbor_map_name(m, "hash");
        cocos__cbor_put_bytes(m->b, a->hash, sizeof a->hash);
    }
    put_number(m, "size", a->size, COCOS_SIZE_UNKNOWN);
    put_key(m, a->owner);
    put_text(m, "filename", a->filename);
    put_true(m, "decompress", a->decompress);
    put_source(m, &a->source);
    put_kbs(m, a);
}

static void put_algorithm(map *m, const cocos_manifest *x)
{
    map inner;
    map requirements;

    cocos__cbor_map_name(m, "algorithm");
    cocos__cbor_map_begin(&inner, m->b);
    put_asset(&inner, &x->algorithm);
    put_text(&inner, "algo_type", x->algo_type);
    put_list(&inner, "algo_args", &x->algo_args);
    if (x->has_requirements) {
        cocos__cbor_map_name(&inner, "requirements");
        cocos__cbor_map_begin(&requirements, m->b);
        put_asset(&requirements, &x->requirements);
        cocos__cbor_map_end(&requirements);
    }
    cocos__cbor_map_end(&inner);
}

static void put_datasets(map *m, const cocos_manifest *x)
{
    if (x->n_datasets == 0)
        return;
    cocos__cbor_map_name(m, "datasets");
    cocos__cbor_put_array(m->b, x->n_datasets);
    for (size_t i = 0; i < x->n_datasets; i++) {
        map inner;
        cocos__cbor_map_begin(&inner, m->b);
        put_asset(&inner, &x->datasets[i]);
        cocos__cbor_map_end(&inner);
    }
}

static void put_consumers(map *m, const cocos_manifest *x)
{
    cocos__cbor_map_name(m, "result_consumers");
    cocos__cbor_put_array(m->b, x->n_consumers);
    for (size_t i = 0; i < x->n_consumers; i++) {
        map inner;
        cocos__cbor_map_begin(&inner, m->b);
        put_key(&inner, x->consumers[i]);
        cocos__cbor_map_end(&inner);
    }
}

static void put_job(map *m, const cocos_manifest *x)
{
    map inner;
    int any = has(x->output) || x->network.n;

    for (int i = COCOS_JOB_MEMORY; i <= COCOS_JOB_DEADLINE_MS; i++)
        any |= x->limits[i] != 0;
    if (!any)
        return;
    cocos__cbor_map_name(m, "job");
    cocos__cbor_map_begin(&inner, m->b);
    put_text(&inner, "output", x->output);
    put_list(&inner, "network", &x->network);
    put_number(&inner, "memory", x->limits[COCOS_JOB_MEMORY], 0);
    put_number(&inner, "cpu", x->limits[COCOS_JOB_CPU], 0);
    put_number(&inner, "processes", x->limits[COCOS_JOB_PROCESSES], 0);
    put_number(&inner, "disk", x->limits[COCOS_JOB_DISK], 0);
    put_number(&inner, "deadline", x->limits[COCOS_JOB_DEADLINE_MS], 0);
    cocos__cbor_map_end(&inner);
}

static void put_config(map *m, const cocos_manifest *x)
{
    map inner;
    int any = x->attested_tls;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(x->config); i++)
        any |= has(x->config[i]);
    if (!any)
        return;
    cocos__cbor_map_name(m, "agent_config");
    cocos__cbor_map_begin(&inner, m->b);
    put_text(&inner, "port", x->config[COCOS_AGENT_PORT]);
    put_true(&inner, "attested_tls", x->attested_tls);
    put_text(&inner, "cert_file", x->config[COCOS_AGENT_CERT_FILE]);
    put_text(&inner, "key_file", x->config[COCOS_AGENT_KEY_FILE]);
    put_text(&inner, "client_ca_file", x->config[COCOS_AGENT_CLIENT_CA_FILE]);
    put_text(&inner, "log_level", x->config[COCOS_AGENT_LOG_LEVEL]);
    cocos__cbor_map_end(&inner);
}

void cocos__manifest_encode(const cocos_manifest *x, cocos__buf *out)
{
    map m;

    cocos__cbor_map_begin(&m, out);
    put_number(&m, "version", x->version, 0);
    put_text(&m, "id", x->id);
    put_text(&m, "name", x->name);
    put_text(&m, "description", x->description);
    put_algorithm(&m, x);
    put_datasets(&m, x);
    put_consumers(&m, x);
    put_list(&m, "approvals", &x->approvals);
    put_job(&m, x);
    put_config(&m, x);
    cocos__cbor_map_end(&m);
}
