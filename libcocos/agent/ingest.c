/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store_private.h"
#include "base/fd.h"
#include "base/thread.h"

struct cocos__ingest {
    cocos__store *store;
    cocos__slot *slot;
    int complete; /* there was nothing left to do */
    void (*interrupt)(void *user);
    void *user;
};

void cocos__ingest_interrupt(cocos__ingest *in)
{
    if (in && in->interrupt)
        in->interrupt(in->user);
}

static int fail_stopped(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_ABORTED, "computation.stopped",
                       "the computation was stopped");
}

static int fail_digest(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "asset.digest",
                       "the digest is not the one in the manifest");
}

/* What this asset and the others will take: sizes as far as they are known. Called with the store's
 * lock. */
static int
check_caps(const cocos__store *s, const cocos__slot *slot, uint64_t size, cocos_error **err)
{
    uint64_t total = size;

    if (size > s->limits.max_asset)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "asset.limit",
                           "the asset has %" PRIu64 " bytes, this agent takes %" PRIu64, size,
                           s->limits.max_asset);
    for (size_t i = 0; i < s->n_slots; i++) {
        uint64_t other = s->slots[i].size;
        if (&s->slots[i] != slot && other != COCOS_SIZE_UNKNOWN)
            total = other > UINT64_MAX - total ? UINT64_MAX : total + other;
    }
    if (total > s->limits.max_total)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "asset.total",
                           "all assets have %" PRIu64 " bytes, this agent takes %" PRIu64, total,
                           s->limits.max_total);
    return COCOS_OK;
}

/* Before the first byte: is there room for what is left of this asset and of others that have
 * begun? */
static int check_space(cocos__store *s, const cocos__slot *slot, uint64_t size, cocos_error **err)
{
    uint64_t need = 0;
    uint64_t space = 0;
    int r = cocos__free_space(s->dir, &space, err);
    if (r < 0)
        return r;

    COCOS__LOCKED(&s->lock);
    for (size_t i = 0; i < s->n_slots; i++) {
        const cocos__slot *other = &s->slots[i];
        uint64_t whole = other == slot ? size : other->size;
        int begun = other == slot || other->received > 0 || other->hashing;
        if (begun && !other->complete && whole != COCOS_SIZE_UNKNOWN && whole > other->received)
            need += whole - other->received;
    }
    if (need > space)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "asset.space",
                           "%" PRIu64 " bytes are still to come, %" PRIu64 " are free", need,
                           space);
    return COCOS_OK;
}

static int check_numbers(cocos__store *s,
                         const cocos__slot *slot,
                         const cocos__ingest_header *h,
                         uint64_t *received,
                         cocos_error **err)
{
    COCOS__LOCKED(&s->lock);
    uint64_t stated = cocos_manifest_asset_size(s->manifest, h->kind, h->index);

    *received = slot->received;
    if (stated != COCOS_SIZE_UNKNOWN && h->size != stated)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "asset.size",
                           "the upload has %" PRIu64 " bytes, the manifest says %" PRIu64, h->size,
                           stated);
    int r = check_caps(s, slot, h->size, err);
    if (r < 0)
        return r;
    if (h->offset != slot->received)
        return cocos__fail(err, COCOS_ERR_STATE, "upload.offset",
                           "the upload begins at %" PRIu64 ", received are %" PRIu64, h->offset,
                           slot->received);
    if (slot->received > h->size)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "asset.size",
                           "%" PRIu64 " bytes are there, more than the %" PRIu64 " of this upload",
                           slot->received, h->size);
    return COCOS_OK;
}

static int open_part(cocos__store *s, cocos__slot *slot, cocos_error **err)
{
    char path[COCOS__STORE_PATH];
    char part[COCOS__STORE_PATH + 8];

    cocos__slot_paths(s, slot, path, part);
    if (slot->fd < 0)
        slot->fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (slot->fd < 0 || ftruncate(slot->fd, (off_t)slot->received) < 0)
        return cocos__fail_errno(err, errno, "asset.space", "cannot make a file for the asset");
    if (!slot->hasher)
        return cocos__hasher_new(COCOS__SHA3_256, &slot->hasher, err);
    return COCOS_OK;
}

