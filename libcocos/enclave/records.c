/* SPDX-License-Identifier: Apache-2.0 */
/* The list of enclaves and their lifecycle events. All under the host's lock. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "enclave/local.h"

cocos__record *cocos__record_new(const cocos__local *l, const char *id)
{
    cocos__record *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->probe_cancel = cocos_cancel_new();
    if (!r->probe_cancel) {
        free(r);
        return NULL;
    }
    r->refs = 1;
    cocos__console_init(&r->console);
    snprintf(r->id, sizeof r->id, "%s", id);
    snprintf(r->bind, sizeof r->bind, "%s", l->config.bind);
    snprintf(r->dir, sizeof r->dir, "%s/vm/%s", l->config.runtime_dir, id);
    return r;
}

void cocos__record_free(cocos__record *r)
{
    if (!r)
        return;
    cocos__console_close(&r->console);
    cocos_cancel_free(r->probe_cancel);
    free(r);
}

void cocos__record_unref(cocos__record *r)
{
    if (r && --r->refs == 0)
        cocos__record_free(r);
}

void cocos__record_insert(cocos__local *l, cocos__record *r)
{
    r->next = l->records;
    l->records = r;
}

void cocos__record_remove(cocos__local *l, cocos__record *r)
{
    for (cocos__record **p = &l->records; *p; p = &(*p)->next) {
        if (*p != r)
            continue;
        *p = r->next;
        cocos__record_unref(r);
        return;
    }
}

cocos__record *cocos__record_find(cocos__local *l, const char *id)
{
    for (cocos__record *r = l->records; r; r = r->next)
        if (strcmp(r->id, id) == 0)
            return r;
    return NULL;
}

int cocos__record_lives(const cocos__record *r)
{
    return !(r->state == COCOS__CRASHED && r->released) && r->state != COCOS__DESTROYED;
}

int cocos__record_visible(const cocos__record *r, const cocos__caller *who)
{
    return who->all || strcmp(r->owner, who->owner) == 0;
}

void cocos__local_wake(cocos__local *l)
{
    uint64_t one = 1;
    (void)!write(l->wake_fd, &one, sizeof one);
}

void cocos__record_state(cocos__local *l,
                         cocos__record *r,
                         enum cocos__state state,
                         const char *reason)
{
    const char *name = cocos__state_at(state);
    cocos__event *e = &l->events[l->next_sequence % COCOS__EVENTS_KEPT];

    r->state = state;
    r->since_ns = cocos__clock_wall_ns();
    snprintf(r->reason, sizeof r->reason, "%s", reason);

    e->sequence = l->next_sequence++;
    e->time_ns = r->since_ns;
    e->state = name;
    memcpy(e->id, r->id, sizeof e->id);
    memcpy(e->owner, r->owner, sizeof e->owner);
    memcpy(e->reason, r->reason, sizeof e->reason);
    pthread_cond_broadcast(&l->changed);
    cocos__log_fields(state == COCOS__CRASHED ? COCOS_LOG_WARN : COCOS_LOG_INFO, "enclave", name,
                      "id", r->id, "owner", r->owner, "reason", reason, NULL);
}

static uint64_t first_kept(const cocos__local *l)
{
    return l->next_sequence > COCOS__EVENTS_KEPT ? l->next_sequence - COCOS__EVENTS_KEPT : 1;
}

int cocos__events_next(cocos__local *l,
                       const cocos__caller *who,
                       const char *id,
                       uint64_t since,
                       cocos__event *ret,
                       uint64_t *lost)
{
    uint64_t first = first_kept(l);
    uint64_t from = since + 1 > first ? since + 1 : first;

    *lost = since != 0 && since + 1 < first ? first - since - 1 : 0;
    for (uint64_t s = from; s < l->next_sequence; s++) {
        const cocos__event *e = &l->events[s % COCOS__EVENTS_KEPT];
        if ((!id || strcmp(e->id, id) == 0) && (who->all || strcmp(e->owner, who->owner) == 0)) {
            *ret = *e;
            return 1;
        }
    }
    return 0;
}

static void copy_events(const cocos__local *l, cocos_enclave_info *i)
{
    /* From the newest back, then turned round. */
    for (uint64_t s = l->next_sequence; s > first_kept(l) && i->n_events < COCOS__EVENTS_OF_INFO;
         s--) {
        const cocos__event *e = &l->events[(s - 1) % COCOS__EVENTS_KEPT];
        if (strcmp(e->id, i->id) != 0)
            continue;
        size_t k = i->n_events++;
        memmove(&i->events[1], &i->events[0], k * sizeof i->events[0]);
        i->events[0].sequence = e->sequence;
        i->events[0].time_ns = e->time_ns;
        i->events[0].state = e->state;
        memcpy(i->events[0].reason, e->reason, sizeof e->reason);
    }
}

cocos_enclave_info *cocos__record_info(const cocos__local *l, const cocos__record *r)
{
    cocos_enclave_info *i = calloc(1, sizeof *i);

    if (!i)
        return NULL;
    memcpy(i->id, r->id, sizeof i->id);
    memcpy(i->owner, r->owner, sizeof i->owner);
    memcpy(i->platform, r->platform, sizeof i->platform);
    memcpy(i->image, r->image, sizeof i->image);
    memcpy(i->reason, r->reason, sizeof i->reason);
    i->state = cocos__state_at(r->state);
    if (r->port)
        snprintf(i->address, sizeof i->address, "%s:%u", r->bind, (unsigned)r->port);
    if (r->has_pin)
        cocos__info_set_pin(i, r->pin);
    i->memory = r->memory;
    i->vcpus = r->vcpus;
    i->created_ns = r->created_ns;
    i->since_ns = r->since_ns;
    i->deadline_ns = r->deadline_wall_ns;
    i->create_own_ns = r->create_own_ns;
    copy_events(l, i);
    return i;
}
