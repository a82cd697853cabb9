/* SPDX-License-Identifier: Apache-2.0 */
/* Download: a result or the job's output, from any offset, straight from its file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "agent/serve.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"

#define CHUNK_LEN  (1024 * 1024)
#define DATA_FIELD 2 /* DownloadResponse.data */

/* What the record says of the part that is asked for. */
struct source {
    cocos__record_file file;
    char failure[COCOS__RECORD_FAILURE_MAX + 1];
    int state;
};

static struct source look(cocos_agent_service *s, const cocos__computation *c, uint32_t part)
{
    struct source src = {{0}, "", COCOS__AGENT_RECEIVING_MANIFEST};

    COCOS__LOCKED(&s->lock);
    if (s->current != c)
        return src;
    src.file = s->record.result[part];
    src.state = s->record.state;
    memcpy(src.failure, s->record.failure, sizeof src.failure);
    return src;
}

static int fail_stopped(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_ABORTED, "computation.stopped",
                       "the computation was stopped");
}

/* job.deadline and the like are told by the code; the text is the same for all. */
static int fail_job(const char *code, cocos_error **err)
{
    static const char *const codes[] = {"job.interrupted", "job.withdrawn", "job.deadline",
                                        "job.memory", "job.disk"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(codes); i++) {
        if (strcmp(code, codes[i]) == 0)
            return cocos__fail(err, COCOS_ERR_STATE, codes[i], "the job did not end well");
    }
    return cocos__fail(err, COCOS_ERR_STATE, "job.failed", "the job did not end well");
}

static int check(const struct source *src, cocos_error **err)
{
    int over = src->state == COCOS__AGENT_CONSUMING_RESULTS ||
               src->state == COCOS__AGENT_COMPLETE || src->state == COCOS__AGENT_FAILED;

    if (!over)
        return cocos__fail(err, COCOS_ERR_STATE, "result.early", "there is no result in state %s",
                           cocos__agent_state_name(src->state));
    if (src->file.present)
        return COCOS_OK;
    if (*src->failure)
        return fail_job(src->failure, err);
    return cocos__fail(err, COCOS_ERR_STATE, "result.gone", "the result has been wiped");
}

/* Who may read the part (cocos-v1 sections 2 and 4). */
static int
right_for(const cocos_manifest *m, uint32_t part, enum cocos__right *right, cocos_error **err)
{
    const char *output = cocos_manifest_job_output(m);

    *right = COCOS__RIGHT_CONSUMER;
    if (part == 0)
        return COCOS_OK;
    if (part > 1)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "result.part",
                           "there is no part %u of a result", (unsigned)part);
    if (strcmp(output, "none") == 0)
        return cocos__fail(err, COCOS_ERR_DENIED, "job.output",
                           "the manifest gives the job's output to nobody");
    if (strcmp(output, "parties") == 0)
        *right = COCOS__RIGHT_PARTY;
    return COCOS_OK;
}

/* While the lock is held for reading nobody overwrites the file, so that no zeros go out for a
 * result. */
static int
read_piece(cocos__computation *c, int fd, uint8_t *buf, size_t n, uint64_t at, cocos_error **err)
{
    int r;

    pthread_rwlock_rdlock(&c->results);
    if (c->stopped)
        r = fail_stopped(err);
    else if (c->results_wiped)
        r = cocos__fail(err, COCOS_ERR_STATE, "result.gone", "the result has been wiped");
    else
        r = cocos__pread_full(fd, buf, n, at, "the result", err);
    pthread_rwlock_unlock(&c->results);
    return r;
}

static int send_piece(
    cocos__rpc_call *call, cocos__computation *c, int fd, size_t n, uint64_t at, cocos_error **err)
{
    uint8_t head[16];
    size_t head_len = cocos__pb_bytes_head(head, DATA_FIELD, n);
    uint8_t *buf = malloc(n);

    if (!buf)
        return cocos__fail_memory(err);
    int r = read_piece(c, fd, buf, n, at, err);
    if (r < 0) {
        free(buf);
        return r;
    }
    return cocos__rpc_send_parts(call, head, head_len, buf, n, free, buf, err);
}

