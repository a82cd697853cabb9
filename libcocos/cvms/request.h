/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CVMS_REQUEST_H
#define COCOS_CVMS_REQUEST_H

#include <cocos/manifest.h>

#include "base/bytes.h"

/* The serialised ComputationRunReq of a manifest: its CBOR, and the old fields in agreement. */
int cocos__cvms_request(const cocos_manifest *m, cocos__buf *out, cocos_error **err);

#endif
