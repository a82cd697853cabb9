/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_DESCRIBE_H
#define COCOS_VTPM_DESCRIBE_H

#include "base/bytes.h"
#include "base/fields.h"

/* MALFORMED, EXHAUSTED: it cannot be read; fields put before stay. */
int cocos__vtpm_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err);

#endif
