/* SPDX-License-Identifier: Apache-2.0 */
#include <cocos/common.h>
#include <cocos/version.h>

#include "base/cleanup.h"

/* Exit codes are frozen (doc/errors.md); indexed by the negated status. */
static const struct {
    const char *name;
    int exit_code;
} table[] = {
    {"ok", 0},
    {"usage", 2},
    {"malformed", 4},
    {"unsupported", 4},
    {"rejected", 3},
    {"undecided", 4},
    {"unauthenticated", 6},
    {"denied", 6},
    {"state", 1},
    {"not_found", 1},
    {"exhausted", 1},
    {"aborted", 1},
    {"io", 5},
    {"timeout", 5},
    {"busy", 1},
    {"cancelled", 130},
    {"memory", 1},
    {"internal", 1},
};

static int known(int status)
{
    return status <= 0 && (size_t) - (long)status < COCOS__ARRAY_LEN(table);
}

const char *cocos_status_name(int status)
{
    return known(status) ? table[-status].name : "unknown";
}

int cocos_status_exit_code(int status)
{
    return known(status) ? table[-status].exit_code : 1;
}

const char *cocos_version(void)
{
    return COCOS_VERSION_STRING;
}
