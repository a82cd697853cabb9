/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creation: reserve a place, write what the guest reads, start the machine, forward a port, and
 * only then mark the domain complete. Whatever fails, nothing remains; a crash in between leaves
 * what adopt.c recognises and removes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "enclave/local.h"
#include "enclave/values.h"

#define MEMORY_MIN (UINT64_C(64) << 20)
#define MIB        (UINT64_C(1) << 20)

struct boot_files {
    char kernel[1200];
    char initrd[1200];
};

static int
find_image(const cocos__local_config *c, const char *image, struct boot_files *f, cocos_error **err)
{
    if (image[0] == '\0' && c->kernel && c->initrd) {
        snprintf(f->kernel, sizeof f->kernel, "%s", c->kernel);
        snprintf(f->initrd, sizeof f->initrd, "%s", c->initrd);
    } else if (image[0] != '\0' && c->images) {
        snprintf(f->kernel, sizeof f->kernel, "%s/%s/kernel", c->images, image);
        snprintf(f->initrd, sizeof f->initrd, "%s/%s/initrd", c->images, image);
    } else {
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "enclave.image",
                           "this host has no image \"%s\"", image);
    }
    if (access(f->kernel, R_OK) < 0)
        return cocos__fail_errno(err, errno, "enclave.image", "kernel %s", f->kernel);
    if (access(f->initrd, R_OK) < 0)
        return cocos__fail_errno(err, errno, "enclave.image", "initrd %s", f->initrd);
    return COCOS_OK;
}

static int check_resources(const cocos__local_config *c, const cocos__record *r, cocos_error **err)
{
    if (r->memory < MEMORY_MIN || r->memory > c->max_memory || r->memory % MIB != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "enclave.memory",
                           "memory is %llu bytes; it must be whole MiB, from 64 MiB to %llu bytes",
                           (unsigned long long)r->memory, (unsigned long long)c->max_memory);
    if (r->vcpus < 1 || r->vcpus > c->max_vcpus)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "enclave.vcpus",
                           "vcpus is %u; it must be 1 to %u", (unsigned)r->vcpus,
                           (unsigned)c->max_vcpus);
    return COCOS_OK;
}

static int
set_deadline(const cocos__local_config *c, cocos__record *r, int64_t ttl, cocos_error **err)
{
    if (ttl == 0)
        ttl = c->ttl_ns;
    if (c->max_ttl_ns && (ttl == 0 || ttl > c->max_ttl_ns)) {
        if (ttl)
            return cocos__fail(
                err, COCOS_ERR_MALFORMED, "enclave.ttl", "ttl is %lld s, this host allows %lld s",
                (long long)(ttl / COCOS__NS_PER_S), (long long)(c->max_ttl_ns / COCOS__NS_PER_S));
        ttl = c->max_ttl_ns;
    }
    if (ttl == 0)
        return COCOS_OK;
    if (ttl > INT64_MAX / 4)
        ttl = INT64_MAX / 4; /* 73 years, and no overflow below */
    r->deadline_boot_ns = cocos__clock_boot_ns() + ttl;
    r->deadline_wall_ns = r->created_ns + ttl;
    return COCOS_OK;
}

static int make_record(const cocos__local *l,
                       const cocos__call *call,
                       const cocos_enclave_spec *s,
                       cocos__record **ret,
                       cocos_error **err)
{
    char id[37];

    cocos__value_uuid(id);
    cocos__record *r = cocos__record_new(l, id);
    if (!r)
        return cocos__fail_memory(err);
    snprintf(r->owner, sizeof r->owner, "%s", call->who.owner);
    if (s->has_request_id)
        memcpy(r->request_id, s->request_id, sizeof r->request_id);
    else
        cocos__random(r->request_id, sizeof r->request_id);
    strcpy(r->platform, s->platform);
    strcpy(r->image, s->image);
    r->memory = s->memory ? s->memory : l->config.memory;
    r->vcpus = s->vcpus ? s->vcpus : l->config.vcpus;
    r->created_ns = cocos__clock_wall_ns();
    r->state = COCOS__CREATING;

    int e = cocos__spec_digest(s, r->fields, err);
    if (e == COCOS_OK)
        e = check_resources(&l->config, r, err);
    if (e == COCOS_OK)
        e = set_deadline(&l->config, r, s->ttl_ns, err);
    if (e < 0) {
        cocos__record_free(r);
        return e;
    }
    *ret = r;
    return COCOS_OK;
}

static cocos__record *find_request(cocos__local *l, const cocos__record *wanted)
{
    for (cocos__record *r = l->records; r; r = r->next)
        if (strcmp(r->owner, wanted->owner) == 0 &&
            memcmp(r->request_id, wanted->request_id, sizeof r->request_id) == 0)
            return r;
    return NULL;
}

