/* SPDX-License-Identifier: Apache-2.0 */
/* cocos agent approve: brings what was signed offline. */
#include "cli.h"

#include <cocos/case.h>

#define APPROVAL_MAX (64 * 1024)

CLI_FREEP(approval_freep, cocos_approval, cocos_approval_free)

static int open_approval(tool *t, const char *path, cocos_approval **ret)
{
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(cli_text_freep) char *data = tool_read_file(t, path, APPROVAL_MAX, &len, &code);

    if (!data)
        return code;
    if (cocos_approval_parse((const uint8_t *)data, len, ret, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

int cli_agent_approve(tool *t)
{
    TOOL_CLEANUP(approval_freep) cocos_approval *approval = NULL;
    TOOL_CLEANUP(cli_conn_closep) cocos_agent_conn *conn = NULL;
    cocos_error *err = NULL;
    size_t missing = 0;
    int64_t deadline;
    int code;

    if ((code = open_approval(t, t->args->operands[0], &approval)) != 0 ||
        (code = cli_agent_connect(t, &conn)) != 0 ||
        (code = cli_deadline(t, "agent_grpc_timeout", &deadline)) != 0)
        return code;
    if (cocos_agent_approve(conn, approval, deadline, t->cancel, &missing, &err) < 0)
        return tool_fail_error(t, err);
    if (t->json)
        tool_emit(t, json_pack("{s:b, s:I}", "withdrawal", cocos_approval_is_withdrawal(approval),
                               "missing", (json_int_t)missing));
    else
        tool_print(t, "%s taken; %zu signatures are missing\n",
                   cocos_approval_is_withdrawal(approval) ? "withdrawal" : "approval", missing);
    return 0;
}
