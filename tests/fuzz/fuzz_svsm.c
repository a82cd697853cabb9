/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "vtpm/svsm.h"
#include "vtpm/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(cocos__span s, const uint8_t *data, size_t size)
{
    if (s.len && (s.data < data || s.len > (size_t)(data + size - s.data)))
        abort();
}

/* Whatever a manifest or a certification gives lies inside it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__svsm_certified c;
    cocos__tpm_public ek;
    cocos__span area, name;

    if (cocos__svsm_endorsement((cocos__span){data, size}, &area, NULL) == COCOS_OK) {
        inside(area, data, size);
        (void)!cocos__tpm_public_read(area, &ek, NULL);
    }
    if (cocos__svsm_certified_read((cocos__span){data, size}, &c, NULL) == COCOS_OK) {
        inside(c.public, data, size);
        inside(c.attest, data, size);
        inside(c.signature, data, size);
    }
    if (cocos__tpm_certify_read((cocos__span){data, size}, &name, NULL) == COCOS_OK)
        inside(name, data, size);
    return 0;
}
