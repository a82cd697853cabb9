/* SPDX-License-Identifier: Apache-2.0 */
/* Enclaves of a manager, over cocos.v1.Manager. What comes back is the manager's word. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"
#include "cocos/v1/manager.pb-c.h"
#include "enclave/enclave.h"
#include "enclave/values.h"
#include "rpc/rpc.h"

#define PATH(method) "/cocos.v1.Manager/" method

/* A connection in use; the last call that uses a lost one closes it. */
struct link {
    cocos__rpc_channel *channel;
    unsigned refs;
};

struct remote {
    cocos_host base;
    char *target;
    cocos__tls_config *tls;
    pthread_mutex_t lock;
    struct link *link;
};

static void unref_link(struct remote *m, struct link *k)
{
    pthread_mutex_lock(&m->lock);
    unsigned left = --k->refs;
    pthread_mutex_unlock(&m->lock);
    if (left == 0) {
        cocos__rpc_channel_close(k->channel);
        free(k);
    }
}

static int
connect_link(struct remote *m, const cocos__call *call, struct link **ret, cocos_error **err)
{
    struct link *k = calloc(1, sizeof *k);
    if (!k)
        return cocos__fail_memory(err);

    const cocos__rpc_channel_options o = {
        .target = m->target,
        .tls = m->tls,
        .deadline_ns =
            cocos__deadline_min(call->deadline_ns, cocos_deadline_in(30 * COCOS__NS_PER_S)),
        .cancel = call->cancel,
    };
    int r = cocos__rpc_channel_open(&o, &k->channel, err);
    if (r < 0) {
        free(k);
        return r;
    }
    k->refs = 1;
    *ret = k;
    return COCOS_OK;
}

/* The connection, a new one when it was lost; give back with unref_link(). */
static int
take_link(struct remote *m, const cocos__call *call, struct link **ret, cocos_error **err)
{
    struct link *fresh = NULL;
    struct link *old = NULL;

    pthread_mutex_lock(&m->lock);
    if (m->link && cocos__rpc_channel_alive(m->link->channel)) {
        m->link->refs++;
        *ret = m->link;
        pthread_mutex_unlock(&m->lock);
        return COCOS_OK;
    }
    pthread_mutex_unlock(&m->lock);

    int r = connect_link(m, call, &fresh, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&m->lock);
    old = m->link;
    m->link = fresh;
    fresh->refs++;
    pthread_mutex_unlock(&m->lock);
    if (old)
        unref_link(m, old);
    *ret = fresh;
    return COCOS_OK;
}

static int unary(struct remote *m,
                 const cocos__call *call,
                 const char *path,
                 const ProtobufCMessage *request,
                 const ProtobufCMessageDescriptor *type,
                 ProtobufCMessage **ret,
                 cocos_error **err)
{
    struct link *k = NULL;

    int r = take_link(m, call, &k, err);
    if (r < 0)
        return r;
    r = cocos__rpc_unary(k->channel, path, NULL, 0, request, type, call->deadline_ns, call->cancel,
                         ret, err);
    unref_link(m, k);
    return r;
}

static void free_message(ProtobufCMessage **m)
{
    if (*m)
        protobuf_c_message_free_unpacked(*m, NULL);
}

static void copy_text(char *out, size_t size, const char *in)
{
    snprintf(out, size, "%s", in ? in : "");
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            *c = '?'; /* it will be printed */
}

static void take_events(const Cocos__V1__Enclave *e, cocos_enclave_info *i)
{
    for (size_t k = 0; k < e->n_events && i->n_events < COCOS__EVENTS_OF_INFO; k++) {
        size_t at = i->n_events++;
        i->events[at].sequence = e->events[k]->sequence;
        i->events[at].time_ns = e->events[k]->time_ns;
        i->events[at].state = cocos__state_name(e->events[k]->state);
        copy_text(i->events[at].reason, sizeof i->events[at].reason, e->events[k]->reason);
    }
}

