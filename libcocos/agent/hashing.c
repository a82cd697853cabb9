/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hashing.h"

#include <string.h>

#include "base/fd.h"
#include "base/thread.h"

/* Chunks of up to 1 MiB that wait: enough to ride over a slow write, little enough to stay small.
 */
#define QUEUE_LEN    4
#define CATCH_UP_LEN (256 * 1024)

struct cocos__hashing {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    cocos__hasher *hasher;
    uint64_t *hashed;
    int fd;
    uint64_t upto;
    cocos__chunk queue[QUEUE_LEN];
    size_t first;
    size_t count;
    int busy;
    int ending;
    int aborted;
    cocos_error *failure; /* kept for whoever asks next */
    int failed;
};

void cocos__chunk_free(cocos__chunk *c)
{
    if (c->free_fn)
        c->free_fn(c->user);
    *c = (cocos__chunk){{NULL, 0}, NULL, NULL};
}

static int aborted(cocos__hashing *h)
{
    COCOS__LOCKED(&h->lock);
    return h->aborted;
}

static int catch_up(cocos__hashing *h, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) uint8_t *buf = NULL;

    while (*h->hashed < h->upto && !aborted(h)) {
        uint64_t left = h->upto - *h->hashed;
        size_t n = left < CATCH_UP_LEN ? (size_t)left : CATCH_UP_LEN;
        if (!buf && !(buf = malloc(CATCH_UP_LEN)))
            return cocos__fail_memory(err);
        int r = cocos__pread_full(h->fd, buf, n, *h->hashed, "a partial upload", err);
        if (r == COCOS_OK)
            r = cocos__hasher_update(h->hasher, buf, n, err);
        if (r < 0)
            return r;
        *h->hashed += n;
    }
    return COCOS_OK;
}

static int next(cocos__hashing *h, cocos__chunk *chunk)
{
    COCOS__LOCKED(&h->lock);

    h->busy = 0;
    pthread_cond_broadcast(&h->changed);
    while (h->count == 0 && !h->ending)
        pthread_cond_wait(&h->changed, &h->lock);
    if (h->count == 0)
        return 0;
    *chunk = h->queue[h->first];
    h->first = (h->first + 1) % QUEUE_LEN;
    h->count--;
    h->busy = 1;
    pthread_cond_broadcast(&h->changed);
    return 1;
}

static void note(cocos__hashing *h, int r, cocos_error *err)
{
    COCOS__LOCKED(&h->lock);

    if (r < 0 && !h->failed) {
        h->failed = r;
        h->failure = err;
    } else {
        cocos_error_free(err);
    }
}

static int update(cocos__hashing *h, const cocos__chunk *chunk, cocos_error **err)
{
    int r = cocos__hasher_update(h->hasher, chunk->bytes.data, chunk->bytes.len, err);

    if (r == COCOS_OK)
        *h->hashed += chunk->bytes.len;
    return r;
}

static void *run(void *user)
{
    cocos__hashing *h = user;
    cocos__chunk chunk = {{NULL, 0}, NULL, NULL};
    cocos_error *err = NULL;
    int r = catch_up(h, &err);

    for (;;) {
        note(h, r, err);
        err = NULL;
        if (!next(h, &chunk))
            return NULL;
        /* After a failure the digest is void: the rest is only let go of. */
        r = r < 0 || aborted(h) ? r : update(h, &chunk, &err);
        cocos__chunk_free(&chunk);
    }
}

int cocos__hashing_start(cocos__hasher *hasher,
                         uint64_t *hashed,
                         int fd,
                         uint64_t upto,
                         cocos__hashing **ret,
                         cocos_error **err)
{
    cocos__hashing *h = calloc(1, sizeof *h);

    if (!h)
        return cocos__fail_memory(err);
    *h = (cocos__hashing){.hasher = hasher, .hashed = hashed, .fd = fd, .upto = upto, .busy = 1};
    pthread_mutex_init(&h->lock, NULL);
    cocos__cond_init(&h->changed);
    int r = cocos__thread_start(&h->thread, "cocos-hash", run, h, err);
    if (r < 0) {
        pthread_cond_destroy(&h->changed);
        pthread_mutex_destroy(&h->lock);
        free(h);
        return r;
    }
    *ret = h;
    return COCOS_OK;
}

/* Called with the lock. The stored error goes to the first who asks; later ones get its status. */
static int state_of(cocos__hashing *h, cocos_error **err)
{
    if (h->aborted)
        return cocos__fail(err, COCOS_ERR_ABORTED, "computation.stopped",
                           "the computation was stopped");
    if (!h->failed)
        return COCOS_OK;
    return cocos__fail_cause(err, h->failed, "asset.hash", COCOS__STEAL(h->failure),
                             "what arrived could not be digested");
}

int cocos__hashing_push(cocos__hashing *h, cocos__chunk chunk, cocos_error **err)
{
    COCOS__LOCKED(&h->lock);

    while (h->count == QUEUE_LEN && !h->aborted)
        pthread_cond_wait(&h->changed, &h->lock);
    int r = state_of(h, err);
    if (r < 0) {
        cocos__chunk_free(&chunk);
        return r;
    }
    h->queue[(h->first + h->count) % QUEUE_LEN] = chunk;
    h->count++;
    pthread_cond_broadcast(&h->changed);
    return COCOS_OK;
}

int cocos__hashing_drain(cocos__hashing *h, cocos_error **err)
{
    COCOS__LOCKED(&h->lock);

    while ((h->count > 0 || h->busy) && !h->aborted)
        pthread_cond_wait(&h->changed, &h->lock);
    return state_of(h, err);
}

void cocos__hashing_abort(cocos__hashing *h)
{
    COCOS__LOCKED(&h->lock);
    h->aborted = 1;
    pthread_cond_broadcast(&h->changed);
}

static void end(cocos__hashing *h)
{
    COCOS__LOCKED(&h->lock);
    h->ending = 1;
    pthread_cond_broadcast(&h->changed);
}

void cocos__hashing_stop(cocos__hashing *h)
{
    if (!h)
        return;
    end(h);
    pthread_join(h->thread, NULL);
    cocos_error_free(h->failure);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
