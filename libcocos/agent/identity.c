/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"

#define LOCK_WAIT_NS  (2 * COCOS__NS_PER_S)
#define LOCK_RETRY_NS (20 * COCOS__NS_PER_MS)

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define PEM_MAX      (64 * 1024)

/* All that an agent ever makes there. boot_id goes first, so that a wipe that was cut short is done
 * again. */
static const char *const names[] = {"boot_id", "instance", "tls-cert.pem", "tls-key.pem",
                                    "record",  "events",   "runs",         "parties"};

static void join(char out[COCOS__STATE_DIR_MAX + 64], const char *dir, const char *name)
{
    snprintf(out, COCOS__STATE_DIR_MAX + 64, "%s/%s", dir, name);
}

static int wipe(const char *dir, cocos_error **err)
{
    char path[COCOS__STATE_DIR_MAX + 64];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++) {
        join(path, dir, names[i]);
        int r = cocos__remove_tree(path, 1, err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}

/* NAME.XXXXXX: what cocos__write_file() was about to rename into NAME when the agent was killed. */
static int is_leftover(const char *entry)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(entry, names[i], len) == 0 && entry[len] == '.' && strlen(entry) == len + 7)
            return 1;
    }
    return 0;
}

static int wipe_leftovers(const char *dir, cocos_error **err)
{
    char path[COCOS__STATE_DIR_MAX + 64];
    DIR *d = opendir(dir);
    int r = COCOS_OK;

    if (!d)
        return cocos__fail_errno(err, errno, "io.open", "cannot list %s", dir);
    for (struct dirent *e; r == COCOS_OK && (e = readdir(d));) {
        if (!is_leftover(e->d_name))
            continue;
        join(path, dir, e->d_name);
        r = cocos__wipe_file(path, err);
    }
    closedir(d);
    return r;
}

static int lock(const char *dir, cocos__identity *id, cocos_error **err)
{
    char path[COCOS__STATE_DIR_MAX + 64];

    join(path, dir, "lock");
    id->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (id->lock_fd < 0)
        return cocos__fail_errno(err, errno, "io.open", "cannot open %s", path);

    /* A runtime that a killed agent was just starting holds the lock until it has been exec'ed. */
    for (int64_t until = cocos_deadline_in(LOCK_WAIT_NS);
         flock(id->lock_fd, LOCK_EX | LOCK_NB) < 0;) {
        if (cocos__deadline_left_ns(until) == 0)
            return cocos__fail(err, COCOS_ERR_BUSY, "agent.locked",
                               "another agent uses the state directory %s", dir);
        nanosleep(&(struct timespec){0, LOCK_RETRY_NS}, NULL);
    }
    return COCOS_OK;
}

static int same_boot(const char *dir, const cocos__buf *boot_id)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    char path[COCOS__STATE_DIR_MAX + 64];

    cocos__buf_init(&b, 8192);
    join(path, dir, "boot_id");
    return cocos__read_file(path, 256, &b, NULL) == COCOS_OK && b.len == boot_id->len &&
           memcmp(b.data, boot_id->data, b.len) == 0;
}

static int
write_at(const char *dir, const char *name, const void *data, size_t n, cocos_error **err)
{
    char path[COCOS__STATE_DIR_MAX + 64];

    join(path, dir, name);
    return cocos__write_file(path, data, n, 0600, err);
}

/* boot_id is written last: only then is the rest complete. */
static int make(const char *dir, const cocos__buf *boot_id, cocos_error **err)
{
    cocos__buf cert __attribute__((cleanup(cocos__buf_done)));
    cocos__buf key __attribute__((cleanup(cocos__buf_wipe_done)));
    uint8_t instance[16];

    cocos__buf_init(&cert, PEM_MAX);
    cocos__buf_init(&key, PEM_MAX);
    cocos__random(instance, sizeof instance);
    int r = cocos__tls_self_signed("cocos-agent", &cert, &key, err);
    if (r == COCOS_OK)
        r = write_at(dir, "tls-cert.pem", cert.data, cert.len, err);
    if (r == COCOS_OK)
        r = write_at(dir, "tls-key.pem", key.data, key.len, err);
    if (r == COCOS_OK)
        r = write_at(dir, "instance", instance, sizeof instance, err);
    if (r == COCOS_OK)
        r = write_at(dir, "boot_id", boot_id->data, boot_id->len, err);
    return r;
}

static int load_tls(const char *dir, cocos__identity *id, cocos_error **err)
{
    cocos__buf cert __attribute__((cleanup(cocos__buf_done)));
    cocos__buf key __attribute__((cleanup(cocos__buf_wipe_done)));
    char path[COCOS__STATE_DIR_MAX + 64];

    cocos__buf_init(&cert, PEM_MAX + 8192);
    cocos__buf_init(&key, PEM_MAX + 8192);
    join(path, dir, "tls-cert.pem");
    int r = cocos__read_file(path, PEM_MAX, &cert, err);
    join(path, dir, "tls-key.pem");
    if (r == COCOS_OK)
        r = cocos__read_file(path, PEM_MAX, &key, err);
    if (r < 0)
        return r;

    cocos__tls_options o = {.cert_pem = {cert.data, cert.len}, .key_pem = {key.data, key.len}};
    r = cocos__tls_config_server(&o, &id->tls, err);
    if (r == COCOS_OK)
        r = cocos__tls_config_spki(id->tls, id->pin);
    return r;
}

static int load(const char *dir, cocos__identity *id, cocos_error **err)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    char path[COCOS__STATE_DIR_MAX + 64];

    cocos__buf_init(&b, 8192);
    join(path, dir, "instance");
    int r = cocos__read_file(path, sizeof id->instance_id, &b, err);
    if (r < 0)
        return r;
    if (b.len != sizeof id->instance_id)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.identity",
                           "the stored instance id has %zu bytes", b.len);
    memcpy(id->instance_id, b.data, b.len);
    return load_tls(dir, id, err);
}

int cocos__identity_open(const char *dir, cocos__identity *id, cocos_error **err)
{
    cocos__buf boot_id __attribute__((cleanup(cocos__buf_done)));

    *id = (cocos__identity){.lock_fd = -1};
    cocos__buf_init(&boot_id, 8192);
    if (strlen(dir) > COCOS__STATE_DIR_MAX)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path",
                           "the state directory's path is longer than %d bytes",
                           COCOS__STATE_DIR_MAX);
    int r = cocos__mkdirs(dir, 0700, err);
    if (r == COCOS_OK && chmod(dir, 0700) < 0)
        r = cocos__fail_errno(err, errno, "io.open", "cannot make %s private", dir);
    if (r == COCOS_OK)
        r = lock(dir, id, err);
    if (r == COCOS_OK)
        r = wipe_leftovers(dir, err);
    if (r == COCOS_OK)
        r = cocos__read_file(BOOT_ID_FILE, 256, &boot_id, err);
    if (r == COCOS_OK && !same_boot(dir, &boot_id)) {
        r = wipe(dir, err);
        if (r == COCOS_OK)
            r = make(dir, &boot_id, err);
    }
    if (r == COCOS_OK)
        r = load(dir, id, err);
    if (r < 0)
        cocos__identity_close(id);
    return r;
}

void cocos__identity_close(cocos__identity *id)
{
    cocos__tls_config_unref(id->tls);
    if (id->lock_fd >= 0)
        close(id->lock_fd);
    *id = (cocos__identity){.lock_fd = -1};
}
