/* SPDX-License-Identifier: Apache-2.0 */
/* cocos-agent: the agent as a program, in a guest or as a plain process. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cocos/agent.h>
#include <cocos/key.h>

#include "log.h"
#include "tool.h"

#define STOP_NS INT64_C(5000000000) /* for calls that run at SIGTERM */

/*
 * Option, environment variable (protocol.md 4.1 and 3.1), and what they set. Configuration files
 * are not read on purpose: in a guest /etc/cocos belongs to the host.
 */
static const struct source {
    const char *option;
    const char *env;
    const char *name;
} sources[] = {
    {"state", NULL, "state_dir"},
    {"listen", NULL, "listen"},
    {"unix", NULL, "unix"},
    {"cvms", "AGENT_CVM_GRPC_URL", "cvms_url"},
    {"id", "AGENT_CVM_ID", "cvm_id"},
    {"certs", NULL, "certs_dir"},
    {"cvms-cert", "AGENT_CVM_GRPC_CLIENT_CERT", "cvms_cert"},
    {"cvms-key", "AGENT_CVM_GRPC_CLIENT_KEY", "cvms_key"},
    {"cvms-ca", "AGENT_CVM_GRPC_SERVER_CA_CERTS", "cvms_ca"},
    {"max-asset", NULL, "max_asset"},
    {"max-total", NULL, "max_total"},
    {"crun", NULL, "crun"},
    {"evidence", NULL, "evidence"},
    {"require", NULL, "require"},
    {"simulator", NULL, "simulator"},
    {"tcti", NULL, "tcti"},
    {"vmpl", NULL, "vmpl"},
    {"tsm-dir", NULL, "tsm_dir"},
    {"sev-guest", NULL, "sev_guest"},
    {"tdx-guest", NULL, "tdx_guest"},
    {"security-dir", NULL, "security_dir"},
};

static const tool_option options[] = {
    {"state", 0, "DIR", "private directory of this agent (default /var/lib/cocos/agent)", 0, NULL},
    {"listen", 0, "ADDRESS", "where parties connect by TLS (default 0.0.0.0:7002)", 0, NULL},
    {"unix", 0, "PATH", "also a local socket, for development", 0, NULL},
    {"cvms", 0, "ADDRESS", "computation-management server (default localhost:7001; empty: none)", 0,
     NULL},
    {"id", 0, "ID", "name of this virtual machine for that server", 0, NULL},
    {"certs", 0, "DIR", "what stands for /etc/certs", 0, NULL},
    {"cvms-cert", 0, "NAME", "own certificate towards that server, /etc/certs/NAME", 0, NULL},
    {"cvms-key", 0, "NAME", "its key, /etc/certs/NAME", 0, NULL},
    {"cvms-ca", 0, "NAME", "roots for that server's certificate, /etc/certs/NAME", 0, NULL},
    {"environment", 0, "FILE", "take settings from the host's environment file, strictly", 0, NULL},
    {"max-asset", 0, "BYTES", "largest asset (default 64G)", 0, NULL},
    {"max-total", 0, "BYTES", "most bytes of all assets together (default 256G)", 0, NULL},
    {"unlimited", 0, NULL, "run jobs also where their limits cannot be enforced", 0, NULL},
    {"evidence", 0, "NAMES", "make evidence by these: tpm, snp, tdx, sim-snp, sim-tdx (default: what is there)", 0,
     NULL},
    {"require", 0, "NAMES", "refuse to start without these kinds of evidence", 0, NULL},
    {"simulator", 0, "DIR", "keys of the simulator", 0, NULL},
    {"tcti", 0, "TEXT", "how to reach the TPM (default: device:/dev/tpmrm0)", 0, NULL},
    {"vmpl", 0, "N", "privilege level of the SNP report (default: the lowest that may be asked for)", 0, "0|1|2|3"},
    {"tsm-dir", 0, "DIR", "configfs-tsm reports (default /sys/kernel/config/tsm/report)", 0, NULL},
    {"sev-guest", 0, "PATH", "device of SNP (default /dev/sev-guest)", 0, NULL},
    {"tdx-guest", 0, "PATH", "device of TDX (default /dev/tdx_guest)", 0, NULL},
    {"security-dir", 0, "DIR", "event log and IMA list (default /sys/kernel/security)", 0, NULL},
    {"compat", 0, NULL, "serve the old protocol too", 0, NULL},
    {"crun", 0, "PATH", "the container runtime (default crun)", 0, NULL},
    {"log-level", 0, "LEVEL", "error, warn, info or debug (default info)", 0, NULL},
    {"log-format", 0, "FORMAT", "of the log on stderr (default text)", 0, "text|json"},
    {NULL, 0, NULL, NULL, 0, NULL},
};

static const tool_option globals[] = {TOOL_GLOBAL_OPTIONS, {NULL, 0, NULL, NULL, 0, NULL}};