static int check_limits(cocos__local *l, const char *owner, cocos_error **err)
{
    unsigned all = 0;
    unsigned own = 0;

    for (cocos__record *r = l->records; r; r = r->next) {
        if (!cocos__record_lives(r))
            continue;
        all++;
        own += strcmp(r->owner, owner) == 0;
    }
    if (l->config.max_vms && all >= l->config.max_vms)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "enclave.limit",
                           "this host runs %u enclaves, its limit is %u", all, l->config.max_vms);
    if (l->config.max_vms_per_owner && own >= l->config.max_vms_per_owner)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "enclave.quota",
                           "you have %u enclaves on this host, your quota is %u", own,
                           l->config.max_vms_per_owner);
    return COCOS_OK;
}

/*
 * One step under the lock, so that limits hold however many ask at once. *ret is referenced; *fresh
 * tells whether the caller is the one to create it.
 */
static int
reserve(cocos__local *l, cocos__record *wanted, cocos__record **ret, int *fresh, cocos_error **err)
{
    COCOS__LOCKED(&l->lock);
    cocos__record *r = find_request(l, wanted);
    if (r && memcmp(r->fields, wanted->fields, sizeof r->fields) != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "enclave.request",
                           "this request id was used before, with other fields");
    *fresh = r == NULL;
    if (!r) {
        int e = check_limits(l, wanted->owner, err);
        if (e < 0)
            return e;
        r = wanted;
        cocos__record_insert(l, r);
        cocos__record_state(l, r, COCOS__CREATING, "");
    }
    r->refs++;
    *ret = r;
    return COCOS_OK;
}

static int is_taken_port(const cocos__local *l, unsigned port)
{
    for (const cocos__record *r = l->records; r; r = r->next)
        if (r->port == port && !r->released)
            return 1;
    for (const char *s = l->config.ports_taken; *s;) {
        char *end;
        if (strtoul(s, &end, 10) == port)
            return 1;
        s = *end ? end + 1 : end;
    }
    return 0;
}

/* The next candidate; each caller gets another one. 0 when the range has none. */
static uint16_t next_port(cocos__local *l)
{
    const cocos__local_config *c = &l->config;

    COCOS__LOCKED(&l->lock);
    for (unsigned i = 0; i <= (unsigned)(c->port_high - c->port_low); i++) {
        uint16_t port = l->next_port;
        l->next_port = port == c->port_high ? c->port_low : (uint16_t)(port + 1);
        if (!is_taken_port(l, port))
            return port;
    }
    return 0;
}

static int forward_port(cocos__local *l, cocos__record *r, cocos_error **err)
{
    unsigned tries = (unsigned)(l->config.port_high - l->config.port_low) + 1;

    while (tries-- > 0) {
        int taken = 0;
        uint16_t port = next_port(l);
        if (port == 0)
            break;
        int e = l->ops->forward(l->vmm, r->id, r->bind, port, COCOS__GUEST_PORT, &taken, err);
        if (e < 0)
            return e;
        if (taken)
            continue;
        COCOS__LOCKED(&l->lock);
        r->port = port;
        return COCOS_OK;
    }
    return cocos__fail(err, COCOS_ERR_EXHAUSTED, "enclave.port", "no port from %u to %u is free",
                       (unsigned)l->config.port_low, (unsigned)l->config.port_high);
}

/* A machine of platform "vtpm" measures its boot: OVMF does, into a virtual TPM. */
static int is_measured(const char *platform)
{
    return strcmp(platform, "vtpm") == 0;
}

static const char *firmware_of(const cocos__local_config *c, const char *platform)
{
    return is_measured(platform) ? c->ovmf : c->firmware;
}

static int check_platform(const cocos__local_config *c, const char *platform, cocos_error **err)
{
    const char *code = firmware_of(c, platform);

    if (!is_measured(platform) && strcmp(platform, "plain") != 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "enclave.platform",
                           "platform is \"%s\"; this version starts \"plain\" and \"vtpm\" "
                           "machines only",
                           platform);
    if (is_measured(platform) && !c->tpm)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "enclave.platform",
                           "platform is \"vtpm\", and this host gives no virtual TPM");
    if (!code)
        return COCOS_OK;
    if (access(code, R_OK) < 0)
        return cocos__fail_errno(err, errno, "enclave.firmware",
                                 "OVMF code %s (Debian's package ovmf has it)", code);
    if (access(c->firmware_vars, R_OK) < 0)
        return cocos__fail_errno(err, errno, "enclave.firmware",
                                 "template of OVMF's variables %s (Debian's package ovmf has it)",
                                 c->firmware_vars);
    return COCOS_OK;
}

