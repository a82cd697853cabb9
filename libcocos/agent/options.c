/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of an agent: by name, and from the host's environment file. */
#include "agent/options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "agent/environment.h"
#include "base/fd.h"

#define VALUE_MAX 4096

enum type { TEXT, BYTES, FLAG, LEVEL };

static const struct option {
    const char *name;
    enum type type;
    size_t offset;
    const char *fallback;
} options[] = {
    {"state_dir", TEXT, offsetof(cocos_agent_service_options, state_dir), "/var/lib/cocos/agent"},
    {"listen", TEXT, offsetof(cocos_agent_service_options, listen), "0.0.0.0:7002"},
    {"unix", TEXT, offsetof(cocos_agent_service_options, unix_path), ""},
    {"cvms_url", TEXT, offsetof(cocos_agent_service_options, cvms_url), "localhost:7001"},
    {"cvm_id", TEXT, offsetof(cocos_agent_service_options, cvm_id), ""},
    {"certs_dir", TEXT, offsetof(cocos_agent_service_options, certs_dir), "/etc/certs"},
    {"cvms_cert", TEXT, offsetof(cocos_agent_service_options, cvms_cert), ""},
    {"cvms_key", TEXT, offsetof(cocos_agent_service_options, cvms_key), ""},
    {"cvms_ca", TEXT, offsetof(cocos_agent_service_options, cvms_ca), ""},
    {"crun", TEXT, offsetof(cocos_agent_service_options, crun), "crun"},
    {"evidence", TEXT, offsetof(cocos_agent_service_options, evidence), ""},
    {"require", TEXT, offsetof(cocos_agent_service_options, require), ""},
    {"tcti", TEXT, offsetof(cocos_agent_service_options, tcti), ""},
    {"tsm_dir", TEXT, offsetof(cocos_agent_service_options, tsm_dir), ""},
    {"sev_guest", TEXT, offsetof(cocos_agent_service_options, sev_guest), ""},
    {"tdx_guest", TEXT, offsetof(cocos_agent_service_options, tdx_guest), ""},
    {"security_dir", TEXT, offsetof(cocos_agent_service_options, security_dir), ""},
    {"simulator", TEXT, offsetof(cocos_agent_service_options, simulator), ""},
    {"vmpl", LEVEL, offsetof(cocos_agent_service_options, vmpl), ""},
    {"max_asset", BYTES, offsetof(cocos_agent_service_options, max_asset), "64G"},
    {"max_total", BYTES, offsetof(cocos_agent_service_options, max_total), "256G"},
    {"unlimited", FLAG, offsetof(cocos_agent_service_options, unlimited), "0"},
};

static int fail_value(const struct option *opt, const char *expected, cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_USAGE, "option.value", "option %s takes %s", opt->name,
                       expected);
}

static int set_text(const struct option *opt, char **at, const char *value, cocos_error **err)
{
    size_t len = strlen(value);

    for (size_t i = 0; i < len; i++) {
        if (iscntrl((unsigned char)value[i]))
            return fail_value(opt, "printable text", err);
    }
    char *copy = len <= VALUE_MAX ? strdup(value) : NULL;
    if (!copy)
        return len <= VALUE_MAX ? cocos__fail_memory(err)
                                : fail_value(opt, "at most 4096 bytes", err);
    free(*at);
    *at = copy;
    return COCOS_OK;
}

static int set_bytes(const struct option *opt, uint64_t *at, const char *value, cocos_error **err)
{
    static const char suffixes[] = "KMGT";
    char *end = NULL;

    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    int bad = !isdigit((unsigned char)value[0]) || errno != 0;
    const char *suffix = *end && strlen(end) == 1 ? strchr(suffixes, *end) : NULL;
    unsigned shift = suffix ? 10u * (unsigned)(suffix - suffixes + 1) : 0;
    if (bad || (*end && !suffix) || n > (UINT64_MAX >> shift) || n == 0)
        return fail_value(opt, "a number of bytes, with K, M, G or T for powers of 1024", err);
    *at = (uint64_t)n << shift;
    return COCOS_OK;
}

static int set_flag(const struct option *opt, int *at, const char *value, cocos_error **err)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return fail_value(opt, "0 or 1", err);
    *at = value[0] == '1';
    return COCOS_OK;
}

/* 0 to 3 (AMD 56860, MSG_REPORT_REQ), or nothing. */
static int set_level(const struct option *opt, int *at, const char *value, cocos_error **err)
{
    if (*value && (strlen(value) != 1 || value[0] < '0' || value[0] > '3'))
        return fail_value(opt, "0, 1, 2 or 3", err);
    *at = *value ? value[0] - '0' : -1;
    return COCOS_OK;
}

