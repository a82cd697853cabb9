/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "snp/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every blob that a table gives lies inside the table. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__snp_table t;

    if (cocos__snp_table_parse((cocos__span){data, size}, &t, NULL) < 0)
        return 0;
    for (size_t i = 0; i < t.n; i++) {
        const uint8_t *from = t.entry[i].blob.data;
        if (from < data || t.entry[i].blob.len > (size_t)(data + size - from))
            abort();
    }
    return 0;
}
