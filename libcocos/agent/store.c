/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/store_private.h"
#include "base/fd.h"
#include "base/thread.h"

static const struct kind_name {
    int kind;
    const char *name;
} kinds[] = {
    {COCOS_ASSET_ALGORITHM, "algorithm"},
    {COCOS_ASSET_REQUIREMENTS, "requirements"},
    {COCOS_ASSET_DATASET, "dataset"},
};

static const char *kind_name(int kind)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(kinds); i++) {
        if (kinds[i].kind == kind)
            return kinds[i].name;
    }
    return "unknown";
}

void cocos__store_path(const cocos__store *s, int kind, uint32_t index, char *out, size_t cap)
{
    snprintf(out, cap, "%s/%s-%u", s->dir, kind_name(kind), (unsigned)index);
}

void cocos__slot_paths(const cocos__store *s,
                       const cocos__slot *slot,
                       char path[COCOS__STORE_PATH],
                       char part[COCOS__STORE_PATH + 8])
{
    cocos__store_path(s, slot->kind, slot->index, path, COCOS__STORE_PATH);
    snprintf(part, COCOS__STORE_PATH + 8, "%s.part", path);
}

cocos__slot *cocos__store_slot(cocos__store *s, int kind, uint32_t index)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].kind == kind && s->slots[i].index == index)
            return &s->slots[i];
    }
    return NULL;
}

static void init_slot(cocos__store *s, int kind, uint32_t index)
{
    cocos__slot *slot = &s->slots[s->n_slots++];

    *slot = (cocos__slot){.kind = kind, .index = index, .fd = -1};
    slot->size = cocos_manifest_asset_size(s->manifest, kind, index);
    pthread_mutex_init(&slot->io, NULL);
}

static int regular_size(const char *path, uint64_t *size)
{
    struct stat st;

    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    *size = (uint64_t)st.st_size;
    return 1;
}

/* What an earlier process of the same boot left: a file with its final name was judged by it. */
static void take_over(cocos__store *s, cocos__slot *slot, int wiped)
{
    char path[COCOS__STORE_PATH];
    char part[COCOS__STORE_PATH + 8];
    uint64_t size = 0;

    cocos__slot_paths(s, slot, path, part);
    if (wiped || regular_size(path, &size)) {
        slot->complete = 1;
        if (slot->size == COCOS_SIZE_UNKNOWN && !wiped)
            slot->size = size;
        slot->received = slot->size == COCOS_SIZE_UNKNOWN ? 0 : slot->size;
    } else if (regular_size(part, &size)) {
        slot->received = size;
    }
}

int cocos__store_open(const char *dir,
                      const cocos_manifest *manifest,
                      const cocos__store_limits *limits,
                      int wiped,
                      cocos__store **ret,
                      cocos_error **err)
{
    static const int order[] = {COCOS_ASSET_ALGORITHM, COCOS_ASSET_REQUIREMENTS,
                                COCOS_ASSET_DATASET};
    COCOS__CLEANUP(cocos__store_closep) cocos__store *s = calloc(1, sizeof *s);
    size_t n = 0;

    if (!s)
        return cocos__fail_memory(err);
    pthread_mutex_init(&s->lock, NULL);
    s->manifest = manifest;
    s->limits = *limits;
    for (size_t k = 0; k < COCOS__ARRAY_LEN(order); k++)
        n += cocos_manifest_asset_count(manifest, order[k]);
    s->slots = calloc(n ? n : 1, sizeof *s->slots);
    s->dir = strdup(dir);
    if (!s->slots || !s->dir)
        return cocos__fail_memory(err);

    for (size_t k = 0; k < COCOS__ARRAY_LEN(order); k++) {
        for (uint32_t i = 0; i < cocos_manifest_asset_count(manifest, order[k]); i++)
            init_slot(s, order[k], i);
    }
    int r = wiped ? COCOS_OK : cocos__mkdirs(dir, 0700, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < s->n_slots; i++)
        take_over(s, &s->slots[i], wiped);
    *ret = COCOS__STEAL(s);
    return COCOS_OK;
}

void cocos__store_close(cocos__store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_slots; i++) {
        cocos__hasher_free(s->slots[i].hasher);
        pthread_mutex_destroy(&s->slots[i].io);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->slots);
    free(s->dir);
    free(s);
}

size_t cocos__store_count(const cocos__store *s)
{
    return s->n_slots;
}

void cocos__slot_status(cocos__store *s, const cocos__slot *slot, cocos__asset_status *out)
{
    COCOS__LOCKED(&s->lock);
    *out =
        (cocos__asset_status){slot->kind, slot->index, slot->size, slot->received, slot->complete};
}

void cocos__store_status_at(cocos__store *s, size_t n, cocos__asset_status *out)
{
    cocos__slot_status(s, &s->slots[n], out);
}

int cocos__store_status(
    cocos__store *s, int kind, uint32_t index, cocos__asset_status *out, cocos_error **err)
{
    const cocos__slot *slot = cocos__store_slot(s, kind, index);

    if (!slot)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "asset.unknown",
                           "the manifest has no asset of kind %d with index %u", kind,
                           (unsigned)index);
    cocos__slot_status(s, slot, out);
    return COCOS_OK;
}

int cocos__store_code_complete(cocos__store *s)
{
    int complete = 1;

    COCOS__LOCKED(&s->lock);
    for (size_t i = 0; i < s->n_slots; i++)
        complete &= s->slots[i].complete || s->slots[i].kind == COCOS_ASSET_DATASET;
    return complete;
}

int cocos__store_complete(cocos__store *s)
{
    int complete = 1;

    COCOS__LOCKED(&s->lock);
    for (size_t i = 0; i < s->n_slots; i++)
        complete &= s->slots[i].complete;
    return complete;
}

int cocos__store_stopped(cocos__store *s)
{
    COCOS__LOCKED(&s->lock);
    return s->stopped;
}

void cocos__store_stop(cocos__store *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopped = 1;
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].hashing)
            cocos__hashing_abort(s->slots[i].hashing);
    }
    pthread_mutex_unlock(&s->lock);

    for (size_t i = 0; i < s->n_slots; i++) {
        COCOS__LOCKED(&s->slots[i].io);
        cocos__ingest_interrupt(s->slots[i].active);
        s->slots[i].active = NULL;
    }
}

int cocos__store_wipe(cocos__store *s, cocos_error **err)
{
    return cocos__remove_tree(s->dir, 1, err);
}
