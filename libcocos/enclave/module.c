/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading of libcocos-host.so on first use: libvirt brings 57 libraries, which no other program
 * shall pay for. The module is never unloaded, libvirt's threads live as long as the process.
 */
#include <cocos/common.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"
#include "enclave/vmm.h"

#ifdef COCOS__LINK_HOST_MODULE

int cocos__vmm_ops_get(const cocos__vmm_ops **ret, cocos_error **err)
{
    (void)err;
    *ret = cocos__host_module();
    return COCOS_OK;
}

#else

#include <dlfcn.h>

/* ELF note of the kind systemd's package notes define, so that packagers see the soft dependency:
 * https://systemd.io/ELF_DLOPEN_METADATA/ (type 0x407c0c0a, owner "FDO", JSON). */
#define NOTE_JSON                                                                                  \
    "[{\"feature\":\"host\",\"description\":\"Runs enclaves on this machine through libvirt\","    \
    "\"priority\":\"suggested\",\"soname\":[\"cocos/libcocos-host.so\"]}]"

__attribute__((used, section(".note.dlopen"), aligned(4))) static const struct {
    uint32_t name_size;
    uint32_t text_size;
    uint32_t type;
    char name[4];
    char text[sizeof NOTE_JSON];
} dlopen_note = {sizeof "FDO", sizeof NOTE_JSON, 0x407c0c0a, "FDO", NOTE_JSON};

static int load(const cocos__vmm_ops **ret, cocos_error **err)
{
    const char *dir = secure_getenv("COCOS_MODULE_DIR"); /* for the build tree */
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/libcocos-host.so", dir && *dir ? dir : COCOS__MODULE_DIR);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!module) {
        const char *why = dlerror();
        return cocos__fail(
            err, COCOS_ERR_UNSUPPORTED, "enclave.module",
            "enclaves on this machine need the module %s (package libcocos-host): %s", path,
            why ? why : "it does not load");
    }
    const cocos__vmm_ops *(*entry)(void);
    *(void **)&entry = dlsym(module, COCOS__VMM_ENTRY);
    const cocos__vmm_ops *ops = entry ? entry() : NULL;
    if (!ops || strcmp(ops->version, cocos_version()) != 0) {
        cocos__fail(
            err, COCOS_ERR_UNSUPPORTED, "enclave.module",
            "module %s has version %.32s, this library %s: install the same package version", path,
            ops ? ops->version : "unknown", cocos_version());
        dlclose(module);
        return COCOS_ERR_UNSUPPORTED;
    }
    *ret = ops;
    return COCOS_OK;
}

int cocos__vmm_ops_get(const cocos__vmm_ops **ret, cocos_error **err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static const cocos__vmm_ops *loaded;

    COCOS__LOCKED(&lock);
    int r = loaded ? COCOS_OK : load(&loaded, err);
    if (r == COCOS_OK)
        *ret = loaded;
    return r;
}

#endif
