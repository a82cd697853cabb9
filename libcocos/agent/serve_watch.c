/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: the events of one computation as they happen, until it is stopped. */
#include "agent/serve.h"
#include "base/thread.h"

static void wake(void *user)
{
    cocos_agent_service *s = user;

    COCOS__LOCKED(&s->lock);
    pthread_cond_broadcast(&s->changed);
}

/* 1: an event; 0: there will be none any more. */
static int next_event(cocos_agent_service *s,
                      const cocos__computation *c,
                      const cocos__rpc_call *call,
                      uint64_t since,
                      cocos__watch_event *e,
                      uint64_t *lost)
{
    COCOS__LOCKED(&s->lock);

    while (!cocos__ring_after(&c->ring, since, e, lost)) {
        if (c->stopped || s->quitting || cocos__rpc_call_gone(call))
            return 0;
        pthread_cond_wait(&s->changed, &s->lock);
    }
    return 1;
}

static int
send_event(cocos__rpc_call *call, const cocos__watch_event *e, uint64_t lost, cocos_error **err)
{
    Cocos__V1__WatchEvent m = COCOS__V1__WATCH_EVENT__INIT;

    m.sequence = e->sequence;
    m.time_ns = e->time_ns;
    m.state = (char *)(uintptr_t)e->state;
    m.what = (char *)(uintptr_t)e->what;
    m.bytes = e->bytes;
    m.ok = e->ok;
    m.lost = lost;
    return cocos__rpc_send_pb(call, &m.base, err);
}

static int follow(cocos_agent_service *s,
                  cocos__rpc_call *call,
                  const cocos__computation *c,
                  uint64_t since,
                  cocos_error **err)
{
    cocos__watch_event e;
    uint64_t lost = 0;

    cocos__rpc_on_gone(call, wake, s);
    while (next_event(s, c, call, since, &e, &lost)) {
        int r = send_event(call, &e, lost, err);
        if (r < 0)
            return r;
        since = e.sequence;
    }
    return COCOS_OK;
}

int cocos__serve_watch(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos_agent_service *s = user;
    COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *bytes = NULL;
    COCOS__CLEANUP(cocos__unpacked_freep) ProtobufCMessage *m = NULL;
    COCOS__HOLD_CURRENT(held, s);

    int r = cocos__serve_request(call, &cocos__v1__watch_request__descriptor, &bytes, &m, err);
    if (r < 0)
        return r;
    if (!held.c)
        return cocos__serve_no_manifest(err);
    cocos__auth_want want = {.right = COCOS__RIGHT_PARTY, .message = cocos__rpc_msg_bytes(bytes)};
    r = cocos__auth_check(s, call, held.c, &want, NULL, err);
    if (r < 0)
        return r;
    return follow(s, call, held.c, ((const Cocos__V1__WatchRequest *)m)->since, err);
}
