/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata of a domain, as libvirt hands it out: anybody who may use libvirt could have written it.
 */
#include <stdlib.h>
#include <string.h>

#include "enclave/libvirt/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__vmm_pair pairs[COCOS__METADATA_PAIRS_MAX];
    size_t n = 0;
    void *doc = NULL;
    char *xml = malloc(size + 1);

    if (!xml)
        return 0;
    if (size)
        memcpy(xml, data, size);
    xml[size] = '\0';
    if (cocos__metadata_parse(xml, pairs, &n, &doc, NULL) == COCOS_OK) {
        if (n > COCOS__METADATA_PAIRS_MAX)
            abort();
        for (size_t i = 0; i < n; i++)
            if (!pairs[i].name[0] || strlen(pairs[i].value) > size)
                abort();
        cocos__metadata_free(doc);
    }
    free(xml);
    return 0;
}
