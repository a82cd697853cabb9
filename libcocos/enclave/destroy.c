/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of an enclave, and the host record that tells what was removed. Every row is looked at
 * again after it was done: a row is good only when the thing is really gone.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "enclave/local.h"

#define SETTLE_TRIES 20
#define SETTLE_NS    (100 * COCOS__NS_PER_MS)

struct rows {
    cocos__json_out *out;
    int complete;
};

/* One thing that had to go: what was done, whether it is gone, and why not. */
static void row(struct rows *rows,
                const char *what,
                const char *name,
                const char *done,
                int gone,
                const char *detail)
{
    rows->complete &= gone;
    if (!rows->out)
        return;
    cocos__json_put_object(rows->out, NULL);
    cocos__json_put_text(rows->out, "what", what);
    cocos__json_put_text(rows->out, "name", name);
    cocos__json_put_text(rows->out, "done", done);
    cocos__json_put_bool(rows->out, "verified", gone);
    if (detail && detail[0])
        cocos__json_put_text(rows->out, "detail", detail);
    cocos__json_put_end(rows->out);
}

static void settle(void)
{
    struct timespec t = {0, SETTLE_NS};
    nanosleep(&t, NULL);
}

/* A guest that listens to the power button ends in order; others get no more than the grace. */
static void stop_in_order(cocos__local *l, cocos__record *r)
{
    int64_t until = cocos__clock_mono_ns() + l->config.stop_grace_ns;
    struct timespec t = cocos__deadline_timespec(until);

    if (l->config.stop_grace_ns == 0)
        return;
    l->ops->shutdown(l->vmm, r->id);
    COCOS__LOCKED(&l->lock);
    while (!r->gone && cocos__clock_mono_ns() < until)
        pthread_cond_timedwait(&l->changed, &l->lock, &t);
}

static void stop_machine(cocos__local *l, cocos__record *r, struct rows *rows)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;

    int e = l->ops->stop(l->vmm, r->id, &err);
    int gone = !l->ops->exists(l->vmm, r->id);
    row(rows, "machine", r->id, "stopped", gone, e < 0 ? cocos_error_message(err) : NULL);
}

struct found {
    const char *id;
    int count;
    int kill;
    int killed;
};

static int count_process(void *user, int pid, const char *args, size_t len)
{
    struct found *f = user;
    (void)args;
    (void)len;

    f->count++;
    if (f->kill)
        f->killed += cocos__process_kill(pid, f->id);
    return 0;
}

/* swtpm ends by itself when QEMU closes its connection; what lingers is ended. */
static void end_processes(const cocos__record *r, struct rows *rows)
{
    struct found f = {r->id, 0, 0, 0};
    struct found after = {r->id, 0, 0, 0};

    for (int i = 0; i < SETTLE_TRIES; i++) {
        f.count = 0;
        cocos__processes(r->id, count_process, &f);
        if (f.count == 0)
            break;
        settle();
    }
    if (f.count > 0) {
        f.kill = 1;
        cocos__processes(r->id, count_process, &f);
    }
    cocos__processes(r->id, count_process, &after);
    row(rows, "processes", r->id, f.killed ? "killed" : "ended", after.count == 0,
        after.count ? "a process of this enclave is still there" : NULL);
}

static void let_console_go(cocos__local *l, cocos__record *r)
{
    COCOS__LOCKED(&l->lock);
    r->console_stop = 1;
    cocos__local_wake(l);
    while (r->console_on)
        pthread_cond_wait(&l->changed, &l->lock);
    cocos__console_close(&r->console);
}

static int is_absent(const char *path)
{
    struct stat st;
    return lstat(path, &st) < 0;
}

