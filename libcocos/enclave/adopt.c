/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At open: take over the machines that live, and remove whatever belongs to none of them. After
 * this nothing of an earlier life of this program is left that is not in the list.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"
#include "enclave/local.h"
#include "enclave/values.h"

#define DEPTH_MAX 5

/* ---- machines ---- */

struct adoption {
    cocos__local *l;
    char (*stray)[37];
    size_t n_stray;
    int failed;
};

static void add_stray(struct adoption *a, const char *id)
{
    void *grown = reallocarray(a->stray, a->n_stray + 1, sizeof *a->stray);

    if (!grown) {
        a->failed = 1;
        return;
    }
    a->stray = grown;
    snprintf(a->stray[a->n_stray++], sizeof *a->stray, "%s", id);
}

static int adopt_one(void *user, const char *id, const cocos__vmm_pair *pairs, size_t n)
{
    struct adoption *a = user;
    cocos__record *r = cocos__record_new(a->l, id);
    char tag[400];

    if (!r || !cocos__tags_read(a->l, pairs, n, r)) {
        cocos__record_free(r);
        add_stray(a, id);
        return 0;
    }
    snprintf(tag, sizeof tag, "%s/console/%s.log", a->l->config.state_dir, id);
    if (cocos__console_open_log(&r->console, tag, NULL) == COCOS_OK) {
        snprintf(tag, sizeof tag, "%s/tty", r->dir);
        (void)cocos__console_connect(&r->console, tag, NULL);
        r->console_on = 1;
    }
    r->paused = 1; /* it may have come to a halt while nobody watched: the reaper asks */
    COCOS__LOCKED(&a->l->lock);
    cocos__record_insert(a->l, r);
    cocos__record_state(a->l, r, r->has_pin ? COCOS__READY : COCOS__BOOTING,
                        "adopted after a restart");
    return 0;
}

/* One that does not stop is told of, and the others are served. */
static void stop_stray(cocos__local *l, const char *id)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *err = NULL;

    cocos__log_fields(COCOS_LOG_WARN, "enclave", "stopping a machine that is no enclave of ours",
                      "id", id, NULL);
    if (l->ops->stop(l->vmm, id, &err) < 0)
        cocos__log_fields(COCOS_LOG_ERROR, "enclave", "a machine does not stop", "id", id, "reason",
                          cocos_error_message(err), NULL);
}

static int adopt_machines(cocos__local *l, cocos_error **err)
{
    struct adoption a = {l, NULL, 0, 0};

    int e = l->ops->list(l->vmm, adopt_one, &a, err);
    for (size_t i = 0; e == COCOS_OK && i < a.n_stray; i++)
        stop_stray(l, a.stray[i]);
    free(a.stray);
    if (e == COCOS_OK && a.failed)
        e = cocos__fail_memory(err);
    return e;
}

/* ---- processes that libvirt does not know: it was killed while it started them ---- */

static int is_known_in(cocos__local *l, const char *args, size_t len)
{
    for (cocos__record *r = l->records; r; r = r->next)
        if (memmem(args, len, r->id, 36))
            return 1;
    return 0;
}

static int end_stray_process(void *user, int pid, const char *args, size_t len)
{
    cocos__local *l = user;
    char text[32];

    if (is_known_in(l, args, len))
        return 0;
    snprintf(text, sizeof text, "%d", pid);
    cocos__log_fields(COCOS_LOG_WARN, "enclave", "ending a stray process", "pid", text, NULL);
    (void)cocos__process_kill(pid, l->config.root);
    return 0;
}

/* ---- files ---- */

static int is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The id that a name contains ("ID", "cocos-ID.log"), or the start of it that libvirt keeps in
 * short names ("domain-1-cocos-1b4e28ba-2fa1-"); 0 when the name belongs to no enclave at all. */
static int id_in_name(const char *name, char id[37], size_t *len)
{
    static const char mark[] = "cocos-";
    const char *at = strstr(name, mark);

    for (const char *p = at ? at + sizeof mark - 1 : name; *p; p++) {
        snprintf(id, 37, "%.36s", p);
        if (cocos__value_is_uuid(id)) {
            *len = 36;
            return 1;
        }
        if (at)
            break;
    }
    if (!at || strncmp(name, "domain-", 7) != 0)
        return 0;
    snprintf(id, 37, "%.36s", at + sizeof mark - 1);
    *len = strlen(id);
    return *len >= 8;
}