static int to_info(const Cocos__V1__Enclave *e, cocos_enclave_info **ret, cocos_error **err)
{
    if (!e || !cocos__value_is_uuid(e->id))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "enclave.reply",
                           "the manager's reply does not name an enclave");
    cocos_enclave_info *i = calloc(1, sizeof *i);
    if (!i)
        return cocos__fail_memory(err);
    copy_text(i->id, sizeof i->id, e->id);
    copy_text(i->owner, sizeof i->owner, e->owner);
    copy_text(i->address, sizeof i->address, e->address);
    copy_text(i->platform, sizeof i->platform, e->platform);
    copy_text(i->image, sizeof i->image, e->image);
    copy_text(i->reason, sizeof i->reason, e->reason);
    i->state = cocos__state_name(e->state);
    if (e->agent_spki_sha256.len == 32)
        cocos__info_set_pin(i, e->agent_spki_sha256.data);
    i->memory = e->memory;
    i->vcpus = e->vcpus;
    i->created_ns = e->created_ns;
    i->since_ns = e->since_ns;
    i->deadline_ns = e->deadline_ns;
    i->create_own_ns = e->create_own_ns;
    take_events(e, i);
    *ret = i;
    return COCOS_OK;
}

static ProtobufCBinaryData pem_of(const cocos_enclave_spec *s, enum cocos__pem which)
{
    ProtobufCBinaryData d = {0, NULL};

    if (s->pem[which]) {
        d.data = cocos__secret_data(s->pem[which]);
        d.len = cocos__secret_len(s->pem[which]);
    }
    return d;
}

static int remote_create(cocos_host *h,
                         const cocos__call *call,
                         const cocos_enclave_spec *s,
                         cocos_enclave_info **ret,
                         cocos_error **err)
{
    Cocos__V1__CreateRequest q = COCOS__V1__CREATE_REQUEST__INIT;
    COCOS__CLEANUP(free_message) ProtobufCMessage *reply = NULL;
    uint8_t id[16];

    /* One id for the call, whoever chose it, so that the manager can tell a repetition. */
    if (s->has_request_id)
        memcpy(id, s->request_id, sizeof id);
    else
        cocos__random(id, sizeof id);
    q.request_id = (ProtobufCBinaryData){sizeof id, id};
    q.platform = (char *)s->platform;
    q.memory = s->memory;
    q.vcpus = s->vcpus;
    q.deadline_s = s->ttl_ns / COCOS__NS_PER_S + (s->ttl_ns % COCOS__NS_PER_S != 0);
    q.image = (char *)s->image;
    q.wait_ready = s->wait_ready;
    q.cvms_url = (char *)s->cvms_url;
    q.log_level = (char *)s->log_level;
    q.cvms_ca = pem_of(s, COCOS__PEM_CA);
    q.cvms_client_cert = pem_of(s, COCOS__PEM_CERT);
    q.cvms_client_key = pem_of(s, COCOS__PEM_KEY);

    int r = unary((struct remote *)h, call, PATH("Create"), &q.base,
                  &cocos__v1__create_response__descriptor, &reply, err);
    return r < 0 ? r : to_info(((Cocos__V1__CreateResponse *)reply)->enclave, ret, err);
}

static int remote_get(cocos_host *h,
                      const cocos__call *call,
                      const char *id,
                      cocos_enclave_info **ret,
                      cocos_error **err)
{
    Cocos__V1__GetRequest q = COCOS__V1__GET_REQUEST__INIT;
    COCOS__CLEANUP(free_message) ProtobufCMessage *reply = NULL;

    q.id = (char *)id;
    int r = unary((struct remote *)h, call, PATH("Get"), &q.base,
                  &cocos__v1__get_response__descriptor, &reply, err);
    return r < 0 ? r : to_info(((Cocos__V1__GetResponse *)reply)->enclave, ret, err);
}

static int
remote_list(cocos_host *h, const cocos__call *call, cocos_enclave_list **ret, cocos_error **err)
{
    Cocos__V1__ListRequest q = COCOS__V1__LIST_REQUEST__INIT;
    COCOS__CLEANUP(free_message) ProtobufCMessage *reply = NULL;

    int r = unary((struct remote *)h, call, PATH("List"), &q.base,
                  &cocos__v1__list_response__descriptor, &reply, err);
    if (r < 0)
        return r;
    const Cocos__V1__ListResponse *l = (const Cocos__V1__ListResponse *)reply;
    COCOS__CLEANUP(cocos__list_freep) cocos_enclave_list *list = calloc(1, sizeof *list);
    if (list)
        list->items = calloc(l->n_enclaves ? l->n_enclaves : 1, sizeof *list->items);
    if (!list || !list->items)
        return cocos__fail_memory(err);
    for (; list->count < l->n_enclaves; list->count++) {
        r = to_info(l->enclaves[list->count], &list->items[list->count], err);
        if (r < 0)
            return r;
    }
    *ret = COCOS__STEAL(list);
    return COCOS_OK;
}

