/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_ENVELOPE_MAKER_H
#define COCOS_TESTS_ENVELOPE_MAKER_H

#include <cocos/verifier.h>

#include "attest/envelope.h"
#include "pki.h"

/* Evidence in an envelope: these claims, these parts. */
static inline cocos_evidence *
envelope_of(const cocos__claims *claims, const cocos__envelope_part *parts, size_t n)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf encoded;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf whole;
    cocos_evidence *ev = NULL;

    cocos__buf_init(&encoded, COCOS__CLAIMS_MAX);
    cocos__buf_init(&whole, COCOS__ENVELOPE_MAX);
    PKI_NEED(cocos__claims_encode(claims, &encoded, NULL) == COCOS_OK);
    PKI_NEED(cocos__envelope_encode((cocos__span){encoded.data, encoded.len}, parts, n, &whole,
                                    NULL) == COCOS_OK);
    PKI_NEED(cocos_evidence_new(0, whole.data, whole.len, &ev, NULL) == COCOS_OK);
    PKI_NEED(cocos_evidence_kind(ev) == COCOS_EVIDENCE_ENVELOPE);
    return ev;
}

#endif