static int start_hashing(cocos__store *s, cocos__slot *slot, cocos_error **err)
{
    cocos__hashing *hashing = NULL;

    if (slot->hashing)
        return COCOS_OK;
    int r =
        cocos__hashing_start(slot->hasher, &slot->hashed, slot->fd, slot->received, &hashing, err);
    if (r < 0)
        return r;

    COCOS__LOCKED(&s->lock);
    slot->hashing = hashing;
    if (s->stopped)
        cocos__hashing_abort(hashing);
    return COCOS_OK;
}

static void stop_hashing(cocos__store *s, cocos__slot *slot)
{
    cocos__hashing *hashing;

    pthread_mutex_lock(&s->lock);
    hashing = slot->hashing;
    slot->hashing = NULL;
    pthread_mutex_unlock(&s->lock);
    cocos__hashing_stop(hashing);
}

/* The last upload has left: no thread and no descriptor stay behind; the digest so far does. */
static void let_go(cocos__store *s, cocos__slot *slot)
{
    if (slot->open > 0)
        return;
    stop_hashing(s, slot);
    if (slot->fd >= 0)
        close(slot->fd);
    slot->fd = -1;
}

static int
begin(cocos__ingest *in, const cocos__ingest_header *h, uint64_t *received, cocos_error **err)
{
    cocos__store *s = in->store;
    cocos__slot *slot = in->slot;

    if (cocos__store_stopped(s))
        return fail_stopped(err);
    if (memcmp(h->digest, cocos_manifest_asset_digest(s->manifest, h->kind, h->index), 32) != 0)
        return fail_digest(err);

    /* From here the number of received bytes stands still, so that a refusal can tell it. */
    cocos__ingest_interrupt(slot->active);
    slot->active = NULL;
    int r = check_numbers(s, slot, h, received, err);
    if (r < 0)
        return r;
    in->complete = slot->complete;
    if (in->complete)
        return COCOS_OK;
    r = check_space(s, slot, h->size, err);
    if (r == COCOS_OK)
        r = open_part(s, slot, err);
    if (r == COCOS_OK)
        r = start_hashing(s, slot, err);
    if (r < 0)
        return r;

    COCOS__LOCKED(&s->lock);
    slot->size = h->size;
    slot->active = in;
    return COCOS_OK;
}

int cocos__ingest_begin(cocos__store *s,
                        const cocos__ingest_header *header,
                        void (*interrupt)(void *user),
                        void *user,
                        uint64_t *received,
                        cocos__ingest **ret,
                        cocos_error **err)
{
    cocos__slot *slot = cocos__store_slot(s, header->kind, header->index);
    cocos__ingest *in;

    if (!slot)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "asset.unknown",
                           "the manifest has no asset of kind %d with index %u", header->kind,
                           (unsigned)header->index);
    in = calloc(1, sizeof *in);
    if (!in)
        return cocos__fail_memory(err);
    *in = (cocos__ingest){s, slot, 0, interrupt, user};

    COCOS__LOCKED(&slot->io);
    slot->open++;
    int r = begin(in, header, received, err);
    if (r < 0) {
        slot->open--;
        let_go(s, slot);
        free(in);
        return r;
    }
    *ret = in;
    return COCOS_OK;
}

int cocos__ingest_was_complete(const cocos__ingest *in)
{
    return in->complete;
}

/* With the slot's io lock held. */
static int check_active(const cocos__ingest *in, cocos_error **err)
{
    if (cocos__store_stopped(in->store))
        return fail_stopped(err);
    if (!in->complete && in->slot->active != in)
        return cocos__fail(err, COCOS_ERR_ABORTED, "upload.fenced",
                           "a newer upload of this asset took over");
    return COCOS_OK;
}

int cocos__ingest_check(cocos__ingest *in, cocos_error **err)
{
    COCOS__LOCKED(&in->slot->io);
    return check_active(in, err);
}

