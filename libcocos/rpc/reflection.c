/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.reflection, v1 and v1alpha, whose messages are the same on the wire. */
#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "rpc/descriptor.h"
#include "rpc/server.h"

#define SERVICES_MAX 32

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;
typedef Grpc__Reflection__V1__ErrorResponse error_response;

/* "package.Service" of "/package.Service/Method", once each. */
static size_t list_services(const cocos__rpc_server *s, char names[SERVICES_MAX][128])
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_methods && n < SERVICES_MAX; i++) {
        const char *path = s->methods[i].path + 1;
        size_t len = strcspn(path, "/");
        size_t seen = 0;

        if (!s->methods[i].fn || len >= sizeof names[0])
            continue;
        memcpy(names[n], path, len);
        names[n][len] = '\0';
        while (strcmp(names[seen], names[n]) != 0)
            seen++;
        n += seen == n;
    }
    return n;
}

static int send_services(const cocos__rpc_server *s,
                         cocos__rpc_call *call,
                         reflection_response *m,
                         cocos_error **err)
{
    Grpc__Reflection__V1__ListServiceResponse list =
        GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1__ServiceResponse services[SERVICES_MAX];
    Grpc__Reflection__V1__ServiceResponse *pointers[SERVICES_MAX];
    char names[SERVICES_MAX][128];

    list.n_service = list_services(s, names);
    for (size_t i = 0; i < list.n_service; i++) {
        grpc__reflection__v1__service_response__init(&services[i]);
        services[i].name = names[i];
        pointers[i] = &services[i];
    }
    list.service = pointers;
    m->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    m->list_services_response = &list;
    return cocos__rpc_send_pb(call, &m->base, err);
}

static int send_error(
    cocos__rpc_call *call, reflection_response *m, int code, const char *text, cocos_error **err)
{
    error_response e = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;

    e.error_code = code;
    e.error_message = (char *)text;
    m->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    m->error_response = &e;
    return cocos__rpc_send_pb(call, &m->base, err);
}

static int
send_file(cocos__rpc_call *call, reflection_response *m, cocos__span file, cocos_error **err)
{
    Grpc__Reflection__V1__FileDescriptorResponse f =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    ProtobufCBinaryData bytes = {file.len, (uint8_t *)file.data};

    if (!file.data)
        return send_error(call, m, GRPC_STATUS_NOT_FOUND, "no such file or symbol", err);
    f.n_file_descriptor_proto = 1;
    f.file_descriptor_proto = &bytes;
    m->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    m->file_descriptor_response = &f;
    return cocos__rpc_send_pb(call, &m->base, err);
}

static int send_no_extensions(cocos__rpc_call *call,
                              reflection_response *m,
                              const char *type,
                              cocos_error **err)
{
    Grpc__Reflection__V1__ExtensionNumberResponse none =
        GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;

    if (!cocos__descriptor_by_symbol(type).data)
        return send_error(call, m, GRPC_STATUS_NOT_FOUND, "no such type", err);
    none.base_type_name = (char *)type;
    m->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
    m->all_extension_numbers_response = &none;
    return cocos__rpc_send_pb(call, &m->base, err);
}

static int
answer(const cocos__rpc_server *s, cocos__rpc_call *call, reflection_request *rq, cocos_error **err)
{
    reflection_response m = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;

    m.valid_host = rq->host;
    m.original_request = rq;
    switch (rq->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        return send_services(s, call, &m, err);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        return send_file(call, &m, cocos__descriptor_by_name(rq->file_by_filename), err);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        return send_file(call, &m, cocos__descriptor_by_symbol(rq->file_containing_symbol), err);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        return send_no_extensions(call, &m, rq->all_extension_numbers_of_type, err);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        return send_error(call, &m, GRPC_STATUS_NOT_FOUND, "there are no extensions", err);
    default:
        return send_error(call, &m, GRPC_STATUS_INVALID_ARGUMENT, "the request asks nothing", err);
    }
}

int cocos__rpc_reflect(cocos__rpc_call *call, void *user, cocos_error **err)
{
    int r = COCOS_OK;

    while (r == COCOS_OK) {
        ProtobufCMessage *m = NULL;
        r = cocos__rpc_recv_pb(call, &grpc__reflection__v1__server_reflection_request__descriptor,
                               &m, err);
        if (r < 0 || !m)
            break;
        r = answer(user, call, (reflection_request *)m, err);
        protobuf_c_message_free_unpacked(m, NULL);
    }
    return r;
}
