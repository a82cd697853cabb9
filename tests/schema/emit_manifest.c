/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a manifest, `full` (every member of the format) or `small`, as `json` or `cbor`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifests.h"

static int write_json(const cocos_manifest *m)
{
    char *json = NULL;

    if (cocos_manifest_to_json(m, &json, NULL) < 0)
        return 1;
    int r = fputs(json, stdout) < 0;
    cocos_free_text(json);
    return r;
}

static int write_cbor(const cocos_manifest *m)
{
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);

    return fwrite(cbor, 1, len, stdout) != len;
}

int main(int argc, char **argv)
{
    cocos_manifest *m = NULL;

    if (argc != 3)
        return 2;
    const char *form = strcmp(argv[1], "full") == 0 ? SAMPLE_MANIFEST : SMALL_MANIFEST;
    if (manifest_read(form, &m, NULL) < 0)
        return 1;
    int r = strcmp(argv[2], "json") == 0 ? write_json(m) : write_cbor(m);
    cocos_manifest_free(m);
    return r;
}
