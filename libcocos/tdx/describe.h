/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_DESCRIBE_H
#define COCOS_TDX_DESCRIBE_H

#include "base/bytes.h"
#include "base/fields.h"

/* MALFORMED when the evidence is too short or its parts do not fit; fields put before stay. */
int cocos__tdx_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err);

#endif
