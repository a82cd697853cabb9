/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ossl.h"

int cocos__fail_ossl(cocos_error **err, int status, const char *code, const char *what)
{
    unsigned long e = ERR_peek_last_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;

    if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
        return cocos__fail_memory(err);
    return cocos__fail(err, status, code, "%s: %s", what, reason ? reason : "no reason given");
}

int cocos__ossl_out_of_memory(unsigned long before)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE ||
           (before == 0 && ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE);
}
