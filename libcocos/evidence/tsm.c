/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/tsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "codec/hex.h"

#define VALUE_MAX 64 /* bytes of a text attribute */
#define PAUSE_NS  (20 * COCOS__NS_PER_MS)
#define TRIES     4 /* when somebody else writes into our directory */

/* The directory of one request. Every write to it moves its generation by one. */
typedef struct entry {
    char path[4096];
    char name[64];
    int fd;
    uint64_t first;  /* generation before our writes */
    uint64_t writes; /* of ours */
} entry;

void cocos__tsm_answer_init(cocos__tsm_answer *a)
{
    cocos__buf_init(&a->report, COCOS__TSM_BLOB_MAX + 4096);
    cocos__buf_init(&a->extra, COCOS__TSM_BLOB_MAX + 4096);
    cocos__buf_init(&a->manifest, COCOS__TSM_BLOB_MAX + 4096);
}

void cocos__tsm_answer_done(cocos__tsm_answer *a)
{
    cocos__buf_done(&a->report);
    cocos__buf_done(&a->extra);
    cocos__buf_done(&a->manifest);
}

/* ---- attributes ---- */

static int fail_attribute(cocos_error **err, const char *verb, const char *name)
{
    return cocos__fail_errno(err, errno, "evidence.device", "configfs-tsm: cannot %s %s", verb,
                             name);
}

static int has(const entry *e, const char *name)
{
    return faccessat(e->fd, name, F_OK, 0) == 0;
}

/* errnum: why the kernel refused, or 0. */
static int
read_blob(const entry *e, const char *name, cocos__buf *to, int *errnum, cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep) int fd = openat(e->fd, name, O_RDONLY | O_CLOEXEC);

    *errnum = 0;
    cocos__buf_reset(to);
    if (fd < 0)
        return fail_attribute(err, "open", name);
    for (;;) {
        uint8_t *p = cocos__buf_room(to, 4096);
        if (!p)
            return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                               "configfs-tsm: %s is larger than %d bytes", name,
                               COCOS__TSM_BLOB_MAX);
        ssize_t n = read(fd, p, 4096);
        to->len -= 4096 - (n > 0 ? (size_t)n : 0);
        if (n < 0 && errno != EINTR) {
            *errnum = errno;
            return fail_attribute(err, "read", name);
        }
        if (n == 0)
            return COCOS_OK;
    }
}

static int read_text(const entry *e, const char *name, char value[VALUE_MAX], cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep) int fd = openat(e->fd, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_attribute(err, "open", name);
    ssize_t n = read(fd, value, VALUE_MAX - 1);
    if (n < 0)
        return fail_attribute(err, "read", name);
    value[n] = '\0';
    value[strcspn(value, "\n")] = '\0';
    return COCOS_OK;
}

static int
read_number(const entry *e, const char *name, uint64_t max, uint64_t *ret, cocos_error **err)
{
    char value[VALUE_MAX];
    char *end = NULL;

    int r = read_text(e, name, value, err);
    if (r < 0)
        return r;
    errno = 0;
    unsigned long long v = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || v > max)
        return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                           "configfs-tsm: %s is no number of at most %llu", name,
                           (unsigned long long)max);
    *ret = v;
    return COCOS_OK;
}

/* What a binary attribute got counts when it is closed. */
static int
write_attribute(entry *e, const char *name, const void *data, size_t len, cocos_error **err)
{
    int fd = openat(e->fd, name, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_attribute(err, "open", name);
    ssize_t n = write(fd, data, len);
    if (n >= 0 && (size_t)n < len)
        errno = EIO;
    int failed = n < 0 || (size_t)n < len;
    int saved = errno;
    if (close(fd) < 0 && !failed) {
        failed = 1;
        saved = errno;
    }
    errno = saved;
    e->writes++;
    return failed ? fail_attribute(err, "write", name) : COCOS_OK;
}

/* ---- entries ---- */

static void entry_close(entry *e)
{
    if (e->fd >= 0)
        close(e->fd);
    if (*e->path)
        rmdir(e->path);
}

static int entry_open(entry *e, const char *dir, cocos_error **err)
{
    uint8_t random[8];
    char hex[2 * sizeof random + 1];

    cocos__random(random, sizeof random);
    cocos__hex_encode(random, sizeof random, hex);
    *e = (entry){.fd = -1};
    if (snprintf(e->path, sizeof e->path, "%s/cocos-%s", dir, hex) >= (int)sizeof e->path) {
        *e->path = '\0';
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "the path of configfs-tsm is too long");
    }
    if (mkdir(e->path, 0700) < 0) {
        *e->path = '\0';
        if (errno == ENXIO) /* the module is loaded, and no driver uses it */
            return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.device",
                               "no driver gives reports by %s", dir);
        return cocos__fail_errno(err, errno, "evidence.device", "cannot ask %s for a report", dir);
    }
    e->fd = open(e->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return e->fd < 0 ? fail_attribute(err, "open", "the directory of a request") : COCOS_OK;
}

