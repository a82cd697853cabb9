/* SPDX-License-Identifier: Apache-2.0 */
/* The deterministic CBOR form: what is signed, measured and compared. doc/schema/manifest.cddl. */
#include "codec/cbor.h"
#include "manifest/model.h"

static void put_text(cocos__cbor_map *m, const char *name, const char *text)
{
    if (!text)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_text(m->b, text);
}

static void put_true(cocos__cbor_map *m, const char *name, int value)
{
    if (!value)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_bool(m->b, 1);
}

static void put_number(cocos__cbor_map *m, const char *name, uint64_t value)
{
    if (value == COCOS__MANIFEST_NOT_GIVEN)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_uint(m->b, value);
}

static void put_texts(cocos__cbor_map *m, const char *name, const cocos__texts *texts)
{
    if (texts->n == 0)
        return;
    cocos__cbor_map_name(m, name);
    cocos__cbor_put_array(m->b, texts->n);
    for (size_t i = 0; i < texts->n; i++)
        cocos__cbor_put_text(m->b, texts->item[i]);
}

static void put_hash(cocos__cbor_map *m, const uint8_t *hash)
{
    cocos__cbor_map_name(m, "hash");
    cocos__cbor_put_bytes(m->b, hash, COCOS_DIGEST_SIZE);
}

static void put_key(cocos__cbor_map *m, const cocos_key *key)
{
    size_t len;
    const uint8_t *spki = cocos_key_spki(key, &len);

    cocos__cbor_map_name(m, "user_key");
    cocos__cbor_put_bytes(m->b, spki, len);
}

static void put_source(cocos__cbor_map *m, const cocos__asset *a)
{
    const cocos__source *s = &a->source;
    cocos__cbor_map inner;

    if (s->type || s->url || s->kbs_resource_path || s->encrypted) {
        cocos__cbor_map_name(m, "source");
        cocos__cbor_map_begin(&inner, m->b);
        put_text(&inner, "type", s->type);
        put_text(&inner, "url", s->url);
        put_text(&inner, "kbs_resource_path", s->kbs_resource_path);
        put_true(&inner, "encrypted", s->encrypted);
        cocos__cbor_map_end(&inner);
    }
    if (a->kbs_url || a->kbs_enabled) {
        cocos__cbor_map_name(m, "kbs");
        cocos__cbor_map_begin(&inner, m->b);
        put_text(&inner, "url", a->kbs_url);
        put_true(&inner, "enabled", a->kbs_enabled);
        cocos__cbor_map_end(&inner);
    }
}

static void put_asset(cocos__cbor_map *m, const cocos__asset *a)
{
    put_hash(m, a->hash);
    put_number(m, "size", a->size);
    put_key(m, a->user_key);
    put_source(m, a);
}

static void put_algorithm(cocos__cbor_map *top, const cocos_manifest *m)
{
    cocos__cbor_map a;
    cocos__cbor_map requirements;

    cocos__cbor_map_name(top, "algorithm");
    cocos__cbor_map_begin(&a, top->b);
    put_asset(&a, &m->algorithm);
    put_text(&a, "algo_type", m->algo_type);
    put_texts(&a, "algo_args", &m->algo_args);
    if (m->requirements.present) {
        cocos__cbor_map_name(&a, "requirements");
        cocos__cbor_map_begin(&requirements, top->b);
        put_hash(&requirements, m->requirements.hash);
        cocos__cbor_map_end(&requirements);
    }
    cocos__cbor_map_end(&a);
}

static void put_datasets(cocos__cbor_map *top, const cocos_manifest *m)
{
    cocos__cbor_map a;

    if (m->n_datasets == 0)
        return;
    cocos__cbor_map_name(top, "datasets");
    cocos__cbor_put_array(top->b, m->n_datasets);
    for (size_t i = 0; i < m->n_datasets; i++) {
        cocos__cbor_map_begin(&a, top->b);
        put_asset(&a, &m->datasets[i]);
        put_text(&a, "filename", m->datasets[i].filename);
        put_true(&a, "decompress", m->datasets[i].decompress);
        cocos__cbor_map_end(&a);
    }
}

static void put_consumers(cocos__cbor_map *top, const cocos_manifest *m)
{
    cocos__cbor_map consumer;

    cocos__cbor_map_name(top, "result_consumers");
    cocos__cbor_put_array(top->b, m->n_consumers);
    for (size_t i = 0; i < m->n_consumers; i++) {
        cocos__cbor_map_begin(&consumer, top->b);
        put_key(&consumer, m->consumers[i]);
        cocos__cbor_map_end(&consumer);
    }
}

/* A member that is a map, unless it turns out to be empty. */
static void put_part(cocos__cbor_map *top,
                     const char *name,
                     void (*fill)(cocos__cbor_map *, const cocos_manifest *),
                     const cocos_manifest *m)
{
    cocos__cbor_map part;

    cocos__cbor_map_name(top, name);
    cocos__cbor_map_begin(&part, top->b);
    fill(&part, m);
    if (part.n == 0)
        cocos__cbor_map_drop_key(top);
    else
        cocos__cbor_map_end(&part);
}

static void fill_job(cocos__cbor_map *job, const cocos_manifest *m)
{
    put_text(job, "output", m->output);
    put_texts(job, "network", &m->network);
    put_number(job, "memory", m->limits[COCOS_JOB_MEMORY]);
    put_number(job, "cpu", m->limits[COCOS_JOB_CPU]);
    put_number(job, "processes", m->limits[COCOS_JOB_PROCESSES]);
    put_number(job, "disk", m->limits[COCOS_JOB_DISK]);
    put_number(job, "deadline", m->limits[COCOS_JOB_DEADLINE_MS]);
}

static void fill_config(cocos__cbor_map *config, const cocos_manifest *m)
{
    put_text(config, "port", m->config[COCOS_AGENT_PORT]);
    put_text(config, "cert_file", m->config[COCOS_AGENT_CERT_FILE]);
    put_text(config, "key_file", m->config[COCOS_AGENT_KEY_FILE]);
    put_text(config, "client_ca_file", m->config[COCOS_AGENT_CLIENT_CA_FILE]);
    put_text(config, "log_level", m->config[COCOS_AGENT_LOG_LEVEL]);
    put_true(config, "attested_tls", m->attested_tls);
}

void cocos__manifest_encode(const cocos_manifest *m, cocos__buf *out)
{
    cocos__cbor_map top;

    cocos__cbor_map_begin(&top, out);
    cocos__cbor_map_name(&top, "version");
    cocos__cbor_put_uint(out, 1);
    put_text(&top, "id", m->id);
    put_text(&top, "name", m->name);
    put_text(&top, "description", m->description);
    put_algorithm(&top, m);
    put_datasets(&top, m);
    put_consumers(&top, m);
    put_texts(&top, "approvals", &m->approvals);
    put_part(&top, "job", fill_job, m);
    put_part(&top, "agent_config", fill_config, m);
    cocos__cbor_map_end(&top);
}
