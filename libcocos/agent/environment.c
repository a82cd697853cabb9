/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/environment.h"

#include <string.h>

#include "base/bytes.h"
#include "base/log.h"

#define NAME_MAX_LEN 64

enum kind { TEXT, FIXED, IGNORED };

/* cocos-v1, second paragraph: what a strict guest takes, and what it passes over. */
static const struct known {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *fixed; /* the only value allowed: protocol.md 2.4 */
} known_names[] = {
    {"AGENT_CVM_ID", TEXT, offsetof(cocos__environment, cvm_id), NULL},
    {"AGENT_CVM_GRPC_URL", TEXT, offsetof(cocos__environment, cvms_url), NULL},
    {"AGENT_LOG_LEVEL", TEXT, offsetof(cocos__environment, log_level), NULL},
    {"AGENT_CVM_GRPC_CLIENT_CERT", FIXED, offsetof(cocos__environment, client_cert),
     "/etc/certs/cert.pem"},
    {"AGENT_CVM_GRPC_CLIENT_KEY", FIXED, offsetof(cocos__environment, client_key),
     "/etc/certs/key.pem"},
    {"AGENT_CVM_GRPC_SERVER_CA_CERTS", FIXED, offsetof(cocos__environment, server_ca),
     "/etc/certs/ca.pem"},
    {"AGENT_CERTS_TOKEN", IGNORED, 0, NULL},
    {"AGENT_CVM_CA_URL", IGNORED, 0, NULL},
    {"AWS_*", IGNORED, 0, NULL}, /* every name that begins so */
};

static int printable(cocos__span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] > 0x7e)
            return 0;
    }
    return 1;
}

static int is(const char *known, cocos__span name)
{
    size_t len = strlen(known);

    if (known[len - 1] == '*')
        return name.len >= len && printable(name) && memcmp(known, name.data, len - 1) == 0;
    return name.len == len && memcmp(known, name.data, len) == 0;
}

static size_t find(cocos__span name)
{
    size_t i = 0;

    while (i < COCOS__ARRAY_LEN(known_names) && !is(known_names[i].name, name))
        i++;
    return i;
}

static int unknown_name(cocos__span name, size_t line, cocos_error **err)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN || !printable(name))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "environment.name",
                           "line %zu has a name of %zu bytes that is none", line, name.len);
    return cocos__fail(err, COCOS_ERR_MALFORMED, "environment.name",
                       "line %zu sets %.*s, which an agent does not take from its host", line,
                       (int)name.len, (const char *)name.data);
}

static int
take(cocos__environment *env, const struct known *k, cocos__span value, cocos_error **err)
{
    uint8_t *at = (uint8_t *)env + k->offset;

    if (k->kind == IGNORED) {
        env->ignored++;
        cocos__log_fields(COCOS_LOG_WARN, "agent", "ignored a name in the environment", "name",
                          k->name, NULL);
        return COCOS_OK;
    }
    if (value.len > COCOS__ENVIRONMENT_VALUE_MAX || !printable(value))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "environment.value",
                           "the value of %s is not printable text of at most %d bytes", k->name,
                           COCOS__ENVIRONMENT_VALUE_MAX);
    if (k->kind == TEXT) {
        memcpy(at, value.data, value.len);
        return COCOS_OK;
    }
    if (value.len != strlen(k->fixed) || memcmp(value.data, k->fixed, value.len) != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "environment.value",
                           "the value of %s must be %s", k->name, k->fixed);
    int one = 1;
    memcpy(at, &one, sizeof one);
    return COCOS_OK;
}

static int take_line(
    cocos__environment *env, uint32_t *seen, cocos__span line, size_t number, cocos_error **err)
{
    const uint8_t *equals = line.len ? memchr(line.data, '=', line.len) : NULL;

    if (line.len == 0)
        return COCOS_OK;
    if (!equals)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "environment.line",
                           "line %zu is not of the form NAME=value", number);

    cocos__span name = {line.data, (size_t)(equals - line.data)};
    cocos__span value = {equals + 1, line.len - name.len - 1};
    size_t i = find(name);
    if (i == COCOS__ARRAY_LEN(known_names))
        return unknown_name(name, number, err);
    if ((*seen & (1u << i)) && known_names[i].kind != IGNORED)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "environment.name", "%s is set twice",
                           known_names[i].name);
    *seen |= 1u << i;
    return take(env, &known_names[i], value, err);
}

int cocos__environment_parse(const uint8_t *data,
                             size_t len,
                             cocos__environment *env,
                             cocos_error **err)
{
    uint32_t seen = 0;
    size_t number = 1;

    memset(env, 0, sizeof *env);
    if (len > COCOS__ENVIRONMENT_FILE_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "file.size",
                           "the environment is larger than %d bytes", COCOS__ENVIRONMENT_FILE_MAX);
    for (size_t pos = 0; pos < len; number++) {
        const uint8_t *end = memchr(data + pos, '\n', len - pos);
        cocos__span line = {data + pos, (end ? (size_t)(end - data) : len) - pos};
        int r = take_line(env, &seen, line, number, err);
        if (r < 0)
            return r;
        pos += line.len + 1;
    }
    return COCOS_OK;
}
