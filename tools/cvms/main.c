/* SPDX-License-Identifier: Apache-2.0 */
/* cocos-cvms: a computation-management server for development and tests. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cocos/cvms.h>
#include <cocos/key.h>

#include "text.h"
#include "tool.h"

#define LINE_MAX_LEN 4096
#define PEM_MAX      (64u * 1024)
#define POLL_MS      100
#define POLICY_MAX   (4u * 1024 * 1024)

/* One run of the server. */
struct serving {
    tool *t;
    cocos_cvms *server;
    pthread_mutex_t output; /* one line at a time */
    const char *exit_when;
    atomic_int done;
    int attested; /* there is a policy: no manifest goes out without proof */
    size_t next; /* operand whose manifest is handed out next */
    char line[LINE_MAX_LEN];
    size_t line_len;
};

static const char *event_name(int event)
{
    static const char *const names[] = {
        "",      "connected", "disconnected", "manifest", "accepted", "refused",
        "state", "stopped",   "event",        "log",      "report",   "evidence",
    };
    return event > 0 && (size_t)event < sizeof names / sizeof *names ? names[event] : "unknown";
}

static void now_text(char out[32])
{
    struct timespec ts;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03ldZ", ts.tv_nsec / 1000000);
}

static void print_lines(struct serving *s, const char *head, const char *text)
{
    char clean[LINE_MAX_LEN];

    while (*text) {
        size_t n = strcspn(text, "\n");
        char *one = strndup(text, n);
        tool_clean(clean, sizeof clean, one ? one : "");
        tool_print(s->t, "%s %s\n", head, clean);
        free(one);
        text += n + (text[n] == '\n');
    }
}

static void print_event(struct serving *s,
                        int event,
                        const char *agent,
                        const char *id,
                        const char *name,
                        const char *text)
{
    char head[1024];
    char when[32];
    char what[512];

    now_text(when);
    snprintf(what, sizeof what, "%s %s%s%s%s%s", agent, event_name(event), *id ? " " : "", id,
             *name ? " " : "", name);
    tool_clean(head, sizeof head, what);
    if (event == COCOS_CVMS_REFUSED) {
        tool_print(s->t, "%s %s\n", when, head);
        print_lines(s, "   ", text);
    } else {
        tool_clean(what, sizeof what, text);
        tool_print(s->t, "%s %s%s%s\n", when, head, *what ? " " : "", what);
    }
    fflush(stdout);
}

static void on_event(
    void *user, int event, const char *agent, const char *id, const char *name, const char *text)
{
    struct serving *s = user;
    char when[32];

    pthread_mutex_lock(&s->output);
    if (s->t->json) {
        now_text(when);
        tool_emit_line(s->t, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "time", when, "event",
                                       event_name(event), "agent", tool_json_text(agent),
                                       "computation_id", tool_json_text(id), "name",
                                       tool_json_text(name), "text", tool_json_text(text)));
    } else {
        print_event(s, event, agent, id, name, text);
    }
    if (event == COCOS_CVMS_MANIFEST && !s->attested)
        tool_say(s->t, "%s: handed a manifest to %s", TOOL_NOT_CONFIDENTIAL, agent);
    if (s->exit_when && (strcmp(s->exit_when, event_name(event)) == 0 ||
                         (event == COCOS_CVMS_EVENT && strcmp(s->exit_when, name) == 0)))
        atomic_store(&s->done, 1);
    pthread_mutex_unlock(&s->output);
}

static int run_file(struct serving *s, const char *path, const char *agent, cocos_error **err)
{
    cocos_manifest *m = NULL;

    int r = cocos_manifest_from_file(path, &m, err);
    if (r == COCOS_OK)
        r = cocos_cvms_run(s->server, agent, m, err);
    cocos_manifest_free(m);
    return r;
}

