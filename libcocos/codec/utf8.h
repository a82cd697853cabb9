/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_UTF8_H
#define COCOS_CODEC_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* 1 when the bytes are UTF-8: no overlong forms, surrogates or values above U+10FFFF (RFC 3629). */
int cocos__utf8_valid(const uint8_t *data, size_t len);

#endif
