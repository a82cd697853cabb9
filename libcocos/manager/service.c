/* SPDX-License-Identifier: Apache-2.0 */
/* cocos.v1.Manager over a host (cocos-v1.md section 6). Owners see and end only what is theirs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cocos/v1/manager.pb-c.h"
#include "codec/hex.h"
#include "enclave/values.h"
#include "manager/manager.h"

/* Three PEM files of 64 KiB, and the rest. */
#define CREATE_SIZE_MAX (256u << 10)

/* ---- who asks ---- */

static int caller_by_certificate(const cocos_manager *m,
                                 const cocos__conn *conn,
                                 char buf[COCOS__OWNER_MAX + 1],
                                 cocos_error **err)
{
    const uint8_t *spki = cocos__conn_peer_spki(conn);
    const char *subject = cocos__conn_peer_subject(conn);
    char hex[65];

    if (!spki)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "manager.peer",
                           "no client certificate was presented");
    if (m->owner_by_subject) {
        int n = snprintf(buf, COCOS__OWNER_MAX + 1, "subject:%s", subject ? subject : "");
        if (n <= 8 || !cocos__value_printable(buf, 9, COCOS__OWNER_MAX) || n > COCOS__OWNER_MAX)
            return cocos__fail(
                err, COCOS_ERR_UNAUTHENTICATED, "manager.peer",
                "the client certificate's subject is empty, too long or not printable");
        return COCOS_OK;
    }
    cocos__hex_encode(spki, 32, hex);
    snprintf(buf, COCOS__OWNER_MAX + 1, "spki:%s", hex);
    return COCOS_OK;
}

int cocos__manager_caller(const cocos_manager *m,
                          const cocos__conn *conn,
                          char buf[COCOS__OWNER_MAX + 1],
                          cocos__caller *ret,
                          cocos_error **err)
{
    uid_t uid;
    int r = COCOS_OK;

    ret->all = 0;
    ret->owner = buf;
    switch (cocos__conn_kind(conn)) {
    case COCOS__CONN_UNIX:
        uid = cocos__conn_peer_uid(conn);
        if (uid == (uid_t)-1)
            return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "manager.peer",
                               "the peer's user is not known");
        snprintf(buf, COCOS__OWNER_MAX + 1, "uid:%u", (unsigned)uid);
        ret->all = uid == 0 || uid == geteuid();
        return COCOS_OK;
    case COCOS__CONN_TLS:
        r = caller_by_certificate(m, conn, buf, err);
        return r;
    default:
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "manager.peer",
                           "over the network a manager is reached by mutual TLS only");
    }
}

/* ---- one call: caller, cancellation, log line, counters around the work ---- */

struct work {
    cocos_manager *m;
    cocos__rpc_call *rpc;
    cocos__call call;
    char id[37]; /* of the enclave, for the log; "" */
    char owner[COCOS__OWNER_MAX + 1];
};

typedef int (*work_fn)(struct work *w, cocos_error **err);

static void on_gone(void *user)
{
    cocos_cancel_trigger(user);
}

static void log_call(const struct work *w, const char *method, int status, const cocos_error *err)
{
    cocos__log_fields(status < 0 ? COCOS_LOG_WARN : COCOS_LOG_INFO, "manager", method, "owner",
                      w->owner, "id", w->id, "status", cocos_status_name(status), "code",
                      err ? cocos_error_code(err) : "", "message",
                      err ? cocos_error_message(err) : "", NULL);
}

static int run(cocos__rpc_call *rpc,
               void *user,
               enum cocos__manager_method method,
               const char *name,
               work_fn fn,
               cocos_error **err)
{
    struct work w = {.m = user, .rpc = rpc};
    COCOS__CLEANUP(cocos__cancel_freep) cocos_cancel *cancel = cocos_cancel_new();
    cocos_error *why = NULL;

    w.call.cancel = cancel;
    int r = cancel ? cocos__manager_caller(w.m, cocos__rpc_conn(rpc), w.owner, &w.call.who, &why)
                   : cocos__fail_memory(&why);
    if (r == COCOS_OK) {
        cocos__rpc_on_gone(rpc, on_gone, cancel);
        r = fn(&w, &why);
        cocos__rpc_on_gone(rpc, NULL, NULL);
    }
    cocos__metrics_call(&w.m->metrics, method, r, cocos_error_code(why));
    log_call(&w, name, r, why);
    if (r < 0 && err)
        *err = COCOS__STEAL(why);
    cocos_error_free(why);
    return r;
}

static void free_message(ProtobufCMessage **m)
{
    if (*m)
        protobuf_c_message_free_unpacked(*m, NULL);
}

