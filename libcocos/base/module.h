/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_MODULE_H
#define COCOS_BASE_MODULE_H

/*
 * Private modules: parts of libcocos that bring so many libraries that only those who use them
 * shall pay. Each is loaded on first use, and never unloaded. It exports one function that returns
 * a table of calls, whose first member is the text of the version it was built as.
 */

#include <stdint.h>

#include "base/error.h"

typedef struct cocos__module {
    const char *file;    /* "libcocos-host.so" */
    const char *entry;   /* the exported function */
    const char *package; /* to name when it is missing */
    const char *purpose; /* "enclaves on this machine need" */
    const char *code;    /* of the error, in doc/errors.md */
    const void *loaded;  /* the table, once there */
} cocos__module;

/* The table. UNSUPPORTED module->code: not installed, or of another version. Thread-safe. */
int cocos__module_get(cocos__module *module, const void **ret, cocos_error **err);

/*
 * ELF note of the kind systemd's package notes define, so that packagers see the soft dependency:
 * https://systemd.io/ELF_DLOPEN_METADATA/ (type 0x407c0c0a, owner "FDO", JSON). Once a file.
 */
#define COCOS__DLOPEN_NOTE(json)                                                                   \
    __attribute__((used, section(".note.dlopen"), aligned(4))) static const struct {               \
        uint32_t name_size;                                                                        \
        uint32_t text_size;                                                                        \
        uint32_t type;                                                                             \
        char name[4];                                                                              \
        char text[(sizeof(json) + 3) / 4 * 4];                                                     \
    } cocos__dlopen_note = {sizeof "FDO", sizeof(json), 0x407c0c0a, "FDO", json}

#endif
