/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.health.v1: a server that runs serves; only names that it was told of are known. */
#include <string.h>

#include "base/thread.h"
#include "grpc/health/v1/health.pb-c.h"
#include "rpc/server.h"

typedef Grpc__Health__V1__HealthCheckRequest health_request;

static int is_known(const cocos__rpc_server *s, const char *service)
{
    if (!*service)
        return 1;
    for (const char *const *name = s->o.health; name && *name; name++) {
        if (strcmp(*name, service) == 0)
            return 1;
    }
    return 0;
}

static int receive(cocos__rpc_call *call, health_request **ret, cocos_error **err)
{
    ProtobufCMessage *m = NULL;
    int r = cocos__rpc_recv_pb(call, &grpc__health__v1__health_check_request__descriptor, &m, err);

    if (r == COCOS_OK && !m)
        r = cocos__fail(err, COCOS_ERR_MALFORMED, "rpc.message", "the request is missing");
    if (r == COCOS_OK)
        *ret = (health_request *)m;
    return r;
}

static int answer(cocos__rpc_call *call,
                  Grpc__Health__V1__HealthCheckResponse__ServingStatus status,
                  cocos_error **err)
{
    Grpc__Health__V1__HealthCheckResponse m = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    m.status = status;
    return cocos__rpc_send_pb(call, &m.base, err);
}

int cocos__rpc_health_check(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos__rpc_server *s = user;
    health_request *rq = NULL;
    int r = receive(call, &rq, err);

    if (r < 0)
        return r;
    if (is_known(s, rq->service))
        r = answer(call, GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING, err);
    else
        r = cocos__fail(err, COCOS_ERR_NOT_FOUND, "rpc.service", "no service \"%.100s\" here",
                        rq->service);
    protobuf_c_message_free_unpacked(&rq->base, NULL);
    return r;
}

static void wake(void *user)
{
    cocos__rpc_server *s = user;
    COCOS__LOCKED(&s->lock);

    pthread_cond_broadcast(&s->changed);
}

static void wait_for_stop(cocos__rpc_server *s, cocos__rpc_call *call)
{
    cocos__rpc_on_gone(call, wake, s);
    COCOS__LOCKED(&s->lock);
    while (!s->stopping && !cocos__rpc_call_gone(call))
        pthread_cond_wait(&s->changed, &s->lock);
}

int cocos__rpc_health_watch(cocos__rpc_call *call, void *user, cocos_error **err)
{
    cocos__rpc_server *s = user;
    health_request *rq = NULL;
    int r = receive(call, &rq, err);

    if (r < 0)
        return r;
    int known = is_known(s, rq->service);
    protobuf_c_message_free_unpacked(&rq->base, NULL);
    /* The protocol wants the stream to stay open also for an unknown name, which may come later. */
    r = answer(call,
               known ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                     : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN,
               err);
    if (r < 0)
        return r;
    wait_for_stop(s, call);
    if (cocos__rpc_call_gone(call))
        return cocos__fail(err, COCOS_ERR_CANCELLED, "rpc.gone", "the client went");
    return answer(call, GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING, err);
}
