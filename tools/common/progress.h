/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_PROGRESS_H
#define COCOS_TOOLS_PROGRESS_H

/*
 * Progress of a transfer on stderr: on a terminal one line redrawn at most ten times a second, else
 * with -v a line each ten per cent, nothing with --quiet or --json.
 */

#include <stdint.h>

#include "tool.h"

typedef struct tool_progress {
    tool *t;
    const char *label;
    int terminal;
    int shown; /* a line stands on the terminal */
    int tenth; /* last tenth that was told */
    int64_t started_ns;
    int64_t drawn_ns;
    uint64_t first; /* bytes that were there before: resumed */
    int has_first;
} tool_progress;

void tool_progress_start(tool_progress *p, tool *t, const char *label);
/* A cocos_progress_fn; never cancels. */
int tool_progress_update(void *progress, uint64_t done, uint64_t total);
/* Clears the line. */
void tool_progress_end(tool_progress *p);

/* The line itself, at most `width` columns: label, per cent, size, rate, time left. */
void tool_progress_line(char *out,
                        size_t cap,
                        int width,
                        const char *label,
                        uint64_t done,
                        uint64_t total,
                        uint64_t moved,
                        int64_t elapsed_ns);

#endif
