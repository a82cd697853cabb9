/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for the local backend in builds without it (meson option host). */
#include <string.h>

#include "enclave/enclave.h"

int cocos__local_open(const cocos_host_options *o,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      cocos_host **ret,
                      cocos_error **err)
{
    (void)o;
    (void)deadline_ns;
    (void)cancel;
    (void)ret;
    return cocos__fail(
        err, COCOS_ERR_UNSUPPORTED, "enclave.module",
        "this library was built without enclaves on this machine; set option manager");
}

void cocos__host_stats_get(cocos_host *h, cocos__host_stats *ret)
{
    (void)h;
    memset(ret, 0, sizeof *ret);
}