static int start_machine(cocos__local *l, cocos__record *r, int64_t *outside_ns, cocos_error **err)
{
    const cocos__local_config *c = &l->config;
    struct boot_files files;
    cocos__tags tags;
    char env[320];
    char certs[320];
    char tty[320];
    char nvram[320];
    char label[48];

    int e = find_image(c, r->image, &files, err);
    if (e < 0)
        return e;
    snprintf(env, sizeof env, "%s/env", r->dir);
    snprintf(certs, sizeof certs, "%s/certs", r->dir);
    snprintf(tty, sizeof tty, "%s/tty", r->dir);
    snprintf(nvram, sizeof nvram, "%s/nvram", r->dir);
    snprintf(label, sizeof label, "+%u:+%u", (unsigned)geteuid(), (unsigned)getegid());
    cocos__tags_fill(l, r, 0, &tags);
    cocos__vmm_machine m = {
        .id = r->id,
        .platform = r->platform,
        .emulator = c->emulator,
        .kvm = c->kvm,
        .memory = r->memory,
        .vcpus = r->vcpus,
        .kernel = files.kernel,
        .initrd = files.initrd,
        .cmdline = c->cmdline,
        .firmware = firmware_of(c, r->platform),
        .firmware_vars = c->firmware_vars,
        .nvram = nvram,
        .env_dir = env,
        .certs_dir = certs,
        .console_socket = tty,
        .tpm = c->tpm,
        .label = l->ops->embedded(l->vmm) ? NULL : label,
        .pairs = tags.pairs,
        .n_pairs = tags.n,
    };
    int64_t before = cocos__clock_mono_ns();
    e = l->ops->start(l->vmm, &m, err);
    *outside_ns += cocos__clock_mono_ns() - before;
    return e;
}

static int watch_console(cocos__local *l, cocos__record *r, cocos_error **err)
{
    char path[320];

    snprintf(path, sizeof path, "%s/console/%s.log", l->config.state_dir, r->id);
    int e = cocos__console_open_log(&r->console, path, err);
    if (e < 0)
        return e;
    snprintf(path, sizeof path, "%s/tty", r->dir);
    e = cocos__console_connect(&r->console, path, err);
    if (e < 0)
        return e;
    COCOS__LOCKED(&l->lock);
    r->console_on = 1;
    cocos__local_wake(l);
    return COCOS_OK;
}

static int
complete(cocos__local *l, cocos__record *r, int64_t start_ns, int64_t outside_ns, cocos_error **err)
{
    cocos__tags tags;

    {
        COCOS__LOCKED(&l->lock);
        r->create_own_ns = cocos__clock_mono_ns() - start_ns - outside_ns;
        cocos__tags_fill(l, r, 1, &tags);
    }
    int e = l->ops->annotate(l->vmm, r->id, tags.pairs, tags.n, err);
    return e < 0 ? e : cocos__journal_remove(l, r->id, err);
}

static int build(cocos__local *l,
                 cocos__record *r,
                 const cocos_enclave_spec *s,
                 int64_t start_ns,
                 cocos_error **err)
{
    int64_t outside_ns = 0;

    int e = cocos__journal_add(l, r, err);
    if (e == COCOS_OK)
        e = cocos__share_make(l, r, s, err);
    if (e == COCOS_OK)
        e = start_machine(l, r, &outside_ns, err);
    if (e == COCOS_OK)
        e = watch_console(l, r, err);
    if (e == COCOS_OK)
        e = forward_port(l, r, err);
    if (e == COCOS_OK)
        e = complete(l, r, start_ns, outside_ns, err);
    if (e < 0)
        return e;

    COCOS__LOCKED(&l->lock);
    cocos__record_state(l, r, COCOS__BOOTING, "the machine runs");
    cocos__local_wake(l);
    return COCOS_OK;
}

/* Takes back what was made, and the record with it. */
static void discard(cocos__local *l, cocos__record *r, const char *why)
{
    int all = 0;

    pthread_mutex_lock(&l->lock);
    while (r->taken)
        pthread_cond_wait(&l->changed, &l->lock);
    int listed = cocos__record_find(l, r->id) == r;
    r->taken = 1;
    r->reap = 0;
    pthread_mutex_unlock(&l->lock);
    if (!listed)
        return;

    cocos__release(l, r, 0, NULL, &all);
    COCOS__LOCKED(&l->lock);
    r->released = 1;
    r->taken = 0;
    cocos__record_state(l, r, COCOS__DESTROYED, why);
    cocos__record_remove(l, r);
}

static void on_cancel(void *user)
{
    cocos__local *l = user;

    COCOS__LOCKED(&l->lock);
    pthread_cond_broadcast(&l->changed);
}

static int is_pending(const cocos__record *r, int wait_ready)
{
    return r->state == COCOS__CREATING || (wait_ready && r->state == COCOS__BOOTING);
}

