/* SPDX-License-Identifier: Apache-2.0 */
/* cocos agent describe and watch. */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

static const char *kind_name(int kind)
{
    return kind == COCOS_ASSET_ALGORITHM ? "algorithm"
           : kind == COCOS_ASSET_DATASET ? "dataset"
                                         : "requirements";
}

static json_t *assets_json(const cocos_agent_info *info)
{
    const cocos_manifest *m = cocos_agent_info_manifest(info);
    json_t *list = json_array();
    int kind, complete;
    uint32_t index;
    uint64_t size, received;

    for (size_t i = 0;
         cocos_agent_info_asset(info, i, &kind, &index, &size, &received, &complete) == COCOS_OK;
         i++) {
        json_t *o =
            json_pack("{s:s, s:I, s:I, s:b}", "kind", kind_name(kind), "index", (json_int_t)index,
                      "received", (json_int_t)received, "complete", complete);

        json_object_set_new(
            o, "size", size == COCOS_SIZE_UNKNOWN ? json_null() : json_integer((json_int_t)size));
        json_object_set_new(o, "name",
                            tool_json_text(m ? cocos_manifest_asset_name(m, kind, index) : ""));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *missing_json(const cocos_agent_info *info)
{
    json_t *list = json_array();

    for (size_t i = 0; i < cocos_agent_info_missing_count(info); i++)
        json_array_append_new(list, tool_json_text(cocos_agent_info_missing(info, i)));
    return list;
}

static json_t *info_json(const cocos_agent_info *info, const cocos_agent_conn *conn)
{
    char id[TOOL_HEX_SIZE], digest[TOOL_HEX_SIZE];
    const cocos_manifest *m = cocos_agent_info_manifest(info);
    TOOL_CLEANUP(cli_text_freep) char *text = NULL;
    TOOL_CLEANUP(cli_text_freep) char *verdict = NULL;

    tool_hex(id, cocos_agent_info_instance_id(info), 16);
    json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:b}", "instance_id", id, "state",
                          tool_json_text(cocos_agent_info_state(info)), "computation_id",
                          tool_json_text(cocos_agent_info_computation_id(info)), "version",
                          tool_json_text(cocos_agent_info_version(info)), "compat",
                          cocos_agent_info_compat(info));
    if (cocos_agent_info_manifest_digest(info))
        tool_hex(digest, cocos_agent_info_manifest_digest(info), COCOS_DIGEST_SIZE);
    json_object_set_new(o, "manifest_digest",
                        cocos_agent_info_manifest_digest(info) ? json_string(digest) : json_null());
    if (m && cocos_manifest_to_json(m, &text, NULL) == COCOS_OK)
        json_object_set_new(o, "manifest", json_loads(text, JSON_REJECT_DUPLICATES, NULL));
    if (m)
        json_object_set_new(o, "assets", assets_json(info));
    if (m)
        json_object_set_new(o, "approvals_missing", missing_json(info));
    if (cocos_agent_conn_verdict(conn) &&
        cocos_verdict_to_json(cocos_agent_conn_verdict(conn), &verdict, NULL) == COCOS_OK)
        json_object_set_new(o, "verdict", json_loads(verdict, 0, NULL));
    cli_mark_confidential(o, conn);
    return o;
}

/* `name: value` with foreign text made safe. */
static void print_row(tool *t, const char *name, const char *value)
{
    char clean[512];

    tool_clean(clean, sizeof clean, value);
    tool_print(t, "%-16s %s\n", name, clean);
}

static void print_assets(tool *t, const cocos_agent_info *info)
{
    const cocos_manifest *m = cocos_agent_info_manifest(info);
    int kind, complete;
    uint32_t index;
    uint64_t size, received;

    for (size_t i = 0; m && cocos_agent_info_asset(info, i, &kind, &index, &size, &received,
                                                   &complete) == COCOS_OK;
         i++) {
        char clean[300], have[32];

        tool_clean(clean, sizeof clean, cocos_manifest_asset_name(m, kind, index));
        tool_size_text(have, sizeof have, received);
        tool_print(t, "%-16s %" PRIu32 "  %s  %s\n", kind_name(kind), index, clean,
                   complete ? "complete" : have);
    }
}

static void print_info(tool *t, const cocos_agent_info *info)
{
    char hex[TOOL_HEX_SIZE];

    tool_hex(hex, cocos_agent_info_instance_id(info), 16);
    print_row(t, "state", cocos_agent_info_state(info));
    print_row(t, "computation", cocos_agent_info_computation_id(info));
    print_row(t, "instance", hex);
    print_row(t, "version", cocos_agent_info_version(info));
    if (cocos_agent_info_manifest_digest(info)) {
        tool_hex(hex, cocos_agent_info_manifest_digest(info), COCOS_DIGEST_SIZE);
        print_row(t, "manifest", hex);
    }
    if (cocos_agent_info_compat(info))
        print_row(t, "compat", "yes: old, weaker protocol");
    print_assets(t, info);
    for (size_t i = 0; i < cocos_agent_info_missing_count(info); i++)
        print_row(t, "waits for", cocos_agent_info_missing(info, i));
}

