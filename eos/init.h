/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EOS_INIT_H
#define COCOS_EOS_INIT_H

/*
 * The parts of the guest's PID 1. Each either does all of its work or calls init_fail(): a guest
 * that is not exactly what was measured does not run.
 */

#include "init_cmdline.h"

/* One line on the console: "EOS ..." */
__attribute__((format(printf, 1, 2))) void init_say(const char *format, ...);
/* "EOS FAIL ..." on the console, then power off. */
__attribute__((format(printf, 1, 2), noreturn)) void init_fail(const char *format, ...);
/* Kills what still runs and switches the machine off. */
__attribute__((noreturn)) void init_power_off(void);
/* Seconds since the kernel started. */
double init_uptime(void);

/* Console on 0, 1, 2. Needs /dev. */
void init_open_console(void);
/* A read-only root that pivot_root accepts, then the kernel's file systems. */
void init_mount_root(void);
void init_mount_kernel(void);
/* What needs modules, or comes from the host. */
void init_mount_late(void);
void init_mount_shares(const eos_options *o);
void init_enable_controllers(void);
/* In the order of the image's list. */
void init_insert_modules(void);
void init_network_up(void);
/* Runs the agent until the machine is to be switched off. */
__attribute__((noreturn)) void init_supervise(const eos_options *o);

/* File descriptors of the power buttons, at most max; returns how many. */
int init_open_buttons(int *fds, int max);
/* Empties one; 1 when the button was pressed. */
int init_button_pressed(int fd);

#endif
