/* SPDX-License-Identifier: Apache-2.0 */
/* Opening libvirt: the system's daemon, or the driver inside this process. */
#include "enclave/libvirt/driver.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libvirt/virterror.h>

#include "base/fd.h"
#include "base/thread.h"
#include "enclave/libvirt/xml.h"

/*
 * Configuration of the embedded driver's root. No virtlogd (the console is read by us), no security
 * driver, cgroups or mount namespace: those need a service of the host, which the first try must
 * not. Production hosts run the daemon with its own configuration.
 */
static const char embedded_conf[] = "stdio_handler = \"file\"\n"
                                    "security_driver = \"none\"\n"
                                    "security_default_confined = 0\n"
                                    "namespaces = []\n"
                                    "cgroup_controllers = []\n"
                                    "user = \"+%u\"\n"
                                    "group = \"+%u\"\n"
                                    "dynamic_ownership = 0\n"
                                    "remember_owner = 0\n"
                                    "swtpm_user = \"+%u\"\n"
                                    "swtpm_group = \"+%u\"\n";

int cocos__fail_libvirt(cocos_error **err, const char *code, const char *what)
{
    const virError *e = virGetLastError();
    int status = COCOS_ERR_IO;
    char line[512];

    if (e && e->code == VIR_ERR_NO_DOMAIN)
        status = COCOS_ERR_NOT_FOUND;
    else if (e && e->code == VIR_ERR_NO_MEMORY)
        status = COCOS_ERR_MEMORY;
    else if (e && (e->code == VIR_ERR_AUTH_FAILED || e->code == VIR_ERR_AUTH_CANCELLED))
        status = COCOS_ERR_DENIED;

    cocos__libvirt_words(e && e->message ? e->message : "no reason given", line, sizeof line);
    return cocos__fail(err, status, code, "%s: %s", what, line);
}

/* libvirt prints errors unless told otherwise; a library does not print. */
static void stay_silent(void *user, virErrorPtr e)
{
    (void)user;
    (void)e;
}

static void *run_event_loop(void *user)
{
    (void)user;
    for (;;) {
        if (virEventRunDefaultImpl() < 0)
            usleep(100000); /* a loop that fails at once must not burn a CPU */
    }
    return NULL;
}

/*
 * One loop for the process, for ever: libvirt has no call to take it down again. An application
 * that registered a loop of its own before keeps it, libvirt ignores ours then.
 */
static int start_event_loop(cocos_error **err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int running;

    COCOS__LOCKED(&lock);
    if (running)
        return COCOS_OK;
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
        return cocos__fail_libvirt(err, "enclave.libvirt", "libvirt does not start");
    virSetErrorFunc(NULL, stay_silent);

    pthread_t thread;
    int r = cocos__thread_start(&thread, "cocos-libvirt", run_event_loop, NULL, err);
    if (r < 0)
        return r;
    pthread_detach(thread);
    running = 1;
    return COCOS_OK;
}

static int write_embedded_conf(const char *root, cocos_error **err)
{
    char path[PATH_MAX];
    char conf[1024];
    unsigned uid = (unsigned)getuid();
    unsigned gid = (unsigned)getgid();

    if ((size_t)snprintf(path, sizeof path, "%s/etc", root) >= sizeof path - 16)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "state directory has too long a path");
    int r = cocos__mkdirs(path, 0700, err);
    if (r < 0)
        return r;

    strcat(path, "/qemu.conf");
    if (access(path, F_OK) == 0) /* the operator's own */
        return COCOS_OK;
    int n = snprintf(conf, sizeof conf, embedded_conf, uid, gid, uid, gid);
    return cocos__write_file(path, conf, (size_t)n, 0600, err);
}

/* Threads that libvirt started while we were pinned would stay so, and QEMU after them. */
static void unpin_threads(const cpu_set_t *all)
{
    DIR *d = opendir("/proc/self/task");

    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        int tid = atoi(e->d_name);
        cpu_set_t mask;
        if (tid > 0 && sched_getaffinity(tid, sizeof mask, &mask) == 0 && CPU_COUNT(&mask) == 1)
            (void)sched_setaffinity(tid, sizeof *all, all);
    }
    closedir(d);
}

static int first_cpu(const cpu_set_t *set)
{
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, set))
            return i;
    return 0;
}

/*
 * libvirt caches what QEMU can do under the CPUID of the CPU that asks, and on some hosts that
 * differs from core to core: without pinning an open costs 8 s instead of 0.05 s.
 */
static virConnectPtr open_pinned(const char *uri)
{
    cpu_set_t all;
    cpu_set_t one;
    int pinned = sched_getaffinity(0, sizeof all, &all) == 0 && CPU_COUNT(&all) > 1;

    if (pinned) {
        CPU_ZERO(&one);
        CPU_SET(first_cpu(&all), &one);
        pinned = sched_setaffinity(0, sizeof one, &one) == 0;
    }
    virConnectPtr conn = virConnectOpen(uri);
    if (pinned) {
        (void)sched_setaffinity(0, sizeof all, &all);
        unpin_threads(&all);
    }
    return conn;
}

static int daemon_answers(void)
{
    return access("/run/libvirt/libvirt-sock", W_OK) == 0 ||
           access("/run/libvirt/virtqemud-sock", W_OK) == 0;
}

static int open_embedded(cocos__vmm *v, const char *root, cocos_error **err)
{
    char uri[PATH_MAX + 64];

    int r = write_embedded_conf(root, err);
    if (r < 0)
        return r;
    cocos__vmm_forget_unfinished(root);
    /* The path goes into a URI; what would need escaping there is refused (see options.c). */
    snprintf(uri, sizeof uri, "qemu:///embed?root=%s", root);
    v->conn = open_pinned(uri);
    v->embedded = 1;
    return v->conn ? COCOS_OK
                   : cocos__fail_libvirt(err, "enclave.libvirt",
                                         "libvirt's embedded driver does not open");
}

static int open_conn(cocos__vmm *v, const cocos__vmm_config *config, cocos_error **err)
{
    int automatic = strcmp(config->uri, "auto") == 0;

    if (strcmp(config->uri, "embed") == 0 || (automatic && !daemon_answers()))
        return open_embedded(v, config->root, err);

    v->conn = virConnectOpen(automatic ? "qemu:///system" : config->uri);
    if (v->conn)
        return COCOS_OK;
    if (automatic)
        return open_embedded(v, config->root, err);
    return cocos__fail_libvirt(err, "enclave.libvirt", "libvirt does not open");
}

int cocos__vmm_open(const cocos__vmm_config *config, cocos__vmm **ret, cocos_error **err)
{
    int r = start_event_loop(err);
    if (r < 0)
        return r;

    cocos__vmm *v = calloc(1, sizeof *v);
    if (!v)
        return cocos__fail_memory(err);
    v->event = config->event;
    v->user = config->user;
    v->lifecycle = v->io_error = -1;
    v->instance = strdup(config->instance);
    r = v->instance ? open_conn(v, config, err) : cocos__fail_memory(err);
    if (r == COCOS_OK)
        r = cocos__vmm_events_start(v, err);
    if (r < 0) {
        cocos__vmm_close(v);
        return r;
    }
    *ret = v;
    return COCOS_OK;
}

void cocos__vmm_close(cocos__vmm *v)
{
    if (!v)
        return;
    if (v->conn) {
        cocos__vmm_events_stop(v);
        virConnectClose(v->conn);
    }
    free(v->instance);
    free(v);
}
