/* SPDX-License-Identifier: Apache-2.0 */
/* Describe: what an agent says about itself. Everything in it is foreign input. */
#include <string.h>

#include "cocos/v1/agent.pb-c.h"
#include "compute/client.h"
#include "crypto/digest.h"

#define STATE_MAX   64
#define VERSION_MAX 64
#define MISSING_MAX 2048
#define ASSETS_MAX  258 /* 256 data sets, algorithm, requirements (cocos-v1 section 2) */

struct cocos_agent_info {
    Cocos__V1__DescribeResponse *said; /* owned */
    cocos_manifest *manifest;
};

COCOS__DEFINE_FREEP(info_freep, cocos_agent_info *, cocos_agent_info_free)

static int check_sizes(const Cocos__V1__DescribeResponse *d, cocos_error **err)
{
    const char *what = NULL;

    if (d->instance_id.len != 16)
        what = "instance id is not 16 bytes";
    else if (d->manifest_digest.len != 0 && d->manifest_digest.len != COCOS_DIGEST_SIZE)
        what = "manifest digest is not 32 bytes";
    else if (strlen(d->state) > STATE_MAX || strlen(d->version) > VERSION_MAX ||
             strlen(d->computation_id) > COCOS__ID_MAX)
        what = "a text is too long";
    else if (d->n_approvals_missing > MISSING_MAX)
        what = "there are more signatures missing than a manifest can ask for";
    else if (d->n_assets > ASSETS_MAX)
        what = "there are more assets than a manifest can have";
    else if ((d->manifest_digest.len == 0) != (*d->computation_id == '\0'))
        what = "computation id and manifest digest do not come together";

    for (size_t i = 0; !what && i < d->n_assets; i++) {
        if ((int)d->assets[i]->kind < COCOS_ASSET_ALGORITHM ||
            (int)d->assets[i]->kind > COCOS_ASSET_REQUIREMENTS)
            what = "an asset is of unknown kind";
    }
    return what ? cocos__fail(err, COCOS_ERR_MALFORMED, "agent.describe",
                              "the agent's description is wrong: %s", what)
                : COCOS_OK;
}

/* The manifest that is shown must be the one whose digest every request is signed for. */
static int check_manifest(cocos_agent_info *i, cocos_error **err)
{
    const Cocos__V1__DescribeResponse *d = i->said;

    if (d->manifest.len == 0)
        return COCOS_OK;
    int r = cocos_manifest_from_cbor(d->manifest.data, d->manifest.len, &i->manifest, err);
    if (r < 0)
        return r;
    if (d->manifest_digest.len == 0 ||
        memcmp(cocos_manifest_digest(i->manifest), d->manifest_digest.data, COCOS_DIGEST_SIZE) !=
            0 ||
        strcmp(cocos_manifest_id(i->manifest), d->computation_id) != 0) {
        return cocos__fail_check(err, COCOS_ERR_MALFORMED, "agent.manifest.digest", "manifest",
                                 "the manifest of the stated digest and id", "another one",
                                 "the agent shows a manifest that is not the one it states");
    }
    return COCOS_OK;
}

/* An instance is one boot; a connection cannot outlive it, so another id means another machine. */
static int remember(cocos_agent_conn *c, const Cocos__V1__DescribeResponse *d, cocos_error **err)
{
    static const uint8_t none[16];

    if (memcmp(c->instance_id, none, 16) != 0 &&
        memcmp(c->instance_id, d->instance_id.data, 16) != 0)
        return cocos__fail(err, COCOS_ERR_STATE, "agent.instance",
                           "the agent's instance id changed on one connection");

    memcpy(c->instance_id, d->instance_id.data, 16);
    c->has_manifest = d->manifest_digest.len != 0;
    if (c->has_manifest)
        memcpy(c->manifest_digest, d->manifest_digest.data, COCOS_DIGEST_SIZE);
    strcpy(c->computation_id, d->computation_id); /* length checked by check_sizes() */
    return COCOS_OK;
}

static int ask(cocos_agent_conn *c,
               const cocos_key *key,
               int64_t deadline_ns,
               cocos_cancel *cancel,
               Cocos__V1__DescribeResponse **ret,
               cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    Cocos__V1__DescribeRequest request = COCOS__V1__DESCRIBE_REQUEST__INIT;
    const cocos__request what = {.method = COCOS__AGENT_DESCRIBE, .role = "observer"};
    int r = cocos__client_ask(c, key, &what, &request.base, deadline_ns, cancel, &call, err);

    if (r < 0)
        return r;
    return cocos__client_answer(call, &cocos__v1__describe_response__descriptor,
                                (ProtobufCMessage **)ret, err);
}

int cocos_agent_describe(cocos_agent_conn *c,
                         const cocos_key *key,
                         int64_t deadline_ns,
                         cocos_cancel *cancel,
                         cocos_agent_info **ret,
                         cocos_error **err)
{
    COCOS__CLEANUP(info_freep) cocos_agent_info *i = NULL;

    if (!c || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "connection or ret is NULL");
    if (key && !cocos_key_is_private(key))
        return cocos__fail(err, COCOS_ERR_USAGE, "key.private", "a public key cannot sign");
    i = calloc(1, sizeof *i);
    if (!i)
        return cocos__fail_memory(err);

    int r = ask(c, key, deadline_ns, cancel, &i->said, err);
    if (r == COCOS_OK)
        r = check_sizes(i->said, err);
    if (r == COCOS_OK)
        r = check_manifest(i, err);
    if (r == COCOS_OK)
        r = remember(c, i->said, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(i);
    return COCOS_OK;
}

const uint8_t *cocos_agent_info_instance_id(const cocos_agent_info *i)
{
    return i->said->instance_id.data;
}

const char *cocos_agent_info_state(const cocos_agent_info *i)
{
    return i->said->state;
}

const char *cocos_agent_info_computation_id(const cocos_agent_info *i)
{
    return i->said->computation_id;
}

const uint8_t *cocos_agent_info_manifest_digest(const cocos_agent_info *i)
{
    return i->said->manifest_digest.len ? i->said->manifest_digest.data : NULL;
}

const cocos_manifest *cocos_agent_info_manifest(const cocos_agent_info *i)
{
    return i->manifest;
}

const char *cocos_agent_info_version(const cocos_agent_info *i)
{
    return i->said->version;
}

int cocos_agent_info_compat(const cocos_agent_info *i)
{
    return i->said->compat != 0;
}

size_t cocos_agent_info_missing_count(const cocos_agent_info *i)
{
    return i->said->n_approvals_missing;
}

const char *cocos_agent_info_missing(const cocos_agent_info *i, size_t n)
{
    return n < i->said->n_approvals_missing ? i->said->approvals_missing[n] : "";
}

size_t cocos_agent_info_asset_count(const cocos_agent_info *i)
{
    return i->said->n_assets;
}

int cocos_agent_info_asset(const cocos_agent_info *i,
                           size_t n,
                           int *kind,
                           uint32_t *index,
                           uint64_t *size,
                           uint64_t *received,
                           int *complete)
{
    if (n >= i->said->n_assets)
        return COCOS_ERR_NOT_FOUND;

    const Cocos__V1__Asset *a = i->said->assets[n];
    if (kind)
        *kind = (int)a->kind;
    if (index)
        *index = a->index;
    if (size)
        *size = a->size;
    if (received)
        *received = a->received;
    if (complete)
        *complete = a->complete != 0;
    return COCOS_OK;
}

void cocos_agent_info_free(cocos_agent_info *i)
{
    if (!i)
        return;
    cocos__pb_freep(&i->said);
    cocos_manifest_free(i->manifest);
    free(i);
}
