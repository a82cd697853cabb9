/* SPDX-License-Identifier: Apache-2.0 */
/* cocos-manager: enclaves of this machine for those who may ask for them. */
#include <signal.h>
#include <stdlib.h>

#include "log.h"
#include "manager.h"

#define STOP_NS INT64_C(10000000000) /* for calls that run at SIGTERM */

static const tool_option globals[] = {TOOL_GLOBAL_OPTIONS, {NULL, 0, NULL, NULL, 0, NULL}};

static void host_options_freep(cocos_host_options **o)
{
    cocos_host_options_free(*o);
}

static void service_options_freep(cocos_manager_options **o)
{
    cocos_manager_options_free(*o);
}

static void host_closep(cocos_host **h)
{
    cocos_host_close(*h);
}

static void manager_freep(cocos_manager **m)
{
    cocos_manager_free(*m);
}

static int set_log(tool *t)
{
    const char *format = tool_args_get(t->args, "log-format");
    const char *level = tool_args_get(t->args, "log-level");

    if (!level)
        level = getenv("MANAGER_LOG_LEVEL");
    if (tool_log_start(format && format[0] == 'j', level && *level ? level : "info") < 0)
        return tool_fail(t, COCOS_ERR_USAGE, "option.value",
                         "a log level is error, warn, info or debug");
    return 0;
}

static int serve(tool *t,
                 const cocos_host_options *host_options,
                 const cocos_manager_options *options,
                 const sigset_t *ends)
{
    TOOL_CLEANUP(host_closep) cocos_host *host = NULL;
    TOOL_CLEANUP(manager_freep) cocos_manager *m = NULL;
    cocos_error *err = NULL;
    const char *address;
    int number = 0;

    if (cocos_host_open(host_options, 0, NULL, &host, &err) < 0 ||
        cocos_manager_start(host, options, &m, &err) < 0)
        return tool_fail_error(t, err);
    for (size_t i = 0; (address = cocos_manager_address(m, i)); i++)
        tool_log_line("listening", "address", address, NULL, NULL);
    if (cocos_manager_http_address(m))
        tool_log_line("listening", "http", cocos_manager_http_address(m), NULL, NULL);
    manager_notify("READY=1");
    while (sigwait(ends, &number) != 0)
        continue;
    tool_log_line("stopping; enclaves go on", NULL, NULL, NULL, NULL);
    manager_notify("STOPPING=1");
    cocos_manager_stop(m, cocos_deadline_in(STOP_NS));
    return 0;
}

static int run(tool *t)
{
    TOOL_CLEANUP(host_options_freep) cocos_host_options *host = NULL;
    TOOL_CLEANUP(service_options_freep) cocos_manager_options *service = NULL;
    cocos_error *err = NULL;
    sigset_t ends;

    /* All threads inherit this, so that only sigwait() takes these signals. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    /* libvirt would write notes on stderr, between the lines of our log; its errors come back to us. */
    setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0);

    int code = set_log(t);
    if (code == 0 &&
        (cocos_host_options_new(&host, &err) < 0 || cocos_manager_options_new(&service, &err) < 0))
        code = tool_fail_error(t, err);
    if (code == 0)
        code = manager_configure(t, host, service);
    return code ? code : serve(t, host, service, &ends);
}

static const tool_command commands[] = {
    {.name = "",
     .args = "",
     .summary = "run enclaves on this machine for its users",
     .options = {manager_options},
     .run = run},
    {.name = NULL},
};

static const tool_program program = {
    .name = "cocos-manager",
    .summary = "Start, watch and destroy enclaves on this machine",
    .text = "Enclaves go on when the manager ends; the next one takes them over. Users of this\n"
            "machine reach it by its Unix socket, others by TLS with a certificate.\n"
            "See cocos-manager(8) for the environment variables.\n",
    .globals = globals,
    .commands = commands,
};

int main(int argc, char **argv)
{
    return tool_main(&program, NULL, argc, argv);
}
