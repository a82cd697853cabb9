/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_SWTPM_H
#define COCOS_TESTS_SWTPM_H

/*
 * A software TPM of a test's own, on Unix sockets in its scratch directory, and a proxy before it
 * that can hold answers back, change them, or cut the line.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "scratch.h"

typedef struct swtpm {
    scratch dir;
    pid_t pid;
    char tcti[128]; /* for the attester's options */
} swtpm;

static inline struct sockaddr_un swtpm_address(const char *dir, const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", dir, name) >= (int)sizeof a.sun_path)
        abort();
    return a;
}

/* Also called by threads, where Check's assertions may not be used. */
static inline int swtpm_dial(const char *dir, const char *name)
{
    struct sockaddr_un a = swtpm_address(dir, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        abort();
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline void swtpm_run(const char *dir)
{
    char state[128];
    char server[128];
    char control[128];

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
    snprintf(state, sizeof state, "%s/swtpm.log", dir);
    int log = open(state, O_WRONLY | O_CREAT, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    snprintf(state, sizeof state, "dir=%s", dir);
    snprintf(server, sizeof server, "type=unixio,path=%s/tpm", dir);
    snprintf(control, sizeof control, "type=unixio,path=%s/tpm.ctrl", dir);
    execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl",
           control, "--flags", "not-need-init,startup-clear", (char *)NULL);
    _exit(127);
}

static inline swtpm swtpm_start(void)
{
    swtpm t = {.dir = scratch_new()};

    setenv("TSS2_LOG", "all+NONE", 0); /* the TSS would write to stderr */
    t.pid = fork();
    ck_assert_int_ge(t.pid, 0);
    if (t.pid == 0)
        swtpm_run(t.dir.path);
    for (int i = 0; i < 2; i++) { /* it listens on one after the other */
        int fd;
        for (int tries = 0; (fd = swtpm_dial(t.dir.path, i ? "tpm" : "tpm.ctrl")) < 0; tries++) {
            ck_assert_msg(tries < 2000 && waitpid(t.pid, NULL, WNOHANG) == 0,
                          "swtpm does not start");
            poll(NULL, 0, 10);
        }
        close(fd);
    }
    snprintf(t.tcti, sizeof t.tcti, "swtpm:path=%s/tpm", t.dir.path);
    return t;
}

static inline void swtpm_kill(swtpm *t)
{
    if (t->pid > 0) {
        kill(t->pid, SIGKILL);
        waitpid(t->pid, NULL, 0);
    }
    t->pid = 0;
}

static inline void swtpm_stop(swtpm *t)
{
    swtpm_kill(t);
    scratch_free(&t->dir);
}

/* ---- the proxy ---- */

enum swtpm_mode {
    SWTPM_PASS,
    SWTPM_HOLD,    /* answers wait until the mode changes */
    SWTPM_CORRUPT, /* the last byte of every answer is another */
    SWTPM_CUT      /* the line ends where an answer should come */
};

typedef struct swtpm_proxy {
    char dir[64]; /* of the TPM */
    atomic_int mode;
    atomic_int answers; /* so many seen */
    atomic_int ended;
    int listening[2]; /* data, control */
    pthread_t thread[2];
    char tcti[128];
} swtpm_proxy;

/* 0 when the line has ended. */
static inline int swtpm_forward(swtpm_proxy *p, int from, int to, int answer)
{
    uint8_t bytes[8192];
    ssize_t n = read(from, bytes, sizeof bytes);

    if (n <= 0)
        return 0;
    if (answer) {
        atomic_fetch_add(&p->answers, 1);
        while (atomic_load(&p->mode) == SWTPM_HOLD && !atomic_load(&p->ended))
            poll(NULL, 0, 5);
        if (atomic_load(&p->mode) == SWTPM_CUT)
            return 0;
        if (atomic_load(&p->mode) == SWTPM_CORRUPT)
            bytes[n - 1] ^= 0x41;
    }
    return write(to, bytes, (size_t)n) == n;
}

static inline void swtpm_serve(swtpm_proxy *p, int client, const char *name, int data)
{
    int tpm = swtpm_dial(p->dir, name);
    struct pollfd fds[] = {{client, POLLIN, 0}, {tpm, POLLIN, 0}};

    while (tpm >= 0 && !atomic_load(&p->ended)) {
        if (poll(fds, 2, 20) <= 0)
            continue;
        if (fds[0].revents && !swtpm_forward(p, client, tpm, 0))
            break;
        if (fds[1].revents && !swtpm_forward(p, tpm, client, data))
            break;
    }
    if (tpm >= 0)
        close(tpm);
    close(client);
}

static inline void swtpm_accept(swtpm_proxy *p, int i)
{
    while (!atomic_load(&p->ended)) {
        struct pollfd fd = {p->listening[i], POLLIN, 0};
        if (poll(&fd, 1, 20) <= 0)
            continue;
        int client = accept(p->listening[i], NULL, NULL);
        if (client >= 0)
            swtpm_serve(p, client, i ? "tpm.ctrl" : "tpm", i == 0);
    }
}

static inline void *swtpm_accept_data(void *user)
{
    swtpm_accept(user, 0);
    return NULL;
}

static inline void *swtpm_accept_control(void *user)
{
    swtpm_accept(user, 1);
    return NULL;
}

static inline swtpm_proxy *swtpm_proxy_start(const swtpm *to)
{
    swtpm_proxy *p = calloc(1, sizeof *p);

    ck_assert_ptr_nonnull(p);
    signal(SIGPIPE, SIG_IGN);
    memcpy(p->dir, to->dir.path, sizeof p->dir);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_un a = swtpm_address(to->dir.path, i ? "proxy.ctrl" : "proxy");
        p->listening[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(p->listening[i], (struct sockaddr *)&a, sizeof a), 0);
        ck_assert_int_eq(listen(p->listening[i], 8), 0);
    }
    ck_assert_int_eq(pthread_create(&p->thread[0], NULL, swtpm_accept_data, p), 0);
    ck_assert_int_eq(pthread_create(&p->thread[1], NULL, swtpm_accept_control, p), 0);
    snprintf(p->tcti, sizeof p->tcti, "swtpm:path=%s/proxy", to->dir.path);
    return p;
}

static inline void swtpm_proxy_stop(swtpm_proxy *p)
{
    atomic_store(&p->ended, 1);
    for (int i = 0; i < 2; i++) {
        pthread_join(p->thread[i], NULL);
        close(p->listening[i]);
    }
    free(p);
}

#endif
