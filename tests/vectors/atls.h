/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_VECTORS_ATLS_H
#define COCOS_TESTS_VECTORS_ATLS_H

/* What the files that run the set "atls" share. */

#include "run_vectors.h"

#include "../support/exporter.h"
#include "transport/attested.h"

/* Bytes of a hex member, free(data); data NULL when it is absent or null. */
blob hex_of(const json_t *row, const char *name);
static inline cocos__span span_of(blob b)
{
    return (cocos__span){b.data, b.len};
}

typedef struct identity {
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    blob cert_pem;
    blob key_pem;
} identity;
identity identity_read(const char *dir, const char *id);
void identity_free(identity *id);

/* The exporter of a session in sessions.json. */
exporter exporter_of(const char *dir, const char *session);

/* The evidence that the vectors carry: "STUBEV01", report data, nonce; version 1. */
int make_stub(void *user,
              const cocos__attest_binding *b,
              int64_t deadline_ns,
              int *version,
              cocos__buf *evidence,
              cocos_error **err);

/* What rows of a file of the set hold. */
const shape *atls_shape(const char *file, const json_t *row);

/* Compares with the row's "expect"; prints and returns 1 when they differ. `code` "" is success. */
int compare(const char *file, const json_t *row, const char *code);

/* Rows of one file each; 1 when the row does not agree. */
int run_transcript(const char *dir, const json_t *row);
int run_live_server(const char *dir, const json_t *row);
int run_live_client(const char *dir, const json_t *row);

#endif
