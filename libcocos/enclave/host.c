/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls: check arguments, then hand over to the backend. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "enclave/enclave.h"
#include "enclave/values.h"

static int fill_owner(const cocos_host_options *o, cocos_host *h)
{
    const char *owner = cocos__host_option(o, COCOS__OPT_OWNER);
    int n = owner ? snprintf(h->owner, sizeof h->owner, "%s", owner)
                  : snprintf(h->owner, sizeof h->owner, "uid:%u", (unsigned)geteuid());
    return n > 0;
}

int cocos_host_open(const cocos_host_options *o,
                    int64_t deadline_ns,
                    cocos_cancel *cancel,
                    cocos_host **ret,
                    cocos_error **err)
{
    cocos_host *h = NULL;

    if (!ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "enclave.argument", "ret is needed");
    int r = cocos__host_option(o, COCOS__OPT_MANAGER)
                ? cocos__remote_open(o, deadline_ns, cancel, &h, err)
                : cocos__local_open(o, deadline_ns, cancel, &h, err);
    if (r < 0)
        return r;
    fill_owner(o, h);
    *ret = h;
    return COCOS_OK;
}

void cocos_host_close(cocos_host *h)
{
    if (h)
        h->ops->close(h);
}

/* Whoever holds the host object in its own process may see everything on it. */
static cocos__call call_of(const cocos_host *h, int64_t deadline_ns, cocos_cancel *cancel)
{
    return (cocos__call){{h->owner, 1}, deadline_ns, cancel};
}

static int check(const cocos_host *h, const void *needed, cocos_error **err)
{
    if (!h || !needed)
        return cocos__fail(err, COCOS_ERR_USAGE, "enclave.argument", "an argument is NULL");
    return COCOS_OK;
}

/* Ids go into paths and logs of other layers: only the one form is let through. */
static int check_id(const cocos_host *h, const char *id, cocos_error **err)
{
    int r = check(h, id, err);
    if (r < 0)
        return r;
    if (!cocos__value_is_uuid(id))
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "enclave.unknown",
                           "there is no enclave of that id, which is not even a UUID");
    return COCOS_OK;
}

int cocos_enclave_create(cocos_host *h,
                         const cocos_enclave_spec *s,
                         int64_t deadline_ns,
                         cocos_cancel *cancel,
                         cocos_enclave_info **ret,
                         cocos_error **err)
{
    int r = check(h, s && ret ? s : NULL, err);
    if (r < 0)
        return r;
    cocos__call call = call_of(h, deadline_ns, cancel);
    return h->ops->create(h, &call, s, ret, err);
}

int cocos_enclave_get(cocos_host *h,
                      const char *id,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      cocos_enclave_info **ret,
                      cocos_error **err)
{
    int r = check_id(h, id, err);
    if (r < 0)
        return r;
    cocos__call call = call_of(h, deadline_ns, cancel);
    return h->ops->get(h, &call, id, ret, err);
}

int cocos_enclave_list_get(cocos_host *h,
                           int64_t deadline_ns,
                           cocos_cancel *cancel,
                           cocos_enclave_list **ret,
                           cocos_error **err)
{
    int r = check(h, ret, err);
    if (r < 0)
        return r;
    cocos__call call = call_of(h, deadline_ns, cancel);
    return h->ops->list(h, &call, ret, err);
}

struct public_watcher {
    cocos_enclave_event_fn fn;
    void *user;
};

static int tell_event(void *user, const cocos__event *e, uint64_t lost)
{
    struct public_watcher *w = user;
    (void)lost; /* visible as a gap in the sequence numbers */
    return w->fn(w->user, e->sequence, e->time_ns, e->id, e->state, e->reason);
}

int cocos_enclave_watch(cocos_host *h,
                        const char *id,
                        uint64_t since,
                        cocos_enclave_event_fn fn,
                        void *user,
                        int64_t deadline_ns,
                        cocos_cancel *cancel,
                        cocos_error **err)
{
    int r = id ? check_id(h, id, err) : check(h, h, err);
    if (r < 0)
        return r;
    if (!fn)
        return cocos__fail(err, COCOS_ERR_USAGE, "enclave.argument", "fn is needed");
    cocos__call call = call_of(h, deadline_ns, cancel);
    struct public_watcher w = {fn, user};
    return h->ops->watch(h, &call, id, since, tell_event, &w, err);
}

int cocos_enclave_console(cocos_host *h,
                          const char *id,
                          int follow,
                          cocos_enclave_console_fn fn,
                          void *user,
                          int64_t deadline_ns,
                          cocos_cancel *cancel,
                          cocos_error **err)
{
    int r = check_id(h, id, err);
    if (r < 0)
        return r;
    if (!fn)
        return cocos__fail(err, COCOS_ERR_USAGE, "enclave.argument", "fn is needed");
    cocos__call call = call_of(h, deadline_ns, cancel);
    return h->ops->console(h, &call, id, follow, fn, user, err);
}

int cocos_enclave_destroy(cocos_host *h,
                          const char *id,
                          int64_t deadline_ns,
                          cocos_cancel *cancel,
                          char **record,
                          cocos_error **err)
{
    int r = check_id(h, id, err);
    if (r < 0)
        return r;
    cocos__call call = call_of(h, deadline_ns, cancel);
    return h->ops->destroy(h, &call, id, record, err);
}
