/* SPDX-License-Identifier: Apache-2.0 */
/* This machine as a host: opening, closing, and the calls that only read. */
#include "enclave/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "enclave/values.h"

#define FOLLOW_TICK_NS (500 * COCOS__NS_PER_MS)

static int copy_options(const cocos_host_options *o, cocos_host_options **ret, cocos_error **err)
{
    int e = cocos_host_options_new(ret, err);

    for (int i = 0; e == COCOS_OK && o && i < COCOS__OPT_COUNT; i++) {
        if (!o->values[i])
            continue;
        (*ret)->values[i] = strdup(o->values[i]);
        if (!(*ret)->values[i])
            e = cocos__fail_memory(err);
    }
    return e;
}

/* One process a state directory: libvirt's embedded driver and the sweep both rely on it. */
static int lock_state(cocos__local *l, cocos_error **err)
{
    char path[300];

    snprintf(path, sizeof path, "%s/lock", l->config.state_dir);
    l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->lock_fd < 0)
        return cocos__fail_errno(err, errno, "io.create", "cannot make %s", path);
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return cocos__fail(err, COCOS_ERR_BUSY, "enclave.lock",
                           "state directory %s is in use by another process", l->config.state_dir);
    return COCOS_OK;
}

/* Tells our domains from those of other managers under the same libvirt. */
static int load_instance(cocos__local *l, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b = {0};
    char path[300];

    cocos__buf_init(&b, 8192);
    snprintf(path, sizeof path, "%s/instance", l->config.state_dir);
    if (cocos__read_file(path, 64, &b, NULL) == COCOS_OK && b.len == 36) {
        snprintf(l->instance, sizeof l->instance, "%s", cocos__buf_cstr(&b));
        if (cocos__value_is_uuid(l->instance))
            return COCOS_OK;
    }
    cocos__value_uuid(l->instance);
    return cocos__write_file(path, l->instance, 36, 0600, err);
}

static int open_vmm(cocos__local *l, cocos_error **err)
{
    const cocos__vmm_config config = {l->config.uri, l->config.root, l->instance,
                                      cocos__on_vmm_event, l};

    int e = cocos__vmm_ops_get(&l->ops, err);
    return e < 0 ? e : l->ops->open(&config, &l->vmm, err);
}

static int start_threads(cocos__local *l, cocos_error **err)
{
    int e = cocos__supervisor_start(l, err);
    if (e < 0)
        return e;
    l->threads |= 1;
    e = cocos__reaper_start(l, err);
    if (e < 0)
        return e;
    l->threads |= 2;
    return COCOS_OK;
}

static void local_close(cocos_host *h)
{
    cocos__local *l = (cocos__local *)h;

    pthread_mutex_lock(&l->lock);
    l->closing = 1;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    if (l->wake_fd >= 0)
        cocos__local_wake(l);
    if (l->threads & 1)
        pthread_join(l->supervisor, NULL);
    if (l->threads & 2)
        pthread_join(l->reaper, NULL);
    if (l->vmm)
        l->ops->close(l->vmm); /* no event any more */
    while (l->records) {
        cocos__prober_stop(l, l->records);
        cocos__record_remove(l, l->records);
    }
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    cocos_host_options_free(l->options);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l->events);
    free(l);
}

static int unknown(const char *id, cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_NOT_FOUND, "enclave.unknown", "there is no enclave %.36s",
                       id);
}

static int local_get(cocos_host *h,
                     const cocos__call *call,
                     const char *id,
                     cocos_enclave_info **ret,
                     cocos_error **err)
{
    cocos__local *l = (cocos__local *)h;

    COCOS__LOCKED(&l->lock);
    const cocos__record *r = cocos__record_find(l, id);
    if (!r || !cocos__record_visible(r, &call->who))
        return unknown(id, err);
    cocos_enclave_info *info = cocos__record_info(l, r);
    if (!info)
        return cocos__fail_memory(err);
    *ret = info;
    return COCOS_OK;
}

