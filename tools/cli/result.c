/* SPDX-License-Identifier: Apache-2.0 */
/* cocos result: fetch, check, then let the file appear under its name. */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NONCE_LEN 16

static int report(
    tool *t, const cocos_agent_conn *conn, const char *path, const char *case_path, uint64_t size)
{
    TOOL_CLEANUP(tool_free_text) char *whole = realpath(path, NULL);
    const char *shown = whole ? whole : path;

    if (t->json) {
        json_t *o =
            json_pack("{s:o, s:I}", "path", tool_json_text(shown), "size", (json_int_t)size);
        if (case_path)
            json_object_set_new(o, "case", tool_json_text(case_path));
        cli_mark_confidential(o, conn);
        tool_emit(t, o);
        return 0;
    }
    tool_say(t, "Computation result retrieved and saved successfully!");
    tool_print(t, "%s\n", shown);
    return 0;
}

/* The statement will carry it: this consumer asked, and for this case file. */
static void set_nonce(cocos_agent_conn *conn)
{
    uint8_t nonce[NONCE_LEN];

    if (getrandom(nonce, sizeof nonce, 0) == NONCE_LEN)
        cocos_agent_conn_set_consumer_nonce(conn, nonce, sizeof nonce);
}

int cli_result(tool *t)
{
    const char *case_path = tool_args_get(t->args, "case");
    const char *dir = tool_args_get(t->args, "output-dir");
    const char *name = tool_args_get(t->args, "filename");
    const char *part = tool_args_get(t->args, "part");
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    TOOL_CLEANUP(cli_conn_closep) cocos_agent_conn *conn = NULL;
    char path[PATH_MAX];
    cocos_error *err = NULL;
    tool_progress progress;
    uint64_t size = 0;
    int code;

    int n = snprintf(path, sizeof path, "%s/%s", dir ? dir : ".", name ? name : "results.zip");
    if (n < 0 || (size_t)n >= sizeof path)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                         "directory and file name are too long");
    if ((code = cli_key_open(t, t->args->operands[0], 1, &key)) != 0 ||
        (code = cli_agent_connect(t, &conn)) != 0 || (code = cli_manifest_confirm(t, conn)) != 0)
        return code;

    cli_say_confidential(t, conn);
    if (case_path)
        set_nonce(conn);
    tool_say(t, "Retrieving computation result file");
    tool_progress_start(&progress, t, "Downloading");
    int r = cocos_agent_download(conn, part && strcmp(part, "output") == 0, path, key,
                                 tool_progress_update, &progress, t->deadline_ns, t->cancel, &size,
                                 &err);
    tool_progress_end(&progress);
    if (r < 0)
        return tool_fail_error(t, err);
    code = case_path ? cli_case_fetch(t, conn, key, case_path) : 0;
    return code ? code : report(t, conn, path, case_path, size);
}
