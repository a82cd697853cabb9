/* SPDX-License-Identifier: Apache-2.0 */
/* Upload: an asset to the agent in constant memory, from where an earlier attempt ended. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "cocos/v1/agent.pb-c.h"
#include "compute/client.h"
#include "compute/parts.h"
#include "compute/source.h"

#define RESUMES_MAX 3 /* times that the agent may name another offset */

struct cocos_upload {
    int kind;
    uint32_t index;
    char *path;
    cocos__asset_reader *reader; /* in place of a path */
    uint8_t digest[COCOS_DIGEST_SIZE];
    int has_digest;
    cocos_progress_fn progress;
    void *user;
};

COCOS__DEFINE_FREEP(parts_unrefp, cocos__parts *, cocos__parts_unref)
COCOS__DEFINE_FREEP(info_freep, cocos_agent_info *, cocos_agent_info_free)

int cocos_upload_new(int kind, uint32_t index, cocos_upload **ret, cocos_error **err)
{
    if (!ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "ret is NULL");
    if (kind < COCOS_ASSET_ALGORITHM || kind > COCOS_ASSET_REQUIREMENTS ||
        (kind != COCOS_ASSET_DATASET && index != 0))
        return cocos__fail(err, COCOS_ERR_USAGE, "asset.kind",
                           "there is no asset of kind %d and index %u", kind, index);

    cocos_upload *u = calloc(1, sizeof *u);
    if (!u)
        return cocos__fail_memory(err);
    u->kind = kind;
    u->index = index;
    *ret = u;
    return COCOS_OK;
}

int cocos_upload_set_path(cocos_upload *u, const char *path, cocos_error **err)
{
    if (!u || !path)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "upload or path is NULL");

    char *copy = strdup(path);
    if (!copy)
        return cocos__fail_memory(err);
    free(u->path);
    u->path = copy;
    free(u->reader);
    u->reader = NULL;
    return COCOS_OK;
}

int cocos_upload_set_reader(cocos_upload *u,
                            cocos_read_fn read,
                            cocos_seek_fn seek,
                            void *user,
                            uint64_t size,
                            cocos_error **err)
{
    if (!u || !read)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "upload or read is NULL");

    cocos__asset_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return cocos__fail_memory(err);
    *reader = (cocos__asset_reader){.read = read, .seek = seek, .user = user, .size = size};
    free(u->reader);
    u->reader = reader;
    free(u->path);
    u->path = NULL;
    return COCOS_OK;
}

void cocos_upload_set_digest(cocos_upload *u, const uint8_t digest[COCOS_DIGEST_SIZE])
{
    memcpy(u->digest, digest, COCOS_DIGEST_SIZE);
    u->has_digest = 1;
}

void cocos_upload_set_progress(cocos_upload *u, cocos_progress_fn fn, void *user)
{
    u->progress = fn;
    u->user = user;
}

void cocos_upload_free(cocos_upload *u)
{
    if (!u)
        return;
    free(u->path);
    free(u->reader);
    free(u);
}

/* One upload on its way. */
typedef struct transfer {
    cocos_agent_conn *conn;
    const cocos_upload *upload;
    const cocos_key *key;
    cocos__source *source;
    const uint8_t *digest;
    cocos__parts *parts;
    cocos__meter meter;
    int64_t deadline_ns;
    cocos_cancel *cancel;
} transfer;

static const char *role_of(int kind)
{
    return kind == COCOS_ASSET_DATASET ? "data-provider" : "algorithm-provider";
}

static cocos__request request_of(const transfer *t, const char *method)
{
    return (cocos__request){.method = method,
                            .role = role_of(t->upload->kind),
                            .kind = t->upload->kind,
                            .index = t->upload->index,
                            .has_index = 1};
}

