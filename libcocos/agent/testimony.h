/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_TESTIMONY_H
#define COCOS_AGENT_TESTIMONY_H

/*
 * What the agent testifies about one run (cocos-v1 section 5): a statement when the job has ended,
 * a closure when everybody has the result and everything is wiped, both under a key that exists for
 * this computation only. One statement for each consumer, since it carries the nonce of that
 * consumer, and one for everybody else.
 *
 * The key lives in memory only. An agent that was killed has lost it: the next one signs the same
 * facts anew under a key of its own, whose evidence is then its own too (doc/adr/0006).
 */

#include "agent/consent.h"
#include "agent/store.h"
#include "manifest/statement.h"

/* What the job's end has to say beyond the record. */
typedef struct cocos__facts {
    cocos__moment start; /* wall_s COCOS__NEVER: it never started */
    cocos__moment end;
    int64_t exit_status; /* COCOS__NEVER: it did not end by itself */
    int limits_enforced;
    const uint8_t *result; /* 32 bytes, SHA3-256; NULL: there is no result */
    const uint8_t *result_sha256;
    uint64_t result_size;
} cocos__facts;

/* What stays the same for all statements of a computation; borrowed from it. */
typedef struct cocos__testimony_about {
    const char *dir; /* private directory of the run */
    const cocos_manifest *manifest;
    const uint8_t *instance;    /* 16 bytes */
    const uint8_t *measurement; /* 32 bytes: SHA-256 of this program */
    cocos__store *store;        /* knows the sizes */
} cocos__testimony_about;

typedef struct cocos__testimony cocos__testimony; /* guarded by the service's lock */

/* Makes the key, and takes up what an earlier process of this boot has testified. */
int cocos__testimony_open(const cocos__testimony_about *about,
                          cocos__testimony **ret,
                          cocos_error **err);
void cocos__testimony_free(cocos__testimony *t); /* NULL allowed; the key is wiped */

/* 32 bytes: SHA-256 of the key's SPKI; of the key that was, once it is gone. */
const uint8_t *cocos__testimony_key(const cocos__testimony *t);
/* 1 once there is a statement; 1 once there is a closure. */
int cocos__testimony_stated(const cocos__testimony *t);
int cocos__testimony_closed(const cocos__testimony *t);

/* The job has ended. */
int cocos__testimony_state(cocos__testimony *t,
                           uint64_t run,
                           const cocos__consent *consent,
                           const cocos__facts *facts,
                           cocos_error **err);
/* The consumer's nonce of 8 to 64 bytes from now on; other lengths, and later ones, are nothing. */
void cocos__testimony_nonce(cocos__testimony *t, size_t consumer, cocos__span nonce);
/*
 * The statement for a consumer (its place in the manifest), or for another party
 * (COCOS__NO_CONSUMER), made where it is not there yet. *closure is empty before there is one. Both
 * borrowed. STATE "statement.early".
 */
#define COCOS__NO_CONSUMER SIZE_MAX
int cocos__testimony_give(cocos__testimony *t,
                          size_t consumer,
                          cocos__span *statement,
                          cocos__span *closure,
                          cocos_error **err);
/* Signs a closure for every statement, and gives the key up. Assets must be wiped by then. */
int cocos__testimony_close(cocos__testimony *t, cocos_error **err);

/* Evidence for the key. Empty until it was set. */
cocos__span cocos__testimony_evidence(const cocos__testimony *t);
int cocos__testimony_set_evidence(cocos__testimony *t, cocos__span envelope, cocos_error **err);

#endif