typedef int (*message_fn)(void *user, const ProtobufCMessage *message);

/* One request, and messages until the server ends or fn wants no more. */
static int stream(struct remote *m,
                  const cocos__call *call,
                  const char *path,
                  const ProtobufCMessage *request,
                  const ProtobufCMessageDescriptor *type,
                  message_fn fn,
                  void *user,
                  cocos_error **err)
{
    struct link *k = NULL;
    int r = take_link(m, call, &k, err);
    if (r < 0)
        return r;

    cocos__rpc_call *c = NULL;
    int stop = 0;
    r = cocos__rpc_call_start(k->channel, path, NULL, 0, call->deadline_ns, call->cancel, &c, err);
    if (r == COCOS_OK)
        r = cocos__rpc_send_pb(c, request, err);
    if (r == COCOS_OK)
        r = cocos__rpc_send_end(c, err);
    while (r == COCOS_OK && !stop) {
        COCOS__CLEANUP(free_message) ProtobufCMessage *message = NULL;
        r = cocos__rpc_recv_pb(c, type, &message, err);
        if (r < 0 || !message)
            break;
        stop = fn(user, message) != 0;
    }
    if (c && !stop) {
        /* The server's verdict says more than a broken stream. */
        cocos_error *verdict = NULL;
        int e = cocos__rpc_finish(c, &verdict);
        if (e < 0) {
            if (err) {
                cocos_error_free(*err);
                *err = COCOS__STEAL(verdict);
            }
            r = e;
        }
        cocos_error_free(verdict);
    }
    cocos__rpc_call_free(c);
    unref_link(m, k);
    return r;
}

struct event_user {
    cocos__event_fn fn;
    void *user;
    cocos__event event;
};

static int tell_event(void *user, const ProtobufCMessage *message)
{
    struct event_user *u = user;
    const Cocos__V1__EnclaveEvent *m = (const Cocos__V1__EnclaveEvent *)message;

    u->event.sequence = m->sequence;
    u->event.time_ns = m->time_ns;
    u->event.state = cocos__state_name(m->state);
    copy_text(u->event.id, sizeof u->event.id, m->id);
    copy_text(u->event.reason, sizeof u->event.reason, m->reason);
    return u->fn(u->user, &u->event, m->lost);
}

static int remote_watch(cocos_host *h,
                        const cocos__call *call,
                        const char *id,
                        uint64_t since,
                        cocos__event_fn fn,
                        void *user,
                        cocos_error **err)
{
    Cocos__V1__EnclaveWatchRequest q = COCOS__V1__ENCLAVE_WATCH_REQUEST__INIT;
    COCOS__CLEANUP(cocos__freep) struct event_user *u = calloc(1, sizeof *u);

    if (!u)
        return cocos__fail_memory(err);
    u->fn = fn;
    u->user = user;
    if (id)
        q.id = (char *)id;
    q.since = since;
    return stream((struct remote *)h, call, PATH("Watch"), &q.base,
                  &cocos__v1__enclave_event__descriptor, tell_event, u, err);
}

struct console_user {
    cocos_enclave_console_fn fn;
    void *user;
};

static int tell_console(void *user, const ProtobufCMessage *message)
{
    const struct console_user *u = user;
    const Cocos__V1__ConsoleResponse *m = (const Cocos__V1__ConsoleResponse *)message;

    return u->fn(u->user, m->data.data, m->data.len);
}

static int remote_console(cocos_host *h,
                          const cocos__call *call,
                          const char *id,
                          int follow,
                          cocos_enclave_console_fn fn,
                          void *user,
                          cocos_error **err)
{
    Cocos__V1__ConsoleRequest q = COCOS__V1__CONSOLE_REQUEST__INIT;
    struct console_user u = {fn, user};

    q.id = (char *)id;
    q.follow = follow != 0;
    return stream((struct remote *)h, call, PATH("Console"), &q.base,
                  &cocos__v1__console_response__descriptor, tell_console, &u, err);
}

