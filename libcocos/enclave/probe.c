/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readiness: slirp accepts connections seconds before the guest listens, so only the agent's own
 * TLS answer counts. It also shows the agent's key, as far as a host can vouch for it.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "enclave/local.h"
#include "transport/tls.h"

#define TRY_EVERY_NS   (250 * COCOS__NS_PER_MS)
#define TRY_TIMEOUT_NS (3 * COCOS__NS_PER_S)
#define WATCH_EVERY_NS (10 * COCOS__NS_PER_S)
#define MISSES_ALLOWED 2

struct probing {
    cocos__local *l;
    cocos__record *r;
};

static int probe_once(const cocos__record *r, uint8_t pin[32])
{
    char port[8];
    const char *host = strcmp(r->bind, "0.0.0.0") == 0 ? "127.0.0.1" : r->bind;

    snprintf(port, sizeof port, "%u", (unsigned)r->port);
    return cocos__tls_probe(host, port, cocos_deadline_in(TRY_TIMEOUT_NS), r->probe_cancel, pin,
                            NULL) == COCOS_OK;
}

/* 1: slept; 0: cancelled. */
static int sleep_until(cocos__local *l, cocos__record *r, int64_t when_ns)
{
    struct timespec t = cocos__deadline_timespec(when_ns);

    COCOS__LOCKED(&l->lock);
    while (!cocos_cancel_triggered(r->probe_cancel) && cocos__clock_mono_ns() < when_ns)
        pthread_cond_timedwait(&l->changed, &l->lock, &t);
    return !cocos_cancel_triggered(r->probe_cancel);
}

static int in_operation(const cocos__record *r)
{
    return (r->state == COCOS__BOOTING || r->state == COCOS__READY ||
            r->state == COCOS__DEGRADED) &&
           !r->gone && !r->reap && !r->taken;
}

static void note_answer(cocos__local *l, cocos__record *r, const uint8_t pin[32])
{
    cocos__tags tags;
    int fresh;

    {
        COCOS__LOCKED(&l->lock);
        if (!in_operation(r))
            return;
        fresh = !r->has_pin || memcmp(r->pin, pin, 32) != 0;
        memcpy(r->pin, pin, 32);
        r->has_pin = 1;
        if (r->state != COCOS__READY)
            cocos__record_state(l, r, COCOS__READY, "the agent answers");
        if (fresh)
            cocos__tags_fill(l, r, 1, &tags);
    }
    if (fresh)
        (void)l->ops->annotate(l->vmm, r->id, tags.pairs, tags.n, NULL);
}

static void note_silence(cocos__local *l, cocos__record *r, int misses, int64_t boot_end_ns)
{
    COCOS__LOCKED(&l->lock);
    if (!in_operation(r))
        return;
    if (r->state == COCOS__READY && misses > MISSES_ALLOWED)
        cocos__record_state(l, r, COCOS__DEGRADED, "the agent does not answer any more");
    else if (r->state == COCOS__BOOTING && boot_end_ns != 0 && cocos__clock_mono_ns() > boot_end_ns)
        cocos__record_state(l, r, COCOS__DEGRADED, "the agent did not answer within boot_timeout");
}

static void *run_prober(void *user)
{
    struct probing p = *(struct probing *)user;
    int64_t boot_end =
        p.l->config.boot_timeout_ns ? cocos__clock_mono_ns() + p.l->config.boot_timeout_ns : 0;
    uint8_t pin[32];
    int misses = 0;
    int64_t next;

    free(user);
    do {
        int64_t start = cocos__clock_mono_ns();
        int answered = probe_once(p.r, pin);
        misses = answered ? 0 : misses + 1;
        if (answered)
            note_answer(p.l, p.r, pin);
        else
            note_silence(p.l, p.r, misses, boot_end);
        next = start + (answered ? WATCH_EVERY_NS : TRY_EVERY_NS);
    } while (sleep_until(p.l, p.r, next));
    return NULL;
}

int cocos__prober_start(cocos__local *l, cocos__record *r, cocos_error **err)
{
    struct probing *p = malloc(sizeof *p);

    if (!p)
        return cocos__fail_memory(err);
    *p = (struct probing){l, r};
    int e = cocos__thread_start(&r->prober, "cocos-probe", run_prober, p, err);
    if (e < 0)
        free(p);
    else
        r->probing = 1;
    return e;
}

/* Ends the thread and waits for it. */
void cocos__prober_stop(cocos__local *l, cocos__record *r)
{
    cocos_cancel_trigger(r->probe_cancel);
    pthread_mutex_lock(&l->lock);
    pthread_cond_broadcast(&l->changed);
    int probing = r->probing;
    r->probing = 0;
    pthread_mutex_unlock(&l->lock);
    if (probing)
        pthread_join(r->prober, NULL);
}
