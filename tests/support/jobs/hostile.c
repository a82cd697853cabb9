/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that misbehave, and jobs that look around: `hostile ACT [ARG]`. Linked static, so that the
 * same file runs in a test's sandbox and in a guest. An act that tries what must not work says
 * "REACHED what" when it worked, and "refused what" when not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void say(const char *what, int worked)
{
    printf("%s %s\n", worked ? "REACHED" : "refused", what);
}

static int act_exit(const char *arg)
{
    return atoi(arg);
}

/* By a fault: the first process of a namespace takes no signal from inside. */
static int act_signal(const char *arg)
{
    volatile int zero = 0;
    volatile int seven = 7;

    if (atoi(arg) == SIGSEGV)
        *(volatile int *)(uintptr_t)zero = 1;
    if (atoi(arg) == SIGFPE)
        return seven / zero;
    __builtin_trap(); /* SIGILL */
}

static int act_environment(const char *arg)
{
    char byte;

    (void)arg;
    for (char **e = environ; *e; e++)
        printf("env %s\n", *e);
    printf("stdin %zd\n", read(0, &byte, 1));
    printf("cwd %s\n", getcwd((char[256]){0}, 256));
    printf("uid %d %d pid %d\n", (int)getuid(), (int)getgid(), (int)getpid());
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("fd %d\n", fd);
    return 0;
}

static int act_write(const char *arg)
{
    static const char *const paths[] = {"/x",
                                        "/cocos/x",
                                        "/cocos/algo",
                                        "/cocos/datasets/x",
                                        "/etc/passwd",
                                        "/usr/x",
                                        "/cocos/datasets/a.csv",
                                        "/dev/x",
                                        "/bin/sh",
                                        "/proc/sys/kernel/hostname",
                                        "/proc/sysrq-trigger"};

    (void)arg;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        chmod(paths[i], 0777);
        int fd = open(paths[i], O_WRONLY | O_CREAT, 0666);
        say(paths[i], fd >= 0);
    }
    say("rename algo", rename("/cocos/algo", "/cocos/results/algo") == 0);
    say("unlink data", unlink("/cocos/datasets/a.csv") == 0);
    return 0;
}

static int act_look(const char *arg)
{
    static const char *const paths[] = {
        "/run",          "/sys",       "/home",          "/root",       "/var",     "/etc/shadow",
        "/etc/hostname", "/etc/certs", "/etc/cocos",     "/proc/kcore", "/dev/mem", "/dev/vda",
        "/dev/kvm",      "/proc/kmsg", "/dev/kmsg"};
    /* What makes evidence. These answer a read only after a write: to open one is enough. */
    static const char *const evidence[] = {
        "/dev/tpm0",
        "/dev/tpmrm0",
        "/dev/sev-guest",
        "/dev/tdx_guest",
        "/sys/kernel/security/tpm0/binary_bios_measurements",
        "/sys/kernel/security/integrity/ima/ascii_runtime_measurements",
        "/sys/kernel/config/tsm/report"};
    DIR *d;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char byte;
        int fd = open(paths[i], O_RDONLY | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);
        say(paths[i], n > 0 || (fd >= 0 && errno == EISDIR));
    }
    for (size_t i = 0; i < sizeof evidence / sizeof evidence[0]; i++)
        say(evidence[i], open(evidence[i], O_RDONLY | O_NONBLOCK) >= 0);
    say(arg, access(arg, F_OK) == 0);
    d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));)
        if (atoi(e->d_name) > 0 && atoi(e->d_name) != getpid())
            say("another process", 1);
    return 0;
}

static void try_sockets(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(80)};
    int s = socket(AF_INET, SOCK_STREAM, 0);

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    say("internet socket", s >= 0);
    say("loopback", s >= 0 && connect(s, (struct sockaddr *)&sin, sizeof sin) == 0);
    say("internet socket 6", socket(AF_INET6, SOCK_DGRAM, 0) >= 0);
    say("packet socket", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
    say("netlink socket", socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
    say("vsock socket", socket(AF_VSOCK, SOCK_STREAM, 0) >= 0);
    say("alg socket", socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0);
    if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
        printf("no Unix socket\n");
}

static int act_kernel(const char *arg)
{
    static const struct {
        const char *name;
        long nr;
    } calls[] = {{"bpf", SYS_bpf},
                 {"perf_event_open", SYS_perf_event_open},
                 {"userfaultfd", SYS_userfaultfd},
                 {"io_uring_setup", SYS_io_uring_setup},
                 {"add_key", SYS_add_key},
                 {"keyctl", SYS_keyctl},
                 {"init_module", SYS_init_module},
                 {"finit_module", SYS_finit_module},
                 {"kexec_load", SYS_kexec_load},
                 {"reboot", SYS_reboot},
                 {"swapon", SYS_swapon},
                 {"setns", SYS_setns},
                 {"open_by_handle_at", SYS_open_by_handle_at},
                 {"process_vm_readv", SYS_process_vm_readv},
                 {"clone3", SYS_clone3},
                 {"pivot_root", SYS_pivot_root},
                 {"chroot", SYS_chroot},
                 {"move_mount", SYS_move_mount},
                 {"fsopen", SYS_fsopen},
                 {"settimeofday", SYS_settimeofday},
                 {"sethostname", SYS_sethostname},
                 {"shmget", SYS_shmget},
                 {"personality", SYS_personality},
                 {"quotactl", SYS_quotactl}};

    (void)arg;
    try_sockets();
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        errno = 0;
        long r = syscall(calls[i].nr, 0, 0, 0, 0, 0, 0);
        say(calls[i].name, r >= 0 || errno != ENOSYS);
    }
    say("mount", mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || errno != ENOSYS);
    say("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    say("unshare", unshare(CLONE_NEWUSER) == 0);
    long p = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (p == 0)
        _exit(0);
    say("clone into a namespace", p > 0);
    say("device", mknod("/tmp/null", S_IFCHR | 0666, 1 << 8 | 3) == 0);
    say("setuid", setuid(0) == 0);
    return 0;
}

static _Noreturn int act_fork(const char *arg)
{
    (void)arg;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        if (fork() < 0)
            usleep(1000); /* the limit is reached: stay there, but leave the machine to others */
        setsid();
    }
}

