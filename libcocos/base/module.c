/* SPDX-License-Identifier: Apache-2.0 */
/* In libcocos only: libcocos-verify opens nothing at run time. */
#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"

static int load(cocos__module *m, cocos_error **err)
{
    const char *dir = secure_getenv("COCOS_MODULE_DIR"); /* for the build tree */
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : COCOS__MODULE_DIR, m->file);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        const char *why = dlerror();
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, m->code, "%s the module %s (package %s): %s",
                           m->purpose, path, m->package, why ? why : "it does not load");
    }
    const void *(*entry)(void);
    *(void **)&entry = dlsym(library, m->entry);
    const char *const *table = entry ? entry() : NULL;
    if (!table || strcmp(*table, cocos_version()) != 0) {
        cocos__fail(
            err, COCOS_ERR_UNSUPPORTED, m->code,
            "module %s has version %.32s, this library %s: install the same package version", path,
            table ? *table : "unknown", cocos_version());
        dlclose(library);
        return COCOS_ERR_UNSUPPORTED;
    }
    m->loaded = table;
    return COCOS_OK;
}

int cocos__module_get(cocos__module *m, const void **ret, cocos_error **err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    COCOS__LOCKED(&lock);
    int r = m->loaded ? COCOS_OK : load(m, err);
    if (r == COCOS_OK)
        *ret = m->loaded;
    return r;
}
