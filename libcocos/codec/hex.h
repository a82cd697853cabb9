/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_HEX_H
#define COCOS_CODEC_HEX_H

#include "base/bytes.h"
#include "base/error.h"

/* Lower case and a NUL: out has 2 * len + 1 bytes. */
void cocos__hex_encode(const uint8_t *data, size_t len, char *out);
/* The same appended to a buffer, without the NUL. */
void cocos__hex_add(cocos__buf *b, const uint8_t *data, size_t len);

/*
 * Exactly out_len bytes from exactly 2 * out_len digits of either case; out is written only on
 * success. MALFORMED "hex.length", "hex.digit".
 */
int cocos__hex_decode(
    const char *text, size_t text_len, uint8_t *out, size_t out_len, cocos_error **err);

#endif
