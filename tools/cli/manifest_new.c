/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cocos manifest new: options to the JSON form, which the library then completes (digests, sizes),
 * checks and normalises, so that what is written is exactly what 'manifest check' accepts.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static void set_text(json_t *o, const char *name, const char *value)
{
    if (value)
        json_object_set_new(o, name, json_string(value));
}

/* The public half of a key file as PEM text. */
static int set_key(tool *t, json_t *o, const char *path)
{
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    TOOL_CLEANUP(cli_text_freep) char *pem = NULL;
    cocos_error *err = NULL;
    int code = cli_key_open(t, path, 0, &key);

    if (code != 0)
        return code;
    if (cocos_key_to_pem(key, 0, &pem, &err) < 0)
        return tool_fail_error(t, err);
    set_text(o, "user_key", pem);
    return 0;
}

static int set_hash(tool *t, json_t *o, const char *path)
{
    uint8_t digest[COCOS_DIGEST_SIZE];
    char hex[TOOL_HEX_SIZE];
    cocos_error *err = NULL;
    uint64_t size;

    if (cocos_checksum(path, digest, &size, t->cancel, &err) < 0)
        return tool_fail_error(t, err);
    tool_hex(hex, digest, COCOS_DIGEST_SIZE);
    set_text(o, "hash", hex);
    json_object_set_new(o, "size", json_integer((json_int_t)size));
    return 0;
}

static const char *last_part(const char *path, char *buf, size_t cap)
{
    snprintf(buf, cap, "%s", path);
    for (size_t len = strlen(buf); len > 1 && buf[len - 1] == '/'; len--)
        buf[len - 1] = '\0';
    const char *slash = strrchr(buf, '/');
    return slash ? slash + 1 : buf;
}

static int algorithm(tool *t, json_t *manifest)
{
    const char *file = tool_args_get(t->args, "algorithm");
    const char *key = tool_args_get(t->args, "algorithm-key");
    const char *requirements = tool_args_get(t->args, "requirements");
    const char *type = tool_args_get(t->args, "algo-type");
    json_t *o = json_object();
    int code;

    json_object_set_new(manifest, "algorithm", o);
    if (!file || !key)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--algorithm and --algorithm-key are needed");
    if ((code = set_hash(t, o, file)) != 0 || (code = set_key(t, o, key)) != 0)
        return code;
    set_text(o, "algo_type", type ? type : "bin");
    if (tool_args_count(t->args, "args")) {
        json_t *list = json_array();
        json_object_set_new(o, "algo_args", list);
        for (size_t i = 0; i < tool_args_count(t->args, "args"); i++)
            json_array_append_new(list, json_string(tool_args_at(t->args, "args", i)));
    }
    if (requirements) {
        json_t *r = json_object();
        json_object_set_new(o, "requirements", r);
        code = set_hash(t, r, requirements);
        json_object_del(r, "size"); /* the form has no size here */
    }
    return code;
}

static int dataset(tool *t, json_t *list, const char *path, const char *key)
{
    char buf[4096];
    const char *name = last_part(path, buf, sizeof buf);
    json_t *o = json_object();
    int code;

    json_array_append_new(list, o);
    set_text(o, "filename", name);
    if ((code = set_hash(t, o, path)) != 0 || (code = set_key(t, o, key)) != 0)
        return code;
    for (size_t i = 0; i < tool_args_count(t->args, "decompress"); i++) {
        if (strcmp(tool_args_at(t->args, "decompress", i), name) == 0)
            json_object_set_new(o, "decompress", json_true());
    }
    return 0;
}

static int datasets(tool *t, json_t *manifest)
{
    size_t n = tool_args_count(t->args, "data"), keys = tool_args_count(t->args, "data-key");
    json_t *list = json_array();
    int code = 0;

    json_object_set_new(manifest, "datasets", list);
    if (keys != n && !(keys == 1 && n > 0))
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "%zu --data need as many --data-key or one for all, not %zu", n, keys);
    for (size_t i = 0; i < n && code == 0; i++)
        code = dataset(t, list, tool_args_at(t->args, "data", i),
                       tool_args_at(t->args, "data-key", keys == 1 ? 0 : i));
    return code;
}

