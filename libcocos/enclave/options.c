/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a host: one table that says names, forms and defaults (doc/man/cocos-manager.8.scd).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "enclave/enclave.h"
#include "enclave/values.h"

enum form {
    TEXT,
    PATH,
    HOST_PATH, /* read by libvirt and QEMU too, whose current directory is another one */
    FIRMWARE,
    STATE_PATH,
    SIZE,
    NUMBER,
    DURATION,
    RANGE,
    IPV4,
    ACCEL,
    FLAG,
    PORTS,
    OWNER
};

static const struct option {
    const char *name;
    enum form form;
    const char *fallback;
} options[COCOS__OPT_COUNT] = {
    [COCOS__OPT_MANAGER] = {"manager", TEXT, NULL},
    [COCOS__OPT_CA] = {"ca", PATH, NULL},
    [COCOS__OPT_CERT] = {"cert", PATH, NULL},
    [COCOS__OPT_KEY] = {"key", PATH, NULL},
    [COCOS__OPT_STATE_DIR] = {"state_dir", STATE_PATH, NULL},
    [COCOS__OPT_RUNTIME_DIR] = {"runtime_dir", STATE_PATH, NULL},
    [COCOS__OPT_LIBVIRT_URI] = {"libvirt_uri", TEXT, "auto"},
    [COCOS__OPT_EMULATOR] = {"emulator", HOST_PATH, "/usr/bin/qemu-system-x86_64"},
    [COCOS__OPT_KERNEL] = {"kernel", HOST_PATH, NULL},
    [COCOS__OPT_INITRD] = {"initrd", HOST_PATH, NULL},
    [COCOS__OPT_IMAGES] = {"images", HOST_PATH, NULL},
    [COCOS__OPT_CMDLINE] = {"cmdline", TEXT,
                            "console=ttyS0 quiet loglevel=1 panic=-1 cocos.env cocos.certs"},
    [COCOS__OPT_CMDLINE_EXTRA] = {"cmdline_extra", TEXT, ""},
    [COCOS__OPT_FIRMWARE] = {"firmware", FIRMWARE, "seabios"},
    [COCOS__OPT_OVMF] = {"ovmf", HOST_PATH, "/usr/share/OVMF/OVMF_CODE_4M.fd"},
    [COCOS__OPT_FIRMWARE_VARS] = {"firmware_vars", HOST_PATH, "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    [COCOS__OPT_BIND] = {"bind", IPV4, "127.0.0.1"},
    [COCOS__OPT_PORT_RANGE] = {"port_range", RANGE, "6100-6200"},
    [COCOS__OPT_PORTS_TAKEN] = {"ports_taken", PORTS, ""},
    [COCOS__OPT_MAX_VMS] = {"max_vms", NUMBER, "10"},
    [COCOS__OPT_MAX_VMS_PER_OWNER] = {"max_vms_per_owner", NUMBER, "0"},
    [COCOS__OPT_ACCEL] = {"accel", ACCEL, "auto"},
    [COCOS__OPT_MEMORY] = {"memory", SIZE, NULL},
    [COCOS__OPT_VCPUS] = {"vcpus", NUMBER, NULL},
    [COCOS__OPT_MAX_MEMORY] = {"max_memory", SIZE, "64G"},
    [COCOS__OPT_MAX_VCPUS] = {"max_vcpus", NUMBER, "64"},
    [COCOS__OPT_TTL] = {"ttl", DURATION, "0"},
    [COCOS__OPT_MAX_TTL] = {"max_ttl", DURATION, "0"},
    [COCOS__OPT_BOOT_TIMEOUT] = {"boot_timeout", DURATION, "2m"},
    [COCOS__OPT_STOP_GRACE] = {"stop_grace", DURATION, "3s"},
    [COCOS__OPT_TPM] = {"tpm", FLAG, "1"},
    [COCOS__OPT_OWNER] = {"owner", OWNER, NULL},
};

/* The directory becomes part of a libvirt URI and of many derived paths. */
static int is_state_path(const char *s)
{
    return s[0] == '/' && cocos__value_printable(s, 2, 200) &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._@~-") ==
               strlen(s);
}

static int is_ports(const char *s)
{
    while (*s) {
        char one[8];
        uint64_t port;
        size_t n = strcspn(s, ",");
        if (n == 0 || n >= sizeof one)
            return 0;
        memcpy(one, s, n);
        one[n] = '\0';
        if (!cocos__value_number(one, 65535, &port))
            return 0;
        s += n + (s[n] == ',');
    }
    return 1;
}

static int has_form(enum form form, const char *s)
{
    uint64_t number;
    int64_t duration;
    uint16_t low;
    uint16_t high;

    switch (form) {
    case TEXT:
        return cocos__value_printable(s, 0, 2000);
    case PATH:
    case HOST_PATH:
    case FIRMWARE:
        return cocos__value_printable(s, 1, 1000);
    case STATE_PATH:
        return is_state_path(s);
    case SIZE:
        return cocos__value_size(s, &number);
    case NUMBER:
        return cocos__value_number(s, 100000, &number);
    case DURATION:
        return cocos__value_duration(s, &duration);
    case RANGE:
        return cocos__value_port_range(s, &low, &high);
    case IPV4:
        return cocos__value_ipv4(s);
    case ACCEL:
        return strcmp(s, "auto") == 0 || strcmp(s, "kvm") == 0 || strcmp(s, "tcg") == 0;
    case FLAG:
        return strcmp(s, "0") == 0 || strcmp(s, "1") == 0;
    case PORTS:
        return is_ports(s);
    case OWNER:
        return cocos__value_printable(s, 1, COCOS__OWNER_MAX);
    }
    return 0;
}

static const char *expected(enum form form)
{
    switch (form) {
    case TEXT:
        return "printable text of at most 2000 characters";
    case PATH:
    case HOST_PATH:
        return "a path of at most 1000 printable characters";
    case FIRMWARE:
        return "seabios, ovmf or a path of at most 1000 printable characters";
    case STATE_PATH:
        return "an absolute path of at most 200 characters of A-Z a-z 0-9 / . _ @ ~ -";
    case SIZE:
        return "a number of bytes, perhaps with K, M, G or T";
    case NUMBER:
        return "a number up to 100000";
    case DURATION:
        return "a duration such as 90s, 10m or 1h30m";
    case RANGE:
        return "two ports as LOW-HIGH";
    case IPV4:
        return "an IPv4 address";
    case ACCEL:
        return "auto, kvm or tcg";
    case FLAG:
        return "0 or 1";
    case PORTS:
        return "ports separated by commas";
    case OWNER:
        return "1 to 256 printable characters";
    }
    return "";
}

int cocos_host_options_new(cocos_host_options **ret, cocos_error **err)
{
    cocos_host_options *o = calloc(1, sizeof *o);
    if (!o)
        return cocos__fail_memory(err);
    *ret = o;
    return COCOS_OK;
}

static int find(const char *name)
{
    for (int i = 0; i < COCOS__OPT_COUNT; i++)
        if (strcmp(options[i].name, name) == 0)
            return i;
    return -1;
}

static int is_relative_path(enum form form, const char *value)
{
    if (value[0] == '/')
        return 0;
    return form == HOST_PATH || (form == FIRMWARE && strchr(value, '/'));
}

/* The value as it is kept: a relative path means the directory of whoever set it, now. */
static int kept_value(const struct option *o, const char *value, char **ret, cocos_error **err)
{
    char cwd[PATH_MAX];
    char path[PATH_MAX + 1024];

    if (!is_relative_path(o->form, value)) {
        *ret = strdup(value);
        return *ret ? COCOS_OK : cocos__fail_memory(err);
    }
    if (!getcwd(cwd, sizeof cwd))
        return cocos__fail_errno(err, errno, "option.value",
                                 "where the relative path of option %s begins", o->name);
    snprintf(path, sizeof path, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, value);
    if (!has_form(o->form, path))
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "option %s is relative to the current directory; together they must be "
                           "%s",
                           o->name, expected(o->form));
    *ret = strdup(path);
    return *ret ? COCOS_OK : cocos__fail_memory(err);
}

int cocos_host_options_set(cocos_host_options *o,
                           const char *name,
                           const char *value,
                           cocos_error **err)
{
    if (!o || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "options, name and value are needed");
    int i = find(name);
    if (i < 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.name", "a host has no option \"%.64s\"",
                           name);
    if (!has_form(options[i].form, value))
        return cocos__fail_check(err, COCOS_ERR_USAGE, "option.value", options[i].name,
                                 expected(options[i].form), NULL, "option %s must be %s", name,
                                 expected(options[i].form));
    char *copy = NULL;
    int r = kept_value(&options[i], value, &copy, err);
    if (r < 0)
        return r;
    free(o->values[i]);
    o->values[i] = copy;
    return COCOS_OK;
}

const char *cocos__host_option(const cocos_host_options *o, enum cocos__host_option which)
{
    return o && o->values[which] ? o->values[which] : options[which].fallback;
}

void cocos_host_options_free(cocos_host_options *o)
{
    if (!o)
        return;
    for (int i = 0; i < COCOS__OPT_COUNT; i++)
        free(o->values[i]);
    free(o);
}
