/* SPDX-License-Identifier: Apache-2.0 */
/* The manager object: listeners in front of the service, the HTTP responder beside it. */
#include "manager/manager.h"

#include <string.h>

#include "base/fd.h"
#include "enclave/values.h"

int cocos_manager_options_new(cocos_manager_options **ret, cocos_error **err)
{
    cocos_manager_options *o = calloc(1, sizeof *o);
    if (!o)
        return cocos__fail_memory(err);
    *ret = o;
    return COCOS_OK;
}

void cocos_manager_options_free(cocos_manager_options *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n_listen; i++)
        free(o->listen[i].address);
    free(o->cert);
    free(o->key);
    free(o->client_ca);
    free(o->http);
    free(o->instance_id);
    free(o);
}

static int set_text(char **slot, const char *value, cocos_error **err)
{
    char *copy = strdup(value);
    if (!copy)
        return cocos__fail_memory(err);
    free(*slot);
    *slot = copy;
    return COCOS_OK;
}

static int bad(cocos_error **err, const char *name, const char *expected)
{
    return cocos__fail_check(err, COCOS_ERR_USAGE, "option.value", name, expected, NULL,
                             "option %s must be %s", name, expected);
}

static int add_listener(cocos_manager_options *o, const char *value, int tls, cocos_error **err)
{
    int local = strncmp(value, "unix:", 5) == 0 || strncmp(value, "fd:", 3) == 0;

    if (!tls && !local)
        return bad(err, "listen",
                   "unix:/path or fd:N; over the network listen_tls is the only way");
    if (tls && (local || !strchr(value, ':')))
        return bad(err, "listen_tls", "host:port");
    if (o->n_listen == COCOS__MANAGER_LISTENERS_MAX)
        return bad(err, tls ? "listen_tls" : "listen", "given at most 16 times");
    o->listen[o->n_listen].address = NULL;
    int r = set_text(&o->listen[o->n_listen].address, value, err);
    if (r == COCOS_OK)
        o->listen[o->n_listen++].tls = tls;
    return r;
}

static int set_owner_by(cocos_manager_options *o, const char *value, cocos_error **err)
{
    if (strcmp(value, "spki") != 0 && strcmp(value, "subject") != 0)
        return bad(err, "owner_by", "spki or subject");
    o->owner_by_subject = strcmp(value, "subject") == 0;
    return COCOS_OK;
}

int cocos_manager_options_set(cocos_manager_options *o,
                              const char *name,
                              const char *value,
                              cocos_error **err)
{
    if (!o || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "options, name and value are needed");
    if (!cocos__value_printable(value, 1, 1000))
        return bad(err, name, "1 to 1000 printable characters");
    const struct {
        const char *name;
        char **slot;
    } texts[] = {{"cert", &o->cert},
                 {"key", &o->key},
                 {"client_ca", &o->client_ca},
                 {"http", &o->http},
                 {"instance_id", &o->instance_id}};
    for (size_t i = 0; i < COCOS__ARRAY_LEN(texts); i++)
        if (strcmp(texts[i].name, name) == 0)
            return set_text(texts[i].slot, value, err);
    if (strcmp(name, "listen") == 0 || strcmp(name, "listen_tls") == 0)
        return add_listener(o, value, strcmp(name, "listen_tls") == 0, err);
    if (strcmp(name, "owner_by") == 0)
        return set_owner_by(o, value, err);
    return cocos__fail(err, COCOS_ERR_USAGE, "option.name", "a manager has no option \"%.64s\"",
                       name);
}

static int load_tls(const cocos_manager_options *o, cocos__tls_config **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf cert = {0};
    COCOS__CLEANUP(cocos__buf_wipe_done) cocos__buf key = {0};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf ca = {0};

    if (!o->cert || !o->key || !o->client_ca)
        return cocos__fail(
            err, COCOS_ERR_USAGE, "manager.tls",
            "listen_tls needs cert, key and client_ca: who has no certificate is let in nowhere");
    cocos__buf_init(&cert, 1 << 20);
    cocos__buf_init(&key, 1 << 17);
    cocos__buf_init(&ca, 1 << 20);
    int r = cocos__read_file(o->cert, 1 << 19, &cert, err);
    if (r == COCOS_OK)
        r = cocos__read_file(o->key, 1 << 16, &key, err);
    if (r == COCOS_OK)
        r = cocos__read_file(o->client_ca, 1 << 19, &ca, err);
    if (r < 0)
        return r;
    const cocos__tls_options t = {
        .cert_pem = {cert.data, cert.len},
        .key_pem = {key.data, key.len},
        .ca_pem = {ca.data, ca.len},
    };
    return cocos__tls_config_server(&t, ret, err);
}

static int listen_all(cocos_manager *m, const cocos_manager_options *o, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *tls = NULL;
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < o->n_listen; i++) {
        if (o->listen[i].tls && !tls)
            r = load_tls(o, &tls, err);
        if (r == COCOS_OK)
            r = cocos__rpc_server_listen(m->server, o->listen[i].address,
                                         o->listen[i].tls ? tls : NULL, &m->listeners[i], err);
        if (r == COCOS_OK)
            m->n_listeners++;
    }
    return r;
}

static int start(cocos_manager *m, const cocos_manager_options *o, cocos_error **err)
{
    static const char *const health[] = {"manager", "cocos.v1.Manager", NULL};
    const cocos__rpc_server_options so = {
        .methods = cocos__manager_methods,
        .n_methods = cocos__manager_n_methods,
        .user = m,
        .max_strangers = 64, /* callers that have not said yet what they want */
        .health = health,
        .reflection = 1,
    };

    int r = o->instance_id ? set_text(&m->instance_id, o->instance_id, err) : COCOS_OK;
    if (r == COCOS_OK)
        r = cocos__rpc_server_new(&so, &m->server, err);
    if (r == COCOS_OK)
        r = listen_all(m, o, err);
    if (r == COCOS_OK && o->http)
        r = cocos__http_start(o->http, cocos__manager_answer, m, &m->http, err);
    return r;
}

int cocos_manager_start(cocos_host *host,
                        const cocos_manager_options *o,
                        cocos_manager **ret,
                        cocos_error **err)
{
    if (!host || !o || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "enclave.argument",
                           "host, options and ret are needed");
    cocos_manager *m = calloc(1, sizeof *m);
    if (!m)
        return cocos__fail_memory(err);
    m->host = host;
    m->owner_by_subject = o->owner_by_subject;
    int r = start(m, o, err);
    if (r < 0) {
        cocos_manager_free(m);
        return r;
    }
    *ret = m;
    return COCOS_OK;
}

const char *cocos_manager_address(const cocos_manager *m, size_t i)
{
    return m && i < m->n_listeners ? cocos__rpc_listener_address(m->listeners[i]) : NULL;
}

const char *cocos_manager_http_address(const cocos_manager *m)
{
    return m && m->http ? cocos__http_address(m->http) : NULL;
}

void cocos_manager_stop(cocos_manager *m, int64_t deadline_ns)
{
    if (!m)
        return;
    __atomic_store_n(&m->stopping, 1, __ATOMIC_RELAXED);
    cocos__rpc_server_shutdown(m->server, deadline_ns);
}

void cocos_manager_free(cocos_manager *m)
{
    if (!m)
        return;
    cocos__http_stop(m->http);
    cocos__rpc_server_free(m->server);
    free(m->instance_id);
    free(m);
}
