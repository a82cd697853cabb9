/* SPDX-License-Identifier: Apache-2.0 */
/* The one function that libcocos-host.so exports. */
#include <cocos/version.h>

#include "enclave/libvirt/driver.h"
#include "enclave/libvirt/xml.h"

static int is_embedded(const cocos__vmm *v)
{
    return v->embedded;
}

static int is_alive(cocos__vmm *v)
{
    return virConnectIsAlive(v->conn) == 1;
}

static const cocos__vmm_ops ops = {
    .version = COCOS_VERSION_STRING,
    .open = cocos__vmm_open,
    .close = cocos__vmm_close,
    .embedded = is_embedded,
    .alive = is_alive,
    .start = cocos__vmm_start,
    .forward = cocos__vmm_forward,
    .annotate = cocos__vmm_annotate,
    .list = cocos__vmm_list,
    .shutdown = cocos__vmm_shutdown,
    .stop = cocos__vmm_stop,
    .exists = cocos__vmm_exists,
    .broken = cocos__vmm_broken,
    .render = cocos__domain_xml,
};

COCOS_API const cocos__vmm_ops *cocos__host_module(void)
{
    return &ops;
}
