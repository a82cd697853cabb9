/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcocos-host.so: libvirt brings 57 libraries, which no other program shall pay for. libvirt's
 * threads live as long as the process.
 */
#include "enclave/vmm.h"

#ifdef COCOS__LINK_HOST_MODULE

int cocos__vmm_ops_get(const cocos__vmm_ops **ret, cocos_error **err)
{
    (void)err;
    *ret = cocos__host_module();
    return COCOS_OK;
}

#else

#include "base/module.h"

COCOS__DLOPEN_NOTE(
    "[{\"feature\":\"host\",\"description\":\"Runs enclaves on this machine through libvirt\","
    "\"priority\":\"suggested\",\"soname\":[\"cocos/libcocos-host.so\"]}]");

int cocos__vmm_ops_get(const cocos__vmm_ops **ret, cocos_error **err)
{
    static cocos__module host = {.file = "libcocos-host.so",
                                 .entry = COCOS__VMM_ENTRY,
                                 .package = "libcocos-host",
                                 .purpose = "enclaves on this machine need",
                                 .code = "enclave.module"};
    const void *table = NULL;

    int r = cocos__module_get(&host, &table, err);
    if (r == COCOS_OK)
        *ret = table;
    return r;
}

#endif