/* Under the lock. OK when the enclave is what the caller waited for. */
static int
outcome(const cocos__record *r, const cocos__call *call, int wait_ready, cocos_error **err)
{
    if (is_pending(r, wait_ready) && cocos_cancel_triggered(call->cancel))
        return cocos__fail(err, COCOS_ERR_CANCELLED, "cancelled", "the creation was cancelled");
    if (is_pending(r, wait_ready))
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "enclave.timeout",
                           "the enclave was not ready before the deadline");
    if (!wait_ready && (r->state == COCOS__BOOTING || r->state == COCOS__DEGRADED))
        return COCOS_OK;
    if (r->state == COCOS__READY)
        return COCOS_OK;
    if (r->state == COCOS__DEGRADED)
        return cocos__fail(err, COCOS_ERR_TIMEOUT, "enclave.timeout", "%s", r->reason);
    if (r->state == COCOS__CRASHED) {
        cocos_error *cause = NULL;
        cocos__fail(&cause, COCOS_ERR_ABORTED, "enclave.crashed", "%s", r->reason);
        return cocos__fail_cause(err, COCOS_ERR_ABORTED, "enclave.crashed", cause,
                                 "the enclave ended before it was ready: %.300s", r->reason);
    }
    return cocos__fail(err, COCOS_ERR_ABORTED, "enclave.stopped",
                       "the enclave was stopped before it was ready: %.300s", r->reason);
}

/* Waits as the caller wants; *last is 1 when nobody else waits for this enclave any more. */
static int await(cocos__local *l,
                 cocos__record *r,
                 const cocos__call *call,
                 int wait_ready,
                 cocos_enclave_info **info,
                 int *last,
                 cocos_error **err)
{
    cocos__cancel_hook hook = {on_cancel, l, NULL};
    struct timespec until = cocos__deadline_timespec(call->deadline_ns);

    cocos__cancel_hook_add(call->cancel, &hook);
    pthread_mutex_lock(&l->lock);
    r->waiters++;
    while (is_pending(r, wait_ready) && !cocos_cancel_triggered(call->cancel) &&
           cocos__deadline_left_ns(call->deadline_ns) > 0) {
        if (call->deadline_ns)
            pthread_cond_timedwait(&l->changed, &l->lock, &until);
        else
            pthread_cond_wait(&l->changed, &l->lock);
    }
    int e = outcome(r, call, wait_ready, err);
    *last = --r->waiters == 0;
    if (e == COCOS_OK) {
        *info = cocos__record_info(l, r);
        e = *info ? COCOS_OK : cocos__fail_memory(err);
    }
    pthread_mutex_unlock(&l->lock);
    cocos__cancel_unhook(call->cancel, &hook);
    return e;
}

static void drop(cocos__local *l, cocos__record *r)
{
    COCOS__LOCKED(&l->lock);
    cocos__record_unref(r);
}

static int create_fresh(cocos__local *l,
                        cocos__record *r,
                        const cocos__call *call,
                        const cocos_enclave_spec *s,
                        int64_t start_ns,
                        cocos_enclave_info **ret,
                        cocos_error **err)
{
    cocos_error *why = NULL;
    int last = 1;

    int e = build(l, r, s, start_ns, &why);
    if (e == COCOS_OK)
        e = cocos__prober_start(l, r, &why);
    if (e == COCOS_OK)
        e = await(l, r, call, s->wait_ready, ret, &last, &why);
    /* A creation that reports a failure has left nothing behind, unless another caller still waits.
     */
    if (e < 0 && last)
        discard(l, r, cocos_error_message(why));
    if (e < 0 && err)
        *err = COCOS__STEAL(why);
    cocos_error_free(why);
    return e;
}

int cocos__local_create(cocos_host *h,
                        const cocos__call *call,
                        const cocos_enclave_spec *s,
                        cocos_enclave_info **ret,
                        cocos_error **err)
{
    cocos__local *l = (cocos__local *)h;
    int64_t start_ns = cocos__clock_mono_ns();
    cocos__record *wanted = NULL;
    cocos__record *r = NULL;
    int fresh = 0;
    int last;

    int e = check_platform(&l->config, s->platform, err);
    if (e == COCOS_OK)
        e = make_record(l, call, s, &wanted, err);
    if (e < 0)
        return e;
    e = reserve(l, wanted, &r, &fresh, err);
    if (e < 0 || !fresh)
        cocos__record_free(wanted);
    if (e < 0)
        return e;

    if (fresh)
        e = create_fresh(l, r, call, s, start_ns, ret, err);
    else
        e = await(l, r, call, s->wait_ready, ret, &last, err);
    drop(l, r);
    return e;
}
