/* SPDX-License-Identifier: Apache-2.0 */
/* Download: into a partial file beside the target, which gets its name only when its digest is
 * right. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "cocos/v1/agent.pb-c.h"
#include "compute/client.h"
#include "compute/sink.h"

/* One download. */
typedef struct fetch {
    cocos_agent_conn *conn;
    const cocos_key *key;
    uint32_t part;
    const char *role;
    const char *path;
    char partial[PATH_MAX];
    int fd;          /* of the partial file, locked */
    uint64_t offset; /* bytes that were there when the attempt began */
    uint64_t got;    /* bytes that are there now */
    uint64_t size;
    uint8_t digest[32];
    int has_header;
    int ours; /* the attempt failed on this side: what the agent says in the end does not matter */
    cocos__meter meter;
    int64_t deadline_ns;
    cocos_cancel *cancel;
} fetch;

/* The partial file may be a leftover of ours, but nothing else: it could have been put there to be
 * written through. */
static int open_partial(fetch *f, cocos_error **err)
{
    struct stat st;
    int n = snprintf(f->partial, sizeof f->partial, "%s.part", f->path);

    if (n < 0 || (size_t)n >= sizeof f->partial)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "the path of the result is too long");
    f->fd = open(f->partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (f->fd < 0 || fstat(f->fd, &st) < 0)
        return cocos__fail_errno(err, errno, "io.create", "%s", f->partial);
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid())
        return cocos__fail(err, COCOS_ERR_DENIED, "result.partial",
                           "%s is not a partial result of this user", f->partial);
    if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
        return cocos__fail(err, COCOS_ERR_BUSY, "result.busy", "another download writes %s",
                           f->partial);
    f->offset = (uint64_t)st.st_size;
    return COCOS_OK;
}

static int ask(const fetch *f, cocos__rpc_call **ret, cocos_error **err)
{
    Cocos__V1__DownloadRequest request = COCOS__V1__DOWNLOAD_REQUEST__INIT;
    cocos__request what = {
        .method = COCOS__AGENT_DOWNLOAD, .role = f->role, .offset = f->offset, .has_offset = 1};

    request.offset = f->offset;
    request.part = f->part;
    request.consumer_nonce =
        (ProtobufCBinaryData){f->conn->consumer_nonce_len, f->conn->consumer_nonce};
    return cocos__client_ask(f->conn, f->key, &what, &request.base, f->deadline_ns, f->cancel, ret,
                             err);
}

/* Room for the rest, asked before anything is written. */
static int check_room(const fetch *f, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) char *dir = strdup(f->partial);
    uint64_t room;

    if (!dir)
        return cocos__fail_memory(err);
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = '\0';
    int r = cocos__free_space(slash ? dir : ".", &room, err);
    if (r < 0)
        return r;
    if (room < f->size - f->offset)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "io.space",
                           "the result needs %llu more bytes, the disk has %llu",
                           (unsigned long long)(f->size - f->offset), (unsigned long long)room);
    return COCOS_OK;
}

/* *stale is 1 when what is there already cannot belong to this result. */
static int recv_header(fetch *f, cocos__rpc_call *call, int *stale, cocos_error **err)
{
    COCOS__CLEANUP(cocos__pb_freep) ProtobufCMessage *message = NULL;
    int r = cocos__rpc_recv_pb(call, &cocos__v1__download_response__descriptor, &message, err);

    if (r < 0 || !message)
        return r;
    f->ours = 1; /* until all of it is accepted */
    const Cocos__V1__DownloadResponse *d = (const Cocos__V1__DownloadResponse *)message;
    if (d->part_case != COCOS__V1__DOWNLOAD_RESPONSE__PART_HEADER ||
        d->header->digest.len != sizeof f->digest)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.answer",
                           "the result does not begin with its size and digest");

    f->has_header = 1;
    f->size = d->header->size;
    f->meter.total = f->size;
    memcpy(f->digest, d->header->digest.data, sizeof f->digest);
    *stale = f->offset > f->size;
    r = *stale ? COCOS_OK : check_room(f, err);
    f->ours = r < 0;
    return r;
}

static int recv_data(fetch *f, cocos__rpc_call *call, cocos__sink_file *sink, cocos_error **err)
{
    for (;;) {
        COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *msg = NULL;
        cocos__span content;
        int r = cocos__rpc_recv(call, &msg, err);

        if (r < 0 || !msg)
            return r;
        f->ours = 1;
        if (!cocos__pb_only_bytes(cocos__rpc_msg_bytes(msg), 2,
                                  &content)) /* DownloadResponse.data */
            return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.answer",
                               "a part of the result is not data");
        if (content.len > f->size - f->got)
            return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.answer",
                               "the agent sends more than the size it stated");
        r = cocos__sink_file_add(sink, COCOS__STEAL(msg), content, err);
        if (r < 0)
            return r;
        f->got += content.len;
        r = cocos__meter_update(&f->meter, f->got, err);
        if (r < 0)
            return r;
        f->ours = 0;
    }
}

/* Flushed before it gets its name, and the name flushed too: after a crash there is all of it or
 * nothing. */
static int publish(const fetch *f, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) char *dir = strdup(f->path);
    COCOS__CLEANUP(cocos__closep) int dir_fd = -1;

    if (!dir)
        return cocos__fail_memory(err);
    if (fsync(f->fd) < 0)
        return cocos__fail_errno(err, errno, "io.write", "%s", f->partial);
    if (rename(f->partial, f->path) < 0)
        return cocos__fail_errno(err, errno, "io.rename", "%s", f->path);

    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = '\0';
    dir_fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0)
        (void)fsync(dir_fd); /* not every file system can; the file itself is safe */
    return COCOS_OK;
}

