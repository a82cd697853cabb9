/* SPDX-License-Identifier: Apache-2.0 */
/* A program of somebody else: knows the installed headers and pkg-config, nothing of the source
 * tree. */
#include <cocos/common.h>
#include <cocos/error.h>
#include <cocos/key.h>
#ifdef WITH_LIBCOCOS
#include <cocos/computation.h>
#endif

#include <stdio.h>
#include <string.h>

/* A key made, written, read again: crosses the library and libcrypto, error object included. */
static int key_round_trip(cocos_error **err)
{
    cocos_key *key = NULL, *again = NULL;
    char *pem = NULL;

    int r = cocos_key_generate(COCOS_KEY_ED25519, &key, err);
    if (r == COCOS_OK)
        r = cocos_key_to_pem(key, 1, &pem, err);
    if (r == COCOS_OK)
        r = cocos_key_from_pem((const uint8_t *)pem, strlen(pem), &again, err);
    cocos_key_free(again);
    cocos_key_free(key);
    cocos_free_text(pem);
    return r;
}

int main(void)
{
    cocos_error *err = NULL;

    if (key_round_trip(&err) != COCOS_OK) {
        fprintf(stderr, "%s: %s\n", cocos_error_code(err), cocos_error_message(err));
        cocos_error_free(err);
        return 1;
    }
#ifdef WITH_LIBCOCOS
    cocos_agent_options *options = NULL;
    if (cocos_agent_options_new(&options, &err) != COCOS_OK)
        return 1;
    cocos_agent_options_free(options);
#endif
    printf("%s\n", cocos_version());
    return 0;
}
