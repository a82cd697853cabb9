/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of the guest image. It mounts, loads, configures and then watches cocos-agent; it starts no
 * shell and reads nothing that the host can choose but the measured command line. Every failure
 * switches the machine off with the reason on the console.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* x86 kernels take at most 2048 (COMMAND_LINE_SIZE). */
#define COMMAND_LINE_MAX 4096

static void print_line(const char *prefix, const char *format, va_list args)
{
    char line[512];
    int n = snprintf(line, sizeof line, "%s", prefix);

    vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    strcat(line, "\n");
    /* Nothing can be done about a console that does not take it. */
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return;
}

void init_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("EOS ", format, args);
    va_end(args);
}

void init_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("EOS FAIL ", format, args);
    va_end(args);
    init_power_off();
}

void init_power_off(void)
{
    kill(-1, SIGKILL);
    sync();
    tcdrain(STDERR_FILENO);
    reboot(RB_POWER_OFF);
    /* Without ACPI there is no off; a panic ends the guest as well. */
    _exit(1);
}

double init_uptime(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void init_open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* a command line without a console */
    if (fd < 0)
        init_fail("cannot open /dev/console: %s", strerror(errno));

    for (int i = 0; i < 3; i++)
        if (fd != i && dup2(fd, i) < 0)
            init_fail("cannot set up descriptor %d: %s", i, strerror(errno));
    if (fd > 2)
        close(fd);
}

static void read_options(eos_options *o)
{
    char line[COMMAND_LINE_MAX];
    char why[128];

    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        init_fail("cannot open /proc/cmdline: %s", strerror(errno));
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n < 0 || n == sizeof line - 1)
        init_fail("the command line cannot be read or is longer than %d bytes",
                  COMMAND_LINE_MAX - 2);
    line[n] = '\0';
    if (eos_cmdline_parse(line, o, why, sizeof why) < 0)
        init_fail("%s", why);
}

int main(void)
{
    eos_options options;

    if (getpid() != 1) {
        fputs("this is the init of the cocos guest image: it runs as PID 1 only\n", stderr);
        return 2;
    }
    /* Ctrl-Alt-Del becomes a signal to us instead of a reset. */
    reboot(RB_DISABLE_CAD);
    init_mount_root();
    init_mount_kernel();
    init_open_console();
    init_say("userspace uptime=%.2f", init_uptime());

    read_options(&options);
    init_insert_modules();
    init_mount_late();
    init_enable_controllers();
    init_say("modules uptime=%.2f", init_uptime());

    init_network_up();
    init_mount_shares(&options);
    init_say("mounts uptime=%.2f", init_uptime());
    init_supervise(&options);
}