static void wipe_secrets_in(const char *dir, struct rows *rows)
{
    DIR *d = opendir(dir);

    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        char path[700];
        COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
        if (e->d_name[0] == '.' && (!e->d_name[1] || strcmp(e->d_name, "..") == 0))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        int w = cocos__wipe_file(path, &err);
        row(rows, "secret", path, w == COCOS_OK ? "overwritten and unlinked" : "attempted",
            w == COCOS_OK && is_absent(path), w < 0 ? cocos_error_message(err) : NULL);
    }
    closedir(d);
}

/* The machine's copy of OVMF's variables: the guest can write there whatever it likes. */
static void wipe_variables(const cocos__record *r, struct rows *rows)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    char path[400];

    snprintf(path, sizeof path, "%s/nvram", r->dir);
    if (is_absent(path))
        return;
    int w = cocos__wipe_file(path, &err);
    row(rows, "firmware", path, w == COCOS_OK ? "overwritten and unlinked" : "attempted",
        w == COCOS_OK && is_absent(path), w < 0 ? cocos_error_message(err) : NULL);
}

static void remove_shares(const cocos__record *r, struct rows *rows)
{
    static const char *const subs[] = {"/env", "/certs"};
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    char path[400];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(subs); i++) {
        snprintf(path, sizeof path, "%s%s", r->dir, subs[i]);
        wipe_secrets_in(path, rows);
    }
    wipe_variables(r, rows);
    int e = cocos__remove_tree(r->dir, 1, &err);
    row(rows, "directory", r->dir, "removed", is_absent(r->dir),
        e < 0 ? cocos_error_message(err) : NULL);
}

static void leftover(void *user, const char *path, int gone)
{
    row(user, "state", path, "removed", gone, NULL);
}

static void remove_console_log(const cocos__local *l, const cocos__record *r, struct rows *rows)
{
    char path[300];

    snprintf(path, sizeof path, "%s/console/%s.log", l->config.state_dir, r->id);
    if (is_absent(path))
        return;
    (void)cocos__remove_tree(path, 0, NULL);
    row(rows, "console", path, "removed", is_absent(path), NULL);
}

static int port_is_free(const cocos__record *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(r->port)};
    int one = 1;
    COCOS__CLEANUP(cocos__closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || inet_pton(AF_INET, r->bind, &a.sin_addr) != 1)
        return 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;
}

static void check_port(const cocos__record *r, int machine_gone, struct rows *rows)
{
    char name[32];
    int is_free = 0;

    if (r->port == 0)
        return;
    for (int i = 0; i < SETTLE_TRIES && !(is_free = port_is_free(r)); i++)
        settle();
    snprintf(name, sizeof name, "%s:%u", r->bind, (unsigned)r->port);
    /* Without its QEMU the forward is gone; somebody else may have the port by now. */
    row(rows, "port", name, "released", is_free || machine_gone,
        is_free ? NULL : "another program has this port now");
}

static void remove_journal_entry(const cocos__local *l, const cocos__record *r, struct rows *rows)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;
    int e = cocos__journal_remove(l, r->id, &err);

    row(rows, "journal", r->id, "removed", e == COCOS_OK, e < 0 ? cocos_error_message(err) : NULL);
}

void cocos__release(
    cocos__local *l, cocos__record *r, int keep_console, cocos__json_out *record, int *complete)
{
    struct rows rows = {record, 1};
    int answers = r->has_pin && !r->gone && r->state != COCOS__CRASHED;

    cocos__prober_stop(l, r);
    if (answers)
        stop_in_order(l, r);
    stop_machine(l, r, &rows);
    end_processes(r, &rows);
    int machine_gone = rows.complete;
    let_console_go(l, r);
    remove_shares(r, &rows);
    cocos__leftovers(l->config.root, r->id, leftover, &rows);
    if (!keep_console)
        remove_console_log(l, r, &rows);
    check_port(r, machine_gone, &rows);
    remove_journal_entry(l, r, &rows);
    *complete = rows.complete;
}

static int unknown(const char *id, cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_NOT_FOUND, "enclave.unknown", "there is no enclave %.36s",
                       id);
}

