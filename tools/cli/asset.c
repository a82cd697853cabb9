/* SPDX-License-Identifier: Apache-2.0 */
/* cocos algo and cocos data: find the asset in the manifest, compare, then send. Nothing leaves
 * before its digest fits. */
#include "cli.h"

#include <string.h>

/* One file on its way into an agent. */
typedef struct parcel {
    const char *path;
    int kind;
    uint32_t index;
    const char *label;
    uint8_t digest[COCOS_DIGEST_SIZE];
    uint64_t size;
} parcel;

typedef struct session {
    cocos_key *key;
    cocos_agent_conn *conn;
    cocos_agent_info *info;
    const cocos_manifest *manifest; /* of info */
} session;

static void session_done(session *s)
{
    cocos_agent_info_free(s->info);
    cocos_agent_conn_close(s->conn);
    cocos_key_free(s->key);
}

static int digest_parcel(tool *t, parcel *p)
{
    cocos_error *err = NULL;

    tool_detail(t, "reading %s", p->path);
    if (cocos_checksum(p->path, p->digest, &p->size, t->cancel, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

static int session_open(tool *t, session *s)
{
    cocos_error *err = NULL;
    int64_t deadline;
    int code = cli_agent_connect(t, &s->conn);

    if (code == 0)
        code = cli_manifest_confirm(t, s->conn);
    if (code == 0)
        code = cli_deadline(t, "agent_grpc_timeout", &deadline);
    if (code != 0)
        return code;
    if (cocos_agent_describe(s->conn, s->key, deadline, t->cancel, &s->info, &err) < 0)
        return tool_fail_error(t, err);

    s->manifest = cocos_agent_info_manifest(s->info);
    if (!s->manifest)
        return tool_fail(t, COCOS_ERR_STATE, "agent.manifest.none",
                         "the agent shows no manifest to this key; its state is %s",
                         cocos_agent_info_state(s->info));
    return 0;
}

/* The bytes must be those that all parties agreed on. */
static int compare_digest(tool *t, const session *s, const parcel *p)
{
    const uint8_t *expected = cocos_manifest_asset_digest(s->manifest, p->kind, p->index);
    char want[TOOL_HEX_SIZE] = "none", have[TOOL_HEX_SIZE];

    if (expected && memcmp(expected, p->digest, COCOS_DIGEST_SIZE) == 0)
        return 0;
    if (expected)
        tool_hex(want, expected, COCOS_DIGEST_SIZE);
    tool_hex(have, p->digest, COCOS_DIGEST_SIZE);
    return tool_report(
        t, &(tool_problem){.status = COCOS_ERR_MALFORMED,
                           .code = "asset.digest",
                           .message = "this is not what the manifest names; nothing was sent",
                           .check = "digest",
                           .expected = want,
                           .found = have});
}

static int send_parcel(tool *t, const session *s, const parcel *p)
{
    TOOL_CLEANUP(cli_upload_freep) cocos_upload *u = NULL;
    cocos_error *err = NULL;
    tool_progress progress;

    tool_say(t, "Uploading %s: %s", p->label, p->path);
    if (cocos_upload_new(p->kind, p->index, &u, &err) < 0 ||
        cocos_upload_set_path(u, p->path, &err) < 0)
        return tool_fail_error(t, err);

    tool_progress_start(&progress, t, "Uploading");
    cocos_upload_set_digest(u, p->digest);
    cocos_upload_set_progress(u, tool_progress_update, &progress);
    int r = cocos_agent_upload(s->conn, u, s->key, t->deadline_ns, t->cancel, &err);
    tool_progress_end(&progress);
    if (r < 0)
        return tool_fail_error(t, err);
    tool_say(t, "Successfully uploaded %s!", p->label);
    return 0;
}

static int report_sent(tool *t, const session *s, const parcel *p)
{
    char hex[TOOL_HEX_SIZE];

    if (!t->json)
        return 0;
    tool_hex(hex, p->digest, COCOS_DIGEST_SIZE);
    json_t *o = json_pack("{s:s, s:I, s:o, s:s, s:I, s:o}", "uploaded", p->label, "index",
                          (json_int_t)p->index, "name",
                          tool_json_text(cocos_manifest_asset_name(s->manifest, p->kind, p->index)),
                          "digest", hex, "size", (json_int_t)p->size, "computation_id",
                          tool_json_text(cocos_manifest_id(s->manifest)));
    cli_mark_confidential(o, s->conn);
    tool_emit(t, o);
    return 0;
}

/* -a and --args say what the owner believes; another manifest must not get the algorithm. */
static int compare_algorithm(tool *t, const session *s)
{
    const char *type = tool_args_get(t->args, "algorithm");
    size_t given = tool_args_count(t->args, "args");
    size_t stated = cocos_manifest_algo_arg_count(s->manifest);
    tool_problem p = {.status = COCOS_ERR_USAGE,
                      .hint = "see the manifest with 'cocos agent describe KEY'"};

    if (type && strcmp(type, cocos_manifest_algo_type(s->manifest)) != 0) {
        p.code = p.check = "algo.type";
        p.message = "-a is not the kind of algorithm that the manifest states; nothing was sent";
        p.expected = cocos_manifest_algo_type(s->manifest);
        p.found = type;
        return tool_report(t, &p);
    }
    p.code = p.check = "algo.args";
    p.message = "--args are not the arguments that the manifest states; nothing was sent";
    for (size_t i = 0; given > 0 && (i < given || i < stated); i++) {
        p.expected = i < stated ? cocos_manifest_algo_arg(s->manifest, i) : "no further argument";
        p.found = i < given ? tool_args_at(t->args, "args", i) : "no further argument";
        if (i >= stated || i >= given || strcmp(p.expected, p.found) != 0)
            return tool_report(t, &p);
    }
    return 0;
}

static int algo(tool *t, session *s)
{
    parcel file = {
        .path = t->args->operands[0], .kind = COCOS_ASSET_ALGORITHM, .label = "algorithm"};
    parcel requirements = {.path = tool_args_get(t->args, "requirements"),
                           .kind = COCOS_ASSET_REQUIREMENTS,
                           .label = "requirements"};
    int code;

    if ((code = cli_key_open(t, t->args->operands[1], 1, &s->key)) != 0 ||
        (code = tool_stop_start(t)) != 0 || (code = digest_parcel(t, &file)) != 0 ||
        (requirements.path && (code = digest_parcel(t, &requirements)) != 0) ||
        (code = session_open(t, s)) != 0 || (code = compare_algorithm(t, s)) != 0 ||
        (code = compare_digest(t, s, &file)) != 0 ||
        (requirements.path && (code = compare_digest(t, s, &requirements)) != 0))
        return code;

    cli_say_confidential(t, s->conn);
    if ((code = send_parcel(t, s, &file)) != 0 ||
        (requirements.path && (code = send_parcel(t, s, &requirements)) != 0))
        return code;
    return report_sent(t, s, &file);
}

int cli_algo(tool *t)
{
    TOOL_CLEANUP(session_done) session s = {0};

    return algo(t, &s);
}

static int find_dataset(tool *t, const session *s, parcel *p)
{
    const char *index = tool_args_get(t->args, "index");
    size_t count = cocos_manifest_asset_count(s->manifest, COCOS_ASSET_DATASET);
    cocos_error *err = NULL;
    uint64_t n;

    if (index) {
        if (tool_number_parse(index, UINT32_MAX, &n) < 0 || n >= count)
            return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                             "--index %s: the manifest has %zu data set(s), numbered from 0", index,
                             count);
        p->index = (uint32_t)n;
        return 0;
    }
    if (cocos_manifest_find_dataset(s->manifest, p->digest, s->key, p->path, &p->index, &err) < 0)
        return tool_fail_error(t, err);
    return 0;
}

static int compare_decompress(tool *t, const session *s, const parcel *p)
{
    if (!tool_args_count(t->args, "decompress") ||
        cocos_manifest_dataset_decompress(s->manifest, p->index))
        return 0;
    return tool_report(
        t,
        &(tool_problem){
            .status = COCOS_ERR_USAGE,
            .code = "data.decompress",
            .message =
                "-d was given, but the manifest does not have this data set unpacked; nothing was sent",
            .check = "decompress",
            .expected = "true in the manifest",
            .found = "false"});
}

static int data(tool *t, session *s)
{
    parcel p = {.path = t->args->operands[0], .kind = COCOS_ASSET_DATASET, .label = "dataset"};
    int code;

    if ((code = cli_key_open(t, t->args->operands[1], 1, &s->key)) != 0 ||
        (code = tool_stop_start(t)) != 0 || (code = digest_parcel(t, &p)) != 0 ||
        (code = session_open(t, s)) != 0 || (code = find_dataset(t, s, &p)) != 0 ||
        (code = compare_digest(t, s, &p)) != 0 || (code = compare_decompress(t, s, &p)) != 0)
        return code;

    cli_say_confidential(t, s->conn);
    code = send_parcel(t, s, &p);
    return code ? code : report_sent(t, s, &p);
}

int cli_data(tool *t)
{
    TOOL_CLEANUP(session_done) session s = {0};

    return data(t, &s);
}
