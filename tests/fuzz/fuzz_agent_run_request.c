/* SPDX-License-Identifier: Apache-2.0 */
/* What a computation-management server sends as a run request. */
#include <stdlib.h>
#include <string.h>

#include "agent/run_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__buf defects;
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;
    char id[65];

    cocos__buf_init(&defects, COCOS__RUN_DEFECTS_MAX + 1);
    int r = cocos__run_request_read((cocos__span){data, size}, id, &m, &defects, &err);
    if (r == COCOS_OK) {
        (void)cocos__run_request_supported(m, &defects, NULL);
        cocos_manifest_free(m);
    } else if (!err || defects.len == 0 || defects.len > COCOS__RUN_DEFECTS_MAX) {
        abort(); /* whatever is wrong is said */
    }
    if (strnlen(id, sizeof id) == sizeof id)
        abort();
    cocos_error_free(err);
    cocos__buf_done(&defects);
    return 0;
}
