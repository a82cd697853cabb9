/* SPDX-License-Identifier: Apache-2.0 */
/* Approval, statement and closure as JSON: what they say, none of it verified. */
#include "codec/json.h"
#include "manifest/approval.h"
#include "manifest/statement.h"

static void put_bytes(cocos__json_out *o, const char *name, const uint8_t *data, size_t len)
{
    if (data)
        cocos__json_put_hex(o, name, data, len);
    else
        cocos__json_put_null(o, name);
}

static void put_number(cocos__json_out *o, const char *name, int64_t v, int64_t null)
{
    if (v == null)
        cocos__json_put_null(o, name);
    else
        cocos__json_put_int(o, name, v);
}

/* JSON has no numbers beyond: a size or count that is larger than anything shows as the largest. */
static void put_count(cocos__json_out *o, const char *name, uint64_t v)
{
    cocos__json_put_int(o, name, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

static void put_text(cocos__json_out *o, const char *name, cocos__span s)
{
    char text[256];
    size_t n = s.len < sizeof text - 1 ? s.len : sizeof text - 1;

    for (size_t i = 0; i < n; i++)
        text[i] = (char)s.data[i];
    text[n] = '\0';
    cocos__json_put_text(o, name, text);
}

static int begin(cocos__json_out **o, const char *kind, const cocos__signed *is, cocos_error **err)
{
    int r = cocos__json_out_new(o, err);

    if (r < 0)
        return r;
    cocos__json_put_object(*o, NULL);
    cocos__json_put_text(*o, "kind", kind);
    cocos__json_put_bool(*o, "verified", 0);
    cocos__json_put_hex(*o, "signer", cocos_key_thumbprint(is->key), 32);
    cocos__json_put_hex(*o, "digest", is->digest, 32);
    cocos__json_put_hex(*o, "manifest_digest", is->manifest, 32);
    cocos__json_put_bool(*o, "timestamp", cocos__cose_timestamp(is->cose).len > 0);
    cocos__json_put_bool(*o, "receipts", cocos__cose_has_receipts(is->cose));
    return COCOS_OK;
}

int cocos_approval_to_json(const cocos_approval *a, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
    const cocos__approving *s = &a->says;

    int r = begin(&o, s->withdrawal ? "withdrawal" : "approval", &a->is, err);
    if (r < 0)
        return r;
    cocos__json_put_text(o, "role", s->role);
    put_number(o, "not_before", s->not_before_s, COCOS__NEVER);
    put_number(o, "not_after", s->not_after_s, COCOS__NEVER);
    put_number(o, "max_runs", s->max_runs, -1);
    put_bytes(o, "policy_digest", s->policy, 32);
    put_bytes(o, "instance_id", s->instance, 16);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}

static void put_moment(cocos__json_out *o, const char *name, const cocos__moment *m)
{
    if (m->wall_s == COCOS__NEVER) {
        cocos__json_put_null(o, name);
        return;
    }
    cocos__json_put_object(o, name);
    put_count(o, "monotonic_ns", m->monotonic_ns);
    cocos__json_put_int(o, "claimed", m->wall_s);
    cocos__json_put_end(o);
}

static const char *kind_name(int kind)
{
    static const char *const names[] = {"", "algorithm", "dataset", "requirements"};

    return kind >= COCOS_ASSET_ALGORITHM && kind <= COCOS_ASSET_REQUIREMENTS ? names[kind] : "";
}

static void put_assets(cocos__json_out *o, const cocos__stating *s)
{
    cocos__json_put_array(o, "assets");
    for (size_t i = 0; i < s->n_assets; i++) {
        cocos__json_put_object(o, NULL);
        cocos__json_put_text(o, "kind", kind_name(s->assets[i].kind));
        put_text(o, "name", s->assets[i].name);
        cocos__json_put_hex(o, "digest", s->assets[i].digest, 32);
        put_count(o, "size", s->assets[i].size);
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
}

static void
put_named(cocos__json_out *o, const cocos__stating *s, const char *name, int withdrawals)
{
    cocos__json_put_array(o, name);
    for (size_t i = 0; i < s->n_named; i++) {
        if (s->named[i].withdrawal != withdrawals)
            continue;
        cocos__json_put_object(o, NULL);
        cocos__json_put_hex(o, "signer", s->named[i].signer, 32);
        cocos__json_put_hex(o, "digest", s->named[i].digest, 32);
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
}

int cocos_statement_to_json(const cocos_statement *statement, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
    const cocos__stating *s = &statement->says;

    int r = begin(&o, "statement", &statement->is, err);
    if (r < 0)
        return r;
    put_text(o, "computation_id", s->computation_id);
    put_bytes(o, "instance_id", s->instance, 16);
    put_count(o, "run", s->run);
    put_assets(o, s);
    put_named(o, s, "approvals", 0);
    put_named(o, s, "withdrawals", 1);
    put_bytes(o, "result_digest", s->result, 32);
    put_bytes(o, "result_sha256", s->result_sha256, 32);
    put_number(o, "result_size", s->result_size > INT64_MAX ? INT64_MAX : (int64_t)s->result_size,
               s->result ? -1 : 0);
    put_number(o, "exit_status", s->exit_status, COCOS__NEVER);
    put_moment(o, "start", &s->start);
    put_moment(o, "end", &s->end);
    cocos__json_put_bool(o, "limits_enforced", s->limits_enforced);
    cocos__json_put_bool(o, "network_used", s->network_used);
    put_text(o, "agent_version", s->agent_version);
    put_bytes(o, "agent_measurement", s->agent_measurement.data, s->agent_measurement.len);
    put_bytes(o, "consumer_nonce", s->consumer_nonce.data, s->consumer_nonce.len);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}

int cocos_closure_to_json(const cocos_closure *closure, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
    const cocos__closing *s = &closure->says;

    int r = begin(&o, "closure", &closure->is, err);
    if (r < 0)
        return r;
    cocos__json_put_hex(o, "statement_digest", s->statement, 32);
    cocos__json_put_array(o, "wiped");
    for (size_t i = 0; i < s->n_wiped; i++) {
        cocos__json_put_object(o, NULL);
        cocos__json_put_text(o, "kind", kind_name(s->wiped[i].kind));
        cocos__json_put_int(o, "index", s->wiped[i].index);
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
    cocos__json_put_bool(o, "scratch_key_erased", s->scratch_key_erased);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
