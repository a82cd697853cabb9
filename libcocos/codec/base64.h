/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_BASE64_H
#define COCOS_CODEC_BASE64_H

#include "base/bytes.h"
#include "base/error.h"

enum cocos__base64 {
    COCOS__BASE64 = 0,    /* RFC 4648 section 4, padded */
    COCOS__BASE64_URL = 1 /* section 5, without padding */
};

void cocos__base64_add(cocos__buf *b, int variant, const uint8_t *data, size_t len);

/*
 * Appends the bytes to out. One text for one value: no white space, padding as the variant has it,
 * unused bits zero. MALFORMED "base64.form".
 */
int cocos__base64_decode(
    int variant, const char *text, size_t len, cocos__buf *out, cocos_error **err);

#endif
