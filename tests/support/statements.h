/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_STATEMENTS_H
#define COCOS_TESTS_STATEMENTS_H

/* A small computation with its keys, approval, statement and closure, for tests. */

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "manifest/approval.h"
#include "manifest/model.h"
#include "manifest/statement.h"

#define PARTIES 3 /* algorithm, data, consumer */

struct parties {
    cocos_key *key[PARTIES];
    cocos_manifest *manifest;
};

static inline char *pem_json(const cocos_key *key)
{
    char *pem = NULL;
    char *out = calloc(1, 4096);
    size_t n = 0;

    if (!out || cocos_key_to_pem(key, 0, &pem, NULL) < 0)
        abort();
    for (const char *p = pem; *p; p++) {
        if (*p == '\n') {
            out[n++] = '\\';
            out[n++] = 'n';
        } else {
            out[n++] = *p;
        }
    }
    cocos_free_text(pem);
    return out;
}

#define ONES "0101010101010101010101010101010101010101010101010101010101010101"
#define TWOS "0202020202020202020202020202020202020202020202020202020202020202"

/* `approvals`: the JSON list. */
static inline void parties_make(struct parties *p, const char *approvals)
{
    static const int types[PARTIES] = {COCOS_KEY_ED25519, COCOS_KEY_P256, COCOS_KEY_P384};
    char *pem[PARTIES];
    char text[8192];
    cocos_error *err = NULL;

    for (int i = 0; i < PARTIES; i++) {
        if (cocos_key_generate(types[i], &p->key[i], NULL) < 0)
            abort();
        pem[i] = pem_json(p->key[i]);
    }
    int n = snprintf(text, sizeof text,
                     "{\"version\":1,\"id\":\"study-7\",\"name\":\"regression\","
                     "\"algorithm\":{\"hash\":\"" ONES "\",\"size\":11,\"user_key\":\"%s\"},"
                     "\"datasets\":[{\"filename\":\"a.csv\",\"hash\":\"" TWOS
                     "\",\"user_key\":\"%s\"}],"
                     "\"result_consumers\":[{\"user_key\":\"%s\"}],\"approvals\":%s}",
                     pem[0], pem[1], pem[2], approvals);
    if (cocos_manifest_from_json(text, (size_t)n, NULL, &p->manifest, &err) < 0)
        ck_abort_msg("%s", cocos_error_message(err));
    for (int i = 0; i < PARTIES; i++)
        free(pem[i]);
}

static inline void parties_done(struct parties *p)
{
    for (int i = 0; i < PARTIES; i++)
        cocos_key_free(p->key[i]);
    cocos_manifest_free(p->manifest);
}

static const uint8_t an_instance[16] = "instance of boot";
static const uint8_t a_result[32] = "digest of the result: 32 bytes..";
static const uint8_t a_sha256[32] = "sha-256 of the result: 32 bytes.";

static inline cocos__span text_span(const char *s)
{
    return (cocos__span){(const uint8_t *)s, strlen(s)};
}

/* What a guest would state about a good run of `m`; assets has room for two. */
static inline cocos__stating a_statement(const cocos_manifest *m, cocos__used *assets)
{
    assets[0] = (cocos__used){COCOS_ASSET_ALGORITHM, text_span("algorithm"),
                              cocos_manifest_asset_digest(m, COCOS_ASSET_ALGORITHM, 0), 11};
    assets[1] = (cocos__used){COCOS_ASSET_DATASET, text_span("a.csv"),
                              cocos_manifest_asset_digest(m, COCOS_ASSET_DATASET, 0), 4096};
    return (cocos__stating){
        .computation_id = text_span(cocos_manifest_id(m)),
        .instance = an_instance,
        .run = 1,
        .manifest = cocos_manifest_digest(m),
        .assets = assets,
        .n_assets = 2,
        .result = a_result,
        .result_sha256 = a_sha256,
        .result_size = 1234,
        .exit_status = 0,
        .start = {UINT64_C(5000000000), INT64_C(1790000000)},
        .end = {UINT64_C(9000000000), INT64_C(1790000004)},
        .limits_enforced = 1,
        .agent_version = text_span("0.1.0"),
        .consumer_nonce = text_span("a nonce of a consumer"),
    };
}

#endif
