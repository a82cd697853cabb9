/* SPDX-License-Identifier: Apache-2.0 */
#include "cvms/request.h"

#include "base/error.h"

#include "cvms/cvms.pb-c.h"
#include "manifest/agree.h"

/* protobuf-c's members are not const; packing does not write to them. */
#define TEXT(s)  ((char *)(uintptr_t)(s))
#define BYTES(s) ((ProtobufCBinaryData){(s).len, (uint8_t *)(uintptr_t)(s).data})

/* One data set (or, as element 0 of its own array, the algorithm) with the messages below it. */
struct entry {
    Cvms__Dataset dataset;
    Cvms__Source source;
    Cvms__KBSConfig kbs;
};

struct tree {
    Cvms__ComputationRunReq req;
    Cvms__Algorithm algorithm;
    Cvms__AgentConfig config;
    struct entry algorithm_parts;
    struct entry *entries;
    Cvms__Dataset **datasets;
    Cvms__ResultConsumer *consumers;
    Cvms__ResultConsumer **consumer_list;
};

static void tree_done(struct tree *t)
{
    free(t->entries);
    free(t->datasets);
    free(t->consumers);
    free(t->consumer_list);
}

static Cvms__Source *fill_source(struct entry *e, const cocos__old_source *s)
{
    if (!*s->type && !*s->url && !*s->kbs_resource_path && !s->encrypted)
        return NULL;

    cvms__source__init(&e->source);
    e->source.type = TEXT(s->type);
    e->source.url = TEXT(s->url);
    e->source.kbs_resource_path = TEXT(s->kbs_resource_path);
    e->source.encrypted = s->encrypted;
    return &e->source;
}

static Cvms__KBSConfig *fill_kbs(struct entry *e, const cocos__old_asset *a)
{
    if (!*a->kbs_url && !a->kbs_enabled)
        return NULL;

    cvms__kbsconfig__init(&e->kbs);
    e->kbs.url = TEXT(a->kbs_url);
    e->kbs.enabled = a->kbs_enabled;
    return &e->kbs;
}

static void fill_dataset(struct entry *e, const cocos__old_asset *a)
{
    cvms__dataset__init(&e->dataset);
    e->dataset.hash = BYTES(a->hash);
    e->dataset.userkey = BYTES(a->user_key);
    e->dataset.filename = TEXT(a->filename);
    e->dataset.decompress = a->decompress;
    e->dataset.source = fill_source(e, &a->source);
    e->dataset.kbs = fill_kbs(e, a);
}

static void fill_algorithm(struct tree *t, const cocos__old_fields *old)
{
    cvms__algorithm__init(&t->algorithm);
    t->algorithm.hash = BYTES(old->algorithm.hash);
    t->algorithm.userkey = BYTES(old->algorithm.user_key);
    t->algorithm.source = fill_source(&t->algorithm_parts, &old->algorithm.source);
    t->algorithm.kbs = fill_kbs(&t->algorithm_parts, &old->algorithm);
    t->algorithm.algo_type = TEXT(old->algo_type);
    t->algorithm.n_algo_args = old->n_algo_args;
    t->algorithm.algo_args = (char **)(uintptr_t)old->algo_args;
}

static void fill_config(struct tree *t, const cocos__old_fields *old)
{
    cvms__agent_config__init(&t->config);
    t->config.port = TEXT(old->port);
    t->config.cert_file = TEXT(old->cert_file);
    t->config.key_file = TEXT(old->key_file);
    t->config.client_ca_file = TEXT(old->client_ca_file);
    t->config.server_ca_file = TEXT(old->server_ca_file);
    t->config.log_level = TEXT(old->log_level);
    t->config.attested_tls = old->attested_tls;
}

static int fill_lists(struct tree *t, const cocos__old_fields *old, cocos_error **err)
{
    t->entries = calloc(old->n_datasets + 1, sizeof *t->entries);
    t->datasets = calloc(old->n_datasets + 1, sizeof *t->datasets);
    t->consumers = calloc(old->n_consumers + 1, sizeof *t->consumers);
    t->consumer_list = calloc(old->n_consumers + 1, sizeof *t->consumer_list);
    if (!t->entries || !t->datasets || !t->consumers || !t->consumer_list)
        return cocos__fail_memory(err);

    for (size_t i = 0; i < old->n_datasets; i++) {
        fill_dataset(&t->entries[i], &old->datasets[i]);
        t->datasets[i] = &t->entries[i].dataset;
    }
    for (size_t i = 0; i < old->n_consumers; i++) {
        cvms__result_consumer__init(&t->consumers[i]);
        t->consumers[i].userkey = BYTES(old->consumers[i]);
        t->consumer_list[i] = &t->consumers[i];
    }
    return COCOS_OK;
}

static int
fill(struct tree *t, const cocos_manifest *m, const cocos__old_fields *old, cocos_error **err)
{
    cocos__span cbor;

    int r = fill_lists(t, old, err);
    if (r < 0)
        return r;

    fill_algorithm(t, old);
    fill_config(t, old);
    cvms__computation_run_req__init(&t->req);
    t->req.id = TEXT(old->id);
    t->req.name = TEXT(old->name);
    t->req.description = TEXT(old->description);
    t->req.n_datasets = old->n_datasets;
    t->req.datasets = t->datasets;
    t->req.algorithm = &t->algorithm;
    t->req.n_result_consumers = old->n_consumers;
    t->req.result_consumers = t->consumer_list;
    t->req.agent_config = &t->config;
    cbor.data = cocos_manifest_cbor(m, &cbor.len);
    t->req.cocos_manifest = BYTES(cbor);
    return COCOS_OK;
}

int cocos__cvms_request(const cocos_manifest *m, cocos__buf *out, cocos_error **err)
{
    COCOS__CLEANUP(cocos__old_fields_done) cocos__old_fields old = {0};
    COCOS__CLEANUP(tree_done) struct tree t = {0};

    int r = cocos__manifest_old_fields(m, &old, err);
    if (r == COCOS_OK)
        r = fill(&t, m, &old, err);
    if (r < 0)
        return r;

    uint8_t *room = cocos__buf_room(out, cvms__computation_run_req__get_packed_size(&t.req));
    if (!room)
        return cocos__fail_memory(err);
    cvms__computation_run_req__pack(&t.req, room);
    return COCOS_OK;
}
