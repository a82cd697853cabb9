/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/chunks.h"

#include <string.h>

void cocos__chunks_init(cocos__chunks *c)
{
    memset(c, 0, sizeof *c);
    cocos__buf_init(&c->data, COCOS__CHUNKS_MAX);
}

void cocos__chunks_done(cocos__chunks *c)
{
    cocos__buf_done(&c->data);
}

void cocos__chunks_reset(cocos__chunks *c)
{
    cocos__buf_done(&c->data);
    cocos__chunks_init(c);
}

int cocos__chunks_abandoned(const cocos__chunks *c, const char *id, int64_t now_ns)
{
    return c->open && (now_ns >= c->expires_ns || (id && strcmp(id, c->id) != 0));
}

static int fail_size(cocos__chunks *c, cocos_error **err)
{
    cocos__chunks_reset(c);
    return cocos__fail(err, COCOS_ERR_EXHAUSTED, "manifest.size",
                       "the request has more than %u bytes", COCOS__CHUNKS_MAX);
}

int cocos__chunks_add(cocos__chunks *c,
                      const char *id,
                      cocos__span data,
                      int is_last,
                      int64_t now_ns,
                      cocos_error **err)
{
    size_t len = strlen(id);

    if (len == 0 || len > COCOS__CHUNKS_ID_MAX)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manifest.id",
                           "a piece has an id of %zu bytes, not 1 to %d", len,
                           COCOS__CHUNKS_ID_MAX);
    if (!c->open) {
        cocos__chunks_reset(c);
        memcpy(c->id, id, len + 1);
        c->open = 1;
    }
    c->expires_ns = now_ns + COCOS__CHUNKS_IDLE_NS;
    if (data.len > 0 && !c->overflow)
        cocos__buf_add(&c->data, data.data, data.len);
    if (c->data.failed && !c->overflow) {
        cocos__buf_done(&c->data);
        c->overflow = 1;
    }
    if (!is_last)
        return 0;
    return c->overflow ? fail_size(c, err) : 1;
}
