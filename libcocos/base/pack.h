/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_PACK_H
#define COCOS_BASE_PACK_H

/* A copy of several runs of bytes, to recognise them when they come again. */

#include "base/bytes.h"
#include "base/error.h"

typedef struct cocos__pack {
    uint8_t *data; /* each run behind its length; owned */
    size_t len;
} cocos__pack;

/* COCOS_OK, or MEMORY. */
int cocos__pack_make(const cocos__span *runs, size_t n, cocos__pack *ret, cocos_error **err);
void cocos__pack_done(cocos__pack *pack);

/* 1 when it was made of exactly these runs. What is compared is public: not in constant time. */
int cocos__pack_is(const cocos__pack *pack, const cocos__span *runs, size_t n);

#endif
