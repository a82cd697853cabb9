/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/h2_watch.h"

#include <string.h>

#define PREFACE_LEN  24
#define HEADERS      1 /* RFC 9113 sections 6.2, 6.6, 6.10 */
#define PUSH_PROMISE 5
#define CONTINUATION 9

void cocos__h2_watch_init(cocos__h2_watch *w, size_t max_block, int from_client)
{
    *w = (cocos__h2_watch){.max_block = max_block, .skip = from_client ? PREFACE_LEN : 0};
}

/* A whole frame head. Its payload counts before it comes. */
static int take_head(cocos__h2_watch *w)
{
    size_t len = (size_t)w->head[0] << 16 | (size_t)w->head[1] << 8 | w->head[2];
    uint8_t type = w->head[3];

    w->n_head = 0;
    w->skip = len;
    if (type == HEADERS || type == PUSH_PROMISE)
        w->block = 0;
    else if (type != CONTINUATION)
        return 1;
    w->block += len + sizeof w->head; /* so that empty frames have an end too */
    return w->block <= w->max_block;
}

int cocos__h2_watch_feed(cocos__h2_watch *w, const uint8_t *data, size_t len)
{
    while (w->max_block > 0 && len > 0) {
        size_t want = w->skip > 0 ? w->skip : sizeof w->head - w->n_head;
        size_t n = want < len ? want : len;

        if (w->skip > 0) {
            w->skip -= n;
        } else {
            memcpy(w->head + w->n_head, data, n);
            w->n_head += n;
            if (w->n_head == sizeof w->head && !take_head(w))
                return 0;
        }
        data += n;
        len -= n;
    }
    return 1;
}
