/* SPDX-License-Identifier: Apache-2.0 */
/* Options of cocos-manager, and the variables of the Go manager that still mean something. */
#include "manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

const tool_option manager_options[] = {
    {"state", 0, "DIR", "state directory (default /var/lib/cocos)", 0, NULL},
    {"run", 0, "DIR", "directory for what guests read, on tmpfs (default /run/cocos)", 0, NULL},
    {"libvirt", 0, "URI", "auto, embed or a libvirt URI (default auto)", 0, NULL},
    {"emulator", 0, "PATH", "QEMU (default /usr/bin/qemu-system-x86_64)", 0, NULL},
    {"kernel", 0, "FILE", "guest kernel", 0, NULL},
    {"initrd", 0, "FILE", "guest initramfs", 0, NULL},
    {"images", 0, "DIR", "further images: DIR/NAME/kernel and DIR/NAME/initrd", 0, NULL},
    {"cmdline", 0, "TEXT", "kernel command line, instead of the default", 0, NULL},
    {"append", 0, "TEXT", "words behind the kernel command line", 0, NULL},
    {"firmware", 0, "NAME", "seabios, ovmf or an OVMF code image (default seabios)", 0, NULL},
    {"ovmf", 0, "FILE", "OVMF code image, for --firmware ovmf and platform vtpm", 0, NULL},
    {"firmware-vars", 0, "FILE", "template of OVMF's variables", 0, NULL},
    {"bind", 0, "ADDRESS", "host address of the agents' ports (default 127.0.0.1)", 0, NULL},
    {"ports", 0, "LOW-HIGH", "host ports for agents (default 6100-6200)", 0, NULL},
    {"max-vms", 0, "N", "enclaves at once, 0: no limit (default 10)", 0, NULL},
    {"max-vms-per-owner", 0, "N", "of one owner, 0: no limit (default 0)", 0, NULL},
    {"accel", 0, "KIND", "of virtual machines (default auto)", 0, "auto|kvm|tcg"},
    {"memory", 0, "SIZE", "of an enclave that asks for none (default 512M emulated, 2G with KVM)",
     0, NULL},
    {"vcpus", 0, "N", "of an enclave that asks for none (default 1 emulated, 4 with KVM)", 0, NULL},
    {"max-memory", 0, "SIZE", "an enclave may ask for (default 64G)", 0, NULL},
    {"max-vcpus", 0, "N", "an enclave may ask for (default 64)", 0, NULL},
    {"ttl", 0, "DURATION", "of an enclave that asks for none, 0: for ever (default 0)", 0, NULL},
    {"max-ttl", 0, "DURATION", "an enclave may ask for, 0: any (default 0)", 0, NULL},
    {"boot-timeout", 0, "DURATION", "for an agent to answer (default 2m)", 0, NULL},
    {"stop-grace", 0, "DURATION", "for a guest to switch off in order (default 3s)", 0, NULL},
    {"no-tpm", 0, NULL, "machines without a virtual TPM", 0, NULL},
    {"listen", 0, "ADDRESS", "unix:/path (default unix:/run/cocos/manager.sock)", TOOL_REPEAT,
     NULL},
    {"listen-tls", 0, "HOST:PORT", "serve clients with certificates", TOOL_REPEAT, NULL},
    {"cert", 0, "FILE", "own certificate chain, PEM", 0, NULL},
    {"key", 0, "FILE", "its key, PEM", 0, NULL},
    {"client-ca", 0, "FILE", "roots of clients' certificates, PEM", 0, NULL},
    {"owner-by", 0, "WHAT", "of a client's certificate names the owner (default spki)", 0,
     "spki|subject"},
    {"http", 0, "ADDRESS",
     "loopback address of /livez, /readyz, /metrics (default 127.0.0.1:7003, none: off)", 0, NULL},
    {"log-level", 0, "LEVEL", "error, warn, info or debug (default info)", 0, NULL},
    {"log-format", 0, "FORMAT", "of the log on stderr (default text)", 0, "text|json"},
    {NULL, 0, NULL, NULL, 0, NULL},
};