/* Commands on stdin; what is wrong with one is said and the server goes on. */
static void obey(struct serving *s, char *line)
{
    cocos_error *err = NULL;
    int r = COCOS_OK;
    char *rest = NULL;
    const char *verb = strtok_r(line, " \t", &rest);
    const char *a = verb ? strtok_r(NULL, " \t", &rest) : NULL;
    const char *b = a ? strtok_r(NULL, " \t", &rest) : NULL;

    if (!verb)
        return;
    if (strcmp(verb, "state") == 0)
        r = cocos_cvms_ask_state(s->server, a, &err);
    else if (strcmp(verb, "stop") == 0)
        r = cocos_cvms_stop(s->server, a, b, &err);
    else if (strcmp(verb, "disconnect") == 0)
        r = cocos_cvms_disconnect(s->server, a, &err);
    else if (strcmp(verb, "run") == 0 && a)
        r = run_file(s, a, b, &err);
    else if (strcmp(verb, "next") == 0 && s->next < s->t->args->n_operands)
        r = run_file(s, s->t->args->operands[s->next++], a, &err);
    else if (strcmp(verb, "next") == 0)
        tool_warn(s->t, "there is no further manifest");
    else if (strcmp(verb, "quit") == 0)
        atomic_store(&s->done, 1);
    else
        tool_warn(s->t, "commands: state [AGENT], stop [AGENT [ID]], disconnect [AGENT], "
                        "run FILE [AGENT], next [AGENT], quit");
    if (r < 0) {
        tool_warn(s->t, "%s: %s (%s)", verb, cocos_error_message(err), cocos_error_code(err));
        cocos_error_free(err);
    }
}

/* 0 at the end of stdin. */
static int read_commands(struct serving *s)
{
    ssize_t n = read(STDIN_FILENO, s->line + s->line_len, sizeof s->line - 1 - s->line_len);
    if (n < 0 && errno == EINTR)
        return 1;
    if (n <= 0)
        return 0;

    s->line_len += (size_t)n;
    for (char *nl; (nl = memchr(s->line, '\n', s->line_len));) {
        size_t used = (size_t)(nl - s->line) + 1;
        *nl = '\0';
        obey(s, s->line);
        memmove(s->line, s->line + used, s->line_len - used);
        s->line_len -= used;
    }
    if (s->line_len == sizeof s->line - 1) {
        tool_warn(s->t, "a command has at most %d bytes", LINE_MAX_LEN - 1);
        s->line_len = 0;
    }
    return 1;
}

static void serve(struct serving *s)
{
    struct pollfd p = {STDIN_FILENO, POLLIN, 0};

    while (!atomic_load(&s->done) && !cocos_cancel_triggered(s->t->cancel)) {
        int n = poll(&p, 1, POLL_MS);
        if (n > 0 && !read_commands(s))
            p.fd = -1; /* no more commands; agents are served on */
    }
}

/* A setting whose value is the path of a PEM file, or the text itself when no such file exists. */
static int
set_pem(tool *t, cocos_cvms_options *o, const char *setting, const char *option, int *code)
{
    const char *value = NULL;
    cocos_error *err = NULL;
    char *text = NULL;
    size_t len;

    if (tool_setting_get(t, setting, &value, NULL) < 0)
        return *code = 2, -1;
    if (!value)
        return 0;
    if (!strstr(value, "-----BEGIN ")) {
        text = tool_read_file(t, value, PEM_MAX, &len, code);
        if (!text)
            return -1;
        value = text;
    }
    if (cocos_cvms_options_set(o, option, value, &err) < 0)
        *code = tool_fail_error(t, err);
    cocos_free_text(text); /* wiped: it may be the key */
    return *code ? -1 : 0;
}

static int set_policy(tool *t, cocos_cvms_options *o)
{
    const char *path = NULL;
    cocos_error *err = NULL;
    size_t len;
    int code = 0;

    if (tool_setting_get(t, "attestation_policy", &path, NULL) < 0)
        return 2;
    char *text = path ? tool_read_file(t, path, POLICY_MAX, &len, &code) : NULL;
    if (text && cocos_cvms_options_set(o, "policy", text, &err) < 0)
        code = tool_fail_error(t, err);
    cocos_free_text(text);
    return code;
}

static int set_bundle(tool *t, cocos_cvms_options *o)
{
    cocos_bundle *bundle = NULL;
    const char *path = NULL;
    cocos_error *err = NULL;

    if (tool_setting_get(t, "attestation_bundle", &path, NULL) < 0)
        return 2;
    int code = path ? tool_read_bundle(t, path, &bundle) : 0;
    if (bundle && cocos_cvms_options_set_bundle(o, bundle, &err) < 0)
        code = tool_fail_error(t, err);
    cocos_bundle_free(bundle);
    return code;
}

static int set_options(tool *t, cocos_cvms_options *o)
{
    char address[512];
    const char *host;
    const char *port;
    cocos_error *err = NULL;
    int code = 0;

    if (tool_setting_get(t, "host", &host, NULL) < 0 ||
        tool_setting_get(t, "port", &port, NULL) < 0)
        return 2;
    if (strncmp(host, "unix:", 5) == 0)
        snprintf(address, sizeof address, "%s", host);
    else
        snprintf(address, sizeof address, strchr(host, ':') && *host != '[' ? "[%s]:%s" : "%s:%s",
                 host, port);
    if (cocos_cvms_options_set(o, "listen", address, &err) < 0)
        return tool_fail_error(t, err);
    if (set_pem(t, o, "server_cert", "cert", &code) < 0 ||
        set_pem(t, o, "server_key", "key", &code) < 0 ||
        set_pem(t, o, "client_ca_certs", "client_ca", &code) < 0)
        return code;
    int r = set_policy(t, o);
    return r ? r : set_bundle(t, o);
}

