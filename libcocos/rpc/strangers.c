/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of clients that nobody knows yet. Each of them costs a thread and up to a message of
 * memory, and opening one costs its client nothing; so their number has a limit of its own, at
 * which the oldest gives way: who works is known within a round trip, who is silent cannot keep
 * others out.
 */
#include "base/thread.h"
#include "rpc/server.h"

static void unlink_call(cocos__rpc_server *s, cocos__rpc_call *c)
{
    *(c->older ? &c->older->newer : &s->oldest_stranger) = c->newer;
    *(c->newer ? &c->newer->older : &s->newest_stranger) = c->older;
    c->older = c->newer = NULL;
    c->is_stranger = 0;
    s->strangers--;
}

cocos__rpc_call *cocos__rpc_stranger_add(cocos__rpc_server *s, cocos__rpc_call *c)
{
    cocos__rpc_call *victim = NULL;

    if (s->o.max_strangers == 0)
        return NULL;
    if (s->strangers >= s->o.max_strangers) {
        victim = s->oldest_stranger;
        unlink_call(s, victim);
        cocos__rpc_call_hold(victim);
    }
    c->is_stranger = 1;
    c->older = s->newest_stranger;
    *(c->older ? &c->older->newer : &s->oldest_stranger) = c;
    s->newest_stranger = c;
    s->strangers++;
    return victim;
}

void cocos__rpc_stranger_remove(cocos__rpc_server *s, cocos__rpc_call *c)
{
    if (c->is_stranger)
        unlink_call(s, c);
}

void cocos__rpc_call_known(const cocos__rpc_call *call)
{
    cocos__rpc_server *s = call->owner;
    COCOS__LOCKED(&s->lock);

    cocos__rpc_stranger_remove(s, (cocos__rpc_call *)(uintptr_t)call);
}
