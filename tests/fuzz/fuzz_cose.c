/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing that a stranger sends verifies under a key that signed nothing. */
#include <stdlib.h>

#include "crypto/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cocos_key *key;
    cocos__cose *c = NULL;

    if (!key && cocos_key_generate(COCOS_KEY_ED25519, &key, NULL) < 0)
        abort();
    if (cocos__cose_parse(data, size, &c, NULL) < 0)
        return 0;
    if (cocos__cose_verify(c, key, cocos__cose_content_type(c), NULL) == COCOS_OK)
        abort();
    cocos__cose_free(c);
    return 0;
}
