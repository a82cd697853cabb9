/* SPDX-License-Identifier: Apache-2.0 */
/* A request head as it may arrive, in one piece or cut anywhere. */
#include <stdlib.h>
#include <string.h>

#include "manager/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[COCOS__HTTP_PATH_MAX];
    size_t len = size < COCOS__HTTP_HEAD_MAX ? size : COCOS__HTTP_HEAD_MAX;
    enum cocos__http_parse whole = cocos__http_parse((const char *)data, len, path);

    if ((whole == COCOS__HTTP_GET || whole == COCOS__HTTP_HEAD) &&
        (path[0] != '/' || strlen(path) >= sizeof path))
        abort();
    /* A head that was judged is not judged otherwise when less of it was there, only later. */
    for (size_t n = 0; n < len && n < 64; n++) {
        enum cocos__http_parse part = cocos__http_parse((const char *)data, n, path);
        if (part != COCOS__HTTP_MORE && whole == COCOS__HTTP_MORE)
            abort();
    }
    return 0;
}
