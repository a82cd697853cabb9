/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/sink.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/thread.h"
#include "compute/client.h"
#include "crypto/digest.h"

#define HELD_MAX 4

typedef struct held {
    cocos__rpc_msg *msg;
    cocos__span content;
} held;

struct cocos__sink_file {
    int fd;
    cocos__hasher *hasher;
    pthread_t thread;
    int started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    held ring[HELD_MAX];
    size_t first, count; /* count includes the one being written */
    int ended;           /* no more will come */
    int dropped;         /* stop at once */
    int status;          /* of the thread */
    cocos_error *error;
};

static int store(cocos__sink_file *s, cocos__span content, cocos_error **err)
{
    int r = cocos__write_full(s->fd, content.data, content.len, "partial result", err);

    return r < 0 ? r : cocos__hasher_update(s->hasher, content.data, content.len, err);
}

/* The next message to write; 0 at the end. */
static int next(cocos__sink_file *s, held *h)
{
    COCOS__LOCKED(&s->lock);

    while (s->count == 0 && !s->ended && !s->dropped)
        pthread_cond_wait(&s->changed, &s->lock);
    if (s->count == 0 || s->dropped)
        return 0;
    *h = s->ring[s->first];
    return 1;
}

static void written(cocos__sink_file *s, int status)
{
    COCOS__LOCKED(&s->lock);

    s->first = (s->first + 1) % HELD_MAX;
    s->count--;
    s->status = status;
    pthread_cond_broadcast(&s->changed);
}

static void *run(void *user)
{
    cocos__sink_file *s = user;
    int r = COCOS_OK;
    held h;

    while (r == COCOS_OK && next(s, &h)) {
        r = store(s, h.content, &s->error);
        cocos__rpc_msg_free(h.msg);
        written(s, r);
    }
    return NULL;
}

/* A download that goes on needs the digest of what is there already. */
static int
hash_present(cocos__sink_file *s, uint64_t offset, cocos_cancel *cancel, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) uint8_t *part = malloc(COCOS__PART_SIZE);
    int r = part ? COCOS_OK : cocos__fail_memory(err);

    for (uint64_t at = 0; r == COCOS_OK && at < offset;) {
        size_t n = offset - at < COCOS__PART_SIZE ? (size_t)(offset - at) : COCOS__PART_SIZE;

        if (cocos_cancel_triggered(cancel))
            return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled",
                               "cancelled while the partial result was read");
        r = cocos__pread_full(s->fd, part, n, at, "partial result", err);
        if (r == COCOS_OK)
            r = cocos__hasher_update(s->hasher, part, n, err);
        at += n;
    }
    return r;
}

int cocos__sink_file_open(
    int fd, uint64_t offset, cocos_cancel *cancel, cocos__sink_file **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__sink_file_freep) cocos__sink_file *s = calloc(1, sizeof *s);

    if (!s)
        return cocos__fail_memory(err);
    s->fd = fd;
    pthread_mutex_init(&s->lock, NULL);
    cocos__cond_init(&s->changed);
    int r = cocos__hasher_new(COCOS__SHA3_256, &s->hasher, err);
    if (r == COCOS_OK)
        r = hash_present(s, offset, cancel, err);
    if (r == COCOS_OK && lseek(fd, (off_t)offset, SEEK_SET) < 0)
        r = cocos__fail_errno(err, errno, "io.write", "partial result");
    if (r == COCOS_OK)
        r = cocos__thread_start(&s->thread, "cocos-result", run, s, err);
    if (r < 0)
        return r;

    s->started = 1;
    *ret = COCOS__STEAL(s);
    return COCOS_OK;
}

int cocos__sink_file_add(cocos__sink_file *s,
                         cocos__rpc_msg *msg_take,
                         cocos__span content,
                         cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *msg = msg_take;
    COCOS__LOCKED(&s->lock);

    while (s->count == HELD_MAX && s->status == COCOS_OK)
        pthread_cond_wait(&s->changed, &s->lock);
    if (s->status < 0)
        return cocos__fail_cause(err, s->status, "result.write", COCOS__STEAL(s->error),
                                 "the result could not be written");

    s->ring[(s->first + s->count++) % HELD_MAX] = (held){COCOS__STEAL(msg), content};
    pthread_cond_broadcast(&s->changed);
    return COCOS_OK;
}

static void join(cocos__sink_file *s)
{
    if (!s->started)
        return;
    pthread_join(s->thread, NULL);
    s->started = 0;
}

int cocos__sink_file_finish(cocos__sink_file *s, uint8_t digest[32], cocos_error **err)
{
    {
        COCOS__LOCKED(&s->lock);
        s->ended = 1;
        pthread_cond_broadcast(&s->changed);
    }
    join(s);
    if (s->status < 0)
        return cocos__fail_cause(err, s->status, "result.write", COCOS__STEAL(s->error),
                                 "the result could not be written");
    return cocos__hasher_finish(s->hasher, digest, err);
}

void cocos__sink_file_free(cocos__sink_file *s)
{
    if (!s)
        return;
    {
        COCOS__LOCKED(&s->lock);
        s->dropped = 1;
        pthread_cond_broadcast(&s->changed);
    }
    join(s);
    for (size_t i = 0; i < s->count; i++)
        cocos__rpc_msg_free(s->ring[(s->first + i) % HELD_MAX].msg);
    cocos__hasher_free(s->hasher);
    cocos_error_free(s->error);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
