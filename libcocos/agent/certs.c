/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates from the host's share: what they prove is who the host is, nothing more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/service.h"
#include "base/fd.h"

#define PREFIX  "/etc/certs/"
#define PEM_MAX (64 * 1024)

static int open_regular(const char *path, const char *name, int *ret, cocos_error **err)
{
    struct stat st;
    /* Without O_NONBLOCK a FIFO in the share would hold the agent for ever. */
    COCOS__CLEANUP(cocos__closep)
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) < 0)
        return cocos__fail_errno(err, errno, "certs.read", "cannot open %s", name);
    if (!S_ISREG(st.st_mode))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "certs.read", "%s is not a regular file",
                           name);
    *ret = fd;
    fd = -1;
    return COCOS_OK;
}

int cocos__certs_read(const cocos_agent_service *s,
                      const char *name,
                      cocos__buf *out,
                      cocos_error **err)
{
    const size_t prefix = strlen(PREFIX);
    char path[COCOS__SERVICE_PATH + 300];
    int fd = -1;

    if (strncmp(name, PREFIX, prefix) != 0 || name[prefix] == '\0' || strchr(name + prefix, '/') ||
        strlen(name + prefix) > 255 || name[prefix] == '.')
        return cocos__fail(err, COCOS_ERR_MALFORMED, "certs.path",
                           "a certificate's path must be a name below %s", PREFIX);
    snprintf(path, sizeof path, "%s/%s", s->options.certs_dir, name + prefix);
    int r = open_regular(path, name, &fd, err);
    if (r < 0)
        return r;
    r = cocos__read_fd(fd, name, PEM_MAX, out, err);
    close(fd);
    return r;
}

/* The three files of one configuration; "" stands for none. */
struct pems {
    cocos__buf cert;
    cocos__buf key;
    cocos__buf ca;
};

static void pems_done(struct pems *p)
{
    cocos__buf_done(&p->cert);
    cocos__buf_wipe_done(&p->key);
    cocos__buf_done(&p->ca);
}

static int pems_read(const cocos_agent_service *s,
                     const char *cert,
                     const char *key,
                     const char *ca,
                     struct pems *p,
                     cocos_error **err)
{
    cocos__buf_init(&p->cert, PEM_MAX + 8192);
    cocos__buf_init(&p->key, PEM_MAX + 8192);
    cocos__buf_init(&p->ca, PEM_MAX + 8192);

    int r = *cert ? cocos__certs_read(s, cert, &p->cert, err) : COCOS_OK;
    if (r == COCOS_OK && *key)
        r = cocos__certs_read(s, key, &p->key, err);
    if (r == COCOS_OK && *ca)
        r = cocos__certs_read(s, ca, &p->ca, err);
    return r;
}

static cocos__tls_options options_of(const struct pems *p)
{
    return (cocos__tls_options){.cert_pem = {p->cert.data, p->cert.len},
                                .key_pem = {p->key.data, p->key.len},
                                .ca_pem = {p->ca.data, p->ca.len}};
}

int cocos__certs_server_tls(const cocos_agent_service *s,
                            const cocos_manifest *m,
                            cocos__tls_config **ret,
                            cocos_error **err)
{
    const char *cert = cocos_manifest_agent_config(m, COCOS_AGENT_CERT_FILE);
    const char *key = cocos_manifest_agent_config(m, COCOS_AGENT_KEY_FILE);
    const char *ca = cocos_manifest_agent_config(m, COCOS_AGENT_CLIENT_CA_FILE);
    struct pems p __attribute__((cleanup(pems_done)));

    memset(&p, 0, sizeof p);
    if (!*cert && !*key && !*ca)
        return COCOS_OK;
    if (!*cert || !*key)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "certs.pair",
                           "cert_file and key_file belong together, and client_ca_file needs both");
    int r = pems_read(s, cert, key, ca, &p, err);
    if (r < 0)
        return r;
    cocos__tls_options o = options_of(&p);
    return cocos__tls_config_server(&o, ret, err);
}

int cocos__certs_client_tls(const cocos_agent_service *s,
                            cocos__tls_config **ret,
                            cocos_error **err)
{
    const char *cert = s->options.cvms_cert;
    const char *key = s->options.cvms_key;
    const char *ca = s->options.cvms_ca;
    struct pems p __attribute__((cleanup(pems_done)));

    memset(&p, 0, sizeof p);
    if (!*cert && !*key && !*ca)
        return COCOS_OK;
    if (!*cert != !*key)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "certs.pair",
                           "a client certificate needs its key, and the reverse");
    int r = pems_read(s, cert, key, ca, &p, err);
    if (r < 0)
        return r;
    cocos__tls_options o = options_of(&p);
    o.system_roots = !*ca;
    return cocos__tls_config_client(&o, ret, err);
}