static int ask_status(const transfer *t, uint64_t *received, int *complete, cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    COCOS__CLEANUP(cocos__pb_freep) ProtobufCMessage *answer = NULL;
    Cocos__V1__UploadStatusRequest request = COCOS__V1__UPLOAD_STATUS_REQUEST__INIT;
    const cocos__request what = request_of(t, COCOS__AGENT_UPLOAD_STATUS);

    request.kind = (Cocos__V1__AssetKind)t->upload->kind;
    request.index = t->upload->index;
    int r = cocos__client_ask(t->conn, t->key, &what, &request.base, t->deadline_ns, t->cancel,
                              &call, err);
    if (r == COCOS_OK)
        r = cocos__client_answer(call, &cocos__v1__upload_status_response__descriptor, &answer,
                                 err);
    if (r < 0)
        return r;

    const Cocos__V1__UploadStatusResponse *s = (const Cocos__V1__UploadStatusResponse *)answer;
    *received = s->received <= t->source->size ? s->received : 0;
    *complete = s->complete != 0;
    return COCOS_OK;
}

static int start(const transfer *t, uint64_t offset, cocos__rpc_call **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf auth;
    cocos__request what = request_of(t, COCOS__AGENT_UPLOAD);

    cocos__buf_init(&auth, COCOS__AUTH_MAX);
    memcpy(what.digest, t->digest, COCOS_DIGEST_SIZE);
    what.size = t->source->size;
    what.offset = offset;
    what.has_size = what.has_offset = 1;
    int r = cocos__client_sign(t->conn, t->key, &what, &auth, err);
    if (r < 0)
        return r;

    const cocos__rpc_meta meta = {.key = COCOS__AUTH_KEY, .value = auth.data, .len = auth.len};
    return cocos__rpc_call_start(t->conn->channel, COCOS__AGENT_UPLOAD, &meta, 1, t->deadline_ns,
                                 t->cancel, ret, err);
}

static int send_header(const transfer *t, cocos__rpc_call *call, uint64_t offset, cocos_error **err)
{
    Cocos__V1__UploadHeader header = COCOS__V1__UPLOAD_HEADER__INIT;
    Cocos__V1__UploadRequest request = COCOS__V1__UPLOAD_REQUEST__INIT;

    header.kind = (Cocos__V1__AssetKind)t->upload->kind;
    header.index = t->upload->index;
    header.digest.data = (uint8_t *)t->digest;
    header.digest.len = COCOS_DIGEST_SIZE;
    header.size = t->source->size;
    header.offset = offset;
    request.part_case = COCOS__V1__UPLOAD_REQUEST__PART_HEADER;
    request.header = &header;
    return cocos__rpc_send_pb(call, &request.base, err);
}

static int read_part(const transfer *t, uint64_t at, size_t n, cocos__part **ret, cocos_error **err)
{
    cocos__part *part = cocos__part_take(t->parts);

    if (!part)
        return cocos__fail_memory(err);
    int r = cocos__source_read(t->source, part->data, n, at, t->cancel, err);
    if (r < 0)
        cocos__part_give(part);
    else
        *ret = part;
    return r;
}

static int send_part(cocos__rpc_call *call, cocos__part *part_take, size_t n, cocos_error **err)
{
    uint8_t head[16];
    size_t head_len = cocos__pb_bytes_head(head, 2, n); /* UploadRequest.data */

    return cocos__rpc_send_parts(call, head, head_len, part_take->data, n, cocos__part_give,
                                 part_take, err);
}

