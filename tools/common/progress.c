/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define REDRAW_NS 100000000

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int terminal_width(void)
{
    struct winsize w;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

void tool_progress_start(tool_progress *p, tool *t, const char *label)
{
    const char *term = getenv("TERM");

    *p = (tool_progress){.t = t, .label = label, .started_ns = now_ns()};
    p->terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

void tool_progress_line(char *out,
                        size_t cap,
                        int width,
                        const char *label,
                        uint64_t done,
                        uint64_t total,
                        uint64_t moved,
                        int64_t elapsed_ns)
{
    char size[32], whole[32], rate[32] = "-", left[32] = "-";
    double seconds = (double)elapsed_ns / 1e9;
    double speed = seconds > 0 ? (double)moved / seconds : 0;

    tool_size_text(size, sizeof size, done);
    tool_size_text(whole, sizeof whole, total);
    if (speed >= 1) {
        tool_size_text(rate, sizeof rate, (uint64_t)speed);
        double rest = (double)(total > done ? total - done : 0) / speed;
        if (rest < 360000)
            tool_duration_text(left, sizeof left, (int64_t)(rest * 1e9));
    }
    snprintf(out, cap, "%s  %3u%%  %s of %s  %s/s  %s left", label,
             total ? (unsigned)((double)done * 100 / (double)total) : 100, size, whole, rate, left);
    if (width > 0 && (size_t)width < cap)
        out[width] = '\0';
}

static void draw(tool_progress *p, uint64_t done, uint64_t total, int64_t now)
{
    char text[256];

    tool_progress_line(text, sizeof text, p->terminal ? terminal_width() - 1 : 0, p->label, done,
                       total, done - p->first, now - p->started_ns);
    fprintf(stderr, p->terminal ? "\r%s\033[K" : "%s\n", text);
    p->shown = p->terminal;
}

int tool_progress_update(void *progress, uint64_t done, uint64_t total)
{
    tool_progress *p = progress;
    int64_t now = now_ns();
    int tenth = total ? (int)((double)done * 10 / (double)total) : 10;

    if (p->t->quiet || p->t->json)
        return 0;
    if (!p->has_first || done < p->first) {
        p->first = done;
        p->has_first = 1;
    }
    if (p->terminal) {
        if (p->drawn_ns && now - p->drawn_ns < REDRAW_NS)
            return 0;
        p->drawn_ns = now;
        draw(p, done, total, now);
    } else if (p->t->verbose && tenth > p->tenth) {
        p->tenth = tenth;
        draw(p, done, total, now);
    }
    return 0;
}

void tool_progress_end(tool_progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = 0;
}
