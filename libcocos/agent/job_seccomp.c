/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job may ask of the kernel: a list of what computing on files needs. Everything else, and
 * every call that a later kernel adds, answers ENOSYS, for which programs have a fallback. Left out
 * on purpose: mounts, namespaces, ptrace and process_vm_*, bpf, perf, userfaultfd, io_uring, keys,
 * kernel modules, kexec, reboot, swap, clock setting, handles (open_by_handle_at), personality,
 * System V and POSIX message objects (memory outside every quota), quotas, syslog.
 */
#include "agent/job_seccomp.h"

#include <errno.h>
#include <linux/sched.h>
#include <sys/socket.h>

static const char allowed[] =
    /* files */
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 open openat openat2 creat "
    "close close_range stat fstat lstat newfstatat statx statfs fstatfs lseek access faccessat "
    "faccessat2 dup dup2 dup3 pipe pipe2 fcntl flock fsync fdatasync sync_file_range truncate ftruncate "
    "fallocate fadvise64 readahead getdents getdents64 getcwd chdir fchdir rename renameat renameat2 "
    "mkdir mkdirat rmdir link linkat unlink unlinkat symlink symlinkat readlink readlinkat chmod fchmod "
    "fchmodat fchmodat2 chown fchown lchown fchownat umask utime utimes utimensat futimesat mknod "
    "mknodat copy_file_range sendfile splice tee vmsplice ioctl getxattr lgetxattr fgetxattr listxattr "
    "llistxattr flistxattr inotify_init inotify_init1 inotify_add_watch inotify_rm_watch memfd_create "
    /* memory */
    "mmap munmap mprotect mremap msync madvise mincore brk mlock mlock2 munlock mlockall munlockall "
    "membarrier pkey_alloc pkey_free pkey_mprotect get_mempolicy "
    /* processes */
    "fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid getuid geteuid getgid "
    "getegid getgroups getresuid getresgid setuid setgid setreuid setregid setresuid setresgid setgroups "
    "setfsuid setfsgid getpgid getpgrp setpgid getsid setsid getpriority setpriority getrlimit setrlimit "
    "prlimit64 getrusage times prctl arch_prctl set_tid_address set_robust_list get_robust_list rseq "
    "kill tkill tgkill pidfd_open pidfd_send_signal sched_yield sched_getaffinity sched_setaffinity "
    "sched_getparam sched_getscheduler sched_getattr sched_get_priority_max sched_get_priority_min "
    "sched_rr_get_interval capget getcpu "
    /* signals and time */
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo "
    "rt_tgsigqueueinfo rt_sigsuspend sigaltstack signalfd signalfd4 pause alarm restart_syscall "
    "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getitimer setitimer "
    "timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create "
    "timerfd_settime timerfd_gettime "
    /* waiting */
    "futex futex_waitv epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll "
    "ppoll select pselect6 eventfd eventfd2 "
    /* Unix sockets; which families, see below */
    "bind connect listen accept accept4 getsockname getpeername sendto recvfrom sendmsg recvmsg sendmmsg "
    "recvmmsg shutdown setsockopt getsockopt "
    /* the rest */
    "uname sysinfo getrandom";

#define NEW_NAMESPACES                                                                             \
    ((unsigned long long)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |            \
                          CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET))

static void names_json(cocos__buf *b)
{
    cocos__buf_add_u8(b, '"');
    for (const char *c = allowed; *c; c++) {
        if (*c == ' ')
            cocos__buf_add_str(b, "\",\"");
        else
            cocos__buf_add_u8(b, (uint8_t)*c);
    }
    cocos__buf_add_u8(b, '"');
}

void cocos__job_seccomp_json(cocos__buf *b)
{
    cocos__buf_printf(
        b, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":%d,\"syscalls\":[", ENOSYS);
    cocos__buf_add_str(b, "{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[");
    names_json(b);
    /* clone3 hides its flags behind a pointer; without it glibc uses clone, whose flags we see */
    cocos__buf_printf(
        b,
        "]},{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"clone\"],\"args\":[{\"index\":0,"
        "\"value\":%llu,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},",
        NEW_NAMESPACES);
    cocos__buf_printf(b,
                      "{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"socket\",\"socketpair\"],"
                      "\"args\":[{\"index\":0,\"value\":%d,\"op\":\"SCMP_CMP_EQ\"}]},",
                      AF_UNIX);
    cocos__buf_printf(
        b,
        "{\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d,\"names\":[\"socket\","
        "\"socketpair\"],\"args\":[{\"index\":0,\"value\":%d,\"op\":\"SCMP_CMP_NE\"}]}]}",
        EAFNOSUPPORT, AF_UNIX);
}
