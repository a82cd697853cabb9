/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "agent/environment.h"

static int parse(const char *text, cocos__environment *env, cocos_error **err)
{
    return cocos__environment_parse((const uint8_t *)text, strlen(text), env, err);
}

START_TEST(takes_what_a_manager_writes)
{
    cocos__environment env;
    cocos_error *err = NULL;

    assert_ok(
        parse(
            "AGENT_LOG_LEVEL=info\nAGENT_CVM_GRPC_URL=10.0.2.2:7001\nAGENT_CVM_ID=vm-1\n"
            "AGENT_CERTS_TOKEN=\nAGENT_CVM_CA_URL=\nAGENT_CVM_GRPC_CLIENT_CERT=/etc/certs/cert.pem\n"
            "AGENT_CVM_GRPC_CLIENT_KEY=/etc/certs/key.pem\n"
            "AGENT_CVM_GRPC_SERVER_CA_CERTS=/etc/certs/ca.pem\nAWS_REGION=eu\nAWS_X=y\n",
            &env, &err),
        err);
    ck_assert_str_eq(env.log_level, "info");
    ck_assert_str_eq(env.cvms_url, "10.0.2.2:7001");
    ck_assert_str_eq(env.cvm_id, "vm-1");
    ck_assert(env.client_cert && env.client_key && env.server_ca);
    ck_assert_uint_eq(env.ignored, 4);
}
END_TEST

START_TEST(takes_an_empty_file_and_a_last_line_without_newline)
{
    cocos__environment env;
    cocos_error *err = NULL;

    assert_ok(cocos__environment_parse(NULL, 0, &env, &err), err);
    ck_assert_str_eq(env.cvms_url, "");
    assert_ok(parse("\nAGENT_CVM_ID=a=b", &env, &err), err);
    ck_assert_str_eq(env.cvm_id, "a=b");
}
END_TEST

START_TEST(names_the_name_that_stops_the_boot)
{
    static const char *const names[] = {"LD_PRELOAD",   "AGENT_VMPL",    "PATH",
                                        "agent_cvm_id", "AGENT_CVM_ID ", "AWS_"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++) {
        char text[64];
        cocos__environment env;
        cocos_error *err = NULL;
        snprintf(text, sizeof text, "AGENT_CVM_ID=x\n%s=1\n", names[i]);
        ck_assert_int_eq(parse(text, &env, &err), COCOS_ERR_MALFORMED);
        ck_assert_str_eq(cocos_error_code(err), "environment.name");
        ck_assert_ptr_nonnull(strstr(cocos_error_message(err), names[i]));
        cocos_error_free(err);
    }
}
END_TEST

START_TEST(refuses_what_is_not_printable_or_too_long)
{
    static const char *const texts[] = {"AGENT_CVM_ID=a\tb\n", "AGENT_CVM_ID=\x1b[2J",
                                        "AGENT_CVM_ID=a\r\n", "AGENT_CVM_ID=\xc3\xa4"};
    cocos__environment env;
    cocos_error *err = NULL;
    char longer[32 + 1025];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(texts); i++)
        assert_fails(parse(texts[i], &env, &err), COCOS_ERR_MALFORMED, "environment.value", err);

    memset(longer, 'x', sizeof longer);
    memcpy(longer, "AGENT_CVM_ID=", 13);
    assert_ok(cocos__environment_parse((uint8_t *)longer, 13 + 1024, &env, &err), err);
    ck_assert_uint_eq(strlen(env.cvm_id), 1024);
    assert_fails(cocos__environment_parse((uint8_t *)longer, 13 + 1025, &env, &err),
                 COCOS_ERR_MALFORMED, "environment.value", err);
    assert_fails(cocos__environment_parse((const uint8_t *)"AGENT_CVM_ID=a\0b", 16, &env, &err),
                 COCOS_ERR_MALFORMED, "environment.value", err);
}
END_TEST

START_TEST(refuses_other_paths_lines_without_equals_and_doubles)
{
    cocos__environment env;
    cocos_error *err = NULL;

    assert_fails(parse("AGENT_CVM_GRPC_CLIENT_KEY=/etc/passwd\n", &env, &err), COCOS_ERR_MALFORMED,
                 "environment.value", err);
    assert_fails(parse("AGENT_CVM_GRPC_CLIENT_KEY=\n", &env, &err), COCOS_ERR_MALFORMED,
                 "environment.value", err);
    assert_fails(parse("AGENT_CVM_ID\n", &env, &err), COCOS_ERR_MALFORMED, "environment.line", err);
    assert_fails(parse("AGENT_CVM_ID=a\nAGENT_CVM_ID=b\n", &env, &err), COCOS_ERR_MALFORMED,
                 "environment.name", err);
    assert_fails(parse("=x\n", &env, &err), COCOS_ERR_MALFORMED, "environment.name", err);
}
END_TEST

START_TEST(never_repeats_a_hostile_name)
{
    cocos__environment env;
    cocos_error *err = NULL;

    ck_assert_int_eq(parse("\x1b]0;evil\x07=1\n", &env, &err), COCOS_ERR_MALFORMED);
    ck_assert_ptr_null(strstr(cocos_error_message(err), "evil"));
    cocos_error_free(err);
}
END_TEST

TEST_MAIN(environment,
          takes_what_a_manager_writes,
          takes_an_empty_file_and_a_last_line_without_newline,
          names_the_name_that_stops_the_boot,
          refuses_what_is_not_printable_or_too_long,
          refuses_other_paths_lines_without_equals_and_doubles,
          never_repeats_a_hostile_name)
