/* SPDX-License-Identifier: Apache-2.0 */
/* A journal entry names a directory that will be wiped: whatever it says, only an enclave's. */
#include <stdlib.h>
#include <string.h>

#include "enclave/local.h"

#define ID "1b4e28ba-2fa1-41d2-883f-0016d3cca427"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char tail[] = "/vm/" ID;
    char dir[300];

    if (!cocos__journal_parse((const char *)data, size, ID, dir))
        return 0;
    size_t n = strlen(dir);
    if (dir[0] != '/' || n < sizeof tail - 1 || strcmp(dir + n - (sizeof tail - 1), tail) != 0 ||
        strstr(dir, "/../"))
        abort();
    return 0;
}
