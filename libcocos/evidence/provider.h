/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EVIDENCE_PROVIDER_H
#define COCOS_EVIDENCE_PROVIDER_H

/*
 * One kind of device. A provider is given hashes and gives parts: what a caller wrote never gets
 * here, so it cannot get into what hardware signs (cocos-v1 section 1).
 */

#include <stdatomic.h>

#include "attest/envelope.h"
#include "base/error.h"

#define COCOS__ASK_PARTS 4

enum cocos__ask_what {
    COCOS__ASK_EVIDENCE = 0,
    COCOS__ASK_EXTEND = 1, /* a register by the digest of a manifest */
    COCOS__ASK_NOTE = 2    /* that it was extended by it before this process began */
};

/* What a device is asked for, and its answer. */
typedef struct cocos__ask {
    int what;                /* enum cocos__ask_what */
    uint8_t report_data[64]; /* of the claims */
    uint8_t nonce[32];
    uint8_t manifest[32];  /* EXTEND, NOTE */
    int64_t deadline_ns;   /* after which nobody waits any longer */
    atomic_int *abandoned; /* 1: nobody waits any longer */
    size_t n;
    struct {
        const char *media_type; /* static */
        cocos__buf data;
    } part[COCOS__ASK_PARTS];
} cocos__ask;

/* Room for a part of at most `limit` bytes, to be filled. */
cocos__buf *cocos__ask_part(cocos__ask *ask, const char *media_type, size_t limit);
void cocos__ask_done(cocos__ask *ask);
/* A step of a provider begins: CANCELLED when nobody waits, TIMEOUT when it is too late. */
int cocos__ask_goes_on(const cocos__ask *ask, cocos_error **err);
/* Waits a moment before the next try, unless it would be too late then. */
int cocos__ask_pause(const cocos__ask *ask, int64_t ns, cocos_error **err);

/* Of a provider, from the options; texts are owned. */
typedef struct cocos__evidence_config {
    char *tcti;
    char *tsm_dir;
    char *sev_guest;
    char *tdx_guest;
    char *security_dir;
    char *ccel;
    char *simulator;
    int vmpl;
} cocos__evidence_config;
void cocos__evidence_config_free(cocos__evidence_config *config);

typedef struct cocos__provider {
    const char *name;
    /* No device: any number of threads may be in collect at once, which does not block. */
    int unshared;
    /* Why it can be used is appended to `how`, for people. NOT_FOUND, UNSUPPORTED, DENIED: it is
     * not there; others: it is, and does not work. */
    int (*open)(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **err);
    int (*collect)(void *state, cocos__ask *ask, cocos_error **err);
    int (*extend)(void *state,
                  cocos__ask *ask,
                  cocos_error **err); /* EXTEND, NOTE; NULL: it has no registers */
    /* SHA-256 of its key's public area, or NULL when it has no such key. */
    const uint8_t *(*key)(const void *state);
    void (*close)(void *state);
} cocos__provider;

extern const cocos__provider cocos__provider_sim_snp;
extern const cocos__provider cocos__provider_sim_tdx;
extern const cocos__provider cocos__provider_snp;
extern const cocos__provider cocos__provider_tdx;
extern const cocos__provider cocos__provider_tpm;

#endif
