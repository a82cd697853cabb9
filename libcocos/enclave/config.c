/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a local host as values, with the defaults that depend on user and machine. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "enclave/local.h"
#include "enclave/values.h"

/* Unix sockets below these directories must fit into sun_path (108 bytes): RUNTIME/vm/ID/tty, and
 * libvirt's STATE/libvirt/lib/qemu/domain-N-cocos-XXXXXXXX-XXXX-/monitor.sock. */
#define RUNTIME_DIR_MAX 60
#define STATE_DIR_MAX   44

/* The guest kernel's limit is 2048 (x86 COMMAND_LINE_SIZE). */
#define CMDLINE_MAX 2047

static int set_dir(char out[208],
                   const char *chosen,
                   const char *root_dir,
                   const char *variable,
                   const char *home_sub)
{
    const char *base = variable ? secure_getenv(variable) : NULL;
    const char *home = secure_getenv("HOME");
    int n;

    if (chosen)
        n = snprintf(out, 208, "%s", chosen);
    else if (geteuid() == 0)
        n = snprintf(out, 208, "%s", root_dir);
    else if (base && base[0] == '/')
        n = snprintf(out, 208, "%s/cocos", base);
    else if (home && home[0] == '/' && home_sub)
        n = snprintf(out, 208, "%s/%s", home, home_sub);
    else
        n = snprintf(out, 208, "/tmp/cocos-%u", (unsigned)geteuid());
    return n > 0 && n < 208;
}

static int too_long(cocos_error **err, const char *name, const char *path, int max)
{
    return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                       "%s has %zu characters; sockets below it need a path of at most %d", name,
                       strlen(path), max);
}

static int set_dirs(cocos__local_config *c, const cocos_host_options *o, cocos_error **err)
{
    if (!set_dir(c->state_dir, cocos__host_option(o, COCOS__OPT_STATE_DIR), "/var/lib/cocos",
                 "XDG_STATE_HOME", ".local/state/cocos") ||
        strlen(c->state_dir) > STATE_DIR_MAX)
        return too_long(err, "state_dir", c->state_dir, STATE_DIR_MAX);
    if (!set_dir(c->runtime_dir, cocos__host_option(o, COCOS__OPT_RUNTIME_DIR), "/run/cocos",
                 "XDG_RUNTIME_DIR", NULL) ||
        strlen(c->runtime_dir) > RUNTIME_DIR_MAX)
        return too_long(err, "runtime_dir", c->runtime_dir, RUNTIME_DIR_MAX);
    snprintf(c->root, sizeof c->root, "%s/libvirt", c->state_dir);
    return COCOS_OK;
}

static int set_firmware(cocos__local_config *c, const cocos_host_options *o, cocos_error **err)
{
    const char *f = cocos__host_option(o, COCOS__OPT_FIRMWARE);

    c->firmware_vars = cocos__host_option(o, COCOS__OPT_FIRMWARE_VARS);
    c->ovmf = cocos__host_option(o, COCOS__OPT_OVMF);
    if (strcmp(f, "seabios") == 0)
        c->firmware = NULL;
    else if (strcmp(f, "ovmf") == 0)
        c->firmware = c->ovmf;
    else if (f[0] == '/')
        c->firmware = c->ovmf = f;
    else
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "firmware is \"%.64s\"; it must be seabios, ovmf or a path with a slash",
                           f);
    return COCOS_OK;
}

static int set_cmdline(cocos__local_config *c, const cocos_host_options *o, cocos_error **err)
{
    const char *extra = cocos__host_option(o, COCOS__OPT_CMDLINE_EXTRA);
    int n = snprintf(c->cmdline, sizeof c->cmdline, "%s%s%s",
                     cocos__host_option(o, COCOS__OPT_CMDLINE), extra[0] ? " " : "", extra);

    if (n > CMDLINE_MAX)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "the kernel command line has %d characters, a kernel takes %d", n,
                           CMDLINE_MAX);
    return COCOS_OK;
}

static unsigned number_of(const cocos_host_options *o, enum cocos__host_option which)
{
    const char *s = cocos__host_option(o, which);
    uint64_t v = 0;

    return s && cocos__value_number(s, UINT32_MAX, &v) ? (unsigned)v : 0;
}

static uint64_t size_of(const cocos_host_options *o, enum cocos__host_option which)
{
    const char *s = cocos__host_option(o, which);
    uint64_t v = 0;

    return s && cocos__value_size(s, &v) ? v : 0;
}