static int remote_destroy(
    cocos_host *h, const cocos__call *call, const char *id, char **record, cocos_error **err)
{
    Cocos__V1__DestroyRequest q = COCOS__V1__DESTROY_REQUEST__INIT;
    COCOS__CLEANUP(free_message) ProtobufCMessage *reply = NULL;

    q.id = (char *)id;
    int r = unary((struct remote *)h, call, PATH("Destroy"), &q.base,
                  &cocos__v1__destroy_response__descriptor, &reply, err);
    if (r < 0 || !record)
        return r;
    char *text = strdup(((Cocos__V1__DestroyResponse *)reply)->record);
    if (!text)
        return cocos__fail_memory(err);
    *record = text;
    return COCOS_OK;
}

static void remote_close(cocos_host *h)
{
    struct remote *m = (struct remote *)h;

    if (m->link)
        unref_link(m, m->link);
    cocos__tls_config_unref(m->tls);
    pthread_mutex_destroy(&m->lock);
    free(m->target);
    free(m);
}

static const cocos__host_ops remote_ops = {
    .create = remote_create,
    .get = remote_get,
    .list = remote_list,
    .watch = remote_watch,
    .console = remote_console,
    .destroy = remote_destroy,
    .close = remote_close,
};

static int read_optional(const char *path, cocos__buf *b, cocos_error **err)
{
    return path ? cocos__read_file(path, 65536, b, err) : COCOS_OK;
}

/* A manager across the network is spoken to by mutual TLS alone. */
static int load_tls(struct remote *m, const cocos_host_options *o, cocos_error **err)
{
    const char *ca = cocos__host_option(o, COCOS__OPT_CA);
    const char *cert = cocos__host_option(o, COCOS__OPT_CERT);
    const char *key = cocos__host_option(o, COCOS__OPT_KEY);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf ca_pem = {0};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf cert_pem = {0};
    COCOS__CLEANUP(cocos__buf_wipe_done) cocos__buf key_pem = {0};

    if (strncmp(m->target, "unix:", 5) == 0)
        return COCOS_OK;
    if (!ca || !cert || !key)
        return cocos__fail(
            err, COCOS_ERR_USAGE, "enclave.tls",
            "a manager across the network needs ca, cert and key: it is reached by mutual TLS only");
    cocos__buf_init(&ca_pem, 1 << 17);
    cocos__buf_init(&cert_pem, 1 << 17);
    cocos__buf_init(&key_pem, 1 << 17);
    int r = read_optional(ca, &ca_pem, err);
    if (r == COCOS_OK)
        r = read_optional(cert, &cert_pem, err);
    if (r == COCOS_OK)
        r = read_optional(key, &key_pem, err);
    if (r < 0)
        return r;
    const cocos__tls_options t = {
        .cert_pem = {cert_pem.data, cert_pem.len},
        .key_pem = {key_pem.data, key_pem.len},
        .ca_pem = {ca_pem.data, ca_pem.len},
    };
    return cocos__tls_config_client(&t, &m->tls, err);
}

int cocos__remote_open(const cocos_host_options *o,
                       int64_t deadline_ns,
                       cocos_cancel *cancel,
                       cocos_host **ret,
                       cocos_error **err)
{
    const cocos__call call = {{"", 0}, deadline_ns, cancel};
    struct remote *m = calloc(1, sizeof *m);
    if (!m)
        return cocos__fail_memory(err);

    m->base.ops = &remote_ops;
    pthread_mutex_init(&m->lock, NULL);
    m->target = strdup(cocos__host_option(o, COCOS__OPT_MANAGER));
    int r = m->target ? load_tls(m, o, err) : cocos__fail_memory(err);
    if (r == COCOS_OK)
        r = connect_link(m, &call, &m->link, err); /* an unreachable manager is told at once */
    if (r < 0) {
        remote_close(&m->base);
        return r;
    }
    *ret = &m->base;
    return COCOS_OK;
}
