/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_DESCRIBE_H
#define COCOS_TDX_DESCRIBE_H

#include "base/bytes.h"
#include "base/fields.h"
#include "crypto/cert.h"

/* MALFORMED when the evidence is too short or its parts do not fit; fields put before stay. */
int cocos__tdx_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err);
/* What Intel's extension says when the certificate has it. */
void cocos__tdx_extension_describe(const cocos__fields *f, const cocos__cert *cert);

/* A response of Intel's service: TCB info, or identity of the quoting enclave. MALFORMED. */
int cocos__tdx_collateral_recognise(cocos__span body);
int cocos__tdx_collateral_describe(cocos__span body, const cocos__fields *f, cocos_error **err);

#endif
