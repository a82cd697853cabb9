/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cancel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct cocos_cancel {
    atomic_int triggered;
    int fd;
    pthread_mutex_t lock; /* guards hooks */
    cocos__cancel_hook *hooks;
};

cocos_cancel *cocos_cancel_new(void)
{
    cocos_cancel *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;

    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->fd < 0) {
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void cocos_cancel_trigger(cocos_cancel *cancel)
{
    if (!cancel)
        return;

    pthread_mutex_lock(&cancel->lock);
    if (!atomic_exchange(&cancel->triggered, 1)) {
        uint64_t one = 1;
        while (write(cancel->fd, &one, sizeof one) < 0)
            break; /* the counter cannot be full: it is written once */
        for (cocos__cancel_hook *h = cancel->hooks; h; h = h->next)
            h->fn(h->user);
    }
    pthread_mutex_unlock(&cancel->lock);
}

int cocos_cancel_triggered(const cocos_cancel *cancel)
{
    return cancel ? atomic_load(&cancel->triggered) : 0;
}

int cocos__cancel_fd(const cocos_cancel *cancel)
{
    return cancel ? cancel->fd : -1;
}

void cocos__cancel_hook_add(cocos_cancel *cancel, cocos__cancel_hook *hook)
{
    if (!cancel)
        return;

    pthread_mutex_lock(&cancel->lock);
    hook->next = cancel->hooks;
    cancel->hooks = hook;
    if (atomic_load(&cancel->triggered))
        hook->fn(hook->user);
    pthread_mutex_unlock(&cancel->lock);
}

void cocos__cancel_unhook(cocos_cancel *cancel, cocos__cancel_hook *hook)
{
    if (!cancel)
        return;

    pthread_mutex_lock(&cancel->lock);
    for (cocos__cancel_hook **p = &cancel->hooks; *p; p = &(*p)->next) {
        if (*p == hook) {
            *p = hook->next;
            break;
        }
    }
    pthread_mutex_unlock(&cancel->lock);
}

void cocos_cancel_free(cocos_cancel *cancel)
{
    if (!cancel)
        return;
    close(cancel->fd);
    pthread_mutex_destroy(&cancel->lock);
    free(cancel);
}