typedef int (*wanted_fn)(void *user, const char *id, size_t len);

struct walk {
    wanted_fn wanted; /* 1: remove what has this id in its name */
    cocos__leftover_fn tell;
    void *user;
};

static void walk_dir(const struct walk *w, const char *dir, int depth)
{
    DIR *d = opendir(dir);

    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        char path[1200];
        char id[37];
        size_t len;
        struct stat st;
        if (is_dots(e->d_name) ||
            (size_t)snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= sizeof path ||
            lstat(path, &st) < 0)
            continue;
        if (id_in_name(e->d_name, id, &len)) {
            if (!w->wanted(w->user, id, len))
                continue;
            (void)cocos__remove_tree(path, 1, NULL);
            w->tell(w->user, path, lstat(path, &st) < 0);
        } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            walk_dir(w, path, depth + 1);
        }
    }
    closedir(d);
}

struct of_one {
    const char *id;
    cocos__leftover_fn fn;
    void *user;
};

static int is_this(void *user, const char *id, size_t len)
{
    const struct of_one *o = user;
    return strncmp(o->id, id, len) == 0;
}

static void tell_one(void *user, const char *path, int gone)
{
    struct of_one *o = user;
    o->fn(o->user, path, gone);
}

void cocos__leftovers(const char *root, const char *id, cocos__leftover_fn fn, void *user)
{
    struct of_one o = {id, fn, user};
    struct walk w = {is_this, tell_one, &o};

    walk_dir(&w, root, 0);
}

static int is_nobodys(void *user, const char *id, size_t len)
{
    cocos__local *l = user;

    for (cocos__record *r = l->records; r; r = r->next)
        if (strncmp(r->id, id, len) == 0)
            return 0;
    return 1;
}

static void log_removed(void *user, const char *path, int gone)
{
    (void)user;
    cocos__log_fields(gone ? COCOS_LOG_INFO : COCOS_LOG_ERROR, "enclave",
                      gone ? "removed a leftover" : "cannot remove a leftover", "path", path, NULL);
}

static void sweep_files(cocos__local *l)
{
    static const char *const places[] = {"libvirt", "console"};
    struct walk w = {is_nobodys, log_removed, l};
    char path[300];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(places); i++) {
        snprintf(path, sizeof path, "%s/%s", l->config.state_dir, places[i]);
        walk_dir(&w, path, 0);
    }
    snprintf(path, sizeof path, "%s/vm", l->config.runtime_dir);
    walk_dir(&w, path, 0);
}

/* ---- journal ---- */

static void sweep_entry(cocos__local *l, const char *id)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b = {0};
    char path[600];
    char dir[300];

    cocos__buf_init(&b, 8192);
    snprintf(path, sizeof path, "%s/journal/%s", l->config.state_dir, id);
    if (cocos__record_find(l, id) == NULL && cocos__read_file(path, 400, &b, NULL) == COCOS_OK &&
        b.len > 0 && cocos__journal_parse((const char *)b.data, b.len, id, dir)) {
        struct stat st;
        (void)cocos__remove_tree(dir, 1, NULL);
        if (lstat(dir, &st) == 0) {
            log_removed(l, dir, 0);
            return; /* the entry stays, so that the next start tries again */
        }
    }
    (void)cocos__remove_tree(path, 0, NULL);
}

static void sweep_journal(cocos__local *l)
{
    char path[300];

    snprintf(path, sizeof path, "%s/journal", l->config.state_dir);
    DIR *d = opendir(path);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (!is_dots(e->d_name))
            sweep_entry(l, e->d_name);
    closedir(d);
}

/* Before open returns nobody else changes the list; events of libvirt only mark what is in it. */
int cocos__adopt(cocos__local *l, cocos_error **err)
{
    int e = adopt_machines(l, err);
    if (e < 0)
        return e;
    if (l->ops->embedded(l->vmm))
        cocos__processes(l->config.root, end_stray_process, l);
    sweep_journal(l);
    sweep_files(l);
    for (cocos__record *r = l->records; r && e == COCOS_OK; r = r->next)
        e = cocos__prober_start(l, r, err);
    return e;
}
