/* SPDX-License-Identifier: Apache-2.0 */
/* Starts cocos-agent, starts it again when it dies, and switches the machine off when asked to. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT "/usr/bin/cocos-agent"

/*
 * Exit codes of the kinds usage and malformed (doc/errors.md): options or an environment that the
 * agent refuses. No retry can change them.
 */
#define EXIT_USAGE     2
#define EXIT_MALFORMED 4

/*
 * Delay before start n+1: 0.2 s, doubled each time, at most 10 s. After RESTARTS_MAX deaths in a
 * row the guest gives up; an agent that ran for SETTLED_S seconds begins a new row.
 */
#define RESTARTS_MAX   6
#define DELAY_FIRST_MS 200
#define DELAY_MAX_MS   10000
#define SETTLED_S      60

/* From SIGTERM to SIGKILL, for the agent to end its job and wipe. */
#define STOP_S 10

#define BUTTONS_MAX 4

typedef struct supervisor {
    const char *argv[EOS_ARGV_MAX];
    int signals; /* signalfd */
    int buttons[BUTTONS_MAX];
    int n_buttons;
    pid_t agent; /* 0: not running */
    int status;  /* how it ended, as of waitpid */
    int restarts;
    double started;
} supervisor;

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT); /* Ctrl-Alt-Del */
    sigaddset(set, SIGPWR);
    sigprocmask(SIG_BLOCK, set, NULL);
}

__attribute__((noreturn)) static void run_agent(const supervisor *s)
{
    char *const no_environment[] = {NULL};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int fd = open("/dev/null", O_RDONLY);
    if (fd >= 0)
        dup2(fd, STDIN_FILENO);
    execve(AGENT, (char *const *)(uintptr_t)s->argv, no_environment);
    init_say("cannot start %s: %s", AGENT, strerror(errno));
    _exit(127);
}

static void start_agent(supervisor *s)
{
    pid_t pid = fork();
    if (pid < 0)
        init_fail("cannot fork: %s", strerror(errno));
    if (pid == 0)
        run_agent(s);

    s->agent = pid;
    s->started = init_uptime();
    init_say("agent started uptime=%.2f", s->started);
}

/* Collects every child that ended, orphans of others too. */
static void reap(supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != s->agent)
            continue;
        s->agent = 0;
        s->status = status;
    }
}

static void drain_signals(supervisor *s, int *stop)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            *stop = 1;
    reap(s);
}

/* Waits for something to happen, at most timeout_ms (-1: for ever); 1 when we are to stop. */
static int wait_event(supervisor *s, int timeout_ms)
{
    struct pollfd fds[1 + BUTTONS_MAX];
    int stop = 0;

    fds[0] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    for (int i = 0; i < s->n_buttons; i++)
        fds[1 + i] = (struct pollfd){.fd = s->buttons[i], .events = POLLIN};
    if (poll(fds, (nfds_t)(1 + s->n_buttons), timeout_ms) <= 0)
        return 0;

    drain_signals(s, &stop);
    for (int i = 0; i < s->n_buttons; i++)
        if (init_button_pressed(s->buttons[i]))
            stop = 1;
    return stop;
}

__attribute__((noreturn)) static void stop_all(supervisor *s)
{
    init_say("stopping");
    double end = init_uptime() + STOP_S;

    if (s->agent > 0)
        kill(s->agent, SIGTERM);
    while (s->agent > 0 && init_uptime() < end)
        wait_event(s, 100);
    init_say("power off uptime=%.2f", init_uptime());
    init_power_off();
}

/* No process of a job outlives the agent that started it. */
static void kill_leftovers(void)
{
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

static int next_delay_ms(const supervisor *s)
{
    int delay = DELAY_FIRST_MS;

    for (int i = 1; i < s->restarts && delay < DELAY_MAX_MS; i++)
        delay *= 2;
    return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

/* The agent ended by itself: decide whether to go on. */
static void account_death(supervisor *s)
{
    int signal = WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0;
    int code = WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 0;

    if (code == EXIT_USAGE || code == EXIT_MALFORMED)
        init_fail("the agent refused its environment or options");
    if (init_uptime() - s->started >= SETTLED_S)
        s->restarts = 0;
    if (++s->restarts > RESTARTS_MAX)
        init_fail("the agent died %d times in a row", s->restarts);
    if (signal)
        init_say("agent ended by signal %d, start %d", signal, s->restarts);
    else
        init_say("agent ended with code %d, start %d", code, s->restarts);
}

static void pause_before_restart(supervisor *s)
{
    double end = init_uptime() + next_delay_ms(s) / 1000.0;

    for (double left; (left = end - init_uptime()) > 0;)
        if (wait_event(s, (int)(left * 1000) + 1))
            stop_all(s);
}

/*
 * The kernel names processes in its messages (out of memory, traps), and a job chooses its
 * processes' names: on the console, which the host reads, that would be a way out. From here on
 * only emergencies, such as a panic, are shown there, whatever the command line asked for.
 */
static void silence_kernel(void)
{
    enum { CONSOLE_LEVEL = 8, EMERGENCIES = 1 }; /* syslog(2) */

    if (klogctl(CONSOLE_LEVEL, NULL, EMERGENCIES) < 0)
        init_fail("cannot silence the kernel's messages: %s", strerror(errno));
}

void init_supervise(const eos_options *o)
{
    supervisor s = {0};
    sigset_t set;

    block_signals(&set);
    s.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s.signals < 0)
        init_fail("cannot watch signals: %s", strerror(errno));
    s.n_buttons = init_open_buttons(s.buttons, BUTTONS_MAX);
    eos_agent_argv(o, s.argv);
    silence_kernel();

    for (;;) {
        start_agent(&s);
        while (s.agent > 0)
            if (wait_event(&s, -1))
                stop_all(&s);
        kill_leftovers();
        account_death(&s);
        pause_before_restart(&s);
    }
}
