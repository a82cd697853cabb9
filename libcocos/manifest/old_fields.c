/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest told in the fields of the old run request. */
#include "manifest/agree.h"
#include "manifest/model.h"

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static cocos__span key_span(const cocos_key *key)
{
    cocos__span s;

    s.data = cocos_key_spki(key, &s.len);
    return s;
}

static void fill_asset(const cocos__asset *a, cocos__old_asset *old)
{
    *old = (cocos__old_asset){
        .hash = {a->hash, COCOS_DIGEST_SIZE},
        .user_key = key_span(a->user_key),
        .filename = or_empty(a->filename),
        .decompress = a->decompress,
        .source = {or_empty(a->source.type), or_empty(a->source.url),
                   or_empty(a->source.kbs_resource_path), a->source.encrypted},
        .kbs_url = or_empty(a->kbs_url),
        .kbs_enabled = a->kbs_enabled,
    };
}

static void fill_arrays(const cocos_manifest *m, cocos__old_fields *old)
{
    old->n_algo_args = m->algo_args.n;
    for (size_t i = 0; i < m->algo_args.n; i++)
        old->algo_args[i] = m->algo_args.item[i];
    old->n_datasets = m->n_datasets;
    for (size_t i = 0; i < m->n_datasets; i++)
        fill_asset(&m->datasets[i], &old->datasets[i]);
    old->n_consumers = m->n_consumers;
    for (size_t i = 0; i < m->n_consumers; i++)
        old->consumers[i] = key_span(m->consumers[i]);
}

int cocos__manifest_old_fields(const cocos_manifest *m, cocos__old_fields *old, cocos_error **err)
{
    *old = (cocos__old_fields){
        .id = m->id,
        .name = or_empty(m->name),
        .description = or_empty(m->description),
        .algo_type = or_empty(m->algo_type),
        .port = or_empty(m->config[COCOS_AGENT_PORT]),
        .cert_file = or_empty(m->config[COCOS_AGENT_CERT_FILE]),
        .key_file = or_empty(m->config[COCOS_AGENT_KEY_FILE]),
        .client_ca_file = or_empty(m->config[COCOS_AGENT_CLIENT_CA_FILE]),
        .server_ca_file = "", /* cocos-v1 section 2: always empty */
        .log_level = or_empty(m->config[COCOS_AGENT_LOG_LEVEL]),
        .attested_tls = m->attested_tls,
    };
    fill_asset(&m->algorithm, &old->algorithm);

    old->algo_args = calloc(m->algo_args.n + 1, sizeof *old->algo_args);
    old->datasets = calloc(m->n_datasets + 1, sizeof *old->datasets);
    old->consumers = calloc(m->n_consumers + 1, sizeof *old->consumers);
    if (!old->algo_args || !old->datasets || !old->consumers) {
        cocos__old_fields_done(old);
        return cocos__fail_memory(err);
    }
    fill_arrays(m, old);
    return COCOS_OK;
}

void cocos__old_fields_done(cocos__old_fields *old)
{
    free(old->algo_args);
    free(old->datasets);
    free(old->consumers);
    old->algo_args = NULL;
    old->datasets = NULL;
    old->consumers = NULL;
    old->n_algo_args = old->n_datasets = old->n_consumers = 0;
}
