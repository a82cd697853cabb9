/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a program does with the library, or with what that is linked to: bench_load.c. */
#ifdef WITH_LIBRARY
#include <cocos/common.h>

int main(void)
{
    return cocos_version()[0] == '\0';
}
#else
#include <cbor.h>
#include <jansson.h>
#include <openssl/crypto.h>

int main(void)
{
    cbor_item_t *item = cbor_new_null();
    int bad = !item || OpenSSL_version_num() == 0 || jansson_version_str()[0] == '\0';

    if (item)
        cbor_decref(&item);
    return bad;
}
#endif