/* *local is 1 when the fault is on this side, so that the agent's verdict does not matter. */
static int
send_all(transfer *t, cocos__rpc_call *call, uint64_t offset, int *local, cocos_error **err)
{
    int r = send_header(t, call, offset, err);

    for (uint64_t at = offset; r == COCOS_OK && at < t->source->size;) {
        size_t n = t->source->size - at < COCOS__PART_SIZE ? (size_t)(t->source->size - at)
                                                           : COCOS__PART_SIZE;
        cocos__part *part = NULL;

        *local = 1;
        r = cocos__meter_update(&t->meter, at, err);
        if (r == COCOS_OK)
            r = cocos__source_unchanged(t->source, err);
        if (r == COCOS_OK)
            r = read_part(t, at, n, &part, err);
        if (r < 0)
            return r;
        *local = 0;
        r = send_part(call, part, n, err);
        at += n;
    }
    if (r == COCOS_OK) {
        *local = 1;
        r = cocos__source_unchanged(t->source, err);
        *local = 0;
    }
    return r < 0 ? r : cocos__rpc_send_end(call, err);
}

/* The trailer that says how much the agent has: decimal digits. */
static int received_trailer(const cocos__rpc_call *call, uint64_t size, uint64_t *received)
{
    size_t len = 0;
    const uint8_t *text = cocos__rpc_metadata(call, "cocos-received", &len);
    uint64_t v = 0;

    if (!text || len == 0 || len > 19)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    *received = v;
    return v <= size;
}

/* Whoever cannot go back has to know that calling again does not help. */
static int lost(const transfer *t, int status, cocos_error *cause_take, cocos_error **err)
{
    const cocos__asset_reader *reader = t->source->reader;

    if (status == COCOS_ERR_IO && reader && !reader->seek && reader->position > 0)
        return cocos__fail_cause(err, status, "asset.rewind", cause_take,
                                 "the connection was lost after %" PRIu64
                                 " bytes, and the reader cannot go back; begin anew with the asset "
                                 "from its first byte",
                                 reader->position);
    if (err)
        *err = cause_take;
    else
        cocos_error_free(cause_take);
    return status;
}

/* One attempt from *offset on; *again when the agent named another offset, which is then in
 * *offset. */
static int attempt(transfer *t, uint64_t *offset, int *again, cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    COCOS__CLEANUP(cocos__pb_freep) ProtobufCMessage *answer = NULL;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *send_error = NULL;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *verdict_error = NULL;
    int local = 0;
    int r = start(t, *offset, &call, err);

    if (r < 0)
        return r;
    int sent = send_all(t, call, *offset, &local, &send_error);
    if (sent < 0 && local) {
        if (err)
            *err = COCOS__STEAL(send_error);
        return sent;
    }
    int verdict = sent < 0 ? cocos__rpc_finish(call, &verdict_error)
                           : cocos__client_answer(call, &cocos__v1__upload_response__descriptor,
                                                  &answer, &verdict_error);
    if (verdict == COCOS_ERR_STATE && received_trailer(call, t->source->size, offset)) {
        *again = 1;
        return COCOS_OK;
    }
    if (verdict < 0)
        return lost(t, verdict, COCOS__STEAL(verdict_error), err);
    if (sent < 0)
        return lost(t, sent, COCOS__STEAL(send_error), err);
    if (!((const Cocos__V1__UploadResponse *)answer)->complete)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.answer",
                           "the agent took the upload but does not call it complete");
    (void)cocos__meter_update(&t->meter, t->source->size, NULL); /* too late to cancel */
    return COCOS_OK;
}

static int transfer_run(transfer *t, cocos_error **err)
{
    uint64_t offset = 0;
    int complete = 0, again = 0;
    int r = ask_status(t, &offset, &complete, err);

    if (r < 0)
        return r;
    if (complete) {
        (void)cocos__meter_update(&t->meter, t->source->size, NULL);
        return COCOS_OK;
    }
    for (int i = 0; i <= RESUMES_MAX; i++) {
        again = 0;
        r = attempt(t, &offset, &again, err);
        if (!again)
            return r;
    }
    return cocos__fail(
        err, COCOS_ERR_ABORTED, "upload.offset",
        "the agent named another offset %d times; somebody else uploads the same asset",
        RESUMES_MAX + 1);
}

