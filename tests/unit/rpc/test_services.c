/* SPDX-License-Identifier: Apache-2.0 */
/* Health and reflection. */
#include "fixture.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "rpc/descriptor.h"

static struct fixture f;

static int health_of(cocos__rpc_channel *ch, const char *service, int *status, cocos_error **err)
{
    Grpc__Health__V1__HealthCheckRequest rq = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ProtobufCMessage *m = NULL;

    rq.service = (char *)service;
    int r = cocos__rpc_unary(ch, "/grpc.health.v1.Health/Check", NULL, 0, &rq.base,
                             &grpc__health__v1__health_check_response__descriptor,
                             cocos_deadline_in(10 * SECOND), NULL, &m, err);
    if (r == COCOS_OK) {
        *status = (int)((Grpc__Health__V1__HealthCheckResponse *)m)->status;
        protobuf_c_message_free_unpacked(m, NULL);
    }
    return r;
}

START_TEST(reports_health_of_known_services_only)
{
    cocos_error *err = NULL;
    int status = 0;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    assert_ok(health_of(ch, "", &status, &err), err);
    ck_assert_int_eq(status, GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    assert_ok(health_of(ch, "agent", &status, &err), err);
    ck_assert_int_eq(status, GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    assert_fails(health_of(ch, "other", &status, &err), COCOS_ERR_NOT_FOUND, "rpc.service", err);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

static int next_status(cocos__rpc_call *c)
{
    ProtobufCMessage *m = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__rpc_recv_pb(c, &grpc__health__v1__health_check_response__descriptor, &m, &err),
              err);
    ck_assert_ptr_nonnull(m);
    int status = (int)((Grpc__Health__V1__HealthCheckResponse *)m)->status;
    protobuf_c_message_free_unpacked(m, NULL);
    return status;
}

START_TEST(tells_watchers_when_the_server_stops)
{
    Grpc__Health__V1__HealthCheckRequest rq = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, "/grpc.health.v1.Health/Watch", 30 * SECOND, NULL);
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    ck_assert_int_eq(next_status(c),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    cocos__rpc_server_shutdown(f.server, cocos_deadline_in(5 * SECOND));
    ck_assert_int_eq(next_status(c),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    assert_ok(cocos__rpc_finish(c, &err), err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

START_TEST(lets_watchers_go)
{
    Grpc__Health__V1__HealthCheckRequest rq = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    cocos__rpc_server_options o = {.max_calls = 1};
    cocos_error *err = NULL;
    int status = 0;

    fixture_start(&f, &o);
    cocos__rpc_channel *ch = open_channel(&f, 0);
    cocos__rpc_call *c = start_call(ch, "/grpc.health.v1.Health/Watch", 30 * SECOND, NULL);
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    (void)next_status(c);
    cocos__rpc_call_free(c);
    /* The only place becomes free again. */
    int r = COCOS_ERR_EXHAUSTED;
    for (int i = 0; i < 400 && r == COCOS_ERR_EXHAUSTED; i++) {
        cocos_error_free(err);
        err = NULL;
        r = health_of(ch, "", &status, &err);
        usleep(5000);
    }
    assert_ok(r, err);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}
END_TEST

static void check_services(const Grpc__Reflection__V1__ListServiceResponse *l)
{
    int agent = 0;

    for (size_t i = 0; i < l->n_service; i++) {
        agent += strcmp(l->service[i]->name, "cocos.v1.Agent") == 0;
        ck_assert_str_ne(l->service[i]->name, "agent.AgentService"); /* not served, so not listed */
    }
    ck_assert_int_eq(agent, 1);
}

static void reflect(const char *path)
{
    Grpc__Reflection__V1__ServerReflectionRequest rq =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    cocos_error *err = NULL;

    fixture_start(&f, NULL);
    cocos__rpc_channel *ch = open_channel(&f, 1);
    cocos__rpc_call *c = start_call(ch, path, 30 * SECOND, NULL);
    rq.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    rq.list_services = "*";
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    assert_ok(cocos__rpc_recv_pb(c, &grpc__reflection__v1__server_reflection_response__descriptor,
                                 &m, &err),
              err);
    Grpc__Reflection__V1__ServerReflectionResponse *a =
        (Grpc__Reflection__V1__ServerReflectionResponse *)m;
    ck_assert_int_eq(
        a->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE);
    check_services(a->list_services_response);
    protobuf_c_message_free_unpacked(m, NULL);

    rq.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    rq.file_containing_symbol = "no.such.Symbol";
    assert_ok(cocos__rpc_send_pb(c, &rq.base, &err), err);
    assert_ok(cocos__rpc_recv_pb(c, &grpc__reflection__v1__server_reflection_response__descriptor,
                                 &m, &err),
              err);
    a = (Grpc__Reflection__V1__ServerReflectionResponse *)m;
    ck_assert_int_eq(
        a->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
    ck_assert_int_eq(a->error_response->error_code, 5);
    protobuf_c_message_free_unpacked(m, NULL);
    assert_ok(cocos__rpc_finish(c, &err), err);
    cocos__rpc_call_free(c);
    cocos__rpc_channel_close(ch);
    fixture_stop(&f);
}

START_TEST(reflects_by_both_versions)
{
    reflect("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    reflect("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
}
END_TEST

START_TEST(finds_files_by_name_and_by_symbol)
{
    static const char *const symbols[] = {
        "cocos.v1.Agent",     "cocos.v1.Agent.Upload",         "cocos.v1.UploadRequest",
        "cocos.v1.AssetKind", "cocos.v1.UploadRequest.header", "cocos.v1.UploadRequest.part",
    };
    static const char *const absent[] = {
        "",
        "cocos",
        "cocos.v1",
        "cocos.v1.",
        "cocos.v1.Agen",
        "cocos.v1.Agent.",
        "cocos.v1.Agents",
        "Agent",
        ".",
    };
    cocos__span file = cocos__descriptor_by_name("cocos/v1/agent.proto");

    ck_assert_ptr_nonnull(file.data);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(symbols); i++)
        ck_assert_ptr_eq(cocos__descriptor_by_symbol(symbols[i]).data, file.data);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(absent); i++)
        ck_assert_msg(!cocos__descriptor_by_symbol(absent[i]).data, "%s", absent[i]);
    ck_assert_ptr_nonnull(cocos__descriptor_by_name("google/protobuf/timestamp.proto").data);
    ck_assert_ptr_null(cocos__descriptor_by_name("cocos/v1/agent.prot").data);
}
END_TEST

TEST_MAIN(services,
          reports_health_of_known_services_only,
          tells_watchers_when_the_server_stops,
          lets_watchers_go,
          reflects_by_both_versions,
          finds_files_by_name_and_by_symbol)
