/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_ATTEST_MAKER_H
#define COCOS_TESTS_ATTEST_MAKER_H

/*
 * An enclave and a relying party for tests of the channel: what the hardware signs is the hash of
 * the claims, as cocos-v1 section 1 has it, under a key made here. What a real report proves beyond
 * that is for the tests of module attest.
 */

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "attest/envelope.h"
#include "base/fd.h"
#include "crypto/key.h"
#include "pki.h"
#include "transport/attested.h"

typedef struct enclave {
    cocos_key *hardware; /* signs the claims of whoever runs on it */
    uint8_t instance[16];
    size_t log_bytes;   /* of an event log beside the report; more than 48 KiB are detached */
    const char *reason; /* why no evidence can be made; NULL: it can */
    atomic_int made;
    atomic_int judged;
    atomic_int waiting; /* makers that stand at the gate */
    atomic_int closed;  /* the gate: makers wait until it is 0 */
    char refusal[64];   /* why the last evidence was refused */
} enclave;

static inline void enclave_init(enclave *e)
{
    memset(e, 0, sizeof *e);
    cocos__random(e->instance, sizeof e->instance);
    PKI_NEED(cocos_key_generate(COCOS_KEY_ED25519, &e->hardware, NULL) == COCOS_OK);
}

static inline void enclave_done(enclave *e)
{
    cocos_key_free(e->hardware);
}

/* A report over these claims, with purpose `purpose`. */
static inline int enclave_report(enclave *e,
                                 int purpose,
                                 const uint8_t *challenge,
                                 const uint8_t *leaf,
                                 cocos__buf *out,
                                 cocos_error **err)
{
    cocos__claims c = {
        .purpose = purpose, .challenge = {challenge, 32}, .leaf = leaf, .instance_id = e->instance};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf claims;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf sig;
    COCOS__CLEANUP(cocos__freep) uint8_t *log = malloc(e->log_bytes + 1);
    uint8_t data[64];

    cocos__buf_init(&claims, COCOS__CLAIMS_MAX);
    cocos__buf_init(&sig, 256);
    for (size_t i = 0; i < e->log_bytes; i++)
        log[i] = (uint8_t)(i * 7 + (i >> 8));
    int r = cocos__claims_encode(&c, &claims, err);
    if (r == COCOS_OK)
        r = cocos__claims_report_data((cocos__span){claims.data, claims.len}, data, err);
    if (r == COCOS_OK)
        r = cocos__key_sign(e->hardware, data, sizeof data, &sig, err);
    if (r < 0)
        return r;
    cocos__envelope_part parts[] = {
        {COCOS__MEDIA_SNP_REPORT, {sig.data, sig.len}},
        {COCOS__MEDIA_EVENT_LOG, {log, e->log_bytes}},
    };
    return cocos__envelope_encode((cocos__span){claims.data, claims.len}, parts,
                                  e->log_bytes ? 2 : 1, out, err);
}

/* cocos__attest_make_fn */
static inline int enclave_make(void *user,
                               const cocos__attest_binding *b,
                               int64_t deadline_ns,
                               int *version,
                               cocos__buf *evidence,
                               cocos_error **err)
{
    enclave *e = user;

    (void)version;
    (void)deadline_ns;
    atomic_fetch_add(&e->made, 1);
    if (e->reason)
        return cocos__fail(err, COCOS_ERR_IO, "test.device", "%s", e->reason);
    atomic_fetch_add(&e->waiting, 1);
    while (atomic_load(&e->closed))
        usleep(1000);
    atomic_fetch_sub(&e->waiting, 1);
    return enclave_report(e,
                          b->server ? COCOS__PURPOSE_CHANNEL_SERVER : COCOS__PURPOSE_CHANNEL_CLIENT,
                          b->exported, b->leaf, evidence, err);
}

static inline int enclave_refuse(enclave *e, const char *why, cocos_error **err)
{
    snprintf(e->refusal, sizeof e->refusal, "%s", why);
    return cocos__fail(err, COCOS_ERR_REJECTED, "test.rejected", "evidence refused: %s", why);
}

/* cocos__attest_judge_fn: is this a report of the hardware over this very channel? */
static inline int enclave_judge(void *user,
                                const cocos__attest_binding *b,
                                int version,
                                cocos__span evidence,
                                cocos_error **err)
{
    enclave *e = user;
    int purpose = b->server ? COCOS__PURPOSE_CHANNEL_SERVER : COCOS__PURPOSE_CHANNEL_CLIENT;
    cocos__envelope env;
    cocos__claims c;
    uint8_t data[64];

    atomic_fetch_add(&e->judged, 1);
    if (version != 2 || cocos__envelope_parse(evidence, &env, NULL) < 0 ||
        cocos__claims_parse(env.claims, &c, NULL) < 0)
        return enclave_refuse(e, "form", err);
    if (c.purpose != purpose)
        return enclave_refuse(e, "purpose", err);
    if (c.challenge.len != 32 || memcmp(c.challenge.data, b->exported, 32) != 0)
        return enclave_refuse(e, "challenge", err);
    if (!c.leaf || memcmp(c.leaf, b->leaf, 32) != 0)
        return enclave_refuse(e, "leaf", err);
    int r = cocos__claims_report_data(env.claims, data, err);
    if (r == COCOS_OK &&
        cocos__key_verify(e->hardware, data, sizeof data, env.parts[0].data, NULL) < 0)
        return enclave_refuse(e, "signature", err);
    if (r == COCOS_OK && e->log_bytes && (env.n != 2 || env.parts[1].data.len != e->log_bytes))
        return enclave_refuse(e, "log", err);
    return r;
}

#endif
