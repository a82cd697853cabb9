/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_request.h"

#include <string.h>

#include "cvms/cvms.pb-c.h"
#include "manifest/agree.h"
#include "rpc/rpc.h"

#define ID_MAX 64 /* cocos-v1 section 2 */

/* Of a request while it is looked at: the largest, 4 MiB, and what its many small parts become. */
#define UNPACKED_MAX (16u * 1024 * 1024)

/* ---- Defects ---- */

static void add_line(cocos__buf *defects, const char *code, const char *text)
{
    size_t need = strlen(code) + strlen(text) + 3;

    if (defects->len + need > COCOS__RUN_DEFECTS_MAX)
        return; /* whole lines only */
    if (defects->len > 0)
        cocos__buf_add_u8(defects, '\n');
    cocos__buf_printf(defects, "%s: %s", code, text);
}

/* The manifest's parsers chain one defect to the next as its cause (cocos/manifest.h). */
void cocos__run_request_describe(const cocos_error *e, cocos__buf *defects)
{
    for (; e; e = cocos_error_cause(e))
        add_line(defects, cocos_error_code(e), cocos_error_message(e));
}

/* ---- The old fields, as plain C ---- */

static const char *text(const char *s)
{
    return s ? s : "";
}

static cocos__span span(ProtobufCBinaryData b)
{
    return (cocos__span){b.data, b.len};
}

static void take_source(const Cvms__Source *in, const Cvms__KBSConfig *kbs, cocos__old_asset *out)
{
    out->source = (cocos__old_source){"", "", "", 0};
    if (in)
        out->source = (cocos__old_source){text(in->type), text(in->url),
                                          text(in->kbs_resource_path), in->encrypted};
    out->kbs_url = kbs ? text(kbs->url) : "";
    out->kbs_enabled = kbs ? kbs->enabled : 0;
}

static void take_algorithm(const Cvms__Algorithm *a, cocos__old_fields *old)
{
    static const Cvms__Algorithm none = CVMS__ALGORITHM__INIT;

    if (!a)
        a = &none;
    old->algorithm =
        (cocos__old_asset){.hash = span(a->hash), .user_key = span(a->userkey), .filename = ""};
    take_source(a->source, a->kbs, &old->algorithm);
    old->algo_type = text(a->algo_type);
    for (size_t i = 0; i < a->n_algo_args; i++)
        old->algo_args[i] = text(a->algo_args[i]);
    old->n_algo_args = a->n_algo_args;
}

static void take_datasets(const Cvms__ComputationRunReq *rq, cocos__old_fields *old)
{
    for (size_t i = 0; i < rq->n_datasets; i++) {
        const Cvms__Dataset *d = rq->datasets[i];
        old->datasets[i] = (cocos__old_asset){.hash = span(d->hash),
                                              .user_key = span(d->userkey),
                                              .filename = text(d->filename),
                                              .decompress = d->decompress};
        take_source(d->source, d->kbs, &old->datasets[i]);
    }
    old->n_datasets = rq->n_datasets;
    for (size_t i = 0; i < rq->n_result_consumers; i++)
        old->consumers[i] = span(rq->result_consumers[i]->userkey);
    old->n_consumers = rq->n_result_consumers;
}

static void take_config(const Cvms__AgentConfig *c, cocos__old_fields *old)
{
    static const Cvms__AgentConfig none = CVMS__AGENT_CONFIG__INIT;

    if (!c)
        c = &none;
    old->port = text(c->port);
    old->cert_file = text(c->cert_file);
    old->key_file = text(c->key_file);
    old->client_ca_file = text(c->client_ca_file);
    old->server_ca_file = text(c->server_ca_file);
    old->log_level = text(c->log_level);
    old->attested_tls = c->attested_tls;
}

