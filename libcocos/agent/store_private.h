/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_STORE_PRIVATE_H
#define COCOS_AGENT_STORE_PRIVATE_H

/* What store.c (the list of assets) and ingest.c (one upload) share. */

#include <pthread.h>

#include "agent/store.h"

/* Longest path of an asset; the state directory is shorter by far (identity.h). */
#define COCOS__STORE_PATH 1024

/* The place of one asset. Locks are taken in the order io, then the store's. */
typedef struct cocos__slot {
    int kind;
    uint32_t index;

    pthread_mutex_t io;    /* whoever holds it may write: below here to `active` */
    int fd;                /* the partial file while uploads are open, else -1 */
    unsigned open;         /* uploads that are not freed yet: at most one of them active */
    cocos__hasher *hasher; /* has seen the first `hashed` bytes */
    uint64_t hashed;
    cocos__ingest *active;

    /* The store's lock. */
    cocos__hashing *hashing; /* changed with both locks held */
    uint64_t size;           /* COCOS_SIZE_UNKNOWN until manifest or upload has said it */
    uint64_t received;
    int complete;
} cocos__slot;

struct cocos__store {
    char *dir;
    const cocos_manifest *manifest;
    cocos__store_limits limits;
    pthread_mutex_t lock;
    int stopped;
    cocos__slot *slots;
    size_t n_slots;
};

cocos__slot *cocos__store_slot(cocos__store *s, int kind, uint32_t index);
void cocos__slot_paths(const cocos__store *s,
                       const cocos__slot *slot,
                       char path[COCOS__STORE_PATH],
                       char part[COCOS__STORE_PATH + 8]);
void cocos__slot_status(cocos__store *s, const cocos__slot *slot, cocos__asset_status *out);
int cocos__store_stopped(cocos__store *s);
/* With the slot's io lock held. NULL allowed. */
void cocos__ingest_interrupt(cocos__ingest *in);

#endif