static int64_t duration_of(const cocos_host_options *o, enum cocos__host_option which)
{
    int64_t v = 0;

    (void)cocos__value_duration(cocos__host_option(o, which), &v);
    return v;
}

static int read_boot_id(char out[37], cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b = {0};
    cocos__buf_init(&b, 8192);

    int r = cocos__read_file("/proc/sys/kernel/random/boot_id", 64, &b, err);
    if (r < 0)
        return r;
    snprintf(out, 37, "%.36s", cocos__buf_cstr(&b));
    return COCOS_OK;
}

static int set_accel(cocos__local_config *c, const cocos_host_options *o, cocos_error **err)
{
    const char *accel = cocos__host_option(o, COCOS__OPT_ACCEL);

    if (strcmp(accel, "tcg") == 0)
        return COCOS_OK;
    c->kvm = cocos__kvm_works(c->emulator, c->state_dir, c->boot_id);
    if (!c->kvm && strcmp(accel, "kvm") == 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "enclave.accel",
                           "accel is kvm, but no guest runs under KVM on this machine");
    return COCOS_OK;
}

/* Emulated machines are slow whatever they get; real ones get what the Go manager gave
 * (protocol.md 2.2). */
static void set_resources(cocos__local_config *c, const cocos_host_options *o)
{
    c->memory = size_of(o, COCOS__OPT_MEMORY);
    c->vcpus = number_of(o, COCOS__OPT_VCPUS);
    if (c->memory == 0)
        c->memory = c->kvm ? UINT64_C(2) << 30 : UINT64_C(512) << 20;
    if (c->vcpus == 0)
        c->vcpus = c->kvm ? 4 : 1;
    c->max_memory = size_of(o, COCOS__OPT_MAX_MEMORY);
    c->max_vcpus = number_of(o, COCOS__OPT_MAX_VCPUS);
}

static int make_dirs(const cocos__local_config *c, cocos_error **err)
{
    static const char *const subs[] = {"", "/libvirt", "/journal", "/console"};
    char path[300];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(subs); i++) {
        snprintf(path, sizeof path, "%s%s", c->state_dir, subs[i]);
        int r = cocos__mkdirs(path, 0700, err);
        if (r < 0)
            return r;
    }
    snprintf(path, sizeof path, "%s/vm", c->runtime_dir);
    return cocos__mkdirs(path, 0700, err);
}

int cocos__local_configure(cocos__local *l, const cocos_host_options *o, cocos_error **err)
{
    cocos__local_config *c = &l->config;

    c->uri = cocos__host_option(o, COCOS__OPT_LIBVIRT_URI);
    c->emulator = cocos__host_option(o, COCOS__OPT_EMULATOR);
    c->kernel = cocos__host_option(o, COCOS__OPT_KERNEL);
    c->initrd = cocos__host_option(o, COCOS__OPT_INITRD);
    c->images = cocos__host_option(o, COCOS__OPT_IMAGES);
    c->bind = cocos__host_option(o, COCOS__OPT_BIND);
    c->ports_taken = cocos__host_option(o, COCOS__OPT_PORTS_TAKEN);
    c->tpm = cocos__host_option(o, COCOS__OPT_TPM)[0] == '1';
    c->max_vms = number_of(o, COCOS__OPT_MAX_VMS);
    c->max_vms_per_owner = number_of(o, COCOS__OPT_MAX_VMS_PER_OWNER);
    c->ttl_ns = duration_of(o, COCOS__OPT_TTL);
    c->max_ttl_ns = duration_of(o, COCOS__OPT_MAX_TTL);
    c->boot_timeout_ns = duration_of(o, COCOS__OPT_BOOT_TIMEOUT);
    c->stop_grace_ns = duration_of(o, COCOS__OPT_STOP_GRACE);
    (void)cocos__value_port_range(cocos__host_option(o, COCOS__OPT_PORT_RANGE), &c->port_low,
                                  &c->port_high);
    l->next_port = c->port_low;

    int r = set_dirs(c, o, err);
    if (r == COCOS_OK)
        r = make_dirs(c, err);
    if (r == COCOS_OK)
        r = set_firmware(c, o, err);
    if (r == COCOS_OK)
        r = set_cmdline(c, o, err);
    if (r == COCOS_OK)
        r = read_boot_id(c->boot_id, err);
    if (r == COCOS_OK)
        r = set_accel(c, o, err);
    if (r == COCOS_OK)
        set_resources(c, o);
    return r;
}
