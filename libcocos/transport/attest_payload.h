/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_ATTEST_PAYLOAD_H
#define COCOS_TRANSPORT_ATTEST_PAYLOAD_H

/*
 * The document that carries evidence in an authenticator (spec atls.md section 6): written byte for
 * byte as the Go programs do, read a little stricter than they do, with exact names, nothing twice,
 * and base64 in its one form.
 */

#include "transport/authenticator.h"

#define COCOS__EA_EVIDENCE_LABEL "Attestation"

struct cocos__ea_payload {
    int64_t version;
    char media_type[64]; /* "" when it says none */
    cocos__buf evidence; /* empty when it has none */
    int has_results;     /* attestation results of somebody else, which nobody here judges */
    cocos__buf aik_pub_hash;
    cocos__buf binding;
    int other_label; /* an exporter's label that is not ours */
};

/* Form only. "atls.payload", "atls.statement", "atls.binder". */
int cocos__ea_payload_parse(cocos__span json, cocos__ea_payload **ret, cocos_error **err);
void cocos__ea_payload_free(cocos__ea_payload *p);
COCOS__DEFINE_FREEP(cocos__ea_payload_freep, cocos__ea_payload *, cocos__ea_payload_free)

/* Is its binder that of this connection and key? "atls.label", "atls.leaf", "atls.binding". */
int cocos__ea_payload_check(const cocos__ea_payload *p,
                            const cocos__ea_binding *b,
                            cocos_error **err);

/* Appends the document. STATE "atls.statement": there is no evidence. */
int cocos__ea_payload_write(int version,
                            const char *media_type,
                            cocos__span evidence,
                            const cocos__ea_binding *b,
                            cocos__buf *out,
                            cocos_error **err);
/* The most evidence that fits beside that media type. */
size_t cocos__ea_payload_room(const char *media_type, const cocos__ea_binding *b);
/* Appends the extension around a document. "atls.length". */
int cocos__ea_payload_extension(cocos__span json, cocos__buf *out, cocos_error **err);

#endif
