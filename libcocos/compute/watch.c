/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: the events of a computation as they happen. */
#include "cocos/v1/agent.pb-c.h"
#include "compute/client.h"

/* Events until the stream ends; *stopped when the callback wanted no more. */
static int
follow(cocos__rpc_call *call, cocos_agent_event_fn fn, void *user, int *stopped, cocos_error **err)
{
    for (;;) {
        COCOS__CLEANUP(cocos__pb_freep) ProtobufCMessage *message = NULL;
        int r = cocos__rpc_recv_pb(call, &cocos__v1__watch_event__descriptor, &message, err);

        if (r < 0 || !message)
            return r;
        const Cocos__V1__WatchEvent *e = (const Cocos__V1__WatchEvent *)message;

        *stopped = fn(user, e->sequence, e->time_ns, e->state, e->what, e->bytes, e->ok != 0,
                      e->lost) != 0;
        if (*stopped)
            return COCOS_OK;
    }
}

int cocos_agent_watch(cocos_agent_conn *c,
                      const cocos_key *key,
                      uint64_t since,
                      cocos_agent_event_fn fn,
                      void *user,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__rpc_call_freep) cocos__rpc_call *call = NULL;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *stream_error = NULL;
    Cocos__V1__WatchRequest request = COCOS__V1__WATCH_REQUEST__INIT;
    const cocos__request what = {.method = COCOS__AGENT_WATCH, .role = "observer"};
    int stopped = 0;

    if (!c || !key || !fn || !cocos_key_is_private(key))
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null",
                           "connection, private key or callback is missing");
    int r = cocos__client_need_manifest(c, deadline_ns, cancel, err);
    if (r < 0)
        return r;

    request.since = since;
    r = cocos__client_ask(c, key, &what, &request.base, deadline_ns, cancel, &call, err);
    if (r < 0)
        return r;

    r = follow(call, fn, user, &stopped, &stream_error);
    if (stopped)
        return COCOS_OK;
    int verdict = cocos__rpc_finish(call, err);
    if (verdict == COCOS_OK && r < 0)
        return cocos__fail_cause(err, 0, "agent.answer", COCOS__STEAL(stream_error),
                                 "an event could not be read");
    return verdict;
}
