/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", NULL};
    cocos__json_doc *doc = NULL;
    cocos_error *err = NULL;

    if (cocos__json_parse((const char *)data, size, 1 << 20, &doc, &err) < 0) {
        if (!err)
            abort();
        cocos_error_free(err);
        return 0;
    }
    cocos__json root = cocos__json_root(doc);
    cocos__json item = cocos__json_item(&root, 0);
    cocos__json member = cocos__json_member(&item, "a");
    const char *text;
    (void)cocos__json_text(&member, &text, NULL);
    if (cocos__json_only(&root, names, &err) < 0)
        cocos_error_free(err);
    cocos__json_doc_free(doc);
    return 0;
}
