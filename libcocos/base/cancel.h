/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_CANCEL_H
#define COCOS_BASE_CANCEL_H

#include <cocos/common.h>

#include "base/cleanup.h"

COCOS__DEFINE_FREEP(cocos__cancel_freep, cocos_cancel *, cocos_cancel_free)

/* A descriptor that polls readable once triggered; -1 for NULL. Borrowed. */
int cocos__cancel_fd(const cocos_cancel *cancel);

/*
 * Call fn(user) when triggered, from the triggering thread and under the switch's lock: fn must be
 * short and must not touch the switch. Called at once when already triggered. The hook is the
 * caller's memory and stays linked until removed; cocos__cancel_unhook() waits for a running fn.
 * Both accept cancel == NULL and then do nothing.
 */
typedef struct cocos__cancel_hook {
    void (*fn)(void *user);
    void *user;
    struct cocos__cancel_hook *next;
} cocos__cancel_hook;

void cocos__cancel_hook_add(cocos_cancel *cancel, cocos__cancel_hook *hook);
void cocos__cancel_unhook(cocos_cancel *cancel, cocos__cancel_hook *hook);

#endif