static int consumers(tool *t, json_t *manifest)
{
    json_t *list = json_array();
    int code = 0;

    json_object_set_new(manifest, "result_consumers", list);
    for (size_t i = 0; i < tool_args_count(t->args, "consumer") && code == 0; i++) {
        json_t *o = json_object();

        json_array_append_new(list, o);
        code = set_key(t, o, tool_args_at(t->args, "consumer", i));
    }
    return code;
}

static int job(tool *t, json_t *manifest)
{
    const char *processes = tool_args_get(t->args, "processes");
    const char *cpu = tool_args_get(t->args, "cpu");
    json_t *o = json_object();
    uint64_t n;
    char *end;

    set_text(o, "output", tool_args_get(t->args, "job-output"));
    set_text(o, "memory", tool_args_get(t->args, "memory"));
    set_text(o, "disk", tool_args_get(t->args, "disk"));
    set_text(o, "deadline", tool_args_get(t->args, "deadline"));
    if (processes && tool_number_parse(processes, INT32_MAX, &n) == 0)
        json_object_set_new(o, "processes", json_integer((json_int_t)n));
    else if (processes)
        set_text(o, "processes", processes);
    if (cpu && tool_number_parse(cpu, INT32_MAX, &n) == 0) {
        json_object_set_new(o, "cpu", json_integer((json_int_t)n));
    } else if (cpu) {
        double cores = strtod(cpu, &end);
        json_object_set_new(o, "cpu", *end || end == cpu ? json_string(cpu) : json_real(cores));
    }
    if (json_object_size(o) > 0)
        json_object_set(manifest, "job", o);
    json_decref(o);
    return 0;
}

/* Who must sign before the job starts: roles, or thumbprints of keys. */
static void approvals(tool *t, json_t *manifest)
{
    size_t n = tool_args_count(t->args, "approval");
    json_t *list = n ? json_array() : NULL;

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(tool_args_at(t->args, "approval", i)));
    if (list)
        json_object_set_new(manifest, "approvals", list);
    if (tool_args_count(t->args, "attested-tls"))
        json_object_set_new(manifest, "agent_config", json_pack("{s:b}", "attested_tls", 1));
}

static void random_id(char id[33])
{
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort(); /* a kernel without random numbers */
    tool_hex(id, bytes, sizeof bytes);
}

static int write_manifest(tool *t, const char *text, const cocos_manifest *m)
{
    const char *path = tool_args_get(t->args, "output");
    char hex[TOOL_HEX_SIZE];

    tool_hex(hex, cocos_manifest_digest(m), COCOS_DIGEST_SIZE);
    if (path) {
        FILE *f = fopen(path, "we");
        int bad = !f || fputs(text, f) < 0;

        bad |= f && fclose(f) != 0;
        if (bad)
            return tool_fail(t, COCOS_ERR_IO, "io.write", "%s: %s", path, strerror(errno));
    }
    if (t->json)
        tool_emit(t, json_pack("{s:s, s:o}", "digest", hex, "manifest",
                               json_loads(text, JSON_REJECT_DUPLICATES, NULL)));
    else if (!path)
        tool_print(t, "%s", text);
    tool_say(t, "manifest digest %s", hex);
    return 0;
}

int cli_manifest_new(tool *t)
{
    TOOL_CLEANUP(tool_json_freep) json_t *o = json_object();
    TOOL_CLEANUP(cli_manifest_freep) cocos_manifest *m = NULL;
    TOOL_CLEANUP(cli_text_freep) char *normal = NULL;
    const char *id = tool_args_get(t->args, "id");
    cocos_error *err = NULL;
    char made[33];
    int code;

    random_id(made);
    json_object_set_new(o, "version", json_integer(1));
    set_text(o, "id", id ? id : made);
    set_text(o, "name", tool_args_get(t->args, "name"));
    set_text(o, "description", tool_args_get(t->args, "description"));
    if ((code = tool_stop_start(t)) != 0 || (code = algorithm(t, o)) != 0 ||
        (code = datasets(t, o)) != 0 || (code = consumers(t, o)) != 0 || (code = job(t, o)) != 0)
        return code;
    approvals(t, o);

    TOOL_CLEANUP(tool_free_text) char *text = json_dumps(o, JSON_COMPACT);
    if (!text)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.value",
                         "an option holds text that is not UTF-8");
    if (cocos_manifest_from_json(text, strlen(text), NULL, &m, &err) < 0 ||
        cocos_manifest_to_json(m, &normal, &err) < 0)
        return tool_fail_error(t, err);
    return write_manifest(t, normal, m);
}
