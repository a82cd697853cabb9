/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two statements of one computation travel together: old programs act on one, the parties sign the
 * other. Every difference is a refusal (cocos-v1 section 2, "Agreement").
 */
#include "manifest/agree.h"

#include <stdio.h>
#include <string.h>

#include "base/defects.h"

#define CODE "manifest.disagrees"

static void compare_text(cocos__defects *d, const char *field, const char *want, const char *got)
{
    if (strcmp(want, got) != 0)
        cocos__defect(d, CODE, field, "the manifest has \"%.80s\", the old field \"%.80s\"", want,
                      got);
}

static void compare_truth(cocos__defects *d, const char *field, int want, int got)
{
    if (!want != !got)
        cocos__defect(d, CODE, field, "the manifest has %s, the old field %s",
                      want ? "true" : "false", got ? "true" : "false");
}

static void compare_count(cocos__defects *d, const char *field, size_t want, size_t got)
{
    if (want != got)
        cocos__defect(d, CODE, field, "the manifest has %zu, the old field %zu", want, got);
}

static void compare_bytes(cocos__defects *d, const char *field, cocos__span want, cocos__span got)
{
    if (want.len != got.len || memcmp(want.data, got.data, want.len) != 0)
        cocos__defect(d, CODE, field, "the old field differs from the manifest");
}

static void compare_asset(cocos__defects *d,
                          const char *where,
                          const cocos__old_asset *want,
                          const cocos__old_asset *got)
{
    char field[96];
#define FIELD(name) (snprintf(field, sizeof field, "%s.%s", where, name), field)

    compare_bytes(d, FIELD("hash"), want->hash, got->hash);
    compare_bytes(d, FIELD("userKey"), want->user_key, got->user_key);
    compare_text(d, FIELD("source.type"), want->source.type, got->source.type);
    compare_text(d, FIELD("source.url"), want->source.url, got->source.url);
    compare_text(d, FIELD("source.kbs_resource_path"), want->source.kbs_resource_path,
                 got->source.kbs_resource_path);
    compare_truth(d, FIELD("source.encrypted"), want->source.encrypted, got->source.encrypted);
    compare_text(d, FIELD("kbs.url"), want->kbs_url, got->kbs_url);
    compare_truth(d, FIELD("kbs.enabled"), want->kbs_enabled, got->kbs_enabled);
#undef FIELD
}

static void
compare_datasets(cocos__defects *d, const cocos__old_fields *want, const cocos__old_fields *got)
{
    char where[48];
    char field[64];

    compare_count(d, "datasets", want->n_datasets, got->n_datasets);
    for (size_t i = 0; i < want->n_datasets && i < got->n_datasets; i++) {
        snprintf(where, sizeof where, "datasets[%zu]", i);
        compare_asset(d, where, &want->datasets[i], &got->datasets[i]);
        snprintf(field, sizeof field, "%s.filename", where);
        compare_text(d, field, want->datasets[i].filename, got->datasets[i].filename);
        snprintf(field, sizeof field, "%s.decompress", where);
        compare_truth(d, field, want->datasets[i].decompress, got->datasets[i].decompress);
    }
}

static void
compare_lists(cocos__defects *d, const cocos__old_fields *want, const cocos__old_fields *got)
{
    char field[64];

    compare_count(d, "algorithm.algo_args", want->n_algo_args, got->n_algo_args);
    for (size_t i = 0; i < want->n_algo_args && i < got->n_algo_args; i++) {
        snprintf(field, sizeof field, "algorithm.algo_args[%zu]", i);
        compare_text(d, field, want->algo_args[i], got->algo_args[i]);
    }
    compare_count(d, "result_consumers", want->n_consumers, got->n_consumers);
    for (size_t i = 0; i < want->n_consumers && i < got->n_consumers; i++) {
        snprintf(field, sizeof field, "result_consumers[%zu].userKey", i);
        compare_bytes(d, field, want->consumers[i], got->consumers[i]);
    }
}

static void
compare_config(cocos__defects *d, const cocos__old_fields *want, const cocos__old_fields *got)
{
    compare_text(d, "agent_config.port", want->port, got->port);
    compare_text(d, "agent_config.cert_file", want->cert_file, got->cert_file);
    compare_text(d, "agent_config.key_file", want->key_file, got->key_file);
    compare_text(d, "agent_config.client_ca_file", want->client_ca_file, got->client_ca_file);
    compare_text(d, "agent_config.server_ca_file", want->server_ca_file, got->server_ca_file);
    compare_text(d, "agent_config.log_level", want->log_level, got->log_level);
    compare_truth(d, "agent_config.attested_tls", want->attested_tls, got->attested_tls);
}

int cocos__manifest_agrees(const cocos_manifest *m, const cocos__old_fields *old, cocos_error **err)
{
    COCOS__CLEANUP(cocos__old_fields_done) cocos__old_fields want = {0};
    COCOS__CLEANUP(cocos__defects_done) cocos__defects d = {0};

    int r = cocos__manifest_old_fields(m, &want, err);
    if (r < 0)
        return r;

    compare_text(&d, "id", want.id, old->id);
    compare_text(&d, "name", want.name, old->name);
    compare_text(&d, "description", want.description, old->description);
    compare_asset(&d, "algorithm", &want.algorithm, &old->algorithm);
    compare_text(&d, "algorithm.algo_type", want.algo_type, old->algo_type);
    compare_lists(&d, &want, old);
    compare_datasets(&d, &want, old);
    compare_config(&d, &want, old);
    return cocos__defects_result(&d, err);
}