/* Option, old variable (protocol.md 2.1 and 2.2), name of the library's option. */
static const struct source {
    const char *option;
    const char *env;
    const char *name;
} host_sources[] =
    {
        {"state", NULL, "state_dir"},
        {"run", NULL, "runtime_dir"},
        {"libvirt", NULL, "libvirt_uri"},
        {"kernel", "MANAGER_QEMU_DISK_IMG_KERNEL_FILE", "kernel"},
        {"initrd", "MANAGER_QEMU_DISK_IMG_ROOTFS_FILE", "initrd"},
        {"images", NULL, "images"},
        {"cmdline", "MANAGER_QEMU_KERNEL_CMDLINE", "cmdline"},
        {"append", NULL, "cmdline_extra"},
        {"firmware", NULL, "firmware"},
        {"ovmf", "MANAGER_QEMU_OVMF_CODE_FILE", "ovmf"},
        {"firmware-vars", "MANAGER_QEMU_OVMF_VARS_FILE", "firmware_vars"},
        {"bind", NULL, "bind"},
        {"ports", "MANAGER_QEMU_HOST_FWD_RANGE", "port_range"},
        {"max-vms-per-owner", NULL, "max_vms_per_owner"},
        {"memory", "MANAGER_QEMU_MEMORY_SIZE", "memory"},
        {"vcpus", "MANAGER_QEMU_SMP_COUNT", "vcpus"},
        {"max-memory", NULL, "max_memory"},
        {"max-vcpus", NULL, "max_vcpus"},
        {"ttl", NULL, "ttl"},
        {"max-ttl", NULL, "max_ttl"},
        {"boot-timeout", NULL, "boot_timeout"},
        {"stop-grace", NULL, "stop_grace"},
},
  service_sources[] = {
      {"cert", "MANAGER_GRPC_SERVER_CERT", "cert"},
      {"key", "MANAGER_GRPC_SERVER_KEY", "key"},
      {"client-ca", "MANAGER_GRPC_CLIENT_CA_CERTS", "client_ca"},
      {"owner-by", NULL, "owner_by"},
      {NULL, "MANAGER_INSTANCE_ID", "instance_id"},
};

static const char *value_of(const tool *t, const char *option, const char *env)
{
    const char *value = option ? tool_args_get(t->args, option) : NULL;

    if (!value && env)
        value = getenv(env);
    return value && *value ? value : NULL;
}

static int set_host(tool *t, cocos_host_options *o, const char *name, const char *value)
{
    cocos_error *err = NULL;
    return cocos_host_options_set(o, name, value, &err) < 0 ? tool_fail_error(t, err) : 0;
}

static int set_service(tool *t, cocos_manager_options *o, const char *name, const char *value)
{
    cocos_error *err = NULL;
    return cocos_manager_options_set(o, name, value, &err) < 0 ? tool_fail_error(t, err) : 0;
}

/* The Go manager took any number up to 0 as "no limit". */
static int set_max_vms(tool *t, cocos_host_options *o)
{
    const char *value = value_of(t, "max-vms", "MANAGER_MAX_VMS");

    if (!value)
        return 0;
    return set_host(t, o, "max_vms", value[0] == '-' ? "0" : value);
}

static int set_accel(tool *t, cocos_host_options *o)
{
    const char *value = value_of(t, "accel", NULL);
    const char *old = getenv("MANAGER_QEMU_ENABLE_KVM");

    if (!value && old && (strcasecmp(old, "false") == 0 || strcmp(old, "0") == 0))
        value = "tcg";
    return value ? set_host(t, o, "accel", value) : 0;
}

/* A bare name is looked for where programs are. */
static int set_emulator(tool *t, cocos_host_options *o)
{
    static const char *const dirs[] = {"/usr/local/bin", "/usr/bin", "/bin"};
    const char *value = value_of(t, "emulator", "MANAGER_QEMU_BIN_PATH");
    char path[512];

    if (!value || value[0] == '/')
        return value ? set_host(t, o, "emulator", value) : 0;
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        if ((size_t)snprintf(path, sizeof path, "%s/%s", dirs[i], value) < sizeof path &&
            access(path, X_OK) == 0)
            return set_host(t, o, "emulator", path);
    }
    return tool_fail(t, COCOS_ERR_USAGE, "option.value", "there is no emulator %.200s", value);
}