static void options_freep(cocos_agent_service_options **o)
{
    cocos_agent_service_options_free(*o);
}

static void service_freep(cocos_agent_service **s)
{
    cocos_agent_service_free(*s);
}

/* An option wins over the environment. In a guest init starts the agent with an empty one. */
static int apply(tool *t, const struct source *s, cocos_agent_service_options *o)
{
    cocos_error *err = NULL;
    const char *value = tool_args_get(t->args, s->option);

    if (!value && s->env)
        value = getenv(s->env);
    if (!value || (!*value && strcmp(s->option, "cvms") != 0))
        return 0;
    return cocos_agent_service_options_set(o, s->name, value, &err) < 0 ? tool_fail_error(t, err)
                                                                        : 0;
}

static int apply_environment(tool *t, cocos_agent_service_options *o, char **level)
{
    const char *path = tool_args_get(t->args, "environment");
    cocos_error *err = NULL;

    if (!path)
        return 0;
    return cocos_agent_service_options_set_environment(o, path, level, &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

static int refuse_unsupported(tool *t)
{
    if (tool_args_count(t->args, "compat"))
        return tool_fail(t, COCOS_ERR_UNSUPPORTED, "agent.unsupported.compat",
                         "this version does not serve the old protocol");
    return 0;
}

static int set_log(tool *t, const char *from_environment)
{
    const char *format = tool_args_get(t->args, "log-format");
    const char *level = tool_args_get(t->args, "log-level");

    if (!level && from_environment && *from_environment)
        level = from_environment;
    if (!level)
        level = getenv("AGENT_LOG_LEVEL");
    if (tool_log_start(format && strcmp(format, "json") == 0, level && *level ? level : "info") <
        0)
        return tool_fail(t, COCOS_ERR_USAGE, "option.value",
                         "a log level is error, warn, info or debug");
    return 0;
}

static int configure(tool *t, cocos_agent_service_options *o)
{
    cocos_error *err = NULL;
    char *level = NULL;
    int code = refuse_unsupported(t);

    if (code == 0)
        code = set_log(t, NULL);
    if (code == 0)
        code = apply_environment(t, o, &level);
    if (code == 0 && level)
        code = set_log(t, level);
    cocos_free_text(level);
    for (size_t i = 0; code == 0 && i < sizeof sources / sizeof *sources; i++)
        code = apply(t, &sources[i], o);
    if (code == 0 && tool_args_count(t->args, "unlimited") &&
        cocos_agent_service_options_set(o, "unlimited", "1", &err) < 0)
        code = tool_fail_error(t, err);
    return code;
}

static int serve(tool *t, const cocos_agent_service_options *o, const sigset_t *ends)
{
    TOOL_CLEANUP(service_freep) cocos_agent_service *s = NULL;
    cocos_error *err = NULL;
    int number = 0;

    if (cocos_agent_service_start(o, &s, &err) < 0)
        return tool_fail_error(t, err);
    const char *platform = cocos_agent_service_platform(s);
    if (strcmp(platform, "none") == 0 || strstr(platform, "sim-"))
        tool_log_line("NOT CONFIDENTIAL: no evidence but what is simulated", "platform", platform, NULL, NULL);
    tool_log_line("listening", "address", cocos_agent_service_address(s), "pin",
                   cocos_agent_service_pin(s));
    while (sigwait(ends, &number) != 0)
        continue;
    tool_log_line("stopping", NULL, NULL, NULL, NULL);
    cocos_agent_service_stop(s, cocos_deadline_in(STOP_NS));
    return 0;
}

static int run(tool *t)
{
    TOOL_CLEANUP(options_freep) cocos_agent_service_options *o = NULL;
    cocos_error *err = NULL;
    sigset_t ends;

    /* All threads inherit this, so that only sigwait() below takes these signals. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is a full disk, not the end */
    mallopt(M_ARENA_MAX, 2);  /* each arena keeps what its busiest moment took */

    if (cocos_agent_service_options_new(&o, &err) < 0)
        return tool_fail_error(t, err);
    int code = configure(t, o);
    if (code != 0)
        return code;
    return serve(t, o, &ends);
}

static const tool_command commands[] = {
    {.name = "",
     .args = "",
     .summary = "serve one virtual machine's computations",
     .options = {options},
     .run = run},
    {.name = NULL},
};

static const tool_program program = {
    .name = "cocos-agent",
    .summary = "Take a manifest, the parties' assets, run the job, deliver the result",
    .text =
        "Without options the agent listens on port 7002 and connects to localhost:7001. It writes its\n"
        "log to stderr; the pin in it is what clients trust as AGENT_GRPC_PIN.",
    .globals = globals,
    .commands = commands,
};

int main(int argc, char **argv)
{
    /* tpm2-tss writes to stderr of its own accord; what goes wrong with a TPM is in our log. */
    setenv("TSS2_LOG", "all+none", 0);
    return tool_main(&program, NULL, argc, argv);
}
