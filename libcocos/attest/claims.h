/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_CLAIMS_H
#define COCOS_ATTEST_CLAIMS_H

/*
 * What evidence vouches for (cocos-v1 section 1): a CBOR map whose hash fills the one slot that the
 * hardware signs. Every use of evidence goes through here, so that what was made for one purpose is
 * worth nothing for another.
 */

#include "base/bytes.h"
#include "base/error.h"

enum cocos__purpose {
    COCOS__PURPOSE_CHANNEL_SERVER = 1,
    COCOS__PURPOSE_CHANNEL_CLIENT = 2,
    COCOS__PURPOSE_RPC = 3,
    COCOS__PURPOSE_CVMS = 4,
    COCOS__PURPOSE_STATEMENT = 5
};

/* The words of the encoding, in this order. */
#define COCOS__PURPOSE_WORDS "channel-server|channel-client|rpc|cvms|statement"

#define COCOS__CLAIMS_MAX        512 /* bytes of the encoding */
#define COCOS__CHALLENGE_MIN     8
#define COCOS__CHALLENGE_MAX     64
#define COCOS__CHALLENGE_CHANNEL 32 /* exactly, for channels; cvms: 16 or more */

/* Everything is borrowed; NULL means null. */
typedef struct cocos__claims {
    int purpose;                  /* 1: enum cocos__purpose */
    cocos__span challenge;        /* 2: as the purpose wants it; statement: none */
    const uint8_t *leaf;          /* 3: 32 bytes, SHA-256 of the TLS leaf's SPKI; channels only */
    const uint8_t *dice;          /* 4: 64 bytes, SHA-512 of the DICE root's COSE_Key */
    const uint8_t *ak;            /* 5: 32 bytes, SHA-256 of the TPM key's public area */
    const uint8_t *statement_key; /* 6: 32 bytes, SHA-256 of its SPKI */
    const uint8_t *instance_id;   /* 7: 16 bytes, never NULL */
    const uint8_t *manifest;      /* 8: 32 bytes */
    int compat;                   /* 9 */
} cocos__claims;

/* The word of the encoding, e.g. "channel-server"; NULL for no purpose. */
const char *cocos__purpose_name(int purpose);

/* Appends the encoding. USAGE "claims.form": a challenge or leaf that the purpose does not have. */
int cocos__claims_encode(const cocos__claims *c, cocos__buf *out, cocos_error **err);
/* Strict; *ret borrows from the bytes. MALFORMED "claims.form" or "cbor.…". */
int cocos__claims_parse(cocos__span encoded, cocos__claims *ret, cocos_error **err);

/* The value of one claim by its number in the encoding, but for the flag (9); data NULL: null. */
cocos__span cocos__claims_value(const cocos__claims *c, int number);

/* What REPORT_DATA and a quote's qualifying data must be: SHA-512 and SHA-256 of
 * "cocos-claims/1" || 0x00 || encoded. */
int cocos__claims_report_data(cocos__span encoded, uint8_t out[64], cocos_error **err);
int cocos__claims_nonce(cocos__span encoded, uint8_t out[32], cocos_error **err);

#endif
