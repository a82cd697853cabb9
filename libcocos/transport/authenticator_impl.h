/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_AUTHENTICATOR_IMPL_H
#define COCOS_TRANSPORT_AUTHENTICATOR_IMPL_H

/* What making and judging authenticators share (spec atls.md sections 5.3 to 5.5). */

#include "transport/authenticator.h"

#include <openssl/evp.h>

COCOS__DEFINE_FREEP(cocos__md_ctx_freep, EVP_MD_CTX *, EVP_MD_CTX_free)

/* What one side's authenticators on one connection are made with. */
typedef struct cocos__ea_keys {
    size_t len; /* of each, and of every hash */
    uint8_t context[48];
    uint8_t finished[48];
} cocos__ea_keys;

int cocos__ea_keys_get(const cocos__ea_session *s,
                       int role,
                       cocos__ea_keys *ret,
                       cocos_error **err);
void cocos__ea_keys_wipe(cocos__ea_keys *k); /* cleanup function */

/* The transcript: handshake context, request (may be empty), then message by message. */
int cocos__ea_transcript_new(const cocos__ea_session *s,
                             const cocos__ea_keys *k,
                             cocos__span request,
                             EVP_MD_CTX **ret,
                             cocos_error **err);
int cocos__ea_transcript_add(EVP_MD_CTX *t, cocos__span message, cocos_error **err);
int cocos__ea_transcript_hash(const EVP_MD_CTX *t, uint8_t out[48], cocos_error **err);

/* The Finished value over a transcript's hash. */
int cocos__ea_mac(const cocos__ea_session *s,
                  const cocos__ea_keys *k,
                  const uint8_t hash[48],
                  uint8_t out[48],
                  cocos_error **err);

/* What CertificateVerify signs. */
#define COCOS__EA_SIGNED_MAX (64 + 22 + 1 + 48)
size_t cocos__ea_signed(const uint8_t *hash, size_t len, uint8_t out[COCOS__EA_SIGNED_MAX]);

int cocos__ea_scheme_fits(uint16_t scheme, const EVP_PKEY *key);
int cocos__ea_scheme_offered(const cocos__ea_request *rq, uint16_t scheme);
/* Signing or verifying context for a scheme, for EVP_DigestSign() and EVP_DigestVerify(). */
EVP_MD_CTX *cocos__ea_signer(uint16_t scheme, EVP_PKEY *key, int verify);

/* A Certificate message with a context and nothing else: what the empty authenticator answers. */
void cocos__ea_add_u24(cocos__buf *out, size_t v);
int cocos__ea_empty_certificate(cocos__span context, cocos__buf *out, cocos_error **err);

/* Reads a vector of extensions to its end. *doubled: one type twice. "atls.truncated",
 * "atls.length". */
int cocos__ea_extensions_read(cocos__span vector,
                              cocos__ea_extensions *ret,
                              int *doubled,
                              cocos_error **err);

/* "atls.replay": this context was used before. */
int cocos__ea_context_fresh(const cocos__ea_contexts *used, cocos__span context, cocos_error **err);
void cocos__ea_context_mark(cocos__ea_contexts *used, cocos__span context);

#endif
