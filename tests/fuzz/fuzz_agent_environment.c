/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__environment env;
    cocos_error *err = NULL;

    if (cocos__environment_parse(data, size, &env, &err) == COCOS_OK) {
        /* What was taken is text that can be put on a command line or in metadata. */
        for (const char *p = env.cvm_id; *p; p++) {
            if (*p < 0x20 || *p > 0x7e)
                abort();
        }
    } else if (!err || strlen(cocos_error_message(err)) == 0) {
        abort();
    }
    cocos_error_free(err);
    return 0;
}
