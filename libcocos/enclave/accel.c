/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does KVM work? On some hosts /dev/kvm opens and libvirt says kvm, but guests end in an internal
 * error with QEMU alive for ever. So: the CPU must have the extension, and a guest must really run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "enclave/local.h"

#define ROM_SIZE       65536
#define RESET_VECTOR   0xfff0 /* of a 64 KiB ROM: Intel SDM 3A section 10.1.4, FFFFFFF0h */
#define EXIT_PORT      0xf4
#define EXIT_VALUE     0x21
#define EXIT_STATUS    ((EXIT_VALUE << 1) | 1) /* what isa-debug-exit makes of it */
#define RUN_TIMEOUT_MS 10000

/* The whole guest: mov al, 0x21; out 0xf4, al; hlt; jmp to the hlt. */
static const uint8_t guest_code[] = {0xb0, EXIT_VALUE, 0xe6, EXIT_PORT, 0xf4, 0xeb, 0xfd};

static int write_rom(char *path, cocos_error **err)
{
    static uint8_t rom[ROM_SIZE];

    COCOS__CLEANUP(cocos__closep) int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.create", "cannot make %s", path);
    memcpy(rom + RESET_VECTOR, guest_code, sizeof guest_code);
    return cocos__write_full(fd, rom, sizeof rom, path, err);
}

/* Exit status of a child, which is killed when it takes too long; -1 then. */
static int wait_for(pid_t pid)
{
    int status = 0;
    COCOS__CLEANUP(cocos__closep) int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = handle, .events = POLLIN};

    if (handle < 0 || poll(&p, 1, RUN_TIMEOUT_MS) <= 0)
        kill(pid, SIGKILL); /* our own child that was not waited for: the number is still its */
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_qemu(const char *emulator, const char *accel, const char *rom)
{
    extern char **environ;
    char accel_arg[32];
    pid_t pid;
    posix_spawn_file_actions_t actions;

    snprintf(accel_arg, sizeof accel_arg, "accel=%s", accel);
    char *argv[] = {(char *)emulator,
                    (char *)"-nodefaults",
                    (char *)"-no-user-config",
                    (char *)"-display",
                    (char *)"none",
                    (char *)"-machine",
                    accel_arg,
                    (char *)"-m",
                    (char *)"16",
                    (char *)"-device",
                    (char *)"isa-debug-exit,iobase=0xf4,iosize=1",
                    (char *)"-bios",
                    (char *)rom,
                    NULL};
    posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    int e = posix_spawn(&pid, emulator, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return e == 0 ? wait_for(pid) : -1;
}

int cocos__tiny_guest_runs(const char *emulator, const char *accel)
{
    char rom[] = "/tmp/cocos-guest-XXXXXX";

    if (write_rom(rom, NULL) < 0)
        return 0;
    int status = run_qemu(emulator, accel, rom);
    unlink(rom);
    return status == EXIT_STATUS;
}

static int cpu_has_extension(void)
{
    COCOS__CLEANUP(cocos__freep) char *line = NULL;
    size_t size = 0;
    int found = 0;
    FILE *f = fopen("/proc/cpuinfo", "re");

    while (f && !found && getline(&line, &size, f) > 0)
        found = strncmp(line, "flags", 5) == 0 && (strstr(line, " vmx") || strstr(line, " svm"));
    if (f)
        fclose(f);
    return found;
}

/* The outcome holds for this boot and this QEMU. */
static int cache_line(const char *emulator, const char *boot_id, char out[128])
{
    struct stat st;

    if (stat(emulator, &st) < 0)
        return 0;
    snprintf(out, 128, "%s %lld %lld ", boot_id, (long long)st.st_mtime, (long long)st.st_size);
    return 1;
}

int cocos__kvm_works(const char *emulator, const char *state_dir, const char *boot_id)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf cached = {0};
    char path[300];
    char line[128];

    if (!cpu_has_extension() || access("/dev/kvm", R_OK | W_OK) < 0 ||
        !cache_line(emulator, boot_id, line))
        return 0;
    cocos__buf_init(&cached, 8192);
    snprintf(path, sizeof path, "%s/accel", state_dir);
    size_t n = strlen(line);
    if (cocos__read_file(path, 256, &cached, NULL) == COCOS_OK && cached.len == n + 1 &&
        memcmp(cached.data, line, n) == 0)
        return cached.data[n] == '1';

    int works = cocos__tiny_guest_runs(emulator, "kvm");
    snprintf(line + n, sizeof line - n, "%d", works);
    (void)cocos__write_file(path, line, n + 1, 0600, NULL);
    return works;
}
