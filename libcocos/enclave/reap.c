/* SPDX-License-Identifier: Apache-2.0 */
/* The slow part of ends that nobody asked for: crashes, deadlines, guests that stand still. */
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"
#include "enclave/local.h"

static cocos__record *next_work(cocos__local *l)
{
    for (cocos__record *r = l->records; r; r = r->next)
        if (!r->taken && (r->reap || r->paused))
            return r;
    return NULL;
}

/* Who never asks for his crashed enclaves must not fill the memory with them. */
static void forget_oldest_crashed(cocos__local *l)
{
    cocos__record *oldest = NULL;
    size_t n = 0;

    for (cocos__record *r = l->records; r; r = r->next) {
        if (r->state != COCOS__CRASHED || !r->released || r->taken)
            continue;
        n++;
        if (!oldest || r->since_ns < oldest->since_ns)
            oldest = r;
    }
    if (n > COCOS__CRASHED_KEPT) {
        char path[300];
        snprintf(path, sizeof path, "%s/console/%s.log", l->config.state_dir, oldest->id);
        (void)cocos__remove_tree(path, 0, NULL);
        cocos__record_remove(l, oldest);
    }
}

static void ask_paused(cocos__local *l, cocos__record *r)
{
    char why[64];
    char reason[128];

    r->paused = 0;
    r->refs++;
    pthread_mutex_unlock(&l->lock);
    int broken = l->ops->broken(l->vmm, r->id, why);
    int exists = broken || l->ops->exists(l->vmm, r->id);
    pthread_mutex_lock(&l->lock);
    if (!exists && !r->gone) { /* it ended while it was being adopted */
        r->gone = 1;
        snprintf(r->gone_text, sizeof r->gone_text, "QEMU ended");
        cocos__local_wake(l);
    }
    if (broken && !r->taken && !r->reap && !r->gone) {
        snprintf(reason, sizeof reason, "the guest cannot go on: QEMU says %s", why);
        cocos__record_state(l, r, COCOS__CRASHED, reason);
        r->reap = 1;
    }
    cocos__record_unref(r);
}

static void log_incomplete(const cocos__record *r, cocos__json_out *rows)
{
    COCOS__CLEANUP(cocos__freep) char *text = NULL;

    if (rows)
        (void)cocos__host_record_finish(rows, 0, &text, NULL);
    cocos__log_fields(COCOS_LOG_ERROR, "enclave", "not everything could be removed", "id", r->id,
                      "record", text, NULL);
}

static void reap(cocos__local *l, cocos__record *r)
{
    int crashed = r->state == COCOS__CRASHED;
    int complete = 0;
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *rows = NULL;

    r->taken = 1;
    r->reap = 0;
    r->refs++;
    pthread_mutex_unlock(&l->lock);
    (void)cocos__host_record_new(r, &rows,
                                 NULL); /* without memory for it only the log line is poorer */
    cocos__release(l, r, crashed, rows, &complete);
    if (!complete)
        log_incomplete(r, rows);
    pthread_mutex_lock(&l->lock);
    r->released = 1;
    r->taken = 0;
    if (!crashed) {
        cocos__record_state(l, r, COCOS__DESTROYED, "the deadline passed");
        cocos__record_remove(l, r);
    }
    forget_oldest_crashed(l);
    pthread_cond_broadcast(&l->changed);
    cocos__record_unref(r);
}

static void *run_reaper(void *user)
{
    cocos__local *l = user;

    pthread_mutex_lock(&l->lock);
    while (!l->closing) {
        cocos__record *r = next_work(l);
        if (!r)
            pthread_cond_wait(&l->changed, &l->lock);
        else if (r->reap)
            reap(l, r);
        else
            ask_paused(l, r);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

int cocos__reaper_start(cocos__local *l, cocos_error **err)
{
    return cocos__thread_start(&l->reaper, "cocos-reap", run_reaper, l, err);
}
