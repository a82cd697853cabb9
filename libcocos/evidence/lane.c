/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/lane.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define CLOSE_NS (2 * COCOS__NS_PER_S) /* how long closing waits for a device */

/* Owned by the caller and, while it is queued or served, by the lane: `refs` counts the two. */
struct cocos__errand {
    cocos__lane *lane;
    cocos__ask ask;
    atomic_int abandoned;
    int refs;
    int done;
    int status;
    cocos_error *error;
    cocos_cancel *cancel;
    cocos__cancel_hook hook;
    cocos__errand *next;
};

struct cocos__lane {
    const cocos__provider *provider;
    cocos__evidence_config *config;
    int64_t device_ns;
    void *state; /* of the thread */
    uint8_t key[32];
    int has_key;

    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    cocos__errand *first;
    cocos__errand *last;
    cocos__errand *served;
    size_t n; /* queued and served */
    int64_t due_ns;
    int opened;
    int status; /* of opening */
    cocos_error *error;
    cocos__buf how;
    int closing;
    int ended;
    int refs; /* the attester and the thread */
};

void cocos__evidence_config_free(cocos__evidence_config *c)
{
    char *texts[] = {c->tcti,         c->tsm_dir, c->sev_guest, c->tdx_guest,
                     c->security_dir, c->ccel,    c->simulator};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(texts); i++)
        free(texts[i]);
    free(c);
}

static void lane_free(cocos__lane *l)
{
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->changed);
    cocos__buf_done(&l->how);
    cocos_error_free(l->error);
    cocos__evidence_config_free(l->config);
    free(l);
}

/* Gives back the lane's lock. */
static void lane_unref(cocos__lane *l)
{
    int left = --l->refs;

    pthread_mutex_unlock(&l->lock);
    if (left == 0)
        lane_free(l);
}

static void errand_free(cocos__errand *e)
{
    cocos__ask_done(&e->ask);
    cocos_error_free(e->error);
    free(e);
}

/* Under the lane's lock. */
static void errand_unref(cocos__errand *e)
{
    if (--e->refs == 0)
        errand_free(e);
}

/* ---- the device's thread ---- */

static void open_device(cocos__lane *l)
{
    cocos_error *error = NULL;
    cocos__buf how;

    cocos__buf_init(&how, 1024);
    int status = l->provider->open(l->config, &l->state, &how, &error);

    COCOS__LOCKED(&l->lock);
    const uint8_t *key = status == COCOS_OK && l->provider->key ? l->provider->key(l->state) : NULL;
    if (key) {
        memcpy(l->key, key, sizeof l->key);
        l->has_key = 1;
    }
    l->how = how;
    l->status = status;
    l->error = error;
    l->opened = 1;
    l->due_ns = 0;
    pthread_cond_broadcast(&l->changed);
}

/* The next errand, or NULL when the lane closes. Under the lock. */
static cocos__errand *next_errand(cocos__lane *l)
{
    while (!l->first && !l->closing)
        pthread_cond_wait(&l->changed, &l->lock);
    if (l->closing)
        return NULL;
    cocos__errand *e = l->first;
    l->first = e->next;
    if (!l->first)
        l->last = NULL;
    l->served = e;
    l->due_ns = cocos__clock_mono_ns() + l->device_ns;
    pthread_cond_broadcast(&l->changed);
    return e;
}

static void serve(cocos__lane *l, cocos__errand *e)
{
    cocos_error *error = NULL;

    int status = cocos__ask_goes_on(&e->ask, &error);
    if (status == COCOS_OK)
        status = e->ask.what ? l->provider->extend(l->state, &e->ask, &error)
                             : l->provider->collect(l->state, &e->ask, &error);

    COCOS__LOCKED(&l->lock);
    if (cocos__clock_mono_ns() > l->due_ns)
        cocos__log(COCOS_LOG_WARN, "evidence", "%s answers again", l->provider->name);
    e->status = status;
    e->error = error;
    e->done = 1;
    l->served = NULL;
    l->due_ns = 0;
    l->n--;
    errand_unref(e);
    pthread_cond_broadcast(&l->changed);
}

