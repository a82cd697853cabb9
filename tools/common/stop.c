/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C: the first one cancels what runs, so that it ends cleanly; the second ends the process. */
#include "tool.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static void *wait_for_signals(void *user)
{
    tool *t = user;
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    while (sigwait(&set, &number) != 0) {
    }
    cocos_cancel_trigger(t->cancel);
    while (sigwait(&set, &number) != 0) {
    }
    _exit(cocos_status_exit_code(COCOS_ERR_CANCELLED));
}

int tool_stop_start(tool *t)
{
    sigset_t set;
    pthread_t thread;

    if (t->cancel)
        return 0;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    t->cancel = cocos_cancel_new();
    if (!t->cancel || pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
        pthread_create(&thread, NULL, wait_for_signals, t) != 0)
        return tool_fail(t, COCOS_ERR_MEMORY, "memory", "no memory for a thread");

    pthread_detach(thread);
    return 0;
}