static int
set(cocos_agent_service_options *o, const struct option *opt, const char *value, cocos_error **err)
{
    void *at = (uint8_t *)o + opt->offset;

    switch (opt->type) {
    case TEXT:
        return set_text(opt, at, value, err);
    case BYTES:
        return set_bytes(opt, at, value, err);
    case LEVEL:
        return set_level(opt, at, value, err);
    default:
        return set_flag(opt, at, value, err);
    }
}

int cocos_agent_service_options_set(cocos_agent_service_options *o,
                                    const char *name,
                                    const char *value,
                                    cocos_error **err)
{
    if (!o || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.name",
                           "an option needs a name and a value");
    for (size_t i = 0; i < COCOS__ARRAY_LEN(options); i++) {
        if (strcmp(options[i].name, name) == 0)
            return set(o, &options[i], value, err);
    }
    return cocos__fail(err, COCOS_ERR_USAGE, "option.name", "an agent has no option %.64s", name);
}

int cocos_agent_service_options_new(cocos_agent_service_options **ret, cocos_error **err)
{
    cocos_agent_service_options *o = calloc(1, sizeof *o);

    if (!o)
        return cocos__fail_memory(err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(options); i++) {
        int r = set(o, &options[i], options[i].fallback, err);
        if (r < 0) {
            cocos_agent_service_options_free(o);
            return r;
        }
    }
    *ret = o;
    return COCOS_OK;
}

static void done(cocos_agent_service_options *o)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(options); i++) {
        if (options[i].type == TEXT)
            free(*(char **)((uint8_t *)o + options[i].offset));
    }
    memset(o, 0, sizeof *o);
}

void cocos_agent_service_options_free(cocos_agent_service_options *o)
{
    if (!o)
        return;
    done(o);
    free(o);
}

void cocos__agent_options_done(cocos_agent_service_options *o)
{
    done(o);
}

int cocos__agent_options_copy(const cocos_agent_service_options *from,
                              cocos_agent_service_options *to,
                              cocos_error **err)
{
    *to = *from;
    for (size_t i = 0; i < COCOS__ARRAY_LEN(options); i++) {
        if (options[i].type == TEXT)
            *(char **)((uint8_t *)to + options[i].offset) = NULL;
    }
    for (size_t i = 0; i < COCOS__ARRAY_LEN(options); i++) {
        if (options[i].type != TEXT)
            continue;
        char *copy = strdup(*(char *const *)((const uint8_t *)from + options[i].offset));
        if (!copy) {
            done(to);
            return cocos__fail_memory(err);
        }
        *(char **)((uint8_t *)to + options[i].offset) = copy;
    }
    return COCOS_OK;
}

/* Names of files of the share that are there by the environment's word. */
static int
set_files(cocos_agent_service_options *o, const cocos__environment *env, cocos_error **err)
{
    int r = COCOS_OK;

    if (env->client_cert)
        r = cocos_agent_service_options_set(o, "cvms_cert", "/etc/certs/cert.pem", err);
    if (r == COCOS_OK && env->client_key)
        r = cocos_agent_service_options_set(o, "cvms_key", "/etc/certs/key.pem", err);
    if (r == COCOS_OK && env->server_ca)
        r = cocos_agent_service_options_set(o, "cvms_ca", "/etc/certs/ca.pem", err);
    return r;
}

int cocos_agent_service_options_set_environment(cocos_agent_service_options *o,
                                                const char *path,
                                                char **log_level,
                                                cocos_error **err)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    cocos__environment env;

    cocos__buf_init(&b, COCOS__ENVIRONMENT_FILE_MAX + 8192);
    int r = cocos__read_file(path, COCOS__ENVIRONMENT_FILE_MAX, &b, err);
    if (r == COCOS_OK)
        r = cocos__environment_parse(b.data, b.len, &env, err);
    if (r == COCOS_OK && *env.cvm_id)
        r = cocos_agent_service_options_set(o, "cvm_id", env.cvm_id, err);
    if (r == COCOS_OK && *env.cvms_url)
        r = cocos_agent_service_options_set(o, "cvms_url", env.cvms_url, err);
    if (r == COCOS_OK)
        r = set_files(o, &env, err);
    if (r < 0)
        return r;
    char *level = strdup(env.log_level);
    if (!level)
        return cocos__fail_memory(err);
    *log_level = level;
    return COCOS_OK;
}