static void *lane_main(void *user)
{
    cocos__lane *l = user;

    open_device(l);
    for (;;) {
        pthread_mutex_lock(&l->lock);
        cocos__errand *e = l->status == COCOS_OK ? next_errand(l) : NULL;
        pthread_mutex_unlock(&l->lock);
        if (!e)
            break;
        serve(l, e);
    }
    if (l->state)
        l->provider->close(l->state);
    pthread_mutex_lock(&l->lock);
    l->ended = 1;
    pthread_cond_broadcast(&l->changed);
    lane_unref(l);
    return NULL;
}

/* ---- opening and closing ---- */

static int lane_start(cocos__lane *l, cocos_error **err)
{
    char name[16] = "cocos-";

    strncat(name, l->provider->name, sizeof name - 7);
    l->refs = 2;
    int r = cocos__thread_start(&l->thread, name, lane_main, l, err);
    if (r < 0)
        lane_free(l);
    return r;
}

/* Under the lock; 0 when it did not come true in time. */
static int wait_for(cocos__lane *l, const int *flag, int64_t ns)
{
    struct timespec until = cocos__deadline_timespec(cocos__clock_mono_ns() + ns);

    while (!*flag && pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0)
        ;
    return *flag;
}

int cocos__lane_open(const cocos__provider *provider,
                     cocos__evidence_config *config_take,
                     int64_t open_ns,
                     int64_t device_ns,
                     cocos__buf *how,
                     cocos__lane **ret,
                     cocos_error **err)
{
    cocos__lane *l = calloc(1, sizeof *l);

    if (!l) {
        cocos__evidence_config_free(config_take);
        return cocos__fail_memory(err);
    }
    l->provider = provider;
    l->config = config_take;
    l->device_ns = device_ns;
    pthread_mutex_init(&l->lock, NULL);
    cocos__cond_init(&l->changed);
    int r = lane_start(l, err);
    if (r < 0)
        return r;

    pthread_mutex_lock(&l->lock);
    if (!wait_for(l, &l->opened, open_ns))
        r = cocos__fail(err, COCOS_ERR_TIMEOUT, "evidence.timeout",
                        "%s did not answer within %.1f seconds", provider->name,
                        (double)open_ns / 1e9);
    else if (l->status < 0) {
        r = l->status;
        if (err)
            *err = COCOS__STEAL(l->error);
    }
    if (r == COCOS_OK && l->how.data)
        cocos__buf_add(how, l->how.data, l->how.len);
    pthread_mutex_unlock(&l->lock);
    if (r < 0)
        cocos__lane_close(l);
    else
        *ret = l;
    return r;
}

/* Nobody will serve these any more; their callers must be gone by now. Under the lock. */
static void drop_queue(cocos__lane *l)
{
    while (l->first) {
        cocos__errand *e = l->first;
        l->first = e->next;
        l->n--;
        errand_unref(e);
    }
    l->last = NULL;
}

void cocos__lane_close(cocos__lane *l)
{
    pthread_mutex_lock(&l->lock);
    l->closing = 1;
    drop_queue(l);
    pthread_cond_broadcast(&l->changed);
    int ended = wait_for(l, &l->ended, CLOSE_NS);
    pthread_t thread = l->thread;
    lane_unref(l);
    if (ended)
        pthread_join(thread, NULL);
    else
        pthread_detach(thread);
}

const cocos__provider *cocos__lane_provider(const cocos__lane *l)
{
    return l->provider;
}

const uint8_t *cocos__lane_key(const cocos__lane *l)
{
    return l->has_key ? l->key : NULL;
}

int cocos__lane_abandoned(cocos__lane *l)
{
    COCOS__LOCKED(&l->lock);
    return l->served && atomic_load(&l->served->abandoned);
}

/* ---- callers ---- */

/* Under the lock. */
static int check_overdue(const cocos__lane *l, cocos_error **err)
{
    int64_t now = cocos__clock_mono_ns();

    if (!l->due_ns || now < l->due_ns)
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_BUSY, "evidence.busy",
                       "%s has not answered an earlier request for %.1f seconds", l->provider->name,
                       (double)(now - l->due_ns + l->device_ns) / 1e9);
}

