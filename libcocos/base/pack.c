/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pack.h"

#include <string.h>

static size_t packed_size(const cocos__span *runs, size_t n)
{
    size_t size = 0;

    for (size_t i = 0; i < n; i++)
        size += sizeof runs[i].len + runs[i].len;
    return size;
}

int cocos__pack_make(const cocos__span *runs, size_t n, cocos__pack *ret, cocos_error **err)
{
    size_t size = packed_size(runs, n);
    uint8_t *data = malloc(size ? size : 1);
    uint8_t *p = data;

    if (!data)
        return cocos__fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        memcpy(p, &runs[i].len, sizeof runs[i].len);
        p += sizeof runs[i].len;
        if (runs[i].len > 0)
            memcpy(p, runs[i].data, runs[i].len);
        p += runs[i].len;
    }
    *ret = (cocos__pack){data, size};
    return COCOS_OK;
}

void cocos__pack_done(cocos__pack *pack)
{
    free(pack->data);
    *pack = (cocos__pack){NULL, 0};
}

int cocos__pack_is(const cocos__pack *pack, const cocos__span *runs, size_t n)
{
    const uint8_t *p = pack->data;

    if (!p || packed_size(runs, n) != pack->len)
        return 0;
    for (size_t i = 0; i < n; i++) {
        size_t left = pack->len - (size_t)(p - pack->data);
        size_t need = sizeof runs[i].len + runs[i].len;
        /* Runs of the same total may be cut elsewhere: a length that differs ends it in time. */
        if (need > left || memcmp(p, &runs[i].len, sizeof runs[i].len) != 0)
            return 0;
        p += sizeof runs[i].len;
        if (runs[i].len > 0 && memcmp(p, runs[i].data, runs[i].len) != 0)
            return 0;
        p += runs[i].len;
    }
    return 1;
}
