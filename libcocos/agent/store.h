/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_STORE_H
#define COCOS_AGENT_STORE_H

/*
 * The assets of one computation: what arrives goes to private files, is digested on the way, and
 * gets its final name only when the digest is the manifest's. Knows nothing of RPC, keys or states.
 * Thread-safe.
 */

#include <stddef.h>
#include <stdint.h>

#include <cocos/manifest.h>

#include "agent/hashing.h"
#include "base/bytes.h"
#include "base/error.h"

typedef struct cocos__store cocos__store;

typedef struct cocos__store_limits {
    uint64_t max_asset; /* bytes of one asset */
    uint64_t max_total; /* bytes of all assets together */
} cocos__store_limits;

/*
 * Makes `dir` (0700) or takes over what an earlier process left in it. The manifest is borrowed and
 * must outlive the store. `wiped`: the assets of this computation were complete and are gone.
 */
int cocos__store_open(const char *dir,
                      const cocos_manifest *manifest,
                      const cocos__store_limits *limits,
                      int wiped,
                      cocos__store **ret,
                      cocos_error **err);
/* No upload may be open. The files stay. NULL allowed. */
void cocos__store_close(cocos__store *s);
COCOS__DEFINE_FREEP(cocos__store_closep, cocos__store *, cocos__store_close)

typedef struct cocos__asset_status {
    int kind;
    uint32_t index;
    uint64_t size; /* COCOS_SIZE_UNKNOWN until it is known */
    uint64_t received;
    int complete;
} cocos__asset_status;

size_t cocos__store_count(const cocos__store *s);
/* Asset n in the order algorithm, requirements, data sets. */
void cocos__store_status_at(cocos__store *s, size_t n, cocos__asset_status *out);
/* NOT_FOUND "asset.unknown". */
int cocos__store_status(
    cocos__store *s, int kind, uint32_t index, cocos__asset_status *out, cocos_error **err);
/* Is every asset but the data sets complete; every asset. */
int cocos__store_code_complete(cocos__store *s);
int cocos__store_complete(cocos__store *s);
/* Path of the complete file. */
void cocos__store_path(const cocos__store *s, int kind, uint32_t index, char *out, size_t cap);

/* One upload of one asset. Belongs to one thread; another upload of the same asset fences it. */
typedef struct cocos__ingest cocos__ingest;

typedef struct cocos__ingest_header {
    int kind;
    uint32_t index;
    const uint8_t *digest; /* 32 bytes */
    uint64_t size;
    uint64_t offset;
} cocos__ingest_header;

/*
 * Begins or resumes. An open upload of the same asset is fenced first: its calls fail with ABORTED
 * "upload.fenced", and interrupt(user) of that one is called, from this thread, so that it stops
 * waiting for its client. Refusals: NOT_FOUND "asset.unknown"; MALFORMED "asset.digest",
 * "asset.size"; EXHAUSTED "asset.limit", "asset.total", "asset.space"; STATE "upload.offset" with
 * *received set to what is there; ABORTED "computation.stopped".
 */
int cocos__ingest_begin(cocos__store *s,
                        const cocos__ingest_header *header,
                        void (*interrupt)(void *user),
                        void *user,
                        uint64_t *received,
                        cocos__ingest **ret,
                        cocos_error **err);
/* 1 when the asset was complete before this upload. */
int cocos__ingest_was_complete(const cocos__ingest *in);
/* OK while this upload may go on, else why not: ABORTED "upload.fenced" or "computation.stopped".
 */
int cocos__ingest_check(cocos__ingest *in, cocos_error **err);
/* Takes the chunk, also on failure. Bytes beyond the stated size: MALFORMED "asset.size"; a full
 * disk: EXHAUSTED "asset.space". */
int cocos__ingest_add(cocos__ingest *in, cocos__chunk chunk, cocos_error **err);
/*
 * The client has sent all that it has. With every byte there, the digest is judged: OK and
 * complete, or MALFORMED "asset.digest", everything wiped and nothing received.
 */
int cocos__ingest_finish(cocos__ingest *in, cocos__asset_status *out, cocos_error **err);
/* Keeps what arrived. NULL allowed. */
void cocos__ingest_free(cocos__ingest *in);
COCOS__DEFINE_FREEP(cocos__ingest_freep, cocos__ingest *, cocos__ingest_free)

/* Ends open uploads with ABORTED "computation.stopped" and refuses new ones. */
void cocos__store_stop(cocos__store *s);
/* Overwrites and removes every file; what was complete still counts as complete. */
int cocos__store_wipe(cocos__store *s, cocos_error **err);

#endif
