/* SPDX-License-Identifier: Apache-2.0 */
/* Upload: a header, then data, into the store (cocos-v1 section 4). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/serve.h"

#define CHUNK_MAX  (1024 * 1024)
#define DATA_FIELD 2 /* UploadRequest.data */

/* The call and the connection go on living while the store may interrupt, which ends with the
 * ingest. */
static void interrupt(void *user)
{
    cocos__rpc_interrupt(user);
}

static void free_msg(void *user)
{
    cocos__rpc_msg_free(user);
}

static int first_message(cocos__rpc_call *call, Cocos__V1__UploadRequest **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *m = NULL;

    int r = cocos__serve_request(call, &cocos__v1__upload_request__descriptor, &bytes, &m, err);
    if (r < 0)
        return r;
    const Cocos__V1__UploadRequest *rq = (const Cocos__V1__UploadRequest *)m;
    if (rq->part_case != COCOS__V1__UPLOAD_REQUEST__PART_HEADER)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "upload.order",
                           "the first message of an upload must be its header");
    if (rq->header->digest.len != 32)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "upload.header",
                           "the header's digest has %zu bytes, not 32", rq->header->digest.len);
    *ret = (Cocos__V1__UploadRequest *)COCOS__STEAL(m);
    return COCOS_OK;
}

/* A client that lost the connection learns where to go on. */
static void say_received(cocos__rpc_call *call, uint64_t received)
{
    char text[24];

    int n = snprintf(text, sizeof text, "%" PRIu64, received);
    cocos__rpc_add_trailer(call, "cocos-received", text, (size_t)n);
}

static int begin(cocos_agent_service *s,
                 cocos__rpc_call *call,
                 cocos__computation *c,
                 const Cocos__V1__UploadHeader *h,
                 cocos__ingest **ret,
                 cocos_error **err)
{
    cocos__auth_want want = {.right = COCOS__RIGHT_OWNER,
                             .kind = (int)h->kind,
                             .index = h->index,
                             .digest = h->digest.data,
                             .size = &h->size,
                             .offset = &h->offset};
    cocos__ingest_header header = {(int)h->kind, h->index, h->digest.data, h->size, h->offset};
    uint64_t received = 0;

    int r = cocos__auth_check(s, call, c, &want, NULL, err);
    if (r < 0)
        return r;
    r = cocos__ingest_begin(c->store, &header, interrupt, call, &received, ret, err);
    if (r == COCOS_ERR_STATE)
        say_received(call, received);
    return r;
}

/* One message after the header. Its bytes go to the store as they lie in the message. */
static int take(cocos__ingest *in, cocos__rpc_msg *msg_take, cocos_error **err)
{
    cocos__chunk chunk = {{NULL, 0}, free_msg, msg_take};
    cocos__span bytes = cocos__rpc_msg_bytes(msg_take);

    if (bytes.len > 0 && !cocos__pb_only_bytes(bytes, DATA_FIELD, &chunk.bytes)) {
        cocos__chunk_free(&chunk);
        return cocos__fail(err, COCOS_ERR_MALFORMED, "upload.order",
                           "after the header an upload has only data");
    }
    if (chunk.bytes.len > CHUNK_MAX) {
        size_t len = chunk.bytes.len;
        cocos__chunk_free(&chunk);
        return cocos__fail(err, COCOS_ERR_MALFORMED, "upload.chunk",
                           "a piece has %zu bytes, the limit is %d", len, CHUNK_MAX);
    }
    return cocos__ingest_add(in, chunk, err);
}

static int
take_all(cocos__rpc_call *call, cocos__ingest *in, cocos__asset_status *st, cocos_error **err)
{
    cocos__rpc_msg *msg = NULL;
    int r;

    while ((r = cocos__rpc_recv(call, &msg, err)) == COCOS_OK && msg) {
        r = take(in, msg, err);
        if (r < 0)
            return r;
    }
    if (r == COCOS_OK)
        return cocos__ingest_finish(in, st, err);

    /* Whoever was fenced or stopped while it waited for its client is told so, not that it was
     * cancelled. */
    cocos_error *why = NULL;
    int f = cocos__ingest_check(in, &why);
    if (f < 0) {
        cocos_error_free(*err);
        *err = why;
        return f;
    }
    return r;
}

int cocos__serve_upload(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__HOLD_CURRENT(held, s);
    COCOS__CLEANUP(cocos__ingest_freep) cocos__ingest *in = NULL;
    Cocos__V1__UploadRequest *first = NULL;
    Cocos__V1__UploadResponse rsp = COCOS__V1__UPLOAD_RESPONSE__INIT;
    cocos__asset_status st;

    int r = first_message(call, &first, err);
    if (r < 0)
        return r;
    r = held.c ? begin(s, call, held.c, first->header, &in, err) : cocos__serve_no_manifest(err);
    cocos__v1__upload_request__free_unpacked(first, NULL);
    if (r == COCOS_OK)
        r = take_all(call, in, &st, err);
    if (r < 0)
        return r;
    if (st.complete && !cocos__ingest_was_complete(in))
        cocos__machine_asset_complete(s, held.c, &st);
    rsp.received = st.received;
    rsp.complete = st.complete;
    return cocos__rpc_send_pb(call, &rsp.base, err);
}
