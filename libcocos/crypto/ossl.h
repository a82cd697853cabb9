/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CRYPTO_OSSL_H
#define COCOS_CRYPTO_OSSL_H

/* What the files that call OpenSSL share. */

#include <openssl/err.h>

#include "base/error.h"

/*
 * OpenSSL refused: an error whose message is `what` and OpenSSL's last reason. Errors of OpenSSL
 * that say "malloc failure" become COCOS_ERR_MEMORY.
 */
int cocos__fail_ossl(cocos_error **err, int status, const char *code, const char *what);

/*
 * 1 when a call that failed ran out of memory. `before`: ERR_peek_error() before the call. Callers
 * in OpenSSL put their own reason over the first, which is ours to see only when the queue was
 * empty.
 */
int cocos__ossl_out_of_memory(unsigned long before);

/*
 * The error queue belongs to the thread, hence to the program: what we put there is taken away
 * again. COCOS__OSSL_SCOPE; at the top of a function that calls OpenSSL.
 */
static inline void cocos__ossl_pop(int *mark)
{
    if (*mark)
        ERR_pop_to_mark();
    else
        ERR_clear_error(); /* an empty queue takes no mark */
}

#define COCOS__OSSL_SCOPE                                                                          \
    COCOS__CLEANUP(cocos__ossl_pop) int cocos__ossl_mark __attribute__((unused)) = ERR_set_mark()

#endif