static int
local_list(cocos_host *h, const cocos__call *call, cocos_enclave_list **ret, cocos_error **err)
{
    cocos__local *l = (cocos__local *)h;
    COCOS__CLEANUP(cocos__list_freep) cocos_enclave_list *list = calloc(1, sizeof *list);
    size_t n = 0;

    COCOS__LOCKED(&l->lock);
    for (const cocos__record *r = l->records; r; r = r->next)
        n++;
    if (list)
        list->items = calloc(n ? n : 1, sizeof *list->items);
    if (!list || !list->items)
        return cocos__fail_memory(err);
    for (const cocos__record *r = l->records; r; r = r->next) {
        if (!cocos__record_visible(r, &call->who))
            continue;
        list->items[list->count] = cocos__record_info(l, r);
        if (!list->items[list->count])
            return cocos__fail_memory(err);
        list->count++;
    }
    *ret = COCOS__STEAL(list);
    return COCOS_OK;
}

static void on_cancel(void *user)
{
    cocos__local *l = user;

    COCOS__LOCKED(&l->lock);
    pthread_cond_broadcast(&l->changed);
}

/* Until something changes, the tick, the deadline or the switch. Under the lock. */
static int wait_change(cocos__local *l, const cocos__call *call, int64_t tick_ns, cocos_error **err)
{
    int64_t until = cocos__deadline_min(call->deadline_ns, cocos_deadline_in(tick_ns));
    struct timespec t = cocos__deadline_timespec(until);

    if (!cocos_cancel_triggered(call->cancel))
        pthread_cond_timedwait(&l->changed, &l->lock, &t);
    if (cocos_cancel_triggered(call->cancel))
        return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled", "the call was cancelled");
    if (cocos__deadline_left_ns(call->deadline_ns) == 0)
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "enclave.timeout", "the deadline passed");
    if (l->closing)
        return cocos__fail(err, COCOS_ERR_ABORTED, "enclave.closing", "the host is being closed");
    return COCOS_OK;
}

