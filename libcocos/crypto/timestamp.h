/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_TIMESTAMP_H
#define COCOS_CRYPTO_TIMESTAMP_H

/* Time-stamps (RFC 3161) as what anchors a signature in time (RFC 9921 section 3.1). */

#include "crypto/cert.h"

#define COCOS__TIMESTAMP_MAX (64 * 1024) /* bytes of a reply or token */

/* Appends a TimeStampReq over SHA-256 of the message: any policy, certificate wanted, no nonce,
 * since the message is asked about once and the reply may come by another way. */
int cocos__timestamp_request(cocos__span message, cocos__buf *out, cocos_error **err);

/*
 * Appends the TimeStampToken of a TimeStampResp, or of a token itself, in its one encoding.
 * MALFORMED "timestamp.form"; DENIED "timestamp.refused": the authority did not grant it.
 */
int cocos__timestamp_token(cocos__span reply, cocos__buf *out, cocos_error **err);

/* Does the token say SHA-256 of this message? Who says so is not looked at. MALFORMED
 * "timestamp.form"; REJECTED "timestamp.imprint". */
int cocos__timestamp_is_over(cocos__span token, cocos__span message, cocos_error **err);

typedef struct cocos__timestamp {
    int64_t time_s;     /* seconds since 1970, rounded down */
    char authority[65]; /* common name of who signed it; "" when it has none */
} cocos__timestamp;

/*
 * Is the token over SHA-256 of the message, and signed by a certificate for time-stamping that
 * chained to one of `roots` at the token's own time? Revocation is not looked at.
 * MALFORMED "timestamp.form"; REJECTED "timestamp.bad".
 */
int cocos__timestamp_verify(cocos__span token,
                            cocos__span message,
                            const cocos__certs *roots,
                            cocos__timestamp *ret,
                            cocos_error **err);

#endif
