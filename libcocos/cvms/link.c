/* SPDX-License-Identifier: Apache-2.0 */
#include "cvms/link.h"

#include "base/clock.h"
#include "base/thread.h"

#define WAITING_MAX       64
#define WAITING_BYTES_MAX (16u << 20)

struct packed {
    struct packed *next;
    size_t len;
    uint8_t data[];
};

struct cocos__cvms_link {
    cocos__rpc_call *call;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t more;
    struct packed *first;
    struct packed **last;
    size_t waiting;
    size_t waiting_bytes;
    int sending; /* the thread is within cocos__rpc_send() */
    int ending;
};

static struct packed *take(cocos__cvms_link *l)
{
    COCOS__LOCKED(&l->lock);

    l->sending = 0;
    pthread_cond_broadcast(&l->more);
    while (!l->first && !l->ending)
        pthread_cond_wait(&l->more, &l->lock);
    if (l->ending)
        return NULL;

    struct packed *p = l->first;
    l->first = p->next;
    if (!l->first)
        l->last = &l->first;
    l->waiting--;
    l->waiting_bytes -= p->len;
    l->sending = 1;
    return p;
}

static void sent(cocos__cvms_link *l)
{
    COCOS__LOCKED(&l->lock);
    l->sending = 0;
    pthread_cond_broadcast(&l->more);
}

static void *send_all(void *user)
{
    cocos__cvms_link *l = user;

    for (struct packed *p; (p = take(l));) {
        int r = cocos__rpc_send(l->call, p->data, p->len, NULL);
        free(p);
        if (r < 0)
            break; /* the receiving side sees the loss and ends the stream */
    }
    sent(l);
    return NULL;
}

int cocos__cvms_link_new(cocos__rpc_call *call, cocos__cvms_link **ret, cocos_error **err)
{
    cocos__cvms_link *l = calloc(1, sizeof *l);
    if (!l)
        return cocos__fail_memory(err);

    l->call = call;
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    cocos__cond_init(&l->more);
    int r = cocos__thread_start(&l->thread, "cvms-send", send_all, l, err);
    if (r < 0) {
        pthread_mutex_destroy(&l->lock);
        pthread_cond_destroy(&l->more);
        free(l);
        return r;
    }
    *ret = l;
    return COCOS_OK;
}

int cocos__cvms_link_send(cocos__cvms_link *l, const ProtobufCMessage *msg, cocos_error **err)
{
    size_t len = protobuf_c_message_get_packed_size(msg);
    struct packed *p = malloc(sizeof *p + len);
    if (!p)
        return cocos__fail_memory(err);

    p->next = NULL;
    p->len = protobuf_c_message_pack(msg, p->data);

    COCOS__LOCKED(&l->lock);
    if (l->waiting >= WAITING_MAX || p->len > WAITING_BYTES_MAX - l->waiting_bytes) {
        free(p);
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "cvms.queue",
                           "the agent does not take its commands: %zu are waiting", l->waiting);
    }
    *l->last = p;
    l->last = &p->next;
    l->waiting++;
    l->waiting_bytes += p->len;
    pthread_cond_broadcast(&l->more);
    return COCOS_OK;
}

void cocos__cvms_link_free(cocos__cvms_link *l)
{
    if (!l)
        return;

    pthread_mutex_lock(&l->lock);
    l->ending = 1;
    pthread_cond_broadcast(&l->more);
    /* What is on its way may arrive; a send that waits for flow control is given up. */
    struct timespec until = cocos__deadline_timespec(cocos_deadline_in(COCOS__NS_PER_S));
    while (l->sending && pthread_cond_timedwait(&l->more, &l->lock, &until) == 0)
        continue;
    int stuck = l->sending;
    pthread_mutex_unlock(&l->lock);
    if (stuck)
        cocos__rpc_cancel(l->call); /* a send that waits for flow control returns */
    pthread_join(l->thread, NULL);

    while (l->first) {
        struct packed *p = l->first;
        l->first = p->next;
        free(p);
    }
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
