/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form, normalised: what is not stated is not written. doc/schema/manifest.schema.json. */
#include <string.h>

#include "codec/json.h"
#include "manifest/model.h"

static void put_text(cocos__json_out *o, const char *name, const char *text)
{
    if (text)
        cocos__json_put_text(o, name, text);
}

static void put_true(cocos__json_out *o, const char *name, int value)
{
    if (value)
        cocos__json_put_bool(o, name, 1);
}

static void put_number(cocos__json_out *o, const char *name, uint64_t value)
{
    if (value != COCOS__MANIFEST_NOT_GIVEN)
        cocos__json_put_int(o, name, (int64_t)value);
}

static void put_texts(cocos__json_out *o, const char *name, const cocos__texts *texts)
{
    if (texts->n == 0)
        return;
    cocos__json_put_array(o, name);
    for (size_t i = 0; i < texts->n; i++)
        cocos__json_put_text(o, NULL, texts->item[i]);
    cocos__json_put_end(o);
}

static int put_key(cocos__json_out *o, const cocos_key *key, cocos_error **err)
{
    char *pem = NULL;
    int r = cocos_key_to_pem(key, 0, &pem, err);

    if (r == COCOS_OK)
        cocos__json_put_text(o, "user_key", pem);
    cocos_free_text(pem);
    return r;
}

static void put_source(cocos__json_out *o, const cocos__asset *a)
{
    const cocos__source *s = &a->source;

    if (s->type || s->url || s->kbs_resource_path || s->encrypted) {
        cocos__json_put_object(o, "source");
        put_text(o, "type", s->type);
        put_text(o, "url", s->url);
        put_true(o, "encrypted", s->encrypted);
        put_text(o, "kbs_resource_path", s->kbs_resource_path);
        cocos__json_put_end(o);
    }
    if (a->kbs_url || a->kbs_enabled) {
        cocos__json_put_object(o, "kbs");
        put_text(o, "url", a->kbs_url);
        put_true(o, "enabled", a->kbs_enabled);
        cocos__json_put_end(o);
    }
}

static int put_asset(cocos__json_out *o, const cocos__asset *a, cocos_error **err)
{
    cocos__json_put_hex(o, "hash", a->hash, COCOS_DIGEST_SIZE);
    put_number(o, "size", a->size);
    return put_key(o, a->user_key, err);
}

static int put_algorithm(cocos__json_out *o, const cocos_manifest *m, cocos_error **err)
{
    cocos__json_put_object(o, "algorithm");
    int r = put_asset(o, &m->algorithm, err);
    put_text(o, "algo_type", m->algo_type);
    put_texts(o, "algo_args", &m->algo_args);
    if (m->requirements.present) {
        cocos__json_put_object(o, "requirements");
        cocos__json_put_hex(o, "hash", m->requirements.hash, COCOS_DIGEST_SIZE);
        cocos__json_put_end(o);
    }
    put_source(o, &m->algorithm);
    cocos__json_put_end(o);
    return r;
}

static int put_datasets(cocos__json_out *o, const cocos_manifest *m, cocos_error **err)
{
    int r = COCOS_OK;

    if (m->n_datasets == 0)
        return r;
    cocos__json_put_array(o, "datasets");
    for (size_t i = 0; i < m->n_datasets && r == COCOS_OK; i++) {
        cocos__json_put_object(o, NULL);
        put_text(o, "filename", m->datasets[i].filename);
        r = put_asset(o, &m->datasets[i], err);
        put_true(o, "decompress", m->datasets[i].decompress);
        put_source(o, &m->datasets[i]);
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
    return r;
}

static int put_consumers(cocos__json_out *o, const cocos_manifest *m, cocos_error **err)
{
    int r = COCOS_OK;

    cocos__json_put_array(o, "result_consumers");
    for (size_t i = 0; i < m->n_consumers && r == COCOS_OK; i++) {
        cocos__json_put_object(o, NULL);
        r = put_key(o, m->consumers[i], err);
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
    return r;
}

static void put_cpu(cocos__json_out *o, uint64_t milli)
{
    if (milli == COCOS__MANIFEST_NOT_GIVEN)
        return;
    if (milli % 1000 == 0)
        cocos__json_put_int(o, "cpu", (int64_t)(milli / 1000));
    else
        cocos__json_put_real(o, "cpu", (double)milli / 1000);
}

static void put_job(cocos__json_out *o, const cocos_manifest *m)
{
    char deadline[64];
    int any = m->output || m->network.n > 0;

    for (int i = COCOS_JOB_MEMORY; i <= COCOS_JOB_DEADLINE_MS; i++)
        any |= m->limits[i] != COCOS__MANIFEST_NOT_GIVEN;
    if (!any)
        return;

    cocos__json_put_object(o, "job");
    put_text(o, "output", m->output);
    put_texts(o, "network", &m->network);
    put_number(o, "memory", m->limits[COCOS_JOB_MEMORY]);
    put_cpu(o, m->limits[COCOS_JOB_CPU]);
    put_number(o, "processes", m->limits[COCOS_JOB_PROCESSES]);
    put_number(o, "disk", m->limits[COCOS_JOB_DISK]);
    if (m->limits[COCOS_JOB_DEADLINE_MS] != COCOS__MANIFEST_NOT_GIVEN) {
        cocos__duration_print(m->limits[COCOS_JOB_DEADLINE_MS], deadline, sizeof deadline);
        cocos__json_put_text(o, "deadline", deadline);
    }
    cocos__json_put_end(o);
}

static void put_config(cocos__json_out *o, const cocos_manifest *m)
{
    int any = m->attested_tls;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(m->config); i++)
        any |= m->config[i] != NULL;
    if (!any)
        return;

    cocos__json_put_object(o, "agent_config");
    put_text(o, "port", m->config[COCOS_AGENT_PORT]);
    put_true(o, "attested_tls", m->attested_tls);
    put_text(o, "cert_file", m->config[COCOS_AGENT_CERT_FILE]);
    put_text(o, "key_file", m->config[COCOS_AGENT_KEY_FILE]);
    put_text(o, "client_ca_file", m->config[COCOS_AGENT_CLIENT_CA_FILE]);
    put_text(o, "log_level", m->config[COCOS_AGENT_LOG_LEVEL]);
    cocos__json_put_end(o);
}

int cocos_manifest_to_json(const cocos_manifest *m, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;

    if (!m || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "manifest.usage", "m and ret must be given");

    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    cocos__json_put_object(o, NULL);
    cocos__json_put_int(o, "version", 1);
    put_text(o, "id", m->id);
    put_text(o, "name", m->name);
    put_text(o, "description", m->description);
    r = put_algorithm(o, m, err);
    if (r == COCOS_OK)
        r = put_datasets(o, m, err);
    if (r == COCOS_OK)
        r = put_consumers(o, m, err);
    if (r < 0)
        return r;
    put_texts(o, "approvals", &m->approvals);
    put_job(o, m);
    put_config(o, m);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