/* Waits for a creation or another end of it; then it is ours. Under the lock. */
static int take(cocos__local *l,
                const cocos__call *call,
                const char *id,
                cocos__record **ret,
                cocos_error **err)
{
    struct timespec until = cocos__deadline_timespec(call->deadline_ns);

    for (;;) {
        cocos__record *r = cocos__record_find(l, id);
        if (!r || !cocos__record_visible(r, &call->who))
            return unknown(id, err);
        if (r->state != COCOS__CREATING && !r->taken) {
            r->taken = 1;
            r->reap = 0;
            r->refs++;
            *ret = r;
            return COCOS_OK;
        }
        if (cocos__deadline_left_ns(call->deadline_ns) == 0)
            return cocos__fail(err, COCOS_ERR_TIMEOUT, "enclave.timeout",
                               "the enclave is still being created or destroyed");
        if (call->deadline_ns)
            pthread_cond_timedwait(&l->changed, &l->lock, &until);
        else
            pthread_cond_wait(&l->changed, &l->lock);
    }
}

/* The head of a host record; its rows follow. */
int cocos__host_record_new(const cocos__record *r, cocos__json_out **ret, cocos_error **err)
{
    int e = cocos__json_out_new(ret, err);
    if (e < 0)
        return e;
    cocos__json_put_object(*ret, NULL);
    cocos__json_put_text(*ret, "format", "cocos-host-record/1");
    cocos__json_put_text(*ret, "claimed_by", "host");
    cocos__json_put_text(*ret, "id", r->id);
    cocos__json_put_text(*ret, "owner", r->owner);
    cocos__json_put_int(*ret, "started_ns", cocos__clock_wall_ns());
    cocos__json_put_array(*ret, "rows");
    return COCOS_OK;
}

int cocos__host_record_finish(cocos__json_out *o, int complete, char **ret, cocos_error **err)
{
    cocos__json_put_end(o);
    cocos__json_put_int(o, "ended_ns", cocos__clock_wall_ns());
    cocos__json_put_bool(o, "complete", complete);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 0, ret, err);
}

/* A crashed enclave was cleaned up when it crashed; what is left is the log that its owner could
 * read. */
static void release_rest(cocos__local *l, cocos__record *r, cocos__json_out *rows, int *complete)
{
    struct rows out = {rows, 1};

    row(&out, "machine", r->id, "ended earlier", !l->ops->exists(l->vmm, r->id), NULL);
    end_processes(r, &out);
    remove_shares(r, &out);
    remove_console_log(l, r, &out);
    *complete = out.complete;
}

int cocos__local_destroy(
    cocos_host *h, const cocos__call *call, const char *id, char **record, cocos_error **err)
{
    cocos__local *l = (cocos__local *)h;
    cocos__record *r = NULL;
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *rows = NULL;
    int complete = 0;

    pthread_mutex_lock(&l->lock);
    int e = take(l, call, id, &r, err);
    int was_released = e == COCOS_OK && r->released;
    if (e == COCOS_OK)
        e = cocos__host_record_new(r, &rows, err);
    if (e == COCOS_OK && !was_released)
        cocos__record_state(l, r, COCOS__STOPPING, "asked for");
    if (e < 0 && r) {
        r->taken = 0;
        cocos__record_unref(r);
    }
    pthread_mutex_unlock(&l->lock);
    if (e < 0)
        return e;

    if (was_released)
        release_rest(l, r, rows, &complete);
    else
        cocos__release(l, r, 0, rows, &complete);
    if (record)
        e = cocos__host_record_finish(rows, complete, record, err);

    COCOS__LOCKED(&l->lock);
    r->released = 1;
    cocos__record_state(l, r, COCOS__DESTROYED, complete ? "" : "not everything could be removed");
    cocos__record_remove(l, r);
    cocos__record_unref(r);
    return e;
}