/* Ports of the manager's own are left out of the agents' range. */
static int set_ports_taken(tool *t, cocos_host_options *o, const char *http)
{
    char text[256] = "";
    const char *own[17];
    size_t n = 0;

    if (http)
        own[n++] = http;
    for (size_t i = 0; n < 17 && tool_args_at(t->args, "listen-tls", i); i++)
        own[n++] = tool_args_at(t->args, "listen-tls", i);
    for (size_t i = 0; i < n; i++) {
        const char *colon = strrchr(own[i], ':');
        size_t used = strlen(text);
        if (colon && strlen(colon) > 1 && strlen(colon) < 7)
            snprintf(text + used, sizeof text - used, "%s%s", used ? "," : "", colon + 1);
    }
    return text[0] ? set_host(t, o, "ports_taken", text) : 0;
}

static int add_default_socket(tool *t, cocos_manager_options *o)
{
    const char *base = secure_getenv("XDG_RUNTIME_DIR");
    char dir[400];
    char address[450];

    if (geteuid() == 0)
        snprintf(dir, sizeof dir, "/run/cocos");
    else if (base && base[0] == '/')
        snprintf(dir, sizeof dir, "%.300s/cocos", base);
    else
        return tool_fail(t, COCOS_ERR_USAGE, "option.value",
                         "XDG_RUNTIME_DIR is not set: say --listen unix:/path");
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return tool_fail(t, COCOS_ERR_IO, "io.mkdir", "cannot make directory %s: %s", dir,
                         strerror(errno));
    snprintf(address, sizeof address, "unix:%s/manager.sock", dir);
    return set_service(t, o, "listen", address);
}

static int add_local_listeners(tool *t, cocos_manager_options *o)
{
    size_t given = tool_args_count(t->args, "listen");
    int inherited = manager_inherited_sockets();
    char address[32];
    int code = 0;

    for (int i = 0; code == 0 && i < inherited; i++) {
        snprintf(address, sizeof address, "fd:%d", 3 + i);
        code = set_service(t, o, "listen", address);
    }
    for (size_t i = 0; code == 0 && i < given; i++)
        code = set_service(t, o, "listen", tool_args_at(t->args, "listen", i));
    if (code == 0 && given == 0 && inherited == 0)
        code = add_default_socket(t, o);
    return code;
}

static int add_tls_listeners(tool *t, cocos_manager_options *o)
{
    const char *port = value_of(t, NULL, "MANAGER_GRPC_PORT");
    const char *host = value_of(t, NULL, "MANAGER_GRPC_HOST");
    char address[320];
    size_t n = tool_args_count(t->args, "listen-tls");
    int code = 0;

    for (size_t i = 0; code == 0 && i < n; i++)
        code = set_service(t, o, "listen_tls", tool_args_at(t->args, "listen-tls", i));
    if (code == 0 && n == 0 && port) {
        snprintf(address, sizeof address, "%.255s:%.8s", host ? host : "localhost", port);
        code = set_service(t, o, "listen_tls", address);
    }
    return code;
}

static int add_http(tool *t, cocos_host_options *host, cocos_manager_options *o)
{
    const char *value = value_of(t, "http", NULL);
    const char *old_host = value_of(t, NULL, "MANAGER_HTTP_HOST");
    const char *old_port = value_of(t, NULL, "MANAGER_HTTP_PORT");
    char address[320];

    snprintf(address, sizeof address, "%.255s:%.8s", old_host ? old_host : "127.0.0.1",
             old_port ? old_port : "7003");
    if (!value)
        value = address;
    if (strcmp(value, "none") == 0)
        return set_ports_taken(t, host, NULL);
    int code = set_ports_taken(t, host, value);
    return code ? code : set_service(t, o, "http", value);
}

int manager_configure(tool *t, cocos_host_options *host, cocos_manager_options *service)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < sizeof host_sources / sizeof *host_sources; i++) {
        const char *value = value_of(t, host_sources[i].option, host_sources[i].env);
        if (value)
            code = set_host(t, host, host_sources[i].name, value);
    }
    for (size_t i = 0; code == 0 && i < sizeof service_sources / sizeof *service_sources; i++) {
        const char *value = value_of(t, service_sources[i].option, service_sources[i].env);
        if (value)
            code = set_service(t, service, service_sources[i].name, value);
    }
    if (code == 0)
        code = set_max_vms(t, host);
    if (code == 0)
        code = set_accel(t, host);
    if (code == 0)
        code = set_emulator(t, host);
    if (code == 0 && tool_args_count(t->args, "no-tpm"))
        code = set_host(t, host, "tpm", "0");
    if (code == 0)
        code = add_local_listeners(t, service);
    if (code == 0)
        code = add_tls_listeners(t, service);
    return code ? code : add_http(t, host, service);
}
