/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <signal.h>
#include <time.h>

#define STACK_SIZE                                                                                 \
    (256 * 1024) /* our threads keep buffers on the heap; gRPC calls need about 64 KiB */

void cocos__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

int cocos__thread_start(
    pthread_t *t, const char *name, void *(*fn)(void *), void *user, cocos_error **err)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t old;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int e = pthread_create(t, &attr, fn, user);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (e != 0)
        return cocos__fail_errno(err, e, "thread.start", "cannot start thread %s", name);
    pthread_setname_np(*t, name); /* at most 15 bytes, else ignored */
    return COCOS_OK;
}