int cocos__tsm_probe(const char *dir, const char *driver, int *svsm, cocos_error **err)
{
    COCOS__CLEANUP(entry_close) entry e = {.fd = -1};
    char found[VALUE_MAX];

    if (access(dir, F_OK) < 0)
        return cocos__fail_errno(err, errno, "evidence.device", "cannot use %s", dir);
    int r = entry_open(&e, dir, err);
    if (r == COCOS_OK)
        r = read_text(&e, "provider", found, err);
    if (r < 0)
        return r;
    if (strcmp(found, driver) != 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.device",
                           "configfs-tsm is served by %s, not by %s", found, driver);
    *svsm = has(&e, "service_provider");
    return COCOS_OK;
}

/* ---- a report ---- */

static int write_level(entry *e, int vmpl, cocos_error **err)
{
    uint64_t floor = 0;
    char text[16];
    int r = COCOS_OK;

    if (!has(e, "privlevel"))
        return COCOS_OK; /* TDX has none */
    if (has(e, "privlevel_floor"))
        r = read_number(e, "privlevel_floor", 3, &floor, err);
    if (r < 0)
        return r;
    if (vmpl >= 0 && (uint64_t)vmpl < floor)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.vmpl",
                           "a report at VMPL %d is wanted, and this guest may ask for %d or above",
                           vmpl, (int)floor);
    int len = snprintf(text, sizeof text, "%d", vmpl >= 0 ? vmpl : (int)floor);
    return write_attribute(e, "privlevel", text, (size_t)len, err);
}

/* All services of the SVSM: no service_guid (cocos-v1 section 1 has the services manifest). */
static int write_request(entry *e, const cocos__ask *ask, int vmpl, int svsm, cocos_error **err)
{
    int r = read_number(e, "generation", UINT64_MAX, &e->first, err);

    if (r == COCOS_OK)
        r = svsm ? write_attribute(e, "service_provider", "svsm", 4, err)
                 : write_level(e, vmpl, err);
    return r < 0 ? r : write_attribute(e, "inblob", ask->report_data, sizeof ask->report_data, err);
}

/* A driver that serves somebody else says EBUSY; so does one whose host asks for patience. */
static int read_report(const entry *e, const cocos__ask *ask, cocos__buf *to, cocos_error **err)
{
    for (;;) {
        COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
        int errnum;
        int r = read_blob(e, "outblob", to, &errnum, &why);
        if (r == COCOS_OK || (errnum != EBUSY && errnum != EAGAIN)) {
            if (err)
                *err = COCOS__STEAL(why);
            return r;
        }
        r = cocos__ask_pause(ask, PAUSE_NS, err);
        if (r < 0)
            return r;
    }
}

static int read_rest(const entry *e, int svsm, cocos__tsm_answer *a, cocos_error **err)
{
    int errnum;
    int r = has(e, "auxblob") ? read_blob(e, "auxblob", &a->extra, &errnum, err) : COCOS_OK;

    return r == COCOS_OK && svsm ? read_blob(e, "manifestblob", &a->manifest, &errnum, err) : r;
}

/* 1: done; 0: somebody else wrote into the directory meanwhile, and the answer may be theirs. */
static int report_once(const char *dir,
                       const cocos__ask *ask,
                       int vmpl,
                       int svsm,
                       cocos__tsm_answer *ret,
                       cocos_error **err)
{
    COCOS__CLEANUP(entry_close) entry e = {.fd = -1};
    uint64_t generation = 0;

    int r = entry_open(&e, dir, err);
    if (r == COCOS_OK)
        r = write_request(&e, ask, vmpl, svsm, err);
    if (r == COCOS_OK)
        r = read_report(&e, ask, &ret->report, err);
    if (r == COCOS_OK)
        r = read_rest(&e, svsm, ret, err);
    if (r == COCOS_OK)
        r = read_number(&e, "generation", UINT64_MAX, &generation, err);
    return r < 0 ? r : generation - e.first == e.writes;
}

int cocos__tsm_report(const char *dir,
                      const cocos__ask *ask,
                      int vmpl,
                      int svsm,
                      cocos__tsm_answer *ret,
                      cocos_error **err)
{
    for (int i = 0; i < TRIES; i++) {
        int r = cocos__ask_goes_on(ask, err);
        if (r == COCOS_OK)
            r = report_once(dir, ask, vmpl, svsm, ret, err);
        if (r != 0)
            return r < 0 ? r : COCOS_OK;
    }
    return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                       "configfs-tsm: somebody else writes into the directory of each request");
}
