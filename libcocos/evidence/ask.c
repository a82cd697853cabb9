/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "evidence/provider.h"

cocos__buf *cocos__ask_part(cocos__ask *ask, const char *media_type, size_t limit)
{
    assert(ask->n < COCOS__ASK_PARTS);
    ask->part[ask->n].media_type = media_type;
    cocos__buf_init(&ask->part[ask->n].data, limit);
    return &ask->part[ask->n++].data;
}

void cocos__ask_done(cocos__ask *ask)
{
    for (size_t i = 0; i < ask->n; i++)
        cocos__buf_done(&ask->part[i].data);
    ask->n = 0;
}

int cocos__ask_goes_on(const cocos__ask *ask, cocos_error **err)
{
    if (ask->abandoned && atomic_load(ask->abandoned))
        return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled", "nobody waits for this evidence");
    if (ask->deadline_ns && cocos__deadline_left_ns(ask->deadline_ns) == 0)
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "evidence.timeout",
                           "there was no time left for the next step of making evidence");
    return COCOS_OK;
}

int cocos__ask_pause(const cocos__ask *ask, int64_t ns, cocos_error **err)
{
    struct timespec t = {ns / COCOS__NS_PER_S, ns % COCOS__NS_PER_S};

    if (cocos__deadline_left_ns(ask->deadline_ns) <= ns)
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "evidence.timeout",
                           "the device was busy until there was no time left");
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
    return cocos__ask_goes_on(ask, err);
}