/* All bytes are there: *stale when they are wrong and some were there before. */
static int conclude(fetch *f, cocos__sink_file *sink, int *stale, cocos_error **err)
{
    uint8_t digest[32];
    int r = cocos__sink_file_finish(sink, digest, err);

    if (r < 0)
        return r;
    if (memcmp(digest, f->digest, sizeof digest) == 0)
        return publish(f, err);

    *stale = f->offset > 0;
    if (*stale)
        return COCOS_OK;
    (void)unlink(f->partial); /* wrong bytes are of no use to a later attempt */
    return cocos__fail_check(err, COCOS_ERR_MALFORMED, "result.digest", "digest",
                             "the digest that the agent stated", "another one",
                             "the result arrived damaged");
}

/* A fault of this side is told as such; otherwise what the agent said last counts. */
static int
verdict_of(const fetch *f, cocos__rpc_call *call, int r, cocos_error *mine_take, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *mine = mine_take;
    int verdict = COCOS_OK;

    if (r < 0 && f->ours)
        cocos__rpc_cancel(call);
    else
        verdict = cocos__rpc_finish(call, err);
    if (verdict == COCOS_OK && r < 0 && err)
        *err = COCOS__STEAL(mine);
    return verdict < 0 ? verdict : r;
}

/*
 * One attempt. *done: the file has its name (also when the verdict is an error: the result of a
 * failed job is delivered, then called failed). *stale: the partial file was of another result.
 */
static int attempt(fetch *f, int *done, int *stale, cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    COCOS__CLEANUP(cocos__sink_file_freep) cocos__sink_file *sink = NULL;
    cocos_error *mine = NULL;
    int r = ask(f, &call, err);

    if (r < 0)
        return r;
    f->has_header = f->ours = 0;
    f->got = f->offset;
    r = recv_header(f, call, stale, &mine);
    if (*stale)
        return COCOS_OK;
    if (r == COCOS_OK && f->has_header)
        f->ours = (r = cocos__sink_file_open(f->fd, f->offset, f->cancel, &sink, &mine)) < 0;
    if (r == COCOS_OK && sink)
        r = recv_data(f, call, sink, &mine);
    int verdict = verdict_of(f, call, r, mine, err);

    if (!sink || f->ours || f->got < f->size) {
        uint8_t unused[32];

        if (sink)
            (void)cocos__sink_file_finish(sink, unused,
                                          NULL); /* what came is kept for the next attempt */
        if (verdict == COCOS_OK)
            return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.answer",
                               "the result ended after %llu of %llu bytes",
                               (unsigned long long)f->got, (unsigned long long)f->size);
        return verdict;
    }
    cocos_error *end_error = NULL;
    r = conclude(f, sink, stale, &end_error);
    *done = r == COCOS_OK && !*stale;
    if (verdict < 0 && *done)
        return verdict;
    if (r < 0 || *stale) {
        if (err && verdict < 0) {
            cocos_error_free(*err);
            *err = NULL;
        }
        if (err)
            *err = end_error;
        else
            cocos_error_free(end_error);
        return r;
    }
    return COCOS_OK;
}

/* Whoever is no consumer may still be a party to whom the manifest gives the job's output. */
static int may_be_observer(const fetch *f, int r, const cocos_error *e)
{
    return r == COCOS_ERR_DENIED && f->part == 1 && strcmp(cocos_error_code(e), "auth.right") == 0;
}

static int run(fetch *f, cocos_error **err)
{
    cocos_error *e = NULL;
    int done = 0, stale = 0;
    int r = attempt(f, &done, &stale, &e);

    if (may_be_observer(f, r, e)) {
        cocos_error_free(e);
        e = NULL;
        f->role = "observer";
        r = attempt(f, &done, &stale, &e);
    }
    if (stale) {
        cocos_error_free(e);
        e = NULL;
        f->offset = 0;
        stale = 0;
        r = ftruncate(f->fd, 0) < 0 ? cocos__fail_errno(&e, errno, "io.write", "%s", f->partial)
                                    : attempt(f, &done, &stale, &e);
    }
    struct stat st;
    if (r < 0 && !done && fstat(f->fd, &st) == 0 && st.st_size == 0)
        (void)unlink(f->partial); /* nothing to go on from */
    if (r < 0 && err)
        *err = COCOS__STEAL(e);
    cocos_error_free(e);
    return r;
}

int cocos_agent_download(cocos_agent_conn *c,
                         uint32_t part,
                         const char *path,
                         const cocos_key *key,
                         cocos_progress_fn progress,
                         void *user,
                         int64_t deadline_ns,
                         cocos_cancel *cancel,
                         uint64_t *size,
                         cocos_error **err)
{
    fetch f = {.conn = c,
               .key = key,
               .part = part,
               .role = "consumer",
               .path = path,
               .fd = -1,
               .meter = {.fn = progress, .user = user},
               .deadline_ns = deadline_ns,
               .cancel = cancel};

    if (!c || !path || !*path || !key || !cocos_key_is_private(key))
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null",
                           "connection, path or a private key is missing");
    if (part > 1)
        return cocos__fail(err, COCOS_ERR_USAGE, "result.part", "there is no part %u of a result",
                           part);

    int r = cocos__client_need_manifest(c, deadline_ns, cancel, err);
    if (r == COCOS_OK)
        r = open_partial(&f, err);
    if (r == COCOS_OK)
        r = run(&f, err);
    cocos__closep(&f.fd);
    if (r == COCOS_OK && size)
        *size = f.size;
    return r;
}
