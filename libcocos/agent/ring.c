/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ring.h"

#include <string.h>

void cocos__ring_init(cocos__ring *r, uint64_t first, uint64_t next)
{
    memset(r, 0, sizeof *r);
    r->first = first;
    r->next = next;
    r->kept = next;
}

void cocos__ring_push(cocos__ring *r, const cocos__watch_event *e)
{
    cocos__watch_event *slot = &r->events[r->next % COCOS__RING_LEN];

    *slot = *e;
    slot->sequence = r->next++;
    if (r->next - r->kept > COCOS__RING_LEN)
        r->kept = r->next - COCOS__RING_LEN;
}

int cocos__ring_after(const cocos__ring *r, uint64_t since, cocos__watch_event *e, uint64_t *lost)
{
    uint64_t wanted = since < r->first ? r->first : since + 1;
    uint64_t found = wanted < r->kept ? r->kept : wanted;

    if (since == UINT64_MAX || found >= r->next)
        return 0;
    *e = r->events[found % COCOS__RING_LEN];
    *lost = found - wanted;
    return 1;
}