static int take_old(const Cvms__ComputationRunReq *rq, cocos__old_fields *old, cocos_error **err)
{
    size_t n_args = rq->algorithm ? rq->algorithm->n_algo_args : 0;

    memset(old, 0, sizeof *old);
    old->id = text(rq->id);
    old->name = text(rq->name);
    old->description = text(rq->description);
    old->algo_args = calloc(n_args + 1, sizeof *old->algo_args);
    old->datasets = calloc(rq->n_datasets + 1, sizeof *old->datasets);
    old->consumers = calloc(rq->n_result_consumers + 1, sizeof *old->consumers);
    if (!old->algo_args || !old->datasets || !old->consumers)
        return cocos__fail_memory(err);
    take_algorithm(rq->algorithm, old);
    take_datasets(rq, old);
    take_config(rq->agent_config, old);
    return COCOS_OK;
}

/* ---- The request ---- */

static void unpacked_free(Cvms__ComputationRunReq **rq)
{
    if (*rq)
        cvms__computation_run_req__free_unpacked(*rq, NULL);
}

static int read_manifest(const Cvms__ComputationRunReq *rq, cocos_manifest **ret, cocos_error **err)
{
    cocos__old_fields old __attribute__((cleanup(cocos__old_fields_done)));
    cocos_manifest *m = NULL;

    memset(&old, 0, sizeof old);
    if (rq->cocos_manifest.len == 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.missing",
                           "the request has no manifest (field 100), which this agent asks for");
    int r = cocos_manifest_from_cbor(rq->cocos_manifest.data, rq->cocos_manifest.len, &m, err);
    if (r < 0)
        return r;
    r = take_old(rq, &old, err);
    if (r == COCOS_OK)
        r = cocos__manifest_agrees(m, &old, err);
    if (r < 0)
        cocos_manifest_free(m);
    else
        *ret = m;
    return r;
}

int cocos__run_request_read(
    cocos__span request, char id[65], cocos_manifest **ret, cocos__buf *defects, cocos_error **err)
{
    __attribute__((cleanup(unpacked_free))) Cvms__ComputationRunReq *rq =
        (Cvms__ComputationRunReq *)cocos__pb_unpack(&cvms__computation_run_req__descriptor, request,
                                                    UNPACKED_MAX);
    cocos_error *e = NULL;
    int r;

    id[0] = '\0';
    if (!rq) {
        r = cocos__fail(&e, COCOS_ERR_MALFORMED, "manifest.request",
                        "the request of %zu bytes cannot be read", request.len);
    } else {
        if (rq->id && strlen(rq->id) <= ID_MAX)
            memcpy(id, rq->id, strlen(rq->id) + 1);
        r = read_manifest(rq, ret, &e);
    }
    if (r == COCOS_OK)
        return r;
    cocos__run_request_describe(e, defects);
    if (err)
        *err = e;
    else
        cocos_error_free(e);
    return r;
}

static int is_remote(const cocos__old_asset *a)
{
    return a->kbs_enabled || *a->source.url || *a->source.type || a->source.encrypted;
}

/* The manifest's sources are read through the old fields that they must equal. */
static int any_remote(const cocos_manifest *m)
{
    cocos__old_fields old __attribute__((cleanup(cocos__old_fields_done)));

    memset(&old, 0, sizeof old);
    if (cocos__manifest_old_fields(m, &old, NULL) < 0)
        return 1;
    int remote = is_remote(&old.algorithm);
    for (size_t i = 0; i < old.n_datasets; i++)
        remote |= is_remote(&old.datasets[i]);
    return remote;
}

int cocos__run_request_supported(const cocos_manifest *m, cocos__buf *defects, cocos_error **err)
{
    size_t before = defects->len;

    if (cocos_manifest_job_network_count(m) > 0)
        add_line(defects, "agent.unsupported.network", "jobs have no network in this version");
    if (strcmp(cocos_manifest_algo_type(m), "bin") != 0)
        add_line(defects, "agent.unsupported.algo_type",
                 "only algo_type bin is run by this version");
    if (any_remote(m))
        add_line(defects, "agent.unsupported.source", "this version takes assets by upload only");
    if (defects->len == before)
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "agent.unsupported",
                       "the manifest asks for what this version does not do");
}