/* What it was trusted for: layer by layer, or with --verbose row by row. */
static int print_verdict(tool *t, const cocos_agent_conn *conn)
{
    TOOL_CLEANUP(cli_text_freep) char *table = NULL;
    const cocos_verdict *v = cocos_agent_conn_verdict(conn);
    cocos_error *err = NULL;

    if (!v)
        return 0;
    print_row(t, "evidence", cocos_verdict_simulated(v) ? "accepted, SIMULATED" : "accepted");
    for (size_t i = 0; i < cocos_verdict_row_count(v); i++) {
        const char *name = cocos_verdict_row_text(v, i, COCOS_ROW_NAME);
        if (strncmp(name, "coverage.", 9) == 0)
            print_row(t, name + 9, cocos_verdict_row_text(v, i, COCOS_ROW_EXPECTED));
    }
    if (!t->verbose)
        return 0;
    if (cocos_verdict_to_table(v, &table, &err) < 0)
        return tool_fail_error(t, err);
    tool_print(t, "\n%s", table);
    return 0;
}

int cli_agent_describe(tool *t)
{
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    TOOL_CLEANUP(cli_conn_closep) cocos_agent_conn *conn = NULL;
    TOOL_CLEANUP(cli_info_freep) cocos_agent_info *info = NULL;
    cocos_error *err = NULL;
    int64_t deadline;
    int code = 0;

    if (t->args->n_operands > 0)
        code = cli_key_open(t, t->args->operands[0], 1, &key);
    if (code != 0 || (code = cli_agent_connect(t, &conn)) != 0 ||
        (code = cli_deadline(t, "agent_grpc_timeout", &deadline)) != 0)
        return code;

    cli_say_confidential(t, conn);
    if (cocos_agent_describe(conn, key, deadline, t->cancel, &info, &err) < 0)
        return tool_fail_error(t, err);
    if (t->json) {
        tool_emit(t, info_json(info, conn));
        return 0;
    }
    print_info(t, info);
    return print_verdict(t, conn);
}

typedef struct watcher {
    tool *t;
    const char *until;
    int reached;
    int failed; /* and so it never will be */
} watcher;

static int on_event(void *user,
                    uint64_t sequence,
                    int64_t time_ns,
                    const char *state,
                    const char *what,
                    uint64_t bytes,
                    int ok,
                    uint64_t lost)
{
    watcher *w = user;
    char clean[2][256];

    if (w->t->json) {
        tool_emit_line(w->t,
                       json_pack("{s:I, s:I, s:o, s:o, s:I, s:b, s:I}", "sequence",
                                 (json_int_t)sequence, "time_ns", (json_int_t)time_ns, "state",
                                 tool_json_text(state), "what", tool_json_text(what), "bytes",
                                 (json_int_t)bytes, "ok", ok, "lost", (json_int_t)lost));
    } else {
        tool_clean(clean[0], sizeof clean[0], state);
        tool_clean(clean[1], sizeof clean[1], what);
        if (lost)
            tool_warn(w->t, "%" PRIu64 " events were lost before this one", lost);
        tool_print(w->t, "%6" PRIu64 "  %-20s %s%s", sequence, clean[0], clean[1],
                   ok ? "" : " (failed)");
        if (bytes)
            tool_print(w->t, "  %" PRIu64 " bytes", bytes);
        tool_print(w->t, "\n");
        fflush(stdout);
    }
    w->reached = w->until && strcmp(w->until, state) == 0;
    w->failed = w->until && !w->reached && strcmp(state, "Failed") == 0;
    return w->reached || w->failed || ferror(stdout);
}

int cli_agent_watch(tool *t)
{
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    TOOL_CLEANUP(cli_conn_closep) cocos_agent_conn *conn = NULL;
    const char *since = tool_args_get(t->args, "since");
    watcher w = {.t = t, .until = tool_args_get(t->args, "until")};
    cocos_error *err = NULL;
    uint64_t first = 0;
    int code;

    if (since && tool_number_parse(since, UINT64_MAX, &first) < 0)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                         "--since is the number of an event, not '%s'", since);
    if ((code = cli_key_open(t, t->args->operands[0], 1, &key)) != 0 ||
        (code = cli_agent_connect(t, &conn)) != 0 || (code = cli_manifest_confirm(t, conn)) != 0)
        return code;

    cli_say_confidential(t, conn);
    if (cocos_agent_watch(conn, key, first, on_event, &w, t->deadline_ns, t->cancel, &err) < 0)
        return tool_fail_error(t, err);
    if (w.failed)
        return tool_fail(t, COCOS_ERR_STATE, "job.failed",
                         "the computation has failed and does not get to %s", w.until);
    return 0;
}
