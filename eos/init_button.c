/* SPDX-License-Identifier: Apache-2.0 */
/* The ACPI power button: how a hypervisor asks a guest to switch itself off. */
#include "init.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/input.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A guest has two or three input devices; the first of these numbers. */
#define EVENT_DEVICES 16

#define LONG_BITS (sizeof(unsigned long) * CHAR_BIT)

static int has_power_key(int fd)
{
    unsigned long keys[KEY_CNT / LONG_BITS + 1] = {0};

    if (ioctl(fd, EVIOCGBIT(EV_KEY, sizeof keys), keys) < 0)
        return 0;
    return (int)(keys[KEY_POWER / LONG_BITS] >> (KEY_POWER % LONG_BITS) & 1);
}

int init_open_buttons(int *fds, int max)
{
    int n = 0;

    for (int i = 0; i < EVENT_DEVICES && n < max; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/input/event%d", i);
        int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && has_power_key(fd))
            fds[n++] = fd;
        else if (fd >= 0)
            close(fd);
    }
    return n;
}

int init_button_pressed(int fd)
{
    struct input_event event;
    int pressed = 0;

    while (read(fd, &event, sizeof event) == sizeof event)
        if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1)
            pressed = 1;
    return pressed;
}