static int write_at(cocos__slot *slot, cocos__span bytes, uint64_t at, cocos_error **err)
{
    size_t done = 0;

    while (done < bytes.len) {
        ssize_t w = pwrite(slot->fd, bytes.data + done, bytes.len - done, (off_t)(at + done));
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            int e = errno == EFBIG ? ENOSPC : errno;
            /* Half a chunk would not be in the digest: after a restart it would be taken for
             * received. */
            if (ftruncate(slot->fd, (off_t)at) < 0)
                return cocos__fail_errno(err, errno, "asset.space",
                                         "cannot take back a half-written chunk");
            return cocos__fail_errno(err, e, "asset.space", "cannot keep what arrived");
        }
        done += (size_t)w;
    }
    return COCOS_OK;
}

static int add(cocos__ingest *in, cocos__chunk *chunk, cocos_error **err)
{
    cocos__slot *slot = in->slot;
    size_t n = chunk->bytes.len;
    int r = check_active(in, err);
    if (r < 0)
        return r;

    /* Only whoever holds io changes these two, so they may be read without the store's lock. */
    if (in->complete || n > slot->size - slot->received)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "asset.size",
                           "more data than the %" PRIu64 " bytes that were announced", slot->size);
    if (n == 0)
        return COCOS_OK;
    r = write_at(slot, chunk->bytes, slot->received, err);
    if (r < 0)
        return r;
    r = cocos__hashing_push(slot->hashing, *chunk, err);
    chunk->free_fn = NULL;
    if (r < 0)
        return r;

    COCOS__LOCKED(&in->store->lock);
    slot->received += n;
    return COCOS_OK;
}

int cocos__ingest_add(cocos__ingest *in, cocos__chunk chunk, cocos_error **err)
{
    COCOS__LOCKED(&in->slot->io);
    int r = add(in, &chunk, err);
    cocos__chunk_free(&chunk);
    return r;
}

/* The digest of everything; the hasher then starts anew, whatever follows. */
static int digest_of(cocos__store *s, cocos__slot *slot, uint8_t digest[32], cocos_error **err)
{
    int r = cocos__hashing_drain(slot->hashing, err);

    stop_hashing(s, slot);
    if (r == COCOS_OK)
        r = cocos__hasher_finish(slot->hasher, digest, err);
    cocos__hasher_free(slot->hasher);
    slot->hasher = NULL;
    slot->hashed = 0;
    slot->active = NULL;
    return r;
}

static int discard(cocos__store *s, cocos__slot *slot, const char *part, cocos_error **err)
{
    (void)cocos__wipe_file(part, NULL);
    close(slot->fd);
    slot->fd = -1;

    COCOS__LOCKED(&s->lock);
    slot->received = 0;
    slot->size = cocos_manifest_asset_size(s->manifest, slot->kind, slot->index);
    return fail_digest(err);
}

static int judge(cocos__store *s, cocos__slot *slot, cocos_error **err)
{
    char path[COCOS__STORE_PATH];
    char part[COCOS__STORE_PATH + 8];
    uint8_t digest[32];

    int r = digest_of(s, slot, digest, err);
    if (r < 0)
        return r;
    cocos__slot_paths(s, slot, path, part);
    if (memcmp(digest, cocos_manifest_asset_digest(s->manifest, slot->kind, slot->index), 32) != 0)
        return discard(s, slot, part, err);
    if (fsync(slot->fd) < 0 || rename(part, path) < 0)
        return cocos__fail_errno(err, errno, "asset.space", "cannot keep the complete asset");

    COCOS__LOCKED(&s->lock);
    slot->complete = 1;
    return COCOS_OK;
}

int cocos__ingest_finish(cocos__ingest *in, cocos__asset_status *out, cocos_error **err)
{
    cocos__slot *slot = in->slot;

    COCOS__LOCKED(&slot->io);
    int r = check_active(in, err);
    if (r == COCOS_OK && !in->complete && slot->received == slot->size)
        r = judge(in->store, slot, err);
    if (r < 0)
        return r;
    cocos__slot_status(in->store, slot, out);
    return COCOS_OK;
}

void cocos__ingest_free(cocos__ingest *in)
{
    if (!in)
        return;

    COCOS__LOCKED(&in->slot->io);
    if (in->slot->active == in)
        in->slot->active = NULL;
    in->slot->open--;
    let_go(in->store, in->slot);
    free(in);
}
