/* SPDX-License-Identifier: Apache-2.0 */
/* In place of the TPM provider where libcocos was built without it. */
#include "evidence/provider.h"

static int
absent_open(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **err)
{
    (void)c;
    (void)state;
    (void)how;
    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.provider",
                       "this libcocos was built without TPM support");
}

const cocos__provider cocos__provider_tpm = {.name = "tpm", .open = absent_open};