static int send_header(cocos__rpc_call *call, const cocos__record_file *f, cocos_error **err)
{
    Cocos__V1__DownloadResponse rsp = COCOS__V1__DOWNLOAD_RESPONSE__INIT;
    Cocos__V1__ResultHeader h = COCOS__V1__RESULT_HEADER__INIT;

    h.size = f->size;
    h.digest = (ProtobufCBinaryData){sizeof f->digest, (uint8_t *)(uintptr_t)f->digest};
    rsp.part_case = COCOS__V1__DOWNLOAD_RESPONSE__PART_HEADER;
    rsp.header = &h;
    return cocos__rpc_send_pb(call, &rsp.base, err);
}

static int send_file(cocos__rpc_call *call,
                     cocos__computation *c,
                     uint32_t part,
                     const cocos__record_file *f,
                     uint64_t offset,
                     cocos_error **err)
{
    char path[COCOS__SERVICE_PATH];

    cocos__computation_result_path(c, (int)part, path);
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return cocos__fail(err, COCOS_ERR_STATE, "result.gone", "the result has been wiped");

    /* The header comes even then: whoever asks for too much holds a part of another result. */
    int r = send_header(call, f, err);
    if (r == COCOS_OK && offset > f->size)
        r = cocos__fail(err, COCOS_ERR_MALFORMED, "download.offset",
                        "offset %" PRIu64 " of a result of %" PRIu64 " bytes", offset, f->size);
    for (uint64_t at = offset; r == COCOS_OK && at < f->size;) {
        size_t n = f->size - at < CHUNK_LEN ? (size_t)(f->size - at) : CHUNK_LEN;
        r = send_piece(call, c, fd, n, at, err);
        at += n;
    }
    return r;
}

static int authorise(cocos_agent_service *s,
                     cocos__rpc_call *call,
                     cocos__computation *c,
                     const Cocos__V1__DownloadRequest *rq,
                     cocos__span message,
                     const cocos_key **key,
                     cocos_error **err)
{
    cocos__auth_want want = {.message = message, .offset = &rq->offset};

    int r = right_for(c->manifest, rq->part, &want.right, err);
    if (r == COCOS_OK)
        r = cocos__auth_check(s, call, c, &want, key, err);
    if (r < 0)
        return r;
    if (rq->consumer_nonce.len > COCOS__CONSUMER_NONCE_MAX)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "download.nonce",
                           "the consumer's nonce has %zu bytes, at most %d", rq->consumer_nonce.len,
                           COCOS__CONSUMER_NONCE_MAX);
    cocos__machine_note_nonce(s, c, *key,
                              (cocos__span){rq->consumer_nonce.data, rq->consumer_nonce.len});
    return COCOS_OK;
}

static int deliver(cocos_agent_service *s,
                   cocos__rpc_call *call,
                   cocos__computation *c,
                   const Cocos__V1__DownloadRequest *rq,
                   cocos__span message,
                   cocos_error **err)
{
    const cocos_key *key = NULL;

    int r = authorise(s, call, c, rq, message, &key, err);
    if (r < 0)
        return r;
    struct source src = look(s, c, rq->part);
    r = check(&src, err);
    if (r == COCOS_OK)
        r = send_file(call, c, rq->part, &src.file, rq->offset, err);
    if (r < 0)
        return r;
    if (rq->part == 0 && !cocos__rpc_call_gone(call))
        cocos__machine_delivered(s, c, key);
    return rq->part == 0 && *src.failure ? fail_job(src.failure, err) : COCOS_OK;
}

int cocos__serve_download(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *m = NULL;
    COCOS__HOLD_CURRENT(held, s);

    int r = cocos__serve_request(call, &cocos__v1__download_request__descriptor, &bytes, &m, err);
    if (r < 0)
        return r;
    if (!held.c)
        return cocos__serve_no_manifest(err);
    return deliver(s, call, held.c, (const Cocos__V1__DownloadRequest *)m,
                   cocos__rpc_msg_bytes(bytes), err);
}