/* The request; a stream without one is refused. */
static int take(struct work *w,
                const ProtobufCMessageDescriptor *type,
                ProtobufCMessage **ret,
                cocos_error **err)
{
    int r = cocos__rpc_recv_pb(w->rpc, type, ret, err);
    if (r == COCOS_OK && !*ret)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manager.request",
                           "the call came without a message");
    if (r == COCOS_OK)
        cocos__rpc_call_known(w->rpc); /* who has asked for something keeps its place */
    return r;
}

/* Whoever may not see an enclave is not told whether it exists. */
static int take_id(struct work *w, const char *id, cocos_error **err)
{
    if (!cocos__value_is_uuid(id))
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "enclave.unknown",
                           "there is no enclave of that id, which is not even a UUID");
    memcpy(w->id, id, sizeof w->id);
    return COCOS_OK;
}

/* ---- an enclave as a message; texts are borrowed from the info ---- */

struct enclave_message {
    Cocos__V1__Enclave enclave;
    Cocos__V1__EnclaveEvent events[COCOS__EVENTS_OF_INFO];
    Cocos__V1__EnclaveEvent *event_list[COCOS__EVENTS_OF_INFO];
};

static void fill_events(struct enclave_message *m, const cocos_enclave_info *i)
{
    for (size_t k = 0; k < i->n_events; k++) {
        cocos__v1__enclave_event__init(&m->events[k]);
        m->events[k].sequence = i->events[k].sequence;
        m->events[k].time_ns = i->events[k].time_ns;
        m->events[k].id = (char *)i->id;
        m->events[k].state = (char *)i->events[k].state;
        m->events[k].reason = (char *)i->events[k].reason;
        m->event_list[k] = &m->events[k];
    }
    m->enclave.n_events = i->n_events;
    m->enclave.events = m->event_list;
}

static void fill(struct enclave_message *m, const cocos_enclave_info *i)
{
    Cocos__V1__Enclave *e = &m->enclave;

    cocos__v1__enclave__init(e);
    e->id = (char *)i->id;
    e->owner = (char *)i->owner;
    e->state = (char *)i->state;
    e->reason = (char *)i->reason;
    e->since_ns = i->since_ns;
    e->created_ns = i->created_ns;
    e->deadline_ns = i->deadline_ns;
    e->address = (char *)i->address;
    e->platform = (char *)i->platform;
    e->image = (char *)i->image;
    e->memory = i->memory;
    e->vcpus = i->vcpus;
    e->create_own_ns = i->create_own_ns;
    if (i->has_pin)
        e->agent_spki_sha256 = (ProtobufCBinaryData){32, (uint8_t *)i->pin};
    fill_events(m, i);
}

/* ---- Create ---- */

static int set_texts(cocos_enclave_spec *s, const Cocos__V1__CreateRequest *q, cocos_error **err)
{
    const struct {
        const char *name;
        const char *value;
    } texts[] = {{"image", q->image}, {"cvms_url", q->cvms_url}, {"log_level", q->log_level}};
    int r = q->platform[0] ? cocos_enclave_spec_set(s, "platform", q->platform, err) : COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(texts); i++)
        r = cocos_enclave_spec_set(s, texts[i].name, texts[i].value, err);
    return r;
}

static int set_pems(cocos_enclave_spec *s, const Cocos__V1__CreateRequest *q, cocos_error **err)
{
    const ProtobufCBinaryData *const pems[COCOS__PEM_COUNT] = {&q->cvms_ca, &q->cvms_client_cert,
                                                               &q->cvms_client_key};
    int r = COCOS_OK;

    for (int i = 0; r == COCOS_OK && i < COCOS__PEM_COUNT; i++)
        r = cocos__spec_set_pem(s, (enum cocos__pem)i, pems[i]->data, pems[i]->len, err);
    return r;
}

static int to_spec(const Cocos__V1__CreateRequest *q, cocos_enclave_spec *s, cocos_error **err)
{
    if (q->request_id.len != 0 && q->request_id.len != sizeof s->request_id)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manager.request",
                           "request_id has %zu bytes, not 16", q->request_id.len);
    if (q->deadline_s < 0 || q->deadline_s > INT64_MAX / COCOS__NS_PER_S / 4)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "manager.request",
                           "deadline_s is %lld; it must be 0 or a number of seconds from now",
                           (long long)q->deadline_s);
    if (q->request_id.len) {
        memcpy(s->request_id, q->request_id.data, sizeof s->request_id);
        s->has_request_id = 1;
    }
    s->memory = q->memory;
    s->vcpus = q->vcpus;
    s->ttl_ns = q->deadline_s * COCOS__NS_PER_S;
    s->wait_ready = q->wait_ready;
    int r = set_texts(s, q, err);
    return r < 0 ? r : set_pems(s, q, err);
}