static void wake(void *user)
{
    cocos__lane *l = user;

    COCOS__LOCKED(&l->lock);
    pthread_cond_broadcast(&l->changed);
}

int cocos__lane_send(cocos__lane *l,
                     const cocos__ask *like,
                     int64_t deadline_ns,
                     cocos_cancel *cancel,
                     cocos__errand **ret,
                     cocos_error **err)
{
    cocos__errand *e = calloc(1, sizeof *e);

    if (!e)
        return cocos__fail_memory(err);
    e->lane = l;
    e->ask = *like;
    e->ask.deadline_ns = deadline_ns;
    e->ask.abandoned = &e->abandoned;
    e->ask.n = 0;
    e->refs = 2;
    e->cancel = cancel;
    e->hook = (cocos__cancel_hook){.fn = wake, .user = l};

    pthread_mutex_lock(&l->lock);
    int r = check_overdue(l, err);
    if (r == COCOS_OK && l->n >= COCOS__LANE_WAITING_MAX)
        r = cocos__fail(err, COCOS_ERR_BUSY, "evidence.busy", "%zu requests wait for %s already",
                        l->n, l->provider->name);
    if (r == COCOS_OK) {
        if (l->last)
            l->last->next = e;
        else
            l->first = e;
        l->last = e;
        l->n++;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    if (r < 0) {
        free(e);
        return r;
    }
    cocos__cancel_hook_add(cancel, &e->hook);
    *ret = e;
    return COCOS_OK;
}

/* OK while there is reason to wait on. Under the lock. */
static int check_wait(const cocos__errand *e, cocos_error **err)
{
    cocos__lane *l = e->lane;

    if (cocos_cancel_triggered(e->cancel))
        return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled", "the call was cancelled");
    if (e->ask.deadline_ns && cocos__deadline_left_ns(e->ask.deadline_ns) == 0)
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "evidence.timeout",
                           l->served == e ? "%s did not answer by the deadline"
                                          : "%s was still busy with others at the deadline",
                           l->provider->name);
    if (l->served != e)
        return check_overdue(l, err);
    if (cocos__deadline_left_ns(l->due_ns) > 0)
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_TIMEOUT, "evidence.timeout",
                       "%s did not answer within %.1f seconds", l->provider->name,
                       (double)l->device_ns / 1e9);
}

static void wait_on(const cocos__errand *e)
{
    cocos__lane *l = e->lane;
    int64_t until = cocos__deadline_min(e->ask.deadline_ns, l->due_ns);

    if (until) {
        struct timespec t = cocos__deadline_timespec(until);
        pthread_cond_timedwait(&l->changed, &l->lock, &t);
    } else
        pthread_cond_wait(&l->changed, &l->lock);
}

int cocos__errand_wait(cocos__errand *e, cocos__ask **answer, cocos_error **err)
{
    COCOS__LOCKED(&e->lane->lock);
    while (!e->done) {
        int r = check_wait(e, err);
        if (r < 0)
            return r;
        wait_on(e);
    }
    if (e->status < 0) {
        if (err)
            *err = COCOS__STEAL(e->error);
        return e->status;
    }
    *answer = &e->ask;
    return COCOS_OK;
}

/* Takes an errand back out of the queue; how many references went with that. Under the lock. */
static int unqueue(cocos__lane *l, const cocos__errand *e)
{
    cocos__errand **p = &l->first;
    cocos__errand *before = NULL;

    while (*p && *p != e) {
        before = *p;
        p = &(*p)->next;
    }
    if (!*p)
        return 0;
    *p = e->next;
    if (l->last == e)
        l->last = before;
    l->n--;
    return 1;
}

void cocos__errand_free(cocos__errand *e)
{
    if (!e)
        return;
    cocos__cancel_unhook(e->cancel, &e->hook);
    COCOS__LOCKED(&e->lane->lock);
    if (!e->done) {
        atomic_store(&e->abandoned, 1);
        if (e->lane->served == e)
            cocos__log(COCOS_LOG_WARN, "evidence", "a request to %s is left behind",
                       e->lane->provider->name);
        e->refs -= unqueue(e->lane, e);
    }
    errand_unref(e);
}