/* What the agent must know beforehand and the caller of a reader does not say. */
static int ask_manifest(cocos_agent_conn *c,
                        const cocos_upload *u,
                        const cocos_key *key,
                        int64_t deadline_ns,
                        cocos_cancel *cancel,
                        cocos__source *source,
                        cocos_error **err)
{
    COCOS__CLEANUP(info_freep) cocos_agent_info *info = NULL;
    int r = cocos_agent_describe(c, key, deadline_ns, cancel, &info, err);

    if (r < 0)
        return r;
    const cocos_manifest *m = cocos_agent_info_manifest(info);
    if (!m)
        return cocos__fail(err, COCOS_ERR_STATE, "agent.manifest.none",
                           "the agent does not show its manifest to this key, and the digest or "
                           "the size of the asset was not stated");
    const uint8_t *digest = cocos_manifest_asset_digest(m, u->kind, u->index);
    if (!digest)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "asset.none",
                           "the manifest has no asset of kind %d and index %u", u->kind, u->index);
    if (!source->has_digest) {
        memcpy(source->digest, digest, COCOS_DIGEST_SIZE);
        source->has_digest = 1;
    }
    if (source->size == COCOS_SIZE_UNKNOWN)
        source->size = cocos_manifest_asset_size(m, u->kind, u->index);
    if (source->size == COCOS_SIZE_UNKNOWN)
        return cocos__fail(err, COCOS_ERR_USAGE, "asset.size",
                           "neither the caller nor the manifest states the size of the asset, "
                           "which the agent must know before the first byte");
    return COCOS_OK;
}

/* Ends with size and digest known. */
static int open_source(cocos_agent_conn *c,
                       const cocos_upload *u,
                       const cocos_key *key,
                       int64_t deadline_ns,
                       cocos_cancel *cancel,
                       cocos__source *source,
                       cocos_error **err)
{
    if (u->reader) {
        source->reader = u->reader;
        source->size = u->reader->size;
        source->has_digest = u->has_digest;
        memcpy(source->digest, u->digest, COCOS_DIGEST_SIZE);
        return source->has_digest && source->size != COCOS_SIZE_UNKNOWN
                   ? COCOS_OK
                   : ask_manifest(c, u, key, deadline_ns, cancel, source, err);
    }

    int r = cocos__source_open(source, u->path, cancel, err);
    if (r < 0)
        return r;
    if (!u->has_digest)
        return source->has_digest ? COCOS_OK : cocos__source_hash(source, cancel, err);
    if (source->has_digest && memcmp(u->digest, source->digest, COCOS_DIGEST_SIZE) != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "asset.digest",
                           "the directory does not have the stated digest; nothing was sent");
    memcpy(source->digest, u->digest, COCOS_DIGEST_SIZE);
    source->has_digest = 1;
    return COCOS_OK;
}

int cocos_agent_upload(cocos_agent_conn *c,
                       const cocos_upload *u,
                       const cocos_key *key,
                       int64_t deadline_ns,
                       cocos_cancel *cancel,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__source_done) cocos__source source;
    COCOS__CLEANUP(parts_unrefp) cocos__parts *parts = NULL;
    int r = COCOS_OK;

    cocos__source_init(&source);
    if (!c || !u || (!u->path && !u->reader) || !key || !cocos_key_is_private(key))
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null",
                           "connection, upload, its path or reader, or a private key is missing");
    parts = cocos__parts_new();
    if (!parts)
        return cocos__fail_memory(err);
    if ((r = cocos__client_need_manifest(c, deadline_ns, cancel, err)) < 0 ||
        (r = open_source(c, u, key, deadline_ns, cancel, &source, err)) < 0)
        return r;

    transfer t = {
        .conn = c,
        .upload = u,
        .key = key,
        .source = &source,
        .digest = source.digest,
        .parts = parts,
        .meter = {.fn = u->progress, .user = u->user, .total = source.size},
        .deadline_ns = deadline_ns,
        .cancel = cancel,
    };
    return transfer_run(&t, err);
}
