/* SPDX-License-Identifier: Apache-2.0 */
/* Every key that is read can be written, and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const cocos_key *key)
{
    cocos_key *again = NULL;
    char *pem = NULL;

    if (cocos_key_to_pem(key, cocos_key_is_private(key), &pem, NULL) < 0)
        return; /* a private key may lack numbers that PKCS#8 needs */
    if (cocos_key_from_pem((const uint8_t *)pem, strlen(pem), &again, NULL) < 0)
        abort();
    if (!cocos__key_equal(key, again))
        abort();
    cocos_key_free(again);
    cocos_free_text(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos_key *key = NULL;

    if (cocos_key_from_pem(data, size, &key, NULL) == COCOS_OK) {
        round_trip(key);
        cocos_key_free(key);
    }
    key = NULL;
    if (cocos_key_from_spki(data, size, &key, NULL) == COCOS_OK) {
        round_trip(key);
        cocos_key_free(key);
    }
    return 0;
}