static void say_where(struct serving *s)
{
    pthread_mutex_lock(&s->output);
    if (s->t->json)
        tool_emit_line(s->t, json_pack("{s:s, s:s}", "event", "listening", "address",
                                       cocos_cvms_address(s->server)));
    else
        tool_print(s->t, "listening on %s\n", cocos_cvms_address(s->server));
    fflush(stdout);
    pthread_mutex_unlock(&s->output);
}

static int run(tool *t)
{
    struct serving s = {.t = t, .exit_when = tool_args_get(t->args, "exit-when")};
    cocos_cvms_options *o = NULL;
    cocos_error *err = NULL;
    int code = tool_stop_start(t);

    if (code)
        return code;
    pthread_mutex_init(&s.output, NULL);
    const char *policy = NULL;
    (void)!tool_setting_get(t, "attestation_policy", &policy, NULL);
    s.attested = policy != NULL;
    if (cocos_cvms_options_new(&o, &err) < 0)
        return tool_fail_error(t, err);
    code = set_options(t, o);
    if (code == 0 && cocos_cvms_open(o, on_event, &s, &s.server, &err) < 0)
        code = tool_fail_error(t, err);
    cocos_cvms_options_free(o);
    if (code == 0 && t->args->n_operands > 0 &&
        run_file(&s, t->args->operands[s.next++], NULL, &err) < 0)
        code = tool_fail_error(t, err);
    if (code == 0) {
        say_where(&s);
        serve(&s);
    }
    cocos_cvms_close(s.server);
    return code;
}

static const tool_option globals[] = {TOOL_GLOBAL_OPTIONS, {NULL}};

static const tool_option options[] = {
    {"host", 0, "HOST", "address to listen on, or unix:/path (default: localhost)", 0, NULL},
    {"port", 0, "PORT", "port to listen on; 0: any free one (default: 7001)", 0, NULL},
    {"cert", 0, "FILE", "PEM certificate chain: TLS instead of plaintext", 0, NULL},
    {"key", 0, "FILE", "PEM private key for --cert", 0, NULL},
    {"client-ca", 0, "FILE", "agents must present a certificate from this PEM file", 0, NULL},
    {"policy", 0, "FILE", "agents get a manifest only after evidence that this policy accepts", 0, NULL},
    {"bundle", 0, "FILE", "collateral for that evidence, of 'cocos collateral bundle'", 0, NULL},
    {"exit-when", 0, "EVENT", "end after this event, e.g. accepted, refused, Complete, Failed", 0,
     NULL},
    {NULL},
};

static const tool_setting settings[] = {
    {"host", "HOST", "host", "localhost", "address to listen on"},
    {"port", "PORT", "port", "7001", "port to listen on"},
    {"server_cert", "SERVER_CERT", "cert", NULL, "PEM certificate chain, path or text"},
    {"server_key", "SERVER_KEY", "key", NULL, "PEM private key, path or text"},
    {"attestation_policy", "ATTESTATION_POLICY", "policy", NULL, "JSON policy for agents' evidence, path"},
    {"attestation_bundle", "ATTESTATION_BUNDLE", "bundle", NULL, "collateral for agents' evidence, path"},
    {"client_ca_certs", "CLIENT_CA_CERTS", "client-ca", NULL, "PEM roots for agents, path or text"},
    {NULL},
};

static const tool_command commands[] = {
    {"",
     "[MANIFEST...]",
     0,
     64,
     "Hand manifests to agents, and show what they say.",
     "The first MANIFEST (JSON) goes to every agent that connects. Commands are read from stdin, one a "
     "line: state [AGENT], stop [AGENT [ID]], disconnect [AGENT], run FILE [AGENT], next [AGENT] (the "
     "next MANIFEST), quit. Events go to stdout.",
     {options, NULL, NULL},
     run,
     0},
    {NULL},
};

static const tool_program program = {
    .name = "cocos-cvms",
    .summary = "Computation-management server for development.",
    .globals = globals,
    .commands = commands,
};

int main(int argc, char **argv)
{
    return tool_main(&program, settings, argc, argv);
}
