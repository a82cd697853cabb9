/* SPDX-License-Identifier: Apache-2.0 */
/* What is read as a manifest can be written in both forms and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include <cocos/manifest.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const cocos_manifest *a, const cocos_manifest *b)
{
    if (memcmp(cocos_manifest_digest(a), cocos_manifest_digest(b), COCOS_DIGEST_SIZE) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos_manifest *m = NULL;
    cocos_manifest *from_cbor = NULL;
    cocos_manifest *from_json = NULL;
    cocos_error *err = NULL;
    char *json = NULL;
    size_t len;

    if (cocos_manifest_from_json((const char *)data, size, NULL, &m, &err) < 0) {
        if (!err)
            abort();
        cocos_error_free(err);
        return 0;
    }

    const uint8_t *cbor = cocos_manifest_cbor(m, &len);
    if (cocos_manifest_from_cbor(cbor, len, &from_cbor, NULL) < 0)
        abort();
    if (cocos_manifest_to_json(m, &json, NULL) < 0)
        abort();
    if (cocos_manifest_from_json(json, strlen(json), NULL, &from_json, NULL) < 0)
        abort();
    expect_same(m, from_cbor);
    expect_same(m, from_json);
    cocos_free_text(json);
    cocos_manifest_free(from_json);
    cocos_manifest_free(from_cbor);
    cocos_manifest_free(m);
    return 0;
}
