/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_SECRET_H
#define COCOS_BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Overwrite with zeros in a way that the compiler keeps. */
void cocos__wipe(void *p, size_t n);

/* Bytes on pages of their own: locked in memory where allowed, left out of core dumps, wiped. */
typedef struct cocos__secret cocos__secret;

int cocos__secret_new(size_t len, cocos__secret **ret, cocos_error **err);
uint8_t *cocos__secret_data(cocos__secret *s);
size_t cocos__secret_len(const cocos__secret *s);
void cocos__secret_shrink(cocos__secret *s, size_t len); /* wipes the rest */
void cocos__secret_free(cocos__secret *s);

COCOS__DEFINE_FREEP(cocos__secret_freep, cocos__secret *, cocos__secret_free)

#endif
