/* SPDX-License-Identifier: Apache-2.0 */
/* Describe, UploadStatus: questions with one answer. */
#include <cocos/common.h>

#include <string.h>

#include "agent/serve.h"
#include "base/thread.h"

int cocos__serve_no_manifest(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_STATE, "agent.state", "there is no manifest yet");
}

int cocos__serve_request(cocos__rpc_call *call,
                         const ProtobufCMessageDescriptor *type,
                         cocos__rpc_msg **bytes,
                         ProtobufCMessage **ret,
                         cocos_error **err)
{
    int r = cocos__rpc_recv(call, bytes, err);
    if (r < 0)
        return r;
    if (!*bytes)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "rpc.message",
                           "the call ended without its request message");
    cocos__span b = cocos__rpc_msg_bytes(*bytes);
    *ret = cocos__pb_unpack(type, b, COCOS__PB_MEMORY(b.len));
    if (!*ret)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "rpc.message",
                           "the request of %zu bytes is not a %s", b.len, type->name);
    return COCOS_OK;
}

/* What is put together for a party; everything else is borrowed from the computation. */
struct assets {
    Cocos__V1__Asset *items;
    Cocos__V1__Asset **list;
    char (*missing)[COCOS__CONSENT_TEXT];
    char **missing_list;
};

static void assets_done(struct assets *a)
{
    free(a->items);
    free(a->list);
    free(a->missing);
    free(a->missing_list);
}

static void fill_asset(const cocos_manifest *m, const cocos__asset_status *st, Cocos__V1__Asset *a)
{
    cocos__v1__asset__init(a);
    a->kind = (Cocos__V1__AssetKind)st->kind;
    a->index = st->index;
    a->name = (char *)(uintptr_t)cocos_manifest_asset_name(m, st->kind, st->index);
    a->digest = (ProtobufCBinaryData){
        32, (uint8_t *)(uintptr_t)cocos_manifest_asset_digest(m, st->kind, st->index)};
    a->size = st->size == COCOS_SIZE_UNKNOWN ? 0 : st->size;
    a->received = st->received;
    a->complete = st->complete;
}

static int describe_missing(cocos_agent_service *s,
                            const cocos__computation *c,
                            struct assets *a,
                            Cocos__V1__DescribeResponse *rsp,
                            cocos_error **err)
{
    COCOS__LOCKED(&s->lock);
    size_t n = cocos__consent_missing(c->consent, NULL, 0);

    a->missing = calloc(n + 1, sizeof *a->missing);
    a->missing_list = calloc(n + 1, sizeof *a->missing_list);
    if (!a->missing || !a->missing_list)
        return cocos__fail_memory(err);
    cocos__consent_missing(c->consent, a->missing, n);
    for (size_t i = 0; i < n; i++)
        a->missing_list[i] = a->missing[i];
    rsp->approvals_missing = a->missing_list;
    rsp->n_approvals_missing = n;
    return COCOS_OK;
}

static int describe_to_party(const cocos__computation *c,
                             struct assets *a,
                             Cocos__V1__DescribeResponse *rsp,
                             cocos_error **err)
{
    size_t n = cocos__store_count(c->store);
    size_t len = 0;
    const uint8_t *cbor = cocos_manifest_cbor(c->manifest, &len);

    a->items = calloc(n ? n : 1, sizeof *a->items);
    a->list = calloc(n ? n : 1, sizeof *a->list);
    if (!a->items || !a->list)
        return cocos__fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        cocos__asset_status st;
        cocos__store_status_at(c->store, i, &st);
        fill_asset(c->manifest, &st, &a->items[i]);
        a->list[i] = &a->items[i];
    }
    rsp->manifest = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)cbor};
    rsp->assets = a->list;
    rsp->n_assets = n;
    return COCOS_OK;
}

int cocos__serve_describe(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *rq = NULL;
    struct assets assets __attribute__((cleanup(assets_done))) = {0};
    Cocos__V1__DescribeResponse rsp = COCOS__V1__DESCRIBE_RESPONSE__INIT;
    COCOS__HOLD_CURRENT(held, s);

    int r = cocos__serve_request(call, &cocos__v1__describe_request__descriptor, &bytes, &rq, err);
    if (r < 0)
        return r;
    rsp.instance_id =
        (ProtobufCBinaryData){sizeof s->identity.instance_id, s->identity.instance_id};
    rsp.state = (char *)(uintptr_t)cocos__agent_state_name(cocos__machine_state(s));
    rsp.version = (char *)(uintptr_t)cocos_version();
    if (held.c) {
        rsp.computation_id = (char *)(uintptr_t)cocos_manifest_id(held.c->manifest);
        rsp.manifest_digest = (ProtobufCBinaryData){
            32, (uint8_t *)(uintptr_t)cocos_manifest_digest(held.c->manifest)};
    }
    /* Before there is a manifest nobody is a party: a signature then changes nothing. */
    if (held.c && cocos__auth_present(call)) {
        cocos__auth_want want = {.right = COCOS__RIGHT_PARTY,
                                 .message = cocos__rpc_msg_bytes(bytes)};
        r = cocos__auth_check(s, call, held.c, &want, NULL, err);
        if (r == COCOS_OK)
            r = describe_to_party(held.c, &assets, &rsp, err);
        if (r == COCOS_OK)
            r = describe_missing(s, held.c, &assets, &rsp, err);
        if (r < 0)
            return r;
    }
    return cocos__rpc_send_pb(call, &rsp.base, err);
}

int cocos__serve_upload_status(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *m = NULL;
    Cocos__V1__UploadStatusResponse rsp = COCOS__V1__UPLOAD_STATUS_RESPONSE__INIT;
    cocos__asset_status st;
    COCOS__HOLD_CURRENT(held, s);

    int r =
        cocos__serve_request(call, &cocos__v1__upload_status_request__descriptor, &bytes, &m, err);
    if (r < 0)
        return r;
    if (!held.c)
        return cocos__serve_no_manifest(err);
    const Cocos__V1__UploadStatusRequest *rq = (const Cocos__V1__UploadStatusRequest *)m;
    cocos__auth_want want = {.right = COCOS__RIGHT_OWNER,
                             .kind = (int)rq->kind,
                             .index = rq->index,
                             .message = cocos__rpc_msg_bytes(bytes)};
    r = cocos__auth_check(s, call, held.c, &want, NULL, err);
    if (r == COCOS_OK)
        r = cocos__store_status(held.c->store, want.kind, want.index, &st, err);
    if (r < 0)
        return r;
    rsp.received = st.received;
    rsp.size = st.size == COCOS_SIZE_UNKNOWN ? 0 : st.size;
    rsp.complete = st.complete;
    return cocos__rpc_send_pb(call, &rsp.base, err);
}