/* The key leaves no copy in the memory of the message. */
static void free_create(ProtobufCMessage **m)
{
    Cocos__V1__CreateRequest *q = (Cocos__V1__CreateRequest *)*m;

    if (q && q->cvms_client_key.data)
        cocos__wipe(q->cvms_client_key.data, q->cvms_client_key.len);
    free_message(m);
}

static int reply_created(struct work *w, const cocos_enclave_info *info, cocos_error **err)
{
    struct enclave_message *m = calloc(1, sizeof *m);
    Cocos__V1__CreateResponse a = COCOS__V1__CREATE_RESPONSE__INIT;

    if (!m)
        return cocos__fail_memory(err);
    fill(m, info);
    a.id = m->enclave.id;
    a.address = m->enclave.address;
    a.agent_spki_sha256 = m->enclave.agent_spki_sha256;
    a.enclave = &m->enclave;
    int r = cocos__rpc_send_pb(w->rpc, &a.base, err);
    free(m);
    return r;
}

static int do_create(struct work *w, cocos_error **err)
{
    COCOS__CLEANUP(free_create) ProtobufCMessage *q = NULL;
    COCOS__CLEANUP(cocos__spec_freep) cocos_enclave_spec *s = NULL;
    COCOS__CLEANUP(cocos__info_freep) cocos_enclave_info *info = NULL;
    int64_t start = cocos__clock_mono_ns();

    int r = take(w, &cocos__v1__create_request__descriptor, &q, err);
    if (r == COCOS_OK)
        r = cocos_enclave_spec_new(&s, err);
    if (r == COCOS_OK)
        r = to_spec((const Cocos__V1__CreateRequest *)q, s, err);
    if (r == COCOS_OK)
        r = w->m->host->ops->create(w->m->host, &w->call, s, &info, err);
    if (r < 0)
        return r;
    memcpy(w->id, info->id, sizeof w->id);
    cocos__metrics_created(&w->m->metrics, cocos__clock_mono_ns() - start, info->create_own_ns);
    return reply_created(w, info, err);
}

/* ---- List, Get ---- */

static int do_list(struct work *w, cocos_error **err)
{
    COCOS__CLEANUP(free_message) ProtobufCMessage *q = NULL;
    COCOS__CLEANUP(cocos__list_freep) cocos_enclave_list *list = NULL;
    Cocos__V1__ListResponse a = COCOS__V1__LIST_RESPONSE__INIT;

    int r = take(w, &cocos__v1__list_request__descriptor, &q, err);
    if (r == COCOS_OK)
        r = w->m->host->ops->list(w->m->host, &w->call, &list, err);
    if (r < 0)
        return r;
    size_t n = list->count;
    COCOS__CLEANUP(cocos__freep) struct enclave_message *all = calloc(n ? n : 1, sizeof *all);
    COCOS__CLEANUP(cocos__freep) Cocos__V1__Enclave **ptrs = calloc(n ? n : 1, sizeof *ptrs);
    if (!all || !ptrs)
        return cocos__fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        fill(&all[i], list->items[i]);
        /* Many enclaves with their histories would not fit into one message; Get has them. */
        all[i].enclave.n_events = 0;
        ptrs[i] = &all[i].enclave;
    }
    a.n_enclaves = n;
    a.enclaves = ptrs;
    return cocos__rpc_send_pb(w->rpc, &a.base, err);
}

static int do_get(struct work *w, cocos_error **err)
{
    COCOS__CLEANUP(free_message) ProtobufCMessage *q = NULL;
    COCOS__CLEANUP(cocos__info_freep) cocos_enclave_info *info = NULL;
    Cocos__V1__GetResponse a = COCOS__V1__GET_RESPONSE__INIT;

    int r = take(w, &cocos__v1__get_request__descriptor, &q, err);
    if (r == COCOS_OK)
        r = take_id(w, ((const Cocos__V1__GetRequest *)q)->id, err);
    if (r == COCOS_OK)
        r = w->m->host->ops->get(w->m->host, &w->call, w->id, &info, err);
    if (r < 0)
        return r;
    COCOS__CLEANUP(cocos__freep) struct enclave_message *m = calloc(1, sizeof *m);
    if (!m)
        return cocos__fail_memory(err);
    fill(m, info);
    a.enclave = &m->enclave;
    return cocos__rpc_send_pb(w->rpc, &a.base, err);
}

/* ---- Watch, Console ---- */

struct sending {
    struct work *w;
    int status; /* what a send said */
    cocos_error *err;
};

static int send_event(void *user, const cocos__event *e, uint64_t lost)
{
    struct sending *s = user;
    Cocos__V1__EnclaveEvent m = COCOS__V1__ENCLAVE_EVENT__INIT;

    m.sequence = e->sequence;
    m.time_ns = e->time_ns;
    m.id = (char *)e->id;
    m.state = (char *)e->state;
    m.reason = (char *)e->reason;
    m.lost = lost;
    s->status = cocos__rpc_send_pb(s->w->rpc, &m.base, &s->err);
    return s->status < 0;
}

