/* SPDX-License-Identifier: Apache-2.0 */
/* The two directories that a guest reads through 9P: its environment and its certificates. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "enclave/local.h"
#include "enclave/values.h"

#define ENVIRONMENT_SIZE_MAX 8192
#define VALUE_SIZE_MAX       1024

/* Files and the paths under which the guest sees them (protocol.md 2.4). */
static const struct pem_file {
    const char *file;
    const char *variable;
    const char *guest_path;
} pem_files[COCOS__PEM_COUNT] = {
    [COCOS__PEM_CA] = {"ca.pem", "AGENT_CVM_GRPC_SERVER_CA_CERTS", "/etc/certs/ca.pem"},
    [COCOS__PEM_CERT] = {"cert.pem", "AGENT_CVM_GRPC_CLIENT_CERT", "/etc/certs/cert.pem"},
    [COCOS__PEM_KEY] = {"key.pem", "AGENT_CVM_GRPC_CLIENT_KEY", "/etc/certs/key.pem"},
};

/* One line. A value that could begin a second line is refused, wherever it came from. */
static int add(cocos__buf *b, const char *name, const char *value, cocos_error **err)
{
    if (value[0] == '\0')
        return COCOS_OK;
    if (!cocos__value_printable(value, 1, VALUE_SIZE_MAX))
        return cocos__fail_check(err, COCOS_ERR_MALFORMED, "enclave.environment", name,
                                 "1 to 1024 printable characters", NULL,
                                 "%s is not 1 to 1024 printable characters", name);
    cocos__buf_printf(b, "%s=%s\n", name, value);
    return COCOS_OK;
}

int cocos__environment(const char *id,
                       const cocos_enclave_spec *s,
                       cocos__buf *out,
                       cocos_error **err)
{
    /* Nothing else is written: a strict guest stops at a name that it does not know (cocos-v1.md).
     */
    int r = add(out, "AGENT_CVM_ID", id, err);
    if (r == COCOS_OK)
        r = add(out, "AGENT_CVM_GRPC_URL", s->cvms_url, err);
    if (r == COCOS_OK)
        r = add(out, "AGENT_LOG_LEVEL", s->log_level, err);
    for (int i = 0; r == COCOS_OK && i < COCOS__PEM_COUNT; i++)
        if (s->pem[i])
            r = add(out, pem_files[i].variable, pem_files[i].guest_path, err);
    if (r == COCOS_OK && out->failed)
        r = cocos__fail_memory(err);
    return r;
}

static int make_dir(const char *path, cocos_error **err)
{
    if (mkdir(path, 0700) < 0)
        return cocos__fail_errno(err, errno, "io.mkdir", "cannot make directory %s", path);
    return COCOS_OK;
}

static int write_pems(const cocos__record *r, const cocos_enclave_spec *s, cocos_error **err)
{
    char path[400];

    for (int i = 0; i < COCOS__PEM_COUNT; i++) {
        if (!s->pem[i])
            continue;
        snprintf(path, sizeof path, "%s/certs/%s", r->dir, pem_files[i].file);
        int e = cocos__write_file(path, cocos__secret_data(s->pem[i]), cocos__secret_len(s->pem[i]),
                                  0600, err);
        if (e < 0)
            return e;
    }
    return COCOS_OK;
}

int cocos__share_make(const cocos__local *l,
                      const cocos__record *r,
                      const cocos_enclave_spec *s,
                      cocos_error **err)
{
    static const char *const dirs[] = {"", "/env", "/certs"};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf text = {0};
    char path[400];
    (void)l;

    cocos__buf_init(&text, ENVIRONMENT_SIZE_MAX);
    int e = cocos__environment(r->id, s, &text, err);
    for (size_t i = 0; e == COCOS_OK && i < COCOS__ARRAY_LEN(dirs); i++) {
        snprintf(path, sizeof path, "%s%s", r->dir, dirs[i]);
        e = make_dir(path, err);
    }
    if (e < 0)
        return e;

    snprintf(path, sizeof path, "%s/env/environment", r->dir);
    e = cocos__write_file(path, text.data, text.len, 0600, err);
    return e < 0 ? e : write_pems(r, s, err);
}
