/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that reads all consoles and notices ends, panics and deadlines. It never waits for
 * anything else. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "enclave/local.h"

#define TICK_MS     500
#define WATCHED_MAX 1024
#define PANIC_GRACE COCOS__NS_PER_S /* for the rest of the kernel's last words */
#define PANIC_SIZE  160
#define TAIL_SIZE   600

void cocos__on_vmm_event(void *user, const char *id, enum cocos__vmm_event what, const char *detail)
{
    cocos__local *l = user;

    COCOS__LOCKED(&l->lock);
    cocos__record *r = cocos__record_find(l, id);
    if (!r)
        return;
    if (what == COCOS__VMM_GONE && !r->gone) {
        r->gone = 1;
        snprintf(r->gone_text, sizeof r->gone_text, "%s", detail);
    } else if (what == COCOS__VMM_PAUSED) {
        r->paused = 1;
    }
    pthread_cond_broadcast(&l->changed);
    cocos__local_wake(l);
}

/* A crash is told with the end of the console, where the guest said why. */
static void crash(cocos__local *l, cocos__record *r, const char *why)
{
    char panic[PANIC_SIZE] = "";
    char tail[TAIL_SIZE];
    char reason[COCOS__REASON_MAX];

    if (r->console.panicked)
        cocos__console_text(r->console.file, r->console.panic_at, panic, sizeof panic);
    cocos__console_tail(r->console.file, tail, sizeof tail);
    snprintf(reason, sizeof reason, "%s%s%.*s%s%s", why, panic[0] ? ": " : "",
             (int)strcspn(panic, "|"), panic, tail[0] ? "; console: " : "", tail);
    cocos__record_state(l, r, COCOS__CRASHED, reason);
    r->reap = 1;
}

static int is_running(const cocos__record *r)
{
    return (r->state == COCOS__BOOTING || r->state == COCOS__READY ||
            r->state == COCOS__DEGRADED) &&
           !r->taken && !r->reap;
}

static void check_end(cocos__local *l, cocos__record *r)
{
    if (!is_running(r))
        return;
    if (r->gone) {
        int panic = r->panic_seen;
        if (r->console.socket >= 0)
            (void)cocos__console_pump(&r->console, &panic);
        crash(l, r, panic ? "the guest's kernel panicked" : r->gone_text);
    } else if (r->panic_seen && cocos__clock_mono_ns() > r->panic_ns + PANIC_GRACE) {
        crash(l, r, "the guest's kernel panicked");
    } else if (r->deadline_boot_ns && cocos__clock_boot_ns() > r->deadline_boot_ns) {
        cocos__record_state(l, r, COCOS__STOPPING, "the deadline passed");
        r->reap = 1;
    }
}

static void let_go(cocos__local *l, cocos__record *r)
{
    if (r->console_on && r->console_stop) {
        int panic = 0;
        if (r->console.socket >= 0)
            (void)cocos__console_pump(&r->console, &panic);
        cocos__console_close(&r->console);
        r->console_on = 0;
        pthread_cond_broadcast(&l->changed);
    }
}

struct watched {
    struct pollfd fds[WATCHED_MAX];
    cocos__record *records[WATCHED_MAX]; /* referenced */
    size_t n;
};

static void collect(cocos__local *l, struct watched *w)
{
    w->n = 1;
    w->fds[0] = (struct pollfd){.fd = l->wake_fd, .events = POLLIN};
    for (cocos__record *r = l->records; r; r = r->next) {
        let_go(l, r);
        check_end(l, r);
        if (!r->console_on || r->console.socket < 0 || w->n == WATCHED_MAX)
            continue;
        r->refs++;
        w->records[w->n] = r;
        w->fds[w->n++] = (struct pollfd){.fd = r->console.socket, .events = POLLIN};
    }
}

/* Outside the lock: the console belongs to this thread while console_on is 1. */
static void read_consoles(struct watched *w)
{
    for (size_t i = 1; i < w->n; i++) {
        cocos__record *r = w->records[i];
        int panic = 0;
        if (!w->fds[i].revents)
            continue;
        if (!cocos__console_pump(&r->console, &panic)) {
            close(r->console.socket);
            r->console.socket = -1;
        }
        if (panic && !r->panic_seen) {
            r->panic_seen = 1;
            r->panic_ns = cocos__clock_mono_ns();
        }
    }
}

static void *run_supervisor(void *user)
{
    cocos__local *l = user;
    struct watched *w = calloc(1, sizeof *w);
    uint64_t drained;

    for (int closing = w == NULL; !closing;) {
        pthread_mutex_lock(&l->lock);
        collect(l, w);
        pthread_mutex_unlock(&l->lock);

        if (poll(w->fds, w->n, TICK_MS) > 0) {
            if (w->fds[0].revents)
                (void)!read(l->wake_fd, &drained, sizeof drained);
            read_consoles(w);
        }

        pthread_mutex_lock(&l->lock);
        for (size_t i = 1; i < w->n; i++) {
            /* Console readers that follow wait for this. */
            if (w->fds[i].revents)
                pthread_cond_broadcast(&l->changed);
            cocos__record_unref(w->records[i]);
        }
        closing = l->closing;
        pthread_mutex_unlock(&l->lock);
    }
    free(w);
    return NULL;
}

int cocos__supervisor_start(cocos__local *l, cocos_error **err)
{
    return cocos__thread_start(&l->supervisor, "cocos-watch", run_supervisor, l, err);
}
