/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "vtpm/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(cocos__span s, const uint8_t *data, size_t size)
{
    if (s.len && (s.data < data || s.data + s.len > data + size))
        abort();
}

/* Public area, signature and quote; what they give lies inside the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__span in = {data, size};
    cocos__tpm_public public;
    cocos__tpm_signature sig;
    cocos__tpm_attest a;

    if (cocos__tpm_public_read(in, &public, NULL) == COCOS_OK) {
        inside(public.n, data, size);
        inside(public.x, data, size);
        inside(public.y, data, size);
    }
    if (cocos__tpm_signature_read(in, &sig, NULL) == COCOS_OK) {
        inside(sig.sig, data, size);
        inside(sig.r, data, size);
        inside(sig.s, data, size);
    }
    if (cocos__tpm_attest_read(in, &a, NULL) == COCOS_OK) {
        inside(a.extra, data, size);
        inside(a.signer, data, size);
        inside(a.pcr_digest, data, size);
    }
    return 0;
}