/* How many children fit beside this process. */
static int act_count(const char *arg)
{
    int n = 0;

    (void)arg;
    for (pid_t p; n < 10000 && (p = fork()) >= 0; n++)
        if (p == 0) {
            pause();
            _exit(0);
        }
    printf("%d\n", n);
    return 0;
}

static int act_spin(const char *arg)
{
    struct timespec t;
    long ms = atol(arg);

    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
    return 0;
}

static _Noreturn int act_deaf(const char *arg)
{
    (void)arg;
    for (int i = 1; i < 65; i++)
        signal(i, SIG_IGN);
    if (fork() == 0)
        setsid();
    for (;;)
        sleep(1000);
}

static int act_print(const char *arg)
{
    static char block[65536];
    unsigned long long left = strtoull(arg, NULL, 10);

    memset(block, 'x', sizeof block);
    while (left > 0) {
        size_t n = left < sizeof block ? (size_t)left : sizeof block;
        ssize_t w = write(1, block, n);
        if (w < 0)
            return 9;
        left -= (unsigned long long)w;
    }
    fprintf(stderr, "done\n");
    return 0;
}

static int act_fill(const char *arg)
{
    static char block[65536];
    int fd = open(arg, O_WRONLY | O_CREAT, 0644);

    if (fd < 0)
        return 8;
    memset(block, 'x', sizeof block);
    while (write(fd, block, sizeof block) > 0)
        ;
    return errno == ENOSPC ? 7 : 6;
}

static int act_inodes(const char *arg)
{
    char name[64];

    (void)arg;
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "results/%d", i);
        if (mkdir(name, 0755) < 0)
            return errno == ENOSPC ? 7 : 6;
    }
}

static int act_memory(const char *arg)
{
    size_t n = (size_t)strtoull(arg, NULL, 10);
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return 7;
    memset(p, 1, n);
    return 0;
}

static int act_deep(const char *arg)
{
    int n = atoi(arg);

    if (chdir("results") < 0)
        return 8;
    for (int i = 0; i < n; i++)
        if (mkdir("dddddddddddddddddddd", 0000) < 0 || chmod("dddddddddddddddddddd", 0700) < 0 ||
            chdir("dddddddddddddddddddd") < 0)
            return 7;
    return 0;
}

/* What a hostile job may leave among its results; each kind alone. */
static int act_leave(const char *arg)
{
    int r = -1;

    if (strcmp(arg, "link") == 0)
        r = symlink("/etc/shadow", "results/link");
    else if (strcmp(arg, "dirlink") == 0)
        r = symlink("/", "results/link");
    else if (strcmp(arg, "fifo") == 0)
        r = mkfifo("results/fifo", 0666);
    else if (strcmp(arg, "socket") == 0)
        r = mknod("results/socket", S_IFSOCK | 0666, 0);
    else if (strcmp(arg, "reserved") == 0)
        r = mkdir("results/cocos-job", 0755) < 0
                ? -1
                : open("results/cocos-job/stdout", O_CREAT | O_WRONLY, 0600);
    else if (strcmp(arg, "names") == 0)
        r = open("results/\n\x1b[2J\xff..\\x", O_CREAT | O_WRONLY, 0000);
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*fn)(const char *arg);
    } acts[] = {{"exit", act_exit},     {"signal", act_signal}, {"environment", act_environment},
                {"write", act_write},   {"look", act_look},     {"kernel", act_kernel},
                {"fork", act_fork},     {"count", act_count},   {"spin", act_spin},
                {"deaf", act_deaf},     {"print", act_print},   {"fill", act_fill},
                {"inodes", act_inodes}, {"memory", act_memory}, {"deep", act_deep},
                {"leave", act_leave}};

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; argc > 1 && i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(argv[1], acts[i].name) == 0)
            return acts[i].fn(argc > 2 ? argv[2] : "");
    return 99;
}