static int send_console(void *user, const uint8_t *data, size_t len)
{
    struct sending *s = user;
    Cocos__V1__ConsoleResponse m = COCOS__V1__CONSOLE_RESPONSE__INIT;

    m.data = (ProtobufCBinaryData){len, (uint8_t *)data};
    s->status = cocos__rpc_send_pb(s->w->rpc, &m.base, &s->err);
    return s->status < 0;
}

/* A failed send ended the stream from below. */
static int sent(struct sending *s, int r, cocos_error **err)
{
    if (s->status < 0 && err) {
        cocos_error_free(*err);
        *err = COCOS__STEAL(s->err);
        return s->status;
    }
    cocos_error_free(s->err);
    return r;
}

static int do_watch(struct work *w, cocos_error **err)
{
    COCOS__CLEANUP(free_message) ProtobufCMessage *q = NULL;
    struct sending s = {w, COCOS_OK, NULL};

    int r = take(w, &cocos__v1__enclave_watch_request__descriptor, &q, err);
    if (r < 0)
        return r;
    const Cocos__V1__EnclaveWatchRequest *m = (const Cocos__V1__EnclaveWatchRequest *)q;
    if (m->id[0]) {
        r = take_id(w, m->id, err);
        if (r < 0)
            return r;
    }
    r = w->m->host->ops->watch(w->m->host, &w->call, m->id[0] ? w->id : NULL, m->since, send_event,
                               &s, err);
    return sent(&s, r, err);
}

static int do_console(struct work *w, cocos_error **err)
{
    COCOS__CLEANUP(free_message) ProtobufCMessage *q = NULL;
    struct sending s = {w, COCOS_OK, NULL};

    int r = take(w, &cocos__v1__console_request__descriptor, &q, err);
    if (r < 0)
        return r;
    const Cocos__V1__ConsoleRequest *m = (const Cocos__V1__ConsoleRequest *)q;
    r = take_id(w, m->id, err);
    if (r < 0)
        return r;
    r = w->m->host->ops->console(w->m->host, &w->call, w->id, m->follow, send_console, &s, err);
    return sent(&s, r, err);
}

/* ---- Destroy ---- */

static int do_destroy(struct work *w, cocos_error **err)
{
    COCOS__CLEANUP(free_message) ProtobufCMessage *q = NULL;
    COCOS__CLEANUP(cocos__freep) char *record = NULL;
    Cocos__V1__DestroyResponse a = COCOS__V1__DESTROY_RESPONSE__INIT;

    int r = take(w, &cocos__v1__destroy_request__descriptor, &q, err);
    if (r == COCOS_OK)
        r = take_id(w, ((const Cocos__V1__DestroyRequest *)q)->id, err);
    if (r == COCOS_OK)
        r = w->m->host->ops->destroy(w->m->host, &w->call, w->id, &record, err);
    if (r < 0)
        return r;
    a.record = record;
    return cocos__rpc_send_pb(w->rpc, &a.base, err);
}

#define HANDLER(name, METHOD)                                                                      \
    static int handle_##name(cocos__rpc_call *call, void *user, cocos_error **err)                 \
    {                                                                                              \
        return run(call, user, COCOS__METHOD_##METHOD, #name, do_##name, err);                     \
    }

HANDLER(create, CREATE)
HANDLER(list, LIST)
HANDLER(get, GET)
HANDLER(watch, WATCH)
HANDLER(console, CONSOLE)
HANDLER(destroy, DESTROY)

#define OLD_WHY                                                                                    \
    "manager.ManagerService is the old protocol, which this manager does not speak; use "          \
    "cocos.v1.Manager"

const cocos__rpc_method cocos__manager_methods[] = {
    {"/cocos.v1.Manager/Create", handle_create, NULL, CREATE_SIZE_MAX},
    {"/cocos.v1.Manager/List", handle_list, NULL, 0},
    {"/cocos.v1.Manager/Get", handle_get, NULL, 0},
    {"/cocos.v1.Manager/Watch", handle_watch, NULL, 0},
    {"/cocos.v1.Manager/Console", handle_console, NULL, 0},
    {"/cocos.v1.Manager/Destroy", handle_destroy, NULL, 0},
    {"/manager.ManagerService/CreateVm", NULL, OLD_WHY, 0},
    {"/manager.ManagerService/RemoveVm", NULL, OLD_WHY, 0},
    {"/manager.ManagerService/CVMInfo", NULL, OLD_WHY, 0},
    {"/manager.ManagerService/AttestationPolicy", NULL, OLD_WHY, 0},
};
const size_t cocos__manager_n_methods = COCOS__ARRAY_LEN(cocos__manager_methods);