static int next_event(cocos__local *l,
                      const cocos__call *call,
                      const char *id,
                      uint64_t since,
                      cocos__event *e,
                      uint64_t *lost,
                      cocos_error **err)
{
    COCOS__LOCKED(&l->lock);
    while (!cocos__events_next(l, &call->who, id, since, e, lost)) {
        int r = wait_change(l, call, 60 * COCOS__NS_PER_S, err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}

static int local_watch(cocos_host *h,
                       const cocos__call *call,
                       const char *id,
                       uint64_t since,
                       cocos__event_fn fn,
                       void *user,
                       cocos_error **err)
{
    cocos__local *l = (cocos__local *)h;
    cocos__cancel_hook hook = {on_cancel, l, NULL};
    cocos__event *e = malloc(sizeof *e);
    uint64_t lost;
    int r = e ? COCOS_OK : cocos__fail_memory(err);

    cocos__cancel_hook_add(call->cancel, &hook);
    while (r == COCOS_OK) {
        r = next_event(l, call, id, since, e, &lost, err);
        if (r < 0)
            break;
        since = e->sequence;
        if (fn(user, e, lost) != 0)
            break;
    }
    cocos__cancel_unhook(call->cancel, &hook);
    free(e);
    return r;
}

static int has_ended(const cocos__record *r)
{
    return r == NULL || r->state == COCOS__CRASHED || r->state == COCOS__DESTROYED ||
           r->state == COCOS__STOPPING;
}

static int
open_console(cocos__local *l, const cocos__call *call, const char *id, int *file, cocos_error **err)
{
    char path[300];

    COCOS__LOCKED(&l->lock);
    const cocos__record *r = cocos__record_find(l, id);
    if (!r || !cocos__record_visible(r, &call->who))
        return unknown(id, err);
    snprintf(path, sizeof path, "%s/console/%s.log", l->config.state_dir, r->id);
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*file < 0)
        return cocos__fail(err, COCOS_ERR_STATE, "enclave.console", "enclave %s has no console yet",
                           id);
    return COCOS_OK;
}

struct reading {
    int file;
    uint64_t offset;
    cocos_enclave_console_fn fn;
    void *user;
};

/* Hands out all that is there. 1: the callback wants no more. */
static int drain(struct reading *c, int *stop, cocos_error **err)
{
    uint8_t buf[4096];
    char note[80];

    for (*stop = 0; !*stop;) {
        size_t n;
        uint64_t lost;
        int r = cocos__console_read(c->file, &c->offset, buf, sizeof buf, &n, &lost, err);
        if (r < 0)
            return r;
        if (lost) {
            int k = snprintf(note, sizeof note, "\n[%llu bytes were not kept]\n",
                             (unsigned long long)lost);
            *stop = c->fn(c->user, (const uint8_t *)note, (size_t)k) != 0;
        }
        if (n == 0)
            return COCOS_OK;
        *stop |= c->fn(c->user, buf, n) != 0;
    }
    return COCOS_OK;
}

static int local_console(cocos_host *h,
                         const cocos__call *call,
                         const char *id,
                         int follow,
                         cocos_enclave_console_fn fn,
                         void *user,
                         cocos_error **err)
{
    cocos__local *l = (cocos__local *)h;
    cocos__cancel_hook hook = {on_cancel, l, NULL};
    struct reading c = {-1, 0, fn, user};
    int stop = 0;

    int r = open_console(l, call, id, &c.file, err);
    if (r < 0)
        return r;
    cocos__cancel_hook_add(call->cancel, &hook);
    for (int ended = !follow; r == COCOS_OK && !stop;) {
        r = drain(&c, &stop, err);
        if (ended || r < 0)
            break;
        COCOS__LOCKED(&l->lock);
        ended = has_ended(cocos__record_find(l, id));
        if (!ended)
            r = wait_change(l, call, FOLLOW_TICK_NS, err);
    }
    cocos__cancel_unhook(call->cancel, &hook);
    close(c.file);
    return r;
}

static const cocos__host_ops local_ops = {
    .create = cocos__local_create,
    .get = local_get,
    .list = local_list,
    .watch = local_watch,
    .console = local_console,
    .destroy = cocos__local_destroy,
    .close = local_close,
};

static int init(cocos__local *l, const cocos_host_options *o, cocos_error **err)
{
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0)
        return cocos__fail_errno(err, errno, "enclave.open", "cannot make an event descriptor");
    l->events = calloc(COCOS__EVENTS_KEPT, sizeof *l->events);
    if (!l->events)
        return cocos__fail_memory(err);
    return copy_options(o, &l->options, err);
}

int cocos__local_open(const cocos_host_options *o,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      cocos_host **ret,
                      cocos_error **err)
{
    (void)deadline_ns; /* libvirt's open cannot be interrupted; it takes 9 s at worst, the first
                          time */
    (void)cancel;
    cocos__local *l = calloc(1, sizeof *l);
    if (!l)
        return cocos__fail_memory(err);
    l->base.ops = &local_ops;
    l->lock_fd = l->wake_fd = -1;
    l->next_sequence = 1;
    pthread_mutex_init(&l->lock, NULL);
    cocos__cond_init(&l->changed);

    int r = init(l, o, err);
    if (r == COCOS_OK)
        r = cocos__local_configure(l, l->options, err);
    if (r == COCOS_OK)
        r = lock_state(l, err);
    if (r == COCOS_OK)
        r = load_instance(l, err);
    if (r == COCOS_OK)
        r = open_vmm(l, err);
    if (r == COCOS_OK)
        r = cocos__adopt(l, err);
    if (r == COCOS_OK)
        r = start_threads(l, err);
    if (r < 0) {
        local_close(&l->base);
        return r;
    }
    *ret = &l->base;
    return COCOS_OK;
}

void cocos__host_stats_get(cocos_host *h, cocos__host_stats *ret)
{
    cocos__local *l = (cocos__local *)h;

    memset(ret, 0, sizeof *ret);
    if (h->ops != &local_ops)
        return;
    ret->alive = l->ops->alive(l->vmm);
    COCOS__LOCKED(&l->lock);
    for (const cocos__record *r = l->records; r; r = r->next)
        ret->by_state[r->state]++;
}
