/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_SIGNED_H
#define COCOS_MANIFEST_SIGNED_H

/*
 * The one shape of approval, withdrawal, statement and closure (cocos-v1 section 5): a SCITT signed
 * statement (RFC 9943), that is a COSE_Sign1 with CWT claims. iss is the thumbprint URI of the key
 * (RFC 9679 section 6: "urn:ietf:params:oauth:ckt:sha-256:"), sub names the manifest:
 * "ni:///sha3-256;" and its digest (RFC 6920). Since kid and iss only name the key, a private claim
 * carries it, so that one file can be judged years later; whose key it is, is for the caller.
 */

#include <cocos/key.h>
#include <cocos/manifest.h>

#include "base/bytes.h"
#include "crypto/cose.h"
#include "manifest/take.h"

#define COCOS__TYPE_APPROVAL  "application/vnd.cocos.approval+cbor"
#define COCOS__TYPE_STATEMENT "application/vnd.cocos.statement+cbor"
#define COCOS__TYPE_CLOSURE   "application/vnd.cocos.closure+cbor"

#define COCOS__NEVER INT64_MIN /* of times: not stated */

/* CWT claims (RFC 8392) that differ from object to object; seconds since 1970 or COCOS__NEVER. */
typedef struct cocos__cwt {
    int64_t expires_s;
    int64_t not_before_s;
    cocos__span id; /* cti, at most 64 bytes; empty: none */
} cocos__cwt;

/* Parsed. Everything is checked but whose key it is. */
typedef struct cocos__signed {
    cocos__cose *cose;
    cocos_key *key;       /* whose thumbprint is kid, and whose COSE thumbprint is iss */
    cocos__cwt cwt;       /* id is borrowed from cose */
    uint8_t manifest[32]; /* digest, from sub */
    uint8_t digest[32];   /* SHA3-256 of the encoding without anything unprotected */
} cocos__signed;

/* Appends the object. `cwt` may be NULL: none of its claims. */
int cocos__signed_make(const cocos_key *key,
                       const char *content_type,
                       const uint8_t manifest[32],
                       const cocos__cwt *cwt,
                       cocos__span payload,
                       cocos__buf *out,
                       cocos_error **err);

/* Keys that were read already: OpenSSL takes longer to read one than to check a signature. */
typedef struct cocos__known {
    const cocos_manifest *manifest; /* its parties; NULL: none */
    const cocos_key *key;           /* one more; NULL: none */
} cocos__known;

/*
 * `known` may be NULL. `lenient` as in cocos__cose_parse_claims(). MALFORMED "signed.form",
 * "signed.type", "cose.…", "cbor.…"; EXHAUSTED "signed.size" above `max` bytes, time-stamp and
 * receipts included.
 */
int cocos__signed_parse(cocos__span data,
                        size_t max,
                        const char *content_type,
                        int lenient,
                        const cocos__known *known,
                        cocos__signed *ret,
                        cocos_error **err);
/* The signature under the key that it carries. UNAUTHENTICATED "cose.signature". */
int cocos__signed_verify(const cocos__signed *s, const char *content_type, cocos_error **err);
void cocos__signed_done(cocos__signed *s);

/*
 * Opens the payload: a map with exactly the keys 1 to n, of which 1 is this tag. "signed.form";
 * UNSUPPORTED "signed.tag" for another one.
 */
int cocos__signed_open(
    const cocos__signed *s, const char *tag, int64_t n, cocos__take *ret, cocos_error **err);

#endif
